"""Days: from what callers call them to a date, and back into words."""

import datetime as dt
from typing import Final

import msgspec

from agents.local.numbers import (
    ONES,
    TENS,
    read_below_hundred,
    read_ordinal,
    spoken_number,
    spoken_ordinal,
)
from agents.local.text import Words, any_of, skip, starts_with, word_at, words

WEEKDAYS: Final = words("monday tuesday wednesday thursday friday saturday sunday")
MONTHS: Final = words(
    "january february march april may june july august september october november december"
)

_WEEKDAY: Final = {
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
_LAST_YEAR: Final = 2099


class _Day(msgspec.Struct, frozen=True):
    """A day of the calendar as far as it was said."""

    day: int
    month: int | None = None
    year: int | None = None


def read_date(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    """The date said from word `at` on, never before `today`; None when there is none."""
    for rule in (_figures, _relative, _counted, _weekday, _calendar_date):
        found = rule(words, at, today)
        if found is not None:
            return found if found[0] >= today else None
    return None


def _figures(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    word = word_at(words, at)
    if word.count("-") == 2:
        return _found(_Day(*(int(part) for part in reversed(word.split("-")))), today, at + 1)
    if "/" in word:  # month first, as the callers of an en-US agent write it
        month, day, *rest = (int(part) for part in word.split("/"))
        year = rest[0] + 2000 * (rest[0] < 100) if rest else None
        return _found(_Day(day, month, year), today, at + 1)
    return None


def _relative(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    for phrase, days in (
        ("the day after tomorrow", 2),
        ("day after tomorrow", 2),
        ("tomorrow", 1),
        ("today", 0),
        ("tonight", 0),
        ("this afternoon", 0),
        ("this evening", 0),
    ):
        if starts_with(words, at, phrase.split()):
            return today + dt.timedelta(days=days), at + len(phrase.split())
    return None


def _counted(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    """`in three days`, `two weeks from today`, `a week from tuesday`, `a week tomorrow`."""
    start = skip(words, at, "in")
    count = (1, start + 1) if word_at(words, start) == "a" else read_below_hundred(words, start)
    if count is None:
        return None
    unit = {"day": 1, "days": 1, "week": 7, "weeks": 7}.get(word_at(words, count[1]))
    if unit is None:
        return None
    ahead, end = dt.timedelta(days=count[0] * unit), count[1] + 1
    base_at = skip(words, end, "from", "after", "on")
    base = _base(words, base_at, today)
    if base is not None:
        return base[0] + ahead, base[1]
    return (today + ahead, end) if start > at else None


def _base(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    if word_at(words, at) == "now":
        return today, at + 1
    return _relative(words, at, today) or _plain_weekday(words, at, today)


def _plain_weekday(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    weekday = _WEEKDAY.get(word_at(words, at))
    return None if weekday is None else (_coming(weekday, today), at + 1)


def _coming(weekday: int, today: dt.date) -> dt.date:
    """The first such day after today: a caller who means today says `today`."""
    return today + dt.timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def _weekday(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    """`tuesday`, `next tuesday`, `tuesday week`, `tuesday the twenty fourth of november`."""
    which = word_at(words, at) if word_at(words, at) in {"this", "next", "coming"} else ""
    start = at + bool(which)
    weekday = _WEEKDAY.get(word_at(words, start))
    if weekday is None:
        return None
    day = _calendar(words, start + 1)
    if day is not None:
        return _found(day[0], today, day[1], weekday)
    date, end = _coming(weekday, today), start + 1
    if which == "next":  # of next week, weeks beginning on Monday
        date = today + dt.timedelta(days=7 - today.weekday() + weekday)
    elif word_at(words, end) == "week":
        date, end = date + dt.timedelta(days=7), end + 1
    return date, end


def _calendar_date(words: Words, at: int, today: dt.date) -> tuple[dt.date, int] | None:
    day = _calendar(words, at)
    return None if day is None else _found(day[0], today, day[1])


def _calendar(words: Words, at: int) -> tuple[_Day, int] | None:
    """`the third of march`, `march third 2027`, `the fourteenth`, `3 march`."""
    start = skip(words, skip(words, at, "on"), "the")
    said = _month_first(words, start) or _day_first(words, start)
    if said is None:
        return None
    day, end = said
    year = _read_year(words, end) if day.month is not None else None
    return (_Day(day.day, day.month, year[0]), year[1]) if year else said


def _month_first(words: Words, at: int) -> tuple[_Day, int] | None:
    month = _MONTH.get(word_at(words, at))
    if month is None:
        return None
    start = skip(words, at + 1, "the")
    day = read_ordinal(words, start) or read_below_hundred(words, start)
    return (_Day(day[0], month), day[1]) if day and 1 <= day[0] <= 31 else None


def _day_first(words: Words, at: int) -> tuple[_Day, int] | None:
    rank = read_ordinal(words, at)
    day = rank or read_below_hundred(words, at)
    if day is None or not 1 <= day[0] <= 31:
        return None
    month = _MONTH.get(word_at(words, skip(words, day[1], "of")))
    if month is not None:
        return _Day(day[0], month), skip(words, day[1], "of") + 1
    if rank is None or _counts_something(words, at, rank[1]):
        return None
    return _Day(rank[0]), rank[1]


def _counts_something(words: Words, at: int, end: int) -> bool:
    """`the first one`, `first available` and a bare `second` name no day."""
    after = {"one", "available", "time", "thing", "name", "class", "visit", "of", "two", "half"}
    return word_at(words, end) in after or (
        end == at + 1 and words[at] in {"first", "second"} and word_at(words, at - 1) != "the"
    )


def _read_year(words: Words, at: int) -> tuple[int, int] | None:
    """`2027`, `twenty twenty seven`, `two thousand and thirty`."""
    word = word_at(words, at)
    if word.isdecimal() and len(word) == 4:
        return (int(word), at + 1) if 2000 <= int(word) <= _LAST_YEAR else None
    if starts_with(words, at, ("two", "thousand")):
        rest = read_below_hundred(words, skip(words, at + 2, "and"))
        return (2000 + rest[0], rest[1]) if rest else (2000, at + 2)
    if word == "twenty":
        rest = read_below_hundred(words, at + 1)
        return (2000 + rest[0], rest[1]) if rest and rest[0] >= 10 else None
    return None


def _found(
    day: _Day, today: dt.date, end: int, weekday: int | None = None
) -> tuple[dt.date, int] | None:
    for date in _candidates(day, today):
        if today <= date and weekday in (None, date.weekday()):
            return date, end
    return None


def _candidates(day: _Day, today: dt.date) -> list[dt.date]:
    if day.month is not None:
        years = [day.year] if day.year is not None else [today.year, today.year + 1]
        dates = [_date(year, day.month, day.day) for year in years]
    else:
        months = [today.month - 1 + ahead for ahead in range(_MONTHS_AHEAD)]
        dates = [_date(today.year + month // 12, month % 12 + 1, day.day) for month in months]
    return [date for date in dates if date is not None]


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def spoken_date(date: dt.date, today: dt.date) -> str:
    """`Tuesday the twenty-fourth of November`, with the year when it would be misread."""
    day = spoken_ordinal(date.day)
    text = f"{WEEKDAYS[date.weekday()].title()} the {day} of {MONTHS[date.month - 1].title()}"
    first = next(
        (found for found in _candidates(_Day(date.day, date.month), today) if found >= today), None
    )
    return text if date == first else f"{text} {spoken_year(date.year)}"


def spoken_year(year: int) -> str:
    """`twenty twenty-six`; years such as 2005 as numbers."""
    if 2010 <= year <= _LAST_YEAR:
        return f"twenty {spoken_number(year - 2000)}"
    return spoken_number(year)


_RANK: Final = (
    rf"(?:{any_of([spoken_ordinal(day) for day in range(1, 20)])}"
    r"|(?:twentieth|thirtieth|thirty[ -]first)"
    rf"|twenty[ -]{any_of([spoken_ordinal(day) for day in range(1, 10)])}"
    r"|(?:[12]?\d|3[01])(?:st|nd|rd|th))"
)
_COUNT: Final = (
    rf"(?:{any_of([*ONES[1:], *TENS[:2]])}|twenty[ -]{any_of(ONES[1:10])}|[12]?\d|3[01])"
)
_MONTH_NAME: Final = any_of(MONTHS)
_OF_MONTH: Final = (
    rf"(?:(?:the )?{_RANK}(?: (?:of )?{_MONTH_NAME})?"
    rf"|{_MONTH_NAME} (?:the )?(?:{_RANK}|{_COUNT})|{_COUNT} (?:of )?{_MONTH_NAME})"
)
DAY_PATTERN: Final = rf"(?:today|tomorrow|(?:this |next )?{any_of(WEEKDAYS)})"
"""Days of the coming weeks only: `the first` alone sounds like half past ten."""
_YEAR: Final = rf"twenty (?:{any_of(ONES[10:])}|{any_of(TENS)}(?:[ -]{any_of(ONES[1:10])})?)"
DATE_PATTERN: Final = (
    r"(?:today|tomorrow|tonight|(?:the )?day after tomorrow"
    rf"|(?:this |next |coming )?{any_of(WEEKDAYS)}(?: week|(?: the| on the)? {_OF_MONTH})?"
    rf"|{_OF_MONTH}|in {_COUNT} (?:days|weeks)|in a week"
    rf"|a week (?:from )?(?:today|tomorrow|{any_of(WEEKDAYS)})"
    rf"|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?)(?: (?:20\d\d|{_YEAR}))?"
)
