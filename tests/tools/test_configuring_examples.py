"""Examples of tools' files run as tests, in throw-away shops."""

import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.configuring import TOOLS, toolset
from tools.booking.shop import default_shop
from tools.catalogue import modules
from tools.configuring.examples import Tried, differences, try_examples

ZONE = zoneinfo.ZoneInfo("Europe/London")
COOK = "handler: kitchen.cook\nexamples:\n"
BOOK = "handler: booking.book_appointment\nexamples:\n"


def kitchen(**texts: str) -> Tried:
    return try_examples(toolset(**texts), lambda _store: {"kitchen": TOOLS}, ZONE)


def shop(**texts: str) -> Tried:
    own = default_shop()
    return try_examples(toolset(**texts), lambda store: modules(own, store), own.zone)


def summed(done: Tried) -> tuple[int, int, tuple[object, ...]]:
    return done.ran, done.looked_at, done.problems


def told(done: Tried) -> list[str]:
    return [str(each).removeprefix("tools/") for each in done.problems]


@pytest.mark.parametrize(
    ("arguments", "gives"),
    [
        ("{dish: bread, guests: 2}", "{status: done, message: 2 bread, guests: 2}"),
        ("{dish: bread, guests: 2}", "{message: '*brea*'}"),
        ("{dish: soup, guests: 2}", "{status: refused, field: dish, choices: [bread]}"),
        ("{dish: fire, guests: 2}", "{status: failed}"),
        ("{dish: bug, guests: 2}", "{status: unknown}"),
        ("{dish: cake, guests: 2}", "{status: invalid, field: dish}"),
    ],
)
def test_however_a_tool_ends_an_example_can_say_so(arguments: str, gives: str) -> None:
    text = COOK + f"  - {{says: x, arguments: {arguments}, gives: {gives}}}\n"
    assert summed(kitchen(a=text)) == (1, 0, ())


def test_what_comes_out_otherwise_is_told_with_its_place() -> None:
    text = COOK + """\
  - says: x
    arguments: {dish: bread, guests: 2}
    gives:
      status: refused
      guests: 3
      price: 5
      note: [1]
"""  # fmt: skip
    cure = "Mend the example, the tool's file or shop.yaml."
    answer = '{"status": "done", "message": "2 bread", "guests": 2, "note": ""}'
    assert told(kitchen(a=text)) == [
        f'a.yaml:6:15: examples.0.gives.status: came out as "done". {cure}',
        f"a.yaml:7:15: examples.0.gives.guests: came out as 2. {cure}",
        f"a.yaml:8:14: examples.0.gives.price: is not in the answer, which is {answer}. {cure}",
        f'a.yaml:9:13: examples.0.gives.note: came out as "". {cure}',
    ]


def test_an_example_has_a_clock_a_caller_and_a_past() -> None:
    text = BOOK + """\
  - says: again
    now: 2026-03-03 09:00
    after:
      - tool: book
        arguments: {service: haircut, date: 2026-03-06, time: "10:00", name: Ann}
    arguments: {service: haircut, date: 2026-03-06, time: "10:15", name: Bob}
    gives: {status: refused}
  - says: and in an empty shop
    arguments: {service: haircut, date: 2026-03-06, time: "10:00", name: Bob}
    gives: {status: done, appointment: {name: Bob}}
  - says: too late
    now: 2026-03-06 10:30
    arguments: {service: haircut, date: 2026-03-06, time: "10:00", name: Bob}
    gives: {status: refused}
"""  # fmt: skip
    mine = """\
handler: booking.my_appointments
examples:
  - says: nothing under another number
    caller: "+442079460002"
    after:
      - tool: book
        arguments: {service: haircut, date: 2026-03-06, time: "10:00", name: Ann}
  - {says: withheld, caller: withheld, gives: {status: refused}}
"""
    assert summed(shop(book=text, mine=mine)) == (5, 0, ())


def test_coroutines_run_too() -> None:
    text = "handler: kitchen.menu\nexamples: [{says: x, gives: {message: 'Today, 03 March*'}}]\n"
    assert summed(kitchen(menu=text)) == (1, 0, ())


def test_what_acts_outside_is_looked_at_only() -> None:
    text = """\
handler: http
description: x
risk: read
http: {url: x}
parameters: {order: {}}
examples: [{says: x, arguments: {order: a}, gives: {status: done}}]
"""
    assert summed(kitchen(a=text)) == (0, 1, ())
    done = kitchen(a=text, b=COOK + "  - {says: x, arguments: {dish: bread, guests: 1}}\n")
    assert summed(done) == (1, 1, ())
    assert [(each.path, each.number, each.ran, each.gave is None) for each in done.examples] == [
        ("tools/a.yaml", 1, False, True),
        ("tools/b.yaml", 1, True, False),
    ]
    after = "  - {says: x, after: [{tool: a}], arguments: {dish: bread, guests: 1}}\n"
    assert summed(kitchen(a=text, b=COOK + after)) == (1, 1, ())
    assert summed(kitchen()) == (0, 0, ())


@pytest.mark.parametrize(
    ("wanted", "gave", "alike"),
    [
        ("a*c", "abc", True), ("a*c", "ac", True), ("a*c", "abd", False), ("*", "", True),
        ("a*a", "a", False), ("*b*b*", "b", False), ("*b*b*", "abcbd", True), ("abc", "ab", False),
        ("a*b*b", "ab", False), ("a.c", "abc", False), ("*x*", "abc", False),
        ([1, {"a": 2}], [1, {"a": 2, "b": 3}], True), ([1], [1, 2], False), ({}, {"a": 1}, True),
        ({"a": 1}, [], False), (None, None, True), (True, False, False),
    ],
)  # fmt: skip
def test_what_fits(wanted: Any, gave: Any, alike: bool) -> None:
    assert (not list(differences(wanted, gave))) is alike


@given(st.text(alphabet="ab", max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_any_part_of_a_text_may_be_a_star(text: str, cuts: list[int]) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts})
    starred = "*".join(text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True))
    assert not list(differences(starred, text))


def test_a_long_answer_is_cut_in_the_report() -> None:
    [(path, what)] = list(differences({"a": 1}, {"b": "x" * 500}))
    assert path == ("a",)
    assert len(what) < 340
