"""Callers who are passed on: to somebody else, to voicemail, and back to the agent."""

from typing import Any

import msgspec
import pytest

from agents.engine import (
    AppendAudio,
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    EngineFailed,
    EngineReady,
    Inform,
    ResponseStarted,
    Say,
    ToolCalled,
    ToolOutput,
)
from telephony.call.commands import (
    CallBack,
    ClearPlayback,
    CloseStream,
    EndCall,
    HangUp,
    Note,
    PlaceMark,
    RunTool,
    StoreAudio,
    TakeBack,
    TakeMessage,
    Track,
    Transfer,
)
from telephony.call.config import BargeIn, Limits, Route, TurnTaking
from telephony.call.ending import Phase
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    CallOver,
    DialEnded,
    HandedOver,
    HandOverFailed,
    HangUpAsked,
    HumanWanted,
    MarkEchoed,
    MessageLeft,
    StreamLost,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.transcripts.entry import AgentLine, CallerLine, EndedReason, EndLine, Fate, ToolLine
from tests.telephony.script import CAPABILITIES, Script, seconds
from tools.spec import Evidence

ASKS = ToolCalled("r1", "call_9", "transfer_call", '{"target":"sales"}')
TRANSFERS = ToolFinished("call_9", "transfer_call", "done", "{}", transfer_to="sales")
SALES = Route("sales", "I'll put you through to sales.", 20.0)
FRONT = Route("front desk", "I'll get somebody.", 30.0)
FULL: dict[str, Any] = {
    "routes": (SALES, FRONT),
    "human": "front desk",
    "sorry_ulaw": seconds(1.0),
    "human_ulaw": seconds(0.5),
    "message_s": 120.0,
}
BROKEN = EngineFailed("connection_lost", fatal=False)
NOBODY = Say("I'm sorry, nobody is free to take your call just now. How else can I help?")
SPEAKS = CallerSpeechStarted("u1", 0)


def up(**fields: Any) -> Script:
    """A call that is up, on a line without delay, whose greeting was heard."""
    script = Script()
    script.config = msgspec.structs.replace(script.config, **{**FULL, **fields})
    script.call = Call(script.config)
    script.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"), EngineReady("s1"))
    script.until_s(1.0).speaks(seconds(1.0), "hello", "Hello.", "r0").finishes("hello", "r0")
    return script.wait(1.0).echoes("0:1:8000")


def promised(**fields: Any) -> Script:
    """The agent has said that it puts the caller through, and the tool was run."""
    script = up(**fields).speaks(seconds(1.0), "bye", "I'll put you through to sales.")
    script.when(ASKS, RunTool("call_9", "transfer_call", '{"target":"sales"}', Evidence(turn=1)))
    script.finishes("bye").when(TRANSFERS, ToolOutput("call_9", "{}", respond=False))
    return script


def away(**fields: Any) -> Script:
    """The carrier was asked to ring sales, did so, and our stream has stopped."""
    script = promised(**fields).wait(1.0)
    script.when(MarkEchoed("0:2:8000"), Transfer("sales"))
    return script.happens(StreamStopped(), HandedOver())


def back(**fields: Any) -> Script:
    """Nobody answered at sales, and the caller is on a new stream."""
    script = away(**fields).wait(5.0)
    script.when(DialEnded("busy"), TakeBack())
    return script.wait(0.5)


def ends(script: Script) -> list[EndedReason]:
    return [entry.reason for entry in script.entries(EndLine)]


# ---- putting through ---------------------------------------------------------------------------


def test_the_hand_off_is_heard_before_the_call_is_passed_on() -> None:
    script = promised().wait(0.99)
    assert Transfer("sales") not in script.said
    script.wait(0.01).when(MarkEchoed("0:2:8000"), Transfer("sales"))
    assert script.call.phase is Phase.TRANSFERRING
    assert [line.fate for line in script.entries(AgentLine)] == [Fate.HEARD, Fate.HEARD]
    assert HangUp() not in script.said


def test_an_agent_that_said_nothing_of_it_is_asked_to() -> None:
    script = up().when(ASKS, RunTool)
    script.when(TRANSFERS, ToolOutput("call_9", "{}", respond=True)).wait(0.5)
    script.speaks(seconds(1.0), "bye", "One moment.").finishes("bye").wait(1.0)
    script.when(MarkEchoed("0:2:8000"), Transfer("sales"))


def test_an_agent_that_never_says_it_does_not_keep_the_caller() -> None:
    script = up().happens(ASKS, TRANSFERS)
    script.wait(7.9)
    assert Transfer("sales") not in script.said
    script.wait(0.2)
    assert script.said.count(Transfer("sales")) == 1


def test_a_caller_who_says_thank_you_meanwhile_is_put_through_all_the_same() -> None:
    script = promised().wait(0.4)
    script.when(SPEAKS).wait(0.3).when(CallerSpeechStopped("u1", 700))
    script.wait(0.3).when(MarkEchoed("0:2:8000"), Transfer("sales"))


@pytest.mark.parametrize("result", ["completed", "answered"])
def test_a_transfer_that_was_answered_is_the_end_of_the_call(result: str) -> None:
    script = away().wait(40.0)
    script.when(DialEnded(result), CloseEngine(), EndCall(EndedReason.TRANSFERRED))
    (end,) = script.entries(EndLine)
    assert (end.reason, end.detail) == (EndedReason.TRANSFERRED, "sales")
    assert HangUp() not in script.said


def test_fault_t21_the_stop_of_a_transfer_is_not_the_end_of_the_call() -> None:
    script = promised().wait(1.0).happens(MarkEchoed("0:2:8000"))
    script.when(StreamStopped())
    assert script.call.phase is Phase.TRANSFERRING
    script.when(StreamLost("closed"))
    assert ends(script) == []


def test_a_long_talk_does_not_keep_the_model_s_session_open() -> None:
    script = away().wait(20.0 + 59.9)
    assert ends(script) == []
    script.wait(0.2)
    assert ends(script) == [EndedReason.TRANSFERRED]
    assert CloseEngine() in script.said


def test_what_the_engine_still_says_is_for_nobody() -> None:
    script = away()
    script.happens(ResponseStarted("r7"))
    script.when(AudioDelta("r7", "late", 0, seconds(0.5)), DeleteItem("late"))
    script.happens(StreamLost("silent"))
    # Called by the tool that was running, perhaps: it is answered, but not aloud.
    script.happens(ToolCalled("r7", "call_10", "list_services", "{}"))
    finished = ToolFinished("call_10", "list_services", "done", "{}")
    script.when(finished, ToolOutput("call_10", "{}", respond=False))
    assert script.entries(ToolLine)[-1].name == "list_services"


def test_the_reply_under_way_when_the_call_is_passed_on_is_called_off() -> None:
    script = promised().happens(ResponseStarted("r2")).wait(0.9)
    assert CancelResponse("r2") not in script.said
    script.wait(0.1).happens(MarkEchoed("0:2:8000"))
    asked = [c for c in script.said if isinstance(c, CancelResponse | Transfer)]
    assert asked == [CancelResponse("r2"), Transfer("sales")]


def test_a_caller_who_is_away_is_recorded_but_not_sent_to_the_model() -> None:
    script = promised().wait(1.0).happens(MarkEchoed("0:2:8000"))
    script.happens(CallerAudio(seconds(0.02), 3_000))
    assert [type(command) for command in script.last] == [StoreAudio]


def test_a_second_way_out_is_not_taken_while_the_first_is() -> None:
    script = promised()
    again = ToolFinished("call_8", "transfer_call", "done", "{}", transfer_to="front desk")
    script.happens(ToolCalled("r1", "call_8", "transfer_call", "{}"))
    script.happens(again)
    assert Note("transfer_too_late") in script.last
    script.happens(HumanWanted())
    script.wait(1.0).happens(MarkEchoed("0:2:8000"))
    assert [c for c in script.said if isinstance(c, Transfer)] == [Transfer("sales")]


def test_a_caller_who_asks_for_somebody_after_the_goodbye_is_put_through() -> None:
    script = up().happens(ToolCalled("r1", "call_1", "end_call", "{}"))
    script.happens(ToolFinished("call_1", "end_call", "done", "{}", ends_call=True))
    script.happens(ASKS, TRANSFERS).wait(8.1)
    assert Transfer("sales") in script.said
    assert HangUp() not in script.said


def test_a_target_that_is_not_configured_is_our_bug() -> None:
    script = up().happens(ASKS)
    with pytest.raises(AssertionError, match="not configured"):
        script.happens(msgspec.structs.replace(TRANSFERS, transfer_to="+19005550100"))


def test_an_open_claim_on_the_floor_does_not_call_a_transfer_off() -> None:
    on_request = msgspec.structs.replace(
        CAPABILITIES, cancels_on_speech=False, answers_on_request=True
    )
    confirmed = TurnTaking(barge_in=BargeIn.CONFIRMED)
    script = up(capabilities=on_request, turn_taking=confirmed)
    script.speaks(seconds(1.0), "bye", "I'll put you through.").happens(ASKS).wait(0.2)
    script.happens(SPEAKS, TRANSFERS).finishes("bye").wait(0.6)
    script.happens(CallerSpeechStopped("u1", 600), CallerTranscript("u1", "Thank you so much."))
    assert script.call.phase is Phase.CLOSING
    script.wait(0.8).happens(*(MarkEchoed(name) for name in script.marks()))
    assert Transfer("sales") in script.last
    assert script.entries(AgentLine)[-1].fate is Fate.HEARD


# ---- and back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("result", ["busy", "no-answer", "failed", "canceled"])
def test_a_caller_nobody_took_comes_back_to_an_agent_who_knows_why(result: str) -> None:
    script = away().wait(20.0)
    script.when(DialEnded(result), TakeBack())
    assert Note("transfer_unanswered", detail=result) in script.last
    script.wait(0.5)
    script.when(
        StreamStarted("MZ2"),
        Inform("Nobody answered at sales: the caller is back with you."),
        NOBODY,
    )
    assert script.call.phase is Phase.LIVE
    assert sum(isinstance(c, PlaceMark) for c in script.last) == 1


def test_fault_x15_an_answer_that_comes_on_the_next_stream_is_given_once() -> None:
    script = away().happens(ToolCalled("r7", "call_10", "book", "{}")).wait(5.0)
    script.happens(DialEnded("busy")).wait(0.5).happens(StreamStarted("MZ2"))
    finished = ToolFinished("call_10", "book", "done", '{"status":"done"}')
    script.when(finished, ToolOutput("call_10", '{"status":"done"}', respond=True))
    script.when(finished)
    assert script.notes()[-1] == "tool_answer_unasked"
    assert [line.state for line in script.entries(ToolLine)] == ["done", "done"]


def test_the_call_s_clock_goes_on_through_the_new_stream() -> None:
    script = back().happens(StreamStarted("MZ2"))
    zero_ms = round(script.now * 1000)
    script.wait(1.0).happens(CallerAudio(seconds(0.02), 980))
    (stored,) = (c for c in script.last if isinstance(c, StoreAudio))
    assert (stored.track, stored.at_samples) == (Track.CALLER, (zero_ms + 980) * 8)
    assert any(isinstance(command, AppendAudio) for command in script.last)
    # The engine counts only what it was given: 20 ms, none of it from before.
    script.happens(CallerSpeechStarted("u2", 0)).wait(0.02)
    script.happens(CallerSpeechStopped("u2", 20)).wait(1.0)
    script.happens(StreamStopped())
    (line,) = script.entries(CallerLine)
    assert (line.start_ms, line.end_ms) == (zero_ms + 980, zero_ms + 1_000)


def test_marks_of_the_new_stream_prove_what_is_heard_on_it() -> None:
    script = back().happens(StreamStarted("MZ2"))
    probe = script.marks()[-1]
    script.happens(MarkEchoed(probe)).wait(0.2)
    script.speaks(seconds(1.0), "sorry", "Nobody is free.", "r5").finishes("sorry", "r5")
    script.wait(1.0).happens(MarkEchoed(script.marks()[-1]))
    line = script.entries(AgentLine)[-1]
    assert (line.text, line.fate, line.heard_ms) == ("Nobody is free.", Fate.HEARD, 1_000)
    assert line.start_ms == round(script.now * 1000) - 1_000


def test_a_caller_who_is_back_can_be_put_through_again() -> None:
    script = back().happens(StreamStarted("MZ2")).wait(0.2)
    script.speaks(seconds(0.5), "sorry", "Sorry.", "r5").finishes("sorry", "r5").wait(0.5)
    script.happens(MarkEchoed(script.marks()[-1]))
    other = ToolFinished("call_11", "transfer_call", "done", "{}", transfer_to="front desk")
    script.happens(ToolCalled("r6", "call_11", "transfer_call", "{}"), other).wait(8.1)
    assert [c for c in script.said if isinstance(c, Transfer)] == [
        Transfer("sales"),
        Transfer("front desk"),
    ]


def test_a_caller_who_is_back_may_say_goodbye() -> None:
    script = back().happens(StreamStarted("MZ2")).wait(1.0)
    script.happens(StreamStopped())
    assert ends(script) == [EndedReason.CALLER_HUNG_UP]


def test_a_caller_who_does_not_come_back_is_to_be_called_back() -> None:
    script = back().wait(14.6)
    assert ends(script) == [EndedReason.TRANSFER_FAILED]
    assert CallBack("The caller could not be put through to anybody.") in script.said


def test_the_stream_that_should_bring_them_back_is_lost() -> None:
    script = back()
    script.when(StreamLost("carrier_error"))
    script.when(StreamLost("closed"), CallBack, CloseEngine(), EndCall(EndedReason.TRANSFER_FAILED))


def test_an_engine_that_died_meanwhile_is_not_come_back_to() -> None:
    script = away()
    script.happens(BROKEN)
    assert ends(script) == []
    script.when(DialEnded("busy"), TakeMessage(asked=True))
    script.wait(30.0).when(MessageLeft(12), CloseEngine(), EndCall(EndedReason.VOICEMAIL))


def test_nor_when_there_is_no_voicemail_either() -> None:
    script = away(message_s=0.0).happens(BROKEN)
    script.when(
        DialEnded("no-answer"), CallBack, CloseEngine(), EndCall(EndedReason.TRANSFER_FAILED)
    )


def test_an_engine_that_dies_on_the_way_back_leaves_the_caller_to_a_person() -> None:
    script = back().happens(BROKEN)
    script.when(StreamStarted("MZ2"))
    marks = [c.name for c in script.last if isinstance(c, PlaceMark)]
    script.wait(1.5).happens(*(MarkEchoed(name) for name in marks))
    assert script.last[-1] == Transfer("front desk")


# ---- the carrier would not ---------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["rate_limited", "server_error", "timeout", "refused"])
def test_fault_t22_a_redirect_that_fails_is_made_by_closing_the_socket(reason: str) -> None:
    script = promised().wait(1.0).happens(MarkEchoed("0:2:8000"))
    script.when(HandOverFailed(reason), CloseStream(1000, "transferring"))
    assert Note("handover_failed", detail=reason) in script.last
    script.when(StreamLost("closed"))
    script.happens(HandedOver()).wait(30.0)
    script.when(DialEnded("completed"), CloseEngine(), EndCall(EndedReason.TRANSFERRED))
    assert script.said.count(Transfer("sales")) == 1


def test_fault_t22_an_api_that_never_answers_is_not_waited_for() -> None:
    script = promised().wait(1.0).happens(MarkEchoed("0:2:8000")).wait(6.1)
    assert CloseStream(1000, "transferring") in script.said
    script.when(HandOverFailed("timeout"))
    script.wait(6.1)
    assert ends(script) == [EndedReason.TRANSFER_FAILED]
    assert sum(isinstance(c, CallBack) for c in script.said) == 1


def test_fault_t22_a_failure_after_the_stream_stopped_was_none() -> None:
    script = promised().wait(1.0).happens(MarkEchoed("0:2:8000"), StreamStopped())
    script.when(HandOverFailed("server_error"))
    script.wait(30.0).when(DialEnded("busy"), TakeBack())


def test_fault_t22_a_call_that_is_gone_is_over() -> None:
    script = promised().wait(1.0).happens(MarkEchoed("0:2:8000"))
    gone = HandOverFailed("already_over", over=True)
    script.when(
        gone, CloseStream(1000, "call over"), CloseEngine(), EndCall(EndedReason.CALLER_HUNG_UP)
    )


def test_fault_t26_a_leg_the_account_may_not_have_brings_the_caller_back() -> None:
    """Error 10004 is Twilio's business with the account; the caller is told that nobody is free."""
    script = away()
    script.when(DialEnded("failed"), TakeBack())
    script.when(StreamStarted("MZ2"), Inform, NOBODY)


# ---- the caller goes ---------------------------------------------------------------------------


def test_a_caller_who_hangs_up_while_it_rings() -> None:
    script = away().wait(5.0)
    gone = DialEnded("no-answer", over=True)
    script.when(gone, CloseEngine(), EndCall(EndedReason.CALLER_HUNG_UP))


def test_a_caller_who_is_gone_may_have_been_put_through() -> None:
    script = away().wait(60.0).happens(CallOver(), CallOver()).wait(1.0)
    script.when(DialEnded("completed"), CloseEngine(), EndCall(EndedReason.TRANSFERRED))
    script = away().wait(5.0).happens(CallOver()).wait(3.1)
    assert ends(script) == [EndedReason.CALLER_HUNG_UP]
    script = away().wait(5.0).happens(CallOver())
    script.when(DialEnded("busy"), CloseEngine(), EndCall(EndedReason.CALLER_HUNG_UP))


def test_a_call_the_carrier_calls_over_is_over() -> None:
    script = up()
    script.when(CallOver(), CloseEngine(), EndCall(EndedReason.CALLER_HUNG_UP))


def test_a_server_that_stops_does_not_wait_for_callers_it_has_passed_on() -> None:
    script = away()
    script.when(HangUpAsked("drained"), CloseEngine(), EndCall(EndedReason.TRANSFERRED))
    script = back()
    script.happens(StreamLost("server_stopping"))
    assert ends(script) == [EndedReason.TRANSFER_FAILED]


# ---- a person, without the model ---------------------------------------------------------------


def test_a_caller_who_wants_a_person_gets_one_without_the_model() -> None:
    script = up().speaks(seconds(3.0), text="Our opening hours are").wait(0.5)
    script.happens(HumanWanted())
    assert ClearPlayback() in script.last
    marks = [c.name for c in script.last if isinstance(c, PlaceMark)]
    # The model, told of nothing, goes on; the caller hears our own words, and nothing else.
    script.happens(AudioDelta("r1", "item_1", 0, seconds(1.0)), ResponseStarted("r2"))
    script.happens(AudioDelta("r2", "other", 0, seconds(1.0)))
    script.wait(0.5).happens(*(MarkEchoed(name) for name in marks))
    assert script.last[-1] == Transfer("front desk")
    own = [line for line in script.entries(AgentLine) if line.source == "own"]
    assert [(line.text, line.fate) for line in own] == [("I'll get somebody.", Fate.HEARD)]


def test_a_person_is_tried_again_if_the_caller_wants_it() -> None:
    script = up().happens(HumanWanted())
    for stream in ("MZ2", "MZ3"):
        script.wait(0.5).happens(MarkEchoed(script.marks()[-1]), HandedOver())
        script.when(DialEnded("busy"), TakeBack())
        script.happens(StreamStarted(stream), HumanWanted())
    assert script.said.count(Transfer("front desk")) == 2


def test_without_our_own_voice_the_carrier_says_it() -> None:
    script = up(human_ulaw=b"")
    script.when(HumanWanted(), Transfer("front desk", announce="I'll get somebody."))
    script = up(sorry_ulaw=b"")
    both = "I'm sorry, something has gone wrong on our side. I'll get somebody."
    script.when(BROKEN, Transfer("front desk", announce=both))


def test_without_a_person_there_is_voicemail() -> None:
    script = up(human="")
    script.when(HumanWanted(), TakeMessage())
    script.happens(StreamStopped(), HandedOver()).wait(100.0)
    script.when(MessageLeft(20), CloseEngine(), EndCall(EndedReason.VOICEMAIL))


def test_without_either_the_agent_says_so_and_goes_on() -> None:
    script = up(human="", message_s=0.0)
    script.when(HumanWanted(), NOBODY)
    assert script.call.phase is Phase.LIVE


def test_a_caller_who_leaves_no_message_is_to_be_called_back() -> None:
    script = up(human="").happens(HumanWanted(), HandedOver()).wait(10.0).happens(CallOver())
    script.wait(3.1)
    assert ends(script) == [EndedReason.TRANSFER_FAILED]
    assert CallBack("The caller was asked for a message and left none.") in script.said
    script = up(human="").happens(HumanWanted(), HandedOver()).wait(120.0 + 60.1)
    assert ends(script) == [EndedReason.TRANSFER_FAILED]


def test_a_dead_engine_is_followed_by_a_sentence_and_a_person() -> None:
    script = up().happens(BROKEN)
    marks = [c.name for c in script.last if isinstance(c, PlaceMark)]
    script.wait(1.5).happens(*(MarkEchoed(name) for name in marks))
    assert script.last[-1] == Transfer("front desk")
    script.happens(HandedOver()).when(DialEnded("busy"), TakeMessage(asked=True))
    script.when(MessageLeft(3), CloseEngine(), EndCall(EndedReason.VOICEMAIL))
    texts = [line.text for line in script.entries(AgentLine) if line.source == "own"]
    assert texts == [script.config.persona.sorry, "I'll get somebody."]


def test_a_dead_engine_without_a_person_is_followed_by_voicemail() -> None:
    script = up(human="").happens(BROKEN).wait(1.0).happens(MarkEchoed("0:2:8000"))
    assert script.last[-1] == TakeMessage()


def test_nobody_at_all_is_an_apology_and_a_note() -> None:
    script = up(human="", message_s=0.0).happens(BROKEN)
    assert CallBack("The call broke off for a fault of ours.") in script.last
    own = [line.text for line in script.wait(5.0).entries(AgentLine) if line.source == "own"]
    assert own == [script.config.persona.apology]
    assert HangUp() in script.said


def test_an_engine_that_dies_before_its_words_leaves_them_to_the_carrier() -> None:
    script = up().happens(ASKS, TRANSFERS)
    script.when(BROKEN, Transfer("sales", announce="I'll put you through to sales."))


def test_an_engine_that_dies_after_its_words_is_not_missed() -> None:
    script = promised()
    script.when(BROKEN).wait(1.0)
    script.when(MarkEchoed("0:2:8000"), Transfer("sales"))
    script.happens(HandedOver()).when(DialEnded("busy"), TakeMessage(asked=True))


def circling(**fields: Any) -> Script:
    """A model that has called tools for too long, whatever it was told."""
    looks = ToolCalled("r1", "call_9", "look", "{}")
    gives_up = ToolFinished("call_9", "look", "refused", "{}", gives_up=True)
    return up(**fields).happens(looks, gives_up)


def test_fault_x17_a_model_in_circles_is_not_asked_again_and_a_person_comes() -> None:
    script = circling()
    assert ToolOutput("call_9", "{}", respond=False) in script.last
    assert Note("tools_in_circles") in script.last
    (line,) = script.entries(ToolLine)
    assert line.state == "refused"
    script.wait(1.5).happens(*(MarkEchoed(name) for name in script.marks()[-3:])).wait(3.0)
    assert Transfer("front desk") in script.said


def test_fault_x17_without_a_person_it_ends_with_an_apology_and_a_note() -> None:
    script = circling(human="", message_s=0.0)
    assert CallBack("The call broke off for a fault of ours.") in script.last
    again = ToolCalled("r1", "call_10", "look", "{}")
    script.happens(again)
    refused = ToolFinished("call_10", "look", "refused", "{}", gives_up=True)
    script.when(refused, ToolOutput("call_10", "{}", respond=False)).wait(5.0)
    own = [line.text for line in script.entries(AgentLine) if line.source == "own"]
    assert own == [script.config.persona.apology]
    assert HangUp() in script.said


def test_key_0_works_while_the_apology_is_spoken() -> None:
    script = up(human="", message_s=0.0, apology_ulaw=seconds(4.0)).happens(BROKEN)
    script.when(HumanWanted())
    assert script.call.phase is Phase.CLOSING


# ---- nothing is out of place -------------------------------------------------------------------

NEWS: list[CallEvent] = [
    HandedOver(),
    HandOverFailed("timeout"),
    DialEnded("busy"),
    MessageLeft(3),
]


@pytest.mark.parametrize("event", NEWS)
def test_news_nobody_waits_for_changes_nothing(event: CallEvent) -> None:
    for script in (up(), promised()):
        phase = script.call.phase
        script.happens(event)
        assert script.call.phase is phase
        assert all(isinstance(command, Note) for command in script.last)


def test_a_hang_up_is_asked_for_once() -> None:
    script = up(limits=Limits(hangup_s=5.0))
    script.happens(ToolCalled("r1", "call_1", "end_call", "{}"))
    script.happens(ToolFinished("call_1", "end_call", "done", "{}", ends_call=True)).wait(8.1)
    assert script.said.count(HangUp()) == 1
    script.happens(HumanWanted(), ASKS, TRANSFERS, HangUpAsked("drained")).wait(1.0)
    assert script.said.count(HangUp()) == 1
    script.happens(StreamStopped())
    assert ends(script) == [EndedReason.AGENT_HUNG_UP]
    assert not any(isinstance(c, Transfer) for c in script.said)
