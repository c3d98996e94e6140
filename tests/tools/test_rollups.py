"""Each call is counted once, however often and by however many it is brought."""

import datetime as dt
import threading

import pytest
import sqlalchemy as sa

from tools.counts import Counted, Row
from tools.rollups import COUNTED, Rollups
from tools.spec import BackendError
from tools.store import Store, open_store

NOW = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)
HOUR, DAY = "2026-11-20T15", "2026-11-20"


def row(span: str = HOUR, persona: str = "desk", count: int = 1, **buckets: int) -> Row:
    found = {int(name[1:]): number for name, number in buckets.items()}
    return Row(span, persona, "turn", "all", count, 100 * count, found)


def call(call_id: str, *rows: Row) -> Counted:
    return Counted(call_id, rows or (row(b7=1),))


def test_calls_add_up(store: Store) -> None:
    book = Rollups(store)
    new = book.add([call("CA1"), call("CA2", row(b7=1, b9=2, count=3), row(DAY))], NOW)
    assert new == {"CA1", "CA2"}
    book.add([call("CA3", row(b9=1))], NOW)
    assert book.between(HOUR, HOUR) == [row(b7=2, b9=3, count=5)]
    assert book.between(DAY, DAY) == [row(DAY)]


def test_a_call_that_was_counted_is_not_again(store: Store) -> None:
    book = Rollups(store)
    told: list[frozenset[str]] = []
    book.add([call("CA1")], NOW, lambda _, new: told.append(new))
    assert book.add([call("CA1"), call("CA2")], NOW, lambda _, new: told.append(new)) == {"CA2"}
    assert book.add([call("CA1")], NOW) == frozenset()
    assert told == [{"CA1"}, {"CA2"}]
    assert book.known(["CA1", "CA2", "CA3"]) == {"CA1", "CA2"}
    assert book.between(HOUR, HOUR)[0].count == 2


def test_what_is_written_beside_it_stands_or_falls_with_it(store: Store) -> None:
    book = Rollups(store)

    def broken(connection: sa.Connection, _new: frozenset[str]) -> None:
        raise BackendError("no", permanent=False)

    with pytest.raises(BackendError):
        book.add([call("CA1")], NOW, broken)
    assert book.known(["CA1"]) == frozenset()
    assert book.between(HOUR, HOUR) == []


def test_several_processes_lose_nothing_and_count_nothing_twice(store_url: str) -> None:
    def count(number: int) -> None:
        own = open_store(store_url)
        for each in range(8):
            own_call = call(f"CA{number}-{each}", row(b1=1), row(DAY, b1=1))
            Rollups(own).add([own_call, call(f"shared-{each}")], NOW)
        own.close()

    threads = [threading.Thread(target=count, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = open_store(store_url)
    assert Rollups(store).between(HOUR, HOUR) == [row(count=40, b1=32, b7=8)]
    assert Rollups(store).between(DAY, DAY) == [row(DAY, count=32, b1=32)]
    store.close()


def test_personas_are_told_apart(store: Store) -> None:
    book = Rollups(store)
    book.add([call("CA1", row(), row(persona=""), row(persona="sales", span=DAY))], NOW)
    assert [each.persona for each in book.between(HOUR, HOUR, "desk")] == ["desk"]
    assert book.personas(HOUR, HOUR) == ["", "desk"]
    assert book.personas(DAY, HOUR) == ["", "desk", "sales"]


def test_what_is_old_is_forgotten(store: Store) -> None:
    book = Rollups(store)
    book.add([call("CA1", row("2025-01-01"), row())], NOW - dt.timedelta(days=9))
    book.add([call("CA2", row("2025-01-01T10"), row(DAY))], NOW)
    book.purge("2026-01-01", NOW - dt.timedelta(days=8))
    spans = store.read(lambda c: [each.span for each in book.between(HOUR, HOUR)])
    assert spans == [HOUR]
    assert book.between("2025-01-01", "2025-01-01") == []
    left = store.read(lambda c: list(c.execute(sa.select(COUNTED.c.call_id)).scalars()))
    assert left == ["CA2"]


def test_what_processes_say_of_themselves(store: Store) -> None:
    book = Rollups(store)
    long_ago = NOW - dt.timedelta(minutes=10)
    book.say("gone", "{}", long_ago, long_ago - dt.timedelta(minutes=5))
    book.say("one", "{}", NOW, long_ago)
    book.say("one", '{"a": 1}', NOW, long_ago)
    book.say("two", "{}", NOW, NOW)
    said = book.said(NOW - dt.timedelta(minutes=1))
    assert [(each.owner, each.state) for each in said] == [("one", '{"a": 1}'), ("two", "{}")]
    book.leave("one")
    assert [each.owner for each in book.said(long_ago)] == ["two"]
