"""A voice has no hyphens, and one apostrophe at most."""

import datetime as dt

import pytest

from tests.tools.desk import NOW, Desk, said
from tools.booking.bookings import Bookings
from tools.booking.offer import booking_tools
from tools.booking.shop import default_shop
from tools.crm.contacts import Contacts
from tools.crm.identity import _alike
from tools.names import name_key, same_name
from tools.spec import ToolState
from tools.store import Store

NAME = "Mary-Jane O\u2019Neil"
BOOK = {"service": "haircut", "date": "2026-03-04", "time": "14:00", "name": NAME}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Ann", " ANN "),
        ("Zo\u00eb", "zoe"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("A  B", "a b"),
        ("Mary-Jane Smith", "Mary Jane Smith"),
        ("Mary\u2011Jane", "mary \u2013 jane"),
        ("O\u2019Neil", "O'Neil"),
        ("O\u00b4Neil", "ONeil"),
        ("\u0141ukasz", "Lukasz"),
        ("S\u00f8ren", "Soren"),
        ("\u0110or\u0111e", "Dorde"),
        ("\u00c6gir", "Aegir"),
        ("\u0152uvre", "Oeuvre"),
        ("Gro\u00df", "GROSS"),
        ("\u00deorgerd", "Thorgerd"),
        ("Gu\u00f0r\u00fan", "Gudrun"),
        ("St. John", "St John"),
    ],
)
def test_names_that_sound_alike_are_one(one: str, two: str) -> None:
    assert name_key(one) == name_key(two)


@pytest.mark.parametrize(("one", "two"), [("Ann", "Anna"), ("Annlee", "Ann Lee"), ("Bo", "Boo")])
def test_names_that_do_not_are_two(one: str, two: str) -> None:
    assert name_key(one) != name_key(two)


@pytest.mark.parametrize("name", ["-", "'", "...", " - ", ""])
async def test_what_has_no_sound_is_nobody_s_name(plain: Store, name: str) -> None:
    assert not same_name(name, name)
    assert not same_name(name, "...")
    assert not _alike(name, "-")
    desk = Desk(booking_tools(default_shop(), plain), plain)
    made = await desk.ask("book_appointment", {**BOOK, "name": "-"}, call="CA1", number=None)
    assert made.state is ToolState.DONE, made.output
    book = Bookings(plain, default_shop())
    assert book.without_number(name, dt.date(2026, 3, 4), NOW) == []


def test_whoever_has_no_name_is_not_everybody(plain: Store) -> None:
    contacts = Contacts(plain)
    contacts.save("+442079460001", NOW, name="Ann Lee")
    for text in ("-", "'", "..."):
        assert not contacts.search(text).contacts, text
    for text in ("", " ", "lee"):
        assert len(contacts.search(text).contacts) == 1, text


@pytest.mark.parametrize("name", ["Mary-Jane O'Neil", "mary jane oneil", NAME])
async def test_an_appointment_is_found_by_its_name_as_it_sounds(plain: Store, name: str) -> None:
    own = Desk(booking_tools(default_shop(), plain), plain)
    made = await own.ask("book_appointment", BOOK, call="CA1")
    assert made.state is ToolState.DONE, made.output
    ended = await own.ask("cancel_appointment", {"date": BOOK["date"], "name": name}, call="CA2")
    assert ended.state is ToolState.DONE, said(ended)


@pytest.mark.parametrize("heard", ["O'Neil", "Mary Jane O'Neil", "Jane ONeil"])
def test_who_calls_is_checked_by_the_name_as_it_sounds(heard: str) -> None:
    assert _alike(heard, NAME)
