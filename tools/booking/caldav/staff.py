"""Changes that the staff made in a calendar, done to our bookings."""

import datetime as dt
from enum import Enum
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.booking import cells
from tools.booking.bookings import BOOKED, CANCELLED
from tools.booking.caldav.rules import Kind, Span
from tools.booking.caldav.tables import CHANGES
from tools.booking.calendar import CELL_S
from tools.booking.calendars import Appointment
from tools.booking.freed import notify, refill
from tools.booking.shop import Shop
from tools.booking.tables import BOOKINGS
from tools.store import Store

LONGEST_MINUTES = 480


class Stale(Enum):
    """The booking has changed since it was looked at."""

    STALE = "stale"


class Wanted(msgspec.Struct, frozen=True):
    """One change by the staff. `key` names it for good: the event and its version."""

    calendar: str
    key: str
    now: dt.datetime


class _TakenError(Exception):
    """Raised inside a transaction, so that what it has changed so far is undone."""


class StaffChanges:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, shop: Shop) -> None:
        self._store = store
        self._shop = shop

    def move(self, appointment: Appointment, to: Span, wanted: Wanted) -> Kind | Stale | None:
        """Move the booking with all it occupies; None when done, or why it cannot be had.

        The same resources are kept: who moves an event in Anna's calendar means Anna. Opening
        hours do not bind the staff.
        """
        if problem := _problem(to, wanted.now):
            return problem
        try:
            return self._store.contend(
                lambda connection: self._move(connection, appointment, to, wanted), "slot"
            )
        except _TakenError:
            return Kind.SLOT_TAKEN

    def cancel(self, appointment: Appointment, wanted: Wanted) -> Stale | None:
        """Cancel the booking; None when done."""
        return self._store.contend(
            lambda connection: self._cancel(connection, appointment, wanted), "slot"
        )

    def _move(
        self, connection: sa.Connection, appointment: Appointment, to: Span, wanted: Wanted
    ) -> Stale | None:
        freed = cells.end_holds(connection, wanted.now)
        row = _locked(connection, appointment)
        if row is None:
            return Stale.STALE
        freed |= cells.vacate(connection, booking_id=appointment.id)
        span = cells.cell_range(
            to.start - dt.timedelta(minutes=row.before_minutes),
            to.end + dt.timedelta(minutes=row.after_minutes),
        )
        places = {(resource, cell) for resource in appointment.resources for cell in span}
        if places & cells.taken(connection, span, wanted.now):
            raise _TakenError
        cells.occupy(connection, places, booking_id=appointment.id)
        _note(connection, appointment, wanted, "moved", to.start)
        values = {"starts_at": to.start, "minutes": to.minutes}
        self._write(connection, appointment, wanted, freed - places, values)
        return None

    def _cancel(
        self, connection: sa.Connection, appointment: Appointment, wanted: Wanted
    ) -> Stale | None:
        if _locked(connection, appointment) is None:
            return Stale.STALE
        freed = cells.vacate(connection, booking_id=appointment.id)
        _note(connection, appointment, wanted, "cancelled", None)
        self._write(connection, appointment, wanted, freed, {"state": CANCELLED})
        return None

    def _write(
        self,
        connection: sa.Connection,
        appointment: Appointment,
        wanted: Wanted,
        freed: set[cells.Cell],
        values: dict[str, Any],
    ) -> None:
        """The booking with its number; who waited for what it freed is noted."""
        refill(connection, self._shop, freed, wanted.now)
        revision = cells.next_revision(connection)
        changed = sa.update(BOOKINGS).where(BOOKINGS.c.id == appointment.id)
        connection.execute(
            changed.values(
                **values,
                change_key=f"staff:{wanted.key}",
                changed_at=wanted.now,
                revision=revision,
            )
        )
        notify(connection, self._shop, freed, wanted.now, revision)


def _problem(to: Span, now: dt.datetime) -> Kind | None:
    if to.start <= now:
        return Kind.IN_THE_PAST
    on_grid = to.start.timestamp() % CELL_S == 0 and to.minutes * 60 % CELL_S == 0
    return None if on_grid and to.minutes <= LONGEST_MINUTES else Kind.OFF_GRID


def _locked(connection: sa.Connection, appointment: Appointment) -> Any:
    """The live booking as it was looked at; None when it has changed since."""
    mine = sa.select(BOOKINGS).where(
        BOOKINGS.c.id == appointment.id,
        BOOKINGS.c.state == BOOKED,
        BOOKINGS.c.revision == appointment.revision,
    )
    return connection.execute(mine.with_for_update()).one_or_none()


def _note(
    connection: sa.Connection,
    appointment: Appointment,
    wanted: Wanted,
    what: str,
    to_at: dt.datetime | None,
) -> None:
    """Written in the same transaction: what the staff did is never done without a trace."""
    connection.execute(
        sa.insert(CHANGES).values(
            key=f"{wanted.key}:{appointment.revision}",
            calendar=wanted.calendar,
            booking_id=appointment.id,
            what=what,
            from_at=appointment.starts_at,
            to_at=to_at,
            at=wanted.now,
        )
    )
