"""A line that breaks and comes back, a call another process began, a call another goes on with."""

import msgspec
import pytest

from agents.engine import (
    AgentSaid,
    AppendAudio,
    CallerSaid,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    EngineFailed,
    EngineReady,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolAnswered,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.persona import Persona
from telephony.call.commands import (
    CallCommand,
    CloseStream,
    EndCall,
    OpenEngine,
    RunTool,
    SeatEngine,
    SettleTool,
    TakeBack,
)
from telephony.call.config import CallConfig, Limits, Resumed, Route, Rung
from telephony.call.ending import Phase
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    CallOver,
    DtmfPressed,
    HandedOver,
    HangUpAsked,
    HumanWanted,
    MarkEchoed,
    MigrateAsked,
    StreamLost,
    StreamStarted,
    StreamStopped,
    SuccessorReady,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.call.streams import MOST_BREAKS
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    TruncationLine,
)
from tests.telephony.script import APOLOGY, CAPABILITIES, Script, live, seconds

KEPT = Limits(lost_s=6.0)
SORRY = "Sorry, the line broke off for a moment."
WHERE = Say(f"{SORRY} Where were we?")
BROKEN = StreamLost("closed")
ENDED = EngineFailed("connection_lost", fatal=False)
BOOKS = ToolCalled("r5", "call_1", "book", "{}")
BOOKED = ToolFinished("call_1", "book", "done", '{"status":"done"}')


def up() -> Script:
    """A call whose greeting was heard by 2 s."""
    script = live(limits=KEPT).until_s(1.0).speaks(seconds(1.0), "hello", "Hello.", "r0")
    return script.finishes("hello", "r0").wait(1.0).echoes("0:1:8000")


def asked(script: Script) -> Script:
    """The caller has asked something, which nobody has answered."""
    script.happens(CallerSpeechStarted("u1", 0)).wait(0.5)
    script.happens(CallerSpeechStopped("u1", 500), CallerTranscript("u1", "At noon?", failed=False))
    return script.wait(0.2)


def back(script: Script) -> Script:
    """The carrier asks after a stream that broke, and opens another."""
    return script.when(HandedOver(), TakeBack()).wait(0.3)


def ends(script: Script) -> list[EndedReason]:
    return [entry.reason for entry in script.entries(EndLine)]


# ---- a line that breaks ------------------------------------------------------------------------


def test_fault_t11_a_line_that_breaks_in_mid_word_is_told_of_exactly_and_taken_up_again() -> None:
    script = up().wait(1.0).speaks(seconds(4.0), "long", "One two three four.", "r1")
    script.finishes("long", "r1").wait(1.0).echoes("0:2:8000").wait(0.05)
    script.when(BROKEN, CloseStream(1011, "closed"), TruncateItem)
    (line,) = (each for each in script.entries(AgentLine) if each.item_id == "long")
    (told,) = script.entries(TruncationLine)
    assert line.fate is Fate.CUT
    assert told.audio_end_ms == line.heard_ms
    assert 1_000 <= line.heard_ms <= 1_050
    back(script)
    script.when(StreamStarted("MZ2"), WHERE)
    assert script.call.phase is Phase.LIVE
    assert ends(script) == []


def test_fault_t11_a_caller_who_waited_is_answered_after_a_word_of_it() -> None:
    script = asked(up())
    script.when(BROKEN, CloseStream)
    back(script)
    script.when(StreamStarted("MZ2"), Say(SORRY), Remember((), answer=True))


def test_fault_t11_what_the_engine_says_meanwhile_is_for_nobody() -> None:
    script = asked(up()).happens(ResponseStarted("r1"))
    script.when(BROKEN, CloseStream, CancelResponse("r1"))
    script.speaks(seconds(1.0), "late", "At noon.", "r2").finishes("late", "r2")
    back(script).happens(StreamStarted("MZ2"))
    assert not [line for line in script.entries(AgentLine) if line.item_id == "late" and line.heard]


def test_fault_t11_a_tool_that_ends_meanwhile_ran_once_and_is_answered_on_the_next_stream() -> None:
    script = asked(up()).happens(BOOKS)
    script.happens(BROKEN).when(BOOKED, ToolOutput("call_1", BOOKED.output, respond=False))
    back(script)
    script.when(StreamStarted("MZ2"), Say(SORRY), Remember((), answer=True))
    assert sum(isinstance(command, RunTool) for command in script.said) == 1


def test_fault_t11_a_tool_that_still_runs_is_answered_when_it_is_done() -> None:
    script = asked(up()).happens(BOOKS, BROKEN)
    back(script).when(StreamStarted("MZ2"), Say(SORRY))
    script.when(BOOKED, ToolOutput("call_1", BOOKED.output, respond=True))


def test_fault_t11_the_caller_is_heard_on_the_new_stream_by_the_call_s_own_clock() -> None:
    script = back(up().happens(BROKEN)).happens(StreamStarted("MZ2"))
    zero_ms = round(script.now * 1000)
    script.wait(1.0).happens(CallerAudio(seconds(0.02), 980))
    assert any(isinstance(command, AppendAudio) for command in script.last)
    script.happens(CallerSpeechStarted("u2", 0)).wait(0.02)
    script.happens(CallerSpeechStopped("u2", 20)).wait(1.0).happens(StreamStopped())
    (line,) = script.entries(CallerLine)
    assert (line.start_ms, line.end_ms) == (zero_ms + 980, zero_ms + 1_000)


def test_fault_t11_a_carrier_that_never_asks_ends_the_call_as_before() -> None:
    script = up().happens(BROKEN).wait(5.9)
    assert ends(script) == []
    assert ends(script.wait(0.2)) == [EndedReason.STREAM_LOST]


@pytest.mark.parametrize("event", [CallOver(), HangUpAsked("drained")])
def test_fault_t11_a_call_that_is_over_is_not_waited_for(event: CallOver | HangUpAsked) -> None:
    script = up().happens(BROKEN)
    script.when(event, CloseEngine(), EndCall(EndedReason.STREAM_LOST))


@pytest.mark.parametrize("event", [DtmfPressed("0"), HumanWanted()])
def test_fault_t11_nobody_is_put_through_before_the_line_is_back(event: CallEvent) -> None:
    script = up()
    routes = (Route("shop", "I put you through.", 10.0),)
    script.config = msgspec.structs.replace(script.config, human="shop", routes=routes)
    script.call = Call(script.config)
    script.begins().wait(1.0).happens(BROKEN).when(event)
    assert ends(script) == []
    back(script).happens(StreamStarted("MZ2"))
    assert script.call.phase is Phase.LIVE


@pytest.mark.parametrize("reason", ["protocol", "flood", "server_stopping"])
def test_a_stream_we_would_not_have_again_is_not_waited_for(reason: str) -> None:
    up().when(StreamLost(reason), CloseStream, CloseEngine, EndCall)


def test_a_stream_lost_in_the_goodbye_ends_the_call() -> None:
    script = up().happens(HangUpAsked("drained"))
    script.when(BROKEN, CloseStream, CloseEngine, EndCall)


def test_a_new_stream_that_breaks_too_is_asked_for_again_but_not_for_ever() -> None:
    script = asked(up())
    for _ in range(MOST_BREAKS):
        script.when(BROKEN, CloseStream)
        script.when(StreamLost("carrier_error"))
        back(script)
    script.when(BROKEN, CloseEngine, EndCall(EndedReason.STREAM_LOST))


def test_what_was_owed_outlasts_two_breaks() -> None:
    script = back(asked(up()).happens(BROKEN)).happens(BROKEN)
    back(script).when(StreamStarted("MZ3"), Say(SORRY), Remember((), answer=True))


def test_a_caller_who_never_comes_back_is_given_up() -> None:
    assert ends(back(up().happens(BROKEN)).wait(16.0)) == [EndedReason.STREAM_LOST]


def test_a_line_that_breaks_before_the_engine_is_ready_is_greeted_on_the_next() -> None:
    script = Script(limits=KEPT).happens(StreamStarted("MZ1")).wait(0.2)
    script.when(BROKEN, CloseStream)
    back(script).when(StreamStarted("MZ2"))
    assert script.call.phase is Phase.STARTING
    script.wait(7.0).when(EngineReady("s1"), Say("Hello."))


def test_an_engine_that_is_ready_while_nobody_is_there_greets_on_the_next_stream() -> None:
    script = Script(limits=KEPT).happens(StreamStarted("MZ1")).wait(0.2).happens(BROKEN)
    script.when(EngineReady("s1"))
    back(script).when(StreamStarted("MZ2"), Say("Hello."))


def test_an_engine_that_dies_while_nobody_is_there_leaves_an_apology() -> None:
    script = up().happens(BROKEN, ENDED)
    back(script).happens(StreamStarted("MZ2"))
    assert script.entries(AgentLine) != []
    assert script.call.phase is Phase.CLOSING


def test_an_engine_with_a_successor_is_succeeded_while_nobody_is_there() -> None:
    script = Script(limits=KEPT)
    script.config = msgspec.structs.replace(script.config, rungs=(Rung("one", CAPABILITIES),))
    script.call = Call(script.config)
    script.begins().until_s(1.0).speaks(seconds(0.5), "hello", "Hello.", "r0")
    script.finishes("hello", "r0").wait(0.5).echoes("0:1:4000").happens(BROKEN)
    script.happens(ENDED)
    assert OpenEngine(1, 0) in script.last
    script.happens(SuccessorReady(1)).wait(2.5)
    assert ends(script) == []
    back(script).when(StreamStarted("MZ2"), WHERE)


# ---- a call of another process -----------------------------------------------------------------

EARLIER: tuple[AnyEntry, ...] = (
    AgentLine("i1", 1, "Hello.", "Hello.", Fate.HEARD, 500, 1_500, 1_000, 1_000),
    CallerLine("u1", "At noon, please.", 2_000, 3_000),
)


def resumed(
    before: tuple[AnyEntry, ...] = EARLIER,
    how: Resumed = Resumed(10.0, answer=True),  # noqa: B008, frozen
    persona: Persona = Persona(greeting="Hello."),  # noqa: B008, frozen
) -> Script:
    script = Script()
    script.config = CallConfig(
        "CA1",
        persona,
        CAPABILITIES,
        KEPT,
        APOLOGY,
        rungs=(Rung("one", CAPABILITIES),),
        before=before,
        resumed=how,
    )
    script.call = Call(script.config)
    script.now = how.at_s
    return script


def test_fault_p3_a_call_of_another_process_goes_on_with_what_was_said() -> None:
    script = resumed().happens(StreamStarted("MZ2"))
    assert script.entries(SeatLine) == [SeatLine(1, "one", "resumed", 10_000)]
    known = (AgentSaid("Hello."), CallerSaid("At noon, please."))
    script.wait(1.0).when(EngineReady("s1"), Remember(known), Say(SORRY), Remember((), answer=True))
    script.wait(0.5).happens(CallerAudio(seconds(0.02), 1_480))
    assert script.call.phase is Phase.LIVE


def test_fault_p3_an_engine_gets_its_time_to_be_ready_and_the_call_its_longest_time() -> None:
    late = resumed(how=Resumed(1_795.0)).happens(StreamStarted("MZ2")).wait(1.0)
    late.happens(EngineReady("s1")).speaks(seconds(0.5)).finishes().wait(0.5)
    late.echoes("0:1:4000").wait(4.0)
    assert Say(Persona().length_goodbye) in late.said
    assert ends(resumed().happens(StreamStarted("MZ2")).wait(1.9)) == []


def test_fault_p3_a_caller_who_was_not_answered_yet_is_asked_where_we_were() -> None:
    script = resumed(EARLIER[:1], Resumed(10.0)).happens(StreamStarted("MZ2"))
    script.when(EngineReady("s1"), Remember((AgentSaid("Hello."),)), WHERE)


def test_fault_p3_a_caller_who_heard_nothing_yet_is_greeted() -> None:
    script = resumed((), Resumed(1.0)).happens(StreamStarted("MZ2"))
    script.when(EngineReady("s1"), Remember(()), Say(f"{SORRY} Hello."))


@pytest.mark.parametrize(("fate", "again"), [(Fate.HEARD, False), (Fate.CUT, True)])
def test_fault_p3_what_must_be_disclosed_is_said_until_it_was_heard(
    fate: Fate,
    again: bool,
) -> None:
    law = "This call is recorded."
    told = AgentLine("i1", 1, law, law, fate, 0, 1_000, 1_000, 1_000)
    persona = Persona(greeting="Hello.", disclosure=law)
    script = resumed((told,), Resumed(10.0), persona).happens(StreamStarted("MZ2"))
    script.happens(EngineReady("s1"))
    assert (Say(law) in script.last) is again


def test_fault_p3_a_tool_that_was_running_is_settled_and_its_answer_given_once() -> None:
    how = Resumed(10.0, pending=(BOOKS,))
    script = resumed(how=how).when(StreamStarted("MZ2"), SettleTool("call_1", "book"))
    script.happens(EngineReady("s1"))
    told = ToolAnswered("call_1", "book", "{}", BOOKED.output)
    script.when(BOOKED, Remember((told,), answer=True))
    assert not any(isinstance(command, RunTool) for command in script.said)
    assert [line.state for line in script.entries(ToolLine)] == ["done"]
    script.when(BOOKED)


def test_fault_p3_the_ids_of_engine_sessions_go_on() -> None:
    script = resumed(how=Resumed(10.0, seat=3)).happens(StreamStarted("MZ2"), EngineReady("s1"))
    script.happens(ENDED)
    assert OpenEngine(4, 0) in script.said
    script.happens(SuccessorReady(4))
    assert SeatEngine(4) in script.said


# ---- a call another process goes on with -------------------------------------------------------

GOES: tuple[CallCommand, ...] = (CloseEngine(), EndCall(EndedReason.MIGRATED))


def test_fault_p1_a_call_is_left_in_the_next_silence() -> None:
    script = up().wait(1.0).speaks(seconds(1.0), "said", "At noon.", "r1").finishes("said", "r1")
    script.when(MigrateAsked(5.0)).wait(1.0)
    script.when(MarkEchoed("0:2:8000"), *GOES)
    (line,) = (each for each in script.entries(AgentLine) if each.item_id == "said")
    assert line.fate is Fate.HEARD


def test_fault_p1_a_silent_call_is_left_at_once() -> None:
    up().wait(0.5).when(MigrateAsked(5.0), *GOES)


def test_fault_p2_a_call_that_cannot_wait_is_left_in_mid_word() -> None:
    script = up().wait(1.0).speaks(seconds(4.0), "said", "One two three four.", "r1")
    script.wait(1.0).when(MigrateAsked(0.0), CancelResponse, TruncateItem, *GOES)
    (line,) = (each for each in script.entries(AgentLine) if each.item_id == "said")
    assert line.fate is Fate.CUT


def test_fault_p1_a_call_that_is_never_silent_is_left_all_the_same() -> None:
    script = up().happens(CallerSpeechStarted("u1", 0), MigrateAsked(5.0)).wait(4.9)
    assert ends(script) == []
    assert ends(script.wait(0.2)) == [EndedReason.MIGRATED]


def test_a_goodbye_is_said_where_it_was_begun() -> None:
    script = up().happens(HangUpAsked("drained")).speaks(seconds(2.0), "bye", "Bye.", "r1")
    script.happens(MigrateAsked(0.0)).wait(1.0)
    assert ends(script) == []


def test_fault_s9_a_call_that_was_taken_over_speaks_no_more() -> None:
    script = up().wait(1.0).speaks(seconds(4.0), "said", "One two three four.", "r1").wait(1.0)
    script.when(StreamLost("fenced"), CloseStream(1001, "fenced"), *GOES)


def test_fault_s9_nor_does_one_that_waits_for_its_caller() -> None:
    script = up().happens(BROKEN)
    script.when(StreamLost("fenced"), CloseStream(1001, "fenced"), *GOES)


def test_words_without_audio_are_part_of_what_was_said() -> None:
    script = up().happens(ResponseStarted("r1"), TextDelta("r1", "x", "Never heard."))
    script.happens(ResponseDone("r1", ResponseStatus.COMPLETED), BROKEN)
    assert not [line for line in script.entries(AgentLine) if line.item_id == "x" and line.heard]
