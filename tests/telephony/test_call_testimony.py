"""What a tool's rules may go by: who said what, what of it was heard, and when to wait for it."""

from typing import Self

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
)
from agents.persona import Persona
from telephony.call.commands import Record, RunTool
from telephony.call.config import CallConfig
from telephony.call.events import (
    CallEvent,
    DeadlineReached,
    StreamStarted,
    StreamStopped,
    ToolFinished,
    ToolWaits,
)
from telephony.call.machine import Call
from telephony.call.testimony import MOST_LINES, Testimony
from telephony.cli.replay import make_call
from telephony.transcripts.entry import AgentLine, CallerLine, Fate, ToolLine
from telephony.transcripts.records import CommandDigest, Happened, Header, Reading
from telephony.transcripts.replay import replay
from tests.telephony.script import CAPABILITIES, ONE_SECOND, Script
from tools.spec import Evidence, Heard

BOOKS = ToolCalled("r2", "call_1", "book", '{"day":"tuesday"}')
UNKNOWN = Heard("caller", "", whole=False)
READ_BACK = Heard("agent", "On Tuesday at ten?")


class Talk(Script):
    """A call in which the tool `book` has rules about what was said."""

    def __init__(self, *, transcribes: bool = True) -> None:
        super().__init__()
        capabilities = msgspec.structs.replace(CAPABILITIES, transcribes=transcribes)
        self.config = msgspec.structs.replace(
            self.config, evidence_tools=("book",), capabilities=capabilities
        )
        self.call = Call(self.config)

    def reads_back(self) -> Self:
        """Heard to its end."""
        self.speaks(ONE_SECOND, text="On Tuesday at ten?").finishes()
        return self.wait(1.0).echoes(*self.marks()[1:])

    def caller_says(self, item: str) -> Self:
        """For half a second; the words are another matter."""
        self.happens(CallerSpeechStarted(item, round(self.now * 1000)))
        self.wait(0.5)
        return self.happens(CallerSpeechStopped(item, round(self.now * 1000)))

    def words(self, item: str, text: str, *, failed: bool = False) -> Self:
        return self.happens(CallerTranscript(item, text, failed))

    @property
    def ran(self) -> list[Evidence]:
        return [command.evidence for command in self.said if isinstance(command, RunTool)]


def talk() -> Talk:
    return Talk().begins()


def test_what_was_read_back_and_agreed_to_goes_with_the_tool() -> None:
    story = talk().reads_back().caller_says("c1").words("c1", "Yes.").happens(BOOKS)
    assert story.ran == [Evidence((READ_BACK, Heard("caller", "Yes.")), turn=1)]


def test_a_tool_waits_for_the_caller_s_last_words() -> None:
    story = talk().reads_back().caller_says("c1").happens(BOOKS)
    assert story.ran == []
    story.wait(1.0).words("c1", "Yes.")
    assert story.ran == [Evidence((READ_BACK, Heard("caller", "Yes.")), turn=1)]
    story.wait(5.0)
    assert len(story.ran) == 1


def test_words_that_do_not_come_are_not_waited_for_long() -> None:
    story = talk().reads_back().caller_says("c1").happens(BOOKS).wait(2.4)
    assert story.ran == []
    story.wait(0.2)
    assert story.ran == [Evidence((READ_BACK, UNKNOWN), complete=False, turn=1)]
    story.words("c1", "Yes.")
    assert len(story.ran) == 1


def test_words_of_an_engine_that_writes_none_down_are_not_waited_for() -> None:
    story = Talk(transcribes=False).begins().reads_back().caller_says("c1").happens(BOOKS)
    assert story.ran == [Evidence((READ_BACK, UNKNOWN), complete=False, turn=1)]


def test_words_that_are_lost_are_not_waited_for_again() -> None:
    story = talk().caller_says("c1").wait(7.4).happens(BOOKS)
    assert story.ran == []
    story.wait(2.6)
    assert story.ran == [Evidence((UNKNOWN,), complete=False, turn=1)]
    story.happens(ToolCalled("r3", "call_2", "book", "{}"))
    assert len(story.ran) == 2


def test_it_waits_for_all_that_was_said_before_it_and_nothing_later() -> None:
    story = talk().caller_says("c1").caller_says("c2").happens(BOOKS)
    story.words("c2", "At ten.")
    assert story.ran == [], "c1 is missing"
    story.caller_says("c3").words("c1", "Tuesday.")
    (evidence,) = story.ran
    assert evidence.said == (Heard("caller", "Tuesday."), Heard("caller", "At ten."), UNKNOWN)
    assert (evidence.complete, evidence.turn) == (False, 3)


def test_a_tool_without_such_rules_never_waits_and_is_told_the_turn_only() -> None:
    story = talk().reads_back().caller_says("c1")
    story.happens(ToolCalled("r2", "call_2", "available_times", "{}"))
    assert story.ran == [Evidence(turn=1)]


def test_turns_are_counted_from_one() -> None:
    story = talk()
    for number in range(3):
        story.happens(ToolCalled("r", f"t{number}", "look", "{}")).caller_says(f"c{number}")
    assert [each.turn for each in story.ran] == [1, 1, 2]


def test_words_that_come_late_stand_where_they_were_said() -> None:
    story = talk().caller_says("c1").reads_back().caller_says("c2")
    story.words("c2", "Yes.").words("c1", "Tuesday at ten.").happens(BOOKS)
    texts = [each.text for each in story.ran[0].said]
    assert texts == ["Tuesday at ten.", "On Tuesday at ten?", "Yes."]


def test_what_nobody_could_make_out_is_marked_and_a_cough_is_not() -> None:
    story = talk().caller_says("c1").words("c1", "").caller_says("c2").words("c2", "", failed=True)
    story.happens(BOOKS)
    assert story.ran == [Evidence((UNKNOWN,), turn=2)]


def test_of_a_read_back_that_was_cut_only_what_was_heard_counts() -> None:
    story = talk().speaks(ONE_SECOND, text="On Tuesday at ten for Ann?").finishes().wait(0.5)
    story.caller_says("c1").words("c1", "Yes.").happens(BOOKS)
    agent, caller = story.ran[0].said
    assert not agent.whole
    assert agent.text
    assert "On Tuesday at ten for Ann?".startswith(agent.text)
    assert "Ann" not in agent.text
    assert caller == Heard("caller", "Yes.")


def test_what_is_being_said_just_now_is_not_heard_yet() -> None:
    story = talk().speaks(ONE_SECOND, text="On Tuesday at ten?").wait(0.6)
    story.echoes(*story.marks()[1:6]).happens(BOOKS)
    (agent,) = story.ran[0].said
    assert not agent.whole
    assert 0 < len(agent.text) < len("On Tuesday at ten?")


def test_fault_x9_a_caller_who_hangs_up_while_a_tool_waits_gets_nothing_done() -> None:
    story = talk().reads_back().caller_says("c1").happens(BOOKS, StreamStopped())
    story.words("c1", "Yes.").wait(5.0)
    assert story.ran == []
    assert [line.state for line in story.entries(ToolLine)] == ["unfinished"]


def test_an_answer_for_a_tool_that_waits_is_not_needed_to_end_the_wait() -> None:
    story = talk().caller_says("c1").happens(BOOKS, BOOKS)
    assert "tool_call_repeated" in story.notes()
    story.words("c1", "Yes.").happens(ToolFinished("call_1", "book", "done", "{}"))
    assert [line.state for line in story.entries(ToolLine)] == ["done"]


def test_who_waits_for_a_person_is_told_so() -> None:
    story = talk().happens(ToolCalled("r", "t1", "pay", "{}"))
    story.when(ToolWaits("t1", "One moment."), Say("One moment."))
    story.when(ToolWaits("t9", "One moment."))
    story.happens(CallerSpeechStarted("c1", 100))
    story.when(ToolWaits("t1", "Still waiting."))


def test_nobody_is_told_over_what_is_being_said() -> None:
    story = talk().happens(ToolCalled("r", "t1", "pay", "{}")).speaks(ONE_SECOND, text="Well")
    story.when(ToolWaits("t1", "One moment."))


def test_only_so_many_lines_are_kept() -> None:
    testimony = Testimony()
    lines = [Record(CallerLine(f"c{at}", f"{at}", at, at)) for at in range(MOST_LINES + 5)]
    testimony.note(lines)
    said = testimony.evidence((), told=True).said
    assert (len(said), said[0].text) == (MOST_LINES, "5")


def test_lines_without_words_are_none() -> None:
    testimony = Testimony()
    never = AgentLine("i", 1, "On Tuesday?", "", Fate.NEVER_PLAYED, 0, 0, 0, 0)
    testimony.note([Record(never), Record(CallerLine("c1", "  ", 0, 0))])
    assert testimony.evidence((), told=True).said == ()


# ---- the journal ---------------------------------------------------------------------------------

CONFIG = msgspec.msgpack.encode(
    CallConfig("CA1", Persona(), CAPABILITIES, evidence_tools=("book",))
)
STEPS = st.sampled_from(
    [
        CallerSpeechStarted("c1", 0),
        CallerSpeechStopped("c1", 100),
        CallerTranscript("c1", "Yes."),
        CallerTranscript("c1", "", failed=True),
        CallerSpeechStarted("c2", 200),
        CallerSpeechStopped("c2", 300),
        ResponseStarted("r1"),
        TextDelta("r1", "i1", "On Tuesday?"),
        ItemDone("r1", "i1"),
        ResponseDone("r1", ResponseStatus.COMPLETED),
        BOOKS,
        ToolCalled("r1", "call_2", "book", "{}"),
        ToolWaits("call_1", "One moment."),
        ToolFinished("call_1", "book", "done", "{}"),
        DeadlineReached(),
    ]
)


@given(st.lists(st.tuples(st.floats(0, 2), STEPS), max_size=30))
def test_a_call_with_evidence_replays_bit_for_bit(steps: list[tuple[float, CallEvent]]) -> None:
    now, events = 0.0, list[tuple[float, CallEvent]]([(0.0, StreamStarted("MZ1"))])
    events.append((0.0, EngineReady("s1")))
    for wait, event in steps:
        now += wait
        events.append((now, event))
    call, digest = make_call(CONFIG), CommandDigest()
    happened = [Happened(at, digest.add(call.handle(event, at)), event) for at, event in events]
    header = Header(
        call_id="CA1", started_at="2026-11-20T10:00:00+00:00", engine="t", config=CONFIG
    )
    verdict = replay(Reading((header, *happened), None), make_call)
    assert verdict.problem is None
    assert verdict.commands == digest.commands


@pytest.mark.parametrize("wait_s", [0.0, 1.0])
def test_the_same_events_at_other_times_are_another_call(wait_s: float) -> None:
    """The wait for words hangs on the clock handed in, and on no other."""
    story = talk().caller_says("c1").happens(BOOKS).wait(wait_s)
    assert story.ran == []
    assert story.call.next_deadline() is not None
