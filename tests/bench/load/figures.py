"""From what was traced to the table: one `Figures` for each audio format and number of calls."""

import statistics
from collections.abc import Sequence

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """A distribution; None where nothing was measured."""

    p50: float | None
    p99: float | None
    count: int

    def __str__(self) -> str:
        if self.p50 is None or self.p99 is None:
            return "-"
        return f"{self.p50:.1f} / {self.p99:.1f}"


def spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(None, None, 0)
    ordered = sorted(values)
    return Spread(_at(ordered, 0.50), _at(ordered, 0.99), len(ordered))


def _at(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


class Figures(msgspec.Struct, frozen=True):
    """What one number of calls cost, and what the calls noticed of it."""

    audio: str
    calls: int
    seconds: float
    """Measured."""
    cpu_ms_per_call_second: float
    """Of the server process, all threads, user and system."""
    up_ms: Spread
    """From the phone's frame sent to the append received by the model."""
    down_ms: Spread
    """From the model's delta sent to its first media message received by the phone."""
    barge_in_ms: Spread
    """From speech_started sent by the model to `clear` received by the phone."""
    truncation_error_ms: Spread
    """|told to the model - truly played|."""
    frames_lost: int
    """20 ms frames, both ways."""
    missed_interruptions: int
    """The caller spoke over audio, and it was not cleared or the model not told."""
    failed_calls: int
    rss_mb_per_call: float
    talking: float
    """Share of the time for which the agent's voice played."""
    rig_cpu: float
    """Share of its core that callers and model used: near 1 the latencies are the rig's."""
    rig_late_ms: Spread
    """How late the rig sent its frames."""
    server: str = ""
    """A peer's name; empty: ours."""
    complaints: tuple[str, ...] = ()
    """The first few things that went wrong."""


def median(runs: Sequence[Figures]) -> Figures:
    """Each figure's median over several runs of the same; losses and failures are added up."""
    first = runs[0]
    changes: dict[str, object] = {}
    for field in msgspec.structs.fields(Figures):
        values = [getattr(run, field.name) for run in runs]
        if field.name in _ADDED:
            changes[field.name] = sum(values)
        elif isinstance(values[0], Spread):
            changes[field.name] = _median_spread(values)
        elif isinstance(values[0], float):
            changes[field.name] = statistics.median(values)
    complaints = tuple(line for run in runs for line in run.complaints)
    return msgspec.structs.replace(first, **changes, complaints=complaints)


_ADDED = frozenset({"frames_lost", "missed_interruptions", "failed_calls"})


def _median_spread(spreads: Sequence[Spread]) -> Spread:
    p50 = [one.p50 for one in spreads if one.p50 is not None]
    p99 = [one.p99 for one in spreads if one.p99 is not None]
    count = sum(one.count for one in spreads)
    if not p50 or not p99:
        return Spread(None, None, count)
    return Spread(statistics.median(p50), statistics.median(p99), count)


_COLUMNS = (
    "server, audio",
    "calls",
    "CPU ms per call-second",
    "up ms p50 / p99",
    "down ms p50 / p99",
    "barge-in ms p50 / p99",
    "truncation error ms p50 / p99",
    "frames lost",
    "missed cuts",
    "failed calls",
    "MB per call",
    "rig CPU",
    "rig late ms p50 / p99",
)


def table(rows: Sequence[Figures]) -> str:
    """Markdown."""
    lines = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
    return "\n".join([*lines, *(_row(_cells(figures)) for figures in rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(figures: Figures) -> list[str]:
    return [
        ", ".join(filter(None, (figures.server, _NAMES[figures.audio]))),
        str(figures.calls),
        f"{figures.cpu_ms_per_call_second:.1f}",
        str(figures.up_ms),
        str(figures.down_ms),
        str(figures.barge_in_ms),
        str(figures.truncation_error_ms),
        str(figures.frames_lost),
        str(figures.missed_interruptions),
        str(figures.failed_calls),
        f"{figures.rss_mb_per_call:.2f}",
        f"{figures.rig_cpu:.0%}",
        str(figures.rig_late_ms),
    ]


_NAMES = {"ulaw": "mu-law, passed through", "pcm": "24 kHz PCM, resampled"}
