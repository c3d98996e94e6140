"""Does a figure of the server grow with the time, or with the calls it has carried?"""

from collections.abc import Sequence

import msgspec

WARM_UP = 0.25
"""Share of the run that is not looked at: what the first calls load stays loaded."""
MOST_BYTES_PER_CALL = 16_384
"""What may stay of a call that is over: its answered webhook for an hour, its counters, and what
the allocator keeps in pieces."""
NOISE_BYTES = 6 << 20
NOISE = 0.10
"""Of a figure's mean: what churning calls make of it by chance."""
LEFT_OVER = 2
"""Descriptors, threads and tasks more than before the first counted call: a scrape under way."""


class Sample(msgspec.Struct, frozen=True):
    """The server at one moment."""

    at_s: float
    """Since the calls began to churn."""
    rss_bytes: int
    descriptors: int
    threads: int
    tasks: int
    live: int
    ended: int
    """Calls that are over."""
    late_s: float = 0.0
    """How late the callers' side sent its latest frame since the sample before."""


class Trend(msgspec.Struct, frozen=True):
    """One figure over the time that counts."""

    name: str
    mean: float
    per_hour: float
    drift: float
    """The slope over all of that time."""
    most: float
    """So much drift is within bounds."""

    @property
    def flat(self) -> bool:
        return self.drift <= self.most


def counted(samples: Sequence[Sample]) -> list[Sample]:
    """Without the warm-up."""
    if not samples:
        return []
    begin = samples[0].at_s + (samples[-1].at_s - samples[0].at_s) * WARM_UP
    return [sample for sample in samples if sample.at_s >= begin]


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Of at least two samples that count."""
    steady = counted(samples)
    calls = steady[-1].ended - steady[0].ended
    found = [_trend(name, steady) for name in ("descriptors", "threads", "tasks")]
    memory = _trend("rss_bytes", steady)
    most = NOISE_BYTES + MOST_BYTES_PER_CALL * calls
    return [msgspec.structs.replace(memory, most=most), *found]


def _trend(name: str, samples: Sequence[Sample]) -> Trend:
    values = [float(getattr(sample, name)) for sample in samples]
    times = [sample.at_s for sample in samples]
    mean, slope = sum(values) / len(values), _slope(times, values)
    drift = slope * (times[-1] - times[0])
    return Trend(name, mean, slope * 3_600, drift, max(3.0, NOISE * mean))


def _slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Least squares."""
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    shared = sum((at - middle) * (v - mean) for at, v in zip(times, values, strict=True))
    return shared / spread if spread else 0.0


def left_over(before: Sample, after: Sample) -> list[str]:
    """What the server has more when all calls are over than it had before them."""
    return [
        f"{getattr(after, name) - getattr(before, name)} {name}"
        for name in ("descriptors", "threads", "tasks", "live")
        if getattr(after, name) - getattr(before, name) > (LEFT_OVER if name != "live" else 0)
    ]
