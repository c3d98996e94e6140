"""What callers leave for the staff: messages, and wishes to be called back."""

import datetime as dt
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.calls.tables import CALL_BACKS, MESSAGES
from tools.spec import ToolContext
from tools.store import Store

OPEN = "open"
DONE = "done"
MOST = 500
"""So many are listed at most."""


class Message(msgspec.Struct, frozen=True):
    id: int
    name: str
    text: str
    caller_number: str | None
    """Where the call came from, E.164; None when withheld."""
    call_back_number: str | None
    """Where the caller wants to be called back; None: they do not."""
    urgent: bool
    state: str
    """`open` or `done`."""
    call_id: str
    created_at: dt.datetime
    done_at: dt.datetime | None


class CallBack(msgspec.Struct, frozen=True):
    id: int
    name: str
    about: str
    number: str
    caller_number: str | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    zone: str
    """The shop's, in which the window was agreed."""
    state: str
    call_id: str
    created_at: dt.datetime
    done_at: dt.datetime | None


class Inbox:
    """Every method blocks. BackendError when nothing was changed because the database failed.

    The same effect again, known by the context's `idempotency_key`, finds what is there.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def leave(self, context: ToolContext, **values: Any) -> Message:
        """`values`: `name`, `text`, `call_back_number`, `urgent`."""
        row = self._store.contend(lambda c: _put(c, MESSAGES, context, values), "message")
        return _message(row)

    def arrange(self, context: ToolContext, **values: Any) -> CallBack:
        """`values`: `name`, `about`, `number`, `starts_at`, `ends_at`, `zone`."""
        row = self._store.contend(lambda c: _put(c, CALL_BACKS, context, values), "call back")
        return _call_back(row)

    def message_left_with(self, key: str) -> Message | None:
        row = self._store.read(lambda connection: _made_with(connection, MESSAGES, key))
        return _message(row) if row is not None else None

    def call_back_arranged_with(self, key: str) -> CallBack | None:
        row = self._store.read(lambda connection: _made_with(connection, CALL_BACKS, key))
        return _call_back(row) if row is not None else None

    def messages(self, *, done: bool = False) -> list[Message]:
        """Those that are open, urgent ones and then the oldest first; or the newest done."""
        order = (MESSAGES.c.urgent.desc(), MESSAGES.c.id)
        newest = (MESSAGES.c.done_at.desc(), MESSAGES.c.id.desc())
        rows = self._listed(MESSAGES, newest if done else order, done=done)
        return [_message(row) for row in rows]

    def call_backs(self, *, done: bool = False) -> list[CallBack]:
        """Those that are open, the soonest first; or the newest done."""
        order = (CALL_BACKS.c.starts_at, CALL_BACKS.c.id)
        newest = (CALL_BACKS.c.done_at.desc(), CALL_BACKS.c.id.desc())
        rows = self._listed(CALL_BACKS, newest if done else order, done=done)
        return [_call_back(row) for row in rows]

    def close_message(self, number: int, now: dt.datetime) -> Message | None:
        """Somebody has seen to it; None where there is no such message. Again changes nothing."""
        row = self._store.write(lambda connection: _close(connection, MESSAGES, number, now))
        return _message(row) if row is not None else None

    def close_call_back(self, number: int, now: dt.datetime) -> CallBack | None:
        row = self._store.write(lambda connection: _close(connection, CALL_BACKS, number, now))
        return _call_back(row) if row is not None else None

    def _listed(
        self, table: sa.Table, order: tuple[sa.ColumnElement[Any], ...], *, done: bool
    ) -> list[sa.Row[Any]]:
        state = DONE if done else OPEN
        query = sa.select(table).where(table.c.state == state).order_by(*order).limit(MOST)
        return self._store.read(lambda connection: list(connection.execute(query)))


def _put(
    connection: sa.Connection, table: sa.Table, context: ToolContext, values: dict[str, Any]
) -> sa.Row[Any]:
    again = _made_with(connection, table, context.idempotency_key)
    if again is not None:
        return again
    made = {
        **values,
        "idempotency_key": context.idempotency_key,
        "call_id": context.call_id,
        "caller_number": context.caller_number,
        "state": OPEN,
        "created_at": context.now,
    }
    return connection.execute(sa.insert(table).values(**made).returning(table)).one()


def _made_with(connection: sa.Connection, table: sa.Table, key: str) -> sa.Row[Any] | None:
    query = sa.select(table).where(table.c.idempotency_key == key)
    return connection.execute(query).one_or_none()


def _close(
    connection: sa.Connection, table: sa.Table, number: int, now: dt.datetime
) -> sa.Row[Any] | None:
    open_one = (table.c.id == number) & (table.c.state == OPEN)
    connection.execute(sa.update(table).where(open_one).values(state=DONE, done_at=now))
    return connection.execute(sa.select(table).where(table.c.id == number)).one_or_none()


def _message(row: sa.Row[Any]) -> Message:
    return Message(**{name: getattr(row, name) for name in Message.__struct_fields__})


def _call_back(row: sa.Row[Any]) -> CallBack:
    return CallBack(**{name: getattr(row, name) for name in CallBack.__struct_fields__})
