"""How do the calls of some time look? Put together from what was counted by hour or day."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from telephony.health.facts import Measure
from telephony.health.histogram import Histogram
from telephony.health.spans import moment
from tools.counts import Row

Found = Mapping[str, Histogram]
"""By label."""
_NOTHING = Histogram()


@dataclass(frozen=True)
class Times:
    """How long something took, in ms; percentiles within the error that is told with them."""

    count: int
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True)
class Point:
    """One hour or day."""

    at: dt.datetime
    calls: int
    answered: int
    turn_p50: float | None
    turn_p95: float | None
    tools_failed: int
    alarms: int


@dataclass(frozen=True)
class Named:
    name: str
    count: int


@dataclass(frozen=True)
class ToolFigures:
    name: str
    calls: int
    done: int
    refused: int
    """The tool could not comply, or was asked for wrongly: no fault of its backend."""
    failed: int
    unknown: int
    unfinished: int
    success: float | None
    """Of those that reached the backend and ended, 0 to 1."""
    time: Times


@dataclass(frozen=True)
class Report:
    calls: int
    answered: int
    diverted: int
    """Passed on or to voicemail by the rules, without an agent."""
    answer_rate: float | None
    """Of those that were for an agent, 0 to 1."""
    refused: list[Named]
    """Turned away before they were calls, by why."""
    points: list[Point]
    outcomes: list[Named]
    engines: list[Named]
    seats: list[Named]
    claims: list[Named]
    alarms: list[Named]
    turn: dict[str, Times]
    barge_in: Times
    truncation: Times
    silence: Times
    wordless: Times
    duration: Times
    tools: list[ToolFigures]


PARTS = ("endpointing", "model", "queue", "carrier", "answer", "turn")


def report(rows: Sequence[Row], spans: Sequence[str], now: dt.datetime) -> Report:
    """`rows` of these spans, of whichever personas are wanted."""
    all_of = _by_measure(rows)

    def total(measure: Measure) -> int:
        return all_of.get(measure.value, {}).get("", _NOTHING).count

    def times(measure: Measure, label: str = "") -> Times:
        return _times(all_of.get(measure.value, {}).get(label, _NOTHING))

    def named(measure: Measure) -> list[Named]:
        return _named(all_of.get(measure.value, {}))

    for_agents = total(Measure.CALLS) - total(Measure.DIVERTED)
    return Report(
        calls=total(Measure.CALLS),
        answered=total(Measure.ANSWERED),
        diverted=total(Measure.DIVERTED),
        answer_rate=_share(total(Measure.ANSWERED), for_agents),
        refused=named(Measure.REFUSED),
        points=_points(rows, spans, now),
        outcomes=named(Measure.OUTCOME),
        engines=named(Measure.ENGINE),
        seats=named(Measure.SEAT),
        claims=named(Measure.CLAIM),
        alarms=named(Measure.ALARM),
        turn={part: times(Measure.TURN, part) for part in PARTS},
        barge_in=times(Measure.BARGE_IN),
        truncation=times(Measure.TRUNCATION),
        silence=times(Measure.SILENCE),
        wordless=times(Measure.WORDLESS),
        duration=times(Measure.DURATION),
        tools=_tools(all_of.get(Measure.TOOL.value, {}), all_of.get(Measure.TOOL_TIME.value, {})),
    )


def _by_measure(rows: Iterable[Row]) -> dict[str, dict[str, Histogram]]:
    found: dict[str, dict[str, Histogram]] = {}
    for row in rows:
        labels = found.setdefault(row.measure, {})
        more = Histogram(row.count, row.total, row.buckets)
        labels[row.label] = labels[row.label] + more if row.label in labels else more
    return found


def _points(rows: Sequence[Row], spans: Sequence[str], now: dt.datetime) -> list[Point]:
    by_span: dict[str, list[Row]] = {span: [] for span in spans}
    for row in rows:
        if row.span in by_span:
            by_span[row.span].append(row)
    return [_point(span, of_it, now) for span, of_it in by_span.items()]


def _point(span: str, rows: Sequence[Row], now: dt.datetime) -> Point:
    found = _by_measure(rows)
    turn = found.get(Measure.TURN.value, {}).get("turn", _NOTHING)
    tools = found.get(Measure.TOOL.value, {})
    return Point(
        at=moment(span, now),
        calls=_sum(found.get(Measure.CALLS.value, {})),
        answered=_sum(found.get(Measure.ANSWERED.value, {})),
        turn_p50=turn.percentile(50),
        turn_p95=turn.percentile(95),
        tools_failed=_sum(
            {label: each for label, each in tools.items() if _state(label) in _TROUBLES}
        ),
        alarms=_sum(found.get(Measure.ALARM.value, {})),
    )


_TROUBLES = ("failed", "unknown")


def _state(label: str) -> str:
    return label.rpartition(" ")[2]


def _tools(states: Found, times: Found) -> list[ToolFigures]:
    names = sorted({label.rpartition(" ")[0] for label in states})
    return [_tool(name, states, times.get(name, _NOTHING)) for name in names]


def _tool(name: str, states: Found, time: Histogram) -> ToolFigures:
    def ended(*wanted: str) -> int:
        return sum(states.get(f"{name} {state}", _NOTHING).count for state in wanted)

    done, failed, unknown = ended("done"), ended("failed"), ended("unknown")
    return ToolFigures(
        name=name,
        calls=_sum({label: each for label, each in states.items() if _name(label) == name}),
        done=done,
        refused=ended("refused", "invalid"),
        failed=failed,
        unknown=unknown,
        unfinished=ended("unfinished"),
        success=_share(done, done + failed + unknown),
        time=_times(time),
    )


def _name(label: str) -> str:
    return label.rpartition(" ")[0]


def _named(found: Found) -> list[Named]:
    """The most frequent first."""
    counts = [Named(label, each.count) for label, each in found.items()]
    return sorted(counts, key=lambda each: (-each.count, each.name))


def _sum(found: Found) -> int:
    return sum(each.count for each in found.values())


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def _times(found: Histogram) -> Times:
    p50, p90, p95, p99 = (found.percentile(percent) for percent in (50, 90, 95, 99))
    return Times(found.count, found.mean, p50, p90, p95, p99)
