"""Days: what callers call them, on Friday the twentieth of November 2026."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.almanac import spoken_year
from agents.local.dates import DATE_PATTERN, read_date, spoken_date
from agents.local.expectation import plain
from agents.local.preferences import When
from agents.local.slots import Kind, Slot
from agents.local.text import Impossible, words
from agents.local.values import Readings, Setting
from agents.local.values import read as read_values
from tests.agents.talk import accepted_by, pattern_takes

TODAY = dt.date(2026, 11, 20)


def read(text: str, today: dt.date = TODAY) -> dt.date | None:
    found = read_date(words(text), 0, today)
    return None if found is None or isinstance(found[0], Impossible) else found[0]


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


# ---- in a sentence -----------------------------------------------------------------------------

WEDNESDAY = dt.date(2026, 11, 18)
DAY = Slot("date", Kind.DATE, "date", "What day?", True)


def told(said: str, today: dt.date = WEDNESDAY) -> Readings:
    return read_values(said, (DAY,), Setting(today), focus="date")


def day_of(said: str, today: dt.date = WEDNESDAY) -> object:
    return told(said, today).values.get("date")


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("Friday next week", "2026-11-27"),
        ("Friday of next week", "2026-11-27"),
        ("Friday morning next week", "2026-11-27"),
        ("next week on Friday", "2026-11-27"),
        ("next week Friday", "2026-11-27"),
        ("next week Tuesday the 24th", "2026-11-24"),
        ("next week I'd like to come on Friday", "2026-11-27"),
        ("Friday at ten thirty next week", "2026-11-27"),
        ("I'm away next week, can I come on Friday", "2026-11-20"),
        ("not next week, this Friday", "2026-11-20"),
        ("Friday the week after next", "2026-12-04"),
        ("Friday in two weeks", "2026-12-04"),
        ("in two weeks on a Friday", "2026-12-04"),
        ("Friday two weeks from now", "2026-12-04"),
        ("Friday in a couple of weeks", "2026-12-04"),
        ("Friday this week", "2026-11-20"),
        ("Friday fortnight", "2026-12-04"),
        ("a fortnight from Friday", "2026-12-04"),
        ("a fortnight today", "2026-12-02"),
        ("tomorrow week", "2026-11-26"),
        ("a week on Tuesday", "2026-12-01"),
        ("week on Tuesday", "2026-12-01"),
        ("a week from next Tuesday", "2026-12-01"),
        ("two weeks from the twentieth", "2026-12-04"),
        ("the day before Friday", "2026-11-19"),
        ("two days after the thirtieth of November", "2026-12-02"),
        ("one day on Friday", "2026-11-20"),
        ("in a week's time", "2026-11-25"),
        ("a month from today", "2026-12-18"),
        ("a month from Friday", "2026-12-20"),
        ("in two months", "2027-01-18"),
        ("two months from now", "2027-01-18"),
        ("a year from today", "2027-11-18"),
        ("next month on the twentieth", "2026-12-20"),
        ("the twentieth of next month", "2026-12-20"),
        ("the first of the month", "2026-12-01"),
        ("the first Monday in December", "2026-12-07"),
        ("the last Friday of next month", "2026-12-25"),
        ("the second Tuesday in January", "2027-01-12"),
        ("the twenty-fifth of November next year", "2027-11-25"),
        ("the first of December, Tuesday", "2026-12-01"),
        ("today, Wednesday", "2026-11-18"),
        ("not tomorrow, Friday", "2026-11-20"),
        ("in ten days on Saturday", "2026-11-28"),
        ("neither Monday nor Tuesday, Wednesday", "2026-11-25"),
        ("why not Friday", "2026-11-20"),
        ("no, but Friday works", "2026-11-20"),
        ("can't I come on Friday", "2026-11-20"),
        ("I don't mind, Friday", "2026-11-20"),
        ("Friday instead of Monday", "2026-11-20"),
        ("Monday won't work, Tuesday does", "2026-11-24"),
        ("Monday morning won't work, Tuesday does", "2026-11-24"),
        ("Friday at three won't work, Monday at four does", "2026-11-23"),
        ("three doesn't work, Friday at four", "2026-11-20"),
        ("Friday I can't, Monday I can", "2026-11-23"),
        ("Friday I can't do, Monday I can", "2026-11-23"),
        ("Friday I'm busy, Monday then", "2026-11-23"),
        ("Monday. I'm busy on Tuesday", "2026-11-23"),
        ("Monday, I can't do Friday", "2026-11-23"),
        ("Monday, I'm working the rest of the week", "2026-11-23"),
        ("can you not do Wednesday", "2026-11-25"),
        ("can I not come on Friday", "2026-11-20"),
        ("would it not work on Friday", "2026-11-20"),
        ("Monday is too soon, Friday", "2026-11-20"),
        ("no, Friday", "2026-11-20"),
        ("day after Friday", "2026-11-21"),
        ("make it the day after Friday", "2026-11-21"),
        ("Sunday in four days", "2026-11-22"),
    ],
)
def test_a_day_is_found_where_it_was_said_to_be(said: str, date: str) -> None:
    assert day_of(said) == date


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("the thirty-first of November", "There is no thirty-first of November."),
        ("November thirty second", "There is no thirty-second of November."),
        ("forty five March", "There is no forty-fifth of March."),
        ("2/30", "There is no thirtieth of February."),
        (
            "the twenty-ninth of February",
            "There is no twenty-ninth of February before twenty twenty-eight.",
        ),
        (
            "the twenty-ninth of February twenty thirty",
            "There is no twenty-ninth of February twenty thirty.",
        ),
        ("Wednesday the twenty-fourth", "The twenty-fourth of November is a Tuesday."),
        ("Friday the thirteenth", "The thirteenth of December is a Sunday."),
        ("Tuesday the twenty-third of November", "The twenty-third of November is a Monday."),
        ("Friday the first of January", ""),
        (
            "Monday the first of January",
            "The first of January twenty twenty-seven is a Friday.",
        ),
        ("in ten days on Friday", "The twenty-eighth of November is a Saturday."),
        ("tomorrow, Friday", "The nineteenth of November is a Thursday."),
        ("Sunday in eight days", "The twenty-sixth of November is a Thursday."),
        ("the fifth Friday in December", "There is no fifth Friday in December."),
        ("Monday this week", "That day is past."),
        ("the first Monday in November", "That day is past."),
        ("March 3rd 2020", "That day is past."),
    ],
)
def test_a_day_that_cannot_be_is_refused_with_the_reason(said: str, why: str) -> None:
    found = told(said)
    assert found.refused == ({"date": why} if why else {})
    assert bool(found.values) is not bool(why)


@pytest.mark.parametrize(
    "said",
    [
        *("I can't do Friday", "any day but Friday", "not on Friday", "except Friday"),
        *("any day except Friday", "Friday doesn't work for me", "I'm busy on Friday"),
        *("I can't make it on Friday", "anything other than Friday", "Friday is no good"),
        *("I can't do Thursday or Friday", "don't book me on Friday", "instead of Friday"),
        *("the Friday after next", "a Friday in December", "Friday next month", "last Friday"),
        *("next month on a Friday", "in December on a Friday", "the first Monday you have"),
        *("in a few days", "a few days from Friday", "three business days from today"),
        *("two weeks ago", "in a week or so", "in two or three days", "next Friday week"),
        *("before Friday", "sometime next week", "the thirty-second", "24/7"),
        *("the first week of December", "the second week of December on Friday"),
        *("Friday in the second week of December", "the week of the twenty-fourth"),
        *("two Fridays from now", "Friday a week ago", "the following Friday"),
        *("neither Monday nor Tuesday", "Friday's not good", "Friday I can't", "Friday I'm busy"),
        *("the first day you have", "the last Friday"),
        *("Friday last week", "Friday in a month", "in the day", "earlier in the week"),
        *("a different day from Friday", "any day from Friday", "a good day from Friday on"),
        *("another day from Monday", "any other day before Friday", "any day after the tenth"),
        *("Monday next year", "a week or two from Friday", "two or three days from Friday"),
        *(
            "Friday in a few days",
            "the second to last of May",
            "second to last Friday in May",
            "second to last day of May",
        ),
        *("earlier than Friday", "a second to last try", "Friday is too late", "avoid Friday"),
        *("Friday's too soon", "please no Friday", "Friday I can't because I'm working"),
        *("it doesn't work on Friday", "Monday I can't and Tuesday I can't"),
        *("Monday or Tuesday won't work", "I can't do Monday, I can't do Tuesday"),
    ],
)
def test_a_day_that_is_left_open_or_does_not_suit_is_none(said: str) -> None:
    found = told(said)
    assert (found.values, found.refused) == ({}, {})


def test_next_week_said_once_is_of_each_day() -> None:
    assert day_of("next week Tuesday or Wednesday", dt.date(2026, 11, 16)) == "2026-11-25"
    assert day_of("move Friday to next week on Tuesday", dt.date(2026, 11, 16)) == "2026-11-24"


def test_any_day_but_one_is_to_choose_from_a_list() -> None:
    assert told("any day").when is When.SOONEST
    assert told("any day but Friday").when is When.LISTED
    assert told("any day after the tenth").when is When.LISTED
    assert told("any time but three").when is When.LISTED, "though no time is looked for"
    assert told("a different day from Friday").when is When.LISTED


def test_this_friday_said_on_a_friday_is_that_day() -> None:
    assert day_of("this Friday", TODAY) == "2026-11-20"
    assert day_of("this coming Friday", TODAY) == "2026-11-27"
    assert day_of("next Friday", TODAY) == "2026-11-27"


@pytest.mark.parametrize(
    ("today", "said", "date"),
    [
        ("2026-12-31", "the day after tomorrow", "2027-01-02"),
        ("2026-12-31", "the twentieth of next month", "2027-01-20"),
        ("2026-12-30", "Friday next week", "2027-01-08"),
        ("2027-03-01", "the twenty-ninth of February", "2028-02-29"),
        ("2028-02-29", "a year from today", None),
        ("2027-01-31", "a month from today", None),
        ("2028-01-30", "in two months", "2028-03-30"),
    ],
)
def test_years_end_and_leap(today: str, said: str, date: str | None) -> None:
    assert day_of(said, dt.date.fromisoformat(today)) == date


def test_a_possible_day_after_an_impossible_one_counts() -> None:
    assert day_of("the thirty-first of November, sorry, the thirtieth") == "2026-11-30"


def test_a_day_counted_without_end_is_none() -> None:
    assert day_of("a week from " * 2000 + "a haircut") is None


@pytest.mark.parametrize(
    "said",
    [
        *("friday next week", "next week on friday", "next week tuesday", "in a month"),
        *(
            "in two months",
            "a month from today",
            "in a fortnight",
            "tuesday week",
            "a week tuesday",
        ),
    ],
)
def test_weeks_and_months_ahead_are_listened_for(said: str) -> None:
    assert pattern_takes(DATE_PATTERN, said)
    assert day_of(said) is not None
