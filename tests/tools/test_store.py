"""The database, by URL: the same rules on SQLite and PostgreSQL."""

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from tools.config import ConfigError
from tools.migrate import migrate
from tools.spec import BackendError, ToolRefusal
from tools.store import POOL_SIZE, CommitUnknownError, Store, _switch_to_wal, open_store

CONTACT = sa.text(
    "INSERT INTO contacts (name, name_key, email, email_key, email_proven, language, created_at,"
    " changed_at) VALUES (:n, '', '', '', false, '', :t, :t)"
)
NUMBER = sa.text(
    "INSERT INTO contact_numbers (number, contact_id, added_at)"
    " SELECT :n, max(id), :t FROM contacts"
)


def add(connection: sa.Connection, number: str) -> None:
    for statement in (CONTACT, NUMBER):
        connection.execute(statement, {"n": number, "t": "2026-03-03 08:00:00"})


def count(store: Store) -> int:
    query = sa.text("SELECT count(*) FROM contact_numbers")
    return int(store.read(lambda connection: connection.execute(query).scalar_one()))


def add_number(store: Store, number: str) -> None:
    store.write(lambda connection: add(connection, number))


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "is not a database URL"),
        ("frontdesk.db", "is not a database URL"),
        ("mysql://me:hunter2@db/x", "names the unknown database 'mysql'"),
        ("postgresql+asyncpg://me:hunter2@db/x", "names the unknown database 'postgresql+asyncpg'"),
        ("postgresql://me:hunter2@db:port/x", "is not a database URL"),
        ("sqlite://", "needs a plain file"),
        ("sqlite:///:memory:", "needs a plain file"),
        ("sqlite:////proc/none/a.db", "the folder /proc/none cannot be made"),
    ],
)
def test_a_bad_url_is_told_without_its_password(url: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert caught.value.where == "FRONTDESK_DATABASE_URL"
    assert what in caught.value.what
    assert "hunter2" not in str(caught.value)


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/deep/er/frontdesk.db")
    migrate(store)
    store.close()
    assert (tmp_path / "deep" / "er" / "frontdesk.db").exists()


def test_sqlite_runs_with_a_write_ahead_log_foreign_keys_and_full_safety(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/frontdesk.db")
    pragmas = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
    found = store.read(
        lambda c: [c.exec_driver_sql(f"PRAGMA {each}").scalar_one() for each in pragmas]
    )
    assert found == ["wal", 1, 2, 3000]
    store.close()


def test_what_is_written_is_there_and_what_raises_is_not(store: Store) -> None:
    def refused(connection: sa.Connection) -> None:
        add(connection, "+2")
        raise ToolRefusal("no")

    store.write(lambda connection: add(connection, "+1"))
    with pytest.raises(ToolRefusal):
        store.write(refused)
    assert count(store) == 1


def test_a_broken_constraint_is_the_callers_to_judge(store: Store) -> None:
    store.write(lambda connection: add(connection, "+1"))
    with pytest.raises(IntegrityError):
        store.write(lambda connection: add(connection, "+1"))
    assert count(store) == 1


def test_a_failing_statement_is_a_backend_error_that_names_no_data(store: Store) -> None:
    with pytest.raises(BackendError) as caught:
        store.read(
            lambda connection: connection.execute(sa.text("SELECT 'secret' FROM nothing_here"))
        )
    assert "secret" not in str(caught.value)
    assert "nothing_here" not in str(caught.value)
    assert not caught.value.permanent


def test_foreign_keys_hold(store: Store) -> None:
    orphan = sa.text(
        "INSERT INTO booked_cells (resource, cell, booking_id) VALUES ('x', 1, 'none')"
    )
    with pytest.raises(IntegrityError):
        store.write(lambda connection: connection.execute(orphan))


def test_many_writers_at_once_all_get_through(store: Store) -> None:
    barrier = threading.Barrier(6)
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        barrier.wait()
        try:
            for number in range(10):
                add_number(store, f"+{writer}-{number}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(store) == 60


def test_fault_s4_a_lock_held_elsewhere_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "frontdesk.db"
    store = open_store(f"sqlite:///{path}")
    migrate(store)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            held.set()
            release.wait(5)
            other.execute("COMMIT")

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(5)
    threading.Timer(0.2, release.set).start()
    store.write(lambda connection: add(connection, "+1"))
    thread.join()
    assert count(store) == 1
    store.close()


def test_fault_s3_with_every_connection_in_use_a_caller_is_told_soon(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.engine.pool, "_timeout", 0.05)
    held = [store.engine.connect() for _ in range(POOL_SIZE + 10)]
    with pytest.raises(BackendError, match="TimeoutError"):
        count(store)
    for connection in held:
        connection.close()
    assert count(store) == 0


class Locked:
    """A connection whose switch to WAL meets another process so many times."""

    def __init__(self, times: int, message: str = "database is locked") -> None:
        self.left = times
        self.message = message

    def execute(self, _statement: str) -> None:
        self.left -= 1
        if self.left >= 0:
            raise sqlite3.OperationalError(self.message)


def test_the_switch_to_wal_waits_for_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("tools.store.time.sleep", naps.append)
    _switch_to_wal(Locked(2))
    assert naps == [0.1, 0.2]
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        _switch_to_wal(Locked(1_000))
    with pytest.raises(sqlite3.OperationalError, match="disk"):
        _switch_to_wal(Locked(1, "disk I/O error"))


def test_fault_s7_two_transactions_that_lock_each_other_both_succeed(store: Store) -> None:
    for number in ("+1", "+2"):
        add_number(store, number)
    # On SQLite one waits for the other from the start, so the meeting is only on PostgreSQL.
    meet = threading.Barrier(2) if store.engine.dialect.name == "postgresql" else None
    touch = sa.text("UPDATE contacts SET email = email || 'x' WHERE name = :n")
    tries: list[str] = []

    def cross(first: str, second: str) -> None:
        def work(connection: sa.Connection) -> None:
            tries.append(first)
            connection.execute(touch, {"n": first})
            if meet and len(tries) <= 2:
                meet.wait(5)
            connection.execute(touch, {"n": second})

        store.write(work)

    threads = [threading.Thread(target=cross, args=pair) for pair in (("+1", "+2"), ("+2", "+1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = store.read(
        lambda c: c.execute(sa.text("SELECT email FROM contacts ORDER BY name")).scalars().all()
    )
    assert names == ["xx", "xx"]
    assert len(tries) == (3 if meet else 2)


@pytest.fixture
def refused_port() -> Iterator[int]:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_fault_x10_a_database_that_is_down_is_a_backend_error_without_the_password(
    refused_port: int,
) -> None:
    store = open_store(f"postgresql://me:hunter2@127.0.0.1:{refused_port}/x")
    with pytest.raises(BackendError) as caught:
        store.write(lambda connection: add(connection, "+1"))
    assert "hunter2" not in str(caught.value)
    store.close()


def test_fault_s1_connections_the_server_dropped_are_replaced(postgres_url: str) -> None:
    store = open_store(postgres_url)
    own = store.read(lambda c: c.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
    other = open_store(postgres_url)
    other.write(lambda c: c.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": own}))
    assert store.read(lambda c: c.execute(sa.text("SELECT 1")).scalar_one()) == 1
    store.close()
    other.close()


def test_fault_s5_a_connection_lost_while_committing_leaves_doubt(postgres_url: str) -> None:
    store = open_store(postgres_url)
    other = open_store(postgres_url)

    def dies(connection: sa.Connection) -> None:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        other.write(lambda c: c.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid}))

    with pytest.raises(CommitUnknownError):
        store.write(dies)
    store.close()
    other.close()


def test_a_refused_commit_has_changed_nothing(postgres_url: str) -> None:
    store = open_store(postgres_url)
    deferred = "other int REFERENCES late(id) DEFERRABLE INITIALLY DEFERRED"
    table = f"CREATE TABLE late (id int PRIMARY KEY, {deferred})"
    store.write(lambda c: c.execute(sa.text("DROP TABLE IF EXISTS late")))
    store.write(lambda c: c.execute(sa.text(table)))
    with pytest.raises(IntegrityError):
        store.write(lambda c: c.execute(sa.text("INSERT INTO late VALUES (1, 2)")))
    assert store.read(lambda c: c.execute(sa.text("SELECT count(*) FROM late")).scalar_one()) == 0
    store.close()


def test_statements_hide_their_parameters(store: Store) -> None:
    def work(connection: sa.Connection) -> None:
        with pytest.raises(DBAPIError) as caught:
            connection.execute(sa.text("SELECT :secret FROM nothing_here"), {"secret": "hunter2"})
        assert "hunter2" not in str(caught.value)

    store.read(work)
