"""Names are kept apart between the engine sessions of one call."""

from agents.engine import (
    AppendAudio,
    AudioDelta,
    CallerSpeechStarted,
    CancelResponse,
    EngineReady,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.seatids import SeatIds


def test_the_first_session_keeps_its_names() -> None:
    called = ToolCalled("r1", "call_1", "book", "{}")
    assert SeatIds(0).event(called) is called
    told = ToolOutput("call_1", "{}")
    assert SeatIds(0).command(told) is told


def test_later_sessions_have_names_of_their_own() -> None:
    ids = SeatIds(2)
    assert ids.event(ToolCalled("r1", "c1", "book", "{}")) == ToolCalled(
        "s2.r1", "s2.c1", "book", "{}"
    )
    assert ids.event(AudioDelta("r1", "i1", 0, b"x")) == AudioDelta("s2.r1", "s2.i1", 0, b"x")
    assert ids.event(CallerSpeechStarted("u1", 5)) == CallerSpeechStarted("s2.u1", 5)
    assert ids.event(EngineReady("s")) == EngineReady("s")


def test_a_session_is_told_its_own_names_only() -> None:
    ids = SeatIds(2)
    assert ids.command(TruncateItem("s2.i1", 0, 5, "a")) == TruncateItem("i1", 0, 5, "a")
    assert ids.command(CancelResponse("r1")) is None, "of the first session"
    assert ids.command(CancelResponse("s1.r1")) is None
    assert ids.command(AppendAudio(b"x")) == AppendAudio(b"x")
