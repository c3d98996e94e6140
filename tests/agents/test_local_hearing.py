"""What takes the floor from the agent and what does not: sounds of a telephone through the ears."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.local.endpointing import Endpoints, Heard, SpeechStarted, SpeechStopped
from agents.local.hearing import Hearing
from agents.local.models import Models
from agents.local.vad import Vad
from tests.callers import Pcm, resampled, says, silence, telephoned

RATE = 8_000
Sound = NDArray[np.float64]


def level(sound: Sound, dbfs: float) -> Sound:
    """The sound at this mean level."""
    gain = 32_768 * 10 ** (dbfs / 20) / float(np.sqrt(np.square(sound).mean()))
    return sound * gain


def noise(ms: int, dbfs: float, seed: int = 1) -> Sound:
    return level(np.random.default_rng(seed).standard_normal(ms * RATE // 1_000), dbfs)


def within(sound: Sound, low_hz: float, high_hz: float) -> Sound:
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    filtered: Sound = np.fft.irfft(spectrum, len(sound))
    return filtered


def tones(ms: int, dbfs: float, *hz: float) -> Sound:
    time = np.arange(ms * RATE // 1_000) / RATE
    return level(np.sum([np.sin(2 * np.pi * each * time) for each in hz], axis=0), dbfs)


def click() -> Sound:
    """Four milliseconds of ringing at nearly full scale: a switch, a bad contact."""
    time = np.arange(32)
    ringing: Sound = 25_000 * np.exp(-time / 6) * np.cos(2.2 * time)
    return ringing


def breath(dbfs: float) -> Sound:
    """Into the mouthpiece, swelling and fading for 600 ms."""
    return level(within(noise(600, -20), 400, 2_800) * np.hanning(4_800), dbfs)


def cough(dbfs: float) -> Sound:
    """Without voice: up in 20 ms, gone after a quarter of a second."""
    time = np.arange(280 * 8) / RATE
    rise: Sound = np.minimum(time / 0.02, 1.0) * np.exp(-np.maximum(time - 0.02, 0) / 0.06)
    return level(within(noise(280, -20), 250, 3_000) * rise, dbfs)


def thump() -> Sound:
    """The telephone is put down on a table."""
    time = np.arange(120 * 8) / RATE
    fall: Sound = 12_000 * np.exp(-time / 0.03) * np.sin(2 * np.pi * 90 * time)
    return fall


def spoken(text: str) -> Sound:
    """At 8 kHz and -20 dBFS, without the silence around it."""
    word = within(resampled(says(text), 16_000, RATE).astype(np.float64), 200, 3_400)
    loud = np.flatnonzero(np.abs(word) > np.max(np.abs(word)) / 20)
    return level(word[loud[0] : loud[-1]], -20)


def voice_begins(word: Sound) -> int:
    """The sample where it comes within 10 dB of its loudest; an `s` before that is no voice."""
    power: Sound = np.convolve(np.square(word), np.ones(160), "same")
    return int(np.flatnonzero(power > np.max(power) / 10)[0])


def voiced(ms: int) -> Sound:
    """So much out of the middle of a word."""
    word = spoken("No.")
    loudest = int(np.argmax(np.convolve(np.abs(word), np.ones(400), "same")))
    piece = word[loudest - ms * 4 : loudest + ms * 4]
    return level(piece * np.minimum(1, 4 * np.hanning(len(piece))), -20)


def again(sound: Sound, every_ms: int) -> Sound:
    """Eight seconds of a quiet line, with the sound in it again and again after the first."""
    line = noise(8_000, -60, seed=2)
    for at in range(RATE, len(line) - len(sound), every_ms * 8):
        line[at : at + len(sound)] += sound
    return line


HARMLESS: dict[str, Callable[[], Sound]] = {
    "line noise at -45 dBFS": lambda: noise(8_000, -45),
    "line noise at -30 dBFS": lambda: noise(8_000, -30),
    "mains hum at -30 dBFS": lambda: tones(8_000, -30, 50, 150),
    "clicks": lambda: again(click(), 250),
    "bursts of 50 ms at -12 dBFS": lambda: again(noise(50, -12), 400),
    "bursts of 200 ms at -20 dBFS": lambda: again(noise(200, -20), 800),
    "a tone of 50 ms": lambda: again(tones(50, -15, 440), 400),
    "breath at -40 dBFS": lambda: again(breath(-40), 1_200),
    "breath at -25 dBFS": lambda: again(breath(-25), 1_200),
    "coughs at -20 dBFS": lambda: again(cough(-20), 1_000),
    "coughs at -12 dBFS": lambda: again(cough(-12), 1_000),
    "thumps": lambda: again(thump(), 600),
    "keys being pressed": lambda: again(tones(200, -13, 770, 1_336), 600),
    "another telephone ringing": lambda: again(tones(1_000, -18, 425), 2_000),
    "voice for 30 ms": lambda: again(voiced(30), 1_000),
    "voice for 50 ms": lambda: again(voiced(50), 1_000),
}


def heard(models: Models, line: Pcm) -> list[Heard]:
    """All turns in 8 kHz audio, fed in frames of 20 ms."""
    hearing = Hearing(Vad(models.load().vad), Endpoints())
    audio = telephoned(line, RATE)
    frames = [audio[at : at + 480].tobytes() for at in range(0, len(audio), 480)]
    return [turn for frame in frames for turn in hearing.hear(frame)]


def whole(line: Sound) -> Pcm:
    return np.clip(np.rint(line), -32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_sound_that_is_no_speech_does_not_interrupt(models: Models, name: str) -> None:
    assert heard(models, whole(HARMLESS[name]())) == []


@pytest.mark.parametrize("dbfs", [-60.0, -45.0, -35.0])
@pytest.mark.parametrize("text", ["No.", "Stop.", "Wait, please.", "Actually, make it three."])
def test_speech_on_a_noisy_line_is_noticed_within_200_ms(
    models: Models, text: str, dbfs: float
) -> None:
    word = spoken(text)
    line = noise(3_000 + len(word) // 8, dbfs)
    line[RATE : RATE + len(word)] += word
    audio = telephoned(whole(line), RATE)
    hearing = Hearing(Vad(models.load().vad), Endpoints())
    noticed = next(
        at
        for at in range(0, len(audio), 480)
        if any(isinstance(t, SpeechStarted) for t in hearing.hear(audio[at : at + 480].tobytes()))
    )
    since_ms = noticed // 24 + 20 - 1_000 - voice_begins(word) // 8
    assert -100 < since_ms <= 200


def test_a_turn_is_found_where_it_was_spoken(models: Models) -> None:
    word = telephoned(whole(spoken("Tomorrow morning, please.")), RATE)
    hearing = Hearing(Vad(models.load().vad), Endpoints(), begin_ms=5_000)
    line = np.concatenate([silence(1_000), word, silence(1_000)])
    started, stopped = hearing.hear(line.tobytes())
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert 5_900 <= started.at_ms <= 6_200
    assert abs(stopped.at_ms - (6_000 + len(word) // 24)) <= 200
    assert abs(len(stopped.audio) / 16 - (len(word) / 24 + 800)) <= 300
