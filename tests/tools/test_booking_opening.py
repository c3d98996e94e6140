"""When the shop is open, and what things cost: the two questions that are asked most."""

import datetime as dt
import itertools
from typing import Any

import pytest

from tests.tools.desk import NOW, Desk, said
from tests.tools.salon import BAR, SALON, SHOP
from tools.booking.offer import booking_tools
from tools.booking.shop import Shop, parse_shop
from tools.spec import ToolState
from tools.store import Store

_ids = itertools.count(1)


async def asked(
    store: Store,
    shop: Shop = SHOP,
    now: dt.datetime = NOW,
    tool: str = "opening_hours",
    **given: str,
) -> dict[str, Any]:
    desk = Desk(booking_tools(shop, store), store, now)
    outcome = await desk.ask(tool, given, tool_call_id=f"tc{next(_ids)}")
    assert outcome.state is ToolState.DONE, outcome.output
    return said(outcome)


async def test_the_week_is_told_days_of_equal_hours_together(plain: Store) -> None:
    told = await asked(plain)
    assert told["message"].startswith(
        "We are open Tuesday and Wednesday from 9 AM to 6 PM, Thursday from 9 AM to 8 PM"
        " and Friday from 9 AM to 6 PM. We are closed on Monday, Saturday and Sunday."
    )
    assert told["week"]["thursday"] == ["09:00-20:00"]
    assert told["week"]["monday"] == []


async def test_days_soon_that_are_not_as_their_weekday_are_told_with_the_week(plain: Store) -> None:
    told = await asked(plain)
    assert told["message"].endswith("On Friday the 13th of March we are closed.")
    later = dt.datetime(2026, 3, 14, 8, 0, tzinfo=dt.UTC)
    message = (await asked(plain, now=later))["message"]
    assert "On Tuesday the 17th of March we are closed." in message
    assert "20th" not in message, "three of them are enough to listen to"


@pytest.mark.parametrize(
    ("date", "message", "hours"),
    [
        ("2026-03-03", "Today we are open from 9 AM to 6 PM.", ["09:00-18:00"]),
        ("2026-03-04", "Tomorrow we are open from 9 AM to 6 PM.", ["09:00-18:00"]),
        (
            "2026-03-20",
            "On Friday the 20th of March we are open from noon to 3 PM.",
            ["12:00-15:00"],
        ),
        (
            "2026-03-08",
            "On Sunday the 8th of March we are closed. After that we are open on Tuesday the 10th"
            " of March, from 9 AM to 6 PM.",
            [],
        ),
    ],
)
async def test_a_day_is_told_with_what_is_special_about_it(
    plain: Store, date: str, message: str, hours: list[str]
) -> None:
    told = await asked(plain, date=date)
    assert (told["message"], told["hours"]) == (message, hours)


async def test_a_day_is_the_shop_s_own_and_not_utc_s(plain: Store) -> None:
    shop = parse_shop(SALON.replace("Europe/London", "Pacific/Auckland"), "shop.yaml")
    evening = dt.datetime(2026, 3, 3, 20, 0, tzinfo=dt.UTC)  # Wednesday morning there
    told = await asked(plain, shop, evening, date="2026-03-04")
    assert told["message"].startswith("Today we are open")


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (
            NOW,
            "We are open Friday and Saturday from 6 PM to 2:30 AM. We are closed on Monday to"
            " Thursday and Sunday. On Saturday the 14th of March we are open from 6 PM to"
            " midnight.",
        ),
        (
            NOW + dt.timedelta(days=14),
            "We are open Friday and Saturday from 6 PM to 2:30 AM. We are closed on Monday to"
            " Thursday and Sunday.",
        ),
    ],
)
async def test_a_night_is_told_once_and_with_the_evening_it_begins_in(
    plain: Store, now: dt.datetime, message: str
) -> None:
    told = await asked(plain, BAR, now)
    assert told["message"] == message
    assert told["week"]["friday"] == told["week"]["saturday"] == ["18:00-02:30"]
    assert told["week"]["sunday"] == []


@pytest.mark.parametrize(
    ("date", "now", "message", "hours"),
    [
        (
            "2026-03-06",
            "2026-03-03 12:00",
            "On Friday the 6th of March we are open from 6 PM to 2:30 AM.",
            ["18:00-02:30"],
        ),
        (
            "2026-03-07",
            "2026-03-03 12:00",
            "On Saturday the 7th of March we are open from 6 PM to 2:30 AM.",
            ["00:00-02:30", "18:00-02:30"],
        ),
        # At one o'clock the night of Friday is not over.
        (
            "2026-03-07",
            "2026-03-07 01:00",
            "Today we are open until 2:30 AM and from 6 PM to 2:30 AM.",
            ["00:00-02:30", "18:00-02:30"],
        ),
        (
            "2026-03-07",
            "2026-03-07 02:30",
            "Today we are open from 6 PM to 2:30 AM.",
            ["00:00-02:30", "18:00-02:30"],
        ),
        (
            "2026-03-08",
            "2026-03-03 12:00",
            "On Sunday the 8th of March we are open until 2:30 AM. After that we are open on"
            " Friday the 13th of March, from 6 PM to 2:30 AM.",
            ["00:00-02:30"],
        ),
        # The day after is off.
        (
            "2026-03-14",
            "2026-03-03 12:00",
            "On Saturday the 14th of March we are open from 6 PM to midnight.",
            ["00:00-02:30", "18:00-24:00"],
        ),
    ],
)
async def test_a_night_of_a_day_ends_the_day_after(
    plain: Store, date: str, now: str, message: str, hours: list[str]
) -> None:
    at = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)
    told = await asked(plain, BAR, at, date=date)
    assert (told["message"], told["hours"]) == (message, hours)


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (
            'monday: ["08:00-24:00"], tuesday: ["00:00-08:00"]',
            "Monday from 8 AM to midnight and Tuesday from midnight to 8 AM.",
        ),
        ('monday: ["00:00-24:00"]', "Monday around the clock."),
        (
            'monday: ["00:00-24:00"], tuesday: ["00:00-02:00"]',
            "Monday around the clock and Tuesday from midnight to 2 AM.",
        ),
        ('sunday: ["22:00-24:00"], monday: ["00:00-04:00"]', "Sunday from 10 PM to 4 AM."),
        ('friday: ["20:00-24:00"]', "Friday from 8 PM to midnight."),
    ],
)
async def test_what_two_times_of_the_clock_cannot_say_is_no_night(
    plain: Store, hours: str, said: str
) -> None:
    head = SALON.partition("\nhours:")[0]
    text = f"{head}\nhours: {{{hours}}}\nservices: [{{name: cut, minutes: 30}}]\n"
    message = (await asked(plain, parse_shop(text, "shop.yaml")))["message"]
    assert message.startswith(f"We are open {said} We are closed on")


async def test_a_day_that_is_past_is_told_by_its_name(plain: Store) -> None:
    told = await asked(plain, date="2026-03-02")
    assert told["message"].startswith("On Monday the 2nd of March we are closed. After that")


@pytest.mark.parametrize("date", ["9999-12-31", "9999-12-30", "0001-01-01"])
async def test_no_day_is_too_far_off_to_be_told(plain: Store, date: str) -> None:
    for weekday in ("friday", "thursday", "monday"):
        text = SALON.replace(f"  {weekday}:", "  sunday:").replace("18:00", "24:00")
        told = await asked(plain, parse_shop(text, "shop.yaml"), date=date)
        assert told["date"] == date


async def test_a_shop_without_a_week_and_one_that_does_not_open_again(plain: Store) -> None:
    head = SALON.partition("\nhours:")[0]
    text = f"{head}\nhours: {{}}\nservices: [{{name: cut, minutes: 30}}]\n"
    shop = parse_shop(text, "shop.yaml")
    assert (await asked(plain, shop))["message"] == "We have no regular opening hours."
    told = await asked(plain, shop, date="2026-03-04")
    assert told["message"] == "Tomorrow we are closed."


async def test_what_a_service_costs_is_told_where_the_shop_says_it(plain: Store) -> None:
    priced = SALON.replace("{name: cut, minutes: 30,", "{name: cut, minutes: 30, price: 9 pounds,")
    shop = parse_shop(priced, "shop.yaml")
    told = await asked(plain, shop, tool="list_services")
    assert told["message"].startswith("We offer cut for 30 minutes, 9 pounds; massage for 60")
    assert [each.get("price") for each in told["services"]] == ["9 pounds", None, None, None]
    one = await asked(plain, shop, tool="list_services", service="cut")
    assert one["message"] == "Cut: 30 minutes, 9 pounds."
    assert [each["name"] for each in one["services"]] == ["cut"]
    other = await asked(plain, shop, tool="list_services", service="tea")
    assert other["message"] == "Tea: 60 minutes."


async def test_without_prices_services_are_listed_as_ever(plain: Store) -> None:
    told = await asked(plain, tool="list_services")
    assert told["message"] == (
        "We offer cut for 30 minutes, massage for 60 minutes, tea for 60 minutes and drink for"
        " 30 minutes."
    )
