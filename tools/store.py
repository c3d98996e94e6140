"""Where everything durable lives: one SQL database, SQLite by default, PostgreSQL by URL."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from tools.config import ConfigError
from tools.quick import raised, run
from tools.spec import BackendError
from tools.threads import LEDGER_THREADS, TOOL_THREADS

WHERE = "FRONTDESK_DATABASE_URL"
EXAMPLES = "Use sqlite:////var/lib/frontdesk/frontdesk.db or postgresql://user:password@host/name"
BUSY_MS = 3_000
POOL_S = 2
POOL_SIZE = TOOL_THREADS + LEDGER_THREADS + 2
"""A tool that is slow in the database must not keep the ledger waiting for a connection."""
ATTEMPTS = 5
PAUSE_S = 0.1
LOOKS = 3
"""Often enough where the one who was quicker is found at the next look."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization_failure,
# deadlock_detected, lock_not_available.
RETRYABLE = {"40001", "40P01", "55P03"}

T = TypeVar("T")


class UnreachableError(BackendError):
    """The database itself cannot be asked, or refuses; nothing was changed."""

    def __init__(self, message: str, *, permanent: bool, code: str = "") -> None:
        """`code`: of SQLite by its name, of PostgreSQL its SQLSTATE; empty for neither."""
        super().__init__(message, permanent=permanent)
        self.code = code


class CommitUnknownError(Exception):
    """The connection broke while committing: the change may or may not have been made."""


class Store:
    """One database. Every method blocks: call it from a thread, never from the event loop."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """`work` in a read-only transaction; BackendError when the database cannot be asked."""
        return self._attempt(work, writes=False)

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """`work` in one short transaction, committed on return.

        `work` may run more than once (deadlock, lock, lost connection) and must do nothing but
        use the connection. What it raises rolls everything back and is passed on. Raises
        BackendError when nothing was changed, CommitUnknownError when that cannot be known.
        """
        return self._attempt(work, writes=True)

    def contend(self, work: Callable[[sa.Connection], T], what: str, looks: int = LOOKS) -> T:
        """`write` for work that looks before it changes, and looks again when it was too late.

        Somebody else may take a unique key between the look and the change; the next look finds
        them. Raises also BackendError, naming `what`, when it was too late every time.
        """
        for _ in range(looks):
            try:
                return self.write(work)
            except IntegrityError:
                continue
        raise BackendError(f"{what} contended", permanent=False)

    def _attempt(self, work: Callable[[sa.Connection], T], *, writes: bool) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(work, writes=writes)
            except IntegrityError:
                raise
            except SQLAlchemyError as error:
                if attempt == ATTEMPTS or not _passes(error):
                    what, code = _safe(error), _code(error)
                    raise UnreachableError(what, permanent=False, code=code) from None
                time.sleep(PAUSE_S * attempt)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, work: Callable[[sa.Connection], T], *, writes: bool) -> T:
        # A connection that goes back to the pool without a commit is rolled back there.
        with self.engine.connect() as connection:
            _begin(connection, writes=writes)
            found = work(connection)
            _commit(connection)
            return found

    def close(self) -> None:
        """Close every connection; the store must not be used again."""
        self.engine.dispose()


def _begin(connection: sa.Connection, *, writes: bool) -> None:
    """PostgreSQL begins by itself with the first statement."""
    if connection.dialect.name == "sqlite":
        # A deferred transaction that turns into a writer fails at once when another has written.
        run(connection, "BEGIN IMMEDIATE" if writes else "BEGIN", [])


def _commit(connection: sa.Connection) -> None:
    try:
        if connection.in_transaction():
            connection.commit()
        else:
            _commit_quickly(connection)
    except DBAPIError as error:
        # Only a connection that broke leaves doubt: a refused commit has changed nothing.
        if error.connection_invalidated:
            raise CommitUnknownError(_safe(error)) from None
        raise


def _commit_quickly(connection: sa.Connection) -> None:
    """SQLAlchemy ran none of the statements (see tools.quick): it knows of nothing to commit."""
    dialect = connection.dialect
    try:
        dialect.do_commit(connection.connection)
    except dialect.loaded_dbapi.Error as error:
        raise raised(connection, error) from None


def _passes(error: SQLAlchemyError) -> bool:
    """Whether trying the whole transaction again may help."""
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.OperationalError):
        return any(word in str(error.orig) for word in ("locked", "busy"))
    return error.connection_invalidated or getattr(error.orig, "sqlstate", "") in RETRYABLE


def _safe(error: SQLAlchemyError) -> str:
    """What happened, without statement, parameters or address: those hold callers' data."""
    orig = getattr(error, "orig", None)
    return f"{type(orig or error).__name__} {_code(error)}".strip()


def _code(error: SQLAlchemyError) -> str:
    orig = getattr(error, "orig", None)
    return getattr(orig, "sqlstate", None) or getattr(orig, "sqlite_errorname", None) or ""


def open_store(url: str) -> Store:
    """A store for `url`; connects only when used. Raises ConfigError without the password."""
    parsed = _parsed(url)
    return Store(_sqlite(parsed) if parsed.drivername == "sqlite" else _postgresql(parsed))


def sqlite_file(url: str) -> Path | None:
    """Where the database lies, be it there or not; None for PostgreSQL. Raises ConfigError for a
    URL that `open_store` would refuse."""
    parsed = _parsed(url)
    return Path(str(parsed.database)) if parsed.drivername == "sqlite" else None


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    # make_url lets the ValueError of a port that is no number out as it is.
    except (ArgumentError, ValueError):
        raise ConfigError(WHERE, "is not a database URL", EXAMPLES) from None
    match parsed.drivername:
        case "sqlite":
            if not parsed.database or parsed.database == ":memory:" or parsed.query:
                raise ConfigError(WHERE, "needs a plain file for SQLite", EXAMPLES)
            return parsed
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return parsed
    raise ConfigError(WHERE, f"names the unknown database {parsed.drivername!r}", EXAMPLES)


def _sqlite(url: sa.URL) -> sa.Engine:
    folder = Path(str(url.database)).resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            WHERE, f"the folder {folder} cannot be made ({error.strerror})", EXAMPLES
        ) from None
    engine = sa.create_engine(
        url,
        connect_args={"timeout": BUSY_MS / 1000},
        pool_size=POOL_SIZE,
        pool_timeout=POOL_S,
        hide_parameters=True,
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # sqlite3 would begin transactions by its own rules; BEGIN is ours (see _begin_sqlite).
    connection.isolation_level = None
    # NORMAL may lose the last commits in a power cut, and a told success must not be lost.
    for pragma in (f"busy_timeout={BUSY_MS}", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    _switch_to_wal(connection)


def _switch_to_wal(connection: Any) -> None:
    # The busy timeout does not cover this switch when two processes open a new file at once.
    for attempt in range(1, ATTEMPTS * 4):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(PAUSE_S * attempt)
        else:
            return
    raise sqlite3.OperationalError("database is locked")


def _begin_sqlite(connection: sa.Connection) -> None:
    """For whoever takes a connection of the engine itself; a store has begun before."""
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        driver.execute("BEGIN IMMEDIATE")


def _postgresql(url: sa.URL) -> sa.Engine:
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": 3,
            "options": f"-c statement_timeout=5000 -c lock_timeout={BUSY_MS} -c timezone=UTC",
            "tcp_user_timeout": 5_000,
        },
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        pool_timeout=POOL_S,
        hide_parameters=True,
    )
