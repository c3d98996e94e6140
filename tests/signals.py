"""Test signals, ways to cut them up, and what is measured on them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise, product
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.pcm import Pcm, Polyphase

Stream = TypeVar("Stream", bytes, Pcm)

FULL_SCALE = 32_767

SIZES = st.lists(st.integers(0, 700), max_size=12)
"""Sizes of the pieces that a stream is cut into; what is left over is the last piece."""

STREAMS = st.binary(max_size=4_000).map(lambda data: np.frombuffer(data, "<i2", len(data) // 2))
"""Any samples at all, up to 2,000."""


def pieces(stream: Stream, sizes: Sequence[int]) -> Iterator[Stream]:
    for start, end in pairwise([0, *accumulate(sizes), len(stream)]):
        yield stream[start : max(start, end)]


def tone(hz: float, rate: int, samples: int, peak: float = 30_000) -> Pcm:
    phase = 2 * np.pi * hz / rate * np.arange(samples)
    wave: Pcm = np.rint(peak * np.sin(phase)).astype(np.int16)
    return wave


def rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.mean(np.square(pcm.astype(np.float64)))))


def db(ratio: float) -> float:
    return float(20 * np.log10(max(ratio, 1e-9)))


def noise_db(pcm: Pcm, hz: float, rate: int) -> float:
    """How far all that is not the tone of `hz` lies below it."""
    phase = 2 * np.pi * hz / rate * np.arange(len(pcm))
    basis = np.stack((np.sin(phase), np.cos(phase), np.ones(len(pcm))), axis=1)
    heard = basis @ np.linalg.lstsq(basis, pcm.astype(np.float64), rcond=None)[0]
    return db(float(np.std(pcm - heard) / np.std(heard)))


def impulse_response(make: Callable[[], Polyphase], up: int, down: int) -> NDArray[np.float64]:
    """The response of a fresh resampler to an impulse, at `up` times its input rate.

    Its outputs show every `down`-th value only, so an impulse is sent on each of `down` places;
    and they are rounded to 16 bits, so impulses of several heights are sent and averaged.
    """
    heights = range(FULL_SCALE - 2_000, FULL_SCALE, 101)
    response = np.zeros(1_000)
    for height, place in product(heights, range(down)):
        impulse = np.zeros(300, np.int16)
        impulse[place] = height
        seen = make().push(impulse)
        at = np.arange(len(seen)) * down - place * up
        response[at[at >= 0]] += seen[at >= 0] / height / len(heights)
    return response


def gains_db(response: NDArray[np.float64], rate: int, start_hz: int, end_hz: int) -> list[float]:
    """Its gain at every 10 Hz of the range, relative to the gain at 0 Hz."""
    spectrum = np.abs(np.fft.rfft(response, rate // 10))
    return [db(gain / spectrum[0]) for gain in spectrum[start_hz // 10 : end_hz // 10 + 1]]
