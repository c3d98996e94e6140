"""How does a stream of PCM change its sample rate without a seam between its pieces?

By a polyphase FIR filter that carries its state from push to push. The taps are whole multiples
of 2**-20 held in float64, so every product and every sum is exact: the output is the same bit
for bit however the input was cut, in whatever order a machine adds. A recorded call therefore
replays exactly.
"""

# In the standard library up to Python 3.12, the audioop-lts package after it.
import audioop
import sys
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

# Lengths of pieces for which a bench keeps its places: the frames of a line have one, the deltas
# of a model some.
PLACES = 32

SAMPLE_BYTES = 2

NOTHING: Pcm = np.zeros(0, np.int16)

# As arrays: numpy takes longer over plain numbers than over what is done with them.
_TOP = np.array(32_767.0)
_BOTTOM = np.array(-32_768.0)

# A sum with this has no bits for fractions: it is rounded as `rint` does, ties to even, and its
# lowest bits are the whole number itself. Rounding and converting take twice as long.
_ROUNDING = np.array(1.5 * 2**52)
_LOWEST = 0 if sys.byteorder == "little" else 3
"""Which quarter of a float64 they are in."""


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
        gain = max(int(np.abs(self.taps[branch::up]).sum()) for branch in range(up))
        self.safe = 32_767 * ONE // gain
        """What is nowhere louder than this cannot overshoot, whatever it is."""
        self._benches: list[_Bench] = []

    def _matrix(self) -> NDArray[np.float64]:
        """Column `n` holds the taps that make output `n` of a row from the row's inputs."""
        inputs = np.arange(self.width)[:, None]
        outputs = np.arange(STEPS * self.up)[None, :]
        tap = outputs * self.down + (self.history - inputs) * self.up
        inside = (tap >= 0) & (tap < len(self.taps))
        bank: Line = np.where(inside, self.taps[tap * inside], 0) / ONE
        bank.setflags(write=False)
        return bank

    def __deepcopy__(self, _memo: object) -> "Filter":
        """Shared with copies of a call as well."""
        return self

    def take_bench(self) -> "_Bench":
        """Nobody else has it, in any thread, until it is given back."""
        try:
            return self._benches.pop()
        except IndexError:
            return _Bench(self)

    def give_back(self, bench: "_Bench") -> None:
        self._benches.append(bench)


class _Bench:
    """Where a filter works.

    All calls use the same in turn: memory and views made anew for each frame would cost more than
    the product does, and a call's own would be out of the processor's caches.
    """

    def __init__(self, fir: Filter) -> None:
        self._fir = fir
        fresh = fir.down - 1 + LARGEST
        rows = -(-(fresh // fir.down) // STEPS)
        self._line: Pcm = np.zeros(fir.history + fresh + STEPS * fir.down, np.int16)
        self._inputs: Line = np.empty((rows, fir.width))
        self._outputs: Line = np.empty((rows, STEPS * fir.up))
        self._places: dict[tuple[int, int], _Place] = {}

    def place(self, held: int, piece: int) -> "_Place":
        """For `piece` bytes, no more than LARGEST samples, behind `held` bytes of the past."""
        place = self._places.get((held, piece))
        if place is None:
            if len(self._places) >= PLACES:
                del self._places[next(iter(self._places))]
            place = _Place(self._fir, self._line, self._inputs, self._outputs, held, piece)
            self._places[held, piece] = place
        return place


class _Place:
    """The parts of a bench that a piece of one length takes."""

    def __init__(
        self, fir: Filter, line: Pcm, inputs: Line, outputs: Line, held: int, piece: int
    ) -> None:
        steps = ((held + piece) // SAMPLE_BYTES - fir.history) // fir.down
        rows = -(-steps // STEPS)
        filled = line.data.cast("B")[: held + piece]
        self.past = filled[:held]
        self.piece = filled[held:]
        self.rest = filled[steps * fir.down * SAMPLE_BYTES :]
        """The past of the next piece."""
        stride = line.itemsize
        # The plain constructor: as_strided takes longer than the product itself.
        self.windows: Pcm = np.ndarray(
            (rows, fir.width), np.int16, line, strides=(STEPS * fir.down * stride, stride)
        )
        """The inputs of each row, overlapping. What lies behind the piece makes outputs that
        nobody looks at."""
        self.inputs = inputs[:rows]
        """The same, each by itself: BLAS wants them so."""
        self.outputs = outputs[:rows]
        self.sums = self.outputs.reshape(-1)[: steps * fir.up]
        """Those that are looked at."""
        self.heard = self.sums.view(np.int16)[_LOWEST::4]
        """The lowest 16 bits of each."""


def design(*, up: int, down: int, rate: int, length: int, pass_hz: int, stop_hz: int) -> Filter:
    """A filter for input at `rate`: `length` taps, flat to `pass_hz`, shut from `stop_hz`."""
    return Filter(up, down, low_pass(length, rate * up, pass_hz, stop_hz))


class Polyphase:
    """One direction of one stream. Each `down` samples pushed yield `up` samples at once."""

    def __init__(self, fir: Filter) -> None:
        self._fir = fir
        self._begun = False
        self._held = bytes(fir.history * SAMPLE_BYTES)
        self._loudest = 0
        """Nothing in it is louder."""

    @property
    def delay(self) -> int:
        """How far the output lags behind, in output samples (rounded up)."""
        return -(-self._fir.delay * self._fir.up // self._fir.down)

    def push(self, pcm: Pcm) -> Pcm:
        """What this piece of any length brings forth, read-only; the rest of a step is kept for the
        next."""
        return np.frombuffer(self.push_bytes(pcm.tobytes()), np.int16)

    def push_bytes(self, samples: bytes) -> bytes:
        """The same with samples as 16-bit numbers of this machine's order, whole ones only."""
        most = LARGEST * SAMPLE_BYTES
        if len(samples) <= most:
            return self._push(samples) if samples else b""
        starts = range(0, len(samples), most)
        return b"".join([self._push(samples[at : at + most]) for at in starts])

    def _push(self, samples: bytes) -> bytes:
        fir = self._fir
        bench = fir.take_bench()
        at = bench.place(len(self._held), len(samples))
        at.past[:] = self._held
        at.piece[:] = samples
        self._held = at.rest.tobytes()
        self._begun = True
        before, loudest = self._loudest, audioop.max(samples, SAMPLE_BYTES)
        self._loudest = loudest if len(samples) >= len(self._held) else max(before, loudest)
        at.inputs[...] = at.windows
        at.inputs.dot(fir.bank, at.outputs)
        sums = at.sums
        if loudest > fir.safe or before > fir.safe:
            sums.clip(_BOTTOM, _TOP, sums)
        np.add(sums, _ROUNDING, sums)
        heard = at.heard.tobytes()
        fir.give_back(bench)
        return heard

    def flush(self) -> Pcm:
        """The tail still inside, padded to a whole step; then as new. Empty if nothing was pushed.

        All pushes and the flush together make the length of the input at the new rate, plus the
        delay of the filter.
        """
        if not self._begun:
            return NOTHING
        fir = self._fir
        begun = len(self._held) // SAMPLE_BYTES - fir.history
        ahead = begun + fir.delay
        tail = self.push(np.zeros(ahead + -ahead % fir.down - begun, np.int16))
        self.reset()
        return tail

    def reset(self) -> None:
        """Forget everything pushed so far."""
        self._begun = False
        self._held = bytes(self._fir.history * SAMPLE_BYTES)
        self._loudest = 0


@cache
def _24k_to_16k() -> Filter:
    # Folding reaches down to 7 kHz only, which no telephone carries.
    return design(up=2, down=3, rate=24_000, length=121, pass_hz=7_000, stop_hz=9_000)


def to_16k() -> Polyphase:
    """24 kHz to 16 kHz, the rate of the embedded recogniser; 1.25 ms late."""
    return Polyphase(_24k_to_16k())
