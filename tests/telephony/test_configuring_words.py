"""Texts with places for values and snippets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.configuring.words import (
    VARIABLES,
    Place,
    compiled,
    filled,
    mistakes,
    snippet_mistakes,
)

SNIPPETS = {"rules": "Be kind at {business}. {{ok}}", "call": "You speak with {caller_name}."}
ALLOWED = ("business", "today")
VALUES = {"business": "Salon {today}", "today": "{rules} {business} {{", "caller_name": "Ann"}


def said(text: str) -> str:
    return filled(compiled(text, SNIPPETS, ALLOWED), VALUES)


def told(text: str) -> list[str]:
    return [f"{each.what}. {each.hint}" for each in mistakes(text, SNIPPETS, ALLOWED)]


def test_values_and_snippets_take_their_places() -> None:
    assert compiled("Hi {business}!", {}, ALLOWED) == ("Hi ", Place("business"), "!")
    assert said("A {{b}} c") == "A {b} c"
    assert said("{rules} Bye.") == "Be kind at Salon {today}. {ok} Bye."
    assert told("Hi {business}, {rules} {{x}}") == []


def test_what_stands_in_a_value_is_never_expanded() -> None:
    assert said("{today}|{business}") == "{rules} {business} {{|Salon {today}"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("{name}", ["there is no variable or snippet {name}. Known here: business, call, rules,"
                    " today"]),
        ("{busines} {busines}",
         ["there is no variable or snippet {busines}. Known here: business, call, rules, today;"
          " perhaps business is meant"]),
        ("{caller_name}",
         ["{caller_name} cannot stand here. Known here: business, call, rules, today"]),
        ("{call}", ["{call} uses {caller_name}, which does not go here. Take {caller_name} out of"
                    " the snippet, or the snippet out of here"]),
        ("a\nb } {", ["has a single } in its line 2. Write {{ or }} for a brace, {name} for a"
                      " value",
                      "has a single { in its line 2. Write {{ or }} for a brace, {name} for a"
                      " value"]),
        ("{business.__class__}", ["has a single { in its line 1. Write {{ or }} for a brace, {name}"
                                  " for a value",
                                  "has a single } in its line 1. Write {{ or }} for a brace, {name}"
                                  " for a value"]),
    ],
)  # fmt: skip
def test_what_is_no_place_is_told(text: str, problems: list[str]) -> None:
    assert told(text) == problems


def test_fault_x12_snippets_cannot_go_round_in_circles() -> None:
    round_ = {"a": "{b} {today}", "b": "{a} {what} }"}
    found = {name: [each.what for each in snippet_mistakes(text, round_)] for name, text in
             round_.items()}  # fmt: skip
    assert found == {
        "a": ["uses the snippet {b}"],
        "b": [
            "has a single } in its line 1",
            "uses the snippet {a}",
            "there is no variable or snippet {what}",
        ],
    }
    assert filled(compiled("{a}", round_, ()), {"b": "x", "today": "y"}) == "x y"


@given(st.text(alphabet="ab{}_ \n", max_size=30), st.text(alphabet="ab{}", max_size=10))
def test_any_text_is_good_or_told_of(text: str, value: str) -> None:
    if list(mistakes(text, {"a": "b"}, ("b",))):
        return
    out = filled(compiled(text, {"a": "b"}, ("b",)), {"b": value})
    assert out.count("{") >= value.count("{") * ("{b}" in text.replace("{{", ""))


def test_there_are_four_variables() -> None:
    assert VARIABLES == ("business", "opening_hours", "today", "caller_name")
