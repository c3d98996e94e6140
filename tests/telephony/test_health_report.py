"""Figures of a range: sums, shares and percentiles, and nothing where there is nothing."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from telephony.health.facts import Measure
from telephony.health.histogram import histogram
from telephony.health.report import Named, Times, report
from telephony.health.spans import Range, day_of, hour_of, moment, spans
from tools.counts import Row

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 20, 0, 30, tzinfo=BERLIN)
SPAN = "2026-11-19T23"


def row(measure: Measure, *values: int, label: str = "", span: str = SPAN, by: str = "") -> Row:
    found = histogram(values)
    return Row(span, by, measure.value, label, found.count, found.total, found.buckets)


def test_a_day_is_the_last_24_hours_of_utc() -> None:
    found = spans(Range.DAY, NOW)
    assert (len(found), found[0], found[-1]) == (24, "2026-11-19T00", SPAN)
    assert moment(SPAN, NOW) == dt.datetime(2026, 11, 19, 23, tzinfo=dt.UTC)


@pytest.mark.parametrize(("wanted", "days"), [(Range.WEEK, 7), (Range.MONTH, 30)])
def test_weeks_and_months_are_days_of_the_shop(wanted: Range, days: int) -> None:
    found = spans(wanted, NOW)
    assert (len(found), found[-1]) == (days, "2026-11-20")
    assert moment("2026-11-20", NOW) == dt.datetime(2026, 11, 20, tzinfo=BERLIN)
    assert day_of(dt.datetime(2026, 11, 19, 23, 10, tzinfo=dt.UTC), NOW) == "2026-11-20"
    assert hour_of(NOW) == SPAN


def test_hours_of_a_clock_change_are_all_different() -> None:
    after = dt.datetime(2026, 10, 25, 12, tzinfo=BERLIN)
    assert len(set(spans(Range.DAY, after))) == 24
    within = dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)
    found = spans(Range.DAY, within)
    assert (len(set(found)), found[0], found[-1]) == (24, "2026-10-24T02", "2026-10-25T01")


def test_without_calls_there_is_no_rate_and_no_percentile() -> None:
    empty = report([], spans(Range.DAY, NOW), NOW)
    assert (empty.calls, empty.answer_rate, empty.tools, empty.outcomes) == (0, None, [], [])
    assert empty.turn["turn"] == Times(0, None, None, None, None, None)
    assert {point.calls for point in empty.points} == {0}
    assert empty.points[-1].turn_p95 is None


def test_calls_that_were_for_no_agent_do_not_lower_the_rate() -> None:
    rows = [
        row(Measure.CALLS, *[0] * 10),
        row(Measure.ANSWERED, *[0] * 6),
        row(Measure.DIVERTED, *[0] * 2),
        row(Measure.REFUSED, 0, 0, label="at_capacity"),
    ]
    found = report(rows, [SPAN], NOW)
    assert (found.calls, found.answered, found.diverted) == (10, 6, 2)
    assert found.answer_rate == 0.75
    assert found.refused == [Named("at_capacity", 2)]


def test_personas_and_hours_add_up() -> None:
    rows = [
        row(Measure.TURN, 100, 200, label="turn", by="desk"),
        row(Measure.TURN, 300, label="turn", by="sales"),
        row(Measure.TURN, 5_000, label="turn", span="2026-11-19T22"),
        row(Measure.TURN, 70, label="model"),
        row(Measure.OUTCOME, 0, label="idle"),
        row(Measure.OUTCOME, 0, 0, label="caller_hung_up"),
    ]
    found = report(rows, ["2026-11-19T22", SPAN], NOW)
    turn = found.turn["turn"]
    assert (turn.count, turn.mean) == (4, 1_400)
    assert turn.p50 == pytest.approx(200, rel=0.05)
    assert turn.p99 == pytest.approx(5_000, rel=0.05)
    assert found.turn["model"].count == 1
    assert found.points[0].turn_p50 == pytest.approx(5_000, rel=0.05)
    assert found.points[1].turn_p95 == pytest.approx(300, rel=0.05)
    assert found.outcomes == [Named("caller_hung_up", 2), Named("idle", 1)]


def test_a_tool_s_success_is_that_of_its_backend() -> None:
    rows = [
        row(Measure.TOOL, *[0] * 6, label="book done"),
        row(Measure.TOOL, 0, label="book failed"),
        row(Measure.TOOL, 0, label="book unknown"),
        row(Measure.TOOL, *[0] * 3, label="book refused"),
        row(Measure.TOOL, 0, label="book invalid"),
        row(Measure.TOOL, 0, label="book unfinished"),
        row(Measure.TOOL_TIME, 100, 300, label="book"),
        row(Measure.TOOL, 0, label="note refused"),
        row(Measure.ALARM, 3, label="echo"),
    ]
    found = report(rows, [SPAN], NOW)
    book, note = found.tools
    assert (book.name, book.calls, book.done, book.refused, book.unfinished) == (
        "book",
        13,
        6,
        4,
        1,
    )
    assert (book.failed, book.unknown, book.success) == (1, 1, 0.75)
    assert book.time.mean == 200
    assert (note.success, note.time.p50) == (None, None)
    assert (found.points[0].tools_failed, found.points[0].alarms) == (2, 1)


def test_rows_beyond_the_range_are_in_no_point() -> None:
    found = report([row(Measure.CALLS, 0, span="2026-11-01T00")], [SPAN], NOW)
    assert [point.calls for point in found.points] == [0]
