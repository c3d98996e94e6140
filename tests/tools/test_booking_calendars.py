"""Which calendars a shop names, and what of a caller they are shown."""

import datetime as dt
import re

import pytest

from tests.tools.calendar_story import SHOP
from tests.tree import ROOT
from tools.booking.calendars import Appointment, Shows, entry
from tools.booking.shop import Shop, parse_shop
from tools.config import ConfigError

URL = "https://cal.example.com/dav/anna/shop/"


def shop(*lines: str) -> Shop:
    return parse_shop(SHOP + "calendars:\n" + "".join(f"{line}\n" for line in lines), "shop.yaml")


def one(**changes: str) -> str:
    said = {"resource": "Anna", "url": URL, "user": "anna", "password": "anna", **changes}
    return "  - {" + ", ".join(f"{name}: {value}" for name, value in said.items()) + "}"


def test_a_calendar_for_each_of_two_people() -> None:
    anna, ben = shop(one(), one(resource="Ben", every_minutes="15")).calendars
    assert (anna.resource, anna.url, anna.user, anna.password) == ("Anna", URL, "anna", "anna")
    assert (anna.every_minutes, ben.every_minutes) == (5, 15)
    assert anna.source == "calendar:Anna"


def test_the_documented_example_loads() -> None:
    page = (ROOT / "docs/calendars.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (found,) = parse_shop(SHOP + text, "docs/calendars.md").calendars
    assert (found.resource, found.password, found.every_minutes) == ("Anna", "anna", 5)


def test_without_any_there_are_none() -> None:
    assert parse_shop(SHOP, "shop.yaml").calendars == ()


def test_another_url_or_user_is_another_place() -> None:
    places = {
        shop(one(**changes)).calendars[0].place
        for changes in ({}, {"user": "x"}, {"url": URL + "2/"}, {"password": "other"})
    }
    assert len(places) == 3


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"resource": "Zoe"}, "the shop has no 'Zoe'"),
        ({"url": "http://cal.example.com/dav/"}, "would send a password in the clear"),
        ({"url": "http://127.0.0.1.example.com/dav/"}, "would send a password in the clear"),
        ({"url": "ftp://127.0.0.1/dav/"}, "would send a password in the clear"),
        ({"url": "https://anna:secret@cal.example.com/dav/"}, "holds a user"),
        ({"url": "https://cal.example.com/dav/?a=b"}, "a query"),
        ({"url": "https://cal.example.com/"}, "names a server"),
        ({"url": '"https://[bad/dav/"'}, "is not a URL"),
        ({"url": "nothing"}, "is not a URL"),
        ({"url": "https://cal.example.com:99999/dav/"}, "is not a URL"),
        ({"password": "s3cret!"}, "password"),
        ({"every_minutes": "0"}, "every_minutes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_is_named_with_its_place(changes: dict[str, str], what: str) -> None:
    with pytest.raises(ConfigError) as refused:
        shop(one(**changes))
    assert what in str(refused.value)
    assert refused.value.where.startswith("shop.yaml:")
    assert "secret" not in str(refused.value)


def test_one_resource_has_one_calendar() -> None:
    with pytest.raises(ConfigError, match="has a calendar already"):
        shop(one(), one())


@pytest.mark.parametrize("url", ["http://127.0.0.1:5232/a/b/", "http://localhost/a/b/"])
def test_this_machine_needs_no_tls(url: str) -> None:
    assert shop(one(url=url)).calendars[0].url == url


AT = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
MADE = Appointment("b1", "Ann", "haircut", "+442079460001", AT, 45, True, ("Anna",), 7, AT)


@pytest.mark.parametrize(
    ("shows", "summary", "description"),
    [
        ("service", "haircut", ""),
        ("name", "Ann: haircut", ""),
        ("name_and_number", "Ann: haircut", "Telephone +442079460001"),
    ],
)
def test_calendars_show_no_more_than_is_configured(
    shows: Shows, summary: str, description: str
) -> None:
    found = entry(MADE, shows)
    assert (found.summary, found.description) == (summary, description)
    assert (found.uid, found.sequence, found.changed_at) == ("b1@frontdesk", 7, AT)


def test_by_default_the_name_is_shown_and_not_the_number() -> None:
    assert shop(one()).calendar_shows == "name"
