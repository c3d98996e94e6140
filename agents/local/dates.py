"""Days: from what callers call them to a date, and back into words."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

from agents.local.almanac import (
    MONTHS,
    PAST,
    WEEKDAY,
    WEEKDAYS,
    Day,
    Found,
    candidates,
    contradicted,
    found,
    months_after,
    ranked,
    read_day,
    read_month,
    spoken_year,
)
from agents.local.numbers import ONES, TENS, read_below_hundred, read_ordinal, spoken_ordinal
from agents.local.refusals import left_open, ruled_out
from agents.local.text import Impossible, Words, any_of, skip, starts_with, word_at

_Rule = Callable[[Words, int, dt.date], Found | None]


def read_date(words: Words, at: int, today: dt.date) -> Found | None:
    """The date said from word `at` on, never before `today`; None when there is none."""
    said = _read(words, at, today, (*_PLAIN, _counted))
    # `before friday` and `the week of the third` leave open which day it is to be.
    vague = left_open(words, at) or starts_with(words, max(0, at - 2), ("week", "of"))
    if said is not None and vague:
        return Impossible(), said[1]
    return said


def _read(words: Words, at: int, today: dt.date, rules: Sequence[_Rule]) -> Found | None:
    for rule in rules:
        said = rule(words, at, today)
        if said is not None:
            day, end = said
            return said if isinstance(day, Impossible) or day >= today else (PAST, end)
    return None


def _figures(words: Words, at: int, today: dt.date) -> Found | None:
    word = word_at(words, at)
    if word.count("-") == 2:
        return found(Day(*(int(part) for part in reversed(word.split("-")))), today, at + 1)
    if "/" in word:  # month first, as the callers of an en-US agent write it
        month, day, *rest = (int(part) for part in word.split("/"))
        year = rest[0] + 2000 * (rest[0] < 100) if rest else None
        return found(Day(day, month, year), today, at + 1)
    return None


# ---- counted from today ------------------------------------------------------------------------

_TODAY: Final = (
    ("the day after tomorrow", 2),
    ("day after tomorrow", 2),
    ("tomorrow", 1),
    ("today", 0),
    ("tonight", 0),
    ("this afternoon", 0),
    ("this evening", 0),
)


def _relative(words: Words, at: int, today: dt.date) -> Found | None:
    for phrase, days in _TODAY:
        if starts_with(words, at, phrase.split()):
            date, end = today + dt.timedelta(days=days), at + len(phrase.split())
            if word_at(words, end) == "week":  # `tomorrow week`
                return date + dt.timedelta(days=7), end + 1
            return _agreeing(words, at, (date, end), today)
    return None


def _agreeing(words: Words, at: int, said: Found, today: dt.date) -> Found:
    """With the weekday that follows, `tomorrow, Thursday`: the two must be one day."""
    day, end = said
    weekday = WEEKDAY.get(word_at(words, end))
    if weekday is None or isinstance(day, Impossible) or read_day(words, end + 1, today):
        return said
    if day.weekday() == weekday:
        return day, end + 1
    # `not tomorrow, Friday` are two.
    return said if word_at(words, at - 1) == "not" else (contradicted(day, today), end + 1)


_UNITS: Final = {
    **dict.fromkeys(("day", "days", "day's"), (1, 0)),
    **dict.fromkeys(("week", "weeks", "week's"), (7, 0)),
    **dict.fromkeys(("fortnight", "fortnights", "fortnight's"), (14, 0)),
    **dict.fromkeys(("month", "months", "month's"), (0, 1)),
    **dict.fromkeys(("year", "years", "year's"), (0, 12)),
}
"""Days and months of each."""
_SOME: Final = frozenset(("few", "several", "some"))
_WORKING: Final = ("business", "working", "work")
_FROM: Final = frozenset(("from", "after", "before"))


def _counted(words: Words, at: int, today: dt.date) -> Found | None:
    """`in three days`, `a month from today`, `a week on tuesday`, `the day before friday`."""
    start = skip(words, at, "in")
    amount = _span_said(words, start)
    if amount is None:
        return None
    (days, months), end, certain = amount
    if word_at(words, end) == "ago":
        return Impossible(), end + 1
    if _is_about(words, end):
        end, certain = _about_end(words, end), False
    way = word_at(words, end)
    long = days % 7 == 0
    base_at = end + (way in _FROM or (way == "on" and long))
    base = _counted_from(words, base_at, today) if base_at > end or long else None
    if base is None:
        if start == at or word_at(words, start) in {"the", *_UNITS}:
            return None
        ahead = _days_after(today, days, months) if certain else Impossible()
        return _agreeing(words, at, (ahead, skip(words, end, "on")), today)
    day, base_end = base
    if isinstance(day, Impossible) or not certain:
        return Impossible(), base_end
    sign = -1 if way == "before" else 1
    return _days_after(day, sign * days, sign * months), base_end


def _span_said(words: Words, at: int) -> tuple[tuple[int, int], int, bool] | None:
    """Days and months counted, where that ends, and whether the count is certain."""
    start = skip(words, at, "a", "the")
    count, end = read_below_hundred(words, start) or (1, start)
    certain = word_at(words, end) not in _SOME
    end += not certain
    if _is_about(words, end) and end > start:  # `two or three days`
        certain, end = False, _about_end(words, end)
    if word_at(words, end) == "couple":
        count, end = 2, skip(words, end + 1, "of")
    working = skip(words, end, *_WORKING)
    unit = _UNITS.get(word_at(words, working))
    # `the week from ...` and a bare `day` count nothing, but `the day before friday` does.
    counted = end > at and (end > start or word_at(words, at) != "the")
    if unit is None or not (counted or unit == (1, 0) or (unit[0] >= 7 and not at)):
        return None
    bare = unit == (1, 0) and end == at > 0  # `any day from friday`, `another day`
    return (
        (count * unit[0], count * unit[1]),
        skip(words, working + 1, "time"),
        certain and working == end and not bare,
    )


def _is_about(words: Words, at: int) -> bool:
    """`in a week or so`, `in two or three days`."""
    joined = word_at(words, at) == "or"
    said = word_at(words, at + 1) == "so" or read_below_hundred(words, at + 1) is not None
    return joined and said


def _about_end(words: Words, at: int) -> int:
    other = read_below_hundred(words, at + 1)
    return other[1] if other else at + 2


def _days_after(day: dt.date, days: int, months: int) -> dt.date | Impossible:
    return months_after(day, months) if months else day + dt.timedelta(days=days)


def _counted_from(words: Words, at: int, today: dt.date) -> Found | None:
    return (today, at + 1) if word_at(words, at) == "now" else _read(words, at, today, _PLAIN)


# ---- weekdays ----------------------------------------------------------------------------------


def _coming(weekday: int, today: dt.date) -> dt.date:
    """The first such day after today: a caller who means today says `today`."""
    return today + dt.timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def _in_week(weekday: int, weeks: int, today: dt.date) -> dt.date:
    """That day of a week, weeks beginning on Monday: 0 is this one, 1 the next."""
    return today + dt.timedelta(days=7 * weeks - today.weekday() + weekday)


def _week(words: Words, at: int) -> tuple[int | None, int] | None:
    """`next week`, `the week after next`, `in two weeks`: how many ahead; None for a week that is
    none of ours."""
    for phrase, weeks in _WEEKS:
        if starts_with(words, at, phrase.split()):
            return weeks, at + len(phrase.split())
    start = skip(words, at, "in")
    amount = _span_said(words, start)
    if amount is None or amount[0][0] % 7:
        return None
    (days, months), end, certain = amount
    if word_at(words, end) == "ago":
        return None, end + 1
    if word_at(words, end) == "from" and word_at(words, end + 1) in {"now", "today"}:
        end += 2
    elif start == at:
        return None
    return days // 7 if certain and not months else None, end


_WEEKS: Final = (
    ("this week", 0),
    ("next week", 1),
    ("the week after next", 2),
    ("week after next", 2),
    ("last week", None),
)


def _week_first(words: Words, at: int, today: dt.date) -> Found | None:
    """`next week on friday`, `in two weeks on a tuesday`."""
    week = _week(words, at)
    if week is None:
        return None
    start = skip(words, skip(words, week[1], "on"), "a", "the")
    weekday = WEEKDAY.get(word_at(words, start))
    if weekday is None:
        return None
    day = read_day(words, start + 1, today)
    if day is not None:
        return found(day[0], today, day[1], weekday)
    return _of_week(weekday, week[0], today), start + 1


def _of_week(weekday: int, weeks: int | None, today: dt.date) -> dt.date | Impossible:
    return Impossible() if weeks is None else _in_week(weekday, weeks, today)


_WHICH: Final = frozenset(("this", "next", "coming", "following"))


def _weekday(words: Words, at: int, today: dt.date) -> Found | None:
    """`tuesday`, `next tuesday`, `tuesday week`, `tuesday the twenty fourth of november`."""
    which = word_at(words, at) if word_at(words, at) in _WHICH else ""
    start = at + bool(which)
    weekday = WEEKDAY.get(word_at(words, start))
    if weekday is None:
        return None
    end = start + 1
    day = read_day(words, end, today)
    if day is not None:
        return found(day[0], today, day[1], weekday)
    open_end = _some_weekday(words, end, today)
    if open_end is not None:
        return Impossible(), open_end
    return _days_ahead(words, end, weekday, today) or _by_week(words, end, which, weekday, today)


def _days_ahead(words: Words, at: int, weekday: int, today: dt.date) -> Found | None:
    """`sunday in two days`: the two must be one day."""
    span = _span_said(words, at + 1) if word_at(words, at) == "in" else None
    if span is None or span[0][1] or not span[0][0] % 7:
        return None
    (days, _), end, certain = span
    day = today + dt.timedelta(days=days)
    if not certain:
        return Impossible(), end
    return (day if day.weekday() == weekday else contradicted(day, today)), end


def _some_weekday(words: Words, at: int, today: dt.date) -> int | None:
    """Where it ends when what follows a weekday leaves open which: `friday in december`."""
    for phrase in _OPEN:
        if starts_with(words, at, phrase):
            return at + len(phrase)
    start = skip(words, at, "in", "of")
    week = _ranked_week(words, skip(words, start, "the"), today)
    if week is not None:
        return week
    month = read_month(words, start, today)
    return month[1] if month and (start > at or word_at(words, at) in {"next", "this"}) else None


_OPEN: Final = (
    ("after", "next"),
    ("from", "now"),
    ("from", "today"),
    ("ago",),
    ("next", "year"),
    ("last", "year"),
)


def _by_week(words: Words, at: int, which: str, weekday: int, today: dt.date) -> Found:
    part = skip(words, at, "morning", "afternoon", "evening", "night")
    week = _week(words, skip(words, part, "of"))
    if which == "following":  # another that was spoken of
        return Impossible(), at
    if week is not None:
        agree = not which or (which, week[0]) in {("next", 1), ("this", 0), ("coming", 0)}
        return (_of_week(weekday, week[0], today) if agree else Impossible()), week[1]
    if word_at(words, at) in {"week", "fortnight"}:
        days = 7 if words[at] == "week" else 14
        doubtful = which == "next"
        coming = _coming(weekday, today) + dt.timedelta(days=days)
        return (Impossible() if doubtful else coming), at + 1
    if which == "next" or (not which and _next_week_said(words, at - 1)):
        return _in_week(weekday, 1, today), at
    if which == "this" and weekday == today.weekday():
        return today, at
    return _coming(weekday, today), at


def _next_week_said(words: Words, at: int) -> bool:
    """Whether the weekday at `at` is one of next week, with other words between the two."""
    return any(
        _belongs(words, at, start)
        for start in range(len(words))
        if starts_with(words, start, ("next", "week"))
    )


def _belongs(words: Words, at: int, start: int) -> bool:
    """Whether `next week` at `start` says which; not in `move friday to next week`."""
    if ruled_out(words, start, start + 2) or (at < start and word_at(words, start - 1) == "to"):
        return False
    between = words[start + 2 : at] if start < at else words[at + 1 : start]
    if start < at and all(word in WEEKDAY or word in {"on", "or", "and"} for word in between):
        return True
    return not any(word in WEEKDAY or word in _PARTING for word in between)


_PARTING: Final = frozenset(("from", "or", "not", "if", "instead", "today", "tomorrow"))


def _ranked(words: Words, at: int, today: dt.date) -> Found | None:
    """`the first monday in december`, `the last friday of next month`."""
    start = skip(words, skip(words, at, "on"), "the")
    rank = (-1, start + 1) if word_at(words, start) == "last" else read_ordinal(words, start)
    week = _ranked_week(words, start, today)
    if week is not None:
        return Impossible(), week + (word_at(words, week) in WEEKDAY)
    if rank is not None and starts_with(words, rank[1], ("to", "last")):
        return _from_last(words, rank[1] + 2, today)
    weekday = WEEKDAY.get(word_at(words, rank[1])) if rank else None
    if rank is None or weekday is None or rank[0] > _MOST_WEEKS:
        return None
    end = rank[1] + 1
    month = read_month(words, skip(words, end, "in", "of"), today)
    if month is None:
        return Impossible(), end
    return ranked(rank[0], weekday, month[0], today), month[1]


def _from_last(words: Words, at: int, today: dt.date) -> Found | None:
    """`second to last friday in may`: known to name a day, and not counted out."""
    if word_at(words, at) not in {*WEEKDAY, "day", "week", "of"}:
        return None
    end = at + (word_at(words, at) != "of")
    month = read_month(words, skip(words, end, "in", "of"), today)
    return Impossible(), month[1] if month else at + 1


def _ranked_week(words: Words, at: int, today: dt.date) -> int | None:
    """Where `second week of december` ends, and the `on` after it."""
    rank = (-1, at + 1) if word_at(words, at) == "last" else read_ordinal(words, at)
    if rank is None or word_at(words, rank[1]) != "week":
        return None
    month = read_month(words, skip(words, rank[1] + 1, "of", "in"), today)
    return skip(words, month[1], "on") if month else None


_MOST_WEEKS: Final = 5
"""In which one weekday can be in a month."""


def _month_weekday(words: Words, at: int, today: dt.date) -> Found | None:
    """`next month on a friday`, `in december on a friday` leave open which."""
    month = read_month(words, skip(words, at, "in"), today)
    if month is None or word_at(words, at) not in {"in", "next"}:
        return None
    start = skip(words, skip(words, month[1], "on"), "a")
    named = word_at(words, start) in WEEKDAY and not read_day(words, start + 1, today)
    return (Impossible(), start + 1) if named else None


def _calendar_date(words: Words, at: int, today: dt.date) -> Found | None:
    day = read_day(words, at, today)
    return _agreeing(words, at, found(day[0], today, day[1]), today) if day else None


_PLAIN: Final[tuple[_Rule, ...]] = (
    _figures,
    _relative,
    _week_first,
    _ranked,
    _month_weekday,
    _weekday,
    _calendar_date,
)
"""What days may be counted from: nobody counts from a day that is counted itself."""


def spoken_date(date: dt.date, today: dt.date) -> str:
    """`Tuesday the twenty-fourth of November`, with the year when it would be misread."""
    rank = spoken_ordinal(date.day)
    text = f"{WEEKDAYS[date.weekday()].title()} the {rank} of {MONTHS[date.month - 1].title()}"
    days = candidates(Day(date.day, date.month), today)
    first = next((day for day in days if day >= today), None)
    return text if date == first else f"{text} {spoken_year(date.year)}"


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
    rf"|(?:this |next |coming )?{any_of(WEEKDAYS)}"
    rf"(?:(?: next)? week|(?: the| on the)? {_OF_MONTH})?"
    rf"|next week (?:on )?{any_of(WEEKDAYS)}"
    rf"|{_OF_MONTH}|in {_COUNT} (?:days|weeks|months)|in a (?:week|fortnight|month)"
    rf"|a (?:week|month) (?:from )?(?:today|tomorrow|{any_of(WEEKDAYS)})"
    rf"|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?)(?: (?:20\d\d|{_YEAR}))?"
)
