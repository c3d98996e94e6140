"""On which days an outside event comes again, against an expander of another hand."""

import datetime as dt
from itertools import takewhile
from types import SimpleNamespace

import pytest
from dateutil import rrule as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tools.booking.recurrence import WEEKDAYS, Budget, UnreadableError, days, parse_rule

FAR = dt.date(2027, 1, 1)


def found(rule: str, first: str, start: str = "", end: str = "") -> list[str]:
    begins = dt.date.fromisoformat(first)
    window = (
        dt.date.fromisoformat(start) if start else begins,
        dt.date.fromisoformat(end) if end else FAR,
    )
    return [str(day) for day in days(parse_rule(rule), begins, window, Budget())]


def test_every_other_week_on_two_days() -> None:
    assert found("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;COUNT=4", "2026-03-03") == [
        "2026-03-03",
        "2026-03-05",
        "2026-03-17",
        "2026-03-19",
    ]


def test_the_last_friday_of_the_month() -> None:
    assert found("FREQ=MONTHLY;BYDAY=-1FR", "2026-03-27", end="2026-05-31") == [
        "2026-03-27",
        "2026-04-24",
        "2026-05-29",
    ]


def test_a_thirty_first_skips_short_months() -> None:
    assert found("FREQ=MONTHLY;COUNT=3", "2026-01-31") == ["2026-01-31", "2026-03-31", "2026-05-31"]


def test_a_count_is_counted_from_the_first_day_not_from_the_window() -> None:
    assert found("FREQ=DAILY;COUNT=3", "2026-03-03", start="2026-03-05") == ["2026-03-05"]


def test_an_old_series_without_end_costs_nothing_before_the_window() -> None:
    budget = Budget(40)
    window = (dt.date(2026, 3, 1), dt.date(2026, 3, 20))
    got = list(days(parse_rule("FREQ=WEEKLY"), dt.date(1970, 1, 1), window, budget))
    assert got == [dt.date(2026, 3, 5), dt.date(2026, 3, 12), dt.date(2026, 3, 19)]


def test_the_end_of_the_calendar_ends_a_rule() -> None:
    window = (dt.date(9999, 1, 1), dt.date.max)
    got = list(days(parse_rule("FREQ=YEARLY"), dt.date(2020, 6, 1), window, Budget()))
    assert got == [dt.date(9999, 6, 1)]


def test_a_thirtieth_of_february_is_looked_for_within_the_budget_only() -> None:
    rule = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1"
    window = (dt.date(2026, 1, 1), dt.date.max)
    with pytest.raises(UnreadableError, match="too long to work out"):
        list(days(parse_rule(rule), dt.date(2020, 1, 1), window, Budget()))


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=HOURLY;COUNT=3",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=99999999999",
        "FREQ=DAILY;COUNT=-1",
        "FREQ=DAILY;COUNT=3;UNTIL=20270101",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYDAY=FX",
        "FREQ=WEEKLY;BYDAY=2MO",
        "FREQ=DAILY;BYSETPOS=1",
        "FREQ=DAILY;BYHOUR=9,10",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=DAILY;X-NEW=1",
        "FREQ=MONTHLY;BYMONTHDAY=" + ",".join(["1"] * 101),
    ],
)
def test_a_rule_that_is_not_understood_is_refused(rule: str) -> None:
    with pytest.raises(UnreadableError):
        parse_rule(rule)


def some(values: range, most: int = 3) -> st.SearchStrategy[str]:
    one = st.sampled_from([each for each in values if each])
    return st.lists(one, max_size=most, unique=True).map(lambda each: ",".join(map(str, each)))


def weekdays(*, placed: bool) -> st.SearchStrategy[str]:
    """Never placed and unplaced ones in one list: dateutil wants both then, the RFC either."""
    plain, places = st.sampled_from(WEEKDAYS), st.sampled_from(["1", "2", "-1", "-2"])
    several = st.lists(plain, max_size=3, unique=True)
    with_place = st.lists(st.builds(str.__add__, places, plain), max_size=3, unique=True)
    return (several | with_place if placed else several).map(",".join)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    long = frequency in ("MONTHLY", "YEARLY")
    parts = {
        "FREQ": frequency,
        "INTERVAL": str(draw(st.integers(1, 4))),
        "BYMONTH": draw(some(range(1, 13))),
        "BYDAY": draw(weekdays(placed=long)),
        "WKST": draw(st.sampled_from(WEEKDAYS)),
        "COUNT": draw(st.sampled_from(["", "1", "5"])),
    }
    if frequency != "WEEKLY":
        parts["BYMONTHDAY"] = draw(some(range(-3, 32)))
    if frequency == "YEARLY":
        parts["BYYEARDAY"] = draw(some(range(-3, 366)))
    if long and (parts["BYDAY"] or parts.get("BYMONTHDAY")):
        parts["BYSETPOS"] = draw(some(range(-2, 4), most=2))
    return ";".join(f"{name}={value}" for name, value in parts.items() if value)


@given(rules(), st.dates(dt.date(2018, 1, 1), dt.date(2026, 12, 31)), st.integers(0, 900))
@settings(max_examples=examples(200))
def test_any_rule_gives_the_days_dateutil_gives(rule: str, first: dt.date, wait: int) -> None:
    window = (first + dt.timedelta(days=wait), first + dt.timedelta(days=wait + 400))
    ours = list(days(parse_rule(rule), first, window, Budget()))
    assert ours == [day for day in expected(rule, first, window[1]) if day >= window[0]], rule


def expected(rule: str, first: dt.date, last: dt.date) -> list[dt.date]:
    # For it the calendar ends soon: else it would look until the year 9999.
    short = SimpleNamespace(**{**vars(dt), "MAXYEAR": last.year})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle, "datetime", short)
        found = oracle.rrulestr(rule, dtstart=dt.datetime.combine(first, dt.time()))
        return list(takewhile(lambda day: day <= last, (at.date() for at in found)))


@given(
    st.text(max_size=60) | st.from_regex(r"FREQ=(DAILY|YEARLY)(;[A-Z]{4,10}=[0-9,A-Z-]{0,8}){0,3}")
)
@settings(max_examples=examples(200))
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
        list(days(rule, dt.date(2026, 3, 3), (dt.date(2026, 3, 3), FAR), Budget(2_000)))
    except UnreadableError:
        pass
