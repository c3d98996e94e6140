"""A database of the first release, with its bookings, under this one."""

import datetime as dt

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tests.tools.test_booking_bookings import SHOP, context, rows, wish
from tools.booking.bookings import Bookings
from tools.migrate import SCRIPTS, migrate
from tools.store import Store, open_store

AT = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
FIRST_CELL = int(AT.timestamp()) // 300


def to_first_release(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


def old_booking(number: int, state: str, minute: int) -> dict[str, object]:
    return {
        "id": f"id{number}",
        "idempotency_key": f"key{number}",
        "call_id": "CA1",
        "caller_number": "+442079460001",
        "name": f"Ann {number}",
        "name_key": f"ann {number}",
        "service": "haircut",
        "minutes": 45,
        "starts_at": "2026-03-04 10:00:00",
        "zone": "Europe/London",
        "chair": number,
        "state": state,
        "change_key": None,
        "created_at": "2026-03-01 10:00:00",
        "changed_at": f"2026-03-01 10:{minute:02}:00",
    }


def fill(connection: sa.Connection) -> None:
    to_first_release(connection)
    rows = [old_booking(1, "booked", 30), old_booking(2, "booked", 10)]
    rows.append(old_booking(3, "cancelled", 20))
    names = ", ".join(rows[0])
    marks = ", ".join(f":{name}" for name in rows[0])
    # As text, which both databases take for moments.
    at = "CAST({} AS TIMESTAMPTZ)" if connection.dialect.name == "postgresql" else "{} || '.000000'"
    for name in ("starts_at", "created_at", "changed_at"):
        marks = marks.replace(f":{name}", at.format(f":{name}"))
    connection.execute(sa.text(f"INSERT INTO bookings ({names}) VALUES ({marks})"), rows)
    cells = [
        {"chair": chair, "cell": FIRST_CELL + step, "booking_id": f"id{chair}"}
        for chair in (1, 2)
        for step in range(9)
    ]
    connection.execute(
        sa.text("INSERT INTO booked_cells VALUES (:chair, :cell, :booking_id)"), cells
    )


@pytest.fixture
def upgraded(database_url: str) -> Store:
    store = open_store(database_url)
    store.write(fill)
    migrate(store)
    return store


def test_bookings_of_the_first_release_keep_their_chairs_and_times(upgraded: Store) -> None:
    bookings = Bookings(upgraded, SHOP)
    found = {each.id: each for each in bookings.of_call("CA1")}
    assert {each.id: each.resources for each in found.values()} == {
        "id1": ("chair 1",),
        "id2": ("chair 2",),
        "id3": ("chair 3",),
    }
    first = found["id1"]
    assert (first.starts_at, first.minutes, first.state, first.party) == (AT, 45, "booked", 1)
    assert (first.before_minutes, first.after_minutes, first.person) == (0, 0, None)
    assert rows(upgraded) == (2, 18)
    upgraded.close()


def test_they_are_told_in_the_order_they_were_changed(upgraded: Store) -> None:
    bookings = Bookings(upgraded, SHOP)
    told = [(each.revision, each.booking.id) for each in bookings.changed_since(0)]
    assert told == [(1, "id2"), (2, "id3"), (3, "id1")]
    cancelled = bookings.cancel(bookings.changed_since(2)[0].booking, context("c1"))
    assert cancelled is not None
    assert cancelled.revision == 4
    upgraded.close()


def test_their_time_is_still_theirs(upgraded: Store) -> None:
    bookings = Bookings(upgraded, SHOP)
    assert bookings.book(wish("10:00", "Bo"), context("k1", None)) is None
    moved = bookings.cancel(bookings.changed_since(2)[0].booking, context("c1"))
    assert moved is not None
    assert bookings.book(wish("10:00", "Bo"), context("k1", None))
    upgraded.close()
