"""Gradual roll-outs: one at a time, kept, taken back by the guard, all written down."""

import pytest

from tests.tools.versioned import Clock, Editor
from tools.rollout.assignment import arm_of
from tools.rollout.rollouts import GUARD, Refusal, Rollouts
from tools.rollout.spec import Arm, Counts, Rollout, Rule, Seen, State
from tools.store import Store
from tools.versions.spec import Behind, Broken, Moved, NoVersion

RULE = Rule(least_calls=10)
GOOD, BAD = Seen(), Seen(tool_error=True)


class Desk(Editor):
    """Version 1 is published, version 2 is to be tried."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.store = store
        self.first = self.saved(None, shop="one")
        self.published(self.first)
        self.second = self.saved(self.first, shop="two")
        self.rollouts = Rollouts(store, self.versions, Clock())

    def started(self, percent: float = 20, numbers: tuple[str, ...] = ()) -> Rollout:
        found = self.rollouts.start(self.second, percent, numbers, RULE, "ann", "to see")
        assert isinstance(found, Rollout), found
        return found

    def calls(self, arm: Arm, *seen: Seen, begin: int = 0) -> dict[str, tuple[Arm, Seen]]:
        return {f"CA{arm.value}{begin + at}": (arm, each) for at, each in enumerate(seen)}


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_it_is_there_until_it_ends_and_another_has_to_wait(desk: Desk) -> None:
    started = desk.started(numbers=("+442079460001",))
    again = Rollouts(desk.store, desk.versions, Clock())  # another process, or the next start
    assert again.running() == started == again.find(started.id)
    assert (started.version, started.base, started.numbers) == (2, 1, ("+442079460001",))
    refused = again.start(desk.second, 50, (), RULE, "bob", "")
    assert isinstance(refused, Refusal)
    assert refused.code == "running"
    stopped = again.stop(started.id, "bob", "enough")
    assert isinstance(stopped, Rollout)
    assert (stopped.state, stopped.ended_by, again.running()) == (State.STOPPED, "bob", None)
    assert isinstance(again.stop(started.id, "bob", ""), Refusal)
    assert isinstance(again.publish(started.id, "bob", ""), Refusal)
    assert isinstance(again.change(started.id, 10, (), "bob", ""), Refusal)
    assert [each.what for each in again.events(started.id)] == ["stopped", "started"]
    assert [each.id for each in again.history(5)] == [started.id]
    assert again.history(5, before=started.id) == []


def test_only_what_could_be_published_is_rolled_out(desk: Desk) -> None:
    broken = desk.saved(desk.second, shop="broken")
    assert isinstance(desk.rollouts.start(broken, 20, (), RULE, "ann", ""), Broken)
    assert isinstance(desk.rollouts.start(desk.first, 20, (), RULE, "ann", ""), Refusal)
    with pytest.raises(NoVersion):
        desk.rollouts.start(99, 20, (), RULE, "ann", "")
    desk.published(desk.second)
    behind = desk.rollouts.start(desk.first, 20, (), RULE, "ann", "")
    assert isinstance(behind, Behind), "a roll-back is not tried out, it is done"
    empty = Rollouts(desk.store, desk.versions, Clock())
    assert empty.stop(99, "ann", "") is None
    assert empty.publish(99, "ann", "") is None
    assert empty.change(99, 5, (), "ann", "") is None
    assert empty.keep(99, {}) is None


def test_before_anything_is_published_there_is_nothing_to_compare_with(store: Store) -> None:
    editor = Editor(store)
    saved = editor.saved(None, shop="one")
    found = Rollouts(store, editor.versions, Clock()).start(saved, 20, (), RULE, "ann", "")
    assert isinstance(found, Refusal)
    assert found.code == "nothing-published"


def test_the_guard_takes_a_worse_version_back_and_says_why(desk: Desk) -> None:
    rollout = desk.started()
    assert desk.rollouts.keep(rollout.id, desk.calls(Arm.OLD, *[GOOD] * 30)) is None
    assert desk.rollouts.keep(rollout.id, desk.calls(Arm.NEW, *[BAD] * 9)) is None
    verdict = desk.rollouts.keep(rollout.id, desk.calls(Arm.NEW, BAD, begin=9))
    assert verdict is not None
    assert [each.measure for each in verdict.worse] == ["tool_error"]
    ended = desk.rollouts.find(rollout.id)
    assert ended is not None
    assert (ended.state, ended.ended_by, ended.looks) == (State.ROLLED_BACK, GUARD, 1)
    assert "tool error in 100.0% of calls, against 0.0%" in ended.ended_because
    assert desk.live() == {"shop": "one"}, "all calls had the old version but a few"
    told = desk.rollouts.events(rollout.id)
    assert [each.what for each in told] == ["rolled-back", "judged", "started"]
    assert told[1].verdict == verdict
    # Calls that end later are written down, and judged no more.
    assert desk.rollouts.keep(rollout.id, desk.calls(Arm.NEW, BAD, begin=10)) is None
    assert desk.rollouts.counts(rollout.id)[Arm.NEW] == Counts(calls=11, tool_error=11)


def test_what_is_told_twice_counts_once(desk: Desk) -> None:
    rollout = desk.started()
    both = {**desk.calls(Arm.OLD, GOOD), **desk.calls(Arm.NEW, Seen(owed_silence=True))}
    for _ in range(3):
        desk.rollouts.keep(rollout.id, both)
    assert desk.rollouts.counts(rollout.id) == {
        Arm.OLD: Counts(calls=1),
        Arm.NEW: Counts(calls=1, owed_silence=1),
    }


def test_a_good_version_is_looked_at_again_with_a_quarter_more_calls(desk: Desk) -> None:
    rollout = desk.started()
    desk.rollouts.keep(rollout.id, desk.calls(Arm.OLD, *[GOOD] * 30))
    looked = [
        desk.rollouts.keep(rollout.id, desk.calls(Arm.NEW, GOOD, begin=at)) is not None
        for at in range(13)
    ]
    assert [at + 1 for at, look in enumerate(looked) if look] == [10, 13]
    found = desk.rollouts.running()
    assert found is not None
    assert found.looks == 2


def test_everybody_gets_it_once_it_is_published(desk: Desk) -> None:
    rollout = desk.started()
    assert isinstance(desk.rollouts.publish(rollout.id, "ann", "it is good"), Moved)
    assert desk.live() == {"shop": "two"}
    ended = desk.rollouts.find(rollout.id)
    assert ended is not None
    assert ended.state is State.PUBLISHED


def test_something_else_that_is_published_ends_it(desk: Desk) -> None:
    rollout = desk.started()
    assert desk.rollouts.settle() == rollout
    third = desk.saved(desk.first, crm="three")
    desk.published(third, anyway=True)
    assert desk.rollouts.settle() is None
    ended = desk.rollouts.find(rollout.id)
    assert ended is not None
    assert (ended.state, ended.ended_because) == (
        State.SUPERSEDED,
        "Version 3 was published meanwhile.",
    )
    behind = desk.rollouts.settle()
    assert behind is None


def test_a_process_that_died_after_publishing_is_made_up_for(desk: Desk) -> None:
    rollout = desk.started()
    desk.published(desk.second)
    assert desk.rollouts.settle() is None
    ended = desk.rollouts.find(rollout.id)
    assert ended is not None
    assert ended.state is State.PUBLISHED


def test_a_roll_out_is_not_published_over_what_others_published(desk: Desk) -> None:
    rollout = desk.started()
    desk.published(desk.saved(desk.first, crm="three"), anyway=True)
    assert isinstance(desk.rollouts.publish(rollout.id, "ann", ""), Behind)


def test_more_callers_get_it_and_who_has_it_keeps_it(desk: Desk) -> None:
    before = desk.started(percent=10)
    after = desk.rollouts.change(before.id, 40, (), "ann", "it looks well")
    assert isinstance(after, Rollout)
    callers = [f"+4420794{number:05}" for number in range(1_000)]
    had, have = (
        {each for each in callers if arm_of(rollout, "CA1", each, "+441") is Arm.NEW}
        for rollout in (before, after)
    )
    assert had < have
    assert 60 <= len(had) <= 140
    assert 340 <= len(have) <= 460
    assert desk.rollouts.events(before.id)[0].why == "40 %. it looks well"


def test_the_same_caller_always_gets_the_same_and_given_numbers_the_new(desk: Desk) -> None:
    rollout = desk.started(percent=50, numbers=("+442079460001", "+15550001111"))
    for caller in ("+442079460123", "+442079460124"):
        assert len({arm_of(rollout, f"CA{at}", caller, "+441") for at in range(20)}) == 1
    # A withheld number is nobody in particular: each call is dealt by itself, and stays so.
    withheld = [arm_of(rollout, f"CA{at}", "anonymous", "") for at in range(200)]
    assert 60 <= withheld.count(Arm.NEW) <= 140
    assert withheld == [arm_of(rollout, f"CA{at}", "anonymous", "") for at in range(200)]
    assert arm_of(rollout, "CA1", "+15550001111", "+441") is Arm.NEW
    assert arm_of(rollout, "CA1", "anonymous", "+442079460001") is Arm.NEW
