"""What the Health page and its API are made from; everything here blocks."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from telephony.console.parts import Parts
from telephony.health.histogram import ERROR
from telephony.health.report import Report, report
from telephony.health.spans import Range, moment, spans
from telephony.health.state import ModelEnd, Process, ends, read
from tools.costs import By, DayCost
from tools.elapsed import time_before
from tools.rollups import Rollups

SILENT = dt.timedelta(seconds=30)
"""A process that has said nothing for so long is not shown."""


@dataclass(frozen=True)
class Overview:
    """How the calls of a range look. Durations in ms; percentiles within `error`, relative."""

    range: Range
    since: dt.datetime
    until: dt.datetime
    persona: str | None
    personas: list[str]
    """Who answered in this range; empty for the built-in one."""
    error: float
    figures: Report


class HealthDesk:
    """Every method raises BackendError when the database cannot be asked."""

    def __init__(self, parts: Parts) -> None:
        self._rollups = Rollups(parts.store)
        self._book = parts.book
        self._clock = parts.clock

    def overview(self, wanted: Range, persona: str | None = None) -> Overview:
        now = self._clock()
        found = spans(wanted, now)
        first, last = found[0], found[-1]
        return Overview(
            range=wanted,
            since=moment(first, now),
            until=now,
            persona=persona,
            personas=self._rollups.personas(first, last),
            error=ERROR,
            figures=report(self._rollups.between(first, last, persona), found, now),
        )

    def costs(self, wanted: Range, persona: str | None = None) -> list[DayCost]:
        """By persona and day of the range, the newest day first."""
        now = self._clock()
        first = moment(spans(wanted, now)[0], now).astimezone(now.tzinfo).date()
        found = self._book.days(first, now.date(), By.PERSONA)
        return [each for each in found if persona in (None, each.persona)]

    def processes(self) -> list[Process]:
        """Those that have said something lately, in the order of their names."""
        said = self._rollups.said(time_before(self._clock(), SILENT))
        read_ = [(each, read(each.state)) for each in said]
        return [
            Process(each.owner, each.seen_at, state) for each, state in read_ if state is not None
        ]

    @staticmethod
    def models(processes: Sequence[Process]) -> list[ModelEnd]:
        return ends(list(processes))
