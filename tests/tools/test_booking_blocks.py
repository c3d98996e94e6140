"""Times taken from outside, and what an outside calendar is told has changed."""

import datetime as dt

import pytest

from tests.tools.desk import CALLER, NOW, OTHER
from tests.tools.test_booking_bookings import SHOP, booked, context, rows, slot, wish
from tools.booking.blocks import Block, Blocks
from tools.booking.bookings import Bookings
from tools.store import Store

UTC = dt.UTC


@pytest.fixture
def bookings(store: Store) -> Bookings:
    return Bookings(store, SHOP)


@pytest.fixture
def blocks(store: Store) -> Blocks:
    return Blocks(store, SHOP)


def block(first: str, last: str, uid: str = "u1", resource: str = "chair 1") -> Block:
    day = dt.date(2026, 3, 4)
    spans = [
        dt.datetime.combine(day, dt.time.fromisoformat(each), tzinfo=UTC) for each in (first, last)
    ]
    return Block("ics", uid, resource, spans[0], spans[1], "Away")


def test_every_change_is_told_once_in_order_as_it_is_now(bookings: Bookings) -> None:
    first = booked(bookings, "k1", time="10:00")
    second = booked(bookings, "k2", OTHER, time="12:00")
    assert [each.booking for each in bookings.changed_since(0)] == [first, second]
    moved = bookings.move(first, slot("15:00"), context("m1"))
    cancelled = bookings.cancel(second, context("c1", OTHER))
    assert [each.booking for each in bookings.changed_since(0)] == [moved, cancelled]
    assert [each.booking for each in bookings.changed_since(second.revision)] == [moved, cancelled]
    (last,) = bookings.changed_since(0, limit=5)[1:]
    assert bookings.changed_since(last.revision) == []
    assert [each.booking for each in bookings.changed_since(0, limit=1)] == [moved]


def test_a_blocked_time_cannot_be_booked_until_it_is_given_back(
    bookings: Bookings, blocks: Blocks, store: Store
) -> None:
    put = blocks.put(block("10:00", "11:00"), NOW)
    assert put.conflicts == ()
    assert bookings.book(wish("10:30"), context("k1")) is None
    assert booked(bookings, "k2", time="11:00")
    assert blocks.list() == [put]
    assert blocks.list("other") == []
    assert blocks.remove("ics", "u1", NOW)
    assert not blocks.remove("ics", "u1", NOW)
    assert booked(bookings, "k3", OTHER, time="10:00")
    assert rows(store) == (2, 18)


def test_a_block_that_is_put_again_moves(bookings: Bookings, blocks: Blocks) -> None:
    blocks.put(block("10:00", "11:00"), NOW)
    blocks.put(block("12:00", "13:00"), NOW)
    (only,) = blocks.list()
    assert only.block.starts_at == dt.datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    assert booked(bookings, time="10:00")
    assert bookings.book(wish("12:30"), context("k2", CALLER)) is None


def test_a_booking_in_the_way_stays_and_is_named(bookings: Bookings, blocks: Blocks) -> None:
    booking = booked(bookings, time="10:00")
    put = blocks.put(block("09:00", "12:00"), NOW)
    assert put.conflicts == (booking.id,)
    assert bookings.of_number(CALLER, NOW) == [booking]
    assert bookings.book(wish("11:00"), context("k2", OTHER)) is None
    bookings.cancel(booking, context("c1"))
    assert blocks.list()[0].conflicts == ()


@pytest.mark.parametrize(
    "wrong",
    [
        block("10:00", "10:00"),
        block("11:00", "10:00"),
        block("10:00", "11:00", resource="chair 2"),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(blocks: Blocks, wrong: Block) -> None:
    with pytest.raises(ValueError, match=r"the shop has no|ends after it begins"):
        blocks.put(wrong, NOW)
    assert blocks.list() == []
