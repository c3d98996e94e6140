"""Times taken from outside, and what an outside calendar is told has changed."""

import datetime as dt
import threading
from functools import partial

import msgspec
import pytest

from tests.tools import salon
from tests.tools.desk import CALLER, NOW, OTHER
from tests.tools.test_booking_bookings import SHOP, at_once, booked, context, rows, slot, wish
from tools.booking.blocks import Block, Blocks
from tools.booking.bookings import Booking, Bookings
from tools.booking.holds import Holds
from tools.booking.seating import ONE, Party
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


def test_a_block_takes_what_a_cancelled_booking_leaves(
    bookings: Bookings, blocks: Blocks, store: Store
) -> None:
    booking = booked(bookings, time="10:00")
    assert blocks.put(block("09:00", "12:00"), NOW).conflicts == (booking.id,)
    bookings.cancel(booking, context("c1"))
    assert bookings.book(wish("10:00"), context("k2", OTHER)) is None
    assert rows(store) == (0, 36)
    blocks.remove("ics", "u1", NOW)
    assert rows(store) == (0, 0)


def test_a_block_takes_what_an_expired_hold_leaves(
    bookings: Bookings, blocks: Blocks, store: Store
) -> None:
    holds = Holds(store, SHOP)
    haircut = SHOP.service("haircut")
    assert holds.hold(haircut, ONE, slot("10:00"), context("h1"))
    assert blocks.put(block("10:00", "11:00"), NOW).conflicts == ()
    assert rows(store) == (0, 12)
    holds.sweep(NOW + dt.timedelta(hours=1))
    assert rows(store) == (0, 12)
    assert bookings.book(wish("10:00"), context("k2", OTHER)) is None


def test_two_calendars_block_one_time_and_each_gives_back_its_own(
    bookings: Bookings, blocks: Blocks, store: Store
) -> None:
    blocks.put(block("10:00", "12:00"), NOW)
    blocks.put(msgspec.structs.replace(block("11:00", "13:00"), source="other"), NOW)
    assert [each.block.source for each in blocks.list()] == ["ics", "other"]
    assert rows(store) == (0, 36)
    blocks.remove("ics", "u1", NOW)
    assert rows(store) == (0, 24)
    assert bookings.book(wish("11:30"), context("k2", OTHER)) is None
    assert booked(bookings, time="10:00")


def test_a_block_of_shared_seats_takes_them_all(store: Store) -> None:
    bookings, blocks = Bookings(store, salon.SHOP), Blocks(store, salon.SHOP)
    assert blocks.put(block("10:00", "11:00", resource="bar"), NOW).conflicts == ()
    assert bookings.book(salon.wish("drink", "10:30"), context("k1")) is None
    drink = salon.booked(bookings, "k2", "drink", "11:00", Party(2))
    assert drink.resources == ("bar/1", "bar/2")
    put = blocks.put(block("11:00", "12:00", "u2", resource="bar"), NOW)
    assert put.conflicts == (drink.id,)


def test_a_block_need_not_begin_on_the_calendars_steps(bookings: Bookings, blocks: Blocks) -> None:
    blocks.put(block("10:01", "10:04"), NOW)
    assert bookings.book(wish("10:00"), context("k1")) is None
    assert booked(bookings, "k2", time="10:30")


def test_revisions_never_fall_behind_one_that_was_told(store: Store) -> None:
    """However many write at once: nothing comes later with a number already passed."""
    bookings = Bookings(store, msgspec.structs.replace(SHOP, chairs=8))
    seen: list[int] = []
    over = threading.Event()

    def follow() -> None:
        last = 0
        while True:
            ended = over.is_set()
            changes = bookings.changed_since(last)
            seen.extend(each.revision for each in changes)
            last = changes[-1].revision if changes else last
            if ended:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    works = [
        partial(bookings.book, wish(name=f"n{n}"), context(f"k{n}", f"+44207946{n:04}"))
        for n in range(8)
    ]
    found = at_once(works)
    over.set()
    reader.join()
    assert all(isinstance(each, Booking) for each in found), found
    assert seen == sorted(set(seen))
    assert len(seen) == 8
    assert set(seen) == {each.revision for each in found if isinstance(each, Booking)}
