"""What does the caller of a trial want, and which booking must come of it?"""

import datetime as dt
from collections.abc import Iterator

import msgspec

from agents.local.dates import spoken_date
from agents.local.numbers import spoken_number
from telephony.simulator.scenario import Goal
from tools.booking.calendar import bookable
from tools.booking.resources import Service
from tools.booking.seating import Seating, Taken
from tools.booking.shop import Shop

_SERVICE = "haircut"
_HOURS = (15, 10, 14, 11, 9, 13, 17, 8, 18)
"""In the order they are asked for. Not four o'clock: over a telephone it sounds like `for`."""
_WITHIN_A_WEEK = 6

Pair = tuple[dt.time, dt.time]
"""A time, and the time the caller changes its mind to."""


class Asked(msgspec.Struct, frozen=True):
    """The booking that must be in the database in the end."""

    service: str
    local: str
    """ISO 8601 with the shop's offset, to the minute."""
    name: str


class Errand(msgspec.Struct, frozen=True):
    goal: Goal
    """In words to be said."""
    asked: Asked


def free_errand(shop: Shop, taken: Taken, now: dt.datetime) -> Errand | None:
    """The next day and two times on it that can be booked; None when nothing is left."""
    service = next((each for each in shop.services if each.name == _SERVICE), shop.services[0])
    free = _Free(shop, service, taken, now)
    today = now.astimezone(shop.zone).date()
    for days in (range(1, _WITHIN_A_WEEK + 1), range(_WITHIN_A_WEEK + 1, shop.days_ahead + 1)):
        for pair in _pairs():
            for ahead in days:
                day = today + dt.timedelta(days=ahead)
                if free.both(day, pair):
                    return _errand(shop, service, day, today, pair)
    return None


class _Free:
    """Which times are free; each day is looked through once."""

    def __init__(self, shop: Shop, service: Service, taken: Taken, now: dt.datetime) -> None:
        self._shop = shop
        self._service = service
        self._seating = Seating(shop, service)
        self._taken = taken
        self._now = now
        self._days: dict[dt.date, frozenset[dt.time]] = {}

    def both(self, day: dt.date, pair: Pair) -> bool:
        if day not in self._days:
            self._days[day] = frozenset(
                slot.local.time()
                for slot in bookable(self._shop, self._service, day, self._now)
                if self._seating.find(slot, self._taken) is not None
            )
        return self._days[day].issuperset(pair)


def _pairs() -> Iterator[Pair]:
    for hour in _HOURS:
        yield dt.time(hour), dt.time(hour, 30)
    for hour in _HOURS:
        yield dt.time(hour), dt.time(hour + 1)


def _errand(shop: Shop, service: Service, day: dt.date, today: dt.date, pair: Pair) -> Errand:
    said = spoken_date(day, today)
    if (day - today).days <= _WITHIN_A_WEEK:
        said = said.partition(" ")[0]
    first, changed = pair
    goal = Goal(service=service.name, day=said, time=_first(first), changed_time=_changed(changed))
    local = dt.datetime.combine(day, changed, shop.zone)
    return Errand(goal, Asked(service.name, local.isoformat(timespec="minutes"), goal.name))


def _hour(time: dt.time) -> str:
    return spoken_number((time.hour - 1) % 12 + 1)


def _first(time: dt.time) -> str:
    part = "morning" if time.hour < 12 else "afternoon" if time.hour < 18 else "evening"
    return f"{_hour(time)} in the {part}"


def _changed(time: dt.time) -> str:
    return f"{_hour(time)} thirty" if time.minute else _first(time)
