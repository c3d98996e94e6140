"""The Health page: how calls went, what is wrong, what will be."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from agents.money import usd
from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.healthdesk import HealthDesk, Overview
from telephony.console.parts import Parts
from telephony.console.rendering import page
from telephony.health import charts
from telephony.health.report import PARTS, Point, Report, Times
from telephony.health.spans import Range
from telephony.transcripts.text import outcome
from tools.costs import DayCost

RANGES = ((Range.DAY, "24 hours"), (Range.WEEK, "7 days"), (Range.MONTH, "30 days"))
ALARMS = {
    "one_way": "Nothing came from the caller",
    "clipping": "The caller's side was clipped",
    "echo": "Our own voice came back",
    "starved_in": "The caller's side stopped coming",
    "starved_out": "What we said ran dry",
}
WAITS = {
    "endpointing": "until the turn's end was noticed",
    "model": "until the model's first audio",
    "queue": "until it was sent (our share)",
    "carrier": "until the caller heard it",
    "turn": "all of it",
}
BUILT_IN = "built-in"
Wanted = Annotated[Range, Query(alias="range")]
Persona = Annotated[str | None, Query(max_length=200)]
Names = dict[str, str]


@dataclass(frozen=True)
class Chart:
    """A picture, and the same as a table."""

    title: str
    picture: Markup
    series: tuple[str, ...]
    rows: list[tuple[object, ...]]
    """A time or a name, then a value for each series."""
    empty: bool = False
    first: str = ""
    """What the first column holds."""


def health_page_router(parts: Parts) -> APIRouter:
    """A plain function on purpose: it blocks, so FastAPI runs it in a thread."""
    router = APIRouter(prefix="/health", dependencies=[needs(Right.VIEW)])
    desk = HealthDesk(parts)

    @router.get("")
    def health(request: Request, wanted: Wanted = Range.DAY, persona: Persona = None) -> Response:
        chosen = None if persona in (None, "*") else persona
        overview = desk.overview(wanted, chosen)
        processes = desk.processes()
        values: dict[str, Any] = {
            "overview": overview,
            "figures": overview.figures,
            "ranges": [(each.value, name) for each, name in RANGES],
            "personas": _personas(overview),
            "chosen": "*" if chosen is None else chosen,
            "charts": _charts(overview, desk.costs(wanted, chosen)),
            "waits": _waits(overview.figures),
            "alarm_names": ALARMS,
            "processes": processes,
            "models": desk.models(processes),
            "zone": _zone(parts.clock()),
            "ms": ms,
            "percent": percent,
        }
        return page(request, "health.html", **values)

    return router


def _personas(overview: Overview) -> list[tuple[str, str]]:
    named = dict.fromkeys([*overview.personas, *filter(None, [overview.persona])])
    return [("*", "All personas"), *((each, each or BUILT_IN) for each in named)]


def _zone(now: dt.datetime) -> str:
    return now.tzinfo.key if isinstance(now.tzinfo, ZoneInfo) else str(now.tzinfo)


# ---- how figures are written --------------------------------------------------------------------


def ms(value: float | None) -> str:
    """A duration with as many digits as can be known: percentiles are within five in a hundred."""
    if value is None:
        return "–"  # noqa: RUF001, a dash
    if value < 1_000:
        return f"{value:.0f} ms"
    return f"{value / 1_000:.1f} s" if value < 60_000 else f"{value / 60_000:.1f} min"


def percent(share: float | None) -> str:
    """Never rounded up to all of it."""
    if share is None:
        return "–"  # noqa: RUF001, a dash
    return f"{min(share * 100, 99.9) if share < 1 else 100:.1f} %".replace(".0 %", " %")


def _waits(figures: Report) -> list[tuple[str, str, Times]]:
    whole = [(part, WAITS[part], figures.turn[part]) for part in PARTS if part in WAITS]
    return [(name, meaning, times) for name, meaning, times in whole if times.count]


# ---- pictures -----------------------------------------------------------------------------------


def _charts(overview: Overview, costs: Sequence[DayCost]) -> list[Chart]:
    figures, points = overview.figures, overview.figures.points
    labels = [_label(point, overview) for point in points]
    every = "hour" if overview.range is Range.DAY else "day"
    found = [
        _calls(f"Calls per {every}", labels, points),
        _turns(f"Wait for an answer, by {every}", labels, points),
        _outcomes(figures),
        _costs(costs),
    ]
    return [chart for chart in found if not chart.empty]


def _label(point: Point, overview: Overview) -> str:
    own = point.at.astimezone(overview.until.tzinfo)
    return f"{own:%H}:00" if overview.range is Range.DAY else f"{own.day} {own:%b}"


def _calls(title: str, labels: list[str], points: Sequence[Point]) -> Chart:
    answered = [point.answered for point in points]
    others = [point.calls - point.answered for point in points]
    series = [("answered", answered), ("not answered", others)]
    return Chart(
        title,
        Markup(charts.stacked(title, labels, series, _whole)),  # noqa: S704, rebuilt from a list
        ("answered", "not answered"),
        [
            (point.at, each, other)
            for point, each, other in zip(points, answered, others, strict=True)
        ],
        empty=not any(point.calls for point in points),
        first="From",
    )


def _turns(title: str, labels: list[str], points: Sequence[Point]) -> Chart:
    series = [
        ("half of them within", [point.turn_p50 for point in points]),
        ("95 of 100 within", [point.turn_p95 for point in points]),
    ]
    return Chart(
        title,
        Markup(charts.lines(title, labels, series, ms)),  # noqa: S704, rebuilt from a list
        tuple(name for name, _ in series),
        [(point.at, ms(point.turn_p50), ms(point.turn_p95)) for point in points],
        empty=not any(point.turn_p50 for point in points),
        first="From",
    )


def _outcomes(figures: Report) -> Chart:
    title = "How calls ended"
    names = [outcome(each.name) for each in figures.outcomes]
    counts = [each.count for each in figures.outcomes]
    return Chart(
        title,
        Markup(charts.bars(title, names, [("calls", counts)], _whole)),  # noqa: S704, as above
        ("calls",),
        list(zip(names, counts, strict=True)),
        empty=not counts,
        first="Ended",
    )


def _costs(costs: Sequence[DayCost]) -> Chart:
    title = "Cost by persona and day, in dollars"
    days = sorted({cost.day for cost in costs})
    who = sorted({cost.persona or "" for cost in costs})
    micros = {(cost.day, cost.persona or ""): _micros(cost) for cost in costs}
    series = [
        (name or BUILT_IN, [micros.get((day, name), 0) / 1_000_000 for day in days]) for name in who
    ]
    labels = [f"{day.day} {day:%b}" for day in days]
    return Chart(
        title,
        Markup(charts.stacked(title, labels, series, _dollars)),  # noqa: S704, as above
        tuple(name for name, _ in series),
        [(day.isoformat(), *(usd(micros.get((day, name), 0)) for name in who)) for day in days],
        empty=not any(micros.values()),
        first="Day",
    )


def _micros(cost: DayCost) -> int:
    return cost.engine_micros + cost.transcription_micros + cost.carrier_micros


def _whole(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else ""


def _dollars(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.3f}"
