"""Mu-law against Table 2 of G.711, over every sample and every code."""

import audioop
from bisect import bisect_right
from itertools import accumulate, chain, pairwise, repeat

import numpy as np
import pytest

from agents.pcm import Pcm
from telephony.media import ulaw

EVERY_SAMPLE = np.arange(-32_768, 32_768).astype(np.int16)
EVERY_CODE = bytes(range(256))

# The decision values of Table 2a: 1, 3, ... 31, then sixteen intervals of twice the width in
# each following segment, up to 8159. In units of the 14-bit scale, so 4 in 16 bits.
WIDTHS = [1, *repeat(2, 15), *chain.from_iterable(repeat(2 << n, 16) for n in range(1, 8))]
DECISIONS = [4 * value for value in accumulate(WIDTHS)]
MIDDLES = [0, *(sum(ends) // 2 for ends in pairwise(DECISIONS))]


def code_of(sample: int) -> int:
    """By search among the decision values; one on a decision value belongs to the upper side."""
    if sample >= 0:
        return 0xFF - min(bisect_right(DECISIONS, sample), 127)
    return 0x7F - min(bisect_right(DECISIONS, -sample - 1), 127)


def test_the_table_of_the_recommendation_is_the_one_meant() -> None:
    assert len(DECISIONS) == len(MIDDLES) == 128
    in_14_bits = [decision // 4 for decision in DECISIONS]
    assert in_14_bits[15::16] == [31, 95, 223, 479, 991, 2_015, 4_063, 8_159]
    assert [MIDDLES[n] // 4 for n in (1, 15, 16, 112, 127)] == [2, 30, 33, 4_191, 8_031]


def test_every_sample_has_the_code_of_the_recommendation() -> None:
    expected = bytes(code_of(sample) for sample in EVERY_SAMPLE.tolist())
    assert ulaw.encode(EVERY_SAMPLE) == expected


def test_every_code_has_the_value_of_the_recommendation() -> None:
    expected = [-middle for middle in reversed(MIDDLES)] + MIDDLES
    by_code = [*expected[:128], *reversed(expected[128:])]
    assert ulaw.decode(EVERY_CODE).tolist() == by_code


def test_every_code_but_minus_zero_survives_a_round_trip() -> None:
    back = ulaw.encode(ulaw.decode(EVERY_CODE))
    assert [code for code in range(256) if back[code] != code] == [0x7F]
    assert back[0x7F] == 0xFF


@pytest.mark.parametrize(
    ("sample", "code"),
    [(0, 0xFF), (-1, 0x7F), (3, 0xFF), (4, 0xFE), (32_767, 0x80), (-32_768, 0x00)],
)
def test_the_ends_of_the_scale(sample: int, code: int) -> None:
    assert ulaw.encode(np.array([sample], np.int16)) == bytes([code])


def test_no_sample_moves_further_than_half_its_interval() -> None:
    back = ulaw.decode(ulaw.encode(EVERY_SAMPLE)).astype(int)
    magnitude = np.abs(EVERY_SAMPLE.astype(int))
    half = np.maximum(4, (magnitude + 132) // 32)
    inside = magnitude <= 32_635
    assert (np.abs(back - EVERY_SAMPLE)[inside] <= half[inside]).all()


def test_silence_is_plus_zero() -> None:
    assert ulaw.silence(160) == b"\xff" * 160
    assert not ulaw.decode(ulaw.silence(160)).any()


def test_nothing_is_nothing() -> None:
    assert ulaw.encode(ulaw.decode(b"")) == b"" == ulaw.silence(0)


def test_a_slice_of_a_longer_signal_encodes_like_a_copy() -> None:
    every_third: Pcm = EVERY_SAMPLE[::3]
    assert ulaw.encode(every_third) == ulaw.encode(every_third.copy())


def test_audioop_encodes_508_samples_otherwise() -> None:
    """Why encoding is a table. Once this fails, `audioop.lin2ulaw` may do."""
    theirs = audioop.lin2ulaw(EVERY_SAMPLE.tobytes(), 2)
    ours = ulaw.encode(EVERY_SAMPLE)
    assert sum(a != b for a, b in zip(theirs, ours, strict=True)) == 508
