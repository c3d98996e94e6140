"""Statements handed to the driver do what SQLAlchemy would have done with them."""

import datetime as dt
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.tools.desk import NOW
from tools.quick import Quick
from tools.receipts import RECEIPTS
from tools.spec import BackendError, ToolRefusal
from tools.store import CommitUnknownError, Store, open_store

NAMES = ("call_id", "tool", "effect", "standing", "idempotency_key", "started_at", "deadline_at")
INSERT = Quick(
    sa.insert(RECEIPTS)
    .values({"state": "started", **{name: sa.bindparam(name) for name in NAMES}})
    .returning(RECEIPTS.c.id)
)
SELECT = sa.select(RECEIPTS).where(RECEIPTS.c.call_id == sa.bindparam("whose"))
QUICK = Quick(SELECT.order_by(RECEIPTS.c.id))
TOUCH = Quick(
    sa.update(RECEIPTS)
    .where(RECEIPTS.c.call_id == sa.bindparam("whose"))
    .values(output=sa.bindparam("output"))
)


def insert(connection: sa.Connection, call: str, standing: str | None = None) -> int:
    london = dt.timezone(dt.timedelta(hours=1))
    given: dict[str, Any] = {"call_id": call, "tool": "book", "effect": call, "standing": standing}
    given |= {"started_at": NOW.astimezone(london), "deadline_at": NOW}
    (row,) = INSERT.rows(connection, idempotency_key="100 %(s) ?", **given)
    return int(row.id)


def calls(store: Store) -> list[str]:
    query = sa.select(RECEIPTS.c.call_id).order_by(RECEIPTS.c.id)
    return store.read(lambda connection: list(connection.execute(query).scalars()))


def test_what_the_driver_wrote_and_read_is_what_sqlalchemy_reads(store: Store) -> None:
    number = store.write(lambda connection: insert(connection, "CA1"))

    def both(connection: sa.Connection) -> tuple[Any, Any]:
        return QUICK.rows(connection, whose="CA1"), connection.execute(SELECT, {"whose": "CA1"})

    quick, slow = store.read(lambda c: tuple(tuple(map(tuple, each)) for each in both(c)))
    assert quick == slow
    (row,) = store.read(lambda connection: QUICK.rows(connection, whose="CA1"))
    assert (row.id, row.idempotency_key, row.output) == (number, "100 %(s) ?", None)
    assert row.started_at == NOW
    assert row.started_at.utcoffset() == dt.timedelta(0)
    assert store.read(lambda connection: QUICK.rows(connection, whose="CA2")) == []


def test_how_many_rows_a_change_found_is_told(store: Store) -> None:
    def changes(connection: sa.Connection) -> list[int]:
        insert(connection, "CA1")
        touched = [TOUCH.changed(connection, whose=whose, output="x") for whose in ("CA1", "CA2")]
        gone = Quick(sa.delete(RECEIPTS).where(RECEIPTS.c.call_id == sa.bindparam("whose")))
        return [
            *touched,
            gone.changed(connection, whose="CA1"),
            len(QUICK.rows(connection, whose="CA1")),
        ]

    assert store.write(changes) == [1, 0, 1, 0]


def test_both_kinds_of_statement_are_one_transaction(store: Store) -> None:
    plain = sa.update(RECEIPTS).values(tool="moved")

    def work(connection: sa.Connection, *, fails: bool = False) -> None:
        insert(connection, "CA1")
        connection.execute(plain)
        insert(connection, "CA2")
        if fails:
            raise ToolRefusal("no")

    with pytest.raises(ToolRefusal):
        store.write(lambda connection: work(connection, fails=True))
    assert calls(store) == []
    store.write(work)
    assert calls(store) == ["CA1", "CA2"]
    found = store.read(lambda connection: QUICK.rows(connection, whose="CA1"))
    assert found[0].tool == "moved"


def test_what_was_not_committed_is_gone(store: Store) -> None:
    def work(connection: sa.Connection) -> None:
        insert(connection, "CA1")
        raise ToolRefusal("no")

    with pytest.raises(ToolRefusal):
        store.write(work)
    assert calls(store) == []
    assert store.write(lambda connection: TOUCH.rows(connection, whose="CA1", output="x")) == []


def test_a_key_that_is_taken_is_an_integrity_error(store: Store) -> None:
    store.write(lambda connection: insert(connection, "CA1", "taken"))
    with pytest.raises(IntegrityError) as caught:
        store.write(lambda connection: insert(connection, "CA2", "taken"))
    assert "CA2" not in str(caught.value)
    assert calls(store) == ["CA1"]


def test_who_is_too_late_looks_again(store: Store) -> None:
    meet = threading.Barrier(2)
    made: list[str] = []

    def work(connection: sa.Connection) -> str:
        taken = connection.execute(sa.select(RECEIPTS.c.standing)).scalars().all()
        if taken:
            return "late"
        if store.engine.dialect.name == "postgresql" and not made:
            # On SQLite one waits for the other from the start.
            meet.wait(5)
        insert(connection, "CA1", "one")
        return "first"

    def run() -> None:
        made.append(store.contend(work, "key"))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["first", "late"]
    assert calls(store) == ["CA1"]


def test_a_statement_the_database_refuses_is_a_backend_error_that_names_no_data(
    plain: Store,
) -> None:
    gone = sa.Table("nothing_here", sa.MetaData(), sa.Column("secret", sa.Text))
    look = Quick(sa.select(gone).where(gone.c.secret == sa.bindparam("wanted")))

    def work(connection: sa.Connection) -> None:
        with pytest.raises(DBAPIError) as caught:
            look.rows(connection, wanted="hunter2")
        assert "hunter2" not in str(caught.value)
        look.rows(connection, wanted="hunter2")

    with pytest.raises(BackendError) as caught:
        plain.write(work)
    assert "nothing_here" not in str(caught.value)


def killed(other: Store, pid: int) -> None:
    other.write(lambda c: c.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid}))


PID = Quick(sa.select(sa.func.pg_backend_pid().label("pid")))


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_fault_s1_a_connection_lost_in_the_middle_is_replaced(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, other, tried = open_store(store_url), open_store(store_url), []

    def work(connection: sa.Connection) -> int:
        (row,) = PID.rows(connection)
        tried.append(row.pid)
        if len(tried) == 1:
            killed(other, row.pid)
        return insert(connection, "CA1")

    store.write(work)
    assert len(tried) == 2
    assert tried[0] != tried[1]
    # The pool does not try to tidy up what is broken.
    assert "sqlalchemy" not in "".join(record.name for record in caplog.records)
    assert calls(store) == ["CA1"]
    store.close()
    other.close()


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_fault_s5_a_connection_lost_while_committing_leaves_doubt(store_url: str) -> None:
    store, other = open_store(store_url), open_store(store_url)

    def dies(connection: sa.Connection) -> None:
        (row,) = PID.rows(connection)
        insert(connection, "CA1")
        killed(other, row.pid)

    with pytest.raises(CommitUnknownError):
        store.write(dies)
    assert calls(store) == []
    store.close()
    other.close()


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_fault_s7_two_that_lock_each_other_both_get_through(store: Store) -> None:
    meet, tries = threading.Barrier(2), []
    for call in ("CA1", "CA2"):
        store.write(lambda connection, call=call: insert(connection, call))  # type: ignore[misc]

    def cross(first: str, second: str) -> None:
        def work(connection: sa.Connection) -> None:
            tries.append(first)
            TOUCH.rows(connection, whose=first, output="x")
            if len(tries) <= 2:
                meet.wait(5)
            TOUCH.rows(connection, whose=second, output="x")

        store.write(work)

    pairs = (("CA1", "CA2"), ("CA2", "CA1"))
    threads = [threading.Thread(target=cross, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) == 3
