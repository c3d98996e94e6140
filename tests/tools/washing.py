"""Makes a PostgreSQL database of a test that is over what it was before, for the next test."""

import psycopg
from psycopg import sql

_SHAPE = """
    SELECT md5(string_agg(
        concat_ws(' ', class.relname, class.relkind, attribute.attname, attribute.atttypid), ', '
        ORDER BY class.relname, attribute.attname
    ))
    FROM pg_class class LEFT JOIN pg_attribute attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace
"""
"""Stands for every table and index with its columns."""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_COUNTERS = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_COUNTED = """
    SELECT DISTINCT owner.relname FROM pg_depend depend
    JOIN pg_class owner ON owner.oid = depend.refobjid
    JOIN pg_class counter ON counter.oid = depend.objid AND counter.relkind = 'S'
    JOIN pg_sequences used ON used.sequencename = counter.relname
    WHERE depend.deptype IN ('a', 'i') AND used.last_value IS NOT NULL
"""
"""Tables that have given out numbers for their rows."""


class Wash:
    """Knows the migrated database at `url`, which all others are copies of."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            self._shape = connection.execute(_SHAPE).fetchall()
            self._counters = connection.execute(_COUNTERS).fetchall()
            tables = [str(name) for (name,) in connection.execute(_TABLES)]
            rows = {name: _rows(connection, name) for name in tables}
        self._first = {name: found for name, found in rows.items() if found}
        self._question = _question([name for name in tables if name not in self._first])

    def washed(self, url: str) -> bool:
        """Whether the database is as new now; one that is not is not to be used again.

        To make a new one takes PostgreSQL several times as long: it is hundreds of files.
        """
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.execute(_OTHERS).fetchall() != [(0,)]:
                return False
            if connection.execute(_SHAPE).fetchall() != self._shape:
                return False
            self._wash(connection)
            return connection.execute(_COUNTERS).fetchall() == self._counters

    def _wash(self, connection: psycopg.Connection) -> None:
        used = [str(name) for (name,) in connection.execute(self._question)]
        used += self._otherwise(connection)
        if used:
            names = sql.SQL(", ").join(map(sql.Identifier, used))
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
        for name in self._otherwise(connection):
            into = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
            with connection.cursor().copy(into) as copy:
                copy.write(self._first[name])

    def _otherwise(self, connection: psycopg.Connection) -> list[str]:
        """Tables that had rows from the first, and now have others."""
        return [name for name, rows in self._first.items() if _rows(connection, name) != rows]


def _question(empty: list[str]) -> sql.Composed:
    """Which of the tables that were empty have, or have had, rows?"""
    each = (
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(
            sql.Literal(name), sql.Identifier(name)
        )
        for name in empty
    )
    listed = sql.SQL(" AND owner.relname = ANY({})").format(sql.Literal(empty))
    return sql.SQL(" UNION ").join([*each, sql.SQL(_COUNTED) + listed])


def _rows(connection: psycopg.Connection, table: str) -> bytes:
    """All of it."""
    out = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
    with connection.cursor().copy(out) as copy:
        return b"".join(bytes(part) for part in copy)
