"""Is it speech that the server sends, or bytes of another format that would be played as noise?

A format is told from another by what the same bytes say in each. Speech changes little from one
sample to the next; its bytes read in a wrong format jump about like noise. So a piece is wrong
where it is loud and rough as agreed, and in another format much less rough, or silent. What
is rightly noise or music is white in every other format, and passes.
"""

# In the standard library up to Python 3.12, the audioop-lts package after it.
import audioop
import math
from collections.abc import Callable
from enum import Enum

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.engine import AudioFormat

WINDOW_BYTES = 1_600
"""What is judged at once: 200 ms of mu-law, 33 ms of PCM."""
AUDIBLE = 500.0
"""Root mean square, of 32,768. What is softer disturbs nobody, whatever it is."""
SILENT = 40.0
"""As above: softer than this is silence, which in a wrong format is loud."""
SILENT_RATIO = 50.0
ROUGH = 0.1
SMOOTH = 0.3
"""Energy of the differences between neighbours, against that of white noise, which is 1. What is
less than ROUGH as agreed is in no other format; what is less than SMOOTH may be speech."""
UNLIKE = 0.2
"""How differently bytes at even and at odd places are spread, 0 to 1: those of mu-law are alike."""
PROOFS = 5

_Samples = NDArray[np.float64]
_Reading = Callable[[bytes], _Samples]


def _ulaw(audio: bytes) -> _Samples:
    return np.frombuffer(audioop.ulaw2lin(audio, 2), np.int16).astype(np.float64)


def _companded(audio: bytes) -> _Samples:
    """Mu-law codes in their order of loudness: soft speech counts as much as loud."""
    codes = ~np.frombuffer(audio, np.uint8)
    steps = (codes & 0x7F).astype(np.float64)
    return np.where(codes & 0x80, -steps, steps)


def _little(audio: bytes) -> _Samples:
    return np.frombuffer(audio[: len(audio) & ~1], "<i2").astype(np.float64)


def _big(audio: bytes) -> _Samples:
    return np.frombuffer(audio[: len(audio) & ~1], ">i2").astype(np.float64)


class _Other(msgspec.Struct, frozen=True):
    """Another format: its samples, and the same on the scale on which they are smooth."""

    loud: _Reading
    smooth: _Reading
    byte_wise: bool
    """Each byte is a sample: those at even places are like those at odd ones."""
    smoother: float
    """So many times less rough it is than the agreed format, where it is the right one."""


_AS_ULAW = _Other(_ulaw, _companded, byte_wise=True, smoother=2.0)
_AS_LITTLE = _Other(_little, _little, byte_wise=False, smoother=4.0)
_AS_BIG = _Other(_big, _big, byte_wise=False, smoother=4.0)
_AS_AGREED: dict[AudioFormat, _Reading] = {
    AudioFormat.PCM16_24K: _little,
    AudioFormat.ULAW_8K: _ulaw,
}
_OTHERS: dict[AudioFormat, tuple[_Other, ...]] = {
    AudioFormat.PCM16_24K: (_AS_ULAW, _AS_BIG),
    AudioFormat.ULAW_8K: (_AS_LITTLE, _AS_BIG),
}


class Verdict(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    QUIET = "quiet"
    """Too soft to tell, and to disturb."""


def judge(audio: bytes, audio_format: AudioFormat) -> Verdict:
    """Whether a piece, best of a window's length, is of the format agreed."""
    agreed = _AS_AGREED[audio_format](audio)
    loudness = _loudness(agreed)
    if loudness < AUDIBLE:
        return Verdict.QUIET
    roughness = _roughness(agreed)
    if roughness < ROUGH:
        return Verdict.RIGHT
    others = _OTHERS[audio_format]
    wrong = any(_speaks(other, audio, loudness, roughness) for other in others)
    return Verdict.WRONG if wrong else Verdict.RIGHT


def _speaks(other: _Other, audio: bytes, loudness: float, roughness: float) -> bool:
    """Whether this format makes more sense of it than the agreed one."""
    level = _loudness(other.loud(audio))
    if level < SILENT:
        return level * SILENT_RATIO < loudness
    if _roughness(other.smooth(audio)) > min(SMOOTH, roughness / other.smoother):
        return False
    return other.byte_wise == (_unlikeness(audio) < UNLIKE)


def _unlikeness(audio: bytes) -> float:
    """Of the bytes at even places to those at odd ones, by their upper four bits: 0 to 1."""
    upper = np.frombuffer(audio[: len(audio) & ~1], np.uint8) >> 4
    even = np.bincount(upper[0::2], minlength=16)
    odd = np.bincount(upper[1::2], minlength=16)
    return float(np.abs(even - odd).sum()) / max(1, len(upper))


def _loudness(samples: _Samples) -> float:
    """Root mean square without the constant part."""
    return math.sqrt(_power(samples))


def _roughness(samples: _Samples) -> float:
    """0 for a slow wave, 1 for white noise, up to 2."""
    power = _power(samples)
    steps = samples[1:] - samples[:-1]
    return float(np.dot(steps, steps)) / len(steps) / (2 * power) if power else 0.0


def _power(samples: _Samples) -> float:
    """Without the constant part. By products: of so few samples numpy's own takes five times as
    long."""
    if not len(samples):
        return 0.0
    mean = float(np.add.reduce(samples)) / len(samples)
    return max(0.0, float(np.dot(samples, samples)) / len(samples) - mean * mean)


class SoundGuard:
    """Lets the audio of one session through, or says that it must not be heard.

    Nothing passes unjudged until `PROOFS` windows were found right; then the last window of each
    piece is looked at, since a server may still change its mind.
    """

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._held: dict[str, bytes] = {}
        self._proofs = 0

    def judged(self, item_id: str, audio: bytes) -> bytes | None:
        """What may be heard now, empty while that is not known yet; None: it is wrong."""
        if self._proofs >= PROOFS:
            return None if self._wrong(audio[-WINDOW_BYTES:]) else audio
        held = self._held.pop(item_id, b"") + audio
        if len(held) < WINDOW_BYTES:
            self._held[item_id] = held
            return b""
        starts = range(0, len(held) - WINDOW_BYTES + 1, WINDOW_BYTES)
        if any(self._wrong(held[at : at + WINDOW_BYTES]) for at in starts):
            return None
        return held

    def _wrong(self, window: bytes) -> bool:
        if len(window) < WINDOW_BYTES:
            return False
        verdict = judge(window, self._format)
        self._proofs += verdict is Verdict.RIGHT
        return verdict is Verdict.WRONG

    def rest(self, item_id: str) -> bytes:
        """What is still held of an item that is over: too short to judge, and to disturb."""
        return self._held.pop(item_id, b"")
