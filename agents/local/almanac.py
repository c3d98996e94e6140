"""Days of the calendar: as callers name them by day, month and year, and which there are."""

import datetime as dt
from typing import Final

import msgspec

from agents.local.numbers import read_below_hundred, read_ordinal, spoken_number, spoken_ordinal
from agents.local.text import Impossible, Words, skip, starts_with, word_at, words

WEEKDAYS: Final = words("monday tuesday wednesday thursday friday saturday sunday")
MONTHS: Final = words(
    "january february march april may june july august september october november december"
)
WEEKDAY: Final = {
    **{name: place for place, name in enumerate(WEEKDAYS)},
    **{f"{name}s": place for place, name in enumerate(WEEKDAYS)},
    **{f"{name}'s": place for place, name in enumerate(WEEKDAYS)},
    "mon": 0,
    "tue": 1,
    "tues": 1,
    "wed": 2,
    "thu": 3,
    "thur": 3,
    "thurs": 3,
    "fri": 4,
}
_MONTH: Final = {
    **{name: place + 1 for place, name in enumerate(MONTHS)},
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "sept": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
_MONTHS_AHEAD: Final = 3
"""How far `Friday the twenty-fifth` looks for a month in which the two agree."""
LAST_YEAR: Final = 2099
_LEAP_YEAR: Final = 2024
_MOST_RANK: Final = 99

Found = tuple[dt.date | Impossible, int]
"""The day named, and where the words end that name it."""


class Day(msgspec.Struct, frozen=True):
    """A day of the calendar as far as it was said; there need be none such."""

    day: int
    month: int | None = None
    year: int | None = None


def read_day(words: Words, at: int, today: dt.date) -> tuple[Day, int] | None:
    """`the third of march`, `march third 2027`, `the fourteenth`, `3 march`."""
    start = skip(words, skip(words, at, "on"), "the")
    said = _month_first(words, start, today) or _day_first(words, start, today)
    if said is None:
        return None
    day, end = said
    year = _read_year(words, end, today) if day.month is not None and day.year is None else None
    return (Day(day.day, day.month, year[0]), year[1]) if year else said


def read_month(words: Words, at: int, today: dt.date) -> tuple[Day, int] | None:
    """`december`, `december 2027`, `next month`: its first day."""
    relative = _relative_month(words, at, today)
    if relative is not None:
        return relative
    month = _MONTH.get(word_at(words, at))
    if month is None:
        return None
    year = _read_year(words, at + 1, today)
    return (Day(1, month, year[0]), year[1]) if year else (Day(1, month), at + 1)


def _relative_month(words: Words, at: int, today: dt.date) -> tuple[Day, int] | None:
    if word_at(words, at + 1) != "month" or word_at(words, at) not in {"next", "this"}:
        return None
    place = today.month - 1 + (word_at(words, at) == "next")
    return Day(1, place % 12 + 1, today.year + place // 12), at + 2


def _month_first(words: Words, at: int, today: dt.date) -> tuple[Day, int] | None:
    relative = _relative_month(words, at, today)
    if relative is not None:
        first, end = relative
        rank = read_ordinal(words, skip(words, skip(words, end, "on"), "the"), _MOST_RANK)
        return (Day(rank[0], first.month, first.year), rank[1]) if rank else None
    month = _MONTH.get(word_at(words, at))
    if month is None:
        return None
    start = skip(words, at + 1, "the")
    day = read_ordinal(words, start, _MOST_RANK) or read_below_hundred(words, start)
    return (Day(day[0], month), day[1]) if day and day[0] else None


def _day_first(words: Words, at: int, today: dt.date) -> tuple[Day, int] | None:
    rank = read_ordinal(words, at, _MOST_RANK)
    day = rank or read_below_hundred(words, at)
    if day is None or not day[0]:
        return None
    start = skip(words, day[1], "of")
    month = _MONTH.get(word_at(words, start))
    if month is not None:
        return Day(day[0], month), start + 1
    if rank is None:
        return None
    relative = _relative_month(words, start, today)
    if relative is not None:
        return Day(rank[0], relative[0].month, relative[0].year), relative[1]
    if starts_with(words, start, ("the", "month")):
        return Day(rank[0]), start + 2
    return None if _counts_something(words, at, rank[1]) else (Day(rank[0]), rank[1])


def _counts_something(words: Words, at: int, end: int) -> bool:
    """`the first one`, `first available` and a bare `second` name no day."""
    return word_at(words, end) in _RANKED or (
        end == at + 1 and words[at] in {"first", "second"} and word_at(words, at - 1) != "the"
    )


_RANKED: Final = frozenset(
    (
        *("one", "available", "time", "thing", "name", "class", "visit", "of", "two", "half"),
        *("day", "date", "week", "weekend", "weekday", "month", "appointment", "slot", "opening"),
    )
)


def _read_year(words: Words, at: int, today: dt.date) -> tuple[int, int] | None:
    """`2027`, `twenty twenty seven`, `two thousand and thirty`, `next year`."""
    word = word_at(words, at)
    if word.isdecimal() and len(word) == 4:
        return (int(word), at + 1) if 2000 <= int(word) <= LAST_YEAR else None
    start = skip(words, at, "of")
    if word_at(words, start) in {"this", "next"} and word_at(words, start + 1) == "year":
        return today.year + (words[start] == "next"), start + 2
    if starts_with(words, at, ("two", "thousand")):
        rest = read_below_hundred(words, skip(words, at + 2, "and"))
        return (2000 + rest[0], rest[1]) if rest else (2000, at + 2)
    if word == "twenty":
        rest = read_below_hundred(words, at + 1)
        return (2000 + rest[0], rest[1]) if rest and rest[0] >= 10 else None
    return None


def found(day: Day, today: dt.date, end: int, weekday: int | None = None) -> Found:
    """The day meant; without its year the next there is, which must be the weekday if one was
    said: who means another year than the next says so."""
    ahead = [date for date in candidates(day, today) if date >= today]
    near = ahead if day.month is None else ahead[:1]
    fitting = next((date for date in near if weekday in {None, date.weekday()}), None)
    if fitting is not None:
        return fitting, end
    return (contradicted(ahead[0], today) if ahead else _missing(day, today)), end


def contradicted(date: dt.date, today: dt.date) -> Impossible:
    year = "" if date.year == today.year else f" {spoken_year(date.year)}"
    said = f"{spoken_ordinal(date.day)} of {MONTHS[date.month - 1].title()}{year}"
    return Impossible(f"The {said} is a {WEEKDAYS[date.weekday()].title()}.")


PAST: Final = Impossible("That day is past.")


def _missing(day: Day, today: dt.date) -> Impossible:
    if not (1 <= (day.month or 0) <= 12 and 1 <= day.day <= _MOST_RANK):
        return Impossible()
    if day.year is not None and date_of(day.year, day.month, day.day) is not None:
        return PAST
    said = f"There is no {spoken_ordinal(day.day)} of {MONTHS[(day.month or 1) - 1].title()}"
    if date_of(_LEAP_YEAR, day.month, day.day) is None:
        return Impossible(f"{said}.")
    if day.year is not None:
        return Impossible(f"{said} {spoken_year(day.year)}.")
    years = range(today.year, today.year + 9)
    leap = next(year for year in years if (date_of(year, 2, 29) or today) > today)
    return Impossible(f"{said} before {spoken_year(leap)}.")


def candidates(day: Day, today: dt.date) -> list[dt.date]:
    if day.month is not None:
        years = [day.year] if day.year is not None else [today.year, today.year + 1]
        dates = [date_of(year, day.month, day.day) for year in years]
    else:
        months = [today.month - 1 + ahead for ahead in range(_MONTHS_AHEAD)]
        dates = [date_of(today.year + month // 12, month % 12 + 1, day.day) for month in months]
    return [date for date in dates if date is not None]


def date_of(year: int, month: int | None, day: int) -> dt.date | None:
    try:
        return dt.date(year, month or 0, day)
    except ValueError:
        return None


def months_after(date: dt.date, months: int) -> dt.date | Impossible:
    """The same day of another month, if that has one."""
    place = date.month - 1 + months
    day = Day(date.day, place % 12 + 1, date.year + place // 12)
    return found(day, dt.date.min, 0)[0]


def ranked(rank: int, weekday: int, month: Day, today: dt.date) -> dt.date | Impossible:
    """The first (1) to fifth, or the last (-1), such weekday of a month."""
    if month.year is None:
        later = (month.month or 0) < today.month
        month = Day(1, month.month, today.year + later)
    days = [date_of(month.year or 0, month.month, day) for day in range(1, 32)]
    fitting = [day for day in days if day is not None and day.weekday() == weekday]
    if 0 < len(fitting) < rank:
        said = f"{spoken_ordinal(rank)} {WEEKDAYS[weekday].title()}"
        return Impossible(f"There is no {said} in {MONTHS[(month.month or 1) - 1].title()}.")
    return fitting[rank - (rank > 0)]


def spoken_year(year: int) -> str:
    """`twenty twenty-six`; years such as 2005 as numbers."""
    if 2010 <= year <= LAST_YEAR:
        return f"twenty {spoken_number(year - 2000)}"
    return spoken_number(year)
