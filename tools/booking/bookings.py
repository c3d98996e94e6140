"""The bookings in the database, where one slot cannot be had twice."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.booking import cells
from tools.booking.calendar import Slot
from tools.booking.freed import Waiter, notify, refill, serve
from tools.booking.resources import Service
from tools.booking.seating import ONE, Party, Seating
from tools.booking.shop import Shop
from tools.booking.tables import BOOKINGS
from tools.names import name_key
from tools.spec import ToolContext, ToolRefusal
from tools.store import Store

BOOKED = "booked"
CANCELLED = "cancelled"


class Booking(msgspec.Struct, frozen=True):
    """One booking as stored. `starts_at` is UTC; `zone` is the shop's when it was made."""

    id: str
    call_id: str
    caller_number: str | None
    name: str
    service: str
    minutes: int
    starts_at: dt.datetime
    zone: str
    state: str
    before_minutes: int = 0
    after_minutes: int = 0
    """Before and after the appointment, as long as its resources are kept from others."""
    party: int = 1
    person: str | None = None
    """Whom the caller asked for by name; None: anybody."""
    resources: tuple[str, ...] = ()
    """What it has, or had when it was cancelled: resources, or single seats as `name/2`."""
    revision: int = 0
    """Of its last change; see `Bookings.changed_since`."""


class Change(msgspec.Struct, frozen=True):
    """A booking made, changed or cancelled; `booking` as it is now."""

    revision: int
    booking: Booking


class _SlotTakenError(Exception):
    """Raised inside a transaction, so that what it has changed so far is undone."""


class Wish(msgspec.Struct, frozen=True):
    """What is to be booked, for whom."""

    service: str
    name: str
    slot: Slot
    party: Party = ONE


def service_of(shop: Shop, booking: Booking) -> Service:
    """What was booked, as long as it was then: the shop may have changed its list since."""
    today = shop.offers(booking.service)
    kinds = {key: each.kind for each in shop.everything for key in each.keys}
    # What is no longer there stays a need, which nothing can meet.
    had = dict.fromkeys(kinds.get(key, key) for key in booking.resources)
    return Service(
        booking.service,
        booking.minutes,
        before=booking.before_minutes,
        after=booking.after_minutes,
        needs=today.needs if today else tuple(had),
    )


def party_of(shop: Shop, booking: Booking) -> Party:
    """Who comes, with whom they asked for, if that person is still there."""
    person = booking.person if booking.person in shop.people else None
    return Party(booking.party, person)


class Bookings:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, shop: Shop) -> None:
        self._store = store
        self._shop = shop

    def taken(
        self, first: dt.datetime, last: dt.datetime, now: dt.datetime, call_id: str | None = None
    ) -> set[tuple[str, int]]:
        """Cells in use from `first` up to `last`, as (resource, five-minute step since 1970).

        What the call `call_id` holds for itself is not in use.
        """
        span = cells.cell_range(first, last)
        return self._store.read(lambda connection: cells.taken(connection, span, now, call_id))

    def changed_since(self, revision: int, limit: int = 500) -> list[Change]:
        """Every booking changed after `revision`, oldest change first, at most `limit`.

        Ask again from the last one's revision; 0 begins at the beginning. A booking comes once,
        as it is now. Nothing committed later ever gets a lower revision than what was told.
        """
        query = sa.select(BOOKINGS).where(BOOKINGS.c.revision > revision)
        query = query.order_by(BOOKINGS.c.revision).limit(limit)
        found = self._store.read(lambda connection: connection.execute(query).all())
        return [Change(row.revision, _typed(row)) for row in found]

    def book(self, wish: Wish, context: ToolContext) -> Booking | None:
        """The new booking, the same caller's earlier one of that very slot, or None when taken.

        What the call has held is its own to book; the hold ends with the booking.
        """
        return self._contend(lambda connection: self._book(connection, wish, context))

    def move(self, booking: Booking, slot: Slot, context: ToolContext) -> Booking | None:
        """The booking at its new time, or None when that is taken; ToolRefusal if it is gone."""
        return self._contend(lambda connection: self._move(connection, booking, slot, context))

    def cancel(self, booking: Booking, context: ToolContext) -> Booking | None:
        """The cancelled booking; None when it is gone already."""
        return self._contend(lambda connection: self._cancel(connection, booking, context))

    def made_with(self, key: str) -> Booking | None:
        """The live booking that the effect with this idempotency key made or last moved."""
        match = sa.or_(BOOKINGS.c.idempotency_key == key, BOOKINGS.c.change_key == key)
        return next(iter(self._select(match, BOOKINGS.c.state == BOOKED)), None)

    def cancelled_with(self, key: str) -> Booking | None:
        """The booking that the effect with this idempotency key cancelled."""
        match = BOOKINGS.c.change_key == key
        return next(iter(self._select(match, BOOKINGS.c.state == CANCELLED)), None)

    def of_call(self, call_id: str) -> list[Booking]:
        """Everything booked in one call, cancelled or not, by time."""
        return self._select(BOOKINGS.c.call_id == call_id)

    def of_number(self, number: str, now: dt.datetime) -> list[Booking]:
        """Live bookings to come of one caller, soonest first, at most 20."""
        mine = BOOKINGS.c.caller_number == number
        return self._select(mine, BOOKINGS.c.state == BOOKED, BOOKINGS.c.starts_at >= now)

    def without_number(self, name: str, day: dt.date, now: dt.datetime) -> list[Booking]:
        """Live bookings to come under this name on this day of the shop's calendar, of those
        made from a withheld number."""
        # Nothing is booked there, and the ends of the calendar have no UTC.
        key = name_key(name)
        if not key or not dt.MINYEAR < day.year < dt.MAXYEAR:
            return []
        midnight = dt.datetime.combine(day, dt.time(), self._shop.zone)
        next_midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), self._shop.zone)
        return self._select(
            BOOKINGS.c.caller_number.is_(None),
            BOOKINGS.c.name_key == key,
            BOOKINGS.c.state == BOOKED,
            BOOKINGS.c.starts_at >= max(now, midnight),
            BOOKINGS.c.starts_at < next_midnight,
        )

    def local(self, booking: Booking) -> dt.datetime:
        """When it begins, on the shop's clock."""
        return booking.starts_at.astimezone(self._shop.zone).replace(tzinfo=None)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Booking]:
        query = sa.select(BOOKINGS).where(*conditions).order_by(BOOKINGS.c.starts_at).limit(20)
        return self._store.read(
            lambda connection: [_typed(row) for row in connection.execute(query)]
        )

    def _contend(self, work: Callable[[sa.Connection], Booking | None]) -> Booking | None:
        # Somebody else may take what we chose between our look and our insert: the key of
        # booked_cells says so, and we look again. Each round, at least one other got something.
        looks = sum(len(each.keys) for each in self._shop.everything) + 2
        try:
            return self._store.contend(work, "slot", looks=looks)
        except _SlotTakenError:
            return None

    def _book(self, connection: sa.Connection, wish: Wish, context: ToolContext) -> Booking | None:
        again = _same(connection, wish, context)
        if again is not None:
            return again
        freed = cells.end_holds(connection, context.now, context.call_id)
        service = self._shop.offers(wish.service) or Service(wish.service, wish.slot.minutes)
        found = self._find(connection, service, wish.party, wish.slot, context)
        if found is None:
            # On PostgreSQL our own booking may have been committed between the two looks.
            again = _same(connection, wish, context)
            if again is None:
                raise _SlotTakenError
            return again
        made = _stored(connection, self._row(wish, context))
        return self._seated(connection, made, found, freed, context)

    def _find(
        self,
        connection: sa.Connection,
        service: Service,
        party: Party,
        slot: Slot,
        context: ToolContext,
    ) -> tuple[str, ...] | None:
        taken = cells.taken(connection, slot.cells, context.now)
        return Seating(self._shop, service, party).find(slot, taken)

    def _row(self, wish: Wish, context: ToolContext) -> dict[str, Any]:
        return {
            # Derived, so that trying the same effect again can only find the same booking.
            "id": context.idempotency_key[:16],
            "idempotency_key": context.idempotency_key,
            "call_id": context.call_id,
            "caller_number": context.caller_number,
            "name": " ".join(wish.name.split()),
            "name_key": name_key(wish.name),
            "service": wish.service,
            "minutes": wish.slot.minutes,
            "before_minutes": wish.slot.before,
            "after_minutes": wish.slot.after,
            "party": wish.party.size,
            "person": wish.party.person,
            "starts_at": wish.slot.start,
            "zone": self._shop.zone.key,
            "state": BOOKED,
            "created_at": context.now,
            "changed_at": context.now,
        }

    def _move(
        self, connection: sa.Connection, booking: Booking, slot: Slot, context: ToolContext
    ) -> Booking:
        freed = cells.end_holds(connection, context.now, context.call_id)
        values = {
            "starts_at": slot.start,
            "zone": self._shop.zone.key,
            "minutes": slot.minutes,
            "before_minutes": slot.before,
            "after_minutes": slot.after,
        }
        moved = _change(connection, booking, context, values)
        if moved is None:
            raise ToolRefusal("That appointment is already cancelled.")
        freed |= cells.vacate(connection, booking_id=booking.id)
        service = service_of(self._shop, booking)
        party = party_of(self._shop, booking)
        found = self._find(connection, service, party, slot, context)
        if found is None:
            raise _SlotTakenError
        return self._seated(connection, moved, found, freed, context)

    def _cancel(
        self, connection: sa.Connection, booking: Booking, context: ToolContext
    ) -> Booking | None:
        cancelled = _change(connection, booking, context, {"state": CANCELLED})
        if cancelled is None:
            return None
        freed = cells.vacate(connection, booking_id=booking.id)
        return self._numbered(connection, cancelled, freed, context)

    def _seated(
        self,
        connection: sa.Connection,
        booking: Booking,
        seats: tuple[str, ...],
        freed: set[cells.Cell],
        context: ToolContext,
    ) -> Booking:
        """The booking with these seats, for the whole of its time."""
        span = cells_of(booking)
        cells.occupy(
            connection, ((seat, cell) for seat in seats for cell in span), booking_id=booking.id
        )
        made = self._numbered(connection, booking, freed, context, resources=json.dumps(seats))
        day = self.local(made).date()
        waiter = Waiter(made.caller_number, name_key(made.name), made.service, day)
        serve(connection, waiter, context.now)
        return made

    def _numbered(
        self,
        connection: sa.Connection,
        booking: Booking,
        freed: set[cells.Cell],
        context: ToolContext,
        **values: Any,
    ) -> Booking:
        """The booking with the number of this change; who waited for what it freed is noted."""
        refill(connection, self._shop, freed, context.now)
        revision = cells.next_revision(connection)
        mine = sa.update(BOOKINGS).where(BOOKINGS.c.id == booking.id)
        done = mine.values(**values, revision=revision).returning(BOOKINGS)
        numbered = _typed(connection.execute(done).one())
        notify(connection, self._shop, freed, context.now, revision)
        return numbered


def cells_of(booking: Booking) -> range:
    """Every five minutes of it, buffers included."""
    slot = Slot(
        # The local time plays no part in this.
        booking.starts_at,
        booking.starts_at,
        booking.minutes,
        booking.before_minutes,
        booking.after_minutes,
    )
    return slot.cells


def _change(
    connection: sa.Connection, booking: Booking, context: ToolContext, values: dict[str, Any]
) -> Booking | None:
    """Take hold of a live booking and change it; None when it is not live any more."""
    changed = connection.execute(
        sa.update(BOOKINGS)
        .where(BOOKINGS.c.id == booking.id, BOOKINGS.c.state == BOOKED)
        .values(**values, change_key=context.idempotency_key, changed_at=context.now)
        .returning(BOOKINGS)
    ).one_or_none()
    return _typed(changed) if changed else None


def _stored(connection: sa.Connection, row: dict[str, Any]) -> Booking:
    """A new booking, or the cancelled one of this very effect brought back to life."""
    made = sa.and_(
        BOOKINGS.c.idempotency_key == row["idempotency_key"], BOOKINGS.c.state == CANCELLED
    )
    if connection.execute(sa.select(BOOKINGS.c.id).where(made).with_for_update()).first() is None:
        return _typed(connection.execute(NEW, row).one())
    revived = sa.update(BOOKINGS).where(made).values(**row, change_key=None)
    return _typed(connection.execute(revived.returning(BOOKINGS)).one())


# Its values are given when it is run: as part of the statement they would cost more than the run.
NEW = sa.insert(BOOKINGS).returning(BOOKINGS)


def _same(connection: sa.Connection, wish: Wish, context: ToolContext) -> Booking | None:
    """This effect's own booking, or one this caller has for the same thing at the same time."""
    caller = sa.or_(
        # A withheld number says nothing of who it is; that it is one call does.
        BOOKINGS.c.caller_number == (context.caller_number or ""),
        BOOKINGS.c.call_id == context.call_id,
    )
    own = sa.and_(
        caller,
        BOOKINGS.c.name_key == name_key(wish.name),
        BOOKINGS.c.service == wish.service,
        BOOKINGS.c.party == wish.party.size,
        BOOKINGS.c.person.is_not_distinct_from(wish.party.person),
        BOOKINGS.c.starts_at == wish.slot.start,
        BOOKINGS.c.state == BOOKED,
    )
    made = sa.and_(
        BOOKINGS.c.idempotency_key == context.idempotency_key, BOOKINGS.c.state == BOOKED
    )
    match = sa.or_(made, own)
    row = connection.execute(sa.select(BOOKINGS).where(match)).first()
    return _typed(row) if row else None


def _typed(row: Any) -> Booking:
    values = {name: getattr(row, name) for name in Booking.__struct_fields__}
    values["resources"] = tuple(json.loads(row.resources))
    return msgspec.convert(values, Booking)
