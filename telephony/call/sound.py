"""How loud is the line, what of it is noise, and is it our own voice that comes back?"""

import math
import statistics
from collections import deque
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from telephony.call.carrierclock import RATE
from telephony.media import ulaw

_QUIET_DB = -90.0
"""Level of digital silence."""
_STEP_SAMPLES = 400
"""Levels are taken over 50 ms."""
_FLOOR_STEPS = 60
"""The noise floor is the quietest of the last 3 s: people draw breath within that time."""
_SPREAD_DB = 3.0
"""Speech rises and falls: between its quieter fifth and its louder fifth lies so much. In their
first 0.6 s sentences had 3.5 to 35 dB, steady noise 2 at most; a drawn-out vowel may have less,
and is left to its words."""
_SPREAD_STEPS = 16
_LOUDER_DB = 6.0
"""Louder than a murmur: so much more over the noise than any sound of speech must be."""
_KEPT_SAMPLES = 3 * RATE
_COMPARED_SAMPLES = 3 * RATE // 10
"""So much of the caller's side is looked for in what we said."""
_LONGEST_DELAY_SAMPLES = RATE
_SPECTRUM_SAMPLES = 10_800
"""What is compared at most, and a little more: a number of small factors is transformed fastest."""
_FAINTEST = 100.0
"""Product of the two sides' power below which there is nothing to compare."""
_POWERS = ulaw.decode(bytes(range(256))).astype(np.float64) ** 2
"""Of each mu-law byte. Their sums are exact, in whatever order."""
_ECHO_LIKENESS = 0.5
"""Of waveforms, 0 to 1: an echo is the same wave, weaker and later; other speech stays below."""


class CallerSound:
    """The caller's side of the line: its level, its noise and its last second."""

    def __init__(self, above_noise_db: float) -> None:
        """`above_noise_db`: what stands out so far from the line's noise is a sound."""
        self._above_noise_db = above_noise_db
        self._sounds: deque[float] = deque(maxlen=_SPREAD_STEPS)
        """Levels of the latest steps with sound since `begin`."""
        self._voiced = 0
        self._loud = 0
        self._steps: deque[float] = deque(maxlen=_FLOOR_STEPS)
        self._recent: deque[bytes] = deque()
        self._kept = 0
        self._waiting = b""
        self._quiet_steps = 0
        self._burst: deque[float] = deque(maxlen=_SPREAD_STEPS)
        """Levels of the latest steps with sound since `heeded`."""
        self._burst_steps = 0

    def heard(self, line: bytes) -> None:
        """The next piece of the caller's side, mu-law, any length."""
        self._recent.append(line)
        self._kept += len(line)
        while self._kept - len(self._recent[0]) >= _COMPARED_SAMPLES:
            self._kept -= len(self._recent.popleft())
        self._waiting += line
        while len(self._waiting) >= _STEP_SAMPLES:
            step, self._waiting = self._waiting[:_STEP_SAMPLES], self._waiting[_STEP_SAMPLES:]
            level_db = _level_db(step)
            self._steps.append(level_db)
            above_db = level_db - min(self._steps)
            if above_db >= self._above_noise_db:
                self._voiced += 1
                self._sounds.append(level_db)
                self._burst.append(level_db)
                self._burst_steps += 1
            self._quiet_steps = 0 if above_db >= self._above_noise_db else self._quiet_steps + 1
            loud = above_db >= self._above_noise_db + _LOUDER_DB
            self._loud = self._loud + 1 if loud else 0

    def samples_to(self, loud_s: float) -> int:
        """How much more of the line it takes at least for `loud_s` to become so much; where it is
        already, any of it."""
        # What is to be ignored is over with one quiet step.
        steps = math.ceil(round(loud_s * RATE) / _STEP_SAMPLES) - max(self._loud, -1)
        return steps * _STEP_SAMPLES - len(self._waiting) if steps > 0 else 1

    def samples_to_quiet(self, quiet_s: float) -> int | None:
        """The same for `quiet_s`; None where it is already."""
        steps = math.ceil(round(quiet_s * RATE) / _STEP_SAMPLES) - self._quiet_steps
        return steps * _STEP_SAMPLES - len(self._waiting) if steps > 0 else None

    def begin(self) -> None:
        """Count sound from here on."""
        self._voiced = 0
        self._sounds.clear()

    def ignore(self) -> None:
        """The loud sound going on is known and was nothing: what is loud begins after it."""
        self._loud = -_FLOOR_STEPS

    @property
    def speech_s(self) -> float:
        """For how long since `begin` the caller made a sound that may be speech; 0 for a sound
        that neither rises nor falls."""
        return self._voiced * _STEP_SAMPLES / RATE if _varies(self._sounds) else 0.0

    def heeded(self) -> None:
        """Somebody has taken notice of all sound until now."""
        self._burst.clear()
        self._burst_steps = 0

    @property
    def unheeded_s(self) -> float:
        """As `speech_s`, since `heeded`."""
        if not self._burst_steps:
            return 0.0
        return self._burst_steps * _STEP_SAMPLES / RATE if _varies(self._burst) else 0.0

    @property
    def quiet_s(self) -> float:
        """For how long the caller has made no sound."""
        return self._quiet_steps * _STEP_SAMPLES / RATE

    @property
    def loud_s(self) -> float:
        """For how long without a pause the caller has been louder than a murmur."""
        return self._loud * _STEP_SAMPLES / RATE

    @property
    def latest(self) -> bytes:
        """The last 300 ms, or what there is of them."""
        return b"".join(self._recent)[-_COMPARED_SAMPLES:]


class OwnVoice:
    """What the caller heard of us lately, to be recognised when it comes back."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, bytes]] = deque()

    def played(self, at_samples: int, line: bytes) -> None:
        """A piece as it was heard; `at_samples` on the call's clock, never going back."""
        self._pieces.append((at_samples, line))
        newest = at_samples + len(line)
        while self._pieces[0][0] + len(self._pieces[0][1]) < newest - _KEPT_SAMPLES:
            self._pieces.popleft()

    def likeness(self, latest: bytes, until_samples: int) -> float:
        """How much the caller's `latest` sound, ending at `until_samples`, is our own voice of up
        to a second before; 0 (nothing of it) to 1 (the very same wave, however weak)."""
        if not latest:
            return 0.0
        begin = until_samples - len(latest) - _LONGEST_DELAY_SAMPLES
        ours = self._between(begin, until_samples)
        # Steps instead of levels: an offset that both sides carry is no likeness.
        return _likeness(np.diff(ulaw.decode(latest).astype(np.float64)), np.diff(ours))

    def _between(self, begin: int, end: int) -> NDArray[np.float64]:
        track = np.zeros(end - begin)
        for at, line in self._pieces:
            first, last = max(at, begin), min(at + len(line), end)
            if first < last:
                track[first - begin : last - begin] = ulaw.decode(line[first - at : last - at])
        return track


def _varies(levels_db: Collection[float]) -> bool:
    if len(levels_db) < 2:
        return False
    # Of so few, numpy's percentiles take forty times as long.
    low_db, _, _, high_db = statistics.quantiles(levels_db, n=5, method="inclusive")
    return high_db - low_db >= _SPREAD_DB


def is_echo(likeness: float) -> bool:
    return likeness >= _ECHO_LIKENESS


def _level_db(step: bytes) -> float:
    power = float(_POWERS.take(np.frombuffer(step, np.uint8)).sum()) / len(step)
    return 10 * math.log10(power / 32_768**2) if power > 0 else _QUIET_DB


def _likeness(heard: NDArray[np.float64], ours: NDArray[np.float64]) -> float:
    """The best normalised correlation of `heard` with any equally long part of `ours`."""
    # What wraps around comes behind the parts that are looked at.
    size = max(len(ours), _SPECTRUM_SAMPLES)
    spectrum = np.fft.rfft(ours, size) * np.conj(np.fft.rfft(heard, size))
    products = np.fft.irfft(spectrum, size)[: len(ours) - len(heard) + 1]
    energy = np.concatenate(([0.0], np.cumsum(ours * ours)))
    parts = energy[len(heard) :] - energy[: len(ours) - len(heard) + 1]
    powers = parts * float(np.dot(heard, heard))
    usable = powers > (_FAINTEST * len(heard)) ** 2
    if not usable.any():
        return 0.0
    return math.sqrt(float(np.max(products[usable] ** 2 / powers[usable])))
