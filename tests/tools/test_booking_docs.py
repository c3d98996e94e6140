"""The shop in docs/booking.md is one that loads, and means what the page says."""

import datetime as dt
import re

from tests.tree import ROOT
from tools.booking.hours import Range
from tools.booking.offer import booking_tools
from tools.booking.seating import Party, Seating
from tools.booking.shop import Shop, parse_shop
from tools.registry import Registry
from tools.store import Store

PAGE = (ROOT / "docs/booking.md").read_text(encoding="utf-8")


def shop() -> Shop:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return parse_shop(text, "docs/booking.md")


def test_the_example_loads_and_says_what_it_says() -> None:
    found = shop()
    assert found.people == ("Anna", "Bo")
    assert found.hours(dt.date(2027, 1, 2)) == ()
    assert found.hours(dt.date(2026, 12, 29)) == (Range(600, 960),)
    assert Seating(found, found.service("hair colouring")).people == ("Anna",)
    assert Seating(found, found.service("afternoon tea"), Party(6)).people == ()
    assert found.notice_to_cancel == dt.timedelta(hours=24)
    assert found.late_message.endswith("020 7946 0000.")


def test_every_tool_is_on_the_page(plain: Store) -> None:
    for name in Registry(booking_tools(shop(), plain)).names():
        assert f"`{name}`" in PAGE, name
