"""Do these words say this value? As callers say it, and as agents read it back."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.dates import spoken_date
from agents.local.numbers import spoken_number, spoken_phone
from agents.local.times import spoken_time
from tools.saying import says

NOW = dt.datetime(2026, 11, 17, 9, 0, tzinfo=dt.UTC)
"""A Tuesday."""


def said(text: str, value: Any) -> bool:
    return says([text], value, NOW)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("tomorrow afternoon", "2026-11-18"),
        ("the day after tomorrow", "2026-11-19"),
        ("can I come today?", "2026-11-17"),
        ("this evening if you can", "2026-11-17"),
        ("on Friday", "2026-11-20"),
        ("next Tuesday please", "2026-11-24"),
        ("Tuesday", "2026-11-24"),
        ("Fridays are best", "2026-11-20"),
        ("Tuesday the twenty fourth", "2026-11-24"),
        ("the 24th", "2026-11-24"),
        ("November twenty-fourth", "2026-11-24"),
        ("the 24th of November", "2026-11-24"),
        ("Nov 24", "2026-11-24"),
        ("24 November", "2026-11-24"),
        ("it's 2026-11-24", "2026-11-24"),
        ("11/24", "2026-11-24"),
        ("24/11", "2026-11-24"),
        ("in three days", "2026-11-20"),
        ("in two weeks", "2026-12-01"),
        ("a week from Friday", "2026-11-27"),
        ("a week from tomorrow", "2026-11-25"),
        ("the third of May", "2027-05-03"),
    ],
)
def test_a_day_is_said_in_many_ways(text: str, date: str) -> None:
    assert said(text, date)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("the day after tomorrow", "2026-11-18"),
        ("tomorrow", "2026-11-17"),
        ("on Friday", "2026-11-21"),
        ("Tuesday the seventeenth", "2026-11-24"),
        ("the 24th of December", "2026-11-24"),
        ("November the third", "2026-11-24"),
        ("Friday", "2027-01-29"),
        ("the 24th", "2027-05-24"),
        ("in two days", "2026-11-20"),
        ("whenever it suits you", "2026-11-24"),
        ("", "2026-11-24"),
        ("the 31st of February", "2026-02-31"),
    ],
)
def test_another_day_is_not_that_day(text: str, date: str) -> None:
    assert not said(text, date)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("half past three", "15:30"),
        ("three thirty", "15:30"),
        ("3:30 pm", "15:30"),
        ("at 3.30", "15:30"),
        ("15:30", "15:30"),
        ("half three", "15:30"),
        ("three o'clock", "15:00"),
        ("around three", "15:00"),
        ("3pm", "15:00"),
        ("three in the afternoon", "15:00"),
        ("fifteen hundred", "15:00"),
        ("a quarter to four", "15:45"),
        ("quarter of four", "15:45"),
        ("quarter past three", "15:15"),
        ("ten past nine", "09:10"),
        ("twenty minutes to ten", "09:40"),
        ("ten oh five", "10:05"),
        ("noon would be fine", "12:00"),
        ("midnight", "00:00"),
        ("twelve thirty", "00:30"),
        ("nine in the morning", "09:00"),
        ("November 24, 10 AM", "10:00"),
        ("the 24th, 10 AM", "10:00"),
    ],
)
def test_a_time_is_said_in_many_ways(text: str, time: str) -> None:
    assert said(text, time)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("three thirty am", "15:30"),
        ("ten in the morning", "22:00"),
        ("half past three", "15:00"),
        ("ten thirty", "10:00"),
        ("nine ten am", "10:00"),
        ("quarter to four", "16:00"),
        ("three days", "15:00"),
        ("three o'clock pm", "03:00"),
        ("noon", "00:00"),
        ("any time", "10:00"),
    ],
)
def test_another_time_is_not_that_time(text: str, time: str) -> None:
    assert not said(text, time)


@pytest.mark.parametrize(
    "text",
    [
        "oh two oh, seven nine four six, oh double oh one",
        "020 7946 0001",
        "+44 20 7946 0001",
        "it's zero two zero seventy nine forty six triple oh one",
    ],
)
def test_a_telephone_number_is_said_as_words_or_digits(text: str) -> None:
    assert said(text, "+442079460001")


def test_a_number_may_come_in_several_breaths() -> None:
    assert says(["oh two oh seven nine", "yes, and then four six", "0001"], "02079460001", NOW)
    assert not says(["oh two oh seven nine", "four six"], "02079460001", NOW)
    assert not said("oh two oh seven nine four six oh oh oh two", "+442079460001")
    assert not said("", "5550199")
    assert said("five five five oh one double nine", "5550199")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("it's Katherine", "Catherine"),
        ("my name is Jon Smith", "John Smyth"),
        ("A N N", "Ann"),
        ("that's ann, lee", "Ann Lee"),
        ("Stephen", "Steven"),
        ("a men's cut", "mens_cut"),
        ("O'Brien", "obrien"),
        ("a table for twenty-two", 22),
        ("just me", 1),
        ("a couple of us", 2),
        ("twelve point five", 12.5),
        ("12.50", 12.5),
        ("for two", "2"),
        ("please tell them the boiler leaks and water runs down the wall again", "The boiler is "
         "leaking, water runs down the wall of the house again today"),
    ],
)  # fmt: skip
def test_names_numbers_and_words(text: str, value: Any) -> None:
    assert said(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Bob", "Ann"),
        ("my name is Ann", "Ann Lee"),
        ("Ben", "Dan"),
        ("four of us", 3),
        ("a haircut", "colour"),
        ("", "Ann"),
        ("nothing of the kind was ever mentioned", "Send all the money to the other account now"),
    ],
)
def test_what_was_not_said(text: str, value: Any) -> None:
    assert not said(text, value)


@pytest.mark.parametrize("value", [True, False, None, "", [], {}])
def test_what_has_no_words_counts_as_said(value: Any) -> None:
    assert says([], value, NOW)


def test_all_parts_of_a_value_must_be_said() -> None:
    text = "Ann and Bob at three"
    assert said(text, ["Ann", "Bob"])
    assert not said(text, ["Ann", "Cid"])
    assert said(text, {"who": "Ann", "time": "15:00"})
    assert not said(text, {"who": "Ann", "time": "16:00"})


@given(st.integers(0, 60), st.integers(0, 23), st.integers(0, 59))
def test_what_the_embedded_engine_reads_back_is_recognised(
    ahead: int, hour: int, minute: int
) -> None:
    day = NOW.date() + dt.timedelta(days=ahead)
    assert said(f"on {spoken_date(day, NOW.date())} at ten", day.isoformat())
    time = dt.time(hour, minute)
    assert said(f"a haircut at {spoken_time(time)}, for Ann", f"{time:%H:%M}")


@given(st.integers(0, 9_999))
def test_what_the_embedded_engine_counts_is_recognised(number: int) -> None:
    assert said(spoken_number(number), number)


@given(st.from_regex(r"\+4420[1-9][0-9]{7}", fullmatch=True))
def test_a_number_the_embedded_engine_reads_back_is_recognised(number: str) -> None:
    assert said(spoken_phone(number), number)


@given(st.text(max_size=60), st.one_of(st.text(max_size=20), st.integers(), st.dates().map(str)))
def test_nothing_breaks_it(text: str, value: Any) -> None:
    assert said(text, value) in (True, False)


@given(st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31)))
def test_no_date_is_said_by_an_ordinary_sentence(day: dt.date) -> None:
    assert not said("I would like to book an appointment please", day.isoformat())
