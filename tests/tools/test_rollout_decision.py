"""The guard: how sure it is, when it looks, and that false alarms stay within what was allowed."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.rollout.decision import chance_of, due_at, judge, look_due, spend
from tools.rollout.spec import MEASURES, Counts, Rule


def test_the_chance_is_the_textbook_one() -> None:
    # The lady tasting tea: four cups of each kind, three of four named right.
    assert chance_of(1, 4, 3, 4) == pytest.approx(17 / 70)
    assert chance_of(0, 4, 4, 4) == pytest.approx(1 / 70)
    assert chance_of(0, 0, 3, 10) == pytest.approx(1.0)
    assert chance_of(0, 10, 0, 10) == pytest.approx(1.0)


def ways(things: int, chosen: int) -> int:
    return math.comb(things, chosen)


counted = st.integers(0, 40).flatmap(lambda calls: st.tuples(st.integers(0, calls), st.just(calls)))


@given(counted, counted)
def test_it_is_what_counting_all_ways_gives(old: tuple[int, int], new: tuple[int, int]) -> None:
    bad, calls = old[0] + new[0], old[1] + new[1]
    found = sum(
        ways(new[1], each) * ways(old[1], bad - each)
        for each in range(new[0], min(bad, new[1]) + 1)
    )
    assert chance_of(*old, *new) == pytest.approx(found / ways(calls, bad), rel=1e-9)


def test_looks_come_with_ever_more_calls_and_never_before_the_least() -> None:
    rule = Rule(least_calls=30)
    assert [due_at(look, rule) for look in range(1, 6)] == [30, 38, 48, 60, 75]
    assert look_due(29, 0, rule) is None
    assert look_due(30, 0, rule) == 1
    assert look_due(37, 1, rule) is None
    assert look_due(38, 1, rule) == 2
    assert look_due(60, 1, rule) == 4, "what was missed is one look, with no more to spend"
    assert [due_at(look, Rule(least_calls=1)) for look in (1, 2, 3)] == [1, 2, 3]


def test_all_looks_together_spend_no_more_than_was_allowed() -> None:
    assert sum(spend(look, 0.05) for look in range(1, 100_000)) <= 0.05


def test_a_version_that_breaks_every_call_is_taken_back_at_the_first_look() -> None:
    old, new = Counts(calls=30, tool_error=1), Counts(calls=30, tool_error=30)
    verdict = judge(old, new, 1, Rule())
    assert [each.measure for each in verdict.worse] == ["tool_error"]
    assert (verdict.findings[0].old_share, verdict.findings[0].new_share) == (1 / 30, 1.0)


def test_what_is_equally_bad_is_no_worse() -> None:
    counts = Counts(calls=200, tool_error=50, owed_silence=100, transferred=20, broke_off=3)
    assert judge(counts, counts, 1, Rule()).worse == ()


def test_nothing_to_compare_with_proves_nothing() -> None:
    assert judge(Counts(), Counts(calls=50, tool_error=50), 1, Rule()).worse == ()


def test_what_is_surely_worse_by_too_little_to_matter_is_let_be() -> None:
    old = Counts(calls=100_000, transferred=1_000)
    new = Counts(calls=100_000, transferred=1_500)
    assert judge(old, new, 1, Rule(margin=0.02)).worse == ()
    assert [each.measure for each in judge(old, new, 1, Rule(margin=0.001)).worse] == [
        "transferred"
    ]


def rolled_back(chooser: random.Random, old: float, new: float, calls: int, rule: Rule) -> bool:
    """Calls come one by one, one in five on the new version; the guard looks as it does."""
    tally = {"old": [0] * 5, "new": [0] * 5}
    looks = 0
    for _ in range(calls):
        arm, rate = ("new", new) if chooser.random() < 0.2 else ("old", old)
        tally[arm][0] += 1
        for at in range(1, 5):
            tally[arm][at] += chooser.random() < rate
        look = look_due(tally["new"][0], looks, rule)
        if arm == "new" and look is not None:
            looks = look
            if judge(Counts(*tally["old"]), Counts(*tally["new"]), look, rule).worse:
                return True
    return False


def test_a_version_that_is_as_good_is_seldom_taken_back_over_many_looks() -> None:
    chooser, rule = random.Random(7), Rule(least_calls=20, doubt=0.2, margin=0.0)
    false = sum(rolled_back(chooser, 0.1, 0.1, 1_500, rule) for _ in range(100))
    # At most one in five was allowed; four standard deviations of luck are left.
    assert false <= 20 + 16
    assert len(MEASURES) == 4


def test_a_version_that_is_three_times_as_bad_is_found() -> None:
    chooser = random.Random(8)
    found = sum(rolled_back(chooser, 0.1, 0.3, 1_500, Rule()) for _ in range(30))
    assert found >= 27
