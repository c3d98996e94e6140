"""The index of calls in the database: what is put in, taken out, and known of the archive."""

import zlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from telephony.transcripts.index.row import UNFINISHED, CallRow, Indexed
from telephony.transcripts.index.tables import (
    CALL_LABELS,
    CALL_NOTES,
    CALL_TEXTS,
    CALL_TOOLS,
    CALLS,
    HITS,
)
from telephony.transcripts.index.words import fts5_text, tsvector
from tools.store import Store

STEPS = 1024
"""So many calls may begin in one millisecond and still be told apart at once."""
_LOCK = 5_736_320_115
"""Of writers on PostgreSQL: one call at a time is put in or taken out. SQLite has but one."""
_FIELDS = CallRow.__struct_fields__


class CallIndex:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, calls: Sequence[Indexed]) -> int:
        """Put calls in, or what is known of them now; how many are in that were not, or have
        changed. What was said of a call by an earlier process does not replace a later one's."""
        if not calls:
            return 0
        return self._store.write(lambda connection: sum(_put(connection, one) for one in calls))

    def forget(self, call_id: str) -> bool:
        """Take a call out, with its words, labels and notes; False when it is not in.

        Take its folder away first: what lies in the archive is put in again.
        """

        def work(connection: sa.Connection) -> bool:
            _lock(connection)
            number = _number_of(connection, call_id)
            if number is not None:
                _take_out(connection, number)
            return number is not None

        return self._store.write(work)

    def call(self, call_id: str) -> CallRow | None:
        """What is known of one call."""
        query = sa.select(*_columns()).where(CALLS.c.call_id == call_id)
        row = self._store.read(lambda connection: connection.execute(query).mappings().first())
        return None if row is None else row_of(row)

    def of_day(self, day: str) -> dict[str, bool]:
        """Which folders of a day of the archive (`2026-11-20`) are in, and whether as finished."""
        query = sa.select(CALLS.c.folder, CALLS.c.outcome).where(
            CALLS.c.folder >= f"{day}/", CALLS.c.folder < f"{day}0"
        )
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return {row.folder.partition("/")[2]: row.outcome != UNFINISHED for row in rows}

    def count(self) -> int:
        """How many calls are in."""
        query = sa.select(sa.func.count()).select_from(CALLS)
        return int(self._store.read(lambda connection: connection.execute(query).scalar_one()))


def row_of(row: Any) -> CallRow:
    """A row of the table CALLS, by name of column."""
    return CallRow(**{name: row[name] for name in _FIELDS})


def _columns() -> list[sa.Column[Any]]:
    return [CALLS.c[name] for name in _FIELDS]


def _values(row: CallRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _FIELDS}
    return {**values, "interrupted": row.interrupted, "failed": row.failed}


def _lock(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _number_of(connection: sa.Connection, call_id: str) -> int | None:
    query = sa.select(CALLS.c.number).where(CALLS.c.call_id == call_id)
    return connection.execute(query).scalar_one_or_none()


def _put(connection: sa.Connection, call: Indexed) -> int:
    _lock(connection)
    row = call.row
    query = sa.select(CALLS.c.number, *_columns()).where(CALLS.c.call_id == row.call_id)
    before = connection.execute(query).mappings().one_or_none()
    if before is None:
        number = _free_number(connection, row)
        connection.execute(sa.insert(CALLS).values(number=number, **_values(row)))
    elif before["part"] > row.part:
        return 0
    else:
        number = before["number"]
        connection.execute(sa.update(CALLS).where(CALLS.c.number == number).values(**_values(row)))
        _take_words_out(connection, number)
    _put_words(connection, number, call)
    return int(before is None or row_of(before) != row)


def _free_number(connection: sa.Connection, row: CallRow) -> int:
    """The same for the same call, wherever it is put in, unless another has it."""
    number = row.started_ms * STEPS + zlib.crc32(row.call_id.encode()) % STEPS
    taken = sa.select(CALLS.c.number).where(CALLS.c.number >= number).order_by(CALLS.c.number)
    for other in connection.execute(taken.limit(STEPS)).scalars():
        if other != number:
            break
        number += 1
    return number


def _put_words(connection: sa.Connection, number: int, call: Indexed) -> None:
    texts = {"number": number, "caller": call.caller, "agent": call.agent}
    if connection.dialect.name == "postgresql":
        words = sa.cast(tsvector(call.caller, call.agent), CALL_TEXTS.c.words.type)
        connection.execute(sa.insert(CALL_TEXTS).values(**texts, words=words))
    else:
        connection.execute(sa.insert(CALL_TEXTS).values(**texts))
        said, heard = fts5_text(call.caller), fts5_text(call.agent)
        connection.execute(sa.insert(HITS).values(rowid=number, caller=said, agent=heard))
    tools = [{"number": number, "tool": tool} for tool in call.tools]
    if tools:
        connection.execute(sa.insert(CALL_TOOLS), tools)


def _take_words_out(connection: sa.Connection, number: int) -> None:
    if connection.dialect.name != "postgresql":
        connection.execute(sa.delete(HITS).where(HITS.c.rowid == number))
    for table in (CALL_TEXTS, CALL_TOOLS):
        connection.execute(sa.delete(table).where(table.c.number == number))


def _take_out(connection: sa.Connection, number: int) -> None:
    _take_words_out(connection, number)
    for table in (CALL_LABELS, CALL_NOTES, CALLS):
        connection.execute(sa.delete(table).where(table.c.number == number))
