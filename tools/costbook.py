"""What calls have cost, by day, persona and number: kept so that caps outlive a restart."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from tools.costs import By, CallCost, CallerCost, DayCost, Spent
from tools.schema import METADATA
from tools.store import Store

MOST = 1_000
"""So many rows are listed at most."""

CALL_COSTS = sa.Table(
    "call_costs",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    # The process that wrote it: one that takes a call over from another adds a row of its own.
    sa.Column("writer", sa.Text, primary_key=True),
    # On the shop's calendar, when the call began: 2026-11-20.
    sa.Column("day", sa.Text, nullable=False),
    # Empty for the built-in one.
    sa.Column("persona", sa.Text, nullable=False),
    # E.164, or empty for a withheld number.
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("called", sa.Text, nullable=False),
    # Millionths of a US dollar, as far as they are known.
    sa.Column("engine_micros", sa.BigInteger, nullable=False),
    sa.Column("transcription_micros", sa.BigInteger, nullable=False),
    sa.Column("carrier_micros", sa.BigInteger, nullable=False),
    # Whether some of it has no price, so that it was at least so much.
    sa.Column("unknown", sa.Boolean, nullable=False),
    sa.Index("ix_call_costs_day", "day"),
)
_COLUMNS = {
    By.DAY: (CALL_COSTS.c.day,),
    By.PERSONA: (CALL_COSTS.c.day, CALL_COSTS.c.persona),
    By.NUMBER: (CALL_COSTS.c.day, CALL_COSTS.c.persona, CALL_COSTS.c.called),
}
_SUM = sa.func.sum(
    CALL_COSTS.c.engine_micros + CALL_COSTS.c.transcription_micros + CALL_COSTS.c.carrier_micros
)


class CostBook:
    """Every method blocks, and raises BackendError when the database cannot be asked."""

    def __init__(self, store: Store, writer: str) -> None:
        """`writer` names this process among all that share the database."""
        self._store = store
        self._writer = writer

    def keep(self, costs: Sequence[CallCost]) -> None:
        """Write down what calls have cost up to now; the same again changes nothing."""

        def work(connection: sa.Connection) -> None:
            for cost in costs:
                self._put(connection, cost)

        if costs:
            self._store.write(work)

    def _put(self, connection: sa.Connection, cost: CallCost) -> None:
        values = {name: getattr(cost, name) for name in cost.__struct_fields__}
        values["day"] = cost.day.isoformat()
        own = (CALL_COSTS.c.call_id == cost.call_id) & (CALL_COSTS.c.writer == self._writer)
        changed = connection.execute(sa.update(CALL_COSTS).where(own).values(**values))
        if not changed.rowcount:
            connection.execute(sa.insert(CALL_COSTS).values(**values, writer=self._writer))

    def spent_by_others(self, day: dt.date) -> list[Spent]:
        """On this day, in other processes and before this one was started."""
        columns = CALL_COSTS.c.persona, CALL_COSTS.c.caller
        query = (
            sa.select(*columns, _SUM.label("micros"))
            .where(CALL_COSTS.c.day == day.isoformat(), CALL_COSTS.c.writer != self._writer)
            .group_by(*columns)
        )
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [Spent(row.persona, row.caller, int(row.micros)) for row in rows]

    def days(self, first: dt.date, last: dt.date, by: By = By.DAY) -> list[DayCost]:
        """From `first` to `last`, both included, the newest first; at most MOST rows."""
        table = CALL_COSTS.c
        columns = _COLUMNS[by]
        query = (
            sa.select(
                *columns,
                sa.func.count(sa.distinct(table.call_id)).label("calls"),
                sa.func.sum(table.engine_micros).label("engine"),
                sa.func.sum(table.transcription_micros).label("transcription"),
                sa.func.sum(table.carrier_micros).label("carrier"),
                _any(table.unknown).label("unknown"),
            )
            .where(table.day.between(first.isoformat(), last.isoformat()))
            .group_by(*columns)
            .order_by(table.day.desc(), *columns[1:])
            .limit(MOST)
        )
        rows = self._store.read(lambda connection: connection.execute(query).mappings().all())
        return [
            DayCost(
                day=dt.date.fromisoformat(row["day"]),
                persona=row.get("persona"),
                called=row.get("called"),
                calls=row["calls"],
                engine_micros=int(row["engine"]),
                transcription_micros=int(row["transcription"]),
                carrier_micros=int(row["carrier"]),
                unknown=bool(row["unknown"]),
            )
            for row in rows
        ]

    def callers(self, day: dt.date, limit: int = MOST) -> list[CallerCost]:
        """Who has cost most on a day, the dearest first."""
        table = CALL_COSTS.c
        query = (
            sa.select(
                table.caller,
                sa.func.count(sa.distinct(table.call_id)).label("calls"),
                _SUM.label("micros"),
                _any(table.unknown).label("unknown"),
            )
            .where(table.day == day.isoformat())
            .group_by(table.caller)
            .order_by(_SUM.desc(), table.caller)
            .limit(limit)
        )
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [
            CallerCost(
                caller=row.caller,
                calls=row.calls,
                micros=int(row.micros),
                unknown=bool(row.unknown),
            )
            for row in rows
        ]


def _any(flag: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.max(sa.case((flag, 1), else_=0))
