"""Who and what a booking gets: kinds and names, people asked for, parties, working hours."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.salon import BAR, SHOP, slot
from tools.booking.calendar import Slot
from tools.booking.resources import Resource, Service
from tools.booking.seating import Party, Seating, Taken
from tools.booking.shop import default_shop


def seats(
    service: str, time: str, party: Party | None = None, taken: Taken = (), **given: str
) -> tuple[str, ...] | None:
    seating = Seating(SHOP, SHOP.service(service), party or Party())
    return seating.find(slot(service, time, **given), taken)


def of(resource: str, *slots: Slot) -> set[tuple[str, int]]:
    return {(resource, cell) for each in slots for cell in each.cells}


def test_one_of_each_need_is_taken_what_is_named_first() -> None:
    assert seats("cut", "10:00") == ("Anna",)
    assert seats("massage", "10:00") == ("front room", "Anna")


def test_who_is_busy_is_passed_over() -> None:
    busy = of("Anna", slot("cut", "14:00"))
    assert seats("cut", "14:00", taken=busy) == ("Bo",)
    assert seats("massage", "14:00", taken=busy) is None
    assert seats("massage", "10:00", taken=of("front room", slot("massage", "10:00"))) is None


def test_the_person_asked_for_is_the_one() -> None:
    assert seats("cut", "14:00", Party(1, "Bo")) == ("Bo",)
    assert seats("cut", "14:00", Party(1, "Bo"), of("Bo", slot("cut", "14:00"))) is None
    # Bo does no massages; nobody else is given in their place.
    assert seats("massage", "14:00", Party(1, "Bo")) is None
    assert Seating(SHOP, SHOP.service("cut")).people == ("Anna", "Bo")
    assert Seating(SHOP, SHOP.service("massage")).people == ("Anna",)


@pytest.mark.parametrize(
    ("time", "day", "there"),
    [
        ("11:30", "2026-03-04", False),
        ("12:00", "2026-03-04", True),
        # The appointment itself ends by closing; tidying up may take longer.
        ("17:30", "2026-03-04", True),
        ("19:30", "2026-03-05", True),
        ("10:00", "2026-03-06", False),
        ("10:00", "2026-03-12", False),
    ],
)
def test_nobody_is_booked_outside_their_own_hours(time: str, day: str, there: bool) -> None:
    assert (seats("cut", time, Party(1, "Bo"), day=day) is not None) is there


@pytest.mark.parametrize(
    ("service", "day", "time", "there"),
    [
        ("song", "2026-03-06", "23:30", True),
        ("song", "2026-03-07", "00:00", True),
        ("song", "2026-03-07", "00:30", False),
        ("song", "2026-03-07", "23:30", False),
        # Whoever only has days off is there around the clock on all others.
        ("dance", "2026-03-06", "23:30", True),
        ("dance", "2026-03-19", "23:30", False),
        ("dance", "2026-03-20", "23:30", False),
    ],
)
def test_who_works_past_midnight_is_there_over_it(
    service: str, day: str, time: str, there: bool
) -> None:
    when = dt.datetime.fromisoformat(f"{day} {time}")
    late = Slot(when, when.replace(tzinfo=dt.UTC), 60)
    assert (Seating(BAR, BAR.service(service)).find(late, ()) is not None) is there


def test_a_buffer_keeps_others_out() -> None:
    before = slot("cut", "10:00")
    assert len(before.cells) == 8
    assert seats("cut", "10:30", taken=of("Anna", before), day="2026-03-04") is None
    assert seats("cut", "11:00", taken=of("Anna", before)) == ("Anna",)
    # A massage begins to be prepared ten minutes before its time.
    assert slot("massage", "11:00").cells[0] == slot("cut", "11:00").cells[0] - 2


def test_a_party_gets_the_smallest_table_that_holds_it_or_several() -> None:
    assert seats("tea", "10:00", Party(1)) == ("small table",)
    assert seats("tea", "10:00", Party(2)) == ("small table",)
    assert seats("tea", "10:00", Party(3)) == ("long table",)
    assert seats("tea", "10:00", Party(7)) == ("long table", "small table")
    assert seats("tea", "10:00", Party(9)) is None
    busy = of("long table", slot("tea", "10:00"))
    assert seats("tea", "10:00", Party(3), busy) is None


def test_seats_that_are_shared_are_given_one_by_one() -> None:
    assert seats("drink", "10:00", Party(3)) == ("bar/1", "bar/2", "bar/3")
    busy = of("bar/1", slot("drink", "10:00")) | of("bar/3", slot("drink", "10:00"))
    assert seats("drink", "10:00", Party(2), busy) == ("bar/2", "bar/4")
    assert seats("drink", "10:00", Party(3), busy) is None


def test_what_needs_nothing_known_has_no_room() -> None:
    assert Seating(SHOP, Service("perm", 30)).find(slot("cut", "10:00"), ()) is None


def test_chairs_without_a_name_are_numbered() -> None:
    shop = default_shop()
    assert [each.name for each in shop.everything] == ["chair 1"]
    assert shop.needs(Service("any", 30)) == ("chair",)
    assert shop.seats_of("chair 1") == ("chair 1",)
    assert shop.seats_of("chair 2") == ()
    assert SHOP.seats_of("bar") == ("bar/1", "bar/2", "bar/3", "bar/4")


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=4),
    st.sets(st.tuples(st.integers(0, 3), st.integers(1, 4))),
)
def test_a_party_has_exactly_as_many_free_seats_as_it_needs(
    size: int, tables: list[tuple[int, bool]], busy: set[tuple[int, int]]
) -> None:
    resources = tuple(
        Resource(f"t{at}", "table", seats=count, shared=shared)
        for at, (count, shared) in enumerate(tables)
    )
    shop = type(SHOP)(
        **{
            **{name: getattr(SHOP, name) for name in SHOP.__struct_fields__},
            "resources": resources,
        }
    )
    when = slot("tea", "10:00")
    taken = {(f"t{at}", when.cells[0]) for at, _ in busy} | {
        (f"t{at}/{seat}", when.cells[-1]) for at, seat in busy
    }
    found = Seating(shop, Service("tea", 60, needs=("table",)), Party(size)).find(when, taken)
    free = {key: each for each in resources for key in each.keys}
    free = {key: each for key, each in free.items() if not any(key == one for one, _ in taken)}
    room = sum(1 if each.shared else each.seats for each in free.values())
    assert (found is not None) is (room >= size)
    if found is not None:
        assert len(set(found)) == len(found)
        assert set(found) <= free.keys()
        assert sum(1 if free[key].shared else free[key].seats for key in found) >= size
