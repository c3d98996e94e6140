"""Callers ask, book, move and cancel: whole stories through the dispatcher."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from tests.tools.desk import CALLER, NOW, OTHER, Desk, said
from tests.tools.salon import SHOP as SALON
from tools.booking.appointments import Appointments
from tools.booking.asked import Cancel
from tools.booking.bookings import Booking, Bookings
from tools.booking.hours import Range
from tools.booking.offer import booking_tools
from tools.booking.shop import Shop, default_shop
from tools.crm.checking import Checks
from tools.crm.contacts import Contacts
from tools.crm.identity import CheckRules
from tools.receipts import Receipt
from tools.registry import Registry
from tools.spec import BackendError, ToolContext, ToolRefusal, ToolState
from tools.store import Store

SHOP = default_shop()
WITHHELD = None


def desk(store: Store, shop: Shop = SHOP, now: dt.datetime = NOW) -> Desk:
    return Desk(booking_tools(shop, store), store, now)


def wish(time: str = "10:00", **given: str) -> dict[str, str]:
    return {"service": "haircut", "date": "2026-03-04", "time": time, "name": "Ann", **given}


async def done(desk: Desk, tool: str, arguments: dict[str, Any], **given: Any) -> dict[str, Any]:
    outcome = await desk.ask(tool, arguments, **given)
    assert outcome.state is ToolState.DONE, outcome.output
    return said(outcome)


async def refused(desk: Desk, tool: str, arguments: dict[str, Any], **given: Any) -> dict[str, Any]:
    outcome = await desk.ask(tool, arguments, **given)
    assert outcome.state is ToolState.REFUSED, outcome.output
    return said(outcome)


# ---- asking -----------------------------------------------------------------------------------


async def test_services_are_told(plain: Store) -> None:
    data = await done(desk(plain), "list_services", {})
    assert data["choices"] == ["haircut", "beard trim", "hair colouring"]
    assert data["message"].startswith("We offer haircut for 45 minutes, 30 pounds; beard trim")


async def test_the_enum_of_services_is_the_shops(plain: Store) -> None:
    specs = {spec.name: spec for spec in Registry(booking_tools(SHOP, plain)).specs()}
    for name in ("book_appointment", "available_times"):
        assert specs[name].parameters["properties"]["service"]["enum"] == [
            "haircut",
            "beard trim",
            "hair colouring",
        ]


async def test_every_value_a_caller_must_give_can_be_asked_for(plain: Store) -> None:
    for spec in Registry(booking_tools(SHOP, plain)).specs():
        for name, field in spec.parameters["properties"].items():
            assert field["x-ask"].endswith("?"), (spec.name, name)
            if "x-choices-from" in field:
                assert Registry(booking_tools(SHOP, plain)).get(field["x-choices-from"])
        assert spec.phrases, spec.name


async def test_a_day_with_much_room_is_told_in_six_times(plain: Store) -> None:
    data = await done(desk(plain), "available_times", {"service": "haircut", "date": "2026-03-04"})
    assert data["choices"][0] == "09:00"
    assert data["choices"][-1] == "17:00"
    assert data["message"] == (
        "On Wednesday the 4th of March I have times all through, for example 9 AM, 10:30 AM, "
        "noon, 1:30 PM, 3 PM and 5 PM. Which would suit you?"
    )


async def test_a_day_with_little_room_is_told_whole(plain: Store) -> None:
    small = msgspec.structs.replace(SHOP, week=((Range(540, 640),),) * 7)
    data = await done(
        desk(plain, small), "available_times", {"service": "haircut", "date": "2026-03-04"}
    )
    assert data["message"].startswith("On Wednesday the 4th of March I have 9 AM and 9:30 AM.")


async def test_a_day_with_nothing_offers_the_nearest_days(plain: Store) -> None:
    data = await done(desk(plain), "available_times", {"service": "haircut", "date": "2026-03-08"})
    assert data["choices"] == []
    assert data["message"] == (
        "There is nothing free on Sunday the 8th of March. "
        "I could offer Saturday the 7th of March or Tuesday the 10th of March."
    )
    assert "2026-03-07" in data["other_days"]


async def test_without_a_day_the_next_days_are_the_choices(plain: Store) -> None:
    data = await done(desk(plain), "available_times", {})
    assert data["choices"][:2] == ["2026-03-03", "2026-03-04"]
    assert len(data["choices"]) == 14
    assert data["message"].startswith("The next days with free times are Tuesday the 3rd of March,")


async def test_without_a_service_the_times_suit_the_longest(plain: Store) -> None:
    data = await done(desk(plain), "available_times", {"date": "2026-03-04"})
    assert data["choices"][-1] == "16:30"


async def test_a_shop_that_is_never_open_says_so(plain: Store) -> None:
    own = desk(plain, msgspec.structs.replace(SHOP, week=((),) * 7))
    assert (await done(own, "available_times", {}))["message"] == "There is nothing free."
    data = await refused(own, "book_appointment", wish())
    assert data["message"] == "We are closed on Wednesday the 4th of March."
    data = await done(own, "available_times", {"date": "2026-03-04"})
    assert data["message"] == "There is nothing free on Wednesday the 4th of March."


async def test_every_offered_time_can_be_booked_and_then_is_not_offered(plain: Store) -> None:
    own = desk(plain)
    asked = {"service": "hair colouring", "date": "2026-03-07"}
    booked = 0
    while choices := (await done(own, "available_times", asked))["choices"]:
        await done(
            own, "book_appointment", wish(choices[len(choices) // 2], **asked, name=f"n{booked}")
        )
        booked += 1
    assert booked >= 3
    assert (await refused(own, "book_appointment", wish("09:00", **asked)))["field"] in (
        "time",
        "date",
    )


# ---- booking ----------------------------------------------------------------------------------


async def test_a_booking_is_told_as_it_is_stored(store: Store) -> None:
    data = await done(desk(store), "book_appointment", wish())
    assert data["message"] == (
        "You are booked: haircut on Wednesday the 4th of March at 10 AM, under the name Ann."
    )
    assert data["appointment"] == {
        "service": "haircut",
        "date": "2026-03-04",
        "time": "10:00",
        "minutes": 45,
        "name": "Ann",
        "state": "booked",
        "said": "Wednesday the 4th of March at 10 AM",
    }


async def test_fault_x14_the_second_caller_is_offered_what_is_near(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish(), call="CA1")
    data = await refused(own, "book_appointment", wish(name="Bo"), call="CA2", number=OTHER)
    assert data["field"] == "time"
    taken, offer = data["message"].split(". ")
    assert taken == "10 AM on Wednesday the 4th of March is already taken"
    assert offer == "I could offer 9 AM, 11 AM or 11:30 AM."
    assert data["choices"][:3] == ["09:00", "11:00", "11:30"]
    again = wish(data["choices"][0], name="Bo")
    await done(own, "book_appointment", again, call="CA2", number=OTHER)


async def test_a_full_day_offers_other_days(plain: Store) -> None:
    narrow = msgspec.structs.replace(SHOP, week=((Range(600, 645),),) * 7)
    own = desk(plain, narrow)
    await done(own, "book_appointment", wish())
    data = await refused(own, "book_appointment", wish(name="Bo"), call="CA2", number=OTHER)
    assert data["field"] == "date"
    days = ("Tuesday the 3rd of March", "Thursday the 5th of March", "Friday the 6th of March")
    assert data["message"].endswith("I could offer {}, {} or {}.".format(*days))


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        (
            {"date": "2026-03-02"},
            "date",
            "10 AM on Monday the 2nd of March is already past. I could offer",
        ),
        (
            {"date": "2026-03-03", "time": "07:30"},
            "time",
            "7:30 AM on Tuesday the 3rd of March is already",
        ),
        (
            {"date": "2026-03-08"},
            "date",
            "We are closed on Sunday the 8th of March. I could offer Fri",
        ),
        (
            {"date": "2027-03-04"},
            "date",
            "We only take bookings up to 60 days ahead. I could offer",
        ),
        ({"date": "9999-12-31"}, "date", "We only take bookings up to 60 days ahead."),
        ({"date": "0001-01-01"}, "date", "10 AM on Monday the 1st of January is already past."),
        (
            {"time": "08:00"},
            "time",
            "On Wednesday the 4th of March we are open from 9 AM to 6 PM, and a hai",
        ),
        (
            {"time": "17:30"},
            "time",
            "On Wednesday the 4th of March we are open from 9 AM to 6 PM, and a hai",
        ),
        (
            {"time": "10:10"},
            "time",
            "We can't begin at 10:10 AM. I could offer 9:30 AM, 10 AM or 10:30 AM.",
        ),
        (
            {"date": "2026-03-07", "time": "12:30"},
            "time",
            "On Saturday the 7th of March we are open from 9 AM to 1 PM and from 2 PM to 5 PM, and",
        ),
    ],
)
async def test_what_cannot_be_booked_is_refused_by_field_with_a_sentence(
    plain: Store, changed: dict[str, str], field: str, message: str
) -> None:
    data = await refused(desk(plain), "book_appointment", wish(**changed))
    assert data["message"].startswith(message)
    assert data["field"] == field
    assert data["choices"]


async def test_too_soon_is_told_with_the_notice(plain: Store) -> None:
    late = desk(plain, now=dt.datetime(2026, 3, 4, 9, 45, tzinfo=dt.UTC))
    data = await refused(late, "book_appointment", wish())
    assert data["message"].startswith(
        "10 AM is too soon: we need 60 minutes' notice. I could offer 11 AM,"
    )


async def test_the_hour_that_is_skipped_in_spring_is_told(plain: Store) -> None:
    night = msgspec.structs.replace(SHOP, week=((Range(0, 240),),) * 7)
    data = await refused(desk(plain, night), "book_appointment", wish("01:30", date="2026-03-29"))
    assert data["message"].startswith("The clocks go forward that night, so there is no 1:30 AM.")
    assert data["choices"] == ["00:00", "00:30", "02:00", "02:30", "03:00"]


async def test_fault_x7_a_barge_in_that_asks_again_books_once(store: Store) -> None:
    own = desk(store)
    first = await own.ask("book_appointment", wish())
    twin = await own.ask("book_appointment", wish(name="Ann "))
    assert (twin.output, twin.repeated) == (first.output, True)
    louder = await own.ask("book_appointment", wish(name="ANN"))
    assert (louder.output, louder.repeated) == (first.output, False)
    assert len((await done(own, "my_appointments", {}))["appointments"]) == 1


async def test_a_caller_who_calls_again_has_one_booking(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish(), call="CA1")
    await done(own, "book_appointment", wish(), call="CA2")
    assert len((await done(own, "my_appointments", {}, call="CA1"))["appointments"]) == 1


@pytest.mark.parametrize("number", [CALLER, WITHHELD])
async def test_fault_x7_what_stands_is_not_booked_again_once_another_was_cancelled(
    store: Store, number: str | None
) -> None:
    own = desk(store, msgspec.structs.replace(SHOP, chairs=3))
    await done(own, "book_appointment", wish("10:00"), number=number)
    await done(own, "book_appointment", wish("15:00"), number=number)
    other = {"date": "2026-03-04", "time": "15:00", "name": "Ann"}
    await done(own, "cancel_appointment", other, number=number)
    await done(own, "book_appointment", wish("10:00"), number=number)
    live = [each for each in Bookings(store, SHOP).of_call("CA1") if each.state == "booked"]
    assert len(live) == 1


async def test_another_party_or_person_is_another_booking(store: Store) -> None:
    own = desk(store, SALON)
    tea = {"service": "tea", "date": "2026-03-04", "time": "15:00", "name": "Ann"}
    for size in (2, 4, 4):
        await done(own, "book_appointment", {**tea, "party": size})
    cut = {"service": "cut", "date": "2026-03-04", "time": "12:00", "name": "Ann"}
    for person in ("Anna", "Bo", "Bo"):
        await done(own, "book_appointment", {**cut, "person": person}, call=person)
    booked = [
        each for call in ("CA1", "Anna", "Bo") for each in Bookings(store, SALON).of_call(call)
    ]
    assert [(each.party, each.person) for each in booked] == [
        (2, None),
        (4, None),
        (1, "Anna"),
        (1, "Bo"),
    ]


# ---- changing ---------------------------------------------------------------------------------


async def test_book_cancel_and_book_again_in_one_call(store: Store) -> None:
    own = desk(store)
    for _ in range(2):
        assert not (await own.ask("book_appointment", wish())).repeated
        assert (await done(own, "my_appointments", {}))["choices"] == ["2026-03-04"]
        cancelled = await done(own, "cancel_appointment", {"date": "2026-03-04"})
        assert cancelled["message"].startswith("Cancelled: haircut on Wednesday")
        assert (await refused(own, "my_appointments", {}))["field"] == "name"


async def test_there_and_back_and_there_again(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish())
    for time in ("11:00", "10:00", "11:00"):
        outcome = await own.ask("reschedule_appointment", {"date": "2026-03-05", "time": time})
        assert (outcome.state, outcome.repeated) == (ToolState.DONE, False)
    (left,) = (await done(own, "my_appointments", {}))["appointments"]
    assert (left["date"], left["time"]) == ("2026-03-05", "11:00")


async def test_moving_onto_a_taken_time_is_refused_and_changes_nothing(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish())
    await done(own, "book_appointment", wish("12:00", name="Bo"), call="CA2", number=OTHER)
    data = await refused(own, "reschedule_appointment", {"date": "2026-03-04", "time": "12:00"})
    assert (data["field"], "already taken" in data["message"]) == ("time", True)
    (left,) = (await done(own, "my_appointments", {}))["appointments"]
    assert left["time"] == "10:00"


async def test_a_move_to_a_closed_day_is_refused(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish())
    data = await refused(own, "reschedule_appointment", {"date": "2026-03-08", "time": "12:00"})
    assert (data["field"], data["message"][:13]) == ("date", "We are closed")


async def test_with_several_bookings_the_caller_is_asked_which(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish("10:00"))
    await done(own, "book_appointment", wish("15:00"))
    await done(own, "book_appointment", wish("15:00", date="2026-03-05"))
    to = {"date": "2026-03-06", "time": "09:00"}

    data = await refused(own, "reschedule_appointment", to)
    assert (data["field"], data["choices"]) == ("old_date", ["2026-03-04", "2026-03-05"])
    data = await refused(own, "reschedule_appointment", {**to, "old_date": "2026-03-04"})
    assert (data["field"], data["choices"]) == ("old_time", ["10:00", "15:00"])
    assert data["message"].endswith("Which one do you mean?")
    await done(own, "reschedule_appointment", {**to, "old_date": "2026-03-04", "old_time": "15:00"})
    data = await refused(own, "cancel_appointment", {"date": "2026-03-07"})
    assert data["message"].startswith("I don't see that one; you have haircut on")
    assert data["choices"] == ["2026-03-04", "2026-03-05", "2026-03-06"]


async def test_nothing_to_change_is_told(plain: Store) -> None:
    own = desk(plain)
    data = await refused(own, "cancel_appointment", {"date": "2026-03-04", "name": "Ann"})
    assert (data["field"], data["message"]) == (
        "date",
        "I can't find an appointment under that name on that day.",
    )


async def test_what_is_past_is_not_the_callers_any_more(plain: Store) -> None:
    await done(desk(plain), "book_appointment", wish())
    later = desk(plain, now=NOW + dt.timedelta(days=2))
    known = {"name": "Ann", "date": "2026-03-04"}
    assert (await done(later, "my_appointments", known, call="CA2"))["choices"] == []


# ---- whose ------------------------------------------------------------------------------------


async def test_another_callers_booking_cannot_be_seen_or_touched(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish())
    known = {"name": "Ann", "date": "2026-03-04"}
    assert (await done(own, "my_appointments", known, number=OTHER))["choices"] == []
    await refused(own, "cancel_appointment", known, number=OTHER)
    assert (await done(own, "my_appointments", {}))["choices"] == ["2026-03-04"]


async def test_a_withheld_number_is_asked_for_name_and_day(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish(), number=WITHHELD)
    assert (await refused(own, "my_appointments", {}, number="anonymous"))["field"] == "name"
    data = await refused(own, "my_appointments", {"name": "Ann"}, number=WITHHELD)
    assert (data["field"], data["message"]) == ("date", "And what day is the appointment on?")
    known = {"name": "ann", "date": "2026-03-04"}
    assert (await done(own, "my_appointments", known, number=WITHHELD))["choices"] == ["2026-03-04"]

    to = {"date": "2026-03-05", "time": "11:00"}
    assert (await refused(own, "reschedule_appointment", to, number=WITHHELD))["field"] == "name"
    data = await refused(own, "reschedule_appointment", {**to, "name": "Ann"}, number=WITHHELD)
    assert data["field"] == "old_date"
    moving = {**to, "name": "Ann", "old_date": "2026-03-04"}
    await done(own, "reschedule_appointment", moving, number=WITHHELD)
    assert (await refused(own, "cancel_appointment", {"date": "2026-03-05"}, number=WITHHELD))[
        "field"
    ] == "name"
    await done(own, "cancel_appointment", {"date": "2026-03-05", "name": "Ann"}, number=WITHHELD)


async def test_what_was_booked_withheld_is_found_by_name_and_day_from_any_number(
    plain: Store,
) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish(), number=WITHHELD)
    known = {"name": "Ann", "date": "2026-03-04"}
    assert (await refused(own, "my_appointments", {}, number=CALLER))["field"] == "name"
    assert (await done(own, "my_appointments", known, number=CALLER))["choices"] == ["2026-03-04"]


async def test_a_withheld_number_gets_at_nothing_a_known_number_booked(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish())
    known = {"name": "Ann", "date": "2026-03-04"}
    seen = await done(own, "my_appointments", known, call="CA2", number=WITHHELD)
    assert (seen["choices"], "appointments" in seen) == ([], False)
    moving = {"date": "2026-03-05", "time": "11:00", "name": "Ann", "old_date": "2026-03-04"}
    for tool, asked in (("cancel_appointment", known), ("reschedule_appointment", moving)):
        data = await refused(own, tool, asked, call="CA2", number=WITHHELD)
        assert data["message"].endswith("I can take a message for our staff.")
    assert (await done(own, "my_appointments", {}))["choices"] == ["2026-03-04"]


async def test_a_caller_with_a_booking_still_finds_the_one_made_withheld(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish(), call="CA1", number=WITHHELD)
    later = wish(date="2026-03-05")
    await done(own, "book_appointment", later, call="CA2")
    known = {"name": "Ann", "date": "2026-03-04"}
    found = await done(own, "my_appointments", known, call="CA2")
    assert found["choices"] == ["2026-03-04", "2026-03-05"]
    cancelled = await done(own, "cancel_appointment", known, call="CA2")
    assert cancelled["appointment"]["date"] == "2026-03-04"
    assert (await done(own, "my_appointments", {}, call="CA2"))["choices"] == ["2026-03-05"]


async def test_two_at_one_time_are_told_apart_by_name(plain: Store) -> None:
    own = desk(plain, msgspec.structs.replace(SHOP, chairs=3))
    for name in ("Ann", "Bob"):
        await done(own, "book_appointment", wish(name=name))
    at = {"date": "2026-03-04", "time": "10:00"}
    data = await refused(own, "cancel_appointment", at)
    assert (data["field"], data["choices"]) == ("name", ["Ann", "Bob"])
    moving = {"date": "2026-03-05", "time": "11:00"}
    assert (await refused(own, "reschedule_appointment", moving))["field"] == "name"
    data = await refused(own, "cancel_appointment", {**at, "name": "Cy"})
    assert data["message"].endswith("for Ann and Bob. Whose do you mean?")
    cancelled = await done(own, "cancel_appointment", {**at, "name": "bob"})
    assert cancelled["appointment"]["name"] == "Bob"
    moved = await done(own, "reschedule_appointment", moving)
    assert moved["appointment"]["name"] == "Ann"


async def test_two_at_one_time_under_one_name_are_for_the_staff(plain: Store) -> None:
    own = desk(plain, msgspec.structs.replace(SHOP, chairs=3))
    for service in ("haircut", "beard trim"):
        await done(own, "book_appointment", wish(service=service))
    data = await refused(own, "cancel_appointment", {"date": "2026-03-04", "name": "Ann"})
    assert "field" not in data
    assert data["message"].endswith("I can take a message for our staff.")


async def test_a_common_name_is_found_on_any_day(plain: Store) -> None:
    own = desk(plain, msgspec.structs.replace(SHOP, chairs=21))
    for number in range(21):
        await done(own, "book_appointment", wish(), call=f"CA{number}", number=WITHHELD)
    late = wish(date="2026-03-12")
    await done(own, "book_appointment", late, call="CB1", number=WITHHELD)
    known = {"name": "Ann", "date": "2026-03-12"}
    found = await done(own, "my_appointments", known, call="CB2", number=WITHHELD)
    assert found["choices"] == ["2026-03-12"]


# ---- a number is a hint ------------------------------------------------------------------------

KNOWN = {"name": "Ann", "date": "2026-03-04"}
MOVING = {"date": "2026-03-05", "time": "11:00"}


async def test_a_number_alone_is_told_nothing_of_its_appointments(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish(), call="CA0")
    for tool, asked in (
        ("my_appointments", {}),
        ("my_appointments", {"date": "2026-03-04"}),
        ("cancel_appointment", {"date": "2026-03-04"}),
        ("reschedule_appointment", MOVING),
    ):
        data = await refused(own, tool, asked)
        assert (data["field"], data.get("choices", [])) == ("name", [])
    data = await refused(own, "reschedule_appointment", {**MOVING, "name": "Ann"})
    assert data["field"] == "old_date"
    # What has no appointments is asked the very same.
    assert (await refused(own, "my_appointments", {}, number=OTHER))["field"] == "name"


async def test_name_and_day_of_one_open_all_of_the_number_for_this_call(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish(), call="CA0")
    await done(own, "book_appointment", wish(date="2026-03-06"), call="CA0")
    assert (await done(own, "my_appointments", KNOWN))["choices"] == ["2026-03-04", "2026-03-06"]
    assert (await done(own, "my_appointments", {}))["choices"] == ["2026-03-04", "2026-03-06"]
    await done(own, "cancel_appointment", {"date": "2026-03-06"})
    assert (await refused(own, "my_appointments", {}, call="CA2"))["field"] == "name"


async def test_guesses_are_few_and_then_a_right_one_is_no_better(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish(), call="CA0")
    for day in range(10, 13):
        data = await done(own, "my_appointments", {"name": "Ann", "date": f"2026-03-{day}"})
        assert data["choices"] == []
    for tool in ("my_appointments", "cancel_appointment"):
        assert "again today" in (await refused(own, tool, KNOWN))["message"]
    for day in (13, 14):
        guess = {"name": "Ann", "date": f"2026-03-{day}"}
        await done(own, "my_appointments", guess, call="CA2")
    assert "again today" in (await refused(own, "my_appointments", KNOWN, call="CA3"))["message"]
    own.now = NOW + dt.timedelta(hours=20)
    assert (await done(own, "my_appointments", KNOWN, call="CA4"))["choices"] == ["2026-03-04"]


async def test_guesses_from_a_withheld_number_are_counted_in_their_call(store: Store) -> None:
    own = desk(store)
    await done(own, "book_appointment", wish(), call="CA0", number=WITHHELD)
    for day in range(10, 13):
        guess = {"name": "Ann", "date": f"2026-03-{day}"}
        await done(own, "my_appointments", guess, number=WITHHELD)
    assert (
        "again today" in (await refused(own, "my_appointments", KNOWN, number=WITHHELD))["message"]
    )
    found = await done(own, "my_appointments", KNOWN, call="CA2", number=WITHHELD)
    assert found["choices"] == ["2026-03-04"]


async def test_who_has_a_booking_that_day_has_no_more_guesses_than_others(store: Store) -> None:
    own = desk(store, msgspec.structs.replace(SHOP, chairs=3))
    await done(own, "book_appointment", wish(), call="CA0", number=WITHHELD)
    await done(own, "book_appointment", wish("12:00", name="Me"), call="CA2")
    for name in ("Guess", "Another", "Third"):
        guess = {"name": name, "date": "2026-03-04"}
        assert len((await done(own, "my_appointments", guess, call="CA2"))["appointments"]) == 1
    for name in ("Ann", "Me"):
        found = await done(own, "my_appointments", {**KNOWN, "name": name}, call="CA2")
        assert [each["time"] for each in found["appointments"]] == ["12:00"]


async def test_who_knows_a_withheld_booking_proves_nothing_of_the_number(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish(), call="CA0", number=WITHHELD)
    await done(own, "book_appointment", wish(date="2026-03-06", name="Bo"), call="CA1")
    found = await done(own, "my_appointments", KNOWN, call="CA2")
    assert found["choices"] == ["2026-03-04"]
    assert (await refused(own, "my_appointments", {}, call="CA2"))["field"] == "name"


# ---- what became of it ------------------------------------------------------------------------


async def test_the_bookings_can_tell_what_became_of_each_change(plain: Store) -> None:
    own = desk(plain)
    registry = Registry(booking_tools(SHOP, plain))
    for tool, arguments, lead in (
        ("book_appointment", wish(), "You are booked: "),
        (
            "reschedule_appointment",
            {"date": "2026-03-05", "time": "11:00"},
            "Your appointment is moved: ",
        ),
        ("cancel_appointment", {"date": "2026-03-05"}, "Cancelled: "),
    ):
        told = await done(own, tool, arguments)
        receipt = own.receipts.of_call("CA1")[-1]
        entry = registry.get(tool)
        assert entry is not None
        assert entry.tool.reconcile is not None
        found = entry.tool.reconcile(ToolContext("CA1", CALLER, NOW, receipt.idempotency_key))
        assert found is not None
        assert found["message"] == told["message"]
        assert told["message"].startswith(lead)
        assert entry.tool.reconcile(ToolContext("CA1", CALLER, NOW, "another")) is None


async def test_a_booking_nobody_wrote_down_and_then_cancelled_is_not_told_as_booked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = desk(store)

    def full(*_given: Any, **_named: Any) -> Receipt:
        raise BackendError("disk full", permanent=False)

    with monkeypatch.context() as broken:
        broken.setattr(own.receipts, "finish", full)
        assert (await own.ask("book_appointment", wish())).state is ToolState.UNKNOWN
    await done(own, "cancel_appointment", {"date": "2026-03-04"})
    own.now = NOW + dt.timedelta(minutes=1)
    assert (await own.ask("book_appointment", wish())).state is ToolState.FAILED
    assert (await refused(own, "my_appointments", {}))["field"] == "name"
    again = await own.ask("book_appointment", wish())
    assert (again.state, again.repeated) == (ToolState.DONE, False)
    assert (await done(own, "my_appointments", {}))["choices"] == ["2026-03-04"]


async def test_a_booking_cancelled_between_look_and_change_is_told(plain: Store) -> None:
    own = desk(plain)
    await done(own, "book_appointment", wish())
    bookings = Bookings(plain, SHOP)

    class Stale(Bookings):
        """Cancels what it has just shown, as another call might."""

        def of_number(self, number: str, now: dt.datetime) -> list[Booking]:
            found = super().of_number(number, now)
            for each in found:
                bookings.cancel(each, ToolContext("CA9", CALLER, NOW, "other"))
            return found

    late = Appointments(SHOP, Stale(plain, SHOP), Checks(plain, Contacts(plain), CheckRules()))
    with pytest.raises(ToolRefusal, match="already cancelled"):
        late.cancel(Cancel("2026-03-04"), ToolContext("CA1", CALLER, NOW, "mine"))
