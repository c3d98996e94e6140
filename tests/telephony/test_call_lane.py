"""Audio about which nothing is to be decided passes, and nothing is decided later for it."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.engine import CallerSpeechStarted, EngineFailed
from telephony.call.commands import StoreAudio, Track
from telephony.call.events import CallerAudio, HangUpAsked, MarkEchoed, StreamStopped
from telephony.call.lane import LANE_SAMPLES, Lane
from telephony.call.machine import Call
from telephony.transcripts.entry import EndedReason
from telephony.transcripts.journal import JournalWriter
from telephony.transcripts.records import Happened, read
from telephony.transcripts.replay import replay
from tests.exploring import examples
from tests.fakes.scripted_engine import ScriptedEngine
from tests.telephony.script import live, seconds
from tests.telephony.test_call_bargein import line, speaking
from tests.telephony.test_call_keypad import desk
from tests.telephony.test_session import Around, OneCall, around, one

__all__ = ["around", "one"]

FRAME = 160


def audio(number: int, samples: int = FRAME) -> CallerAudio:
    """Frame by frame without a gap, each of its own sound."""
    return CallerAudio(bytes([number % 256]) * samples, number * 20)


def granted(samples: int) -> Lane:
    lane = Lane()
    lane.grant(samples)
    return lane


# ---- the lane itself ----------------------------------------------------------------------------


def test_nothing_passes_before_it_is_granted() -> None:
    lane = Lane()
    assert not lane.takes(audio(0), 0.02)
    assert lane.passed == 0


def test_what_passed_is_told_as_one_piece() -> None:
    lane = granted(800)
    assert [lane.takes(audio(number), number / 50) for number in (7, 8, 9)] == [True] * 3
    assert (lane.passed, lane.came_s, lane.full) == (480, 0.18, False)
    assert lane.rest() == CallerAudio(b"\x07" * 160 + b"\x08" * 160 + b"\x09" * 160, 140)
    assert not lane.takes(audio(10), 0.2), "it is closed until it is granted again"


def test_it_is_full_with_the_piece_that_reaches_the_bound() -> None:
    lane = granted(200)
    assert lane.takes(audio(0), 0.0)
    assert not lane.full
    assert lane.takes(audio(1), 0.02)
    assert lane.full


@pytest.mark.parametrize("number", [0, 2, 5])
def test_what_does_not_go_on_where_the_last_ended_does_not_pass(number: int) -> None:
    lane = granted(800)
    assert lane.takes(audio(0), 0.0)
    assert not lane.takes(audio(number), 0.1)
    assert lane.rest() == audio(0)


# ---- when a call grants it ----------------------------------------------------------------------


def test_a_call_with_nothing_to_decide_lets_a_fifth_of_a_second_pass() -> None:
    assert live().call.lane(0.0) == LANE_SAMPLES == 1_600
    talking = live().until_s(1.0).speaks(seconds(2.0))
    assert talking.call.lane(talking.now) == LANE_SAMPLES


def test_nothing_passes_while_the_caller_is_asked_for_something_in_confidence() -> None:
    story = desk()
    assert story.call.lane(story.now) == LANE_SAMPLES
    story.asks(length=4, sensitive=True)
    assert story.call.lane(story.now) == 0


def test_nothing_passes_while_a_cut_settles_or_the_call_ends() -> None:
    script = live()
    script.prompt = False
    script.until_s(1.0).speaks(seconds(3.0)).wait(1.0)
    script.happens(CallerSpeechStarted("u1", 900))
    assert script.call.lane(script.now) == 0
    ending = live().happens(HangUpAsked("operator"))
    assert ending.call.lane(ending.now) == 0


def test_nothing_passes_without_a_session() -> None:
    script = live().happens(EngineFailed("closed", False))
    assert script.call.lane(script.now) == 0


def test_where_sound_may_silence_us_the_call_hears_of_it_as_soon_as_it_tells_anything() -> None:
    """Levels are taken over 50 ms; while nobody is heard there is nothing to fall silent."""
    assert line().call.lane(1.0) == LANE_SAMPLES
    story = speaking()
    rooms = []
    for _ in range(5):
        rooms.append(story.call.lane(story.now))
        story.is_quiet(0.02)
    assert rooms == [400, 240, 80, 320, 160]


# ---- the pump -----------------------------------------------------------------------------------


def stored(call: OneCall) -> bytes:
    pieces = (c for _, commands in call.around.shown for c in commands)
    mine = (c for c in pieces if isinstance(c, StoreAudio) and c.track is Track.CALLER)
    return b"".join(c.ulaw for c in mine)


async def test_the_engine_hears_each_frame_at_once_and_the_call_all_of_them_together(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.session.deliver(audio(0))
    for number in range(1, 13):
        call.session.deliver(audio(number))
        assert len(call.engine.heard) == number + 1
    heard = [event for event in call.around.seen if isinstance(event, CallerAudio)]
    assert [len(event.ulaw) for event in heard] == [1_600]
    call.session.deliver(MarkEchoed("0:0:0"))
    assert call.around.seen[-2:] == [
        CallerAudio(b"".join(audio(n).ulaw for n in (10, 11, 12)), 200),
        MarkEchoed("0:0:0"),
    ], "the call knows of all that came before"
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_fault_p10_an_engine_that_cannot_take_audio_ends_this_call_only(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its `submit` raises for audio, which none may do."""
    call = one()
    await call.begin()
    call.session.deliver(audio(0))
    monkeypatch.setattr(call.engine, "heard", None)
    call.session.deliver(audio(1))
    assert call.session.ended is EndedReason.INTERNAL_ERROR
    assert "call_core_failed" in call.around.counted
    await call.ended()


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(st.sampled_from(["frame"] * 6 + ["short", "gap", "mark", "again"])), max_size=60
    )
)
async def test_whatever_comes_between_each_sample_is_heard_kept_and_told_once(
    around: Around, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    writer = JournalWriter(tmp_path_factory.mktemp("calls"))
    around.shown.clear()
    call = OneCall(around, writer, ScriptedEngine())
    await call.begin()
    sent, at = b"", 0
    for number, step in enumerate(steps):
        if step == "mark":
            call.session.deliver(MarkEchoed("0:0:0"))
            continue
        samples = 80 if step == "short" else FRAME
        at += {"gap": 60, "again": -40}.get(step, 0)
        piece = bytes([number]) * samples
        call.session.deliver(CallerAudio(piece, at))
        at += samples // 8
        sent += piece
        assert b"".join(call.engine.heard) == sent
    call.session.deliver(StreamStopped())
    await call.ended()
    assert stored(call) == sent
    await writer.shut(2.0)
    reading = read((call.journal.folder / "journal.bin").read_bytes())
    told = [r.event for r in reading.records if isinstance(r, Happened)]
    assert b"".join(e.ulaw for e in told if isinstance(e, CallerAudio)) == sent
    moments = [r.now for r in reading.records if isinstance(r, Happened)]
    assert moments == sorted(moments)
    assert replay(reading, lambda _config: Call(call.config)).ok
