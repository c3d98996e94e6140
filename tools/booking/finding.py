"""What is free: of one day, on which days, and from some moment on."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

import msgspec

from tools.booking.bookings import Bookings
from tools.booking.calendar import Slot, bookable, days
from tools.booking.resources import Service
from tools.booking.seating import Party, Seating, Taken
from tools.booking.shop import Shop
from tools.elapsed import time_after
from tools.spec import ToolContext

OFFERED_DAYS = 14
PARTS = {"morning": range(12), "afternoon": range(12, 17), "evening": range(17, 24)}
"""The hours in which an appointment of this part of the day begins."""


class Search(msgspec.Struct, frozen=True):
    """Where to look: from a moment on the shop's clock, in what part of which days."""

    first: dt.datetime
    last: dt.date | None = None
    part: str | None = None
    weekdays: frozenset[int] = frozenset()
    """0 is Monday; empty: all."""

    def allows(self, day: dt.date) -> bool:
        until = self.last or dt.date.max
        return self.first.date() <= day <= until and (
            not self.weekdays or day.weekday() in self.weekdays
        )

    def admits(self, slot: Slot) -> bool:
        hours = PARTS.get(self.part or "", range(24))
        return slot.local >= self.first and slot.local.hour in hours


class Finder:
    """Looks at the calendar for one shop; reads the database once for each question."""

    def __init__(self, shop: Shop, bookings: Bookings) -> None:
        self._shop = shop
        self._bookings = bookings

    def free(
        self, service: Service, party: Party, day: dt.date, context: ToolContext
    ) -> list[Slot]:
        """The free times of one day, in order."""
        possible = bookable(self._shop, service, day, context.now)
        if not possible:
            return []
        taken = self._taken(possible[0].start, possible[-1].end, service, context)
        seating = Seating(self._shop, service, party)
        return [slot for slot in possible if seating.find(slot, taken) is not None]

    def open_days(
        self, service: Service, party: Party, context: ToolContext, near: dt.date | None = None
    ) -> list[dt.date]:
        """Days with something free, soonest first, or the closest to `near` (later first)."""
        every = list(days(self._shop, context.now))
        if near is not None:
            wanted = near
            every.sort(key=lambda day: (abs(day - wanted), day < wanted))
        found: list[dt.date] = []
        for day, slots in self._by_day(every, service, party, context):
            if next(slots, None) is not None:
                found.append(day)
            if len(found) == OFFERED_DAYS:
                break
        return found

    def search(
        self, service: Service, party: Party, where: Search, context: ToolContext, count: int
    ) -> list[Slot]:
        """The first free times there, in order."""
        every = [day for day in days(self._shop, context.now) if where.allows(day)]
        found: list[Slot] = []
        for _, slots in self._by_day(every, service, party, context):
            found += [slot for slot in slots if where.admits(slot)]
            if len(found) >= count:
                break
        return found[:count]

    def _by_day(
        self, every: Iterable[dt.date], service: Service, party: Party, context: ToolContext
    ) -> Iterator[tuple[dt.date, Iterator[Slot]]]:
        ahead = dt.timedelta(days=self._shop.days_ahead + 2)
        taken = self._taken(context.now, time_after(context.now, ahead), service, context)
        is_free = _free_in(Seating(self._shop, service, party), taken)
        for day in every:
            slots = bookable(self._shop, service, day, context.now)
            yield day, (slot for slot in slots if is_free(slot))

    def _taken(
        self, first: dt.datetime, last: dt.datetime, service: Service, context: ToolContext
    ) -> Taken:
        before = dt.timedelta(minutes=service.before)
        after = dt.timedelta(minutes=service.after)
        return self._bookings.taken(first - before, last + after, context.now, context.call_id)


def _free_in(seating: Seating, taken: Taken) -> Callable[[Slot], bool]:
    return lambda slot: seating.find(slot, taken) is not None
