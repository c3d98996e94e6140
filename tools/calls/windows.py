"""When can a caller be called back: windows within the shop's opening hours, on its clock."""

import datetime as dt
from collections.abc import Iterator

import msgspec

from tools.booking.calendar import edge, moment, openings
from tools.booking.refusals import say_opening
from tools.booking.shop import Shop
from tools.booking.speech import say_day, say_list, say_time
from tools.elapsed import time_after
from tools.spec import ToolRefusal

LENGTH = dt.timedelta(hours=1)
"""Of a window whose end nobody named."""
SHORTEST = dt.timedelta(minutes=15)
OFFERED_DAYS = 14
_SPOKEN_DAYS = 3


class Window(msgspec.Struct, frozen=True):
    """From when to when, as moments in UTC and on the shop's clock."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    begin: dt.datetime
    end: dt.datetime


def window(shop: Shop, date: str, time: str, until: str | None, now: dt.datetime) -> Window:
    """The window a caller asks for, cut to the opening hours.

    `date` as YYYY-MM-DD, `time` and `until` as HH:MM. Raises ToolRefusal, which names what to
    ask for again and what would do.
    """
    day, begin = dt.date.fromisoformat(date), dt.time.fromisoformat(time)
    _check_day(shop, day, now)
    start = dt.datetime.combine(day, begin)
    here = (closes for opens, closes in openings(shop.hours, day) if opens <= start < closes)
    closes = next(here, None)
    wished = start + LENGTH if until is None else _end(start, until, closes)
    if until is not None and moment(shop.zone, wished) is None:
        raise _skipped()
    if closes is None:
        raise ToolRefusal(f"On {say_day(day)} we are open {say_opening(shop, day)}.", field="time")
    # On a night when clocks go forward, what is later on the clock may be earlier.
    return _made(shop, start, min(edge(shop.zone, wished), edge(shop.zone, closes)), now)


def _end(start: dt.datetime, until: str, closes: dt.datetime | None) -> dt.datetime:
    """Of the next day where the night goes on until then. Raises ToolRefusal."""
    end = dt.datetime.combine(start, dt.time.fromisoformat(until))
    if end > start:
        return end
    next_day = end + dt.timedelta(days=1)
    if end == start or closes is None or next_day > closes:
        raise ToolRefusal("The window ends before it begins.", field="until")
    return next_day


def _made(shop: Shop, begin: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> Window:
    starts_at = moment(shop.zone, begin)
    if starts_at is None:
        raise _skipped()
    if ends_at < time_after(now, SHORTEST):
        raise ToolRefusal(f"{say_time(begin.time())} that day is already past.", field="time")
    if ends_at - starts_at < SHORTEST:
        least = int(SHORTEST.total_seconds()) // 60
        raise ToolRefusal(f"We need at least {least} minutes before we close.", field="time")
    return Window(starts_at, ends_at, begin, ends_at.astimezone(shop.zone).replace(tzinfo=None))


def _skipped() -> ToolRefusal:
    return ToolRefusal("The clocks go forward then, so there is no such time.", field="time")


def _check_day(shop: Shop, day: dt.date, now: dt.datetime) -> None:
    today = now.astimezone(shop.zone).date()
    if day < today:
        raise _other_day(shop, f"{say_day(day)} is already past.", now)
    if day > today + dt.timedelta(days=shop.days_ahead):
        raise _other_day(shop, f"That is more than {shop.days_ahead} days ahead.", now)
    if not shop.hours(day):
        raise _other_day(shop, f"We are closed on {say_day(day)}.", now)


def _other_day(shop: Shop, reason: str, now: dt.datetime) -> ToolRefusal:
    days = list(_open_days(shop, now))
    said = say_list([say_day(day) for day in days[:_SPOKEN_DAYS]], "or")
    message = f"{reason} I could offer {said}." if said else reason
    return ToolRefusal(message, field="date", choices=[day.isoformat() for day in days])


def _open_days(shop: Shop, now: dt.datetime) -> Iterator[dt.date]:
    today = now.astimezone(shop.zone).date()
    for ahead in range(1, min(OFFERED_DAYS, shop.days_ahead) + 1):
        day = today + dt.timedelta(days=ahead)
        if shop.hours(day):
            yield day
