"""What a line may rightly carry: voices, noise, music, tones; at 24 kHz, the same every time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agents.local.models import Models
from telephony.media import ulaw
from tests.callers import Pcm, resampled, says

RATE = 24_000
WORDS = (
    "Good morning, this is the automated assistant. Tuesday at nine or at half past ten would suit;"
    " which of them shall I book for you? The number ends in four, seven, six, six."
)
VOICES = ("en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "it-IT")
PEAKS = (3, 300, 3_000, 12_000, 32_000)
TONES_HZ = (50, 440, 1_000, 2_000, 3_000, 6_000, 11_000)
Line = NDArray[np.float64]


def wire(samples: Pcm, audio_format: str) -> bytes:
    """As `pcm`, `swapped` (its bytes the wrong way round) or `ulaw` at 8 kHz."""
    match audio_format:
        case "pcm":
            return samples.astype("<i2").tobytes()
        case "swapped":
            return samples.astype(">i2").tobytes()
        case _:
            return ulaw.encode(resampled(samples, RATE, 8_000, band=(0, 3_400)))


def voices() -> Iterator[tuple[str, Pcm]]:
    """Six of Pico's and the embedded one: as they are, softly, and far too loud."""
    spoken = {voice: resampled(says(WORDS, voice=voice), 16_000, RATE) for voice in VOICES}
    spoken["embedded"] = np.frombuffer(Models().load_voice().render(WORDS), np.int16)
    for name, samples in spoken.items():
        plain = samples.astype(np.float64)
        yield name, samples
        yield f"{name}, soft", (plain / 8).astype(np.int16)
        yield f"{name}, clipped", np.clip(plain * 8, -32_768, 32_767).astype(np.int16)


def noise_and_music(seconds: float) -> Iterator[tuple[str, Pcm]]:
    count = int(seconds * RATE)
    for name, wave in {**_noises(count), **_music(count)}.items():
        for peak in PEAKS:
            yield f"{name} of {peak}", _scaled(wave, peak)
    t = np.arange(count) / RATE
    for hz in TONES_HZ:
        yield f"tone of {hz} Hz", _scaled(np.sin(2 * np.pi * hz * t + 0.3), 20_000)
    yield "nothing", np.zeros(count, np.int16)
    yield "a constant", np.full(count, 5_000, np.int16)
    yield "the last bit", np.random.default_rng(1).integers(-1, 2, count).astype(np.int16)


def _scaled(wave: Line, peak: int) -> Pcm:
    return np.asarray(wave / np.abs(wave).max() * peak, np.int16)


def _noises(count: int) -> dict[str, Line]:
    white = np.random.default_rng(1).normal(size=count)
    bins = np.maximum(1, np.arange(count // 2 + 1))
    return {
        "white noise": white,
        "pink noise": np.fft.irfft(np.fft.rfft(white) / np.sqrt(bins), count),
        "brown noise": np.fft.irfft(np.fft.rfft(white) / bins, count),
    }


def _music(count: int) -> dict[str, Line]:
    draw = np.random.default_rng(2)
    t = np.arange(count) / RATE
    beat = np.arange(RATE // 4)
    chord = sum(
        (np.sin(2 * np.pi * hz * part * t) / part for hz in (220, 277, 330) for part in (1, 2, 3)),
        np.zeros(count),
    )
    pitches = draw.choice([262, 330, 392, 523, 880, 1_760, 3_520], count // len(beat) + 1)
    plucked = [np.sin(2 * np.pi * hz * beat / RATE) * np.exp(-beat / 2_500) for hz in pitches]
    melody = np.concatenate(plucked)[:count]
    hit = draw.normal(size=RATE // 2) * np.exp(-np.arange(RATE // 2) / 500)
    drums = np.resize(hit, count) + 0.05 * np.sin(2 * np.pi * 60 * t)
    return {
        "a chord": chord,
        "a melody": melody,
        "drums": drums,
        "a band": chord + 3 * melody + 4 * drums,
        "a square wave": np.sign(np.sin(2 * np.pi * 440 * t)),
        "a saw": (t * 220 % 1) * 2 - 1,
    }
