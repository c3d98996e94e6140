"""Statements that every tool call runs, handed to the database's driver itself.

SQLAlchemy puts each together, once for a database. To have it run them as well would cost several
times what SQLite needs for them.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

Statement = sa.Select[Any] | sa.Insert | sa.Update | sa.Delete
Convert = Callable[[Any], Any]


class Quick:
    """One statement whose values are named parameters (`sa.bindparam`), for any database."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._ready: dict[str, _Ready] = {}

    def rows(self, connection: sa.Connection, **given: Any) -> list[Any]:
        """Run it in the transaction that is under way, with a value for each parameter. Rows have
        the columns as attributes, as SQLAlchemy's do, and so are errors: `run`."""
        ready = self._readied(connection.dialect)
        cursor = run(connection, ready.sql, ready.values(given))
        return [] if ready.row is None else [ready.row(row) for row in cursor.fetchall()]

    def changed(self, connection: sa.Connection, **given: Any) -> int:
        """The same for a statement that changes rows: how many it found."""
        ready = self._readied(connection.dialect)
        return int(run(connection, ready.sql, ready.values(given)).rowcount)

    def _readied(self, dialect: Dialect) -> "_Ready":
        ready = self._ready.get(dialect.name)
        if ready is None:
            # Two threads that come here at once make the same.
            ready = self._ready[dialect.name] = _made_ready(self._statement, dialect)
        return ready


class _Ready(msgspec.Struct, frozen=True):
    """A statement as one driver takes it."""

    sql: str
    names: tuple[str, ...]
    """Of its parameters: in their order, where the driver goes by that."""
    by_order: bool
    fixed: dict[str, Any]
    """Values the statement has by itself, as the driver takes them."""
    converted: tuple[tuple[str, Convert], ...]
    """Parameters whose values the driver takes in another form."""
    row: Callable[[Iterable[Any]], Any] | None
    """None: nothing comes back."""

    def values(self, given: dict[str, Any]) -> list[Any] | dict[str, Any]:
        values = {**given, **self.fixed}
        for name, convert in self.converted:
            values[name] = convert(values[name])
        return [values[name] for name in self.names] if self.by_order else values


def run(connection: sa.Connection, sql: str, values: list[Any] | dict[str, Any]) -> Any:
    """The driver's cursor after a statement of the transaction that is under way. Raises what
    SQLAlchemy raises for the driver's errors: IntegrityError and other DBAPIErrors."""
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(sql, values)
    except connection.dialect.loaded_dbapi.Error as error:
        raise raised(connection, error) from None


def raised(connection: sa.Connection, error: Exception) -> DBAPIError:
    """What SQLAlchemy raises for an error of the driver; a connection that broke is given up."""
    dialect: Any = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection, None)
    if lost:
        connection.invalidate(error)
    found = DBAPIError.instance(
        None,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
    assert isinstance(found, DBAPIError), "there is no other for a driver's error"
    return found


def _made_ready(statement: Statement, dialect: Dialect) -> _Ready:
    compiled: Any = statement.compile(dialect=dialect)
    names = tuple(compiled.positiontup if compiled.positional else compiled.bind_names.values())
    fixed: dict[str, Any] = {}
    converted: list[tuple[str, Convert]] = []
    for bind, name in compiled.bind_names.items():
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if not bind.required:
            fixed[name] = bind.value if convert is None else convert(bind.value)
        elif convert is not None:
            converted.append((name, convert))
    return _Ready(
        sql=str(compiled),
        names=names,
        by_order=compiled.positional,
        fixed=fixed,
        converted=tuple(converted),
        row=_row(tuple(statement.exported_columns), dialect),
    )


def _row(
    columns: Sequence[sa.ColumnElement[Any]], dialect: Dialect
) -> Callable[[Iterable[Any]], Any] | None:
    if not columns:
        return None
    shape = namedtuple("Row", [str(column.key) for column in columns])  # type: ignore[misc]
    found = [
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
    ]
    converted = [(at, convert) for at, convert in enumerate(found) if convert is not None]
    return partial(_shaped, shape._make, converted) if converted else shape._make


def _shaped(
    shape: Callable[[Iterable[Any]], Any],
    converted: Iterable[tuple[int, Convert]],
    row: Iterable[Any],
) -> Any:
    values = list(row)
    for at, convert in converted:
        values[at] = convert(values[at])
    return shape(values)
