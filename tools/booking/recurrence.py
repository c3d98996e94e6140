"""On which days does an event of an outside calendar come again (RFC 5545, 3.3.10)?

Written out here, and not left to a package, because rules come from strangers: general expanders
walk to the year 9999 looking for a 30th of February. Here each look is paid for from a budget.
What is not understood is refused by name and never guessed.
"""

import calendar
import datetime as dt
import re
from collections.abc import Iterator

import msgspec

BUDGET_DAYS = 100_000
"""Days that may be looked at for all the rules of one file: about a tenth of a second."""
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PARTS = frozenset(
    {
        "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY",
        "BYYEARDAY", "BYSETPOS",
    }
)  # fmt: skip
_MOST_VALUES = 100


class UnreadableError(ValueError):
    """What an outside event says cannot be used; the text says why, without quoting it."""


class Budget:
    """How many more days may be looked at."""

    def __init__(self, days: int = BUDGET_DAYS) -> None:
        self._left = days

    def spend(self, days: int) -> None:
        """Raises UnreadableError when there is nothing left."""
        self._left -= days
        if self._left < 0:
            raise UnreadableError("its repetitions take too long to work out")


class Rule(msgspec.Struct, frozen=True):
    """One RRULE. `until` is as written; by-parts are empty when not given."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: str | None = None
    week_start: int = 0
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    weekdays: frozenset[tuple[int, int]] = frozenset()
    """(which, weekday): which is 0 for every one, 2 for the second, -1 for the last."""
    positions: tuple[int, ...] = ()


def parse_rule(text: str) -> Rule:
    """The rule of an RRULE's value. Raises UnreadableError."""
    parts: dict[str, str] = {}
    for part in text.strip().rstrip(";").upper().split(";"):
        name, sign, value = part.partition("=")
        if not sign or name in parts:
            raise UnreadableError("its rule of repetition is broken")
        parts[name] = value
    if unknown := parts.keys() - _PARTS:
        raise UnreadableError(f"its rule uses {min(unknown)[:20]!r}, which is not understood")
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        raise UnreadableError("it repeats in a way other than daily, weekly, monthly or yearly")
    rule = Rule(
        frequency=frequency,
        interval=_whole(parts.get("INTERVAL", "1"), 1, 10_000),
        count=_whole(parts["COUNT"], 1, 100_000) if "COUNT" in parts else None,
        until=parts.get("UNTIL"),
        week_start=_weekday(parts.get("WKST", "MO"))[1],
        months=_numbers(parts, "BYMONTH", 12, signed=False),
        month_days=_numbers(parts, "BYMONTHDAY", 31),
        year_days=_numbers(parts, "BYYEARDAY", 366),
        weekdays=frozenset(_weekday(each) for each in _values(parts, "BYDAY")),
        positions=tuple(sorted(_numbers(parts, "BYSETPOS", 366))),
    )
    _check(rule)
    return rule


def _check(rule: Rule) -> None:
    short = rule.frequency in ("DAILY", "WEEKLY")
    if short and (rule.positions or any(which for which, _ in rule.weekdays)):
        raise UnreadableError("its rule picks days by position in a day or week")
    if rule.count is not None and rule.until is not None:
        raise UnreadableError("its rule has both a count and an end")


def _values(parts: dict[str, str], name: str) -> list[str]:
    values = parts[name].split(",") if name in parts else []
    if len(values) > _MOST_VALUES:
        raise UnreadableError("its rule of repetition is too long")
    return values


def _numbers(parts: dict[str, str], name: str, most: int, *, signed: bool = True) -> frozenset[int]:
    low = -most if signed else 1
    found = frozenset(_whole(each, low, most) for each in _values(parts, name))
    if 0 in found:
        raise UnreadableError("its rule counts from zero")
    return found


def _whole(text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,6}", text) or not low <= int(text) <= high:
        raise UnreadableError("a number in its rule is out of range")
    return int(text)


def _weekday(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", text)
    if match is None:
        raise UnreadableError("its rule names no weekday")
    return int(match[1] or 0), WEEKDAYS.index(match[2])


def days(
    rule: Rule, first: dt.date, window: tuple[dt.date, dt.date], budget: Budget
) -> Iterator[dt.date]:
    """The rule's days for an event that begins on `first`, in order, both ends included.

    A count is counted from `first`. Raises UnreadableError when the budget is used up.
    """
    rule = _with_defaults(rule, first)
    left = rule.count
    index = 0 if left is not None else _first_period(rule, first, window[0])
    while (period := _period(rule, first, index)) and period[0] <= window[1]:
        budget.spend(len(period))
        for day in _chosen(rule, period):
            if day < first:
                continue
            if left is not None:
                left -= 1
            if window[0] <= day <= window[1]:
                yield day
            if left == 0:
                return
        index += 1


def _with_defaults(rule: Rule, first: dt.date) -> Rule:
    """What is not said follows from the first day."""
    if rule.month_days or rule.year_days or rule.weekdays or rule.frequency == "DAILY":
        return rule
    if rule.frequency == "WEEKLY":
        return msgspec.structs.replace(rule, weekdays=frozenset({(0, first.weekday())}))
    months = rule.months or (
        frozenset({first.month}) if rule.frequency == "YEARLY" else frozenset[int]()
    )
    return msgspec.structs.replace(rule, months=months, month_days=frozenset({first.day}))


def _first_period(rule: Rule, first: dt.date, wanted: dt.date) -> int:
    """The index of a period not after the one that holds `wanted`."""
    if wanted <= first:
        return 0
    match rule.frequency:
        case "DAILY":
            passed = (wanted - first).days
        case "WEEKLY":
            passed = (wanted - first).days // 7
        case "MONTHLY":
            passed = (wanted.year - first.year) * 12 + wanted.month - first.month
        case _:
            passed = wanted.year - first.year
    return max(0, passed // rule.interval - 1)


def _period(rule: Rule, first: dt.date, index: int) -> list[dt.date]:
    """All days of one day, week, month or year; none past the end of the calendar."""
    step = index * rule.interval
    try:
        match rule.frequency:
            case "DAILY":
                return [first + dt.timedelta(days=step)]
            case "WEEKLY":
                lead = (first.weekday() - rule.week_start) % 7
                start = first + dt.timedelta(days=step * 7 - lead)
                return [start + dt.timedelta(days=each) for each in range(7)]
            case "MONTHLY":
                months = first.year * 12 + first.month - 1 + step
                return _month(months // 12, months % 12 + 1)
            case _:
                year = first.year + step
                wanted = sorted(rule.months) or range(1, 13)
                return [day for month in wanted for day in _month(year, month)]
    except (ValueError, OverflowError):
        return []


def _month(year: int, month: int) -> list[dt.date]:
    last = calendar.monthrange(year, month)[1]
    return [dt.date(year, month, day) for day in range(1, last + 1)]


def _chosen(rule: Rule, period: list[dt.date]) -> list[dt.date]:
    matching = [day for day in period if _matches(rule, day)]
    if not rule.positions:
        return matching
    found = {
        matching[each - 1 if each > 0 else each]
        for each in rule.positions
        if abs(each) <= len(matching)
    }
    return sorted(found)


def _matches(rule: Rule, day: dt.date) -> bool:
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.month_days or _among(rule.month_days, day.day, _days_of_month(day)))
        and (not rule.year_days or _among(rule.year_days, _day_of_year(day), _days_of_year(day)))
        and (not rule.weekdays or _on_weekday(rule, day))
    )


def _among(wanted: frozenset[int], place: int, length: int) -> bool:
    """Counted from the front or, below zero, from the back."""
    return place in wanted or place - length - 1 in wanted


def _on_weekday(rule: Rule, day: dt.date) -> bool:
    if (0, day.weekday()) in rule.weekdays:
        return True
    # "Of the year" only where the rule names no months (RFC 5545, table in 3.3.10).
    if rule.frequency == "YEARLY" and not rule.months:
        place, length = _day_of_year(day), _days_of_year(day)
    else:
        place, length = day.day, _days_of_month(day)
    forward, backward = (place - 1) // 7 + 1, -((length - place) // 7 + 1)
    return bool({(forward, day.weekday()), (backward, day.weekday())} & rule.weekdays)


def _days_of_month(day: dt.date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _day_of_year(day: dt.date) -> int:
    return day.timetuple().tm_yday


def _days_of_year(day: dt.date) -> int:
    return 366 if calendar.isleap(day.year) else 365
