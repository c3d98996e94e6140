"""How many tools has a model asked for?"""

import pytest

from tools import steps
from tools.policy import Steps
from tools.steps import Counter


def test_counts_begin_again_with_each_turn_and_go_on_in_the_call() -> None:
    counter = Counter()
    found = [counter.take("CA1", turn) for turn in (1, 1, 2, 2, 2)]
    assert found == [Steps(0, 0), Steps(1, 1), Steps(0, 2), Steps(1, 3), Steps(2, 4)]
    assert counter.take("CA2", 2) == Steps(0, 0)


def test_a_call_that_is_over_is_forgotten() -> None:
    counter = Counter()
    counter.take("CA1", 1)
    counter.forget("CA1")
    counter.forget("CA1")
    assert counter.take("CA1", 1) == Steps(0, 0)


def test_no_more_calls_are_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_CALLS", 2)
    counter = Counter()
    for call in ("CA1", "CA2", "CA1", "CA3"):
        counter.take(call, 1)
    assert counter.take("CA1", 1) == Steps(2, 2)
    assert counter.take("CA2", 1) == Steps(0, 0), "the one least lately used went first"
