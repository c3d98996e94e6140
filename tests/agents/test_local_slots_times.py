"""Times of day: what callers say, and which half of the day they mean."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.expectation import plain
from agents.local.preferences import When
from agents.local.slots import Kind, Slot
from agents.local.text import Impossible, words
from agents.local.times import TIME_PATTERN, Clock, Hours, half_said, read_time, spoken_time
from agents.local.values import Readings, Setting
from agents.local.values import read as read_values
from tests.agents.talk import accepted_by, pattern_takes

MINUTES = st.integers(0, 1439).map(lambda minutes: dt.time(minutes // 60, minutes % 60))


def read(text: str, *, bare: bool = True, offered: tuple[str, ...] = ()) -> str | None:
    said = words(text)
    found = read_time(said, 0, bare=bare)
    if found is None or isinstance(found[0], Impossible):
        return None
    times = [dt.time.fromisoformat(time) for time in offered]
    return found[0].resolve(Hours(), times, half_said(said)).isoformat("minutes")


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("three thirty", "15:30"),
        ("half past three", "15:30"),
        ("half three", "15:30"),
        ("half ten tomorrow morning", "10:30"),
        ("quarter to four", "15:45"),
        ("a quarter past nine", "09:15"),
        ("ten to one", "12:50"),
        ("twenty five past six", "18:25"),
        ("ten minutes past nine", "09:10"),
        ("3:30 p.m.", "15:30"),
        ("3.30", "15:30"),
        ("three thirty p m", "15:30"),
        ("330", "15:30"),
        ("15:30", "15:30"),
        ("fifteen thirty", "15:30"),
        ("twenty thirty", "20:30"),
        ("10 30", "10:30"),
        ("ten", "10:00"),
        ("ten o'clock", "10:00"),
        ("ten o clock", "10:00"),
        ("ten in the morning", "10:00"),
        ("three oh five", "15:05"),
        ("seven", "19:00"),
        ("seven a.m.", "07:00"),
        ("seven tomorrow morning", "07:00"),
        ("eight at night", "20:00"),
        ("nine tonight", "21:00"),
        ("twelve", "12:00"),
        ("noon", "12:00"),
        ("twelve noon", "12:00"),
        ("midnight", "00:00"),
        ("half past twelve", "12:30"),
        ("twelve thirty a m", "00:30"),
        ("00:15", "00:15"),
        ("13 30 pm", "13:30"),
        ("half past noon", "12:30"),
        ("quarter to noon", "11:45"),
        ("a quarter after midday", "12:15"),
        ("ten minutes before noon", "11:50"),
        ("ten past midnight", "00:10"),
        ("ten to midnight", "23:50"),
        ("five to twelve", "11:55"),
        ("five past twelve", "12:05"),
        ("five to one", "12:55"),
        ("midday", "12:00"),
        ("twelve at night", "00:00"),
        ("twelve thirty at night", "00:30"),
        ("five to twelve at night", "23:55"),
        ("one at night", "01:00"),
        ("seventeen hundred", "17:00"),
        ("seventeen hundred hours", "17:00"),
        ("seventeen thirty hours", "17:30"),
        ("twelve hundred", "12:00"),
        ("twenty four hundred", "00:00"),
        ("oh nine hundred", "09:00"),
        ("oh seven hundred hours", "07:00"),
        ("0730", "07:30"),
        ("07:30", "07:30"),
        ("07:30 pm", "19:30"),
    ],
)
def test_times_are_read_as_callers_say_them(said: str, time: str) -> None:
    assert read(said) == time


@pytest.mark.parametrize(
    "said",
    [
        *("", "haircut", "half", "half an hour", "quarter", "half past thirteen"),
        *("25:00", "10:75", "2599", "sixty", "thirty past three", "half to three"),
        *("seventeen hundred people", "fifty hundred"),
        *("ten before noon", "ten minutes"),
    ],
)
def test_what_is_no_time_is_none(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize(
    "said", ["ten", "330", "two", "three people", "ten minutes", "five to six people"]
)
def test_a_bare_number_is_a_time_only_where_one_was_asked_for(said: str) -> None:
    assert read(said, bare=False) is None


def test_at_and_make_it_announce_a_time() -> None:
    assert read_time(words("at ten"), 1, bare=False) is not None
    assert read_time(words("make it ten"), 2, bare=False) is not None
    assert read_time(words("330 pm"), 0, bare=False) is not None


def test_the_times_on_offer_decide_between_morning_and_evening() -> None:
    assert read("seven", offered=("07:00",)) == "07:00"
    assert read("seven", offered=("07:00", "19:00")) == "19:00"
    assert read("nine", offered=("21:00",)) == "21:00"


def test_the_half_of_the_day_counts_only_when_one_is_named() -> None:
    assert half_said(words("the morning or the evening")) is None
    assert half_said(words("in the evening")) == "pm"
    assert Clock(9 * 60, exact=False).resolve(Hours(earliest=10)) == dt.time(21)


@given(MINUTES, st.booleans())
def test_a_time_said_is_read_as_itself(time: dt.time, bare: bool) -> None:
    said = words(spoken_time(time))
    found = read_time(said, 0, bare=bare)
    assert found is not None
    assert isinstance(found[0], Clock)
    assert (found[0].resolve(Hours()), found[1]) == (time, len(said))
    assert time.minute % 5 or pattern_takes(TIME_PATTERN, plain(spoken_time(time)))


@given(MINUTES)
def test_a_time_in_figures_is_read_as_itself(time: dt.time) -> None:
    text = time.strftime("%I:%M %p").lstrip("0")
    assert read(text) == time.isoformat("minutes")
    assert time.minute % 5 or pattern_takes(TIME_PATTERN, plain(text))


@given(accepted_by(TIME_PATTERN))
def test_what_the_time_pattern_takes_is_read_or_refused(text: str) -> None:
    found = read(text)
    assert found is None or dt.time.fromisoformat(found)


@given(st.text(max_size=60), st.booleans())
def test_no_text_breaks_the_reader(text: str, bare: bool) -> None:
    said = words(text)
    for at in range(len(said) + 1):
        found = read_time(said, at, bare=bare)
        assert found is None or at < found[1] <= len(said)


# ---- in a sentence -----------------------------------------------------------------------------


TIME = Slot("time", Kind.TIME, "time", "What time?", True)
DAY = Slot("date", Kind.DATE, "date", "What day?", True)


def readings(said: str, *slots: Slot, focus: str) -> Readings:
    return read_values(said, slots, Setting(dt.date(2026, 11, 18)), focus=focus)


def told(said: str) -> object:
    return readings(said, TIME, focus="time").values.get("time")


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("at twelve tonight", "00:00"),
        ("tonight at twelve", "00:00"),
        ("tonight at eight", "20:00"),
        ("not three, four", "16:00"),
        ("four, not three", "16:00"),
        ("why not three", "15:00"),
        ("from ten to fifteen thirty", "15:30"),
        ("I can't do three or four, five", "17:00"),
        ("three doesn't work, four does", "16:00"),
        ("five, I can't do six", "17:00"),
        ("three is too early, four", "16:00"),
        ("in the evening I can't, eight", "20:00"),
    ],
)
def test_a_time_is_found_where_it_was_said_to_be(said: str, time: str) -> None:
    assert told(said) == time


@pytest.mark.parametrize(
    "said",
    [
        *("ten past fifteen", "half past thirteen", "thirty past three", "half to three"),
        *("I can't do three", "any time but three", "not at ten", "three doesn't work"),
        *("ten is too late", "three I can't", "three o'clock I can't make it"),
        *("for three people", "in ten minutes", "in two hours", "ten before noon", "fifty hundred"),
    ],
)
def test_a_time_that_cannot_be_or_does_not_suit_is_none(said: str) -> None:
    assert told(said) is None


@pytest.mark.parametrize(
    "said", ["before three", "after three", "earlier than ten", "any time after three"]
)
def test_a_time_that_only_bounds_the_one_wanted_is_none_but_a_list_helps(said: str) -> None:
    for focus in ("time", "date"):
        found = readings(said, DAY, TIME, focus=focus)
        assert (found.values, found.refused, found.when) == ({}, {}, When.LISTED)
    assert readings(f"Tuesday {said}", DAY, TIME, focus="date").values == {"date": "2026-11-24"}
    assert told("three in the afternoon") == "15:00"


def test_a_time_behind_a_day_that_does_not_suit_is_none() -> None:
    assert readings("Tuesday two please", DAY, TIME, focus="date").values["time"] == "14:00"
    assert readings("not Tuesday two please", DAY, TIME, focus="date").values == {}
