"""What is still to be told to whom: written with what happened itself, sent later."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.elapsed import time_after
from tools.hooks.spec import Event, EventType, body, payload
from tools.hooks.tables import DELIVERIES, ENDPOINTS, EVENTS
from tools.quick import Quick
from tools.store import Store

PENDING = "pending"
TAKEN = "taken"
DEAD = "dead"
"""Not taken in all its tries, or never to be; for people to look at, and to replay."""
KEPT = dt.timedelta(days=30)
_RECEIVERS = Quick(
    sa.select(ENDPOINTS.c.id, ENDPOINTS.c.events, ENDPOINTS.c.words, ENDPOINTS.c.created_at).where(
        ENDPOINTS.c.enabled
    )
)


class NoDelivery(LookupError):  # noqa: N818 - named for what is the matter
    """There is no such delivery."""


class Sending(msgspec.Struct, frozen=True):
    """One event on its way to one receiver, for this process alone until the lease is over."""

    id: int
    event_id: str
    endpoint_id: int
    url: str
    secrets: tuple[str, ...]
    body: bytes
    tries: int


@dataclass(frozen=True)
class Delivery:
    """How it stands, for people."""

    id: int
    event_id: str
    endpoint_id: int
    type: str
    call_id: str
    at: dt.datetime
    state: str
    tries: int
    not_before: dt.datetime
    status: int
    trouble: str
    ended_at: dt.datetime | None


def put(connection: sa.Connection, events: Sequence[Event], now: dt.datetime) -> None:
    """Write down what happened, in the transaction that makes it so, for all who want to know.

    What is written down already is left as it is. Whoever was added after something happened is
    not told of it. Raises IntegrityError where another process is just doing the same: see
    `Store.contend`.
    """
    rows = _RECEIVERS.rows(connection) if events else []
    if not rows:
        return
    ids = [event.id for event in events]
    told = sa.select(EVENTS.c.id).where(EVENTS.c.id.in_(ids))
    known = set(connection.execute(told).scalars())
    for event in events:
        wanted = [row for row in rows if row.created_at <= event.at and _wants(row, event)]
        if wanted and event.id not in known:
            known.add(event.id)
            words = event.words() if event.words and any(row.words for row in wanted) else {}
            _insert(connection, event, [row.id for row in wanted], now, words)


def _wants(row: Any, event: Event) -> bool:
    events = msgspec.json.decode(row.events)
    return not events or event.type.value in events


def _insert(
    connection: sa.Connection,
    event: Event,
    wanted: Sequence[int],
    now: dt.datetime,
    words: Mapping[str, Any] | None = None,
) -> None:
    row = {
        "id": event.id,
        "type": event.type.value,
        "call_id": event.call_id,
        "at": event.at,
        "data": payload(event),
        "numbers": msgspec.json.encode(event.numbers).decode(),
        "words": msgspec.json.encode(words or {}).decode(),
        "created_at": now,
    }
    connection.execute(sa.insert(EVENTS).values(**row))
    fresh = {"state": PENDING, "tries": 0, "not_before": now, "status": 0, "trouble": ""}
    rows = [{"event_id": event.id, "endpoint_id": each, **fresh} for each in wanted]
    connection.execute(sa.insert(DELIVERIES), rows)


class Outbox:
    """Every method blocks; BackendError when the database cannot be asked."""

    name = "webhook_events"

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, events: Sequence[Event], now: dt.datetime) -> None:
        """`put`, in a transaction of its own."""
        if events:
            self._store.contend(lambda connection: put(connection, events, now), "webhook event")

    def test(self, endpoint_id: int, event: Event, now: dt.datetime) -> None:
        """One event for one receiver, whatever it wants to be told."""
        assert event.type is EventType.TEST, "what really happened is told by `put`"
        self._store.write(lambda connection: _insert(connection, event, [endpoint_id], now))

    # ---- sending -------------------------------------------------------------------------------

    def claim(
        self, now: dt.datetime, lease: dt.timedelta, busy: Collection[int] = ()
    ) -> Sending | None:
        """The next thing to tell, for this process alone until the lease is over; then it is
        anybody's again. Not to those who are `busy`."""
        return self._store.write(
            lambda connection: _claim(connection, now, time_after(now, lease), busy)
        )

    def is_due(self, now: dt.datetime) -> bool:
        """A look without a write: most of the time nothing waits."""
        query = sa.select(DELIVERIES.c.id).where(*_due(now)).limit(1)
        return self._store.read(lambda connection: connection.execute(query).first() is not None)

    def taken(self, sending: Sending, status: int, now: dt.datetime) -> None:
        self._end(sending, TAKEN, status, "", now)

    def dead(self, sending: Sending, status: int, trouble: str, now: dt.datetime) -> None:
        self._end(sending, DEAD, status, trouble, now)

    def later(self, sending: Sending, at: dt.datetime, status: int, trouble: str) -> None:
        """It was not taken, or nobody knows; try again."""
        mine = sa.update(DELIVERIES).where(
            DELIVERIES.c.id == sending.id, DELIVERIES.c.state == PENDING
        )
        values = mine.values(not_before=at, status=status, trouble=trouble)
        self._store.write(lambda connection: connection.execute(values))

    def switch_off(self, endpoint_id: int, why: str) -> None:
        """The receiver is not to be told anything any more."""
        mine = sa.update(ENDPOINTS).where(ENDPOINTS.c.id == endpoint_id)
        values = mine.values(enabled=False, trouble=why)
        self._store.write(lambda connection: connection.execute(values))

    def _end(
        self, sending: Sending, state: str, status: int, trouble: str, now: dt.datetime
    ) -> None:
        mine = sa.update(DELIVERIES).where(DELIVERIES.c.id == sending.id)
        values = mine.values(state=state, status=status, trouble=trouble, ended_at=now)
        self._store.write(lambda connection: connection.execute(values))

    # ---- for people ----------------------------------------------------------------------------

    def deliveries(
        self,
        endpoint_id: int | None = None,
        state: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """The newest first."""
        query = sa.select(DELIVERIES, EVENTS.c.type, EVENTS.c.call_id, EVENTS.c.at).join(
            EVENTS, EVENTS.c.id == DELIVERIES.c.event_id
        )
        for column, value in (
            (DELIVERIES.c.endpoint_id, endpoint_id),
            (DELIVERIES.c.state, state),
        ):
            query = query if value is None else query.where(column == value)
        query = query if before is None else query.where(DELIVERIES.c.id < before)
        newest = query.order_by(DELIVERIES.c.id.desc()).limit(limit)
        rows = self._store.read(lambda connection: connection.execute(newest).mappings().all())
        return [
            Delivery(**{each.name: row[each.name] for each in fields(Delivery)}) for row in rows
        ]

    def replay(self, delivery_id: int, now: dt.datetime) -> None:
        """Tell it once more, under the same id, taken or not. Raises NoDelivery."""
        if not self._revive(DELIVERIES.c.id == delivery_id, now):
            raise NoDelivery(f"there is no delivery {delivery_id}")

    def replay_dead(self, endpoint_id: int, now: dt.datetime) -> int:
        """Everything the receiver never took; how much that is."""
        return self._revive(
            (DELIVERIES.c.endpoint_id == endpoint_id) & (DELIVERIES.c.state == DEAD), now
        )

    def _revive(self, which: sa.ColumnElement[bool], now: dt.datetime) -> int:
        fresh = {"state": PENDING, "tries": 0, "not_before": now, "ended_at": None, "trouble": ""}
        change = sa.update(DELIVERIES).where(which).values(**fresh)
        return self._store.write(lambda connection: connection.execute(change).rowcount)

    def purge(self, before: dt.datetime) -> None:
        """Forget what happened before then, told or not."""

        def work(connection: sa.Connection) -> None:
            old = sa.select(EVENTS.c.id).where(EVENTS.c.created_at < before)
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.event_id.in_(old)))
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.created_at < before))

        self._store.write(work)

    def forget(self, call_id: str) -> bool:
        """Everything that was, or is still to be, told of a call; False: nothing was."""

        def work(connection: sa.Connection) -> bool:
            of_it = sa.select(EVENTS.c.id).where(EVENTS.c.call_id == call_id)
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.event_id.in_(of_it)))
            gone = connection.execute(sa.delete(EVENTS).where(EVENTS.c.call_id == call_id))
            return gone.rowcount > 0

        return self._store.write(work)


def _due(now: dt.datetime) -> tuple[sa.ColumnElement[bool], ...]:
    live = sa.select(ENDPOINTS.c.id).where(ENDPOINTS.c.enabled)
    return (
        DELIVERIES.c.state == PENDING,
        DELIVERIES.c.not_before <= now,
        DELIVERIES.c.endpoint_id.in_(live),
    )


def _claim(
    connection: sa.Connection, now: dt.datetime, until: dt.datetime, busy: Collection[int]
) -> Sending | None:
    query = (
        sa.select(
            DELIVERIES.c.id,
            DELIVERIES.c.tries,
            DELIVERIES.c.endpoint_id,
            EVENTS.c.id.label("event_id"),
            EVENTS.c.type,
            EVENTS.c.at,
            EVENTS.c.data,
            EVENTS.c.numbers,
            EVENTS.c.words,
        )
        .join(EVENTS, EVENTS.c.id == DELIVERIES.c.event_id)
        .where(*_due(now), DELIVERIES.c.endpoint_id.not_in(list(busy)))
        .order_by(DELIVERIES.c.not_before, DELIVERIES.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    # Two processes may see the same row: the second finds it changed and looks again later.
    mine = sa.update(DELIVERIES).where(
        DELIVERIES.c.id == row.id, DELIVERIES.c.tries == row.tries, DELIVERIES.c.state == PENDING
    )
    if not connection.execute(mine.values(tries=row.tries + 1, not_before=until)).rowcount:
        return None
    where = sa.select(ENDPOINTS).where(ENDPOINTS.c.id == row.endpoint_id)
    endpoint = connection.execute(where).one()
    asked_for = [
        msgspec.json.decode(kept)
        for kept, asked in ((row.numbers, endpoint.numbers), (row.words, endpoint.words))
        if asked
    ]
    return Sending(
        id=row.id,
        event_id=row.event_id,
        endpoint_id=row.endpoint_id,
        url=endpoint.url,
        secrets=_secrets(endpoint, now),
        body=body(row.event_id, row.type, row.at, msgspec.json.decode(row.data), *asked_for),
        tries=row.tries + 1,
    )


def _secrets(endpoint: sa.Row[Any], now: dt.datetime) -> tuple[str, ...]:
    until = endpoint.old_secret_until
    both = until is not None and now < until
    return (endpoint.secret, endpoint.old_secret) if both else (endpoint.secret,)
