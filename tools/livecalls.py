"""The durable state of calls that are on: who carries each, and what it takes to go on with it.

What the state means is the telephone side's business; here it is text.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.quick import Quick
from tools.schema import METADATA, Instant
from tools.store import Store

LIVE_CALLS = sa.Table(
    "live_calls",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    # The process that carries it; chosen at random at each start.
    sa.Column("owner", sa.Text, nullable=False),
    # Counts the owners: who writes with an older number has lost the call.
    sa.Column("fence", sa.Integer, nullable=False),
    # How it began; empty once it is over.
    sa.Column("head", sa.Text, nullable=False),
    # How it stands between two lines of its transcript; empty once it is over.
    sa.Column("state", sa.Text, nullable=False),
    # Why it ended; NULL while it is on.
    sa.Column("ended", sa.Text),
    sa.Column("updated_at", Instant, nullable=False, index=True),
)

LIVE_CALL_LINES = sa.Table(
    "live_call_lines",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
)

LIVE_PROCESSES = sa.Table(
    "live_processes",
    METADATA,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("seen_at", Instant, nullable=False),
)


_TOLD: dict[str, sa.BindParameter[Any]] = {
    name: sa.bindparam(name) for name in ("head", "state", "ended", "updated_at")
}
_STANDS = Quick(
    sa.update(LIVE_CALLS)
    .where(
        LIVE_CALLS.c.call_id == sa.bindparam("of_call"),
        LIVE_CALLS.c.owner == sa.bindparam("of_owner"),
        LIVE_CALLS.c.fence == sa.bindparam("of_fence"),
    )
    .values(**_TOLD)
)
_KNOWN = Quick(sa.select(LIVE_CALLS.c.fence).where(LIVE_CALLS.c.call_id == sa.bindparam("of_call")))
_BEGINS = Quick(
    sa.insert(LIVE_CALLS).values(
        call_id=sa.bindparam("of_call"),
        owner=sa.bindparam("of_owner"),
        fence=sa.bindparam("of_fence"),
        **_TOLD,
    )
)
_FORGET_LINES = Quick(
    sa.delete(LIVE_CALL_LINES).where(
        LIVE_CALL_LINES.c.call_id == sa.bindparam("of_call"),
        LIVE_CALL_LINES.c.number >= sa.bindparam("first"),
    )
)
_ADD_LINE = Quick(
    sa.insert(LIVE_CALL_LINES).values(
        call_id=sa.bindparam("of_call"), number=sa.bindparam("at"), line=sa.bindparam("line")
    )
)


class LiveCall(msgspec.Struct, frozen=True):
    """What is to be kept of one call from now on."""

    call_id: str
    fence: int
    head: str
    state: str
    first_line: int = 0
    """Number of the first of `lines`."""
    lines: tuple[str, ...] = ()
    """Those that are new."""
    ended: str | None = None


class Taken(msgspec.Struct, frozen=True):
    """A call that is the taker's from now on."""

    fence: int
    head: str
    state: str
    lines: tuple[str, ...]
    next_line: int


class Over(msgspec.Struct, frozen=True):
    """There is nothing to go on with."""

    ended: str


Began = Callable[[sa.Connection, LiveCall, dt.datetime], None]
"""`(connection, call, now)`: this is the first that is written of the call."""


def unheeded(_connection: sa.Connection, _call: LiveCall, _now: dt.datetime) -> None:
    """Nobody wants to know."""


class LiveCalls:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(
        self,
        store: Store,
        began: Began = unheeded,
    ) -> None:
        """`began` writes down, in the same transaction, what the first word of a call leads to."""
        self._store = store
        self._began = began

    def keep(self, owner: str, calls: Sequence[LiveCall], now: dt.datetime) -> frozenset[str]:
        """Write all of it or nothing; the ids of those that somebody else carries by now, of
        which nothing is written."""
        return self._store.contend(
            lambda connection: frozenset(
                call.call_id
                for call in calls
                if not _kept(connection, owner, call, now, self._began)
            ),
            "live calls",
        )

    def take(self, call_id: str, owner: str, now: dt.datetime) -> Taken | Over | None:
        """Carry a call from now on; None: there never was one, as far as is known.

        Of several takers at once one after the other gets it; the last one has it.
        """
        return self._store.write(lambda connection: _taken(connection, call_id, owner, now))

    def beat(self, owner: str, now: dt.datetime) -> None:
        """This process takes calls."""
        self._store.contend(lambda connection: _seen(connection, owner, now), "live processes")

    def leave(self, owner: str) -> None:
        """This process takes no more."""
        gone = sa.delete(LIVE_PROCESSES).where(LIVE_PROCESSES.c.owner == owner)
        self._store.write(lambda connection: connection.execute(gone))

    def others(self, besides: str, since: dt.datetime) -> int:
        """How many processes take calls, by what was heard of them since then; those whose names
        begin like `besides` are left out."""
        mine = LIVE_PROCESSES.c.owner.startswith(besides, autoescape=True)
        there = (~mine, LIVE_PROCESSES.c.seen_at >= since)
        count = sa.select(sa.func.count()).select_from(LIVE_PROCESSES).where(*there)
        return self._store.read(lambda connection: int(connection.execute(count).scalar_one()))

    def purge(self, before: dt.datetime) -> int:
        """Forget calls nobody has written about since; says how many."""
        return self._store.write(lambda connection: _purged(connection, before))


def _kept(
    connection: sa.Connection, owner: str, call: LiveCall, now: dt.datetime, began: Began
) -> bool:
    told = {
        "of_call": call.call_id,
        "of_owner": owner,
        "of_fence": call.fence,
        "head": call.head,
        "state": call.state,
        "ended": call.ended,
        "updated_at": now,
    }
    if not _STANDS.changed(connection, **told):
        if _KNOWN.rows(connection, of_call=call.call_id):
            return False
        _BEGINS.changed(connection, **told)
        began(connection, call, now)
    _keep_lines(connection, call)
    return True


def _keep_lines(connection: sa.Connection, call: LiveCall) -> None:
    if call.ended is not None:
        _FORGET_LINES.changed(connection, of_call=call.call_id, first=0)
        return
    if not call.lines:
        return
    # A write whose commit was in doubt is made again.
    _FORGET_LINES.changed(connection, of_call=call.call_id, first=call.first_line)
    for number, line in enumerate(call.lines, start=call.first_line):
        _ADD_LINE.changed(connection, of_call=call.call_id, at=number, line=line)


def _taken(
    connection: sa.Connection, call_id: str, owner: str, now: dt.datetime
) -> Taken | Over | None:
    mine = LIVE_CALLS.c.call_id == call_id
    row = connection.execute(sa.select(LIVE_CALLS).where(mine).with_for_update()).one_or_none()
    if row is None:
        return None
    if row.ended is not None:
        return Over(row.ended)
    fence = row.fence + 1
    taken = sa.update(LIVE_CALLS).where(mine, LIVE_CALLS.c.fence == row.fence)
    connection.execute(taken.values(owner=owner, fence=fence, updated_at=now))
    lines = connection.execute(
        sa.select(LIVE_CALL_LINES.c.number, LIVE_CALL_LINES.c.line)
        .where(LIVE_CALL_LINES.c.call_id == call_id)
        .order_by(LIVE_CALL_LINES.c.number)
    ).all()
    next_line = lines[-1].number + 1 if lines else 0
    return Taken(fence, row.head, row.state, tuple(each.line for each in lines), next_line)


def _seen(connection: sa.Connection, owner: str, now: dt.datetime) -> None:
    mine = sa.update(LIVE_PROCESSES).where(LIVE_PROCESSES.c.owner == owner)
    if not connection.execute(mine.values(seen_at=now)).rowcount:
        connection.execute(sa.insert(LIVE_PROCESSES).values(owner=owner, seen_at=now))


def _purged(connection: sa.Connection, before: dt.datetime) -> int:
    old = sa.select(LIVE_CALLS.c.call_id).where(LIVE_CALLS.c.updated_at < before)
    connection.execute(sa.delete(LIVE_CALL_LINES).where(LIVE_CALL_LINES.c.call_id.in_(old)))
    connection.execute(sa.delete(LIVE_PROCESSES).where(LIVE_PROCESSES.c.seen_at < before))
    return connection.execute(
        sa.delete(LIVE_CALLS).where(LIVE_CALLS.c.updated_at < before)
    ).rowcount
