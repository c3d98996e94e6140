"""Weekly hours: read from a file, compared with the clock."""

import datetime as dt

import pytest

from tools.configuring.hours import WeeklyHours, in_hours, problems_of

WEEK = WeeklyHours(monday=["09:00-12:00", "13:00-24:00"], sunday=["00:00-01:00"])


@pytest.mark.parametrize(
    ("when", "open_"),
    [
        ("2026-03-02 08:59", False),
        ("2026-03-02 09:00", True),
        ("2026-03-02 11:59", True),
        ("2026-03-02 12:00", False),
        ("2026-03-02 23:59", True),
        ("2026-03-03 09:30", False),
        ("2026-03-08 00:30", True),
    ],
)
def test_hours_hold_from_their_first_minute_to_before_their_last(when: str, open_: bool) -> None:
    assert in_hours(WEEK.by_day(), dt.datetime.fromisoformat(when)) is open_


def test_days_without_hours_are_left_out() -> None:
    assert WEEK.by_day() == {"mon": ("09:00-12:00", "13:00-24:00"), "sun": ("00:00-01:00",)}


def test_every_range_that_is_none_is_told() -> None:
    hours = WeeklyHours(
        monday=["09:00-12:00", "9-12"],
        tuesday=["12:00-09:00", "09:00-24:01", "09:60-10:00", "09:00-09:00"],
    )
    found = [(each.path, each.what) for each in problems_of(hours, ("hours",))]
    assert found[0] == (("hours", "monday", 1), "'9-12' is not a range of times on one day")
    assert [path[1:] for path, _ in found[1:]] == [("tuesday", n) for n in range(4)]


def test_a_range_that_is_none_holds_never() -> None:
    assert not in_hours({"mon": ("soon",)}, dt.datetime.fromisoformat("2026-03-02 09:00"))
