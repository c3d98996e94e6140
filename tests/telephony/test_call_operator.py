"""The staff looks on: what it may do to a call, what of that is written down, who hears what."""

from typing import Any

import msgspec
import pytest

from agents.engine import (
    CancelResponse,
    EngineFailed,
    EngineReady,
    Inform,
    Say,
)
from telephony.call.commands import ClearPlayback, HangUp, PlaceMark, SeatEngine, Transfer
from telephony.call.config import Resumed, Route
from telephony.call.ending import Phase
from telephony.call.events import (
    Act,
    DtmfPressed,
    HandedOver,
    MarkEchoed,
    OperatorActs,
    StreamLost,
    StreamStarted,
    StreamStopped,
    SuccessorReady,
)
from telephony.call.machine import Call
from telephony.transcripts.entry import AgentLine, EndedReason, EndLine, OperatorLine
from telephony.transcripts.text import render
from tests.telephony.script import Script, seconds
from tests.telephony.test_call_relay import Relayed
from tests.telephony.test_call_relay import live as relayed

SALES = Route("sales", "I'll put you through to sales.", 20.0)
FRONT = Route("front desk", "I'll get somebody.", 30.0)
HUSH = OperatorActs(Act.WHISPER, "ann", "Offer ten percent off.")
ENDS = OperatorActs(Act.HANG_UP, "ann")
TO_SALES = OperatorActs(Act.TRANSFER, "ann", "sales")
TAKES = OperatorActs(Act.TAKE_OVER, "ann")
GOODBYE = Say("I'm sorry, I have to end this call now. Please call again another time. Goodbye.")


def up(**fields: Any) -> Script:
    """A call that is up, on a line without delay, whose greeting was heard."""
    script = Script()
    full = {"routes": (SALES, FRONT), "human": "front desk", "human_ulaw": seconds(0.5)}
    script.config = msgspec.structs.replace(script.config, **{**full, **fields})
    script.call = Call(script.config)
    script.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"), EngineReady("s1"))
    script.until_s(1.0).speaks(seconds(1.0), "hello", "Hello.", "r0").finishes("hello", "r0")
    return script.wait(1.0).echoes("0:1:8000")


def done(script: Script) -> list[tuple[str, str, str, bool]]:
    lines = script.entries(OperatorLine)
    return [(line.act, line.by, line.words, line.done) for line in lines]


# ---- a word in the agent's ear --------------------------------------------------------------


def test_a_whisper_is_known_to_the_model_and_heard_by_nobody() -> None:
    script = up().happens(HUSH)
    (told,) = [command for command in script.last if isinstance(command, Inform)]
    assert told.text.endswith(" Offer ten percent off.")
    assert "do not say" in told.text.lower()
    assert not [c for c in script.last if isinstance(c, Say | ClearPlayback)]
    assert done(script) == [("whisper", "ann", "Offer ten percent off.", True)]
    assert script.entries(OperatorLine)[0].at_ms == 2_000


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (OperatorLine("whisper", "ann", "Ask why.", 1_000), "ann told the agent: Ask why."),
        (OperatorLine("transfer", "ann", "sales", 1_000), "ann put the caller through to sales"),
        (OperatorLine("hang_up", "a\x1bnn", "", 1_000), "a\\x1bnn ended the call"),
        (
            OperatorLine("take_over", "ann", "", 1_000, done=False),
            "ann took the call over (it could not be done)",
        ),
    ],
)
def test_the_transcript_tells_who_did_what(line: OperatorLine, told: str) -> None:
    assert render([line]) == f"00:01.000  staff   {told}\n"


def test_a_whisper_without_words_is_written_down_and_told_to_nobody() -> None:
    script = up().happens(OperatorActs(Act.WHISPER, "ann", "  "))
    assert not [c for c in script.last if isinstance(c, Inform)]
    assert done(script) == [("whisper", "ann", "  ", False)]


def test_the_next_session_of_an_engine_is_told_what_was_whispered_to_the_one_before() -> None:
    story = relayed()
    story.happens(HUSH)
    assert len(story.of(Inform)) == 1
    told = story.of(Inform)
    story.happens(EngineFailed("connection_lost", fatal=False)).wait(0.3)
    story.happens(SuccessorReady(1))
    assert story.of(SeatEngine) == [SeatEngine(1)]
    assert story.of(Inform) == told


def test_a_whisper_between_two_sessions_is_told_once() -> None:
    story = relayed()
    story.happens(EngineFailed("connection_lost", fatal=False)).wait(0.3)
    story.happens(HUSH)
    assert story.of(Inform) == []
    story.happens(SuccessorReady(1))
    assert len(story.of(Inform)) == 1


def test_another_process_that_goes_on_with_the_call_tells_it_again() -> None:
    before = (
        OperatorLine("whisper", "ann", "Offer ten percent off.", 2_000),
        OperatorLine("whisper", "ann", "Too late.", 2_500, done=False),
        OperatorLine("whisper", "ann", "", 2_550),
        OperatorLine("take_over", "ann", "", 2_600, done=False),
    )
    story = Relayed(before=before, resumed=Resumed(at_s=5.0))
    story.happens(StreamStarted("MZ1"))
    assert story.of(Inform) == []
    story.happens(EngineReady("s1"))
    (told,) = story.of(Inform)
    assert told.text.endswith("Offer ten percent off.")


def test_nobody_is_whispered_to_while_the_carrier_has_the_caller() -> None:
    script = up().happens(TAKES).wait(0.6)
    script.echoes(*script.marks()[-1:]).wait(0.1)
    assert Transfer("front desk") in script.said
    script.happens(StreamStopped(), HandedOver(), HUSH)
    assert not [c for c in script.last if isinstance(c, Inform)]
    assert done(script)[-1] == ("whisper", "ann", "Offer ten percent off.", False)


def test_a_session_that_is_not_ready_is_whispered_to_when_it_is() -> None:
    script = Script().when(StreamStarted("MZ1"), PlaceMark("0:0:0")).when(HUSH)
    script.when(EngineReady("s1"), Say("Hello."), Inform)


# ---- the end ---------------------------------------------------------------------------------


def test_the_staff_ends_a_call_with_a_goodbye_that_is_heard() -> None:
    script = up().when(ENDS, GOODBYE)
    assert done(script) == [("hang_up", "ann", "", True)]
    assert HangUp() not in script.said
    script.speaks(seconds(1.0), "bye", "Goodbye.", "r1").finishes("bye", "r1").wait(1.0)
    script.when(MarkEchoed("0:2:8000"), HangUp())
    script.happens(StreamStopped())
    assert [line.reason for line in script.entries(EndLine)] == [EndedReason.OPERATOR]


def test_a_second_hang_up_does_not_say_goodbye_again() -> None:
    script = up().when(ENDS, GOODBYE).when(ENDS)
    assert [each[3] for each in done(script)] == [True, True]


def test_a_call_whose_engine_is_not_ready_ends_without_words() -> None:
    script = Script()
    script.when(StreamStarted("MZ1"), PlaceMark("0:0:0")).when(ENDS, HangUp())
    assert not [c for c in script.said if isinstance(c, Say)]


# ---- on to somebody else ---------------------------------------------------------------------


def test_the_caller_is_put_through_to_where_the_staff_says() -> None:
    """What is recorded is said before another target only: the carrier says this one's words."""
    script = up().happens(TO_SALES).wait(0.1)
    assert Transfer("sales", SALES.say) in script.said
    assert script.call.phase is Phase.TRANSFERRING
    assert done(script) == [("transfer", "ann", "sales", True)]


def test_a_person_takes_over_after_our_own_words_and_the_agent_falls_silent() -> None:
    script = up().speaks(seconds(3.0), "long", "Let me tell you everything.", "r1").wait(0.5)
    script.happens(TAKES)
    assert [c for c in script.last if isinstance(c, ClearPlayback)]
    assert CancelResponse("r1") in script.last
    assert Transfer("front desk") not in script.said
    script.wait(0.6).echoes(*[mark for mark in script.marks() if mark.startswith("1:")]).wait(0.1)
    assert Transfer("front desk") in script.said
    own = [line.text for line in script.entries(AgentLine) if line.source == "own"]
    assert own == [FRONT.say]


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, OperatorActs(Act.TRANSFER, "ann", "nobody")),
        ({}, OperatorActs(Act.TRANSFER, "ann", "")),
        ({"human": "", "message_s": 0.0}, TAKES),
    ],
)
def test_what_cannot_be_done_is_written_down_and_the_call_goes_on(
    fields: dict[str, Any], asked: OperatorActs
) -> None:
    script = up(**fields).when(asked)
    assert [each[3] for each in done(script)] == [False]
    assert script.call.phase is Phase.LIVE


@pytest.mark.parametrize("asked", [TO_SALES, TAKES])
def test_a_caller_is_put_through_once(asked: OperatorActs) -> None:
    script = up().happens(TO_SALES, asked).wait(0.5)
    script.happens(asked)
    assert [each[3] for each in done(script)] == [True, False, False]
    assert len([c for c in script.said if isinstance(c, Transfer)]) == 1


def test_staff_may_transfer_a_call_that_says_its_goodbye() -> None:
    script = up(human="", message_s=0.0).when(ENDS, GOODBYE).happens(TO_SALES).wait(0.1)
    assert Transfer("sales", SALES.say) in script.said


def test_a_call_that_broke_off_may_be_whispered_into() -> None:
    script = up(limits=msgspec.structs.replace(up().config.limits, lost_s=10.0))
    script.happens(StreamLost("closed"), HUSH)
    assert done(script)[-1][3]


def test_the_zero_key_still_asks_for_a_person() -> None:
    script = up().happens(DtmfPressed("0")).wait(0.6)
    assert [line.source for line in script.entries(AgentLine)][-1] != "operator"
    assert script.entries(OperatorLine) == []
