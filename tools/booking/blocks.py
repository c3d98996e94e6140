"""Times that something outside has taken: a calendar that is synchronised, or the staff."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.booking import cells
from tools.booking.bookings import BOOKED
from tools.booking.freed import notify, refill
from tools.booking.shop import Shop
from tools.booking.tables import BLOCKS, BOOKINGS, CELLS
from tools.store import Store

LONGEST = dt.timedelta(days=100)


class Block(msgspec.Struct, frozen=True):
    """One span of one resource that is not to be booked. (`source`, `uid`) names it for good."""

    source: str
    """Which calendar it comes from."""
    uid: str
    """The event's own id there."""
    resource: str
    """A resource of the shop, by its name."""
    starts_at: dt.datetime
    ends_at: dt.datetime
    """Time-zone aware; not included."""
    note: str = ""


class Blocked(msgspec.Struct, frozen=True):
    """A block as it stands in the calendar."""

    block: Block
    conflicts: tuple[str, ...] = ()
    """Ids of live bookings that have some of its time: they stay, and somebody has to decide."""


class Blocks:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, shop: Shop) -> None:
        self._store = store
        self._shop = shop

    def put(self, block: Block, now: dt.datetime) -> Blocked:
        """Take the time, in place of what this block had before.

        What a booking has stays booked and is named in `conflicts`; the rest is taken. Raises
        ValueError for a resource the shop does not have, a span that does not end after it
        begins, or one over 100 days.
        """
        self._check(block)
        return self._store.contend(lambda connection: self._put(connection, block, now), "block")

    def remove(self, source: str, uid: str, now: dt.datetime) -> bool:
        """Give the time back; False when there is no such block."""
        return self._store.contend(
            lambda connection: self._remove(connection, source, uid, now), "block"
        )

    def list(self, source: str | None = None) -> Sequence[Blocked]:
        """All blocks, or those of one source, by time."""
        return self._store.read(lambda connection: self._all(connection, source))

    def _check(self, block: Block) -> None:
        if not self._shop.seats_of(block.resource):
            raise ValueError(f"the shop has no {block.resource!r}")
        if not dt.timedelta(0) < block.ends_at - block.starts_at <= LONGEST:
            raise ValueError(f"a block lasts up to {LONGEST.days} days and ends after it begins")

    def _put(self, connection: sa.Connection, block: Block, now: dt.datetime) -> Blocked:
        freed = cells.end_holds(connection, now)
        values = msgspec.structs.asdict(block)
        mine = sa.and_(BLOCKS.c.source == block.source, BLOCKS.c.uid == block.uid)
        changed = sa.update(BLOCKS).where(mine).values(**values, changed_at=now)
        row = connection.execute(changed.returning(BLOCKS)).one_or_none()
        if row is None:
            fresh = sa.insert(BLOCKS).values(**values, created_at=now, changed_at=now)
            row = connection.execute(fresh.returning(BLOCKS)).one()
        freed |= cells.vacate(connection, block_id=row.id)
        span = cells.cell_range(block.starts_at, block.ends_at)
        seats = self._shop.seats_of(block.resource)
        wanted = {(seat, cell) for seat in seats for cell in span}
        cells.occupy(connection, wanted - cells.taken(connection, span, now), block_id=row.id)
        self._settle(connection, freed - wanted, now)
        return self._blocked(connection, row)

    def _remove(self, connection: sa.Connection, source: str, uid: str, now: dt.datetime) -> bool:
        mine = sa.select(BLOCKS.c.id).where(BLOCKS.c.source == source, BLOCKS.c.uid == uid)
        block_id = connection.execute(mine.with_for_update()).scalar_one_or_none()
        if block_id is None:
            return False
        freed = cells.vacate(connection, block_id=block_id)
        connection.execute(sa.delete(BLOCKS).where(BLOCKS.c.id == block_id))
        self._settle(connection, freed, now)
        return True

    def _settle(self, connection: sa.Connection, freed: set[cells.Cell], now: dt.datetime) -> None:
        if freed:
            refill(connection, self._shop, freed, now)
            notify(connection, self._shop, freed, now, cells.next_revision(connection))

    def _all(self, connection: sa.Connection, source: str | None) -> Sequence[Blocked]:
        query = sa.select(BLOCKS).order_by(BLOCKS.c.starts_at, BLOCKS.c.id)
        if source is not None:
            query = query.where(BLOCKS.c.source == source)
        return [self._blocked(connection, row) for row in connection.execute(query).all()]

    def _blocked(self, connection: sa.Connection, row: Any) -> Blocked:
        span = cells.cell_range(row.starts_at, row.ends_at)
        query = (
            sa.select(BOOKINGS.c.id)
            .join(CELLS, CELLS.c.booking_id == BOOKINGS.c.id)
            .where(
                BOOKINGS.c.state == BOOKED,
                CELLS.c.resource.in_(self._shop.seats_of(row.resource) or (row.resource,)),
                CELLS.c.cell.between(span[0], span[-1]),
            )
            .distinct()
            .order_by(BOOKINGS.c.id)
        )
        names = Block.__struct_fields__
        block = Block(**{name: getattr(row, name) for name in names})
        return Blocked(block, tuple(connection.execute(query).scalars()))
