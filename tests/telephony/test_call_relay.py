"""Stories of calls whose engine session fails, falls mute or expires, and of what follows."""

from typing import Any

import msgspec
import pytest

from agents.engine import (
    AgentSaid,
    Answer,
    AppendAudio,
    AudioFormat,
    CallerSaid,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    Capabilities,
    CloseEngine,
    Dismiss,
    EngineExpires,
    EngineFailed,
    EngineReady,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    ToolAnswered,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import (
    CallBack,
    ClearPlayback,
    EndCall,
    HangUp,
    LeaveEngine,
    OpenEngine,
    PlayAudio,
    RunTool,
    SeatEngine,
)
from telephony.call.config import BargeIn, CallConfig, Limits, Rung, TurnTaking
from telephony.call.ending import Phase
from telephony.call.events import (
    CallerAudio,
    DtmfPressed,
    HangUpAsked,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
    SuccessorFailed,
    SuccessorReady,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.transcripts.entry import (
    AgentLine,
    CallerLine,
    EndLine,
    Fate,
    SeatLine,
    TruncationLine,
)
from tests.telephony.script import APOLOGY, CAPABILITIES, Script, seconds
from tests.telephony.test_call_bargein import ON_REQUEST, in_talk

LOCAL = Capabilities("local", AudioFormat.PCM16_24K, AudioFormat.PCM16_24K, True, True)
RUNGS = (Rung("realtime", CAPABILITIES, tries=2), Rung("local", LOCAL, tries=1))
LIMITS = Limits(filler_after_s=1.2)
FILLER = b"\x31" * 800
GONE = EngineFailed("connection_lost", fatal=False)
DEAD = EngineFailed("invalid_api_key", fatal=True)
TOOL = ToolCalled("r1", "call_1", "book", '{"day": 1}')
DONE = ToolFinished("call_1", "book", "done", '{"message": "Booked."}')
BOOKED = ToolAnswered("call_1", "book", '{"day": 1}', '{"message": "Booked."}')


class Relayed(Script):
    """A story with a ladder of engines."""

    def __init__(
        self, rungs: tuple[Rung, ...] = RUNGS, limits: Limits = LIMITS, **fields: object
    ) -> None:
        super().__init__(limits=limits, turn_taking=TurnTaking(barge_in=BargeIn.IMMEDIATE))
        self.config: CallConfig = msgspec.structs.replace(
            self.config, rungs=rungs, filler_ulaw=FILLER, **fields
        )
        self.call = Call(self.config)

    def opens(self) -> "Relayed":
        """The stream begins; the engine's session is on its way."""
        self.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"))
        return self

    def frames(self, duration_s: float, byte: bytes = b"\x10") -> "Relayed":
        """The caller's line goes on for so long."""
        for _ in range(round(duration_s / 0.02)):
            self.wait(0.02)
            self.happens(CallerAudio(byte * 160, round(self.now * 1000) - 20))
        return self

    def of(self, *kinds: type) -> list[Any]:
        return [command for command in self.last if isinstance(command, kinds)]

    def played(self) -> bytes:
        return b"".join(c.ulaw for c in self.said if isinstance(c, PlayAudio))


def live(**fields: object) -> Relayed:
    """Greeted, and the greeting was heard to its end."""
    story = Relayed(**fields)  # type: ignore[arg-type]
    story.begins()
    story.speaks(seconds(0.5), "g", "Hello.", "r0").finishes("g", "r0")
    story.wait(0.5).echoes(*story.marks()[1:])
    return story.until_s(1.0)


def turn(story: Relayed, item: str = "u1", words: str = "At three, please.") -> Relayed:
    story.happens(CallerSpeechStarted(item, round(story.now * 1000))).frames(0.5)
    story.happens(CallerSpeechStopped(item, round(story.now * 1000)))
    if words:
        story.happens(CallerTranscript(item, words))
    return story


# ---- failing ----------------------------------------------------------------------------------


def test_a_lost_session_is_followed_by_another_that_knows_what_was_heard() -> None:
    story = turn(live())
    story.when(GONE, LeaveEngine(0), OpenEngine(1, 0)).wait(0.3)
    story.happens(SuccessorReady(1))
    told = Remember((AgentSaid("Hello."), CallerSaid("At three, please.")), answer=True)
    assert story.of(SeatEngine, Remember) == [SeatEngine(1), told]
    (line,) = story.entries(SeatLine)
    assert (line.seat, line.engine, line.why) == (1, "realtime", "failed")


def test_nothing_is_asked_for_where_nobody_waits() -> None:
    story = live().frames(2.0)
    story.happens(GONE).wait(0.3).happens(SuccessorReady(1))
    assert story.of(Remember) == [Remember((AgentSaid("Hello."),), answer=False)]


def test_a_reply_that_broke_off_is_told_as_far_as_it_was_heard_and_then_gone_on_with() -> None:
    story = turn(live()).speaks(seconds(2.0), "item_2", "Three is free on Monday.", "r2")
    story.wait(0.5).happens(GONE).wait(0.3)
    story.happens(SuccessorReady(1))
    assert story.of(Remember)[0].answer is False, "what was sent is still being heard"
    story.wait(1.2)
    story.echoes(*story.marks())
    (told,) = story.of(Remember)
    assert told.answer is True
    (line,) = [line for line in story.entries(AgentLine) if line.item_id == "item_2"]
    assert told.what == (AgentSaid(line.heard),)
    assert line.sent_ms == 2000
    assert b"".join(c.ulaw for c in story.said if isinstance(c, PlayAudio)).endswith(seconds(2.0))


def test_a_caller_who_interrupts_what_a_dead_session_said_is_answered_by_the_next() -> None:
    story = turn(live()).speaks(seconds(4.0), "item_2", "Three is free on Monday.", "r2")
    story.wait(0.5).happens(GONE).wait(0.3).happens(SuccessorReady(1)).wait(0.2)
    story.happens(CallerSpeechStarted("s1.u1", 0))
    assert story.of(ClearPlayback)
    assert not story.of(TruncateItem), "the session that said it is gone"
    (told,) = [c for c in story.last if isinstance(c, Remember)]
    (line,) = [line for line in story.entries(AgentLine) if line.item_id == "item_2"]
    assert line.fate is Fate.CUT
    assert told == Remember((AgentSaid(line.heard),), answer=False), "the caller is speaking"
    assert not story.entries(TruncationLine)


def test_a_greeting_that_broke_off_is_said_again() -> None:
    story = Relayed()
    story.begins()
    story.speaks(seconds(0.2), "g", "Hel", "r0").happens(GONE).wait(0.2)
    story.happens(SuccessorReady(1))
    assert story.of(Say) == [Say("Hello.")]


def test_a_session_that_never_was_is_followed_by_one_that_greets() -> None:
    story = Relayed().opens()
    story.when(GONE, LeaveEngine(0), OpenEngine(1, 0)).wait(0.2)
    story.happens(SuccessorReady(1))
    assert [type(c) for c in story.of(SeatEngine, Remember, Say)] == [SeatEngine, Remember, Say]
    assert story.of(Say) == [Say("Hello.")]


def test_what_the_caller_says_meanwhile_is_heard_by_the_next() -> None:
    story = live()
    story.happens(CallerSpeechStarted("u1", round(story.now * 1000))).frames(0.4, b"\x20")
    story.happens(GONE).frames(0.4, b"\x21")
    assert not [c for c in story.last if isinstance(c, AppendAudio)]
    story.happens(SuccessorReady(1))
    again = b"".join(c.audio for c in story.of(AppendAudio))
    assert again.count(b"\x20" * 160) == 20
    assert again.endswith(b"\x21" * 160 * 20)
    story.happens(CallerSpeechStarted("s1.u1", 0))
    story.frames(0.2).happens(CallerSpeechStopped("s1.u1", 1_500))
    story.happens(CallerTranscript("s1.u1", "Yes."))
    (line,) = story.entries(CallerLine)
    assert line.text == "Yes."
    assert line.start_ms == pytest.approx(1_000, abs=40), "where it began on the call's clock"


def test_a_turn_nobody_wrote_down_is_heard_again_and_answered() -> None:
    story = turn(live(), words="").wait(0.1)
    story.happens(GONE).wait(0.2).happens(SuccessorReady(1))
    (told,) = story.of(Remember)
    assert told.answer is False, "it hears the turn itself"
    assert b"".join(c.audio for c in story.of(AppendAudio)).count(b"\x10" * 160) >= 25
    story.happens(CallerSpeechStarted("s1.u1", 500), CallerSpeechStopped("s1.u1", 1_000))
    story.happens(CallerTranscript("s1.u1", "At three."), StreamStopped())
    assert [line.text for line in story.entries(CallerLine)] == ["At three."], "written once"


# ---- tools ------------------------------------------------------------------------------------


def test_a_tool_that_ends_between_two_sessions_is_told_to_the_next_once() -> None:
    story = turn(live()).happens(ResponseStarted("r1"), TOOL)
    story.happens(ResponseDone("r1", ResponseStatus.COMPLETED)).happens(GONE)
    story.happens(DONE)
    assert not story.of(ToolOutput, Remember)
    story.happens(SuccessorReady(1))
    (told,) = story.of(Remember)
    assert told.what[-1] == BOOKED
    assert told.answer is True
    assert len([c for c in story.said if isinstance(c, RunTool)]) == 1


def test_fault_x15_a_tool_that_ends_under_the_next_session_is_told_as_context() -> None:
    story = turn(live()).happens(ResponseStarted("r1"), TOOL)
    story.happens(ResponseDone("r1", ResponseStatus.COMPLETED)).happens(GONE).wait(0.2)
    story.happens(SuccessorReady(1))
    (told,) = story.of(Remember)
    assert told.what[:2] == (AgentSaid("Hello."), CallerSaid("At three, please."))
    assert told.what[2].tool_call_id == "call_1"
    assert '"status": "running"' in told.what[2].output, "so that it is not called again"
    assert told.answer is False
    story.wait(0.5).happens(DONE)
    assert story.of(ToolOutput) == []
    assert story.of(Remember) == [Remember((BOOKED,), answer=True)]


# ---- the ladder -------------------------------------------------------------------------------


def test_fault_m1_an_engine_that_refuses_is_tried_again_and_then_the_next_one_is() -> None:
    story = turn(live())
    began_s = story.now
    story.when(GONE, LeaveEngine(0), OpenEngine(1, 0))
    story.happens(SuccessorFailed(1, "connect_refused", fatal=False)).wait(0.5)
    assert story.of(OpenEngine) == [OpenEngine(2, 0)]
    story.when(SuccessorFailed(2, "connect_refused", fatal=False), OpenEngine(3, 1))
    assert story.now - began_s <= 2.5
    story.wait(0.1).happens(SuccessorReady(3))
    (line,) = story.entries(SeatLine)
    assert (line.engine, line.seat) == ("local", 3)


def test_fault_m2_a_black_hole_is_left_for_the_next_engine() -> None:
    story = turn(live())
    story.when(GONE, LeaveEngine(0), OpenEngine(1, 0)).wait(1.4)
    assert not [c for c in story.said if c == OpenEngine(2, 1)]
    story.wait(0.7)
    asked = [c for c in story.said if isinstance(c, LeaveEngine | OpenEngine)]
    assert asked[-2:] == [LeaveEngine(1), OpenEngine(2, 1)]


def test_fault_m3_a_refused_key_is_not_tried_again() -> None:
    story = turn(live())
    story.when(DEAD, LeaveEngine(0), OpenEngine(1, 1))


def test_fault_m4_an_engine_that_asks_for_patience_gets_it_if_the_caller_can_wait() -> None:
    story = turn(live())
    story.when(EngineFailed("rate_limited", False, retry_after_s=1.0), LeaveEngine(0)).wait(0.9)
    assert not [c for c in story.said if isinstance(c, OpenEngine)]
    story.wait(0.2)
    assert [c for c in story.said if isinstance(c, OpenEngine)] == [OpenEngine(1, 0)]
    other = turn(live())
    other.when(EngineFailed("rate_limited", False, 30.0), LeaveEngine(0), OpenEngine(1, 1))


def test_when_no_engine_is_left_our_own_words_end_the_call() -> None:
    story = turn(live())
    story.happens(DEAD).happens(SuccessorFailed(1, "models_missing", fatal=True))
    assert story.of(CallBack)
    assert story.played().endswith(APOLOGY)
    story.echoes(*story.marks()).wait(0.6)
    assert [c for c in story.said if isinstance(c, HangUp)]


def test_fault_m14_a_mute_engine_is_bridged_then_left_then_given_up() -> None:
    story = turn(live())
    story.wait(1.1)
    assert FILLER not in story.played()
    story.wait(0.2)
    assert story.played().endswith(FILLER)
    story.wait(2.8)
    asked = [c for c in story.said if isinstance(c, LeaveEngine | OpenEngine)]
    assert asked == [LeaveEngine(0), OpenEngine(1, 0)]
    story.happens(SuccessorReady(1))
    assert story.of(Remember)[0].answer is True
    story.wait(1.9)
    asked = [c for c in story.said if isinstance(c, LeaveEngine | OpenEngine)]
    assert asked[2:] == [LeaveEngine(1), OpenEngine(2, 1)]
    story.wait(1.6)
    assert story.played().endswith(APOLOGY), "at 7.5 s at the latest"


def test_an_answer_in_time_ends_all_doubt() -> None:
    story = turn(live()).happens(GONE).wait(0.2).happens(SuccessorReady(1)).wait(1.0)
    story.speaks(seconds(1.0), "s1.i1", "Three it is.", "s1.r1").finishes("s1.i1", "s1.r1")
    story.wait(1.0).echoes(*story.marks()).wait(6.0)
    assert len([c for c in story.said if isinstance(c, OpenEngine)]) == 1
    story.happens(GONE)
    assert story.of(OpenEngine) == [OpenEngine(2, 0)], "the first engine is tried again"


def test_a_session_that_is_never_ready_is_left_within_two_seconds() -> None:
    story = Relayed().opens()
    story.wait(2.1)
    assert [c for c in story.said if isinstance(c, OpenEngine)] == [OpenEngine(1, 0)]


def test_the_last_engine_is_tried_again_when_it_falls_mute_much_later() -> None:
    story = turn(live(rungs=(RUNGS[0], Rung("local", LOCAL))))
    story.happens(DEAD).wait(0.2).happens(SuccessorReady(1)).frames(0.1)
    story.happens(CallerSpeechStarted("s1.u1", 0)).wait(20.0)
    story.happens(CallerSpeechStopped("s1.u1", 900), CallerTranscript("s1.u1", "Hello?"))
    story.wait(4.1)
    assert [c for c in story.said if isinstance(c, OpenEngine)] == [
        OpenEngine(1, 1),
        OpenEngine(2, 1),
    ]


def test_late_news_of_a_session_that_was_left_changes_nothing() -> None:
    story = turn(live()).happens(GONE).wait(2.6)
    story.when(SuccessorReady(1))
    story.when(SuccessorFailed(1, "connection_lost", fatal=False))


def test_a_goodbye_waits_for_the_session_that_says_it() -> None:
    story = live().happens(GONE).happens(HangUpAsked("drained"))
    assert not story.of(Say)
    story.happens(SuccessorReady(1))
    assert story.of(Say) == [Say(story.config.persona.drain_goodbye)]


def test_a_call_that_ends_without_a_session_closes_what_was_opened() -> None:
    story = live().happens(GONE)
    story.happens(StreamStopped())
    assert story.of(LeaveEngine, CloseEngine, EndCall)[:2] == [LeaveEngine(1), CloseEngine()]


def test_sessions_that_fail_for_ever_end() -> None:
    story = live()
    for seat in range(1, 40):
        story.happens(GONE if seat == 1 else EngineFailed("connection_lost", False)).wait(0.1)
        story.happens(SuccessorReady(seat))
        story.speaks(seconds(0.02), f"i{seat}", "Well,", f"r{seat}").finishes(
            f"i{seat}", f"r{seat}"
        )
        story.wait(0.1).echoes(*story.marks())
        if [c for c in story.said if isinstance(c, CallBack)]:
            break
    assert 20 <= seat <= 30
    assert story.played().endswith(APOLOGY)


# ---- rolling over -----------------------------------------------------------------------------


def test_fault_m9_a_session_is_followed_in_a_silence_before_it_expires() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(3_600.0)).wait(2_990.0)
    assert not [c for c in story.said if isinstance(c, OpenEngine)]
    story.wait(11.0)
    assert [c for c in story.said if isinstance(c, OpenEngine)] == [OpenEngine(1, 0)]
    story.happens(SuccessorReady(1))
    (line,) = story.entries(SeatLine)
    assert line.why == "expiring"
    assert story.of(SeatEngine, Remember) == [
        SeatEngine(1),
        Remember((AgentSaid("Hello."),), answer=False),
    ]
    assert not story.of(PlayAudio, Say), "nobody hears anything of it"


def test_the_change_waits_until_nobody_speaks() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(1_000.0)).wait(801.0)
    story.speaks(seconds(3.0), "i2", "A long answer.", "r2").happens(SuccessorReady(1))
    assert not story.of(SeatEngine)
    story.finishes("i2", "r2")
    assert not story.of(SeatEngine), "it is still being heard"
    story.wait(3.0)
    assert not story.of(SeatEngine)
    story.echoes(*story.marks())
    assert story.of(SeatEngine) == [SeatEngine(1)]
    assert AgentSaid("A long answer.") in story.of(Remember)[0].what


def test_near_the_end_any_pause_will_do() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(1_000.0)).wait(799.0)
    story.speaks(seconds(240.0), "i2", "A very long answer.", "r2").wait(2.0)
    story.happens(SuccessorReady(1)).finishes("i2", "r2").wait(178.0)
    assert not [c for c in story.said if isinstance(c, SeatEngine)], "it is being heard"
    story.wait(2.0)
    assert [c for c in story.said if isinstance(c, SeatEngine)] == [SeatEngine(1)]
    story.wait(65.0).echoes(*story.marks())
    assert Remember((AgentSaid("A very long answer."),)) in story.said


def test_a_successor_that_is_ready_is_seated_at_once_when_the_session_fails() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(1_000.0)).wait(799.0)
    story.speaks(seconds(10.0), "i2", "A long answer.", "r2").wait(2.0)
    story.happens(SuccessorReady(1)).when(GONE, LeaveEngine(0), SeatEngine(1), Remember)


def test_a_successor_that_fails_in_good_time_is_tried_again_later() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(3_600.0)).wait(3_001.0)
    story.when(SuccessorFailed(1, "connect_refused", fatal=False)).wait(29.0)
    assert len([c for c in story.said if isinstance(c, OpenEngine)]) == 1
    story.wait(2.0)
    assert len([c for c in story.said if isinstance(c, OpenEngine)]) == 2


def test_a_session_that_expires_before_its_successor_is_ready_is_a_lost_one() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(100.0)).wait(81.0)
    story.happens(EngineFailed("session_expired", False))
    story.happens(SuccessorReady(1))
    assert story.of(SeatEngine) == [SeatEngine(1)]


@pytest.mark.parametrize("coughed", [False, True])
def test_a_cough_that_was_nothing_does_not_put_the_change_off(*, coughed: bool) -> None:
    rungs = (Rung("realtime", ON_REQUEST, tries=2),)
    story = in_talk(rungs=rungs)
    story.speaks(seconds(3.0), "i1", "We are open from nine to five.", "r1").finishes("i1", "r1")
    story.is_quiet(1.0)
    if coughed:
        story.coughs()
        assert Dismiss("u2") in story.said
    story.passes(3.0)
    story.happens(EngineExpires(5.0)).passes(4.5)
    story.happens(SuccessorReady(1))
    assert [each for each in [*story.last, *story.passes(1.0)] if isinstance(each, SeatEngine)]


def test_a_call_of_one_session_opens_no_other_when_it_expires() -> None:
    story = live(rungs=()).happens(EngineExpires(10.0)).wait(9.0)
    assert not [each for each in story.said if isinstance(each, OpenEngine)]


# ---- what a reader found -----------------------------------------------------------------------


def test_a_failure_is_no_sign_that_somebody_listened() -> None:
    story = live().frames(1.0, b"\x20").frames(2.0, b"\x21").happens(GONE).wait(0.2)
    story.happens(SuccessorReady(1))
    again = b"".join(c.audio for c in story.of(AppendAudio))
    assert again.count(b"\x21" * 160) == 100, "all since the last sign of life"
    assert max(len(c.audio) for c in story.of(AppendAudio)) <= 8_000


def test_what_is_settled_as_the_session_fails_is_told_to_the_one_that_is_ready() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(1_000.0)).wait(799.0)
    story.speaks(seconds(1.0), "i2", "We are open", "r2").wait(2.0).happens(SuccessorReady(1))
    story.echoes(*story.marks()).happens(GONE)
    kinds = [type(c) for c in story.last if isinstance(c, LeaveEngine | SeatEngine | Remember)]
    assert kinds == [LeaveEngine, SeatEngine, Remember], "nothing goes to the one that is gone"
    (told,) = story.of(Remember)
    assert AgentSaid("We are open") in told.what
    assert told.answer is True


def test_a_reply_that_broke_off_for_a_tool_is_not_asked_for_before_the_tool_ends() -> None:
    story = turn(live()).happens(ResponseStarted("r1"), TOOL, GONE).wait(0.2)
    story.happens(SuccessorReady(1))
    assert [c.answer for c in story.of(Remember)] == [False]
    story.happens(DONE)
    assert story.of(Remember) == [Remember((BOOKED,), answer=True)]
    assert not story.call._succession.due_to_speak


def test_somebody_who_speaks_as_a_session_expires_does_not_wake_us_for_ever() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(40.0)).wait(32.1).happens(CallerSpeechStarted("u1", 33_000))
    story.happens(SuccessorReady(1)).wait(5.0)
    deadline_s = story.call.next_deadline()
    assert deadline_s is not None
    assert deadline_s > story.now


def test_a_caller_who_waited_for_a_mute_engine_gets_the_last_one_next() -> None:
    three = (RUNGS[0], Rung("turns", CAPABILITIES), RUNGS[1])
    story = turn(live(rungs=three)).wait(5.6)
    asked = [c for c in story.said if isinstance(c, OpenEngine)]
    assert asked == [OpenEngine(1, 0), OpenEngine(2, 2)]


def test_a_noise_as_a_session_takes_over_loses_nothing_of_what_was_heard() -> None:
    asked = msgspec.structs.replace(CAPABILITIES, answers_on_request=True, cancels_on_speech=False)
    story = live(rungs=(Rung("realtime", asked),))
    story.config = msgspec.structs.replace(
        story.config, capabilities=asked, turn_taking=TurnTaking()
    )
    story.call, story.said, story.now = Call(story.config), [], 0.0
    story.begins()
    story.speaks(seconds(4.0), "a", "A long answer.", "r1").wait(0.5).happens(GONE)
    story.frames(0.4, b"\x10")
    story.happens(SuccessorReady(1)).frames(6.0, b"\xff")
    story.echoes(*story.marks()).wait(0.5)
    lines = [line for line in story.entries(AgentLine) if line.item_id == "a"]
    assert len(lines) == 1
    assert not story.call._succession.heard_of_before


def test_a_goodbye_that_waits_for_a_session_gets_one_or_our_own_words() -> None:
    story = live().happens(GONE).happens(SuccessorFailed(1, "connect_refused", fatal=False))
    story.happens(HangUpAsked("drained")).wait(0.6)
    assert OpenEngine(2, 0) in story.said
    story.happens(SuccessorReady(2))
    assert story.of(Say) == [Say(story.config.persona.drain_goodbye)]


def test_no_session_is_seated_once_our_own_words_are_said() -> None:
    story = turn(live()).happens(GONE)
    story.wait(8.0)
    assert story.played().endswith(APOLOGY)
    opened = [c.seat for c in story.said if isinstance(c, OpenEngine)]
    left = [c.seat for c in story.said if isinstance(c, LeaveEngine)]
    assert set(opened) <= set(left), "nothing that was opened stays open"
    story.happens(SuccessorReady(opened[-1]))
    assert not story.of(SeatEngine, Remember)


def test_a_key_does_not_call_an_apology_off() -> None:
    story = turn(live()).happens(DEAD, SuccessorFailed(1, "gone", fatal=True))
    story.wait(0.2).happens(DtmfPressed("*")).wait(0.2)
    assert story.call.phase is Phase.CLOSING


def test_a_disclosure_and_a_greeting_that_broke_off_come_in_their_order() -> None:
    story = Relayed()
    persona = msgspec.structs.replace(story.config.persona, disclosure="I am a machine.")
    story.config = msgspec.structs.replace(story.config, persona=persona)
    story.call = Call(story.config)
    story.opens().happens(EngineReady("s1"), GONE)
    story.happens(SuccessorReady(1))
    assert story.of(Say) == [Say("I am a machine."), Say("Hello.")]


def test_more_of_an_earlier_reply_does_not_answer_what_was_said_since() -> None:
    story = turn(live()).speaks(seconds(1.0), "i2", "We", "r2").wait(0.2)
    story.call._playback.hold(story.now)
    story.call._relay.caller_began("u2", round(story.now * 1000))
    story.more(seconds(0.5), "i2", "", "r2")
    assert "u2" in story.call._relay._unanswered


def test_successors_that_cannot_be_had_in_good_time_do_not_use_up_the_call_s_sessions() -> None:
    story = live(limits=Limits(max_call_s=9_000.0, silence_prompt_s=9e3, idle_hangup_s=9e3))
    story.happens(EngineExpires(3_600.0)).wait(2_999.0)
    for _ in range(600):
        story.wait(1.0)
        seats = [c.seat for c in story.said if isinstance(c, OpenEngine)]
        if seats:
            story.happens(SuccessorFailed(seats[-1], "connect_refused", False))
    assert 3 <= len(seats) <= 8, "more and more seldom"
    story.happens(EngineFailed("session_expired", False))
    assert story.of(OpenEngine)


# ---- how long the caller waited ---------------------------------------------------------------


def test_the_longest_wait_is_in_the_last_line() -> None:
    story = turn(live())
    story.wait(1.2).wait(0.1).echoes(*story.marks()).wait(0.7)
    story.speaks(seconds(1.0), "i2", "Yes.", "r2").finishes("i2", "r2").wait(1.0)
    story.echoes(*story.marks()).happens(StreamStopped())
    (end,) = story.entries(EndLine)
    assert end.wordless_ms == pytest.approx(2_000, abs=60)
    assert end.silence_ms == pytest.approx(1_200, abs=60)


def test_a_caller_who_is_never_kept_waiting_has_no_longest_wait() -> None:
    story = live().happens(StreamStopped())
    (end,) = story.entries(EndLine)
    assert end.silence_ms <= 500, "only the greeting was waited for"


# ---- engines that answer on request -------------------------------------------------------------


def test_the_next_session_is_asked_in_its_own_way() -> None:
    asked = msgspec.structs.replace(CAPABILITIES, answers_on_request=True, cancels_on_speech=False)
    story = live(rungs=(Rung("realtime", CAPABILITIES), Rung("turns", asked)))
    turn(story).happens(DEAD).happens(SuccessorReady(1))
    story.speaks(seconds(0.5), "s1.i1", "Yes.", "s1.r1").finishes("s1.i1", "s1.r1").wait(0.5)
    story.echoes(*story.marks())
    story.happens(CallerSpeechStarted("s1.u1", 2_000)).frames(0.4)
    story.happens(CallerSpeechStopped("s1.u1", 2_400))
    assert story.of(Answer) == [Answer("s1.u1")]
