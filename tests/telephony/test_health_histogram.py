"""A percentile told from buckets is as near to the true one as is said, whatever was merged."""

import math
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.health.histogram import (
    ERROR,
    GROWTH,
    LAST,
    Histogram,
    bucket_of,
    histogram,
    value_of,
)

LONGEST = int(GROWTH**LAST)
durations = st.integers(0, LONGEST)


@given(st.lists(durations, min_size=1, max_size=200), st.integers(1, 100))
def test_a_percentile_is_within_the_error_told(values: list[int], percent: int) -> None:
    true = sorted(values)[math.ceil(len(values) * percent / 100) - 1]
    told = histogram(values).percentile(percent)
    assert told is not None
    assert abs(told - true) <= max(1.0, true * ERROR * (1 + 1e-9))


@given(st.lists(st.lists(durations, max_size=20), max_size=8))
def test_parts_put_together_are_the_whole(parts: list[list[int]]) -> None:
    merged = reduce(Histogram.__add__, map(histogram, parts), Histogram())
    assert merged == histogram(value for part in parts for value in part)


@given(st.integers(0, LAST))
def test_what_stands_for_a_bucket_lies_in_it(bucket: int) -> None:
    assert bucket == 0 or GROWTH ** (bucket - 1) < value_of(bucket) < GROWTH**bucket


@given(st.integers(-5, 10**9))
def test_a_bucket_holds_what_lies_between_its_bounds(value: int) -> None:
    bucket = bucket_of(value)
    assert 0 <= bucket <= LAST
    if 1 < value <= LONGEST:
        assert GROWTH ** (bucket - 1) < value <= GROWTH**bucket * (1 + 1e-12)


def test_of_nothing_there_is_nothing_to_tell() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().mean is None


def test_sums_and_means_are_exact() -> None:
    found = histogram([100, 200, 301, -7])
    assert (found.count, found.total, found.mean) == (4, 601, 150.25)
    assert pytest.approx(0.0476, abs=1e-4) == ERROR
