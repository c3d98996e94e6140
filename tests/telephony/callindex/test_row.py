"""What of a call is put into the index, whatever its summary and lines hold."""

import datetime as dt

import pytest

from agents.money import Cost
from telephony.transcripts.entry import EndedReason, EndLine
from telephony.transcripts.index.row import (
    MOST_NAME,
    MOST_TOOLS,
    OUTCOMES,
    UNFINISHED,
    UNKNOWN_MICROS,
    Indexed,
    indexed,
)
from telephony.transcripts.summary import Summary
from tests.telephony.callindex.folders import SAID, agent, caller, tool


def call(started_at: str = "2026-11-20T13:00:00+01:00", **fields: object) -> Summary:
    return Summary(call_id="CA1", started_at=started_at, engine="local", **fields)  # type: ignore[arg-type]


def put(summary: Summary, entries: object = SAID) -> Indexed:
    return indexed("2026-11-20/CA1", "CA1", 1, summary, entries)  # type: ignore[arg-type]


def test_a_row_is_made_of_summary_and_lines() -> None:
    found = put(call(from_number="+44 20 7946 0001", to_number="+442079460000", persona="desk",
                     ended_reason="idle", cost=Cost(5, unknown=True), interruptions=2))  # fmt: skip
    row = found.row
    assert row.started_at == dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    assert (row.caller, row.called) == ("+442079460001", "+442079460000")
    assert (row.persona, row.outcome, row.interrupted, row.failed) == ("desk", "idle", True, False)
    assert (row.cost_micros, row.cost_unknown, row.silence_ms) == (5, True, 700)
    assert (found.caller, found.agent) == ("I want a haircut", "Certainly. Which")
    assert found.tools == ("book",)


@pytest.mark.parametrize("number", ["anonymous", "+266696687", "Restricted", "", None])
def test_a_withheld_number_is_none(number: str | None) -> None:
    assert put(call(from_number=number)).row.caller == ""


def test_a_sip_address_is_kept() -> None:
    assert put(call(from_number="sip:anna@example.com")).row.caller == "sip:anna@example.com"


@pytest.mark.parametrize(
    ("started_at", "day"),
    [("2026-11-20T12:00:00", 20), ("2026-11-20", 20), ("when it rained", 20)],
)
def test_when_it_began_is_as_good_as_it_is_known(started_at: str, day: int) -> None:
    assert put(call(started_at)).row.started_at.day == day


def test_of_what_lies_in_no_day_nothing_is_known() -> None:
    row = indexed("lost/CA1", "CA1", 1, call("?"), ()).row
    assert (row.started_ms, row.outcome, row.failed) == (0, UNFINISHED, True)
    assert (row.cost_micros, row.silence_ms, row.finished) == (UNKNOWN_MICROS, -1, False)


def test_before_1970_nobody_called() -> None:
    assert put(call("1950-01-01T00:00:00+00:00")).row.started_ms == 0


def test_tools_are_named_once_and_failures_counted() -> None:
    lines = (tool("book"), tool("book", "failed"), tool("note", "unknown"), tool("x", "refused"),
             tool("y", "unfinished"))  # fmt: skip
    found = put(call(), lines)
    assert found.tools == ("book", "note", "x", "y")
    assert (found.row.failed_tools, found.row.failed) == (3, True)
    many = put(call(), [tool(f"tool{number}") for number in range(MOST_TOOLS + 9)])
    assert len(many.tools) == MOST_TOOLS


def test_nothing_hostile_gets_further_than_a_database_takes() -> None:
    found = put(call(persona="p\0" + "x" * 900), (caller("a\0b"), agent("c\ud800d")))
    assert found.row.persona == "p " + "x" * (MOST_NAME - 2)
    assert (found.caller, found.agent) == ("a b", "c?d")


def test_words_not_heard_are_not_in_it() -> None:
    found = put(call(), (agent("never", ""), agent("all of it"), caller("", 5_000)))
    assert (found.agent, found.caller) == ("all of it", "")


def test_every_end_is_an_outcome() -> None:
    assert set(OUTCOMES) == {*(reason.value for reason in EndedReason), UNFINISHED}
    ends = (EndLine(EndedReason.IDLE, 1, silence_ms=5), EndLine(EndedReason.IDLE, 2, silence_ms=9))
    assert put(call(), ends).row.silence_ms == 9
