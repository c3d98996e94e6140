"""Callers of a shop with people, rooms and rules: whole stories through the dispatcher."""

import datetime as dt
from typing import Any

import pytest

from agents.local.slots import form
from tests.tools.desk import NOW, OTHER, Desk, said
from tests.tools.salon import SALON, SHOP
from tools.booking.offer import booking_tools
from tools.booking.shop import default_shop, parse_shop
from tools.registry import Registry
from tools.spec import ToolState
from tools.store import Store


def desk(store: Store, now: dt.datetime = NOW) -> Desk:
    return Desk(booking_tools(SHOP, store), store, now)


def wish(time: str = "14:00", **given: Any) -> dict[str, Any]:
    return {"service": "cut", "date": "2026-03-04", "time": time, "name": "Ann", **given}


async def done(own: Desk, tool: str, arguments: dict[str, Any], **given: Any) -> dict[str, Any]:
    outcome = await own.ask(tool, arguments, **given)
    assert outcome.state is ToolState.DONE, outcome.output
    return said(outcome)


async def refused(own: Desk, tool: str, arguments: dict[str, Any], **given: Any) -> dict[str, Any]:
    outcome = await own.ask(tool, arguments, **given)
    assert outcome.state is ToolState.REFUSED, outcome.output
    return said(outcome)


# ---- people and parties -----------------------------------------------------------------------


async def test_with_whom_is_told(plain: Store) -> None:
    own = desk(plain)
    data = await done(own, "book_appointment", wish(person="Bo"))
    assert data["message"] == (
        "You are booked: cut with Bo on Wednesday the 4th of March at 2 PM, under the name Ann."
    )
    assert data["appointment"]["with"] == ["Bo"]
    mine = await done(own, "my_appointments", {})
    assert "cut with Bo on Wednesday" in mine["message"]


async def test_who_is_not_free_is_told_with_who_is_and_what_is_near(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish(person="Bo"))
    data = await refused(
        own, "book_appointment", wish(person="Bo", name="Cy"), call="CA2", number=OTHER
    )
    assert data["field"] == "time"
    assert data["message"] == (
        "Bo is not free at 2 PM on Wednesday the 4th of March. Anna would be free then. "
        "I could offer 12:30 PM, 1 PM or 3 PM."
    )


async def test_who_is_not_there_or_does_not_do_it_is_told(plain: Store) -> None:
    own = desk(plain)
    data = await refused(own, "book_appointment", wish("10:00", person="Bo"))
    assert data["message"].startswith(
        "Bo is not here on Wednesday the 4th of March at 10 AM. Anna would be free then. I could"
    )
    data = await refused(own, "book_appointment", wish(service="massage", person="Bo"))
    assert (data["field"], data["choices"]) == ("person", ["Anna"])
    assert data["message"] == "Bo doesn't do massage. I could offer Anna."


async def test_a_move_stays_with_the_person_asked_for(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish(person="Bo"))
    move = {"date": "2026-03-05", "time": "10:00"}
    data = await done(own, "reschedule_appointment", move)
    assert data["appointment"]["with"] == ["Bo"]
    data = await refused(own, "reschedule_appointment", {"date": "2026-03-06", "time": "10:00"})
    assert data["message"].startswith("Bo is not here on Friday the 6th of March at 10 AM.")


async def test_a_party_is_told_and_must_not_be_too_large(plain: Store) -> None:
    own = desk(plain)
    tea = wish(service="tea", party=3)
    data = await done(own, "book_appointment", tea)
    assert "tea for 3 people on Wednesday" in data["message"]
    assert data["appointment"]["party"] == 3
    data = await refused(own, "book_appointment", wish(service="tea", party=9))
    assert (data["field"], data["message"]) == (
        "party",
        "For tea we take 8 people at most at a time.",
    )
    data = await refused(own, "book_appointment", wish(party=2))
    assert data["message"] == "For cut we take one person at most at a time."
    # Three have the long table: seven more do not fit.
    data = await refused(own, "book_appointment", wish(service="tea", party=7, name="Bo"))
    assert data["field"] == "time"


async def test_services_are_told_with_who_does_them(plain: Store) -> None:
    services = (await done(desk(plain), "list_services", {}))["services"]
    assert services[0] == {"name": "cut", "minutes": 30, "people": ["Anna", "Bo"]}
    assert services[2] == {"name": "tea", "minutes": 60, "largest_party": 8}


async def test_free_times_are_those_of_the_person_and_the_party(plain: Store) -> None:
    own = desk(plain)
    asked = {"service": "cut", "date": "2026-03-04", "person": "Bo"}
    assert (await done(own, "available_times", asked))["choices"][0] == "12:00"
    ahead = await done(own, "available_times", {"service": "cut", "person": "Bo"})
    days = ("2026-03-04", "2026-03-05", "2026-03-11", "2026-03-25")
    assert ahead["choices"][:4] == list(days)
    # Without a service: the longest that Bo does.
    assert (await done(own, "available_times", {"date": "2026-03-04", "person": "Bo"}))["choices"][
        -1
    ] == "17:30"
    none = await refused(own, "available_times", {"date": "2026-03-04", "party": 20})
    assert none["field"] == "party"


async def test_a_service_that_is_no_longer_offered_can_be_moved_while_its_kind_is_there(
    plain: Store,
) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish(service="massage"))
    text = SALON.replace("name: massage", "name: rub")
    later = Desk(booking_tools(parse_shop(text, "shop.yaml"), plain), plain, NOW)
    to = {"date": "2026-03-05", "time": "10:00"}
    known = {"name": "Ann", "old_date": "2026-03-04"}
    moved = await later.ask("reschedule_appointment", {**to, **known}, call="CA2")
    assert moved.state is ToolState.DONE, moved.output
    assert "massage with Anna on Thursday the 5th" in said(moved)["message"]
    # Nobody and nothing is there any more: it is refused, not moved to nowhere.
    gone = text.replace("name: Anna", "name: Ada")
    last = Desk(booking_tools(parse_shop(gone, "shop.yaml"), plain), plain, NOW)
    again = {**to, "time": "12:00", "name": "Ann", "old_date": "2026-03-05"}
    refusal = await last.ask("reschedule_appointment", again, call="CA3")
    assert refusal.state is ToolState.REFUSED, refusal.output
    assert "field" not in said(refusal) or said(refusal)["field"] not in ("name", "old_date")


# ---- searching --------------------------------------------------------------------------------


async def found(own: Desk, start: dict[str, Any], **given: Any) -> dict[str, Any]:
    return await done(own, "find_times", {"service": "cut", "start": start, **given})


async def test_the_earliest_after_a_moment_goes_on_to_the_next_days(plain: Store) -> None:
    data = await found(desk(plain), {"date": "2026-03-06", "time": "17:00"})
    assert data["choices"][:3] == ["2026-03-06 17:00", "2026-03-06 17:30", "2026-03-10 09:00"]
    assert data["message"] == (
        "The earliest is this Friday the 6th of March at 5 PM. After that I have this Friday the "
        "6th of March at 5:30 PM; Tuesday the 10th of March at 9 AM or 9:30 AM."
    )
    assert data["times"][0] == {
        "date": "2026-03-06",
        "time": "17:00",
        "said": "Friday the 6th of March at 5 PM",
    }


async def test_today_and_tomorrow_are_told_as_such(plain: Store) -> None:
    own = desk(plain)
    data = await found(own, {})
    assert data["message"].startswith("The earliest is today at 9 AM. After that I have today at")
    data = await found(own, {"date": "2026-03-04"})
    assert data["message"].startswith("The earliest is tomorrow at 9 AM.")


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ({"part_of_day": "afternoon"}, "2026-03-03 12:00"),
        ({"part_of_day": "evening", "date": "2026-03-06"}, "2026-03-06 17:00"),
        ({"part_of_day": "morning", "date": "2026-03-06", "time": "12:00"}, "2026-03-10 09:00"),
        ({"weekdays": ["thursday", "friday"]}, "2026-03-05 09:00"),
        ({"date": "2026-03-08", "until": "2026-03-10"}, "2026-03-10 09:00"),
        ({"date": "2026-03-13", "until": "2026-03-19"}, None),
        ({"date": "2026-03-20"}, "2026-03-20 12:00"),
        ({"date": "2026-03-05", "time": "18:00"}, "2026-03-05 18:00"),
        ({"date": "9999-12-31"}, None),
        ({"date": "0001-01-01"}, "2026-03-03 09:00"),
    ],
)
async def test_any_part_of_any_days(plain: Store, start: dict[str, Any], first: str | None) -> None:
    data = await found(desk(plain), start)
    assert (data["choices"] or [None])[0] == first
    if first is None:
        assert data["message"] == "I find nothing free then."


async def test_what_is_found_is_what_can_be_booked(plain: Store) -> None:
    own = desk(plain)
    for number in range(6):
        choice = (await found(own, {"date": "2026-03-04", "time": "16:00"}, person="Bo"))[
            "choices"
        ][0]
        date, time = choice.split()
        await done(
            own,
            "book_appointment",
            wish(time, date=date, person="Bo", name=f"n{number}"),
            call=f"CA{number}",
        )
    assert date == "2026-03-05"


async def test_a_search_without_a_service_suits_the_longest(plain: Store) -> None:
    data = await done(desk(plain), "find_times", {"start": {"date": "2026-03-06", "time": "16:45"}})
    assert data["choices"][:2] == ["2026-03-06 17:00", "2026-03-10 09:00"]


# ---- too late ---------------------------------------------------------------------------------


async def test_a_late_cancellation_is_refused_with_what_to_do(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish("09:00", date="2026-03-05"))
    own.now = dt.datetime(2026, 3, 4, 9, 1, tzinfo=dt.UTC)
    data = await refused(own, "cancel_appointment", {"date": "2026-03-05"})
    assert data["message"] == (
        "It is less than 24 hours away, and by then I can't cancel it any more. "
        "Please call the desk."
    )
    # Moving has a rule of its own: here none.
    to = {"date": "2026-03-06", "time": "10:00"}
    await done(own, "reschedule_appointment", to)
    await done(own, "cancel_appointment", {"date": "2026-03-06"})


async def test_until_then_and_for_other_services_it_can_be_cancelled(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish("09:00", date="2026-03-05"))
    await done(own, "book_appointment", wish("12:00", date="2026-03-05", service="tea"))
    own.now = dt.datetime(2026, 3, 4, 9, 0, tzinfo=dt.UTC)
    await done(own, "cancel_appointment", {"date": "2026-03-05", "time": "09:00"})
    own.now = dt.datetime(2026, 3, 5, 11, 59, tzinfo=dt.UTC)
    await done(own, "cancel_appointment", {"date": "2026-03-05", "time": "12:00"})


async def test_a_late_move_is_refused_where_the_service_says_so(plain: Store) -> None:
    text = SALON.replace("needs: [stylist]}", "needs: [stylist], notice_to_move_hours: 1}")
    shop = parse_shop(text, "shop.yaml")
    own = Desk(booking_tools(shop, plain), plain, NOW)
    await done(own, "book_appointment", wish("09:00"))
    own.now = dt.datetime(2026, 3, 4, 8, 30, tzinfo=dt.UTC)
    data = await refused(own, "reschedule_appointment", {"date": "2026-03-05", "time": "09:00"})
    assert data["message"].startswith("It is less than 1 hour away, and by then I can't move it")


# ---- what engines see -------------------------------------------------------------------------


def test_a_shop_without_people_or_parties_asks_for_neither(plain: Store) -> None:
    for spec in Registry(booking_tools(default_shop(), plain)).specs():
        assert not {"person", "party"} & spec.parameters["properties"].keys()


def test_people_are_choices_and_nobody_is_asked_for_them(plain: Store) -> None:
    specs = {each.name: each for each in Registry(booking_tools(SHOP, plain)).specs()}
    for name in ("book_appointment", "available_times", "find_times", "hold_time"):
        parameters = specs[name].parameters
        assert parameters["properties"]["person"]["enum"] == ["Anna", "Bo"]
        assert not {"person", "party"} & set(parameters.get("required", ()))
    assert not {"person"} & specs["cancel_appointment"].parameters["properties"].keys()


def test_the_embedded_engine_is_offered_what_a_caller_can_say(plain: Store) -> None:
    usable = {each.name: form(each).usable for each in Registry(booking_tools(SHOP, plain)).specs()}
    assert [name for name, can in usable.items() if not can] == [
        "find_times",
        "hold_time",
        "join_waiting_list",
    ]
