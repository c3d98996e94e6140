"""Two callers never get one slot: the database decides, on each kind of database."""

import datetime as dt
import itertools
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.tools.desk import CALLER, NOW, OTHER, local
from tools.booking.bookings import Booking, Bookings, Wish
from tools.booking.calendar import Slot, find
from tools.booking.resources import Service
from tools.booking.shop import default_shop
from tools.booking.tables import BOOKINGS, CELLS
from tools.spec import ToolContext, ToolRefusal
from tools.store import Store

SHOP = default_shop()


def slot(time: str, minutes: int = 45, day: str = "2026-03-04") -> Slot:
    found = find(SHOP, Service("any", minutes), dt.datetime.fromisoformat(f"{day} {time}"), NOW)
    assert isinstance(found, Slot), found
    return found


def wish(time: str = "10:00", name: str = "Ann", minutes: int = 45) -> Wish:
    return Wish("haircut", name, slot(time, minutes))


def context(key: str, number: str | None = CALLER, call: str = "CA1") -> ToolContext:
    return ToolContext(call, number, NOW, key.ljust(16, "-"))


@pytest.fixture
def bookings(store: Store) -> Bookings:
    return Bookings(store, SHOP)


def booked(
    bookings: Bookings, key: str = "k1", number: str | None = CALLER, **given: str
) -> Booking:
    found = bookings.book(wish(**given), context(key, number))  # type: ignore[arg-type]
    assert found is not None
    return found


def at_once(works: Sequence[Callable[[], object]]) -> list[object]:
    """Run all from one barrier; whatever each returns or raises."""
    barrier = threading.Barrier(len(works))
    found: list[object] = []

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def rows(store: Store) -> tuple[int, int]:
    """How many live bookings, how many cells."""
    live = sa.select(sa.func.count()).select_from(BOOKINGS).where(BOOKINGS.c.state == "booked")
    cells = sa.select(sa.func.count()).select_from(CELLS)
    return store.read(lambda c: (c.execute(live).scalar_one(), c.execute(cells).scalar_one()))


# ---- one caller -------------------------------------------------------------------------------


def test_a_booking_is_stored_in_utc_with_its_zone(bookings: Bookings) -> None:
    booking = booked(bookings, name="  Ann   Lee ")
    assert booking.starts_at == dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
    assert (booking.name, booking.zone, booking.resources, booking.state) == (
        "Ann Lee",
        "Europe/London",
        ("chair 1",),
        "booked",
    )
    assert bookings.of_call("CA1") == [booking]
    assert bookings.local(booking) == local("2026-03-04 10:00")


def test_summer_time_is_one_hour_earlier_in_utc(store: Store) -> None:
    summer = NOW + dt.timedelta(days=30)
    bookings = Bookings(store, SHOP)
    found = find(SHOP, Service("any", 45), local("2026-04-08 10:00"), summer)
    assert isinstance(found, Slot)
    booking = bookings.book(Wish("haircut", "Ann", found), context("k1"))
    assert booking is not None
    assert booking.starts_at == dt.datetime(2026, 4, 8, 9, 0, tzinfo=dt.UTC)
    assert bookings.local(booking).hour == 10


def test_the_same_effect_again_finds_its_booking(bookings: Bookings, store: Store) -> None:
    first = booked(bookings)
    assert booked(bookings) == first
    assert rows(store) == (1, 9)


def test_the_same_caller_calling_again_finds_their_booking(
    bookings: Bookings, store: Store
) -> None:
    first = booked(bookings)
    assert booked(bookings, "k2", name="ann") == first
    assert rows(store) == (1, 9)


def test_two_withheld_numbers_are_two_callers(bookings: Bookings) -> None:
    booked(bookings, "k1", None)
    assert bookings.book(wish(), context("k2", None, "CA2")) is None


@pytest.mark.parametrize("time", ["09:30", "10:00", "10:30"])
def test_a_slot_that_overlaps_is_taken_whatever_its_length(bookings: Bookings, time: str) -> None:
    booked(bookings)
    assert (
        bookings.book(wish(time, "Bo", 90 if time == "09:30" else 30), context("k2", OTHER)) is None
    )


def test_slots_that_touch_are_both_had(bookings: Bookings) -> None:
    assert bookings.book(wish("10:00", minutes=30), context("k1"))
    assert bookings.book(wish("10:30", minutes=30), context("k2"))
    assert bookings.book(wish("09:30", minutes=30), context("k3"))


def test_a_second_chair_takes_a_second_customer(store: Store) -> None:
    bookings = Bookings(store, msgspec.structs.replace(SHOP, chairs=2))
    chairs = [bookings.book(wish(name=f"n{n}"), context(f"k{n}", None)) for n in range(3)]
    assert [each.resources if each else None for each in chairs] == [
        ("chair 1",),
        ("chair 2",),
        None,
    ]


def test_what_is_taken_is_told_for_a_span(bookings: Bookings) -> None:
    booked(bookings)
    day = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    assert bookings.taken(day, day + dt.timedelta(days=1), NOW) == {
        ("chair 1", cell) for cell in slot("10:00").cells
    }
    assert bookings.taken(day + dt.timedelta(days=1), day + dt.timedelta(days=2), NOW) == set()
    assert bookings.taken(day, day - dt.timedelta(days=1), NOW) == set()


# ---- change -----------------------------------------------------------------------------------


def test_a_cancelled_slot_is_free_and_the_row_remains(bookings: Bookings, store: Store) -> None:
    booking = booked(bookings)
    cancelled = bookings.cancel(booking, context("c1"))
    assert cancelled is not None
    assert cancelled.state == "cancelled"
    assert rows(store) == (0, 0)
    assert bookings.cancel(booking, context("c2")) is None
    assert booked(bookings, "k2", OTHER).id != booking.id
    assert [each.state for each in bookings.of_call("CA1")] == ["cancelled", "booked"]


def test_a_moved_booking_keeps_its_id_and_frees_its_old_time(
    bookings: Bookings, store: Store
) -> None:
    booking = booked(bookings)
    moved = bookings.move(booking, slot("10:30"), context("m1"))
    assert moved is not None
    assert (moved.id, bookings.local(moved).minute) == (booking.id, 30)
    assert rows(store) == (1, 9)
    assert bookings.book(wish("09:30", "Bo"), context("k2", OTHER))


def test_a_move_onto_somebody_else_leaves_everything_as_it_was(
    bookings: Bookings, store: Store
) -> None:
    mine = booked(bookings)
    booked(bookings, "k2", OTHER, time="12:00")
    assert bookings.move(mine, slot("12:30"), context("m1")) is None
    assert bookings.of_number(CALLER, NOW) == [mine]
    assert rows(store) == (2, 18)


def test_a_cancelled_booking_cannot_be_moved(bookings: Bookings) -> None:
    booking = booked(bookings)
    bookings.cancel(booking, context("c1"))
    with pytest.raises(ToolRefusal, match="already cancelled"):
        bookings.move(booking, slot("12:00"), context("m1"))


def test_an_effect_is_found_by_its_key(bookings: Bookings) -> None:
    booking = booked(bookings)
    assert bookings.made_with("k1".ljust(16, "-")) == booking
    bookings.move(booking, slot("12:00"), context("m1"))
    moved = bookings.made_with("m1".ljust(16, "-"))
    assert moved is not None
    assert moved.id == booking.id
    assert bookings.made_with("none") is None


# ---- whose ------------------------------------------------------------------------------------


def test_a_caller_finds_their_own_to_come(bookings: Bookings) -> None:
    late = booked(bookings, "k1", time="15:00")
    early = booked(bookings, "k2", time="09:00")
    booked(bookings, "k3", OTHER, time="12:00")
    assert bookings.of_number(CALLER, NOW) == [early, late]
    assert bookings.of_number(CALLER, early.starts_at + dt.timedelta(minutes=1)) == [late]
    bookings.cancel(late, context("c1"))
    assert bookings.of_number(CALLER, NOW) == [early]


def test_a_booking_is_found_by_name_and_day(bookings: Bookings) -> None:
    booking = booked(bookings, "k1", None, name="Zoë  O'Neil")
    assert bookings.without_number("zoe o'neil", dt.date(2026, 3, 4), NOW) == [booking]
    assert bookings.without_number("zoe", dt.date(2026, 3, 4), NOW) == []
    assert bookings.without_number("zoe o'neil", dt.date(2026, 3, 5), NOW) == []
    for day in (dt.date.min, dt.date.max):
        assert bookings.without_number("zoe o'neil", day, NOW) == []


# ---- races ------------------------------------------------------------------------------------


def test_the_key_of_the_cells_refuses_an_overlap_nobody_looked_for(
    store: Store, bookings: Bookings
) -> None:
    booking = booked(bookings)
    cell = slot("10:00").cells[4]
    row = {"resource": "chair 1", "cell": cell, "booking_id": booking.id}
    with pytest.raises(IntegrityError):
        store.write(lambda connection: connection.execute(sa.insert(CELLS).values(**row)))


def test_fault_x14_of_many_who_want_one_slot_exactly_one_has_it(
    bookings: Bookings, store: Store
) -> None:
    works = [
        partial(bookings.book, wish(name=f"n{n}"), context(f"k{n}", f"+44207946{n:04}"))
        for n in range(8)
    ]
    found = at_once(works)
    assert Counter(type(each).__name__ for each in found) == {"Booking": 1, "NoneType": 7}
    assert rows(store) == (1, 9)


def test_fault_x14_overlaps_of_different_lengths_at_once(bookings: Bookings, store: Store) -> None:
    # Each of these overlaps the next; the only pair that can stand together is ends and middle.
    spans = [("10:00", 90), ("10:30", 30), ("11:00", 45), ("11:30", 90), ("09:30", 45)]
    works = [
        partial(bookings.book, wish(time, f"n{n}", minutes), context(f"k{n}", f"+44207946{n:04}"))
        for n, (time, minutes) in enumerate(spans)
    ]
    found = [each for each in at_once(works) if each is not None]
    assert found
    assert all(isinstance(each, Booking) for each in found), found
    held = sorted((each.starts_at, each.minutes) for each in found if isinstance(each, Booking))
    for (start, minutes), (following, _) in itertools.pairwise(held):
        assert start + dt.timedelta(minutes=minutes) <= following
    assert rows(store) == (len(held), sum(minutes for _, minutes in held) // 5)


def test_fault_x14_with_three_chairs_exactly_three_are_served(store: Store) -> None:
    bookings = Bookings(store, msgspec.structs.replace(SHOP, chairs=3))
    works = [
        partial(bookings.book, wish(name=f"n{n}"), context(f"k{n}", f"+44207946{n:04}"))
        for n in range(7)
    ]
    found = [each for each in at_once(works) if each is not None]
    assert all(isinstance(each, Booking) for each in found), found
    chairs = sorted(each.resources for each in found if isinstance(each, Booking))
    assert chairs == [("chair 1",), ("chair 2",), ("chair 3",)]


def test_fault_s7_two_bookings_that_change_places_at_once_do_not_hang(
    bookings: Bookings, store: Store
) -> None:
    first = booked(bookings, "k1", time="10:00")
    second = booked(bookings, "k2", OTHER, time="12:00")
    found = at_once(
        [
            lambda: bookings.move(first, slot("12:00"), context("m1")),
            lambda: bookings.move(second, slot("10:00"), context("m2")),
        ]
    )
    assert all(each is None or isinstance(each, Booking) for each in found), found
    assert rows(store) == (2, 18)


def test_the_same_effect_at_once_is_one_booking(bookings: Bookings, store: Store) -> None:
    found = at_once([lambda: bookings.book(wish(), context("k1")) for _ in range(6)])
    assert len({each.id for each in found if isinstance(each, Booking)}) == 1
    assert all(isinstance(each, Booking) for each in found), found
    assert rows(store) == (1, 9)


def test_fault_x14_four_processes_race_for_one_slot(store_url: str, store: Store) -> None:
    arguments = {"service": "haircut", "date": "2026-03-04", "time": "10:00", "name": "Ann"}
    racers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.tools.racer",
                store_url,
                str(number),
                json.dumps(arguments),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=40)[0].splitlines()[-1] for racer in racers]
    assert sorted(said) == ["done", "refused", "refused", "refused"]
    assert rows(store) == (1, 9)


def test_a_booking_of_ones_own_committed_between_two_looks_is_found(
    bookings: Bookings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = booked(bookings)
    looks = iter([None, mine])
    monkeypatch.setattr("tools.booking.bookings._same", lambda *_: next(looks))
    assert bookings.book(wish(), context("k2")) == mine
