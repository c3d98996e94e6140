"""What calls have cost, over HTTP: the days asked for, to the last micro-dollar."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.telephony.api_client import Office, new_database
from tools.costs import CallCost

TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    new_database(tmp_path)
    made = Office(tmp_path)
    made.book.keep([cost("CA1"), cost("CA2", days_ago=30), cost("CA3", days_ago=31)])
    made.book.keep([cost("CA4", caller="", persona="sales", unknown=True)])
    yield made
    made.store.close()


def cost(
    call_id: str,
    days_ago: int = 0,
    caller: str = "+442079460001",
    persona: str = "desk",
    unknown: bool = False,
) -> CallCost:
    return CallCost(
        call_id=call_id,
        day=TODAY - dt.timedelta(days=days_ago),
        persona=persona,
        caller=caller,
        called="+442079460000",
        engine_micros=1_234_567,
        transcription_micros=1,
        carrier_micros=12_500,
        unknown=unknown,
    )


def asked(office: Office, path: str) -> Any:
    answer = office.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_without_dates_it_is_the_last_month_by_day(office: Office) -> None:
    told = asked(office, "costs")
    assert told["complete"]
    today, before = told["costs"]
    assert today == {
        "day": TODAY.isoformat(),
        "persona": None,
        "number": None,
        "calls": 2,
        "usd": "2.494136",
        "at_least": True,
        "engine_usd": "2.469134",
        "transcription_usd": "0.000002",
        "carrier_usd": "0.025000",
    }
    assert (before["calls"], before["at_least"], before["usd"]) == (1, False, "1.247068")


def test_days_can_be_chosen_and_told_apart(office: Office) -> None:
    day = TODAY.isoformat()
    by_persona = asked(office, f"costs?first={day}&last={day}&by=persona")["costs"]
    assert [(row["persona"], row["number"]) for row in by_persona] == [
        ("desk", None),
        ("sales", None),
    ]
    by_number = asked(office, f"costs?first={day}&by=number")["costs"]
    assert {row["number"] for row in by_number} == {"+442079460000"}
    assert len(asked(office, "costs?first=2026-01-01&last=2026-01-02")["costs"]) == 0


@pytest.mark.parametrize(
    "query",
    ["first=2026-02-01&last=2026-01-31", "first=2020-01-01&last=2026-01-01", "by=year", "first=x"],
)
def test_what_makes_no_sense_is_refused(office: Office, query: str) -> None:
    assert office.client.get(f"costs?{query}").status_code == 422


def test_the_first_day_there_is_has_no_day_before_it(office: Office) -> None:
    assert asked(office, "costs?last=0001-01-01")["costs"] == []


def test_who_costs_most_is_told_for_one_day(office: Office) -> None:
    told = asked(office, "costs/callers")
    assert told["day"] == TODAY.isoformat()
    assert [(row["caller"], row["at_least"]) for row in told["callers"]] == [
        ("", True),
        ("+442079460001", False),
    ]
    assert asked(office, "costs/callers?day=2026-01-01")["callers"] == []


def test_without_the_key_nobody_is_told(office: Office) -> None:
    for path in ("costs", "costs/callers"):
        assert office.client.get(path, headers={"Authorization": ""}).status_code == 401


def test_a_database_that_is_down_is_told_as_that(office: Office, tmp_path: Path) -> None:
    office.store.close()
    for file in tmp_path.glob("frontdesk.db*"):
        file.unlink()
    (tmp_path / "frontdesk.db").mkdir()
    answer = office.client.get("costs")
    assert (answer.status_code, answer.json()["type"].endswith("database")) == (503, True)
