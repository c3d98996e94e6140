"""A burst of audio is poured a second at a time, in order, and nothing of it is lost."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    ItemDone,
    TextDelta,
)
from telephony.pouring import Pouring

SECOND = 8_000


def delta(samples: int) -> AudioDelta:
    return AudioDelta("r1", "i1", 0, bytes(number % 251 for number in range(samples)))


def audio_of(told: list[AnyEngineEvent]) -> bytes:
    return b"".join(event.audio for event in told if isinstance(event, AudioDelta))


async def test_other_calls_have_their_turn_after_each_second() -> None:
    told: list[AnyEngineEvent] = []
    pouring = Pouring(AudioFormat.ULAW_8K, told.append)
    pouring.take(delta(3 * SECOND + 100))
    pouring.take(ItemDone("r1", "i1"))
    lengths = []
    for _ in range(4):
        lengths.append(len(audio_of(told)))
        await asyncio.sleep(0)
    assert lengths == [8_000, 16_000, 24_000, 24_100]
    assert audio_of(told) == delta(3 * SECOND + 100).audio
    assert told[-1] == ItemDone("r1", "i1"), "in order"


async def test_who_speaks_up_is_heard_before_what_is_left_of_an_answer() -> None:
    told: list[AnyEngineEvent] = []
    pouring = Pouring(AudioFormat.PCM16_24K, told.append)
    pouring.take(delta(10 * 48_000))
    pouring.take(TextDelta("r1", "i1", "On and on."))
    pouring.take(CallerSpeechStarted("u1", 500))
    assert [type(event) for event in told] == [AudioDelta, CallerSpeechStarted]


async def test_many_short_pieces_are_no_more_than_one_long_one() -> None:
    told: list[AnyEngineEvent] = []
    pouring = Pouring(AudioFormat.ULAW_8K, told.append)
    pouring.take(delta(3 * SECOND))
    for _ in range(10):
        pouring.take(delta(SECOND // 2))
    pouring.take(delta(3 * SECOND))
    lengths = []
    for _ in range(12):
        lengths.append(len(audio_of(told)))
        await asyncio.sleep(0)
    assert lengths == [number * 8_000 for number in range(1, 12)] + [88_000]


async def test_of_the_caller_nothing_waits_and_nothing_is_overtaken() -> None:
    told: list[AnyEngineEvent] = []
    pouring = Pouring(AudioFormat.ULAW_8K, told.append)
    pouring.take(delta(10 * SECOND))
    pouring.take(ItemDone("r1", "i1"))
    pouring.take(CallerSpeechStopped("u1", 500))
    pouring.take(CallerSpeechStarted("u2", 900))
    assert told[1:] == [CallerSpeechStopped("u1", 500), CallerSpeechStarted("u2", 900)]


async def test_what_is_short_passes_at_once() -> None:
    told: list[AnyEngineEvent] = []
    pouring = Pouring(AudioFormat.ULAW_8K, told.append)
    pouring.take(delta(SECOND))
    pouring.take(TextDelta("r1", "i1", "Yes."))
    assert told == [delta(SECOND), TextDelta("r1", "i1", "Yes.")]


@given(st.lists(st.one_of(st.integers(1, 40_000), st.just("words")), max_size=12))
async def test_nothing_is_lost_or_out_of_order(steps: list[int | str]) -> None:
    told: list[AnyEngineEvent] = []
    pouring = Pouring(AudioFormat.ULAW_8K, told.append)
    events = [
        delta(step) if isinstance(step, int) else TextDelta("r1", "i1", str(number))
        for number, step in enumerate(steps)
    ]
    for event in events:
        pouring.take(event)
    for _ in range(80):
        await asyncio.sleep(0)
    assert audio_of(told) == audio_of(list(events))
    words = [event for event in told if isinstance(event, TextDelta)]
    assert words == [event for event in events if isinstance(event, TextDelta)]
