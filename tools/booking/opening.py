"""What happens when a caller asks when the shop is open."""

import datetime as dt
from collections.abc import Sequence
from itertools import groupby

from tools.booking.asked import WhichDay, given
from tools.booking.hours import DAYS, MIDNIGHT, Range, Week, begun
from tools.booking.refusals import begun_on, night_before, say_opening, say_ranges
from tools.booking.shop import Shop
from tools.booking.speech import say_day, say_list, say_near
from tools.spec import Result, ToolContext

DAYS_AHEAD = 14
"""Of so many days it is said where they differ from their week."""
_SPOKEN_DAYS = 3
_MOST_AHEAD = 60
"""Days after one that is closed among which the next open one is looked for."""


class Opening:
    """The handler that tells the hours."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def hours(self, asked: WhichDay, context: ToolContext) -> Result:
        """The week's hours and the days soon that differ, or those of one day."""
        now = context.now.astimezone(self._shop.zone)
        date = given(asked.date)
        if date is not None:
            return self._of_day(dt.date.fromisoformat(date), now)
        week = _nights(self._shop.week)
        said = [_week(week), *self._unlike_others(now.date(), week)]
        return {
            "message": " ".join(said),
            "week": {day: _shown(ranges) for day, ranges in zip(DAYS, week, strict=True)},
        }

    def _of_day(self, day: dt.date, now: dt.datetime) -> Result:
        before, own = night_before(self._shop, day), begun_on(self._shop, day)
        goes_on = day == now.date() and before is not None and _minute(now) < before.end
        said = say_opening(self._shop, day) if goes_on else self._said(day)
        message = f"{_told(day, now.date(), said)}{self._next_open(day)}"
        hours = _shown([before, *own] if before else own)
        return {"message": message, "date": day.isoformat(), "hours": hours}

    def _said(self, day: dt.date) -> str:
        """The night before is told with the day on which it began, unless the day has no more."""
        return say_ranges(begun_on(self._shop, day)) or say_opening(self._shop, day)

    def _next_open(self, closed: dt.date) -> str:
        if begun_on(self._shop, closed):
            return ""
        last = min(_MOST_AHEAD, (dt.date.max - closed).days + 1)
        after = (closed + dt.timedelta(days=ahead) for ahead in range(1, last))
        day = next((day for day in after if begun_on(self._shop, day)), None)
        if day is None:
            return ""
        return f" After that we are open on {say_day(day)}, {self._said(day)}."

    def _unlike_others(self, today: dt.date, week: Week) -> list[str]:
        """Days soon that are not as their weekday is."""
        soon = [today + dt.timedelta(days=ahead) for ahead in range(DAYS_AHEAD)]
        other = [day for day in soon if begun_on(self._shop, day) != week[day.weekday()]]
        return [_told(day, today, self._said(day)) for day in other[:_SPOKEN_DAYS]]


def _told(day: dt.date, today: dt.date, hours: str) -> str:
    near = say_near(day, today).removeprefix("this ")
    soon = dt.timedelta(0) <= day - today < dt.timedelta(days=2)
    when = near.capitalize() if soon else f"On {near}"
    return f"{when} we are open {hours}." if hours else f"{when} we are closed."


def _nights(week: Week) -> Week:
    return tuple(begun(week[at - 1], week[at], week[(at + 1) % 7]) for at in range(7))


def _week(week: Sequence[tuple[Range, ...]]) -> str:
    """`We are open Tuesday to Friday from 9 AM to 6 PM. We are closed on Sunday and Monday.`"""
    groups = [
        ([day.capitalize() for day, _ in days], ranges)
        for ranges, days in groupby(zip(DAYS, week, strict=True), key=lambda pair: pair[1])
    ]
    opened = [f"{say_list(_span(days))} {say_ranges(ranges)}" for days, ranges in groups if ranges]
    closed = [name for days, ranges in groups if not ranges for name in _span(days)]
    if not opened:
        return "We have no regular opening hours."
    said = f"We are open {say_list(opened)}."
    return f"{said} We are closed on {say_list(closed)}." if closed else said


def _span(days: Sequence[str]) -> Sequence[str]:
    return days if len(days) < 3 else [f"{days[0]} to {days[-1]}"]


def _shown(ranges: Sequence[Range]) -> list[str]:
    return [f"{_clock(each.start)}-{_clock(each.end)}" for each in ranges]


def _clock(minutes: int) -> str:
    """`24:00` is midnight, as in the configuration; a night ends at `02:30`."""
    minutes = minutes if minutes <= MIDNIGHT else minutes - MIDNIGHT
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minute(time: dt.datetime) -> int:
    return time.hour * 60 + time.minute
