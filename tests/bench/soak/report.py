"""What a soak has shown, as a page to keep."""

import os
from collections.abc import Iterator

from tests.bench.soak.churn import Outcome
from tests.bench.soak.slope import Sample, Trend, left_over, trends

STARVED_S = 0.5
_ROWS = 20
_NAMES = {"rss_bytes": "resident memory, MB"}


def troubles(outcome: Outcome) -> list[str]:
    """Everything that must not be; empty for a soak that was passed."""
    found = [f"failed: {failure}" for failure in outcome.failures]
    found += [f"grows: {_name(trend)}" for trend in trends(outcome.samples) if not trend.flat]
    found += [f"left over: {more}" for more in left_over(outcome.before, outcome.after)]
    found += [f"the model complains: {complaint}" for complaint in outcome.complaints]
    return found + [f"logged: {line}" for line in outcome.errors]


def starved(outcome: Outcome) -> float:
    """The longest the callers' side was not run, in seconds: beyond `STARVED_S` a server rightly
    takes lines for dead, and calls that failed prove nothing."""
    return max((sample.late_s for sample in (*outcome.samples, outcome.after)), default=0.0)


def report(outcome: Outcome, day: str) -> str:
    """Markdown."""
    return "\n".join([*_head(outcome, day), "", *_trends(outcome), "", *_samples(outcome), ""])


def _head(outcome: Outcome, day: str) -> Iterator[str]:
    wish, found = outcome.wish, troubles(outcome)
    yield f"# Soak, {day}"
    yield ""
    yield (
        f"{wish.calls} calls at any time for {wish.seconds / 60:g} minutes, {wish.audio} towards"
        f" the model, seed {wish.seed}; {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}."
        f" {outcome.ended} calls were carried, over {outcome.sessions} sessions of the model;"
        f" the server took {outcome.cpu:.0%} of a core."
    )
    yield ""
    yield f"**{'Passed' if not found else 'Not passed'}**: {len(outcome.failures)} calls failed."
    yield from (f"- {each}" for each in found)
    if (late_s := starved(outcome)) > STARVED_S:
        yield (
            f"- the callers themselves were not run for {late_s:.1f} s: the machine was too busy"
            " for calls that failed to prove anything"
        )
    yield ""
    yield "| done to calls and to sessions of the model | times |"
    yield "|---|---|"
    yield from (f"| {what} | {times} |" for what, times in outcome.faults.items())


def _trends(outcome: Outcome) -> Iterator[str]:
    yield (
        "Slopes over the last three quarters of the time, by least squares; *over that time* may be"
        " at most *bound*. Then what was there before the first call that counts, and when all were"
        " over."
    )
    yield ""
    yield "| figure | mean | an hour | over that time | bound | before | after |"
    yield "|---|---|---|---|---|---|---|"
    for trend in trends(outcome.samples):
        scale = 2.0**20 if trend.name == "rss_bytes" else 1.0
        numbers = (trend.mean, trend.per_hour, trend.drift, trend.most)
        ends = (getattr(each, trend.name) for each in (outcome.before, outcome.after))
        cells = " | ".join(f"{number / scale:.1f}" for number in (*numbers, *ends))
        yield f"| {_name(trend)} | {cells} |"


def _name(trend: Trend) -> str:
    return _NAMES.get(trend.name, trend.name)


def _samples(outcome: Outcome) -> Iterator[str]:
    yield "| s | live | over | MB | descriptors | threads | tasks | callers late by ms |"
    yield "|---|---|---|---|---|---|---|---|"
    step = max(1, len(outcome.samples) // _ROWS)
    yield from (_row(sample) for sample in outcome.samples[::step])
    yield _row(outcome.after)


def _row(sample: Sample) -> str:
    return (
        f"| {sample.at_s:.0f} | {sample.live} | {sample.ended} | {sample.rss_bytes / 2**20:.1f}"
        f" | {sample.descriptors} | {sample.threads} | {sample.tasks}"
        f" | {sample.late_s * 1000:.0f} |"
    )
