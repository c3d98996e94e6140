"""What follows when time becomes free: a block takes its own, and who waited for it is noted."""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.booking import cells
from tools.booking.calendar import CELL_S, Slot, bookable
from tools.booking.seating import Party, Seating, Taken
from tools.booking.shop import Shop
from tools.booking.tables import BLOCKS, NOTICES, WAITING

IN_LINE = "waiting"
SERVED = "served"
LEFT = "left"
_LONGEST = dt.timedelta(hours=12)
"""From the beginning of an appointment to the end of what is kept for it."""
_BUFFER = dt.timedelta(hours=4)
"""At most kept before it begins."""


class Waiter(msgspec.Struct, frozen=True):
    """Whose entries on the waiting list a booking serves."""

    caller_number: str | None
    name_key: str
    service: str
    day: dt.date


def refill(
    connection: sa.Connection, shop: Shop, freed: Iterable[cells.Cell], now: dt.datetime
) -> None:
    """Give to blocks what lies in their time and is free now."""
    steps = sorted({cell for _, cell in freed})
    if not steps:
        return
    first, last = _moment(steps[0]), _moment(steps[-1] + 1)
    query = sa.select(BLOCKS).where(BLOCKS.c.starts_at < last, BLOCKS.c.ends_at > first)
    rows = connection.execute(query.order_by(BLOCKS.c.id)).all()
    if not rows:
        return
    left = set(freed) - cells.taken(connection, range(steps[0], steps[-1] + 1), now)
    for row in rows:
        span = cells.cell_range(row.starts_at, row.ends_at)
        seats = shop.seats_of(row.resource)
        own = {(seat, cell) for seat, cell in left if seat in seats and cell in span}
        cells.occupy(connection, own, block_id=row.id)
        left -= own


def notify(
    connection: sa.Connection,
    shop: Shop,
    freed: Iterable[cells.Cell],
    now: dt.datetime,
    revision: int,
) -> None:
    """One notice for the staff for each entry of the waiting list that now finds a time.

    Only under the lock that `next_revision` takes: who joins meanwhile waits for it, and either
    finds the free time or is found here.
    """
    steps = {cell for _, cell in freed}
    if not steps:
        return
    # What is free after midnight may be the end of an evening's appointment.
    ends = (_moment(min(steps)) - _LONGEST, _moment(max(steps)) + _BUFFER)
    days = [each.astimezone(shop.zone).date() for each in ends]
    waiting = sa.select(WAITING).where(
        WAITING.c.state == IN_LINE,
        WAITING.c.day.between(days[0].isoformat(), days[1].isoformat()),
    )
    rows = connection.execute(waiting.order_by(WAITING.c.created_at, WAITING.c.id)).all()
    taken = cells.taken(connection, _around(shop, *days), now) if rows else set()
    for row in rows:
        fitting = (slot for slot in _free(shop, row, taken, now) if steps & set(slot.cells))
        slot = next(fitting, None)
        if slot is not None:
            note = {"waiting_id": row.id, "revision": revision, "starts_at": slot.start}
            connection.execute(sa.insert(NOTICES).values(**note, created_at=now))


def free_for(
    connection: sa.Connection, shop: Shop, row: Any, now: dt.datetime, but: str | None = None
) -> list[Slot]:
    """The free slots in the window of an entry of the waiting list, in order.

    What the call `but` holds for itself is free.
    """
    day = dt.date.fromisoformat(row.day)
    if not dt.MINYEAR < day.year < dt.MAXYEAR:
        return []
    taken = cells.taken(connection, _around(shop, day, day), now, but)
    return list(_free(shop, row, taken, now))


def _free(shop: Shop, row: Any, taken: Taken, now: dt.datetime) -> Iterator[Slot]:
    service = shop.offers(row.service)
    if service is None:
        return
    seating = Seating(shop, service, Party(row.party, row.person))
    for slot in bookable(shop, service, dt.date.fromisoformat(row.day), now):
        minute = slot.local.hour * 60 + slot.local.minute
        if row.from_minute <= minute < row.to_minute and seating.find(slot, taken):
            yield slot


def _around(shop: Shop, first: dt.date, last: dt.date) -> range:
    """The cells of these days on the shop's calendar, with all that may reach over midnight."""
    midnights = [dt.datetime.combine(day, dt.time(), shop.zone) for day in (first, last)]
    return cells.cell_range(
        midnights[0] - dt.timedelta(hours=12), midnights[1] + dt.timedelta(hours=48)
    )


def serve(connection: sa.Connection, waiter: Waiter, now: dt.datetime) -> None:
    """Whoever has booked is no longer waiting for that service on that day."""
    # A name without a sound is nobody's.
    if not waiter.name_key:
        return
    given = {
        "whose": waiter.caller_number,
        "who": waiter.name_key,
        "what": waiter.service,
        "when": waiter.day.isoformat(),
    }
    connection.execute(SERVE, {**given, "state": SERVED, "changed_at": now})


SERVE = sa.update(WAITING).where(
    WAITING.c.state == IN_LINE,
    WAITING.c.day == sa.bindparam("when"),
    WAITING.c.service == sa.bindparam("what"),
    WAITING.c.name_key == sa.bindparam("who"),
    WAITING.c.caller_number.is_not_distinct_from(sa.bindparam("whose")),
)


def _moment(cell: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(cell * CELL_S, dt.UTC)
