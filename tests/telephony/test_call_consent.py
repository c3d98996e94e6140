"""Whether a call may be recorded: who is asked what, how they answer, and what follows."""

from typing import Self, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    Answer,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    Dismiss,
    EngineReady,
    ResponseStarted,
    Say,
    ToolCalled,
)
from telephony.call.commands import EndCall, PlaceMark, PlayAudio, Record, RunTool
from telephony.call.config import BargeIn, Claimable, ConsentMode, ConsentTerms, Resumed, TurnTaking
from telephony.call.disclosure import version_of
from telephony.call.events import (
    DtmfPressed,
    HangUpAsked,
    MarkEchoed,
    StreamLost,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.transcripts.entry import (
    Agreement,
    ConsentLine,
    DisclosureLine,
    EndLine,
    ToolLine,
)
from tests.telephony.script import CAPABILITIES, Script, seconds

LAW = "You speak with an automated assistant."
QUESTION = "May I record this call?"
CLIP = b"\x11" * 8_000
NOT = "All right, it is not recorded."
TERMS = ConsentTerms(words=QUESTION, ulaw=CLIP, refused=NOT, yes=("ja gerne",), no=("auf keinen",))
CONFIRMED = TurnTaking(barge_in=BargeIn.CONFIRMED)
ASKS = msgspec.structs.replace(CAPABILITIES, cancels_on_speech=False, answers_on_request=True)


Wanted = TypeVar("Wanted")


class Asked(Script):
    """A call that may not be recorded unless its caller agrees."""

    def __init__(
        self, terms: ConsentTerms = TERMS, law: str = "", *, by_itself: bool = False
    ) -> None:
        super().__init__(CAPABILITIES if by_itself else ASKS)
        persona = msgspec.structs.replace(self.config.persona, disclosure=law)
        claims = (Claimable("book", ("booked",)), Claimable("look", (), writes=False))
        self.rebuilt(persona=persona, consent=terms, claimable=claims)

    def rebuilt(self, **changes: object) -> Self:
        self.config = msgspec.structs.replace(self.config, **changes)
        self.call = Call(self.config)
        return self

    def ready(self) -> Self:
        self.when(StreamStarted("MZ1"), PlaceMark("0:0:0"))
        return self.echoes("0:0:0").happens(EngineReady("s1"))

    def asked(self) -> Self:
        """The question was heard to its end."""
        return self.ready().wait(1.0).heard()

    def heard(self) -> Self:
        return self.echoes(*self.marks())

    def says(self, text: str, item: str = "u1", *, failed: bool = False) -> Self:
        at_ms = round(self.now * 1000)
        self.happens(CallerSpeechStarted(item, at_ms)).wait(0.4)
        self.happens(CallerSpeechStopped(item, at_ms + 400)).wait(0.2)
        return self.happens(CallerTranscript(item, text, failed=failed))

    def answers(self) -> list[ConsentLine]:
        return self.entries(ConsentLine)

    def of(self, kind: type[Wanted]) -> list[Wanted]:
        return [command for command in self.said if isinstance(command, kind)]

    @property
    def clips(self) -> int:
        """How often the question was sent."""
        sent = [each.ulaw for each in self.said if isinstance(each, PlayAudio)]
        return sum(len(ulaw) for ulaw in sent if ulaw[:1] == CLIP[:1]) // len(CLIP)


def test_who_agrees_is_greeted_and_it_is_written_down_with_time_and_wording() -> None:
    story = Asked().asked()
    assert not story.of(Say)
    story.says("yes please")
    line = story.answers()[0]
    assert (line.answer, line.by, line.asked) == (Agreement.GRANTED, "voice", 1)
    assert len(line.version) == 12
    assert line.at_ms == 1600
    assert story.of(Say) == [Say("Hello.")]
    assert story.of(Dismiss) == [Dismiss("u1")]
    assert not story.of(Answer)
    story.says("I want to book", "u2")
    assert story.of(Answer) == [Answer("u2")]


def test_requirement_d4_who_refuses_is_served_all_the_same() -> None:
    story = Asked().asked().says("no, thank you")
    assert story.answers()[0].answer is Agreement.REFUSED
    assert story.of(Say) == [Say(NOT), Say("Hello.")]
    assert story.says("I want to book", "u2").of(Answer) == [Answer("u2")]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Yes.", Agreement.GRANTED),
        ("okay", Agreement.GRANTED),
        ("sure, go ahead", Agreement.GRANTED),
        ("ja gerne", Agreement.GRANTED),
        ("No.", Agreement.REFUSED),
        ("I'd rather not", Agreement.REFUSED),
        ("please don't record me", Agreement.REFUSED),
        ("auf keinen fall", Agreement.REFUSED),
    ],
)
def test_an_answer_is_read_here_and_not_by_the_model(said: str, answer: Agreement) -> None:
    assert [line.answer for line in Asked().asked().says(said).answers()] == [answer]


def test_a_yes_from_before_the_question_is_no_answer_to_it() -> None:
    """Said while the engine was not ready yet, and heard by it then."""
    story = Asked()
    story.when(StreamStarted("MZ1"), PlaceMark("0:0:0"))
    story.echoes("0:0:0").wait(0.8).happens(EngineReady("s1")).wait(0.05)
    story.happens(CallerSpeechStarted("u1", 200)).wait(0.02)
    story.happens(CallerSpeechStopped("u1", 700)).wait(1.2).heard()
    story.happens(CallerTranscript("u1", "Yes, hello?"))
    assert (story.answers(), story.clips) == ([], 1), "nor an unclear one"
    assert story.says("yes", "u2").answers()[0].answer is Agreement.GRANTED


@pytest.mark.parametrize(("key", "answer"), [("1", "granted"), ("2", "refused")])
def test_a_key_answers_even_into_the_question(key: str, answer: str) -> None:
    story = Asked().ready().wait(0.3).happens(DtmfPressed(key))
    assert [(line.answer.value, line.by) for line in story.answers()] == [(answer, "key")]
    assert Say("Hello.") in story.said


def test_a_yes_into_the_question_is_not_answered_by_the_model_as_well() -> None:
    story = Asked().rebuilt(turn_taking=CONFIRMED).ready().wait(0.5).says("yes")
    assert [line.answer for line in story.answers()] == [Agreement.GRANTED]
    assert (story.of(Answer), story.of(Say)) == ([], [Say("Hello.")])


def test_another_key_is_no_answer() -> None:
    assert not Asked().asked().happens(DtmfPressed("5")).answers()


def test_what_is_unclear_is_asked_once_more_and_then_taken_for_a_no() -> None:
    story = Asked().asked().says("who is there")
    assert (story.clips, story.answers()) == (2, [])
    story.wait(1.0).heard().says("what is this", "u2")
    assert [(line.answer, line.asked) for line in story.answers()] == [(Agreement.UNANSWERED, 2)]
    assert story.of(Say) == [Say(NOT), Say("Hello.")]


def test_words_nobody_could_make_out_are_waited_for_and_asked_again() -> None:
    story = Asked().asked().says("", failed=True).wait(7.0)
    assert story.clips == 2


def test_silence_is_no_consent_and_nobody_waits_for_ever() -> None:
    story = Asked().asked().wait(6.5)
    assert (story.clips, story.answers()) == (2, [])
    story.wait(1.0).heard().wait(6.5)
    assert [line.answer for line in story.answers()] == [Agreement.UNANSWERED]
    assert Say("Hello.") in story.said


def test_nobody_is_asked_whether_they_are_there_while_they_are_asked_this() -> None:
    limits = msgspec.structs.replace(Script().config.limits, silence_prompt_s=3.0)
    story = Asked().rebuilt(limits=limits).asked().wait(5.5)
    assert not story.of(Say)


def test_an_engine_that_answers_by_itself_is_not_heard() -> None:
    story = Asked(by_itself=True).asked()
    story.happens(CallerSpeechStarted("u1", 0)).wait(0.3).happens(CallerSpeechStopped("u1", 300))
    story.when(ResponseStarted("r1"), CancelResponse("r1"))
    begun = len(story.said)
    story.more(seconds(1.0), text="Great, let us book!")
    assert not [each for each in story.said[begun:] if isinstance(each, PlayAudio)]
    story.when(CallerTranscript("u1", "yes"), Say("Hello."))


def test_its_reply_is_not_heard_when_the_words_come_first_either() -> None:
    story = Asked(by_itself=True).asked().says("yes")
    assert not story.of(Say)
    story.when(ResponseStarted("r1"), CancelResponse("r1"), Say("Hello."))


def test_and_if_none_comes_the_caller_is_greeted_a_second_later() -> None:
    story = Asked(by_itself=True).asked().says("yes").wait(0.9)
    assert not story.of(Say)
    assert story.wait(0.2).of(Say) == [Say("Hello.")]


def test_where_there_is_no_recorded_clip_the_engine_asks() -> None:
    story = Asked(msgspec.structs.replace(TERMS, ulaw=b"")).ready()
    assert story.of(Say) == [Say(QUESTION)]
    story.speaks(seconds(1.0), text=QUESTION).finishes().wait(1.0).heard().says("yes")
    assert story.of(Say) == [Say(QUESTION), Say("Hello.")]


def test_the_disclosure_is_heard_before_the_question_is_asked() -> None:
    story = Asked(law=LAW).ready()
    assert (story.of(Say), story.clips) == ([Say(LAW)], 0)
    story.speaks(seconds(1.0), text=LAW).finishes().wait(0.5)
    assert story.clips == 0
    story.wait(0.6).heard()
    assert story.clips == 1


NOTICE = ConsentTerms(ConsentMode.NOTICE, "+4", "This call is recorded.", CLIP, NOT)


def test_a_notice_that_was_heard_is_enough() -> None:
    story = Asked(NOTICE).ready()
    assert not story.answers()
    story.wait(1.0).heard()
    assert [(each.answer, each.region) for each in story.answers()] == [(Agreement.TOLD, "+4")]
    assert Say("Hello.") in story.said


def test_a_notice_that_was_cut_is_said_again_and_never_counts_in_part() -> None:
    story = Asked(NOTICE, by_itself=True).ready()
    for number in range(4):
        story.wait(0.3).happens(CallerSpeechStarted(f"u{number}", 0))
        story.happens(CallerSpeechStopped(f"u{number}", 300)).wait(0.1)
    assert Agreement.TOLD not in [each.answer for each in story.answers()]
    story.wait(20.0)
    assert [each.answer for each in story.answers()] == [Agreement.UNANSWERED]


def test_where_no_consent_is_wanted_that_is_written_down_too() -> None:
    story = Asked(ConsentTerms(ConsentMode.NONE, "+1")).ready()
    assert [(each.answer, each.by) for each in story.answers()] == [(Agreement.NOT_ASKED, "rule")]
    assert story.of(Say) == [Say("Hello.")]


def test_a_call_that_ends_before_the_answer_has_none() -> None:
    story = Asked().asked().happens(StreamStopped())
    assert [each.answer for each in story.answers()] == [Agreement.UNANSWERED]
    kinds = [type(each) for each in story.entries(ConsentLine, EndLine)]
    assert kinds == [ConsentLine, EndLine]


def test_a_call_that_has_to_end_while_it_asks_says_goodbye() -> None:
    story = Asked().asked().happens(HangUpAsked("drained"))
    story.speaks(seconds(1.0), text="Goodbye.").finishes().wait(1.0).heard().wait(10.0)
    assert any(isinstance(each, PlayAudio) and each.ulaw[:1] == b"\x55" for each in story.said)
    assert story.wait(30.0).of(EndCall)


def test_a_line_that_broke_before_the_answer_is_asked_on_the_new_one() -> None:
    limits = msgspec.structs.replace(Script().config.limits, lost_s=6.0)
    story = Asked().rebuilt(limits=limits).asked()
    story.happens(StreamLost("closed")).happens(StreamStarted("MZ2"))
    assert story.clips == 2
    story.wait(1.0).heard().says("yes")
    assert [each.answer for each in story.answers()] == [Agreement.GRANTED]
    assert story.of(Say) == [Say("Hello.")]


@pytest.mark.parametrize("answer", list(Agreement))
def test_the_answer_holds_in_another_process(answer: Agreement) -> None:
    line = ConsentLine(answer, "voice", "v", "", 1, 1_000)
    told = DisclosureLine(version_of(LAW), True, 1, 900, 900)
    story = Asked(law=LAW).rebuilt(before=(told, line), resumed=Resumed(5.0)).ready()
    assert (story.clips, story.answers()) == (0, [])
    assert story.of(Say) == [Say("Sorry, the line broke off for a moment. Hello.")]


def test_a_call_that_was_not_answered_there_is_asked_here() -> None:
    story = Asked().rebuilt(resumed=Resumed(5.0)).ready()
    assert story.clips == 1


# ---- disclosure: D3 ----------------------------------------------------------------------------


def told(story: Asked, number: int, heard_s: float) -> None:
    """The engine says it once, and the caller talks over it or not."""
    item, reply = f"law_{number}", f"l{number}"
    story.speaks(seconds(1.0), item, LAW, reply).finishes(item, reply).wait(heard_s)
    if heard_s < 1.0:
        story.happens(CallerSpeechStarted(f"o{number}", 0)).wait(0.1)
        story.happens(CallerSpeechStopped(f"o{number}", 100))
    story.wait(0.2).heard()


def plain(law: str = LAW) -> Asked:
    story = Asked(ConsentTerms(ConsentMode.NONE), law, by_itself=True)
    return story.rebuilt(consent=None)


def test_requirement_d3_the_disclosure_is_recorded_with_time_and_version() -> None:
    story = plain().ready()
    told(story, 1, 0.4)
    told(story, 2, 1.0)
    lines = story.entries(DisclosureLine)
    assert [(line.heard, line.times) for line in lines] == [(False, 1), (True, 2)]
    assert lines[0].version == lines[1].version
    assert 300 <= lines[0].heard_ms <= 500
    assert lines[1].heard_ms == 1_000


def test_requirement_d3_no_tool_with_an_effect_runs_before_it_was_heard() -> None:
    story = plain().ready()
    story.happens(ToolCalled("r9", "t1", "book", "{}"))
    assert not story.of(RunTool)
    told(story, 1, 1.0)
    assert [command.name for command in story.of(RunTool)] == ["book"]


def test_one_that_only_reads_need_not_wait() -> None:
    story = plain().ready().happens(ToolCalled("r9", "t1", "look", "{}"))
    assert [command.name for command in story.of(RunTool)] == ["look"]


def test_requirement_d3_who_never_listens_has_nothing_done() -> None:
    story = plain().ready()
    for number in range(4):
        told(story, number, 0.2)
    story.happens(ToolCalled("r9", "t1", "book", "{}"))
    assert story.said.count(Say(LAW)) == 5
    told(story, 9, 0.2)
    assert not story.of(RunTool)
    assert [line.state for line in story.entries(ToolLine)] == ["refused"]
    story.happens(ToolCalled("r10", "t2", "book", "{}"))
    told(story, 10, 1.0)
    assert [command.tool_call_id for command in story.of(RunTool)] == ["t2"]


STEPS = st.lists(
    st.sampled_from(["cut", "told", "book", "look", "yes", "wait", "key"]), max_size=12
)


@given(STEPS, st.booleans(), st.booleans())
def test_requirement_d3_whatever_happens_no_effect_comes_before_the_disclosure(
    steps: list[str], consent: bool, by_itself: bool
) -> None:
    story = Asked(TERMS, LAW, by_itself=by_itself)
    story.rebuilt(consent=TERMS if consent else None).ready()
    for number, step in enumerate(steps):
        match step:
            case "cut":
                told(story, number, 0.3)
            case "told":
                told(story, number, 1.0)
            case "book" | "look":
                story.happens(ToolCalled(f"t{number}", f"t{number}", step, "{}"))
            case "yes":
                story.says("yes", f"y{number}")
            case "key":
                story.happens(DtmfPressed("1"))
            case _:
                story.wait(2.0)
    heard = False
    for command in story.said:
        if isinstance(command, Record) and isinstance(command.entry, DisclosureLine):
            heard = heard or command.entry.heard
        if isinstance(command, RunTool) and command.name == "book":
            assert heard


@given(STEPS)
def test_requirement_d4_nothing_is_the_model_s_until_the_caller_has_answered(
    steps: list[str],
) -> None:
    """With the question open no word of the engine's reaches the caller."""
    story = Asked(by_itself=True).ready()
    for number, step in enumerate(steps):
        before = len(story.said)
        if step in ("cut", "told"):
            story.speaks(seconds(0.2), f"i{number}", "Buy now.", f"r{number}")
        elif step == "wait":
            story.wait(1.0).heard()
        elif step == "book":
            story.happens(ToolFinished("t0", "book", "done", "{}"))
        else:
            story.says("hm", f"y{number}")
        if not story.answers():
            played = [each for each in story.said[before:] if isinstance(each, PlayAudio)]
            assert all(each.ulaw[:1] == CLIP[:1] for each in played)
        elif story.answers()[0].answer.allows:
            raise AssertionError("nobody agreed")


def test_marks_are_echoed_in_these_stories() -> None:
    """What `heard` relies on: the question is marked to its end."""
    story = Asked().ready()
    assert MarkEchoed(story.marks()[-1]).name.endswith(":8000")
