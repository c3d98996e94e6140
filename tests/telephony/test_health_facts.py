"""What one call adds to the figures, read off its transcript."""

import datetime as dt
from collections.abc import Sequence

import pytest

from agents.engine import Usage
from telephony.health.facts import CallFacts, Key, Measure, facts
from telephony.transcripts.entry import (
    AgentLine,
    Alarm,
    AlarmLine,
    AnyEntry,
    CallerLine,
    ClaimLine,
    DtmfLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
    UsageLine,
)
from telephony.transcripts.summary import Summary

SUMMARY = Summary(
    call_id="CA1",
    started_at="2026-11-20T15:59:59.900+01:00",
    engine="realtime",
    persona="desk",
    ended_reason="caller_hung_up",
    duration_ms=61_000,
)


def said(start_ms: int, end_ms: int, fate: Fate = Fate.HEARD, heard: str = "Hello.") -> AgentLine:
    return AgentLine("item", 1, "Hello. There.", heard, fate, start_ms, end_ms, 100, 200)


def added(*entries: AnyEntry, summary: Summary = SUMMARY) -> CallFacts:
    found = facts(summary, entries)
    assert found is not None
    return found


def total(found: CallFacts, measure: Measure, label: str = "") -> tuple[int, int]:
    each = found.found.get((measure, label))
    return (each.count, each.total) if each else (0, 0)


def test_a_call_is_counted_with_its_outcome_length_and_engine() -> None:
    found = added()
    assert (found.call_id, found.persona) == ("CA1", "desk")
    assert found.began_at == dt.datetime(2026, 11, 20, 14, 59, 59, 900_000, tzinfo=dt.UTC)
    assert {key: (each.count, each.total) for key, each in found.found.items()} == {
        (Measure.CALLS, ""): (1, 0),
        (Measure.OUTCOME, "caller_hung_up"): (1, 0),
        (Measure.DURATION, ""): (1, 61_000),
        (Measure.ENGINE, "realtime"): (1, 0),
    }


def test_a_call_that_broke_off_with_its_process_has_an_outcome_too() -> None:
    broken = Summary(call_id="CA2", started_at="2026-11-20T15:00:00+00:00", engine="")
    assert set(added(summary=broken).found) == {
        (Measure.CALLS, ""),
        (Measure.OUTCOME, "not_ended"),
        (Measure.DURATION, ""),
    }


def test_a_call_that_was_passed_on_by_the_rules_was_for_no_agent() -> None:
    began = "2026-11-20T15:00:00+00:00"
    for reason, count in (("voicemail", 1), ("transferred", 1), ("no_start", 0)):
        passed = Summary(call_id="CA", started_at=began, engine="", ended_reason=reason)
        assert total(added(summary=passed), Measure.DIVERTED) == (count, 0)
    agent = Summary(call_id="CA", started_at=began, engine="local", ended_reason="voicemail")
    assert total(added(summary=agent), Measure.DIVERTED) == (0, 0)


@pytest.mark.parametrize("began", ["", "2026-11-20", "2026-11-20T15:00:00", "yesterday"])
def test_a_call_that_belongs_to_no_hour_is_not_counted(began: str) -> None:
    assert facts(Summary(call_id="CA", started_at=began, engine="local"), ()) is None


def test_it_was_answered_once_words_of_ours_were_heard() -> None:
    assert total(added(said(0, 900), said(1_000, 1_900)), Measure.ANSWERED) == (1, 0)
    assert total(added(said(0, 0, Fate.NEVER_PLAYED, "")), Measure.ANSWERED) == (0, 0)


def test_waits_are_told_by_part_as_in_the_log() -> None:
    found = added(TurnLine(1_000, 1_300, 1_910, 2_000, 1_900), TurnLine(-1, 5_000, 5_500, 5_450))
    waits = {label: total(found, Measure.TURN, label) for _, label in found.found}
    assert waits["endpointing"] == (1, 300)
    assert waits["model"] == (1, 600)
    assert waits["queue"] == (1, 10)
    assert waits["carrier"] == (2, 90)
    assert waits["answer"] == (2, 610 + 500)
    assert waits["turn"] == (1, 1_000)


CUT: list[AnyEntry] = [
    said(0, 2_250, Fate.CUT),
    CallerLine("c1", "no", 1_000, 1_100),
    CallerLine("c2", "wait", 2_000, 2_600),
]


@pytest.mark.parametrize(
    ("entries", "reaction"),
    [
        (CUT, (1, 250)),
        (CUT[:1], (0, 0)),
        ([said(0, 2_250), *CUT[1:]], (0, 0)),
        ([CUT[0], CallerLine("c3", "later", 2_300, 2_900)], (0, 0)),
        ([said(0, 9_000, Fate.CUT), CUT[1]], (0, 0)),
    ],
)
def test_the_reaction_to_an_interruption(
    entries: Sequence[AnyEntry], reaction: tuple[int, int]
) -> None:
    assert total(added(*entries), Measure.BARGE_IN) == reaction


def test_how_far_apart_the_bounds_of_a_truncation_are() -> None:
    known = TruncationLine("i", 1, 400, 2_000, False, 410, 390, 430)
    assert total(added(known, TruncationLine("i", 1, 400, 2_000)), Measure.TRUNCATION) == (1, 40)


def test_tools_by_state_and_the_time_of_those_that_ran() -> None:
    found = added(
        ToolLine("t1", "book", "{}", "done", "{}", 100, 350),
        ToolLine("t2", "book", "{}", "done", "{}", 500, 501, repeated=True),
        ToolLine("t3", "book", "{}", "unknown", "{}", 600, 700),
    )
    assert total(found, Measure.TOOL, "book done") == (2, 0)
    assert total(found, Measure.TOOL, "book unknown") == (1, 0)
    assert total(found, Measure.TOOL_TIME, "book") == (2, 350)


def test_silence_seats_claims_and_alarms() -> None:
    found = added(
        SeatLine(1, "local", "failed", 10),
        ClaimLine("i", ("book",), "never", "Booked.", 20),
        AlarmLine(Alarm.ECHO, 30, 3),
        DtmfLine("1", 40),
        UsageLine("r", "completed", Usage(), 50),
        EndLine(EndedReason.IDLE, 60, "", 1_200, 2_500),
    )
    told: dict[Key, tuple[int, int]] = {key: total(found, *key) for key in found.found}
    assert told[Measure.SEAT, "local failed"] == (1, 0)
    assert told[Measure.CLAIM, "never"] == (1, 0)
    assert told[Measure.ALARM, "echo"] == (1, 3)
    assert told[Measure.SILENCE, ""] == (1, 1_200)
    assert told[Measure.WORDLESS, ""] == (1, 2_500)


def test_where_nobody_waited_no_silence_is_told() -> None:
    assert total(added(EndLine(EndedReason.IDLE, 60)), Measure.SILENCE) == (0, 0)
