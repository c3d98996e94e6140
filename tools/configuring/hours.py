"""When something holds: weekly hours as a file writes them, and whether a moment is in them."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from tools.validation import Path, Problem

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_RANGE = re.compile(r"(\d{2}):(\d{2})\s*-\s*(\d{2}):(\d{2})", re.ASCII)
_DAY_MINUTES = 24 * 60

Ranges = Annotated[
    list[str],
    msgspec.Meta(max_length=6, description='Ranges like "09:00-17:30"; "24:00" is midnight.'),
]


class WeeklyHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times of each weekday on the shop's clock; a day that is left out has none."""

    monday: Ranges = []
    tuesday: Ranges = []
    wednesday: Ranges = []
    thursday: Ranges = []
    friday: Ranges = []
    saturday: Ranges = []
    sunday: Ranges = []

    def by_day(self) -> dict[str, tuple[str, ...]]:
        """As `tools.spec.Audience` has them: only days with hours, from `mon` to `sun`."""
        found = {day[:3]: tuple(getattr(self, day)) for day in DAYS}
        return {day: ranges for day, ranges in found.items() if ranges}


def problems_of(hours: WeeklyHours, path: Path) -> Iterator[Problem]:
    """Every range that is none; `path` leads to the hours."""
    for day in DAYS:
        for index, text in enumerate(getattr(hours, day)):
            if _minutes(text) is None:
                what = f"{text!r} is not a range of times on one day"
                yield Problem((*path, day, index), what, 'Write it like "09:00-17:30"')


def in_hours(hours: Mapping[str, tuple[str, ...]], local: dt.datetime) -> bool:
    """Whether a moment, on the shop's clock, lies in hours by day (`mon` to `sun`)."""
    minute = local.hour * 60 + local.minute
    ranges = map(_minutes, hours.get(DAYS[local.weekday()][:3], ()))
    return any(each is not None and each[0] <= minute < each[1] for each in ranges)


def _minutes(text: str) -> tuple[int, int] | None:
    """Start and end in minutes after midnight."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    first, second, third, fourth = map(int, found.groups())
    start, end = first * 60 + second, third * 60 + fourth
    fits = second < 60 and fourth < 60 and start < end <= _DAY_MINUTES
    return (start, end) if fits else None
