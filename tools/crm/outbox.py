"""What an outside book is still to be told: written down with the change itself, sent later."""

import datetime as dt
import hashlib
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from tools.crm.port import Card, Kind, NoteCard, TaskCard
from tools.crm.tables import CONTACTS, OUTBOX, OUTSIDE_IDS
from tools.elapsed import time_after, time_before
from tools.store import Store

PENDING = "pending"
SENT = "sent"
DEAD = "dead"
"""Will never be taken as it is; for people to look at."""
SENT_KEPT = dt.timedelta(days=30)

AnyCard = TypeVar("AnyCard", Card, NoteCard, TaskCard)


class Intent(msgspec.Struct, frozen=True):
    """One thing to tell. `again`: an earlier try may have been done."""

    id: int
    key: str
    kind: Kind
    contact_id: int
    """As it is now, after any merge."""
    payload: str
    tries: int

    @property
    def again(self) -> bool:
        return self.tries > 1

    def card(self, shape: type[AnyCard]) -> AnyCard:
        return msgspec.json.decode(self.payload, type=shape)


class Standing(msgspec.Struct, frozen=True):
    """How much is waiting, since when, and what will never be taken."""

    pending: int
    dead: int
    oldest: dt.datetime | None
    trouble: str
    """Why the oldest one waits, as a short code."""


class Dead(msgspec.Struct, frozen=True):
    id: int
    kind: Kind
    contact_id: int
    trouble: str
    at: dt.datetime


def enqueue(
    connection: sa.Connection,
    kind: Kind,
    contact_id: int,
    card: Card | NoteCard | TaskCard,
    key: str,
    now: dt.datetime,
) -> None:
    """Write the intent down, in the transaction that makes the change. No key comes twice."""
    row = {
        "key": key,
        "kind": kind.value,
        "contact_id": contact_id,
        "payload": msgspec.json.encode(card).decode(),
        "state": PENDING,
        "tries": 0,
        "not_before": now,
        "trouble": "",
        "created_at": now,
    }
    connection.execute(sa.insert(OUTBOX).values(**row))


def key_of(*parts: object) -> str:
    """One key for one change, the same whenever it is made from the same parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def current(connection: sa.Connection, contact_id: int) -> int:
    """The contact this one has been merged into, or itself."""
    seen = contact_id
    while True:
        query = sa.select(CONTACTS.c.merged_into).where(CONTACTS.c.id == seen)
        into = connection.execute(query).scalar_one_or_none()
        if into is None:
            return seen
        seen = into


class Outbox:
    """Every method blocks; BackendError when the database cannot be asked."""

    def __init__(self, store: Store, book: str) -> None:
        self._store = store
        self._book = book

    def claim(self, now: dt.datetime, lease: dt.timedelta) -> Intent | None:
        """The next thing to tell, for this process alone until the lease is over; then it is
        anybody's again. Of one contact, first things come first."""
        return self._store.write(lambda connection: _claim(connection, now, time_after(now, lease)))

    def next_at(self) -> dt.datetime | None:
        """When the next claim may succeed; None when nothing waits."""
        query = sa.select(sa.func.min(OUTBOX.c.not_before)).where(OUTBOX.c.state == PENDING)
        found: dt.datetime | None = self._store.read(lambda c: c.execute(query).scalar_one())
        return found

    def outside_id(self, kind: Kind, own_id: int) -> str:
        """What the book calls this record; empty when it has not been told."""
        query = sa.select(OUTSIDE_IDS.c.outside_id).where(*self._named(kind, own_id))
        return self._store.read(lambda c: c.execute(query).scalar_one_or_none()) or ""

    def link(self, kind: Kind, own_id: int, outside_id: str) -> None:
        self._store.contend(lambda c: self._link(c, kind, own_id, outside_id), "outside id")

    def unlink(self, kind: Kind, own_id: int) -> None:
        """The book does not know this record any more."""
        gone = sa.delete(OUTSIDE_IDS).where(*self._named(kind, own_id))
        self._store.write(lambda connection: connection.execute(gone))

    def sent(self, intent: Intent, own_id: int, outside_id: str, now: dt.datetime) -> None:
        """It was taken; the book calls it `outside_id`."""

        def work(connection: sa.Connection) -> None:
            self._link(connection, intent.kind, own_id, outside_id)
            _end(connection, intent, SENT, "", now)
            old = sa.and_(OUTBOX.c.state == SENT, OUTBOX.c.ended_at < time_before(now, SENT_KEPT))
            connection.execute(sa.delete(OUTBOX).where(old))

        self._store.contend(work, "outside id")

    def later(self, intent: Intent, at: dt.datetime, trouble: str) -> None:
        """It was not taken, or nobody knows; try again."""
        change = sa.update(OUTBOX).where(OUTBOX.c.id == intent.id, OUTBOX.c.state == PENDING)
        values = change.values(not_before=at, trouble=trouble)
        self._store.write(lambda connection: connection.execute(values))

    def dead(self, intent: Intent, trouble: str, now: dt.datetime) -> None:
        """It will never be taken: what comes after it goes on."""
        self._store.write(lambda connection: _end(connection, intent, DEAD, trouble, now))

    def drop(self, intent: Intent, why: str, now: dt.datetime) -> None:
        """It need not be told any more."""
        self._store.write(lambda connection: _end(connection, intent, SENT, why, now))

    def revive(self, now: dt.datetime) -> int:
        """Try everything that was refused once more; how many there are."""
        change = sa.update(OUTBOX).where(OUTBOX.c.state == DEAD)
        values = change.values(state=PENDING, not_before=now, ended_at=None)
        return self._store.write(lambda connection: connection.execute(values).rowcount)

    def standing(self) -> Standing:
        return self._store.read(_standing)

    def refused(self, limit: int = 50) -> list[Dead]:
        """What will never be taken as it is, the newest first."""
        query = sa.select(OUTBOX).where(OUTBOX.c.state == DEAD)
        newest = query.order_by(OUTBOX.c.id.desc()).limit(limit)
        return self._store.read(
            lambda connection: [
                Dead(row.id, Kind(row.kind), row.contact_id, row.trouble, row.created_at)
                for row in connection.execute(newest)
            ]
        )

    def _named(self, kind: Kind, own_id: int) -> tuple[sa.ColumnElement[bool], ...]:
        columns = OUTSIDE_IDS.c
        return columns.book == self._book, columns.kind == kind.value, columns.own_id == own_id

    def _link(self, connection: sa.Connection, kind: Kind, own_id: int, outside_id: str) -> None:
        mine = self._named(kind, own_id)
        changed = connection.execute(
            sa.update(OUTSIDE_IDS).where(*mine).values(outside_id=outside_id)
        )
        if not changed.rowcount:
            row = {"book": self._book, "kind": kind.value, "own_id": own_id}
            connection.execute(sa.insert(OUTSIDE_IDS).values(**row, outside_id=outside_id))


def _claim(connection: sa.Connection, now: dt.datetime, until: dt.datetime) -> Intent | None:
    earlier = OUTBOX.alias("earlier")
    first = ~sa.exists().where(
        earlier.c.contact_id == OUTBOX.c.contact_id,
        earlier.c.id < OUTBOX.c.id,
        earlier.c.state == PENDING,
    )
    due = sa.and_(OUTBOX.c.state == PENDING, OUTBOX.c.not_before <= now)
    query = sa.select(OUTBOX).where(due, first).order_by(OUTBOX.c.id).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    # Two processes may see the same row: the second finds it changed and looks again later.
    mine = sa.update(OUTBOX).where(OUTBOX.c.id == row.id, OUTBOX.c.tries == row.tries, due)
    if not connection.execute(mine.values(tries=row.tries + 1, not_before=until)).rowcount:
        return None
    contact_id = current(connection, row.contact_id)
    return Intent(row.id, row.key, Kind(row.kind), contact_id, row.payload, row.tries + 1)


def _end(
    connection: sa.Connection, intent: Intent, state: str, trouble: str, now: dt.datetime
) -> None:
    mine = sa.update(OUTBOX).where(OUTBOX.c.id == intent.id)
    connection.execute(mine.values(state=state, trouble=trouble, ended_at=now))


def _standing(connection: sa.Connection) -> Standing:
    counts = sa.select(OUTBOX.c.state, sa.func.count()).group_by(OUTBOX.c.state)
    by_state = {row[0]: row[1] for row in connection.execute(counts)}
    waiting = sa.select(OUTBOX.c.created_at, OUTBOX.c.trouble).where(OUTBOX.c.state == PENDING)
    oldest = connection.execute(waiting.order_by(OUTBOX.c.id).limit(1)).one_or_none()
    return Standing(
        pending=by_state.get(PENDING, 0),
        dead=by_state.get(DEAD, 0),
        oldest=oldest.created_at if oldest else None,
        trouble=oldest.trouble if oldest else "",
    )
