"""Brings a database to the tables this code expects."""

from enum import Enum
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from tools.config import ConfigError
from tools.store import WHERE, Store

# Any number will do, so long as nothing else on the same server uses it as an advisory lock.
LOCK = 5_736_320_114
SCRIPTS = Path(__file__).parent / "migrations"


def migrate(store: Store) -> None:
    """Create or upgrade the tables, all or nothing; safe in several processes at once.

    The second process waits for the first and then finds nothing to do. Raises ConfigError for
    a database that a newer version of the program has upgraded, BackendError when it cannot be
    reached.
    """
    store.write(_upgrade)


def revision_of(store: Store) -> str | None:
    """Which revision the database is at; None before the first."""
    return store.read(
        lambda connection: MigrationContext.configure(connection).get_current_revision()
    )


class Fit(Enum):
    """How a database stands to the tables this code expects."""

    NEW = "new"
    """There are none yet."""
    EARLIER = "earlier"
    SAME = "same"
    UNKNOWN = "unknown"
    """A newer version of the program has upgraded it."""


def fit(revision: str | None) -> Fit:
    """What `migrate` would find of a database at this revision."""
    scripts = ScriptDirectory(str(SCRIPTS))
    if revision is None:
        return Fit.NEW
    if revision == scripts.get_current_head():
        return Fit.SAME
    known = {script.revision for script in scripts.walk_revisions()}
    return Fit.EARLIER if revision in known else Fit.UNKNOWN


def _upgrade(connection: sa.Connection) -> None:
    # SQLite: the transaction began IMMEDIATE and is itself the lock.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = '120s'")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    _refuse_newer(connection, ScriptDirectory.from_config(config))
    command.upgrade(config, "head")


def _refuse_newer(connection: sa.Connection, scripts: ScriptDirectory) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return
    try:
        scripts.get_revision(current)
    except CommandError:
        raise ConfigError(
            WHERE,
            f"the database is at revision {current}, which this version does not know",
            "Run the newer version of Frontdesk that upgraded it, or restore a backup",
        ) from None
