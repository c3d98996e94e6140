"""Counts and durations of calls by hour and day: each call once, whoever counts it."""

import datetime as dt
from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa

from tools.counts import Counted, Row, Said, merged, summed
from tools.schema import METADATA, Instant
from tools.store import Store

ROLLUPS = sa.Table(
    "health_rollups",
    METADATA,
    # An hour of UTC (2026-11-20T15) or a day on the shop's calendar (2026-11-20).
    sa.Column("span", sa.Text, primary_key=True),
    # Empty for the built-in one.
    sa.Column("persona", sa.Text, primary_key=True),
    sa.Column("measure", sa.Text, primary_key=True),
    sa.Column("label", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    # JSON, count by bucket; what a bucket is is the business of who counts.
    sa.Column("buckets", sa.Text, nullable=False),
)

COUNTED = sa.Table(
    "health_calls",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("counted_at", Instant, nullable=False, index=True),
)

STATES = sa.Table(
    "health_processes",
    METADATA,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)

MOST_ASKED = 500
"""Ids in one question: SQLite takes 32,766 parameters, and a statement is to stay short."""


class Rollups:
    """Every method blocks; BackendError when the database cannot be asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        calls: Sequence[Counted],
        now: dt.datetime,
        also: Callable[[sa.Connection, frozenset[str]], None] = lambda connection, new: None,
    ) -> frozenset[str]:
        """Count these calls, all or none; the ids of those nobody had counted before.

        `also(connection, new)` writes in the same transaction; it may be called more than once.
        """

        def work(connection: sa.Connection) -> frozenset[str]:
            known = _known(connection, [call.call_id for call in calls])
            new = [call for call in calls if call.call_id not in known]
            if new:
                rows = [{"call_id": each.call_id, "counted_at": now} for each in new]
                connection.execute(sa.insert(COUNTED), rows)
                _put(connection, merged(row for each in new for row in each.rows))
            ids = frozenset(each.call_id for each in new)
            also(connection, ids)
            return ids

        return self._store.contend(work, "rollups")

    def more(self, rows: Sequence[Row]) -> None:
        """Count what is no call."""
        self._store.contend(lambda connection: _put(connection, merged(rows)), "rollups")

    def known(self, call_ids: Sequence[str]) -> frozenset[str]:
        """Which of these are counted."""
        return self._store.read(lambda connection: _known(connection, call_ids))

    def between(self, first: str, last: str, persona: str | None = None) -> list[Row]:
        """Spans of one kind from `first` to `last`, both included; of all personas if None."""
        table = ROLLUPS.c
        query = sa.select(ROLLUPS).where(
            table.span.between(first, last), sa.func.length(table.span) == len(first)
        )
        if persona is not None:
            query = query.where(table.persona == persona)
        rows = self._store.read(lambda connection: connection.execute(query).mappings().all())
        return [_typed(row) for row in rows]

    def personas(self, first: str, last: str) -> list[str]:
        """Who was counted in these spans."""
        spans = ROLLUPS.c.span.between(first, last)
        query = sa.select(ROLLUPS.c.persona).where(spans).distinct().order_by(ROLLUPS.c.persona)
        return self._store.read(lambda connection: list(connection.execute(query).scalars()))

    def purge(self, spans_before: str, calls_before: dt.datetime) -> None:
        """Forget spans before that one, and which calls were counted before then."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(ROLLUPS).where(ROLLUPS.c.span < spans_before))
            connection.execute(sa.delete(COUNTED).where(COUNTED.c.counted_at < calls_before))

        self._store.write(work)

    # ---- processes -----------------------------------------------------------------------------

    def say(self, owner: str, state: str, now: dt.datetime, forget: dt.datetime) -> None:
        """How this process fares; those that have said nothing since `forget` are struck out."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(STATES).where(STATES.c.seen_at < forget))
            mine = sa.update(STATES).where(STATES.c.owner == owner)
            if not connection.execute(mine.values(seen_at=now, state=state)).rowcount:
                row = {"owner": owner, "seen_at": now, "state": state}
                connection.execute(sa.insert(STATES).values(**row))

        self._store.contend(work, "health processes")

    def leave(self, owner: str) -> None:
        gone = sa.delete(STATES).where(STATES.c.owner == owner)
        self._store.write(lambda connection: connection.execute(gone))

    def said(self, since: dt.datetime) -> list[Said]:
        """What processes have said since then, in the order of their names."""
        query = sa.select(STATES).where(STATES.c.seen_at >= since).order_by(STATES.c.owner)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [Said(row.owner, row.seen_at, row.state) for row in rows]


def _known(connection: sa.Connection, call_ids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for first in range(0, len(call_ids), MOST_ASKED):
        some = call_ids[first : first + MOST_ASKED]
        query = sa.select(COUNTED.c.call_id).where(COUNTED.c.call_id.in_(some))
        found.update(connection.execute(query).scalars())
    return frozenset(found)


def _put(connection: sa.Connection, rows: Sequence[Row]) -> None:
    table = ROLLUPS.c
    for row in rows:
        mine = (
            (table.span == row.span)
            & (table.persona == row.persona)
            & (table.measure == row.measure)
            & (table.label == row.label)
        )
        looked = sa.select(ROLLUPS).where(mine).with_for_update()
        had = connection.execute(looked).mappings().one_or_none()
        whole = row if had is None else summed(_typed(had), row)
        buckets = msgspec.json.encode(whole.buckets).decode()
        counts = {"count": whole.count, "total": whole.total, "buckets": buckets}
        if had is not None:
            connection.execute(sa.update(ROLLUPS).where(mine).values(**counts))
        else:
            key = dict(zip(("span", "persona", "measure", "label"), row.key, strict=True))
            connection.execute(sa.insert(ROLLUPS).values(**key, **counts))


def _typed(row: sa.RowMapping) -> Row:
    values = {name: row[name] for name in Row.__struct_fields__}
    return Row(**{**values, "buckets": msgspec.json.decode(row["buckets"], type=dict[int, int])})
