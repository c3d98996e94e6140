"""How does a stream of PCM change its sample rate without a seam between its pieces?

By a polyphase FIR filter that carries its state from push to push. The taps are whole multiples
of 2**-20 held in float64, so every product and every sum is exact: the output is the same bit
for bit however the input was cut, in whatever order a machine adds. A recorded call therefore
replays exactly.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
"""Mono samples, one dimension."""

Line = NDArray[np.float64]
"""Samples inside a filter: whole multiples of 2**-20."""

ONE = 2**20
"""The gain of each branch of a filter, and the unit its taps are counted in."""

# Steps computed as one row of the matrix product. Rows overlap by the length of the filter and
# are copied before the product, so that one step a row costs half as much again.
STEPS = 8

# Input samples filtered at once. A longer product would wake OpenBLAS's threads, which cost a busy
# machine up to twenty times what they save; and a peer's burst must not set our use of memory.
LARGEST = 2_048

NOTHING: Pcm = np.zeros(0, np.int16)


def low_pass(length: int, rate: int, pass_hz: int, stop_hz: int) -> NDArray[np.float64]:
    """The taps of a linear-phase low-pass filter at `rate`, in no particular scale.

    Kaiser's window with the shape that his formula gives for this `length` and this transition:
    the attenuation is what it comes to (60 dB for 145 taps across 600 Hz at 24 kHz).
    """
    transition = 2 * np.pi * (stop_hz - pass_hz) / rate
    attenuation_db = 2.285 * (length - 1) * transition + 8
    shape = 0.1102 * (attenuation_db - 8.7)
    cycles = (pass_hz + stop_hz) / rate * (np.arange(length) - (length - 1) / 2)
    return np.asarray(np.sinc(cycles) * np.kaiser(length, shape), np.float64)


def whole(taps: NDArray[np.float64], branches: int) -> NDArray[np.int64]:
    """The taps in whole numbers, each of the interleaved branches summing to exactly ONE.

    Equal sums mean that a constant comes through unchanged and without any image of itself.
    """
    rounded = np.zeros(len(taps), np.int64)
    for first in range(branches):
        branch = taps[first::branches]
        counted = np.rint(branch * (ONE / branch.sum())).astype(np.int64)
        counted[np.argmax(counted)] += ONE - counted.sum()
        rounded[first::branches] = counted
    return rounded


class Filter:
    """The unchanging part of a resampler by `up`/`down`: computed once, shared by all calls."""

    def __init__(self, up: int, down: int, shape: NDArray[np.float64]) -> None:
        """`shape`: an odd number of symmetric taps at `up` times the input rate, in any scale."""
        self.up = up
        self.down = down
        self.taps = whole(shape, up)
        self.history = (len(shape) - 1) // up
        """Input samples of the past that an output still depends on."""
        self.delay = -(-(len(shape) - 1) // (2 * up))
        """How far the output lags behind, in input samples (rounded up)."""
        self.width = self.history + STEPS * down
        """Input samples that one row of outputs depends on."""
        self.bank = self._matrix()

    def _matrix(self) -> NDArray[np.float64]:
        """Column `n` holds the taps that make output `n` of a row from the row's inputs."""
        inputs = np.arange(self.width)[:, None]
        outputs = np.arange(STEPS * self.up)[None, :]
        tap = outputs * self.down + (self.history - inputs) * self.up
        inside = (tap >= 0) & (tap < len(self.taps))
        bank: Line = np.where(inside, self.taps[tap * inside], 0) / ONE
        bank.setflags(write=False)
        return bank


def design(*, up: int, down: int, rate: int, length: int, pass_hz: int, stop_hz: int) -> Filter:
    """A filter for input at `rate`: `length` taps, flat to `pass_hz`, shut from `stop_hz`."""
    return Filter(up, down, low_pass(length, rate * up, pass_hz, stop_hz))


class Polyphase:
    """One direction of one stream. Each `down` samples pushed yield `up` samples at once."""

    def __init__(self, fir: Filter) -> None:
        self._fir = fir
        self._silent: Line = np.zeros(fir.history)
        self._held = self._silent

    @property
    def delay(self) -> int:
        """How far the output lags behind, in output samples (rounded up)."""
        return -(-self._fir.delay * self._fir.up // self._fir.down)

    def push(self, pcm: Pcm) -> Pcm:
        """What this piece of any length brings forth; the rest of a step is kept for the next."""
        if len(pcm) <= LARGEST:
            return self._push(pcm) if len(pcm) else NOTHING
        starts = range(0, len(pcm), LARGEST)
        return np.concatenate([self._push(pcm[at : at + LARGEST]) for at in starts])

    def _push(self, pcm: Pcm) -> Pcm:
        fir = self._fir
        steps = (len(self._held) - fir.history + len(pcm)) // fir.down
        spare = -steps % STEPS * fir.down
        line: Line = np.concatenate((self._held, pcm, np.zeros(spare)))
        self._held = line[steps * fir.down : len(line) - spare].copy()
        return self._filtered(line, steps)

    def _filtered(self, line: Line, steps: int) -> Pcm:
        """The outputs of the first `steps` steps of `line`, which is padded to whole rows."""
        fir = self._fir
        rows = -(-steps // STEPS)
        stride = line.itemsize
        # The plain constructor: as_strided takes longer than the product itself.
        windows: Line = np.ndarray(
            (rows, fir.width), np.float64, line, strides=(STEPS * fir.down * stride, stride)
        )
        sums: Line = np.dot(windows, fir.bank).reshape(-1)[: steps * fir.up]
        np.rint(sums, out=sums)
        np.minimum(sums, 32767, out=sums)
        np.maximum(sums, -32768, out=sums)
        return sums.astype(np.int16)

    def flush(self) -> Pcm:
        """The tail still inside, padded to a whole step; then as new. Empty if nothing was pushed.

        All pushes and the flush together make the length of the input at the new rate, plus the
        delay of the filter.
        """
        if self._held is self._silent:
            return NOTHING
        fir = self._fir
        begun = len(self._held) - fir.history
        ahead = begun + fir.delay
        tail = self.push(np.zeros(ahead + -ahead % fir.down - begun, np.int16))
        self.reset()
        return tail

    def reset(self) -> None:
        """Forget everything pushed so far."""
        self._held = self._silent


@cache
def _24k_to_16k() -> Filter:
    # Folding reaches down to 7 kHz only, which no telephone carries.
    return design(up=2, down=3, rate=24_000, length=121, pass_hz=7_000, stop_hz=9_000)


def to_16k() -> Polyphase:
    """24 kHz to 16 kHz, the rate of the embedded recogniser; 1.25 ms late."""
    return Polyphase(_24k_to_16k())
