"""When the shop is open, and what things cost: the two questions that are asked most."""

import datetime as dt
import itertools
from typing import Any

import pytest

from tests.tools.desk import NOW, Desk, said
from tests.tools.salon import SALON, SHOP
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
