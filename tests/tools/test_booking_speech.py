"""How days and times are said."""

import datetime as dt

import pytest

from tests.tools.desk import local
from tools.booking.speech import say_day, say_list, say_time, spread


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-03-01", "Sunday the 1st of March"),
        ("2026-03-02", "Monday the 2nd of March"),
        ("2026-03-03", "Tuesday the 3rd of March"),
        ("2026-03-11", "Wednesday the 11th of March"),
        ("2026-03-12", "Thursday the 12th of March"),
        ("2026-03-13", "Friday the 13th of March"),
        ("2026-03-22", "Sunday the 22nd of March"),
        ("2026-12-31", "Thursday the 31st of December"),
    ],
)
def test_a_day(day: str, words: str) -> None:
    assert say_day(dt.date.fromisoformat(day)) == words


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("00:00", "12 AM"),
        ("00:30", "12:30 AM"),
        ("09:05", "9:05 AM"),
        ("12:00", "noon"),
        ("12:30", "12:30 PM"),
        ("14:00", "2 PM"),
    ],
)
def test_a_time(time: str, words: str) -> None:
    assert say_time(dt.time.fromisoformat(time)) == words


def test_a_list() -> None:
    assert [say_list(list("abc")[:count]) for count in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert say_list(["a", "b"], "or") == "a or b"


def test_a_choice_runs_from_the_first_to_the_last() -> None:
    times = [local(f"2026-03-04 {hour:02}:00") for hour in range(9, 18)]
    assert [each.hour for each in spread(times, 3)] == [9, 13, 17]
    assert spread(times, 20) == times
    assert spread([], 3) == []
