"""Questions: read from an address in one way for all, and what makes no sense is named."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.transcripts.index.asked import (
    FIELDS,
    MOST,
    ORDERING,
    PAGE,
    Asked,
    BadFilter,
    Cursor,
    Filters,
    Order,
    Sort,
    address,
    askable,
    asked,
    lenient,
)
from telephony.transcripts.index.words import MOST_ASKED

ZONE = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def filters(**given: str) -> Filters:
    return asked({name.rstrip("_"): text for name, text in given.items()}, ZONE).filters


def test_nothing_asked_is_the_newest_page() -> None:
    assert asked({}, ZONE) == Asked()
    assert asked(dict.fromkeys((*FIELDS, *ORDERING), "  "), ZONE) == Asked()
    assert (Asked().limit, Filters().any, Filters(text="x").any) == (PAGE, False, True)


def test_days_are_days_of_the_zone_and_times_are_times() -> None:
    day = filters(from_="2026-11-20", to="2026-11-20")
    assert (day.since_ms, day.until_ms) == (
        ms("2026-11-20T00:00+01:00"),
        ms("2026-11-21T00:00+01:00"),
    )
    moment = filters(from_="2026-11-20T08:00", to="2026-11-20T09:00:00+00:00")
    assert (moment.since_ms, moment.until_ms) == (
        ms("2026-11-20T08:00+01:00"),
        ms("2026-11-20T09:00+00:00"),
    )


def test_what_is_given_is_what_is_asked() -> None:
    given = {
        "q": "hair cut", "caller": "+44 (20) 7946", "called": "-", "persona": "-",
        "outcome": "idle", "engine": "local", "tool": "book", "label": "to check",
        "interrupted": "1", "failed": "no", "min_cost": "$0.25", "max_cost": "2",
        "min_duration": "1:30", "max_duration": "90", "sort": "cost", "order": "asc",
        "after": "-1.5", "limit": "7",
    }  # fmt: skip
    assert asked(given, ZONE) == Asked(
        filters=Filters(
            text="hair cut", caller="+44207946", called="", persona="", outcome="idle",
            engine="local", tool="book", label="to check", interrupted=True, failed=False,
            min_cost_micros=250_000, max_cost_micros=2_000_000,
            min_duration_ms=90_000, max_duration_ms=90_000,
        ),
        sort=Sort.COST,
        order=Order.ASC,
        after=Cursor(-1, 5),
        limit=7,
    )  # fmt: skip
    assert str(Cursor(-1, 5)) == "-1.5"
    assert asked({"before": "3.4"}, ZONE).before == Cursor(3, 4)
    assert len(filters(q="x" * 1_000).text) == MOST_ASKED


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("from", "yesterday"), ("to", "9999-12-31"), ("from", "2026-13-01"), ("from", "20-11-2026"),
        ("caller", "anna"), ("caller", "'; --"), ("called", "%"), ("interrupted", "maybe"),
        ("failed", "2"), ("min_cost", "cheap"), ("max_cost", "-1"), ("min_cost", "inf"),
        ("max_cost", "nan"), ("max_cost", "1e30"), ("min_duration", "long"), ("max_duration", "-3"),
        ("min_duration", "1:2:3"), ("sort", "colour"), ("order", "up"), ("after", "1"),
        ("before", "1.x"), ("after", "1." + "9" * 30), ("limit", "0"), ("limit", str(MOST + 1)),
        ("limit", "٣"), ("limit", "many"), ("limit", "000000001" + "9" * 12),
        ("limit", "9" * 5_000),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named(field: str, text: str) -> None:
    with pytest.raises(BadFilter) as refused:
        asked({field: text, "persona": "desk"}, ZONE)
    assert refused.value.field == field
    assert refused.value.what.endswith(".")
    kept, problems = lenient({field: text, "persona": "desk"}, ZONE)
    assert kept == Asked(filters=Filters(persona="desk"))
    assert [each.field for each in problems] == [field]


@given(
    st.dictionaries(st.sampled_from([*FIELDS, *ORDERING, "after", "before", "limit"]), st.text())
)
def test_whatever_is_given_there_is_an_answer(given: dict[str, str]) -> None:
    found, problems = lenient(given, ZONE)
    assert {each.field for each in problems} <= given.keys()
    assert 1 <= found.limit <= MOST


@pytest.mark.parametrize(
    ("query", "may"),
    [
        ("", True), ("q=gloves&persona=desk&sort=cost", True), ("caller=-", True),
        ("q=number+21&limit=5", True), ("caller=%2B1415", False), ("q=0123", False),
        ("caller=%2B1415&caller=", False), ("from=soon", False), ("4155550100", False),
        ("note=4155550100", False), ("sort=4155550100", False), ("?caller=-", False),
    ],
)  # fmt: skip
def test_what_who_may_not_hear_may_ask_is_told_from_what_they_may_not(
    query: str, may: bool
) -> None:
    assert askable(query, ZONE) is may


@given(st.text())
def test_of_whatever_stands_in_an_address_it_is_known_who_may_ask(query: str) -> None:
    assert isinstance(askable(query, ZONE), bool)
    assert not askable(f"{query}&caller=%2B1415", ZONE)


def test_an_address_says_the_same_again() -> None:
    given = {"q": "a & b", "persona": "desk", "after": "1.2", "limit": "5", "other": "x"}
    assert address(given) == "q=a+%26+b&persona=desk&limit=5"
    assert address(given, after=Cursor(3, 4)) == "q=a+%26+b&persona=desk&limit=5&after=3.4"
    assert address(given, limit=None, q=None) == "persona=desk"
    assert address({}) == ""
