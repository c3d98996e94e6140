"""A time kept for one call: for some minutes, for nobody else, and never for ever."""

import datetime as dt

import pytest
import sqlalchemy as sa

from tests.tools.desk import CALLER, NOW, OTHER, Desk, said
from tests.tools.salon import SHOP, booked, context, slot, wish
from tools.booking.bookings import Bookings
from tools.booking.holds import Hold, Holds
from tools.booking.offer import booking_tools
from tools.booking.seating import ONE, Party
from tools.booking.tables import CELLS, HOLDS
from tools.spec import ToolState
from tools.store import Store

CUT = SHOP.service("cut")
LATER = NOW + dt.timedelta(minutes=4, seconds=59)
EXPIRED = NOW + dt.timedelta(minutes=5)


@pytest.fixture
def bookings(store: Store) -> Bookings:
    return Bookings(store, SHOP)


@pytest.fixture
def holds(store: Store) -> Holds:
    return Holds(store, SHOP)


def held(holds: Holds, call: str, time: str = "10:00", now: dt.datetime = NOW) -> Hold | None:
    return holds.hold(CUT, ONE, slot("cut", time), context("h" + call, None, call, now))


def count(store: Store, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    return store.read(lambda connection: connection.execute(query).scalar_one())


def test_what_one_call_holds_another_cannot_hold_or_book(bookings: Bookings, holds: Holds) -> None:
    kept = held(holds, "CA1")
    assert kept is not None
    assert (kept.resources, kept.expires_at) == (("Anna",), EXPIRED)
    assert held(holds, "CA2") is None
    assert bookings.book(wish("cut", "10:00"), context("b2", OTHER, "CA2", LATER)) is None
    # The buffer after it is held, too.
    assert held(holds, "CA3", "10:30") is None


def test_the_call_books_what_it_holds_and_holds_nothing_more(
    bookings: Bookings, holds: Holds, store: Store
) -> None:
    held(holds, "CA1")
    booking = bookings.book(wish("cut", "10:00"), context("b1", CALLER, "CA1", LATER))
    assert booking is not None
    assert booking.resources == ("Anna",)
    assert (count(store, HOLDS), count(store, CELLS)) == (0, 8)
    assert holds.of_call("CA1", LATER) is None


def test_a_hold_ends_by_the_clock_without_anybody_doing_anything(
    bookings: Bookings, holds: Holds, store: Store
) -> None:
    held(holds, "CA1")
    assert holds.of_call("CA1", LATER) is not None
    assert holds.of_call("CA1", EXPIRED) is None
    day = slot("cut", "09:00").start
    assert bookings.taken(day, day + dt.timedelta(days=1), LATER)
    assert not bookings.taken(day, day + dt.timedelta(days=1), EXPIRED)
    assert bookings.book(wish("cut", "10:00"), context("b2", OTHER, "CA2", EXPIRED))
    assert (count(store, HOLDS), count(store, CELLS)) == (0, 8)


def test_a_hold_asked_for_again_is_not_prolonged(holds: Holds) -> None:
    first = held(holds, "CA1")
    assert held(holds, "CA1", now=LATER) == first
    renewed = held(holds, "CA1", now=EXPIRED)
    assert renewed is not None
    assert renewed.expires_at == EXPIRED + dt.timedelta(minutes=5)


def test_a_call_holds_one_time_and_a_vain_wish_does_not_lose_it(
    bookings: Bookings, holds: Holds
) -> None:
    held(holds, "CA1", "10:00")
    assert held(holds, "CA1", "11:00")
    assert booked(bookings, "CA2", "cut", "10:00")
    assert held(holds, "CA1", "10:00") is None
    kept = holds.of_call("CA1", NOW)
    assert kept is not None
    assert kept.starts_at == slot("cut", "11:00").start
    # Nor does a booking that is refused.
    assert bookings.book(wish("cut", "10:00"), context("b1", CALLER, "CA1")) is None
    assert holds.of_call("CA1", NOW) == kept


def test_a_sweep_takes_away_what_is_over(holds: Holds, store: Store) -> None:
    held(holds, "CA1", "10:00")
    held(holds, "CA2", "12:00", NOW + dt.timedelta(minutes=2))
    holds.sweep(EXPIRED)
    assert count(store, HOLDS) == 1
    holds.sweep(EXPIRED, "CA2")
    assert (count(store, HOLDS), count(store, CELLS)) == (0, 0)
    holds.sweep(EXPIRED)


def test_a_hold_for_a_person_keeps_that_person(holds: Holds) -> None:
    bo = holds.hold(CUT, Party(1, "Bo"), slot("cut", "14:00"), context("h1", None, "CA1"))
    assert bo is not None
    assert bo.resources == ("Bo",)
    assert held(holds, "CA2", "14:00")
    assert held(holds, "CA3", "14:00") is None


async def test_a_caller_has_a_time_kept_and_books_it(plain: Store) -> None:
    own = Desk(booking_tools(SHOP, plain), plain)
    at = {"service": "cut", "slot": {"date": "2026-03-04", "time": "10:00"}}
    kept = await own.ask("hold_time", at)
    assert kept.state is ToolState.DONE, kept.output
    data = said(kept)
    assert data["message"] == (
        "I'm keeping Wednesday the 4th of March at 10 AM for you for 5 minutes. "
        "It is not booked yet."
    )
    assert data["kept_until"] == "08:05"
    other = await own.ask("hold_time", at, call="CA2", number=OTHER)
    assert (other.state, said(other)["field"]) == (ToolState.REFUSED, "time")
    mine = {"service": "cut", "date": "2026-03-04", "time": "10:00", "name": "Ann"}
    refused = await own.ask("book_appointment", mine, call="CA2", number=OTHER)
    assert refused.state is ToolState.REFUSED
    free = {"service": "cut", "date": "2026-03-04"}
    assert "10:00" in said(await own.ask("available_times", free))["choices"]
    theirs = await own.ask("available_times", free, call="CA2", number=OTHER)
    assert "10:00" not in said(theirs)["choices"]
    assert (await own.ask("book_appointment", mine)).state is ToolState.DONE
    again = await own.ask("hold_time", at)
    assert (again.state, again.repeated) == (ToolState.REFUSED, False), "it is booked now"
    # Asked again after it has expired, it is looked at again.
    own.now = NOW + dt.timedelta(hours=1)
    assert (await own.ask("hold_time", at)).state is ToolState.REFUSED


async def test_a_hold_asked_for_again_is_done_anew_and_there_is_one(store: Store) -> None:
    own = Desk(booking_tools(SHOP, store), store)
    at = {"service": "cut", "slot": {"date": "2026-03-04", "time": "10:00"}}
    first = await own.ask("hold_time", at, tool_call_id="t1")
    assert (await own.ask("hold_time", at, tool_call_id="t1")).repeated
    own.now = NOW + dt.timedelta(minutes=3)
    twin = await own.ask("hold_time", at, tool_call_id="t2")
    assert (twin.state, twin.repeated) == (ToolState.DONE, False)
    assert said(twin)["kept_until"] == said(first)["kept_until"], "it is not prolonged"
    assert count(store, HOLDS) == 1
    own.now = NOW + dt.timedelta(minutes=6)
    later = await own.ask("hold_time", at, tool_call_id="t3")
    assert said(later)["kept_until"] == "08:11"
    assert [each.state for each in own.receipts.of_call("CA1")] == [ToolState.DONE] * 3
