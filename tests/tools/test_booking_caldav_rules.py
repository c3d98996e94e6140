"""Who is right when both sides differ: every combination, and nothing overwritten unseen."""

import datetime as dt
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.booking.busy import Busy
from tools.booking.caldav.blocking import LONGEST, MAX_BLOCKS, Named, merged, plan
from tools.booking.caldav.outcome import MEANINGS, DavError, Outcome, of_status
from tools.booking.caldav.rules import (
    Decision,
    Gone,
    Kind,
    Odd,
    Span,
    Step,
    Theirs,
    decide,
    is_accident,
    pause_s,
)

AT = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
A, B, C = (Span(AT + dt.timedelta(hours=hours), 45) for hours in range(3))
GONE, ODD = Gone(), Odd("it repeats")
THEIRS: tuple[Theirs, ...] = (GONE, ODD, A, B, C)


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed", "step", "kind"),
    [
        (A, GONE, None, Step.WRITE, None),
        (A, A, None, Step.AGREE, None),
        (A, B, None, Step.WRITE, Kind.BOTH_CHANGED),
        (A, A, A, Step.AGREE, None),
        (B, A, A, Step.WRITE, None),
        (A, B, A, Step.MOVE_OURS, None),
        (A, GONE, A, Step.CANCEL_OURS, None),
        (B, B, A, Step.AGREE, None),
        (B, C, A, Step.WRITE, Kind.BOTH_CHANGED),
        (B, GONE, A, Step.WRITE, Kind.MOVED_HERE_DELETED_THERE),
        (None, A, A, Step.REMOVE, None),
        (None, B, A, Step.REMOVE, Kind.CANCELLED_HERE_CHANGED_THERE),
        (None, GONE, A, Step.FORGET, None),
        (None, GONE, None, Step.FORGET, None),
        (A, ODD, A, Step.WRITE, Kind.UNUSABLE),
        (B, ODD, A, Step.WRITE, Kind.UNUSABLE),
        (None, ODD, A, Step.REMOVE, Kind.CANCELLED_HERE_CHANGED_THERE),
    ],
)
def test_the_rule(
    ours: Span | None, theirs: Theirs, agreed: Span | None, step: Step, kind: Kind | None
) -> None:
    assert decide(ours, theirs, agreed, None) == Decision(step, kind)


def test_what_we_meant_to_write_is_not_taken_for_the_staff_s() -> None:
    """Our move to B arrived, nobody wrote that down, and the caller moved on to C."""
    assert decide(C, B, A, B) == Decision(Step.WRITE)
    assert decide(None, B, A, B) == Decision(Step.REMOVE)
    assert decide(B, B, A, B) == Decision(Step.AGREE)


def test_what_we_meant_to_write_is_not_taken_for_agreed() -> None:
    """Our move to B was refused because the staff was quicker."""
    assert decide(B, C, A, B) == Decision(Step.WRITE, Kind.BOTH_CHANGED)
    assert decide(B, GONE, A, B) == Decision(Step.WRITE, Kind.MOVED_HERE_DELETED_THERE)


def test_nothing_of_theirs_is_overwritten_unseen() -> None:
    """Whatever the combination: what they changed is done here, or written down."""
    some = (None, A, B, C)
    theirs: Theirs
    for ours, theirs, agreed, meant in product(some, THEIRS, some, some):
        found = decide(ours, theirs, agreed, meant)
        changed = theirs not in (agreed, meant, ours) and theirs != GONE
        if changed and found.step in (Step.WRITE, Step.REMOVE):
            assert found.conflict is not None
        if found.step is Step.AGREE:
            assert ours == theirs
        if found.step in (Step.MOVE_OURS, Step.CANCEL_OURS):
            assert ours == agreed != theirs


@pytest.mark.parametrize(
    ("missing", "ours", "accident"),
    [(1, 1, False), (4, 4, False), (5, 5, True), (5, 10, False), (6, 11, True), (0, 0, False)],
)
def test_a_calendar_that_was_emptied_is_an_accident(
    missing: int, ours: int, accident: bool
) -> None:
    assert is_accident(missing, ours) is accident


# ---- pauses -------------------------------------------------------------------------------------


def test_the_pause_grows_with_failures_up_to_an_hour() -> None:
    assert [pause_s(300, failures, None, 1.0) for failures in (0, 1, 2, 3, 4, 99)] == [
        300,
        600,
        1200,
        2400,
        3600,
        3600,
    ]
    assert pause_s(300, 0, None, 0.0) == 225
    assert pause_s(86_400, 5, None, 1.0) == 86_400


def test_what_the_server_asks_for_is_kept() -> None:
    assert pause_s(60, 1, 1_000.0, 0.5) == 1_000
    assert pause_s(300, 1, 1.0, 1.0) == 600


# ---- outcomes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (207, "ok"),
        (301, "redirected"),
        (401, "wrong_password"),
        (403, "forbidden"),
        (404, "no_calendar"),
        (409, "parent_missing"),
        (410, "no_calendar"),
        (412, "changed_meanwhile"),
        (418, "refused"),
        (423, "locked"),
        (429, "too_many_requests"),
        (500, "server_error"),
        (503, "server_error"),
        (507, "storage_full"),
        (100, "nonsense"),
        (999, "nonsense"),
    ],
)
def test_each_status_has_a_name(status: int, outcome: str) -> None:
    assert of_status(status) is Outcome(outcome)


def test_each_outcome_has_a_meaning() -> None:
    assert MEANINGS.keys() == set(Outcome)


# ---- blocked times ------------------------------------------------------------------------------


def busy(first: int, last: int) -> Busy:
    """In minutes after AT."""
    return Busy(AT + dt.timedelta(minutes=first), AT + dt.timedelta(minutes=last))


def named(uid: str, first: int, last: int) -> Named:
    return Named(uid, busy(first, last))


def test_times_that_touch_or_overlap_are_one() -> None:
    assert merged([busy(60, 90), busy(0, 30), busy(20, 40), busy(40, 45)]) == [
        busy(0, 45),
        busy(60, 90),
    ]


def test_times_are_widened_to_steps_of_five_minutes() -> None:
    assert merged([busy(1, 2), busy(7, 9)]) == [busy(0, 10)]


def test_a_year_is_blocked_in_parts() -> None:
    parts = merged([busy(0, 366 * 24 * 60)])
    assert len(parts) == 5
    assert all(each.end - each.start <= LONGEST for each in parts)


def test_times_without_number_are_refused() -> None:
    with pytest.raises(DavError, match="too_large"):
        merged(busy(20 * each, 20 * each + 5) for each in range(MAX_BLOCKS + 1))


def test_a_block_that_changes_a_little_keeps_its_id() -> None:
    got = plan([busy(0, 90)], [named("a", 0, 60)], set())
    assert (got.remove, got.put) == ((), (named("a", 0, 90),))


def test_what_is_there_is_left_alone_unless_it_lacks_something() -> None:
    assert plan([busy(0, 60)], [named("a", 0, 60)], set()).put == ()
    assert plan([busy(0, 60)], [named("a", 0, 60)], {"a"}).put == (named("a", 0, 60),)


def test_a_new_block_does_not_take_the_id_of_one_that_has_moved() -> None:
    got = plan([busy(0, 10), busy(20, 60)], [named("20260304T1000", 20, 40)], set())
    assert {each.uid for each in got.put} == {"20260304T1000", "20260304T1000+"}


SPANS = st.lists(
    st.builds(lambda at, length: busy(at, at + length), st.integers(0, 600), st.integers(1, 90)),
    max_size=8,
)


@given(SPANS, SPANS)
def test_any_plan_leads_from_what_is_to_what_is_wanted(
    before: list[Busy], after: list[Busy]
) -> None:
    first = plan(merged(before), [], set())
    blocks = {each.uid: each.busy for each in first.put}
    assert len(blocks) == len(first.put)
    got = plan(merged(after), list(first.put), set())
    for uid in got.remove:
        del blocks[uid]
    blocks |= {each.uid: each.busy for each in got.put}
    assert sorted(blocks.values()) == merged(after)
