"""The waiting list: who joins, who is told of what has become free, and that once."""

import datetime as dt
from functools import partial

import pytest

from tests.tools.desk import CALLER, NOW, OTHER, Desk, local, said
from tests.tools.salon import BAR, SHOP, booked, context, slot, wish
from tests.tools.test_booking_bookings import at_once
from tools.booking.blocks import Block, Blocks
from tools.booking.bookings import Bookings, Wish
from tools.booking.calendar import Slot, find
from tools.booking.holds import Holds
from tools.booking.offer import booking_tools
from tools.booking.seating import ONE, Party
from tools.booking.waiting import Entry, Waiting, Wanted
from tools.spec import ToolState
from tools.store import Store

DAY = dt.date(2026, 3, 6)
"""A Friday: only Anna works."""
NOON = (9 * 60, 12 * 60)


@pytest.fixture
def bookings(store: Store) -> Bookings:
    return Bookings(store, SHOP)


@pytest.fixture
def waiting(store: Store) -> Waiting:
    return Waiting(store, SHOP)


def wanted(name: str = "Zoe", hours: tuple[int, int] = (0, 1440), party: Party = ONE) -> Wanted:
    return Wanted("cut", name, DAY, *hours, party)


def full(bookings: Bookings) -> None:
    """Anna has something at every full hour, and cuts overlap all that lies between."""
    for hour in range(9, 18):
        time = f"{hour:02}:00"
        assert booked(bookings, f"m{hour}", "cut", time, day=DAY.isoformat())
        later = f"{hour:02}:30"
        bookings.book(wish("cut", later, day=DAY.isoformat()), context(f"x{hour}", None, "CX"))


def entry(found: Entry | list[Slot]) -> Entry:
    assert isinstance(found, Entry), found
    return found


def cancel(bookings: Bookings, hour: int) -> None:
    (booking,) = [each for each in bookings.of_call(f"m{hour}") if each.state == "booked"]
    assert bookings.cancel(booking, context(f"c{hour}", None, f"m{hour}"))


def told(waiting: Waiting) -> list[tuple[str, str]]:
    return [(each.entry.name, f"{each.starts_at:%H:%M}") for each in waiting.notices()]


def test_where_something_is_free_nobody_has_to_wait(waiting: Waiting) -> None:
    free = waiting.join(wanted(hours=NOON), context("w1"))
    assert isinstance(free, list)
    assert f"{free[0].local:%H:%M}" == "09:00"
    assert waiting.in_line(DAY, DAY) == []


def test_a_cancellation_tells_those_whom_it_suits_once(
    bookings: Bookings, waiting: Waiting
) -> None:
    full(bookings)
    zoe = entry(waiting.join(wanted(), context("w1")))
    entry(waiting.join(wanted("Late", (15 * 60, 1440)), context("w2", OTHER)))
    entry(waiting.join(wanted("Bo's", party=Party(1, "Anna")), context("w3", "+447700900003")))
    assert [each.name for each in waiting.in_line(DAY, DAY)] == ["Zoe", "Late", "Bo's"]
    cancel(bookings, 10)
    assert told(waiting) == [("Zoe", "10:00"), ("Bo's", "10:00")]
    first, second = waiting.notices()
    assert first.entry == zoe
    assert waiting.seen(first.id, NOW)
    assert not waiting.seen(first.id, NOW)
    assert [each.id for each in waiting.notices()] == [second.id]
    cancel(bookings, 16)
    assert [name for name, _ in told(waiting)] == ["Bo's", "Zoe", "Late", "Bo's"]


def test_a_retried_cancellation_tells_nobody_again(bookings: Bookings, waiting: Waiting) -> None:
    full(bookings)
    entry(waiting.join(wanted(), context("w1")))
    (booking,) = [each for each in bookings.of_call("m10") if each.state == "booked"]
    for _ in range(2):
        bookings.cancel(booking, context("c10", None, "m10"))
    assert told(waiting) == [("Zoe", "10:00")]


def test_who_has_booked_waits_no_more(bookings: Bookings, waiting: Waiting) -> None:
    full(bookings)
    entry(waiting.join(wanted("Ann"), context("w1")))
    cancel(bookings, 10)
    assert bookings.book(wish("cut", "10:00", day=DAY.isoformat()), context("b1"))
    assert waiting.in_line(DAY, DAY) == []
    cancel(bookings, 11)
    assert told(waiting) == [("Ann", "10:00")]


def test_who_has_left_is_not_told(bookings: Bookings, waiting: Waiting) -> None:
    full(bookings)
    zoe = entry(waiting.join(wanted(), context("w1")))
    assert waiting.leave(zoe.id, NOW)
    assert not waiting.leave(zoe.id, NOW)
    cancel(bookings, 10)
    assert told(waiting) == []


def test_the_same_caller_is_on_the_list_once(bookings: Bookings, waiting: Waiting) -> None:
    full(bookings)
    zoe = entry(waiting.join(wanted(), context("w1")))
    assert waiting.join(wanted("  zoe "), context("w2")) == zoe
    assert waiting.join(wanted(), context("w1")) == zoe
    assert waiting.joined_with("w1".ljust(16, "-")) == zoe
    assert waiting.joined_with("w2") is None
    assert entry(waiting.join(wanted(), context("w3", OTHER))).id != zoe.id


@pytest.mark.parametrize(
    "other",
    [
        wanted(hours=(13 * 60, 1440)),
        wanted(hours=(9 * 60, 11 * 60)),
        wanted(hours=NOON, party=Party(1, "Anna")),
        wanted(hours=NOON, party=Party(2)),
    ],
    ids=["later", "shorter", "with somebody", "more people"],
)
def test_another_wish_for_the_same_day_counts_as_well(
    bookings: Bookings, waiting: Waiting, other: Wanted
) -> None:
    full(bookings)
    first = entry(waiting.join(wanted(hours=NOON), context("w1")))
    second = entry(waiting.join(other, context("w2")))
    assert waiting.joined_with("w2".ljust(16, "-")) == second
    assert {each.id for each in waiting.in_line(DAY, DAY)} == {first.id, second.id}
    assert (second.from_minute, second.to_minute) == (other.from_minute, other.to_minute)
    assert (second.party, second.person) == (other.party.size, other.party.person)
    assert entry(waiting.join(other, context("w3"))) == second


def test_who_has_two_wishes_is_told_of_either_and_served_of_both(
    bookings: Bookings, waiting: Waiting
) -> None:
    full(bookings)
    entry(waiting.join(wanted("Ann", NOON), context("w1")))
    entry(waiting.join(wanted("Ann", (13 * 60, 1440)), context("w2")))
    cancel(bookings, 14)
    cancel(bookings, 10)
    assert told(waiting) == [("Ann", "14:00"), ("Ann", "10:00")]
    assert bookings.book(wish("cut", "10:00", day=DAY.isoformat()), context("b1"))
    assert waiting.in_line(DAY, DAY) == []


def test_a_move_a_hold_and_a_block_free_time_as_well(
    bookings: Bookings, waiting: Waiting, store: Store
) -> None:
    blocks, holds = Blocks(store, SHOP), Holds(store, SHOP)
    first = slot("cut", "09:00", DAY.isoformat()).start
    block = Block("ics", "u", "Anna", first, first + dt.timedelta(hours=10))
    blocks.put(block, NOW)
    entry(waiting.join(wanted(), context("w1")))
    blocks.remove("ics", "u", NOW)
    assert told(waiting) == [("Zoe", "09:00")]

    for each in waiting.notices():
        waiting.seen(each.id, NOW)
    holds.hold(
        SHOP.service("cut"), ONE, slot("cut", "12:00", DAY.isoformat()), context("h", None, "CH")
    )
    holds.sweep(NOW + dt.timedelta(minutes=6))
    assert told(waiting) == [("Zoe", "11:30")]

    moved = booked(bookings, "m1", "cut", "15:00", day=DAY.isoformat())
    assert bookings.move(moved, slot("cut", "16:00", DAY.isoformat()), context("mv", None, "m1"))
    # What it moved into is not free: 16:00 is not told, 14:30 is.
    assert told(waiting)[1:] == [("Zoe", "14:30")]


def test_a_block_shortened_tells_of_the_rest(waiting: Waiting, store: Store) -> None:
    blocks = Blocks(store, SHOP)
    first = slot("cut", "09:00", DAY.isoformat()).start
    blocks.put(Block("ics", "u", "Anna", first, first + dt.timedelta(hours=10)), NOW)
    entry(waiting.join(wanted(), context("w1")))
    blocks.put(Block("ics", "u", "Anna", first, first + dt.timedelta(hours=5)), NOW)
    assert told(waiting) == [("Zoe", "14:00")]


def test_who_waits_for_an_evening_is_told_of_what_was_free_after_midnight(store: Store) -> None:
    bookings, waiting = Bookings(store, BAR), Waiting(store, BAR)
    table = BAR.service("table")
    found = find(BAR, table, local("2026-03-07 00:00"), NOW)
    assert isinstance(found, Slot)
    booking = bookings.book(Wish("table", "Ann", found), context("b1"))
    assert booking
    late = Wanted("table", "Zoe", DAY, 23 * 60 + 30)
    entry(waiting.join(late, context("w1", OTHER)))
    assert bookings.cancel(booking, context("c1"))
    assert told(waiting) == [("Zoe", "23:30")]


def test_a_joining_and_a_cancelling_at_once_never_miss_each_other(
    bookings: Bookings, waiting: Waiting
) -> None:
    full(bookings)
    for hour in range(9, 15):
        name = f"n{hour}"
        own = wanted(name, (hour * 60, hour * 60 + 30))
        found = at_once(
            [partial(waiting.join, own, context(name, OTHER)), partial(cancel, bookings, hour)]
        )
        was_told = any(each.entry.name == name for each in waiting.notices())
        assert any(isinstance(each, list) for each in found) or was_told, hour


# ---- through the tool -------------------------------------------------------------------------


def asked(**during: str) -> dict[str, object]:
    return {"service": "cut", "name": "Zoe", "during": {"date": "2026-03-06", **during}}


async def test_a_caller_joins_and_is_told_what_will_happen(plain: Store) -> None:
    full(Bookings(plain, SHOP))
    own = Desk(booking_tools(SHOP, plain), plain)
    joined = await own.ask("join_waiting_list", asked(after="10:00", before="15:00"))
    assert said(joined)["message"] == (
        "Zoe is on the waiting list for cut on Friday the 6th of March. "
        "Our staff will call if something becomes free."
    )
    (line,) = Waiting(plain, SHOP).in_line(DAY, DAY)
    assert (line.from_minute, line.to_minute, line.caller_number) == (600, 900, CALLER)


async def test_who_asks_for_other_hours_waits_for_those_as_well(plain: Store) -> None:
    full(Bookings(plain, SHOP))
    own = Desk(booking_tools(SHOP, plain), plain)
    await own.ask("join_waiting_list", asked(after="09:00", before="12:00"))
    outcome = await own.ask("join_waiting_list", asked(after="13:00"), call="CA2")
    assert outcome.state is ToolState.DONE
    lines = Waiting(plain, SHOP).in_line(DAY, DAY)
    hours = {(line.from_minute, line.to_minute) for line in lines}
    assert hours == {(540, 720), (780, 1440)}


@pytest.mark.parametrize(
    ("during", "message"),
    [
        ({"date": "2026-03-03", "after": "10:00"}, "There is something free on Tuesday the 3rd"),
        ({"date": "2026-03-02"}, "Monday the 2nd of March is already past."),
        ({"date": "2026-03-13"}, "We have no time for cut on Friday the 13th of March."),
        ({"date": "2027-03-13"}, "We only take bookings up to 60 days ahead."),
        ({"after": "15:00", "before": "10:00"}, "That ends before it begins."),
    ],
)
async def test_who_need_not_or_cannot_wait_is_told(
    plain: Store, during: dict[str, str], message: str
) -> None:
    own = Desk(booking_tools(SHOP, plain), plain)
    outcome = await own.ask("join_waiting_list", asked(**during))
    assert outcome.state is ToolState.REFUSED
    assert said(outcome)["message"].startswith(message)


async def test_a_withheld_number_cannot_be_called_back(plain: Store) -> None:
    own = Desk(booking_tools(SHOP, plain), plain)
    outcome = await own.ask("join_waiting_list", asked(), number=None)
    assert said(outcome)["message"].startswith("Your number is withheld, so we couldn't reach you")
