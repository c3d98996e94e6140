"""What was agreed with each outside calendar, in the database."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.booking.blocks import Blocks
from tools.booking.bookings import BOOKED
from tools.booking.busy import Busy
from tools.booking.caldav.outcome import Outcome
from tools.booking.caldav.rules import Kind, Span
from tools.booking.caldav.tables import CHANGES, CONFLICTS, EVENTS, FOREIGN, STATES
from tools.booking.calendars import SOURCE, Appointment, Calendar
from tools.booking.cells import cell_range
from tools.booking.shop import Shop
from tools.booking.tables import BLOCKS, BOOKINGS, CELLS
from tools.elapsed import time_after
from tools.store import Store

LEASE = dt.timedelta(minutes=5)


class State(msgspec.Struct, frozen=True):
    """How far one calendar is. `outcome` is the last round's, by name."""

    calendar: str
    token: str | None
    revision: int
    full_at: dt.datetime | None
    tried_at: dt.datetime | None
    synced_at: dt.datetime | None
    outcome: str
    failures: int
    read_for: str | None = None
    """`Horizon.name` of the last time everything was read."""


class Row(msgspec.Struct, frozen=True):
    """One booking in one calendar."""

    calendar: str
    booking_id: str
    href: str
    etag: str | None
    agreed: Span | None
    meant: Span | None
    open: bool


class Foreign(msgspec.Struct, frozen=True):
    """One event of others."""

    href: str
    etag: str
    busy: tuple[Busy, ...]
    problem: str | None = None


class Conflict(msgspec.Struct, frozen=True):
    """Something that a person should look at."""

    calendar: str
    kind: str
    booking_id: str | None
    href: str | None
    ours_at: dt.datetime | None
    theirs_at: dt.datetime | None
    detail: str
    noticed_at: dt.datetime


class StaffChange(msgspec.Struct, frozen=True):
    """Something the staff changed in a calendar, and that was done here."""

    calendar: str
    booking_id: str
    what: str
    from_at: dt.datetime
    to_at: dt.datetime | None
    at: dt.datetime


class Pulled(msgspec.Struct, frozen=True):
    """What a look at the calendar has found, to be written down at once."""

    foreign: tuple[Foreign, ...]
    gone: frozenset[str]
    """Paths of events of others that are not there any more."""
    looked_at: frozenset[str]
    """Bookings whose event has changed there."""
    renamed: Mapping[str, str]
    """Bookings whose event lies at another path now."""
    lost: frozenset[str] = frozenset()
    """Bookings whose event is to be written again, as if it had never been there."""


class Record:
    """One calendar's record. Every method blocks and raises BackendError as the store does."""

    def __init__(self, store: Store, calendar: Calendar) -> None:
        self._store = store
        self._calendar = calendar
        self._name = calendar.resource

    # ---- whose turn it is -------------------------------------------------------------------

    def begin(self, owner: str, now: dt.datetime) -> State | None:
        """Take the turn; None while somebody else has it."""
        return self._store.contend(lambda c: self._begin(c, owner, now), "calendar")

    def _begin(self, connection: sa.Connection, owner: str, now: dt.datetime) -> State | None:
        mine = sa.select(STATES).where(STATES.c.calendar == self._name).with_for_update()
        row = connection.execute(mine).one_or_none()
        if row is not None and row.lease not in (None, owner) and row.leased_until > now:
            return None
        if row is None or row.place != self._calendar.place:
            self._start_over(connection)
        taken = sa.update(STATES).where(STATES.c.calendar == self._name)
        values = {"lease": owner, "leased_until": time_after(now, LEASE), "tried_at": now}
        return _state(connection.execute(taken.values(**values).returning(STATES)).one())

    def _start_over(self, connection: sa.Connection) -> None:
        for table in (STATES, EVENTS, FOREIGN):
            connection.execute(sa.delete(table).where(table.c.calendar == self._name))
        connection.execute(
            sa.insert(STATES).values(
                calendar=self._name,
                place=self._calendar.place,
                revision=0,
                outcome=Outcome.NEVER.value,
                failures=0,
            )
        )

    def end(self, owner: str, outcome: Outcome, now: dt.datetime) -> int:
        """Give the turn back; how many rounds have failed in a row."""
        good = outcome is Outcome.OK
        values: dict[str, Any] = {"outcome": outcome.value, "lease": None, "leased_until": None}
        values |= (
            {"synced_at": now, "failures": 0}
            if good
            else {
                "failures": sa.case((STATES.c.failures < 1000, STATES.c.failures + 1), else_=1000)
            }
        )
        mine = sa.update(STATES).where(STATES.c.calendar == self._name, STATES.c.lease == owner)
        ended = mine.values(**values).returning(STATES.c.failures)
        return int(self._store.write(lambda c: c.execute(ended).scalar_one_or_none()) or 0)

    def pulled_to(self, token: str | None, full_at: dt.datetime | None, read_for: str) -> None:
        """Everything up to `token` is written down; with `full_at`, all there is."""
        mine = sa.update(STATES).where(STATES.c.calendar == self._name)
        values: dict[str, Any] = {"token": token}
        if full_at is not None:
            values |= {"full_at": full_at, "read_for": read_for}
        self._store.write(lambda c: c.execute(mine.values(**values)))

    # ---- our bookings in it -----------------------------------------------------------------

    def note(self, revision: int, wanted: Mapping[str, str], others: Iterable[str]) -> None:
        """Take note of changed bookings, up to `revision`.

        `wanted` are those that belong into this calendar, with the path of their event; `others`
        do not, and matter only if they did before.
        """
        self._store.contend(lambda c: self._note(c, revision, wanted, list(others)), "calendar")

    def _note(
        self,
        connection: sa.Connection,
        revision: int,
        wanted: Mapping[str, str],
        others: list[str],
    ) -> None:
        changed = sa.update(EVENTS).where(
            EVENTS.c.calendar == self._name, EVENTS.c.booking_id.in_([*wanted, *others])
        )
        noted = connection.execute(changed.values(open=1).returning(EVENTS.c.booking_id))
        known = set(noted.scalars())
        for booking_id, href in wanted.items():
            if booking_id not in known:
                fresh = {"calendar": self._name, "booking_id": booking_id, "href": href, "open": 1}
                connection.execute(sa.insert(EVENTS).values(**fresh))
                # Read once as somebody else's: it must not block its own time.
                old = sa.delete(FOREIGN).where(FOREIGN.c.calendar == self._name)
                connection.execute(old.where(FOREIGN.c.href == href))
        mine = sa.update(STATES).where(STATES.c.calendar == self._name)
        connection.execute(mine.values(revision=revision))

    def rows(self) -> list[Row]:
        """Every booking that is, or is to be, in the calendar."""
        query = sa.select(EVENTS).where(EVENTS.c.calendar == self._name)
        query = query.order_by(EVENTS.c.booking_id)
        return self._store.read(lambda c: [_row(each) for each in c.execute(query)])

    def row(self, booking_id: str) -> Row | None:
        query = sa.select(EVENTS).where(self._is(booking_id))
        found = self._store.read(lambda c: c.execute(query).one_or_none())
        return _row(found) if found is not None else None

    def mean(self, booking_id: str, span: Span) -> None:
        """We are about to write this time."""
        self._change(booking_id, meant_at=span.start, meant_minutes=span.minutes)

    def agree(self, booking_id: str, etag: str | None, span: Span) -> None:
        """Both sides have this time, in the version `etag`."""
        self._change(
            booking_id,
            etag=etag,
            agreed_at=span.start,
            agreed_minutes=span.minutes,
            meant_at=None,
            meant_minutes=None,
            open=0,
        )

    def forget(self, booking_id: str) -> None:
        """It is on neither side any more, or is over."""
        gone = sa.delete(EVENTS).where(self._is(booking_id))
        self._store.write(lambda c: c.execute(gone))

    def _is(self, booking_id: str) -> sa.ColumnElement[bool]:
        return sa.and_(EVENTS.c.calendar == self._name, EVENTS.c.booking_id == booking_id)

    def _change(self, booking_id: str, **values: Any) -> None:
        mine = sa.update(EVENTS).where(self._is(booking_id))
        self._store.write(lambda c: c.execute(mine.values(**values)))

    def appointment(self, booking_id: str) -> Appointment | None:
        """The booking as it is now."""
        query = sa.select(BOOKINGS).where(BOOKINGS.c.id == booking_id)
        found = self._store.read(lambda c: c.execute(query).one_or_none())
        return appointment_of(found) if found is not None else None

    # ---- events of others -------------------------------------------------------------------

    def foreign(self) -> dict[str, Foreign]:
        """Every event of others, by path."""
        query = sa.select(FOREIGN).where(FOREIGN.c.calendar == self._name)
        found = self._store.read(lambda c: [_foreign(each) for each in c.execute(query)])
        return {each.href: each for each in found}

    def keep(self, pulled: Pulled) -> None:
        """Write down what a look has found, all or nothing."""
        self._store.contend(lambda c: self._keep(c, pulled), "calendar")

    def _keep(self, connection: sa.Connection, pulled: Pulled) -> None:
        here = FOREIGN.c.calendar == self._name
        for href in {*pulled.gone, *(each.href for each in pulled.foreign)}:
            connection.execute(sa.delete(FOREIGN).where(here, FOREIGN.c.href == href))
        for each in pulled.foreign:
            spans = [[int(b.start.timestamp()), int(b.end.timestamp())] for b in each.busy]
            connection.execute(
                sa.insert(FOREIGN).values(
                    calendar=self._name,
                    href=each.href,
                    etag=each.etag,
                    busy=json.dumps(spans),
                    problem=each.problem,
                )
            )
        for booking_id, href in pulled.renamed.items():
            moved = sa.update(EVENTS).where(self._is(booking_id))
            connection.execute(moved.values(href=href, open=1))
        for booking_id in pulled.looked_at:
            connection.execute(sa.update(EVENTS).where(self._is(booking_id)).values(open=1))
        for booking_id in pulled.lost:
            lost = sa.update(EVENTS).where(self._is(booking_id))
            values = {"agreed_at": None, "agreed_minutes": None, "etag": None, "open": 1}
            connection.execute(lost.values(**values))

    def short_blocks(self, seats: int) -> set[str]:
        """Blocks of this calendar that have not got all of their time: somebody else had it."""
        mine = (
            sa.select(
                BLOCKS.c.uid, BLOCKS.c.starts_at, BLOCKS.c.ends_at, sa.func.count(CELLS.c.cell)
            )
            .outerjoin(CELLS, CELLS.c.block_id == BLOCKS.c.id)
            .where(BLOCKS.c.source == self._calendar.source)
            .group_by(BLOCKS.c.id)
        )
        found = self._store.read(lambda c: c.execute(mine).all())
        return {
            uid for uid, start, end, count in found if count < len(cell_range(start, end)) * seats
        }

    # ---- for people -------------------------------------------------------------------------

    def conflict(self, key: str, conflict: Conflict) -> bool:
        """Write a conflict down once; whether it is new."""
        return self._store.contend(lambda c: _once(c, key, conflict), "conflict")


def _once(connection: sa.Connection, key: str, conflict: Conflict) -> bool:
    known = sa.select(CONFLICTS.c.id).where(CONFLICTS.c.key == key)
    if connection.execute(known).one_or_none() is not None:
        return False
    values = {"key": key, **msgspec.structs.asdict(conflict)}
    connection.execute(sa.insert(CONFLICTS).values(**values))
    return True


def make_conflict(
    calendar: str, kind: Kind, now: dt.datetime, detail: str = "", **about: Any
) -> Conflict:
    """A conflict noticed now; what it is about may be left out."""
    plain = {"booking_id": None, "href": None, "ours_at": None, "theirs_at": None}
    return Conflict(
        calendar=calendar, kind=kind.value, detail=detail, noticed_at=now, **{**plain, **about}
    )


def forget_calendars(store: Store, shop: Shop, now: dt.datetime) -> None:
    """Give back the time that calendars block which the shop does not have any more."""
    keep = {each.resource for each in shop.calendars}
    blocks = Blocks(store, shop)
    for each in blocks.list():
        source, uid = each.block.source, each.block.uid
        if source.startswith(SOURCE) and source.removeprefix(SOURCE) not in keep:
            blocks.remove(source, uid, now)
    for state in states(store):
        if state.calendar not in keep:
            store.write(partial(_forget, name=state.calendar))


def _forget(connection: sa.Connection, name: str) -> None:
    for table in (STATES, EVENTS, FOREIGN):
        connection.execute(sa.delete(table).where(table.c.calendar == name))


def states(store: Store) -> list[State]:
    """How far every calendar is that was ever tried."""
    query = sa.select(STATES).order_by(STATES.c.calendar)
    return store.read(lambda c: [_state(each) for each in c.execute(query)])


def conflicts(store: Store, limit: int) -> list[Conflict]:
    """The newest conflicts first."""
    query = sa.select(CONFLICTS).order_by(CONFLICTS.c.noticed_at.desc(), CONFLICTS.c.id.desc())
    return store.read(lambda c: [_typed(each, Conflict) for each in c.execute(query.limit(limit))])


def staff_changes(store: Store, limit: int) -> list[StaffChange]:
    """What the staff has changed, newest first."""
    query = sa.select(CHANGES).order_by(CHANGES.c.at.desc(), CHANGES.c.key)
    return store.read(
        lambda c: [_typed(each, StaffChange) for each in c.execute(query.limit(limit))]
    )


def appointments_between(
    store: Store, first: dt.datetime, last: dt.datetime, limit: int
) -> list[Appointment]:
    """Live bookings that begin from `first` up to `last`, in order."""
    query = (
        sa.select(BOOKINGS)
        .where(
            BOOKINGS.c.state == BOOKED,
            BOOKINGS.c.starts_at >= first,
            BOOKINGS.c.starts_at < last,
        )
        .order_by(BOOKINGS.c.starts_at, BOOKINGS.c.id)
        .limit(limit)
    )
    return store.read(lambda c: [appointment_of(each) for each in c.execute(query)])


def appointment_of(row: Any) -> Appointment:
    """What calendars need of a row of `bookings`."""
    return Appointment(
        id=row.id,
        name=row.name,
        service=row.service,
        caller_number=row.caller_number,
        starts_at=row.starts_at,
        minutes=row.minutes,
        live=row.state == BOOKED,
        resources=tuple(json.loads(row.resources)),
        revision=row.revision,
        changed_at=row.changed_at,
    )


def _state(row: Any) -> State:
    found: State = _typed(row, State)
    return found


def _typed(row: Any, shape: Any) -> Any:
    return shape(**{name: getattr(row, name) for name in shape.__struct_fields__})


def _row(row: Any) -> Row:
    return Row(
        calendar=row.calendar,
        booking_id=row.booking_id,
        href=row.href,
        etag=row.etag,
        agreed=_span(row.agreed_at, row.agreed_minutes),
        meant=_span(row.meant_at, row.meant_minutes),
        open=bool(row.open),
    )


def _span(start: dt.datetime | None, minutes: int | None) -> Span | None:
    return None if start is None or minutes is None else Span(start, minutes)


def _foreign(row: Any) -> Foreign:
    spans = (
        Busy(dt.datetime.fromtimestamp(start, dt.UTC), dt.datetime.fromtimestamp(end, dt.UTC))
        for start, end in json.loads(row.busy)
    )
    return Foreign(row.href, row.etag, tuple(spans), row.problem)
