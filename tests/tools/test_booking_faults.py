"""Calls at once and answers lost, where a booking needs several things: on each database."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tests.tools.crash import POINTS
from tests.tools.desk import NOW, OTHER, Desk, said
from tests.tools.salon import SALON, SHOP, booked, context, slot, wish
from tests.tools.test_booking_bookings import at_once, rows
from tools.booking.bookings import Booking, Bookings
from tools.booking.holds import Hold, Holds
from tools.booking.offer import booking_tools
from tools.booking.seating import ONE, Party
from tools.booking.waiting import Entry, Waiting, Wanted
from tools.spec import ToolState
from tools.store import CommitUnknownError, Store, _passes

T = TypeVar("T")
CUT = SHOP.service("cut")
DEADLOCK = "40P01"


@pytest.fixture
def bookings(store: Store) -> Bookings:
    return Bookings(store, SHOP)


@pytest.fixture
def deadlocks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each transaction that PostgreSQL had to break off because two waited for each other."""
    found: list[str] = []

    def passes(error: SQLAlchemyError) -> bool:
        state = str(getattr(getattr(error, "orig", None), "sqlstate", ""))
        found.extend([state] if state == DEADLOCK else [])
        return _passes(error)

    monkeypatch.setattr("tools.store._passes", passes)
    return found


# ---- two callers, one slot --------------------------------------------------------------------


def test_fault_x14_a_person_and_a_room_are_had_together_or_not_at_all(
    bookings: Bookings, store: Store, deadlocks: list[str]
) -> None:
    wishes = [
        *(wish("massage", "12:00", f"m{n}") for n in range(3)),
        *(wish("cut", "12:00", f"c{n}") for n in range(3)),
        *(wish("cut", "12:30", f"a{n}", Party(1, "Anna")) for n in range(2)),
    ]
    works = [
        partial(bookings.book, each, context(f"k{n}", None, f"CA{n}"))
        for n, each in enumerate(wishes)
    ]
    found = at_once(works)
    assert all(each is None or isinstance(each, Booking) for each in found), found
    made = [each for each in found if isinstance(each, Booking)]
    held = Counter(key for each in made for key in each.resources)
    assert held["front room"] <= 1
    # Everything asked for overlaps Anna's first, and Bo begins at twelve.
    assert held["Anna"] == 1
    assert rows(store)[0] == len(made)
    # The order in which cells are locked makes deadlocks impossible, not only bearable.
    assert deadlocks == []


def test_fault_x14_a_hold_and_a_booking_for_one_slot(bookings: Bookings, store: Store) -> None:
    holds = Holds(store, SHOP)
    friday = slot("cut", "10:00", "2026-03-06")
    works: list[Callable[[], object]] = [
        *(
            partial(holds.hold, CUT, ONE, friday, context(f"h{n}", None, f"CH{n}"))
            for n in range(3)
        ),
        *(
            partial(
                bookings.book,
                wish("cut", "10:00", f"n{n}", day="2026-03-06"),
                context(f"b{n}", None, f"CB{n}"),
            )
            for n in range(3)
        ),
    ]
    found = [each for each in at_once(works) if each is not None]
    assert len(found) == 1, found
    assert isinstance(found[0], Booking | Hold)


def test_fault_x14_parties_at_once_never_share_a_seat(bookings: Bookings, store: Store) -> None:
    works = [
        partial(
            bookings.book,
            wish("drink", "12:00", f"n{n}", Party(1 + n % 3)),
            context(f"k{n}", None, f"CA{n}"),
        )
        for n in range(6)
    ]
    found = [each for each in at_once(works) if each is not None]
    assert all(isinstance(each, Booking) for each in found), found
    seats = [key for each in found if isinstance(each, Booking) for key in each.resources]
    assert len(seats) == len(set(seats))
    # Whoever was refused found fewer free seats than they are people.
    assert len(seats) >= 2
    assert rows(store) == (len(found), 6 * len(seats))


def test_fault_x14_an_expired_hold_is_cleared_by_many_at_once(
    bookings: Bookings, store: Store
) -> None:
    holds = Holds(store, SHOP)
    for number, hour in enumerate(("10:00", "12:00", "14:00")):
        who = context(f"h{number}", None, f"CH{number}")
        assert holds.hold(CUT, ONE, slot("cut", hour, "2026-03-06"), who)
    later = NOW + SHOP.hold
    works = [
        partial(
            bookings.book,
            wish("cut", ("10:00", "12:00", "14:00")[n % 3], f"n{n}", day="2026-03-06"),
            context(f"k{n}", None, f"CA{n}", later),
        )
        for n in range(6)
    ]
    found = at_once(works)
    assert Counter(type(each).__name__ for each in found) == {"Booking": 3, "NoneType": 3}
    assert rows(store) == (3, 24)


# ---- lost answers -----------------------------------------------------------------------------


def lose_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next write is committed, and the connection breaks before anybody is told."""
    committed = Store.write

    def write(self: Store, work: Callable[[sa.Connection], T]) -> T:
        monkeypatch.setattr(Store, "write", committed)
        committed(self, work)
        raise CommitUnknownError("connection lost")

    monkeypatch.setattr(Store, "write", write)


def test_fault_s5_each_change_retried_after_an_unknown_commit_is_made_once(
    bookings: Bookings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = wish("massage", "12:00")
    lose_next_answer(monkeypatch)
    with pytest.raises(CommitUnknownError):
        bookings.book(asked, context("k1"))
    booking = bookings.book(asked, context("k1"))
    assert booking is not None
    assert bookings.made_with("k1".ljust(16, "-")) == booking
    assert rows(store) == (1, 2 * 18)

    to = slot("massage", "15:00")
    lose_next_answer(monkeypatch)
    with pytest.raises(CommitUnknownError):
        bookings.move(booking, to, context("m1"))
    moved = bookings.made_with("m1".ljust(16, "-"))
    assert moved is not None
    assert moved.starts_at == to.start
    assert rows(store) == (1, 2 * 18)

    lose_next_answer(monkeypatch)
    with pytest.raises(CommitUnknownError):
        bookings.cancel(moved, context("c1"))
    assert bookings.cancel(moved, context("c1")) is None
    assert bookings.cancelled_with("c1".ljust(16, "-")) is not None
    assert rows(store) == (0, 0)


def test_fault_s5_a_place_on_the_waiting_list_is_had_once(
    bookings: Bookings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in range(9, 18, 2):
        booked(bookings, f"m{hour}", "massage", f"{hour:02}:00")
    waiting = Waiting(store, SHOP)
    day = slot("massage", "09:00").local.date()
    wanted = Wanted("massage", "Zoe", day, party=Party(1, "Anna"))
    lose_next_answer(monkeypatch)
    with pytest.raises(CommitUnknownError):
        waiting.join(wanted, context("w1", OTHER))
    again = waiting.join(wanted, context("w1", OTHER))
    assert isinstance(again, Entry), again
    assert waiting.in_line(day, day) == [again]


# ---- locks ------------------------------------------------------------------------------------


def test_fault_s7_bookings_of_pairs_in_any_order_need_no_second_try(
    bookings: Bookings, store: Store, deadlocks: list[str]
) -> None:
    """Each wants Anna and the room; each books at another hour, and all of them at once."""
    hours = ("09:30", "11:00", "12:30", "14:00", "15:30")
    works = [
        partial(
            bookings.book, wish("massage", hour, f"{hour}{n}"), context(f"{hour}{n}", None, f"C{n}")
        )
        for hour in hours
        for n in range(2)
    ]
    found = at_once(works)
    assert Counter(type(each).__name__ for each in found) == {"Booking": 5, "NoneType": 5}
    assert rows(store) == (5, 5 * 2 * 18)
    assert deadlocks == []


def test_fault_s7_moves_that_change_places_end_and_lose_nothing(
    bookings: Bookings, store: Store
) -> None:
    """They want what the other has: a database may have to choose one to begin again."""
    first = booked(bookings, "m1", "massage", "10:00")
    second = booked(bookings, "m2", "massage", "13:00")
    found = at_once(
        [
            partial(bookings.move, first, slot("massage", "13:00"), context("v1", None, "m1")),
            partial(bookings.move, second, slot("massage", "10:00"), context("v2", None, "m2")),
            partial(bookings.book, wish("massage", "11:30", "n"), context("k3", None, "CA3")),
        ]
    )
    assert all(each is None or isinstance(each, Booking) for each in found), found
    live, cells = rows(store)
    assert cells == live * 2 * 18
    assert live in (2, 3)


def test_a_change_begun_later_is_not_told_before_one_that_is_not_yet_committed(
    bookings: Bookings, store: Store
) -> None:
    first = booked(bookings, "m1", "massage", "09:30")
    tells = store.engine.dialect.name == "postgresql"
    other = threading.Thread(target=lambda: booked(bookings, "m2", "tea", "12:00"))

    def work(connection: sa.Connection) -> None:
        bookings._cancel(connection, first, context("c1", None, "m1"))
        other.start()
        wait_until_locked_out(connection, other, tells=tells)
        # Whoever asks now and goes on from the answer will miss nothing.
        assert [each.revision for each in bookings.changed_since(0)] == [1]

    store.write(work)
    other.join()
    assert [each.booking.state for each in bookings.changed_since(1)] == ["cancelled", "booked"]


def wait_until_locked_out(
    connection: sa.Connection, thread: threading.Thread, *, tells: bool
) -> None:
    """Until somebody waits for a lock; on SQLite they wait from the start, and nothing tells."""
    blocked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while tells and thread.is_alive() and not connection.execute(blocked).scalar_one():
        time.sleep(0.01)


def test_who_joins_while_a_time_is_being_freed_waits_for_the_end_of_it(
    bookings: Bookings, store: Store
) -> None:
    tells = store.engine.dialect.name == "postgresql"
    only = booked(bookings, "m1", "massage", "09:30")
    for hour in ("11:00", "12:30", "14:00", "15:30"):
        booked(bookings, hour, "massage", hour)
    waiting = Waiting(store, SHOP)
    day = slot("massage", "09:30").local.date()
    wanted = Wanted("massage", "Zoe", day, to_minute=11 * 60)
    found: list[object] = []
    joining = threading.Thread(
        target=lambda: found.append(waiting.join(wanted, context("w1", OTHER)))
    )

    def work(connection: sa.Connection) -> None:
        bookings._cancel(connection, only, context("c1", None, "m1"))
        joining.start()
        wait_until_locked_out(connection, joining, tells=tells)

    store.write(work)
    joining.join()
    assert isinstance(found[0], list), found


# ---- kill -9 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("point", POINTS)
async def test_fault_x8_kill_9_while_a_cancellation_frees_a_time_somebody_waits_for(
    store_url: str, store: Store, bookings: Bookings, point: str
) -> None:
    own = Desk(booking_tools(SHOP, store), store)
    for hour in range(9, 18, 2):
        name = {"service": "massage", "date": "2026-03-06", "time": f"{hour:02}:00", "name": "Ann"}
        booked_first = await own.ask("book_appointment", name, call="CA0")
        assert booked_first.state is ToolState.DONE, booked_first.output
    zoe = {"service": "massage", "name": "Zoe", "during": {"date": "2026-03-06"}}
    joined = await own.ask("join_waiting_list", zoe, number=OTHER, call="CA9")
    assert joined.state is ToolState.DONE, joined.output

    asked = {"date": "2026-03-06", "time": "11:00", "name": "Ann"}
    program = [sys.executable, "-m", "tests.tools.crash", store_url, point, json.dumps(asked)]
    died = subprocess.run([*program, "cancel_appointment", SALON], timeout=40, check=False)
    assert died.returncode == -signal.SIGKILL

    own.now = own.now.replace(hour=9)
    again = await own.ask("cancel_appointment", asked, tool_call_id="t1")
    if point == "after":
        assert (again.state, again.repeated) == (ToolState.DONE, True)
        assert said(again)["message"].startswith("Cancelled: massage")
    else:
        assert again.state is ToolState.FAILED
        assert Waiting(store, SHOP).notices() == []
        retried = await own.ask("cancel_appointment", asked, tool_call_id="t2")
        assert retried.state is ToolState.DONE, retried.output
    (notice,) = Waiting(store, SHOP).notices()
    assert (notice.entry.name, f"{notice.starts_at:%H:%M}") == ("Zoe", "10:30")
    assert rows(store) == (4, 4 * 2 * 18)
