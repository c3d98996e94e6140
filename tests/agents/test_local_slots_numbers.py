"""Numbers and telephone numbers, said and read again."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.expectation import plain
from agents.local.numbers import (
    LARGEST,
    NUMBER_PATTERN,
    PHONE_PATTERN,
    read_below_hundred,
    read_integer,
    read_number,
    read_ordinal,
    read_phone,
    spoken_number,
    spoken_ordinal,
    spoken_phone,
)
from agents.local.slots import Kind, Slot
from agents.local.speech import spoken_decimal
from agents.local.text import Impossible, words
from agents.local.values import Readings, Setting, read
from tests.agents.talk import accepted_by, pattern_takes

TODAY = dt.date(2026, 11, 18)
WEIGHT = Slot("weight", Kind.NUMBER, "weight", "What weight?", True)
PHONE = Slot("phone", Kind.PHONE, "phone number", "What number?", True)


def told(said: str) -> Readings:
    setting = Setting(TODAY, caller_number="+12125550123")
    return read(said, (PHONE,), setting, focus="phone")


@given(st.integers(-LARGEST, LARGEST))
def test_a_number_said_is_read_as_itself(value: int) -> None:
    said = words(spoken_number(value))
    assert read_integer(said, 0) == (value, len(said))


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("a hundred", 100),
        ("a thousand and five", 1005),
        ("one hundred and twenty three", 123),
        ("twelve", 12),
        ("42", 42),
        ("1250", 1250),
        ("two million three hundred thousand", 2_300_000),
        ("minus seven", -7),
        ("two thousand two thousand", 2000),
        ("twenty twenty", 20),
    ],
)
def test_numbers_are_read_as_callers_say_them(said: str, value: int) -> None:
    found = read_integer(words(said), 0)
    assert found is not None
    assert found[0] == value


@pytest.mark.parametrize(
    "said", ["", "haircut", "and", "minus", "1234567890", "minus zero", "a cat"]
)
def test_what_is_no_number_is_none(said: str) -> None:
    assert read_integer(words(said), 0) is None


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("two point five", 2.5),
        ("two and a half", 2.5),
        ("minus zero point two five", -0.25),
        ("one hundred and two point oh five", 102.05),
        ("three point", 3),
        ("point five", 0.5),
        ("minus point five", -0.5),
        ("at this point five", 5),
        ("minus three", -3),
        ("three", 3),
    ],
)
def test_a_fraction_belongs_to_its_number(said: str, value: float) -> None:
    found = read(said, (WEIGHT,), Setting(TODAY), focus="weight")
    assert found.values == {"weight": value}
    seats = Slot("weight", Kind.INTEGER, "seats", "How many?", True)
    counted = read(said, (seats,), Setting(TODAY), focus="weight")
    whole = isinstance(value, int)
    assert counted.values == ({"weight": value} if whole else {})
    assert counted.refused == ({} if whole else {"weight": "It has to be a whole number."})


def test_a_second_point_is_no_number() -> None:
    found = read("two point five point six", (WEIGHT,), Setting(TODAY), focus="weight")
    assert (found.values, found.refused) == ({}, {})


@given(st.integers(-99_999_999, 99_999_999).map(lambda value: value / 10_000))
def test_a_decimal_said_is_read_as_itself(value: float) -> None:
    said = words(spoken_decimal(value))
    assert read_number(said, 0) == (value, len(said))


def test_numbers_beyond_a_billion_are_said_digit_by_digit() -> None:
    assert spoken_number(1_000_000_001) == "one zero zero zero zero zero zero zero zero one"


@given(st.integers(1, 31))
def test_ranks_are_read_in_words_and_figures(value: int) -> None:
    said = words(spoken_ordinal(value))
    assert read_ordinal(said, 0) == (value, len(said))
    assert read_ordinal((f"{value}th",), 0) == (value, 1)


def test_ranks_beyond_a_month_are_none() -> None:
    assert spoken_ordinal(40) == "fortieth"
    assert read_ordinal(("32nd",), 0) is None
    assert read_ordinal(("th",), 0) is None
    assert read_below_hundred(("hundred",), 0) is None


@given(st.from_regex(r"\+?[0-9]{7,15}", fullmatch=True))
def test_a_phone_number_said_is_read_as_itself(number: str) -> None:
    said = words(spoken_phone(number))
    assert read_phone(said, 0) == (number, len(said))
    assert pattern_takes(PHONE_PATTERN, plain(spoken_phone(number)))


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("555-1234", "5551234"),
        ("(555) 123-4567", "5551234567"),
        ("five five five one two three four", "5551234"),
        ("five five five twelve thirty four", "5551234"),
        ("oh two oh seven nine four six double oh triple one", "020794600111"),
        ("plus four four seven seven one two three four", "+4477" + "1234"),
        ("+1 555 123 4567", "+15551234567"),
        ("eight hundred 555 1212", "8005551212"),
    ],
)
def test_phone_numbers_are_read_as_callers_say_them(said: str, number: str) -> None:
    found = read_phone(words(said), 0)
    assert found is not None
    assert found[0] == number


@pytest.mark.parametrize("said", ["five five five", "double trouble", "plus", "one two x"])
def test_too_few_digits_are_no_phone_number(said: str) -> None:
    assert read_phone(words(said), 0) is None


@pytest.mark.parametrize("said", ["1" * 16, "one " * 16, "plus " + "one two " * 9])
def test_too_many_digits_are_no_phone_number_nor_are_the_last_of_them(said: str) -> None:
    found = told(said)
    assert found.values == {}
    assert found.refused == {"phone": "A telephone number has at most fifteen digits."}


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("this number", "+12125550123"),
        ("the number I'm calling from", "+12125550123"),
        ("why not this number", "+12125550123"),
        ("not this number", None),
        ("not the number I'm calling from", None),
        ("don't call me on this number", None),
        ("another number than this one", None),
        ("a different number from this one", None),
        ("I am no longer at this number", None),
        ("this number is no good", None),
        ("not this number, 555 123 4567", "5551234567"),
        ("not 555 123 4567, but 555 123 4568 please", "5551234568"),
        ("555 123 4567, not 555 123 4568", "5551234567"),
    ],
)
def test_a_number_that_is_not_meant_is_not_taken(said: str, number: str | None) -> None:
    assert told(said).values.get("phone") == number


@pytest.mark.parametrize(
    ("said", "count"), [("four, not three", 4), ("not three, four", 4), ("not three", None)]
)
def test_a_count_that_is_not_meant_is_not_taken(said: str, count: int | None) -> None:
    seats = Slot("seats", Kind.INTEGER, "seats", "How many?", True)
    for about in (said, said.replace("three", "three seats").replace("four", "four seats")):
        found = read(about, (seats,), Setting(TODAY), focus="seats")
        assert found.values.get("seats") == count


@given(accepted_by(PHONE_PATTERN))
def test_what_the_phone_pattern_takes_is_read_or_refused(text: str) -> None:
    found = read_phone(words(text), 0)
    assert found is None or isinstance(found[0], Impossible) or found[0].strip("+").isdecimal()


@given(accepted_by(NUMBER_PATTERN))
def test_what_the_number_pattern_takes_is_a_number(text: str) -> None:
    said = words(text)
    found = read_integer(said, 0)
    assert found is not None
    assert 0 <= found[0] <= 999


@given(st.text(max_size=60))
def test_no_text_breaks_the_readers(text: str) -> None:
    said = words(text)
    for at in range(len(said) + 1):
        for reader in (read_integer, read_ordinal, read_phone, read_below_hundred):
            found = reader(said, at)
            assert found is None or at < found[1] <= len(said)
