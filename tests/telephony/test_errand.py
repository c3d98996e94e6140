"""What the caller of a trial asks for: something free, in words, whatever is booked already."""

import datetime as dt
import zoneinfo

import pytest

from telephony.cli.errand import Asked, Errand, free_errand
from telephony.simulator.scenario import booking
from tools.booking.calendar import bookable
from tools.booking.resources import Service
from tools.booking.seating import Taken
from tools.booking.shop import Shop, default_shop, parse_shop

LONDON = zoneinfo.ZoneInfo("Europe/London")
THURSDAY = dt.datetime(2026, 11, 19, 9, 0, tzinfo=LONDON)


def errand(taken: Taken = frozenset(), shop: Shop | None = None) -> Errand:
    found = free_errand(shop or default_shop(), taken, THURSDAY)
    assert found is not None
    return found


def cells(shop: Shop, service: Service, days: range, *times: str) -> set[tuple[str, int]]:
    """All chairs taken at these times, or all day."""
    return {
        (f"chair {chair}", cell)
        for ahead in days
        for slot in bookable(shop, service, THURSDAY.date() + dt.timedelta(days=ahead), THURSDAY)
        if not times or f"{slot.local:%H:%M}" in times
        for chair in range(1, shop.chairs + 1)
        for cell in slot.cells
    }


def test_the_first_errand_is_tomorrow_afternoon() -> None:
    first = errand()
    assert (first.goal.day, first.goal.time, first.goal.changed_time) == (
        "Friday",
        "three in the afternoon",
        "three thirty",
    )
    assert first.asked == Asked("haircut", "2026-11-20T15:30+00:00", "Peter Baker")


def test_what_is_booked_already_is_not_asked_for_again() -> None:
    shop = default_shop()
    haircut = shop.service("haircut")
    taken = cells(shop, haircut, range(1, 3), "15:30")
    assert errand(taken).asked.local == "2026-11-24T15:30+00:00"
    taken = cells(shop, haircut, range(1, 7), "15:00")
    assert errand(taken).goal.time == "ten in the morning"


def test_when_the_week_is_full_the_day_is_said_with_its_date() -> None:
    shop = default_shop()
    later = errand(cells(shop, shop.service("haircut"), range(7)))
    assert later.goal.day == "Thursday the twenty-sixth of November"
    assert later.asked.local == "2026-11-26T15:30+00:00"


def test_thirty_trials_in_a_row_find_something_free() -> None:
    shop = default_shop()
    haircut = shop.service("haircut")
    taken: set[tuple[str, int]] = set()
    asked = []
    for _ in range(30):
        found = errand(taken)
        asked.append(found.asked.local)
        local = dt.datetime.fromisoformat(found.asked.local).replace(tzinfo=None)
        slots = bookable(shop, haircut, local.date(), THURSDAY)
        taken |= {("chair 1", cell) for slot in slots if slot.local == local for cell in slot.cells}
    assert len(set(asked)) == 30


def test_a_full_book_has_nothing_to_ask_for() -> None:
    shop = default_shop()
    taken = cells(shop, shop.service("haircut"), range(shop.days_ahead + 1))
    assert free_errand(shop, taken, THURSDAY) is None


OTHER = """
name: Garage
zone: America/New_York
services: [{name: oil change, minutes: 60}]
hours: {thursday: ["18:00-21:00"], monday: ["08:00-11:00"]}
step_minutes: 60
"""


def test_a_shop_of_another_kind_is_asked_for_what_it_has() -> None:
    found = errand(shop=parse_shop(OTHER, "shop.yaml"))
    assert (found.goal.service, found.goal.day) == ("oil change", "Monday")
    assert (found.goal.time, found.goal.changed_time) == (
        "nine in the morning",
        "ten in the morning",
    )
    assert found.asked == Asked("oil change", "2026-11-23T10:00-05:00", "Peter Baker")


def test_an_evening_hour_is_said_as_one() -> None:
    evenings = OTHER.replace(', monday: ["08:00-11:00"]', "")
    found = errand(shop=parse_shop(evenings, "shop.yaml"))
    assert found.goal.day == "Thursday the twenty-sixth of November"
    assert found.goal.time == "six in the evening"


@pytest.mark.parametrize("hour", range(24))
def test_no_errand_hangs_on_the_time_of_day(hour: int) -> None:
    now = THURSDAY.replace(hour=hour)
    found = free_errand(default_shop(), frozenset(), now)
    assert found is not None
    assert found.asked.local > now.isoformat()


def test_every_word_of_an_errand_is_among_the_caller_s_lines() -> None:
    goal = errand().goal
    spoken = " ".join(booking(goal).lines)
    for words in (goal.service, goal.day, goal.time, goal.changed_time, goal.name):
        assert words in spoken
