"""When an appointment can begin: opening hours, the local clock, how far ahead."""

import datetime as dt
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from enum import Enum

import msgspec

from tools.booking.hours import CELL_MINUTES, MIDNIGHT, Range
from tools.booking.resources import Service
from tools.booking.shop import Shop
from tools.elapsed import time_after

CELL_S = CELL_MINUTES * 60
Span = tuple[dt.datetime, dt.datetime]
Hours = Callable[[dt.date], Sequence[Range]]
"""The hours of any day, in order."""


class Slot(msgspec.Struct, frozen=True):
    """A time at which a service can begin. `local` is on the shop's clock, without zone."""

    local: dt.datetime
    start: dt.datetime
    """The same moment in UTC."""
    minutes: int
    before: int = 0
    after: int = 0
    """Minutes around it in which its resources are kept from others; the doors may be closed."""

    @property
    def end(self) -> dt.datetime:
        return self.start + dt.timedelta(minutes=self.minutes)

    @property
    def cells(self) -> range:
        """Every five minutes of it, buffers included."""
        first = int(self.start.timestamp()) // CELL_S - self.before // CELL_MINUTES
        return range(first, first + (self.before + self.minutes + self.after) // CELL_MINUTES)


class Obstacle(Enum):
    """Why nothing can begin then, whatever is taken."""

    PAST = "past"
    TOO_SOON = "too soon"
    TOO_FAR = "too far"
    CLOSED_DAY = "closed day"
    CLOSED_HOUR = "closed hour"
    NO_SUCH_TIME = "no such time"
    OFF_STEP = "off step"


def moment(zone: zoneinfo.ZoneInfo, local: dt.datetime) -> dt.datetime | None:
    """The UTC moment of a time on the local clock; None for one that is skipped in spring.

    A time that comes twice in autumn means its first coming.
    """
    found = edge(zone, local)
    return found if found.astimezone(zone).replace(tzinfo=None) == local else None


def edge(zone: zoneinfo.ZoneInfo, local: dt.datetime) -> dt.datetime:
    """The UTC moment of an opening or closing time: in a spring gap, the clock as it was before."""
    return local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)


def openings(hours: Hours, day: dt.date) -> list[Span]:
    """The hours that begin on a day, from and up to, on the local clock.

    What reaches midnight ends when the next day's hours do, where those begin at midnight. Once is
    enough: nothing lasts longer than a day.
    """
    midnight = dt.datetime.combine(day, dt.time())
    return [
        (midnight + dt.timedelta(minutes=each.start), midnight + _length(hours, day, each))
        for each in hours(day)
    ]


def _length(hours: Hours, day: dt.date, opening: Range) -> dt.timedelta:
    """From the day's midnight to the closing."""
    beyond = hours(day + dt.timedelta(days=1)) if opening.end == MIDNIGHT else ()
    more = beyond[0].end if beyond and beyond[0].start == 0 else 0
    return dt.timedelta(minutes=opening.end + more)


def spans(zone: zoneinfo.ZoneInfo, hours: Hours, day: dt.date) -> list[Span]:
    """The same as moments in UTC."""
    return [(edge(zone, opens), edge(zone, closes)) for opens, closes in openings(hours, day)]


def within(start: dt.datetime, end: dt.datetime, found: Sequence[Span]) -> bool:
    """Whether it lies in one of them."""
    return any(opens <= start and end <= closes for opens, closes in found)


def slots(shop: Shop, service: Service, day: dt.date) -> Iterator[Slot]:
    """Every slot of the day by the opening hours alone, in order."""
    closings = [closing for _, closing in spans(shop.zone, shop.hours, day)]
    for opening, closing in zip(shop.hours(day), closings, strict=True):
        for minutes in range(opening.start, opening.end, shop.step_minutes):
            local = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minutes)
            start = moment(shop.zone, local)
            if start and start + dt.timedelta(minutes=service.minutes) <= closing:
                yield Slot(local, start, service.minutes, service.before, service.after)


def bookable(shop: Shop, service: Service, day: dt.date, now: dt.datetime) -> list[Slot]:
    """The day's slots that are neither too soon nor too far; what is taken is not looked at."""
    # Also keeps year 1 and year 9999 away from time zone arithmetic, which overflows there.
    if not _today(shop, now) <= day <= _last_day(shop, now):
        return []
    earliest = time_after(now, shop.notice)
    return [slot for slot in slots(shop, service, day) if slot.start >= earliest]


def days(shop: Shop, now: dt.datetime) -> Iterator[dt.date]:
    """Every day that can be booked at all, from today on."""
    today = _today(shop, now)
    return (today + dt.timedelta(days=ahead) for ahead in range(shop.days_ahead + 1))


def _today(shop: Shop, now: dt.datetime) -> dt.date:
    return now.astimezone(shop.zone).date()


def _last_day(shop: Shop, now: dt.datetime) -> dt.date:
    return _today(shop, now) + dt.timedelta(days=shop.days_ahead)


def find(shop: Shop, service: Service, local: dt.datetime, now: dt.datetime) -> Slot | Obstacle:
    """The slot that begins at this time on the shop's clock, or what stands in the way."""
    match = next(
        (slot for slot in bookable(shop, service, local.date(), now) if slot.local == local), None
    )
    return match or _obstacle(shop, service, local, now)


def _obstacle(shop: Shop, service: Service, local: dt.datetime, now: dt.datetime) -> Obstacle:
    day = local.date()
    if day < _today(shop, now):
        return Obstacle.PAST
    if day > _last_day(shop, now):
        return Obstacle.TOO_FAR
    start = moment(shop.zone, local)
    if start and start < now:
        return Obstacle.PAST
    if not shop.hours(day):
        return Obstacle.CLOSED_DAY
    if start is None:
        return Obstacle.NO_SUCH_TIME
    if not _open_throughout(shop, service, day, start):
        return Obstacle.CLOSED_HOUR
    return Obstacle.TOO_SOON if start < time_after(now, shop.notice) else Obstacle.OFF_STEP


def _open_throughout(shop: Shop, service: Service, day: dt.date, start: dt.datetime) -> bool:
    end = start + dt.timedelta(minutes=service.minutes)
    return within(start, end, spans(shop.zone, shop.hours, day))
