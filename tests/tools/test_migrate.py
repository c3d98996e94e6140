"""Migrations: from nothing, twice at once, and never backwards."""

import datetime as dt
import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import tools.booking.tables
import tools.crm.tables
import tools.receipts
import tools.versions.tables
from tools.config import ConfigError
from tools.migrate import migrate, revision_of
from tools.schema import METADATA, Instant
from tools.store import Store, open_store


def test_an_empty_database_gets_exactly_the_tables_the_code_declares(store: Store) -> None:
    assert tools.booking.tables.BOOKINGS.metadata is METADATA
    assert tools.crm.tables.CONTACTS.metadata is METADATA
    assert tools.receipts.RECEIPTS.metadata is METADATA
    assert tools.versions.tables.VERSIONS.metadata is METADATA
    found = store.read(
        lambda connection: compare_metadata(MigrationContext.configure(connection), METADATA)
    )
    assert found == []


def test_migrating_again_changes_nothing(store: Store) -> None:
    before = revision_of(store)
    migrate(store)
    assert revision_of(store) == before


def test_eight_starts_at_once_all_succeed(database_url: str) -> None:
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def start() -> None:
        own = open_store(database_url)
        barrier.wait()
        try:
            migrate(own)
        except BaseException as error:
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_database_from_the_future_is_refused(store: Store) -> None:
    store.write(
        lambda connection: connection.execute(
            sa.text("UPDATE alembic_version SET version_num = '9999'")
        )
    )
    with pytest.raises(ConfigError, match="revision 9999, which this version does not know"):
        migrate(store)


def test_a_failed_migration_leaves_nothing_behind(database_url: str) -> None:
    store = open_store(database_url)
    store.write(lambda connection: connection.execute(sa.text("CREATE TABLE notes (id INTEGER)")))
    with pytest.raises(Exception, match=r"OperationalError|DuplicateTable"):
        migrate(store)
    names = store.read(lambda connection: sa.inspect(connection).get_table_names())
    assert names == ["notes"]
    store.close()


def test_moments_come_back_in_utc_and_nothing_stays_nothing(store: Store) -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    table = sa.Table("moments", sa.MetaData(), sa.Column("at", Instant))
    at = dt.datetime(2026, 3, 4, 1, 30, tzinfo=tokyo)

    def work(connection: sa.Connection) -> list[dt.datetime | None]:
        table.create(connection)
        connection.execute(sa.insert(table), [{"at": at}, {"at": None}])
        return list(connection.execute(sa.select(table.c.at)).scalars())

    assert store.write(work) == [dt.datetime(2026, 3, 3, 16, 30, tzinfo=dt.UTC), None]
