"""Migrations: from nothing, twice at once, and never backwards."""

import datetime as dt
import threading

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import telephony.console.access.tables
import tools.approvals
import tools.booking.caldav.tables
import tools.booking.tables
import tools.calls.tables
import tools.costbook
import tools.crm.tables
import tools.hooks.tables
import tools.livecalls
import tools.receipts
import tools.rollout.tables
import tools.rollups
import tools.versions.tables
from telephony.transcripts.index import tables as calls
from tools.config import ConfigError
from tools.crm.contacts import Contacts, Note
from tools.migrate import SCRIPTS, migrate, revision_of
from tools.names import name_key
from tools.schema import METADATA, Instant
from tools.spec import ToolContext
from tools.store import Store, open_store


def test_an_empty_database_gets_exactly_the_tables_the_code_declares(store: Store) -> None:
    assert telephony.console.access.tables.USERS.metadata is METADATA
    assert tools.approvals.APPROVALS.metadata is METADATA
    assert tools.booking.caldav.tables.EVENTS.metadata is METADATA
    assert tools.booking.tables.BOOKINGS.metadata is METADATA
    assert tools.calls.tables.MESSAGES.metadata is METADATA
    assert calls.CALLS.metadata is METADATA
    assert tools.costbook.CALL_COSTS.metadata is METADATA
    assert tools.crm.tables.CONTACTS.metadata is METADATA
    assert tools.hooks.tables.EVENTS.metadata is METADATA
    assert tools.livecalls.LIVE_CALLS.metadata is METADATA
    assert tools.receipts.RECEIPTS.metadata is METADATA
    assert tools.rollout.tables.ROLLOUTS.metadata is METADATA
    assert tools.rollups.ROLLUPS.metadata is METADATA
    assert tools.versions.tables.VERSIONS.metadata is METADATA
    options = {"include_name": lambda name, _kind, _parents: not _words(name)}
    found = store.read(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts=options), METADATA
        )
    )
    assert found == []


def _words(name: str | None) -> bool:
    """FTS5's tables and PostgreSQL's index of words are declared in the migration alone."""
    return (name or "").startswith((calls.WORDS, "ix_call_texts_words"))


def _upgrade_to(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_migrating_again_changes_nothing(store: Store) -> None:
    before = revision_of(store)
    migrate(store)
    assert revision_of(store) == before == ScriptDirectory(str(SCRIPTS)).get_current_head()


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


def test_names_written_before_are_found_as_they_sound(database_url: str) -> None:
    store = open_store(database_url)
    store.write(lambda connection: _upgrade_to(connection, "calendar_read_for"))
    name, old_key = "Mary-Jane O\u2019Neil", "mary-jane o\u2019neil"
    at = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
    moments = dict.fromkeys(("created_at", "changed_at", "starts_at"), at)
    keys = {"id": "id1", "idempotency_key": "k1", "call_id": "CA1", "state": "booked"}
    booked = {"service": "haircut", "minutes": 45, "zone": "UTC", "revision": 1}
    waits = {"service": "haircut", "day": "2026-03-04", "from_minute": 0, "to_minute": 1440}
    person = {"id": 7, "email": "", "email_key": "", "email_proven": False, "language": ""}
    rows = {
        tools.booking.tables.BOOKINGS: {**moments, **keys, **booked},
        tools.booking.tables.WAITING: {**moments, **keys, **waits, "party": 1},
        tools.crm.tables.CONTACTS: {**moments, **person},
    }

    def fill(connection: sa.Connection) -> None:
        for table, values in rows.items():
            known = {key: value for key, value in values.items() if key in table.c}
            connection.execute(sa.insert(table).values(**known, name=name, name_key=old_key))

    store.write(fill)
    migrate(store)
    for table in rows:
        query = sa.select(table.c.name, table.c.name_key)
        found = store.read(lambda on, query=query: on.execute(query).one())  # type: ignore[misc]
        assert tuple(found) == (name, name_key(name)) == (name, "mary jane oneil")
    store.close()


def test_contacts_of_the_first_tables_are_carried_over(database_url: str) -> None:
    store = open_store(database_url)
    at = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
    store.write(lambda connection: _upgrade_to(connection, "0001"))
    old = sa.MetaData()
    store.write(lambda c: old.reflect(c, only=["contacts", "notes"]))
    moment = at if store.engine.dialect.name == "postgresql" else at.replace(tzinfo=None)
    person = {"number": "+442079460001", "name": "Ann L\u00e9e", "email": "Ann@Example.com"}
    dates = {"created_at": moment, "changed_at": moment}
    note = {"idempotency_key": "k1", "contact_id": 7, "call_id": "CA1", "text": "Tea."}

    def fill(connection: sa.Connection) -> None:
        connection.execute(sa.insert(old.tables["contacts"]).values(id=7, **person, **dates))
        connection.execute(sa.insert(old.tables["notes"]).values(id=9, **note, created_at=moment))

    store.write(fill)
    migrate(store)
    contacts = Contacts(store)
    (found,) = contacts.search("lee").contacts
    assert found == contacts.find("+442079460001")
    assert (found.id, found.name, found.email) == (7, "Ann L\u00e9e", "Ann@Example.com")
    assert not found.email_proven
    assert contacts.search("ann@example.COM").contacts == (found,)
    assert contacts.notes(found) == [Note("Tea.", at, "CA1")]
    # The next ones get ids of their own.
    made = contacts.save("+442079460002", at, name="Bo")
    assert made.id > 7
    contacts.add_note("+442079460002", "Coffee.", ToolContext("CA2", None, at, "k2"))
    store.close()
