"""What does the synthetic caller sound like on the line? SVOX Pico, levelled, at 8 kHz mu-law.

The agent speaks with another synthesiser, so that in a recording the two are told apart by ear.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from agents.pcm import Filter, Pcm, Polyphase, design
from telephony.media import ulaw
from telephony.simulator import pico

LEVEL_DBFS = -20.0
"""Mean level of the speech itself, pauses left out."""
NOISE_DBFS = -60.0
PEAK = 29_000
NOISE_S = 4.0

_FULL_SCALE = 32_768
_STEP_SAMPLES = 80
_BREATH_SAMPLES = 400
_PAUSE_DB = 35.0


class LineVoice:
    """A voice on a telephone line: equal words are equal bytes. Blocking: run it in a thread."""

    def __init__(
        self,
        manner: pico.Manner | None = None,
        *,
        level_dbfs: float = LEVEL_DBFS,
        noise_dbfs: float = NOISE_DBFS,
        seed: int = 1,
    ) -> None:
        """`seed` decides the noise."""
        self._manner = manner or pico.Manner()
        self._level_dbfs = level_dbfs
        self._noise_dbfs = noise_dbfs
        self._seed = seed

    def speak(self, text: str) -> bytes:
        """The words as mu-law, without silence before or after them. Raises pico.PicoFailed."""
        return self.record([text])[text]

    def record(self, lines: Iterable[str]) -> dict[str, bytes]:
        """Every line once, by its text. Raises pico.PicoFailed."""
        texts = list(dict.fromkeys(lines))
        spoken = pico.speak(texts, self._manner)
        return {text: self._on_the_line(pcm) for text, pcm in zip(texts, spoken, strict=True)}

    def _on_the_line(self, spoken: bytes) -> bytes:
        pcm = narrow(np.frombuffer(spoken, np.int16))
        levelled = _levelled(_trimmed(pcm).astype(np.float64), self._level_dbfs)
        noise = self._hiss(len(levelled))
        return ulaw.encode(np.rint(levelled + noise).astype(np.int16))

    def noise(self) -> bytes:
        """Some seconds of the line while nobody speaks, mu-law, to be played round and round."""
        return ulaw.encode(np.rint(self._hiss(int(NOISE_S * 8_000))).astype(np.int16))

    def _hiss(self, samples: int) -> NDArray[np.float64]:
        draw = np.random.default_rng(self._seed)
        return draw.normal(0.0, _FULL_SCALE * 10 ** (self._noise_dbfs / 20), samples)


def narrow(pcm: Pcm) -> Pcm:
    """16 kHz to 8 kHz: what a telephone line leaves of it."""
    halving = Polyphase(_halving())
    return np.concatenate((halving.push(pcm), halving.flush()))


def speech_dbfs(pcm: NDArray[np.float64]) -> float:
    """Level of the speech in a recording; pauses, 35 dB below its loudest 10 ms, left out."""
    steps = np.square(pcm[: len(pcm) // _STEP_SAMPLES * _STEP_SAMPLES])
    power = steps.reshape(-1, _STEP_SAMPLES).mean(axis=1)
    speech = power[power > np.max(power) * 10 ** (-_PAUSE_DB / 10)]
    return float(10 * np.log10(speech.mean() / _FULL_SCALE**2))


@cache
def _halving() -> Filter:
    return design(up=1, down=2, rate=pico.RATE, length=97, pass_hz=3_400, stop_hz=4_000)


def _trimmed(pcm: Pcm) -> Pcm:
    """Without the silence at either end, but for a breath that keeps soft consonants whole."""
    size = np.abs(pcm.astype(np.int32))
    loud = np.flatnonzero(size > np.max(size) // 100)
    return pcm[max(0, loud[0] - _BREATH_SAMPLES) : loud[-1] + 1 + _BREATH_SAMPLES]


def _levelled(pcm: NDArray[np.float64], level_dbfs: float) -> NDArray[np.float64]:
    """At the level wanted, or as near to it as peaks allow."""
    gain = 10 ** ((level_dbfs - speech_dbfs(pcm)) / 20)
    return pcm * min(gain, float(PEAK / np.max(np.abs(pcm))))
