"""What a caller is told when an appointment cannot be had, and what could be had instead."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from tools.booking.calendar import Obstacle, Slot
from tools.booking.hours import MIDNIGHT, Range, begun, night
from tools.booking.resources import Service
from tools.booking.shop import Shop
from tools.booking.speech import say_day, say_hours, say_list, say_time
from tools.elapsed import time_between
from tools.spec import ToolRefusal

NEAREST = 3


def nearest(free: Sequence[Slot], local: dt.datetime, count: int = NEAREST) -> list[Slot]:
    """The free slots closest to the wanted time, by time."""
    by_distance = sorted(free, key=lambda slot: abs(slot.local - local))[:count]
    return sorted(by_distance, key=lambda slot: slot.local)


def refuse_time(reason: str, free: Sequence[Slot], local: dt.datetime) -> ToolRefusal:
    """The day is right and the time is not: offer the nearest of that day."""
    close = nearest(free, local)
    said = say_list([say_time(slot.local.time()) for slot in close], "or")
    message = f"{reason} I could offer {said}." if close else reason
    choices = [f"{slot.local:%H:%M}" for slot in free]
    return ToolRefusal(message, field="time", choices=choices)


def refuse_day(reason: str, days: Sequence[dt.date], field: str = "date") -> ToolRefusal:
    """The day is wrong: offer the first of `days`, which have something free."""
    said = say_list([say_day(day) for day in sorted(days[:NEAREST])], "or")
    message = f"{reason} I could offer {said}." if days else reason
    return ToolRefusal(message, field=field, choices=[day.isoformat() for day in sorted(days)])


def about_day(obstacle: Obstacle, shop: Shop, day: dt.date) -> str | None:
    """Why no time of this day would do; None when another time might."""
    match obstacle:
        case Obstacle.TOO_FAR:
            return f"We only take bookings up to {shop.days_ahead} days ahead."
        case Obstacle.CLOSED_DAY:
            return f"We are closed on {say_day(day)}."
        case _:
            return None


def about_time(obstacle: Obstacle, shop: Shop, service: Service, local: dt.datetime) -> str:
    """Why this time of a day when we are open would not do."""
    said = say_time(local.time())
    match obstacle:
        case Obstacle.PAST:
            return f"{said} on {say_day(local.date())} is already past."
        case Obstacle.TOO_SOON:
            minutes = int(shop.notice.total_seconds()) // 60
            return f"{said} is too soon: we need {minutes} minutes' notice."
        case Obstacle.NO_SUCH_TIME:
            return f"The clocks go forward that night, so there is no {said}."
        case Obstacle.CLOSED_HOUR:
            return (
                f"On {say_day(local.date())} we are open {say_opening(shop, local.date())}, "
                f"and a {service.name} takes {service.minutes} minutes."
            )
        case _:
            return f"We can't begin at {said}."


def too_late(
    shop: Shop, service: Service | None, starts_at: dt.datetime, now: dt.datetime, act: str
) -> str | None:
    """Why an appointment cannot be changed any more, and what to do; None when it still can.

    `act`: cancel or move.
    """
    field = f"notice_to_{act}"
    own = getattr(service, f"{field}_hours", msgspec.UNSET)
    notice: dt.timedelta = getattr(shop, field)
    if own is not msgspec.UNSET:
        notice = dt.timedelta(hours=own)
    if time_between(now, starts_at) >= notice:
        return None
    hours = int(notice.total_seconds()) // 3600
    return (
        f"It is less than {say_hours(hours)} away, and by then I can't {act} it any more."
        f" {shop.late_message}"
    ).strip()


def about_party(service: Service, size: int) -> str | None:
    """Why so many cannot come at once; None when they can."""
    if size <= service.party:
        return None
    most = "one person" if service.party == 1 else f"{service.party} people"
    return f"For {service.name} we take {most} at most at a time."


def say_opening(shop: Shop, day: dt.date) -> str:
    """from 9 AM to 1 PM and from 2 PM to 5 PM; until 2 AM and from 6 PM to 2 AM"""
    before = night_before(shop, day)
    until = [f"until {_clock(before.end)}"] if before else []
    return say_list([*until, *_ranges(begun_on(shop, day))])


def say_ranges(ranges: Sequence[Range]) -> str:
    """A night ends after midnight: from 6 PM to 2:30 AM"""
    return say_list(_ranges(ranges))


def begun_on(shop: Shop, day: dt.date) -> tuple[Range, ...]:
    """What begins on a day; a night begins in the evening."""
    return begun(_beside(shop, day, -1), shop.hours(day), _beside(shop, day, 1))


def night_before(shop: Shop, day: dt.date) -> Range | None:
    """What is left of the night before when the day begins."""
    return night(_beside(shop, day, -1), shop.hours(day))


def _beside(shop: Shop, day: dt.date, days: int) -> Sequence[Range]:
    # There is a first day, and a last one.
    edge = dt.date.max if days > 0 else dt.date.min
    return () if day == edge else shop.hours(day + dt.timedelta(days=days))


def _ranges(ranges: Sequence[Range]) -> list[str]:
    whole = Range(0, MIDNIGHT)
    return [
        "around the clock" if each == whole else f"from {_clock(each.start)} to {_clock(each.end)}"
        for each in ranges
    ]


def _clock(minutes: int) -> str:
    hours, past = divmod(minutes % MIDNIGHT, 60)
    return say_time(dt.time(hours, past)) if hours or past else "midnight"
