"""A time kept for one call while the caller makes up their mind, for some minutes and no longer."""

import datetime as dt
import json
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.booking import cells
from tools.booking.calendar import Slot
from tools.booking.freed import notify, refill
from tools.booking.resources import Service
from tools.booking.seating import Party, Seating
from tools.booking.shop import Shop
from tools.booking.tables import HOLDS
from tools.elapsed import time_after
from tools.spec import ToolContext
from tools.store import Store


class Hold(msgspec.Struct, frozen=True):
    """What a call holds. After `expires_at` it is worth nothing, whether or not its row is gone."""

    call_id: str
    service: str
    minutes: int
    starts_at: dt.datetime
    party: int
    person: str | None
    resources: tuple[str, ...]
    expires_at: dt.datetime


class _TakenError(Exception):
    """Raised inside a transaction: the hold the call had before stays."""


class Holds:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, shop: Shop) -> None:
        self._store = store
        self._shop = shop

    def hold(self, service: Service, party: Party, slot: Slot, context: ToolContext) -> Hold | None:
        """The slot, held for this call in place of what it held before; None when it is taken.

        Asked for again, a hold is not prolonged.
        """

        def work(connection: sa.Connection) -> Hold:
            return self._hold(connection, service, party, slot, context)

        try:
            return self._store.contend(work, "slot", looks=len(self._shop.everything) + 2)
        except _TakenError:
            return None

    def of_call(self, call_id: str, now: dt.datetime) -> Hold | None:
        """What the call holds at this moment."""
        query = sa.select(HOLDS).where(HOLDS.c.call_id == call_id, HOLDS.c.expires_at > now)
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return _typed(row) if row else None

    def sweep(self, now: dt.datetime, call_id: str | None = None) -> None:
        """Take away what has expired, and what `call_id` holds; who waited for it is noted.

        Nobody has to call this: what is expired is free. It only tells the waiting list sooner.
        """
        self._store.contend(lambda connection: self._sweep(connection, now, call_id), "holds")

    def _sweep(self, connection: sa.Connection, now: dt.datetime, call_id: str | None) -> None:
        freed = cells.end_holds(connection, now, call_id)
        if freed:
            self._settle(connection, freed, now)

    def _hold(
        self,
        connection: sa.Connection,
        service: Service,
        party: Party,
        slot: Slot,
        context: ToolContext,
    ) -> Hold:
        values = _row(service, party, slot)
        standing = sa.select(HOLDS).where(
            HOLDS.c.call_id == context.call_id, HOLDS.c.expires_at > context.now
        )
        row = connection.execute(standing).one_or_none()
        if row is not None and all(getattr(row, name) == each for name, each in values.items()):
            return _typed(row)
        freed = cells.end_holds(connection, context.now, context.call_id)
        taken = cells.taken(connection, slot.cells, context.now)
        seats = Seating(self._shop, service, party).find(slot, taken)
        if seats is None:
            raise _TakenError
        fresh = sa.insert(HOLDS).values(
            **values,
            call_id=context.call_id,
            resources=json.dumps(seats),
            created_at=context.now,
            expires_at=time_after(context.now, self._shop.hold),
        )
        made = connection.execute(fresh.returning(HOLDS)).one()
        wanted = {(seat, cell) for seat in seats for cell in slot.cells}
        cells.occupy(connection, wanted, hold_id=context.call_id)
        if freed:
            self._settle(connection, freed, context.now)
        return _typed(made)

    def _settle(self, connection: sa.Connection, freed: set[cells.Cell], now: dt.datetime) -> None:
        refill(connection, self._shop, freed, now)
        notify(connection, self._shop, freed, now, cells.next_revision(connection))


def _row(service: Service, party: Party, slot: Slot) -> dict[str, Any]:
    return {
        "service": service.name,
        "minutes": slot.minutes,
        "before_minutes": slot.before,
        "after_minutes": slot.after,
        "starts_at": slot.start,
        "party": party.size,
        "person": party.person,
    }


def _typed(row: Any) -> Hold:
    values = {name: getattr(row, name) for name in Hold.__struct_fields__}
    values["resources"] = tuple(json.loads(row.resources))
    return msgspec.convert(values, Hold)
