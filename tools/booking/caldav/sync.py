"""One round of one calendar: take note of our changes, read theirs, bring both to agree."""

import asyncio
import datetime as dt
from collections.abc import Callable

import msgspec

from tools.booking.blocks import Blocks
from tools.booking.bookings import BOOKED, Booking, Bookings
from tools.booking.caldav.aside import Aside
from tools.booking.caldav.client import CalendarClient
from tools.booking.caldav.outcome import OF_ONE_EVENT, DavError, Outcome
from tools.booking.caldav.pull import Horizon, Pull
from tools.booking.caldav.record import Record, State
from tools.booking.caldav.settle import Place, Settlement
from tools.booking.caldav.staff import StaffChanges
from tools.booking.calendars import Calendar
from tools.booking.shop import Shop
from tools.spec import BackendError
from tools.store import CommitUnknownError, Store

ROUND_S = 240.0
"""Less than the lease of a turn (`record.LEASE`): two never work on one calendar."""


class Round(msgspec.Struct, frozen=True):
    """How a round ended. `wait_s` is what the server asked for."""

    calendar: str
    outcome: Outcome
    failures: int = 0
    wait_s: float | None = None
    detail: str = ""


class CalendarSync:
    """Keeps one calendar in step. `once` may be broken off anywhere and called again."""

    def __init__(
        self,
        calendar: Calendar,
        shop: Shop,
        store: Store,
        client: CalendarClient,
        clock: Callable[[], dt.datetime],
        owner: str,
        aside: Aside = asyncio.to_thread,
    ) -> None:
        """`owner` names this process among all that may work on the calendar."""
        self.calendar = calendar
        self._clock = clock
        self._aside = aside
        self._owner = owner
        self._client = client
        self._bookings = Bookings(store, shop)
        self._record = Record(store, calendar)
        seats = shop.seats_of(calendar.resource)
        self._seats = frozenset(seats)
        place = Place(calendar.resource, self._seats, shop.zone, shop.calendar_shows)
        self._settlement = Settlement(
            place, self._record, StaffChanges(store, shop), client, clock, aside
        )
        horizon = Horizon(
            source=calendar.source,
            resource=calendar.resource,
            seats=len(seats),
            zone=shop.zone,
            ahead=dt.timedelta(days=shop.days_ahead),
        )
        self._pull = Pull(horizon, self._record, Blocks(store, shop), client, clock, aside)

    async def once(self) -> Round | None:
        """One round; None when somebody else is at it. Never raises for what is outside us."""
        name = self.calendar.resource
        try:
            state = await self._aside(self._record.begin, self._owner, self._clock())
            if state is None:
                return None
            round_ = await self._guarded(state)
            failures = await self._aside(
                self._record.end, self._owner, round_.outcome, self._clock()
            )
        except (BackendError, CommitUnknownError) as error:
            return Round(name, Outcome.DATABASE, 1, detail=str(error))
        return msgspec.structs.replace(round_, failures=failures)

    async def _guarded(self, state: State) -> Round:
        name = self.calendar.resource
        try:
            async with asyncio.timeout(ROUND_S):
                return Round(name, await self._round(state))
        except DavError as error:
            return Round(name, error.outcome, wait_s=error.retry_after_s, detail=error.detail)
        except TimeoutError:
            return Round(name, Outcome.TOO_SLOW, detail="the whole round")

    async def _round(self, state: State) -> Outcome:
        await self._aside(self._note, state.revision)
        await self._pull.pull(state)
        worst = Outcome.OK
        for row in await self._aside(self._record.rows):
            if row.open:
                outcome = await self._settle(row.booking_id)
                worst = worst if outcome is Outcome.OK else outcome
        return worst

    async def _settle(self, booking_id: str) -> Outcome:
        try:
            return await self._settlement.settle(booking_id)
        except DavError as error:
            if error.outcome not in OF_ONE_EVENT:
                raise
            return error.outcome

    def _note(self, revision: int) -> None:
        """What has changed on our side is marked, in the order it happened."""
        while changes := self._bookings.changed_since(revision):
            revision = changes[-1].revision
            ids = [each.booking.id for each in changes]
            wanted = {
                each.booking.id: self._client.collection.of_booking(each.booking.id)
                for each in changes
                if self._belongs(each.booking)
            }
            self._record.note(revision, wanted, [each for each in ids if each not in wanted])

    def _belongs(self, booking: Booking) -> bool:
        end = booking.starts_at + dt.timedelta(minutes=booking.minutes)
        here = bool(self._seats & set(booking.resources))
        return here and booking.state == BOOKED and end > self._clock()
