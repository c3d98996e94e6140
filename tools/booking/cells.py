"""Who occupies which five minutes of what, inside a transaction that somebody else has begun.

Every writer locks in one order: holds by id, bookings, cells by (resource, time), the revision.
Two that want the same things then wait for each other in one direction only.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from tools.booking.calendar import CELL_S
from tools.booking.tables import CELLS, HOLDS, REVISION

Cell = tuple[str, int]
"""(resource or seat, five-minute step since 1970)"""


def cell_range(first: dt.datetime, last: dt.datetime) -> range:
    """The cells from `first` up to `last`, those that are only touched included."""
    return range(int(first.timestamp()) // CELL_S, -(-int(last.timestamp()) // CELL_S))


def taken(
    connection: sa.Connection, cells: range, now: dt.datetime, but: str | None = None
) -> set[Cell]:
    """Cells in use. What a hold has that is expired, or is of the call `but`, is free."""
    if not cells:
        return set()
    query = (
        sa.select(CELLS.c.resource, CELLS.c.cell)
        .outerjoin(HOLDS, HOLDS.c.call_id == CELLS.c.hold_id)
        .where(CELLS.c.cell.between(cells[0], cells[-1]))
        .where(sa.or_(CELLS.c.hold_id.is_(None), HOLDS.c.expires_at > now))
    )
    if but is not None:
        query = query.where(sa.or_(CELLS.c.hold_id.is_(None), CELLS.c.hold_id != but))
    return {(row.resource, row.cell) for row in connection.execute(query)}


def occupy(connection: sa.Connection, cells: Iterable[Cell], **owner: Any) -> None:
    """Take cells, in rising order, for one owner: `booking_id`, `hold_id` or `block_id`.

    Raises IntegrityError when somebody has one of them.
    """
    rows = [{"resource": resource, "cell": cell, **owner} for resource, cell in sorted(cells)]
    if rows:
        connection.execute(sa.insert(CELLS), rows)


def vacate(connection: sa.Connection, **owner: Any) -> set[Cell]:
    """Give up every cell of one owner; which they were."""
    ((column, value),) = owner.items()
    freed = sa.delete(CELLS).where(CELLS.c[column] == value)
    returned = connection.execute(freed.returning(CELLS.c.resource, CELLS.c.cell))
    return {(row.resource, row.cell) for row in returned}


def end_holds(connection: sa.Connection, now: dt.datetime, call_id: str | None = None) -> set[Cell]:
    """Take away the holds that have expired and that of `call_id`; the cells they had."""
    over = HOLDS.c.expires_at <= now
    if call_id is not None:
        over = sa.or_(over, HOLDS.c.call_id == call_id)
    wanted = sa.select(HOLDS.c.call_id).where(over).order_by(HOLDS.c.call_id).with_for_update()
    freed: set[Cell] = set()
    for each in connection.execute(wanted).scalars().all():
        freed |= vacate(connection, hold_id=each)
        connection.execute(sa.delete(HOLDS).where(HOLDS.c.call_id == each))
    return freed


def lock_revision(connection: sa.Connection) -> None:
    """Wait for every change begun, and keep others from ending until the commit."""
    connection.execute(sa.select(REVISION.c.revision).with_for_update())


def next_revision(connection: sa.Connection) -> int:
    """The number of this change. Held until the commit: nobody gets a later one before."""
    counted = sa.update(REVISION).values(revision=REVISION.c.revision + 1)
    return int(connection.execute(counted.returning(REVISION.c.revision)).scalar_one())
