"""The waiting list: who would come if something became free, and what the staff is to tell them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.booking import cells
from tools.booking.calendar import Slot
from tools.booking.freed import IN_LINE, LEFT, free_for
from tools.booking.hours import MIDNIGHT
from tools.booking.seating import ONE, Party
from tools.booking.shop import Shop
from tools.booking.tables import NOTICES, WAITING
from tools.names import name_key
from tools.spec import ToolContext
from tools.store import Store

_WISH = ("name_key", "service", "day", "from_minute", "to_minute", "party", "person")
"""What makes two entries of one caller the same."""


class Wanted(msgspec.Struct, frozen=True):
    """What somebody waits for: a service on one day, beginning within some hours of it."""

    service: str
    name: str
    day: dt.date
    """On the shop's calendar."""
    from_minute: int = 0
    to_minute: int = MIDNIGHT
    """Minutes after local midnight, from and up to."""
    party: Party = ONE


class Entry(msgspec.Struct, frozen=True):
    """One line of the waiting list."""

    id: str
    call_id: str
    caller_number: str | None
    name: str
    service: str
    party: int
    person: str | None
    day: str
    from_minute: int
    to_minute: int
    state: str
    """`waiting`, `served` (has booked that service on that day since) or `left`."""
    created_at: dt.datetime


class Notice(msgspec.Struct, frozen=True):
    """A free time that the staff should tell somebody of."""

    id: int
    entry: Entry
    starts_at: dt.datetime
    created_at: dt.datetime


class Waiting:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, shop: Shop) -> None:
        self._store = store
        self._shop = shop

    def join(self, wanted: Wanted, context: ToolContext) -> Entry | list[Slot]:
        """The entry, that of this caller for the very same wish if there is one; or what is free
        now. Another wish of theirs for that day stands beside it: either would do."""
        return self._store.contend(
            lambda connection: self._join(connection, wanted, context), "waiting list"
        )

    def leave(self, entry_id: str, now: dt.datetime) -> bool:
        """Take somebody off the list; False when they were not waiting."""
        mine = sa.update(WAITING).where(WAITING.c.id == entry_id, WAITING.c.state == IN_LINE)
        left = mine.values(state=LEFT, changed_at=now).returning(WAITING.c.id)
        return bool(self._store.write(lambda connection: connection.execute(left).all()))

    def joined_with(self, key: str) -> Entry | None:
        """The entry that the effect with this idempotency key made."""
        return next(iter(self._select(WAITING.c.idempotency_key == key)), None)

    def in_line(self, first: dt.date, last: dt.date) -> list[Entry]:
        """Who waits for these days, in the order they came."""
        days = WAITING.c.day.between(first.isoformat(), last.isoformat())
        return self._select(WAITING.c.state == IN_LINE, days)

    def notices(self) -> Sequence[Notice]:
        """What the staff has not yet seen, oldest first."""
        names = [WAITING.c[name] for name in Entry.__struct_fields__]
        told = [NOTICES.c.id.label("notice"), NOTICES.c.starts_at, NOTICES.c.created_at.label("at")]
        query = sa.select(*names, *told).join(NOTICES, NOTICES.c.waiting_id == WAITING.c.id)
        query = query.where(NOTICES.c.seen_at.is_(None)).order_by(NOTICES.c.id)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [Notice(row.notice, _typed(row), row.starts_at, row.at) for row in rows]

    def seen(self, notice_id: int, now: dt.datetime) -> bool:
        """The staff has dealt with it; False when somebody had before."""
        mine = sa.update(NOTICES).where(NOTICES.c.id == notice_id, NOTICES.c.seen_at.is_(None))
        done = mine.values(seen_at=now).returning(NOTICES.c.id)
        return bool(self._store.write(lambda connection: connection.execute(done).all()))

    def _join(
        self, connection: sa.Connection, wanted: Wanted, context: ToolContext
    ) -> Entry | list[Slot]:
        # Whoever frees a time holds this lock while they look for us.
        cells.lock_revision(connection)
        row = self._row(wanted, context)
        again = self._same(connection, row)
        if again is not None:
            return again
        fresh = connection.execute(sa.insert(WAITING).values(**row).returning(WAITING)).one()
        free = free_for(connection, self._shop, fresh, context.now, context.call_id)
        if free:
            connection.execute(sa.delete(WAITING).where(WAITING.c.id == fresh.id))
            return free
        return _typed(fresh)

    def _same(self, connection: sa.Connection, row: dict[str, Any]) -> Entry | None:
        # A withheld number says nothing of who it is, so it matches nobody, not even itself.
        own = [WAITING.c.state == IN_LINE, WAITING.c.caller_number == (row["caller_number"] or "")]
        own += [WAITING.c[name] == row[name] for name in _WISH]
        made = WAITING.c.idempotency_key == row["idempotency_key"]
        query = sa.select(WAITING).where(sa.or_(made, sa.and_(*own)))
        found = connection.execute(query.order_by(WAITING.c.created_at)).first()
        return _typed(found) if found else None

    def _row(self, wanted: Wanted, context: ToolContext) -> dict[str, Any]:
        return {
            "id": context.idempotency_key[:16],
            "idempotency_key": context.idempotency_key,
            "call_id": context.call_id,
            "caller_number": context.caller_number,
            "name": " ".join(wanted.name.split()),
            "name_key": name_key(wanted.name),
            "service": wanted.service,
            "party": wanted.party.size,
            "person": wanted.party.person,
            "day": wanted.day.isoformat(),
            "from_minute": wanted.from_minute,
            "to_minute": wanted.to_minute,
            "state": IN_LINE,
            "created_at": context.now,
            "changed_at": context.now,
        }

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
        query = sa.select(WAITING).where(*conditions)
        query = query.order_by(WAITING.c.day, WAITING.c.created_at, WAITING.c.id)
        return self._store.read(
            lambda connection: [_typed(row) for row in connection.execute(query)]
        )


def _typed(row: Any) -> Entry:
    return msgspec.convert({name: getattr(row, name) for name in Entry.__struct_fields__}, Entry)
