"""What happens when a caller asks when the shop is open."""

import datetime as dt
from collections.abc import Sequence
from itertools import groupby

from tools.booking.asked import WhichDay, given
from tools.booking.hours import DAYS, Range
from tools.booking.refusals import say_opening, say_ranges
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
        today = context.now.astimezone(self._shop.zone).date()
        date = given(asked.date)
        if date is not None:
            return self._of_day(dt.date.fromisoformat(date), today)
        week = self._shop.week
        said = [_week(week), *self._unlike_others(today)]
        return {
            "message": " ".join(said),
            "week": {day: _shown(ranges) for day, ranges in zip(DAYS, week, strict=True)},
        }

    def _of_day(self, day: dt.date, today: dt.date) -> Result:
        message = f"{self._told(day, today)}{self._next_open(day)}"
        return {"message": message, "date": day.isoformat(), "hours": _shown(self._shop.hours(day))}

    def _told(self, day: dt.date, today: dt.date) -> str:
        near = say_near(day, today).removeprefix("this ")
        when = near.capitalize() if day - today < dt.timedelta(days=2) else f"On {near}"
        if not self._shop.hours(day):
            return f"{when} we are closed."
        return f"{when} we are open {say_opening(self._shop, day)}."

    def _next_open(self, closed: dt.date) -> str:
        if self._shop.hours(closed):
            return ""
        after = (closed + dt.timedelta(days=ahead) for ahead in range(1, _MOST_AHEAD))
        day = next((day for day in after if self._shop.hours(day)), None)
        if day is None:
            return ""
        return f" After that we are open on {say_day(day)}, {say_opening(self._shop, day)}."

    def _unlike_others(self, today: dt.date) -> list[str]:
        """Days soon that are not as their weekday is."""
        soon = (today + dt.timedelta(days=ahead) for ahead in range(DAYS_AHEAD))
        other = [day for day in soon if self._shop.hours(day) != self._shop.week[day.weekday()]]
        return [self._told(day, today) for day in other[:_SPOKEN_DAYS]]


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
    return f"{minutes // 60:02}:{minutes % 60:02}"
