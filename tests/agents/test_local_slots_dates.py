"""Days: what callers call them, on Friday the twentieth of November 2026."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.dates import DATE_PATTERN, read_date, spoken_date, spoken_year
from agents.local.expectation import plain
from agents.local.text import words
from tests.agents.talk import accepted_by, pattern_takes

TODAY = dt.date(2026, 11, 20)


def read(text: str, today: dt.date = TODAY) -> dt.date | None:
    found = read_date(words(text), 0, today)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("today", "2026-11-20"),
        ("this afternoon", "2026-11-20"),
        ("tomorrow", "2026-11-21"),
        ("the day after tomorrow", "2026-11-22"),
        ("Tuesday", "2026-11-24"),
        ("this Tuesday", "2026-11-24"),
        ("next Tuesday", "2026-11-24"),
        ("next Friday", "2026-11-27"),
        ("Friday", "2026-11-27"),
        ("Tuesday week", "2026-12-01"),
        ("a week from Tuesday", "2026-12-01"),
        ("a week tomorrow", "2026-11-28"),
        ("in three days", "2026-11-23"),
        ("in two weeks", "2026-12-04"),
        ("in a week", "2026-11-27"),
        ("two weeks from now", "2026-12-04"),
        ("the fourteenth", "2026-12-14"),
        ("on the 24th", "2026-11-24"),
        ("24 November", "2026-11-24"),
        ("November twenty-fourth", "2026-11-24"),
        ("Tuesday, November 24th", "2026-11-24"),
        ("Tuesday the twenty fourth of November", "2026-11-24"),
        ("March 3rd", "2027-03-03"),
        ("the third of March", "2027-03-03"),
        ("March 3, 2028", "2028-03-03"),
        ("march third twenty twenty-eight", "2028-03-03"),
        ("the third of March two thousand and thirty", "2030-03-03"),
        ("the third of March two thousand", None),
        ("Friday the 25th", "2026-12-25"),
        ("11/24", "2026-11-24"),
        ("11/24/27", "2027-11-24"),
        ("2026-12-01", "2026-12-01"),
        ("the thirty-first", "2026-12-31"),
    ],
)
def test_days_are_read_as_callers_say_them(said: str, date: str | None) -> None:
    found = read(said)
    assert (found.isoformat() if found else None) == date


def test_next_tuesday_said_on_a_monday_is_in_the_week_after() -> None:
    assert read("next Tuesday", dt.date(2026, 11, 16)) == dt.date(2026, 11, 24)
    assert read("Tuesday", dt.date(2026, 11, 16)) == dt.date(2026, 11, 17)


@pytest.mark.parametrize(
    "said",
    [
        *("", "haircut", "may", "may I", "the first one", "second", "the first available"),
        *("February 30", "13/45", "2026-13-01", "2020-01-01", "Wednesday the twenty-fourth"),
        *("three days", "a few days", "ten", "24", "march", "in three", "0000-00-00"),
        *("the 32nd", "february 29 2027", "1/1/1"),
    ],
)
def test_what_is_no_day_or_none_that_can_be_is_none(said: str) -> None:
    found = read(said)
    assert found is None or found >= TODAY
    assert said == "1/1/1" or found is None


@given(st.dates(TODAY, dt.date(2040, 12, 31)))
def test_a_date_said_is_read_as_itself(date: dt.date) -> None:
    said = words(spoken_date(date, TODAY))
    assert read_date(said, 0, TODAY) == (date, len(said))


@given(st.dates(dt.date(2024, 1, 1), dt.date(2034, 12, 31)), st.integers(0, 400))
def test_a_date_said_is_read_as_itself_on_any_day(today: dt.date, ahead: int) -> None:
    date = today + dt.timedelta(days=ahead)
    text = spoken_date(date, today)
    said = words(text)
    assert read_date(said, 0, today) == (date, len(said))
    assert pattern_takes(DATE_PATTERN, plain(text))


def test_the_year_is_said_when_it_would_be_taken_for_another() -> None:
    assert spoken_date(dt.date(2026, 11, 24), TODAY) == "Tuesday the twenty-fourth of November"
    assert spoken_date(dt.date(2027, 11, 24), TODAY).endswith("November twenty twenty-seven")
    assert spoken_year(2005) == "two thousand and five"


@given(accepted_by(DATE_PATTERN))
def test_what_the_date_pattern_takes_is_read_or_refused(text: str) -> None:
    found = read(text)
    assert found is None or found >= TODAY


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    said = words(text)
    for at in range(len(said) + 1):
        found = read_date(said, at, TODAY)
        assert found is None or at < found[1] <= len(said)
