"""Levels of the caller's side, and our own voice coming back on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.call.sound import CallerSound, OwnVoice, is_echo
from telephony.media import ulaw
from tests.fakes.realtime_script import hum

RATE = 8_000
NOISE = np.random.default_rng(7)


def noise(duration_ms: int, amplitude: float) -> bytes:
    return ulaw.encode(NOISE.normal(0, amplitude, duration_ms * 8).astype(np.int16))


def speech(text: str, duration_ms: int, gain: float = 1.0) -> bytes:
    return ulaw.encode((hum(text, duration_ms, RATE) * gain).astype(np.int16))


def test_sound_counts_only_what_stands_out_of_the_line_s_noise() -> None:
    sound = CallerSound(above_noise_db=6.0)
    sound.heard(noise(1_000, 30))
    sound.begin()
    sound.heard(noise(500, 30))
    assert sound.speech_s == 0.0
    sound.heard(speech("somebody", 500))
    assert 0.4 <= sound.speech_s <= 0.5


@pytest.mark.parametrize("duration_ms", [100, 300, 600, 1_500])
def test_a_sound_that_neither_rises_nor_falls_is_no_speech(duration_ms: int) -> None:
    """A lorry, a fan, a tone: far above the line's noise, and steady, but for its first 100 ms."""
    swell = np.minimum(1.0, np.arange(duration_ms * 8) / 800)
    lorry = (NOISE.normal(0, 2_000, duration_ms * 8) * swell).astype(np.int16)
    sound = CallerSound(above_noise_db=6.0)
    sound.heard(noise(1_000, 30))
    sound.begin()
    sound.heard(ulaw.encode(lorry))
    assert sound.speech_s == 0.0 or duration_ms < 300
    sound.heard(speech("somebody", 500))
    assert sound.speech_s > duration_ms / 1_000
    sound.begin()
    assert sound.speech_s == 0.0


def test_a_loud_line_needs_a_louder_voice() -> None:
    sound = CallerSound(above_noise_db=6.0)
    sound.heard(noise(1_000, 1_500))
    sound.begin()
    both = hum("somebody", 500, RATE) * 0.2 + NOISE.normal(0, 1_500, 4_000)
    sound.heard(ulaw.encode(both.astype(np.int16)))
    assert sound.speech_s == 0.0


def test_noise_that_rises_and_falls_by_less_than_a_voice_would_is_no_speech() -> None:
    """A street, heard through a window."""
    sound = CallerSound(above_noise_db=6.0)
    street = b"".join(noise(200, 300) + noise(200, 500) for _ in range(5))
    sound.heard(street)
    sound.begin()
    sound.heard(street)
    assert sound.speech_s == 0.0
    sound.heard(speech("somebody", 500))
    assert sound.speech_s > 0.3


def test_the_noise_floor_forgets_within_seconds() -> None:
    sound = CallerSound(above_noise_db=6.0)
    sound.heard(noise(1_000, 5))
    sound.heard(noise(3_100, 800))
    sound.begin()
    sound.heard(noise(500, 800))
    assert sound.speech_s == 0.0


def test_a_sound_to_be_ignored_is_over_with_the_first_quiet_step() -> None:
    """From then on four loud steps are enough; so much of the line may pass unseen at most."""
    sound = CallerSound(above_noise_db=6.0)
    sound.heard(noise(1_000, 30))
    assert sound.samples_to(0.2) == 1_600
    sound.heard(speech("somebody", 300)[:2_000])
    assert sound.samples_to(0.2) == 1, "it is loud enough already"
    sound.ignore()
    assert sound.samples_to(0.2) == 2_000


def test_how_much_silence_it_takes_to_be_quiet_for_so_long() -> None:
    sound = CallerSound(above_noise_db=6.0)
    sound.heard(speech("somebody", 500) + noise(200, 5))
    before = sound.samples_to_quiet(2.5)
    assert before is not None
    sound.heard(noise(20, 5))
    assert sound.samples_to_quiet(2.5) == before - 160
    sound.heard(noise(2_600, 5))
    assert sound.samples_to_quiet(2.5) is None


@given(cuts=st.lists(st.integers(1, 900), min_size=1, max_size=40))
def test_pieces_of_any_length_give_the_same_figures(cuts: list[int]) -> None:
    line = noise(1_000, 20) + speech("somebody", 1_000)
    whole, pieces = CallerSound(6.0), CallerSound(6.0)
    whole.heard(line)
    at = 0
    for size in cuts:
        pieces.heard(line[at : at + size])
        at += size
    pieces.heard(line[at:])
    assert pieces.speech_s == whole.speech_s
    assert pieces.latest == whole.latest == line[-2_400:]


@pytest.mark.parametrize("delay_ms", [20, 150, 400, 900])
@pytest.mark.parametrize("gain", [1.0, 0.3, 0.1])
def test_our_voice_is_recognised_at_any_delay_and_strength(delay_ms: int, gain: float) -> None:
    said = np.concatenate([hum("one", 2_000, RATE), hum("another", 2_000, RATE)])
    said = said * np.linspace(0.2, 1.0, len(said))
    own = OwnVoice()
    own.played(8_000, ulaw.encode(said.astype(np.int16)))
    until = 8_000 + 3 * RATE
    end = until - 8_000 - delay_ms * 8
    back = said[end - 2_400 : end] * gain + NOISE.normal(0, 10, 2_400)
    assert is_echo(own.likeness(ulaw.encode(back.astype(np.int16)), until))


def test_another_voice_is_no_echo() -> None:
    own = OwnVoice()
    own.played(0, speech("we say this", 3_000))
    for text in ("the caller", "somebody else", "a third"):
        assert not is_echo(own.likeness(speech(text, 300), 2 * RATE))
    assert not is_echo(own.likeness(noise(300, 2_000), 2 * RATE))


def test_silence_is_like_nothing() -> None:
    own = OwnVoice()
    assert own.likeness(speech("caller", 300), RATE) == 0.0
    own.played(0, b"\xff" * RATE)
    assert own.likeness(b"\xff" * 2_400, RATE) == 0.0
    assert own.likeness(b"", RATE) == 0.0


def test_what_was_said_long_ago_is_forgotten() -> None:
    own = OwnVoice()
    for second in range(60):
        own.played(second * RATE, speech(f"second {second}", 1_000))
    assert len(own._pieces) <= 5
