"""How long did things take? Counts in fixed buckets, so that hours can be put together.

Bucket 0 holds what took a millisecond or less; bucket `k` what took more than `GROWTH ** (k - 1)`
and at most `GROWTH ** k`. Whatever was put together in whatever order, a percentile is told
within `ERROR` of the true one (the nearest-rank percentile of all that was counted).
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

GROWTH = 1.1
ERROR = (GROWTH - 1) / (GROWTH + 1)
"""Of a percentile, relative: a bucket is told by the value that is as far from both its ends."""
LAST = 145
"""Holds 17 minutes and all that took longer."""
_LOG = math.log(GROWTH)

Buckets = Mapping[int, int]
"""How many there are in each bucket; those that are empty are left out."""


class Histogram(msgspec.Struct, frozen=True):
    """Durations in ms, or whatever else is counted in whole numbers from 0 up."""

    count: int = 0
    total: int = 0
    """The sum, exact."""
    buckets: dict[int, int] = {}

    def __add__(self, other: "Histogram") -> "Histogram":
        buckets = dict(self.buckets)
        for bucket, count in other.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + count
        return Histogram(self.count + other.count, self.total + other.total, buckets)

    def percentile(self, percent: float) -> float | None:
        """The value that so many percent do not exceed, within ERROR; None of nothing."""
        if not self.count:
            return None
        rank = max(1, math.ceil(self.count * percent / 100))
        for bucket in sorted(self.buckets):
            rank -= self.buckets[bucket]
            if rank <= 0:
                return value_of(bucket)
        raise AssertionError("there are fewer in the buckets than were counted")

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None


def histogram(values: Iterable[int]) -> Histogram:
    """Of values from 0 up; what is below counts as 0."""
    kept = [max(0, value) for value in values]
    buckets: dict[int, int] = {}
    for value in kept:
        bucket = bucket_of(value)
        buckets[bucket] = buckets.get(bucket, 0) + 1
    return Histogram(len(kept), sum(kept), buckets)


def bucket_of(value: int) -> int:
    if value <= 1:
        return 0
    bucket = math.ceil(math.log(value) / _LOG)
    # The logarithm of a value near a bound may fall on either side of it.
    if GROWTH ** (bucket - 1) >= value:
        bucket -= 1
    return min(bucket, LAST)


def value_of(bucket: int) -> float:
    """What stands for all values of a bucket."""
    return 1.0 if bucket == 0 else 2 * GROWTH**bucket / (GROWTH + 1)
