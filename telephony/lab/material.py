"""What is heard in the lab: the model's speech, and the caller's sounds."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.pcm import Pcm
from telephony.lab.scenarios import Sound
from telephony.lab.sentences import BACKCHANNEL, HELLO, INTERRUPTIONS, QUESTION, SENTENCES
from telephony.media import ulaw

RATE = 8_000
FLOOR = 260.0
"""Under all speech of the model lies noise of this deviation (-42 dBFS), never twice the same,
so that every moment of it can be told from every other, pauses too."""
_FULL_SCALE = 32_768
_AUDIBLE = 600
_NOISE_MS = 1_500
_NOISE_DBFS = -30.0
_COUGH_MS = 320


class Clip(msgspec.Struct, frozen=True):
    """A sound of the caller."""

    ulaw: bytes
    onset: int
    """Samples before it can be heard."""
    text: str
    """What a transcription of it says."""


class Spoken(msgspec.Struct, frozen=True):
    """A spoken item of the model, whole."""

    text: str
    speech: Pcm
    """At 8 kHz."""
    wide: Pcm
    """The same at 24 kHz: the nth sample is at the same moment as the 3nth."""


class Speech:
    """The model's voice: as much unlike speech as is asked for, then from the beginning again."""

    def __init__(self, recordings: Mapping[str, bytes], seed: int = 1) -> None:
        """`recordings`: 8 kHz mu-law of all `sentences.SENTENCES`."""
        self._sentences = [(text, ulaw.decode(recordings[text])) for text in SENTENCES]
        self._next = 0
        self._draw = np.random.default_rng(seed)

    def item(self, ms: int) -> Spoken:
        """So much speech, broken off where it is long enough."""
        wanted = ms * RATE // 1000
        texts, parts, length = [], [], 0
        while length < wanted:
            text, speech = self._sentences[self._next]
            self._next = (self._next + 1) % len(self._sentences)
            texts.append(text)
            parts.append(speech)
            length += len(speech)
        floor = self._draw.normal(0.0, FLOOR, wanted)
        speech = _pcm(np.concatenate(parts)[:wanted] + floor)
        return Spoken(" ".join(texts), speech, widened(speech))


def widened(pcm: Pcm) -> Pcm:
    """8 to 24 kHz by its spectrum, without any delay."""
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    if len(pcm) % 2 == 0:
        # Half the old rate is no longer the highest tone, which alone has no mirror image.
        spectrum[-1] /= 2
    return _pcm(np.fft.irfft(spectrum, 3 * len(pcm)) * 3)


def clips(recordings: Mapping[str, bytes]) -> dict[Sound, tuple[Clip, ...]]:
    """The caller's sounds; of those with several, one after the other is used."""
    return {
        Sound.HELLO: (_spoken(HELLO, recordings),),
        Sound.INTERRUPTION: tuple(_spoken(text, recordings) for text in INTERRUPTIONS),
        Sound.QUESTION: (_spoken(QUESTION, recordings),),
        Sound.BACKCHANNEL: (_spoken(BACKCHANNEL, recordings),),
        Sound.NOISE: (Clip(ulaw.encode(_noise()), 0, ""),),
        Sound.COUGH: (Clip(ulaw.encode(_cough()), 0, ""),),
    }


def _spoken(text: str, recordings: Mapping[str, bytes]) -> Clip:
    recording = recordings[text]
    audible = np.abs(ulaw.decode(recording).astype(np.int32)) > _AUDIBLE
    return Clip(recording, int(np.argmax(audible)), text)


def _noise() -> Pcm:
    """Low and steady, with a slow swell at either end."""
    samples = _NOISE_MS * RATE // 1000
    rough = np.random.default_rng(2).normal(0.0, 1.0, samples + 8)
    low = np.convolve(rough, np.ones(9) / 3, "valid")
    swell = np.minimum(1.0, np.minimum(np.arange(samples), np.arange(samples)[::-1]) / 800)
    return _pcm(low * swell * _FULL_SCALE * 10 ** (_NOISE_DBFS / 20))


def _cough() -> Pcm:
    """Two bursts, each loud at once and gone soon."""
    samples = _COUGH_MS * RATE // 1000
    t = np.arange(samples) / RATE
    fade = np.exp(-t / 0.05) + 0.7 * np.where(t > 0.17, np.exp(-(t - 0.17) / 0.05), 0.0)
    return _pcm(np.random.default_rng(3).normal(0.0, 6_000.0, samples) * fade)


def _pcm(samples: NDArray[np.float64]) -> Pcm:
    return np.clip(np.rint(samples), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
