"""When the shop, or somebody in it, is there: a week, days off, days with other hours."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from tools.config import Document
from tools.validation import Path

CELL_MINUTES = 5
"""Everything on the calendar is a multiple of this."""
MIDNIGHT = 24 * 60
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONGEST_SPAN = dt.timedelta(days=366)

Hours = Annotated[
    list[str],
    msgspec.Meta(max_length=6, description='Ranges like "09:00-17:30"; "24:00" is midnight.'),
]
Days = Annotated[str, msgspec.Meta(description="2026-12-25, or 2026-12-24..2026-12-31.")]
Closed = Annotated[
    list[Days], msgspec.Meta(max_length=400, description="Days off, single or from..to.")
]


class WeekHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The opening hours of each weekday, in local time."""

    monday: Hours = []
    tuesday: Hours = []
    wednesday: Hours = []
    thursday: Hours = []
    friday: Hours = []
    saturday: Hours = []
    sunday: Hours = []


class OtherHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days on which the week's hours do not hold."""

    days: Days
    hours: Hours


Exceptions = Annotated[
    list[OtherHours], msgspec.Meta(max_length=100, description="Days with other hours.")
]


class Range(msgspec.Struct, frozen=True):
    """Open from `start` up to `end`, in minutes after local midnight."""

    start: int
    end: int


Week = tuple[tuple[Range, ...], ...]
"""Seven entries, Monday first."""


class Dates(msgspec.Struct, frozen=True):
    """Days on which the week does not hold."""

    closed: frozenset[dt.date] = frozenset()
    special: Mapping[dt.date, tuple[Range, ...]] = {}


def on_day(week: Week, dates: Dates, day: dt.date) -> tuple[Range, ...]:
    """The hours of one day, in order."""
    if day in dates.closed:
        return ()
    return dates.special.get(day, week[day.weekday()])


def begun(
    before: Sequence[Range], own: Sequence[Range], after: Sequence[Range]
) -> tuple[Range, ...]:
    """What begins on a day, as people say it: a night is one, and of the day on which it begins.

    `before` and `after` are the hours of its neighbours. What would last a day or longer stays as
    it is: two times of the clock could not say it.
    """
    here = own[1:] if night(before, own) else own
    last = night(own, after)
    if last is None:
        return tuple(here)
    return (*here[:-1], Range(own[-1].start, MIDNIGHT + last.end))


def night(evening: Sequence[Range], morning: Sequence[Range]) -> Range | None:
    """The end of a day's night in the next day's hours; None: the day has none."""
    joined = evening and morning and evening[-1].end == MIDNIGHT and morning[0].start == 0
    return morning[0] if joined and morning[0].end < evening[-1].start else None


def read_week(document: Document, path: Path, file: WeekHours) -> Week:
    """Raises ConfigError for a range that is none, is not in fives, or is out of order."""
    return tuple(_ranges(document, (*path, day), getattr(file, day)) for day in DAYS)


def read_dates(
    document: Document, path: Path, closed: list[str], exceptions: list[OtherHours]
) -> Dates:
    """`path` leads to the mapping that holds `closed` and `exceptions`."""
    off = {
        day
        for index, text in enumerate(closed)
        for day in _days(document, (*path, "closed", index), text)
    }
    special: dict[dt.date, tuple[Range, ...]] = {}
    for index, each in enumerate(exceptions):
        place = (*path, "exceptions", index)
        ranges = _ranges(document, (*place, "hours"), each.hours)
        for day in _days(document, (*place, "days"), each.days):
            if day in special or day in off:
                what = f"{day.isoformat()} is there twice"
                raise document.error((*place, "days"), what, "Keep one entry for each day")
            special[day] = ranges
    return Dates(frozenset(off), special)


def check_fives(document: Document, path: Path, minutes: int) -> None:
    if minutes % CELL_MINUTES:
        raise document.error(
            path, f"{minutes} is not a multiple of {CELL_MINUTES}", "Round it to five minutes"
        )


def _days(document: Document, path: Path, text: str) -> list[dt.date]:
    """The days of `2026-12-25` or `2026-12-24..2026-12-31`."""
    ends = [_date(each) for each in text.split("..")]
    first, last = ends[0], ends[-1]
    if len(ends) > 2 or first is None or last is None:
        raise document.error(
            path,
            "is not a date like 2026-03-31",
            "Give a date like 2026-03-31, or two as 2026-12-24..2026-12-31",
        )
    if not dt.timedelta(0) <= last - first <= LONGEST_SPAN:
        raise document.error(
            path, f"{text!r} ends before it begins, or after a year", "Put the earlier date first"
        )
    return [first + dt.timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def _date(text: str) -> dt.date | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip(), re.ASCII):
        return None
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        return None


def _ranges(document: Document, path: Path, texts: list[str]) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for index, text in enumerate(texts):
        found = _range(document, (*path, index), text)
        if ranges and found.start < ranges[-1].end:
            raise document.error(
                (*path, index), "begins before the range above it ends", "Put ranges in order"
            )
        ranges.append(found)
    return tuple(ranges)


CLOCK = r"(\d{2}):(\d{2})"


def _range(document: Document, path: Path, text: str) -> Range:
    match = re.fullmatch(rf"{CLOCK}\s*-\s*{CLOCK}", text, re.ASCII)
    if match is None:
        raise document.error(
            path, f"{text!r} is not a range of times", 'Write it like "09:00-17:30"'
        )
    hours = [int(each) for each in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if max(hours[1], hours[3]) > 59 or end > MIDNIGHT:
        raise document.error(path, f"{text!r} is not on the clock", "Use 00:00 to 24:00")
    if start >= end:
        raise document.error(
            path, f"{text!r} ends before it begins", "Split it at midnight, over two days"
        )
    if start % CELL_MINUTES or end % CELL_MINUTES:
        raise document.error(
            path, f"{text!r} is not in fives of minutes", "Round it to five minutes"
        )
    return Range(start, end)
