"""Who carries a call, and what it takes to go on with it: one owner, nothing twice."""

import datetime as dt
import threading

from tools.livecalls import LiveCall, LiveCalls, Over, Taken
from tools.store import Store

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
FIRST = LiveCall("CA1", 1, "head", "state", 0, ("one", "two"))


def test_what_was_kept_is_there_for_who_takes_the_call(store: Store) -> None:
    calls = LiveCalls(store)
    assert calls.keep("a", [FIRST], NOW) == frozenset()
    more = LiveCall("CA1", 1, "head", "later", 2, ("three",))
    assert calls.keep("a", [more], NOW) == frozenset()
    taken = calls.take("CA1", "b", NOW)
    assert taken == Taken(2, "head", "later", ("one", "two", "three"), 3)


def test_fault_s9_who_lost_a_call_writes_no_more_about_it(store: Store) -> None:
    calls = LiveCalls(store)
    calls.keep("a", [FIRST, LiveCall("CA2", 1, "", "")], NOW)
    calls.take("CA1", "b", NOW)
    late = [LiveCall("CA1", 1, "head", "wrong", 2, ("wrong",)), LiveCall("CA2", 1, "", "right")]
    assert calls.keep("a", late, NOW) == {"CA1"}
    assert calls.take("CA1", "c", NOW) == Taken(3, "head", "state", ("one", "two"), 2)
    assert calls.take("CA2", "c", NOW) == Taken(2, "", "right", (), 0)


def test_a_process_that_takes_its_own_call_again_goes_on_with_the_new_number(store: Store) -> None:
    calls = LiveCalls(store)
    calls.keep("a", [FIRST], NOW)
    calls.take("CA1", "a", NOW)
    assert calls.keep("a", [FIRST], NOW) == {"CA1"}
    assert calls.keep("a", [LiveCall("CA1", 2, "head", "state")], NOW) == frozenset()


def test_a_write_that_is_made_again_leaves_no_line_twice(store: Store) -> None:
    calls = LiveCalls(store)
    for _ in range(2):
        calls.keep("a", [FIRST], NOW)
    taken = calls.take("CA1", "b", NOW)
    assert isinstance(taken, Taken)
    assert taken.lines == ("one", "two")


def test_a_call_that_is_over_is_not_gone_on_with_and_nothing_said_in_it_is_kept(
    store: Store,
) -> None:
    calls = LiveCalls(store)
    calls.keep("a", [FIRST], NOW)
    calls.keep("a", [LiveCall("CA1", 1, "", "", ended="caller_hung_up")], NOW)
    assert calls.take("CA1", "b", NOW) == Over("caller_hung_up")
    assert calls.take("CA9", "b", NOW) is None


def test_of_many_who_take_a_call_one_has_it(store: Store) -> None:
    calls = LiveCalls(store)
    calls.keep("a", [FIRST], NOW)
    found: list[Taken | Over | None] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(calls.take("CA1", f"t{n}", NOW)))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fences = sorted(each.fence for each in found if isinstance(each, Taken))
    assert fences == [2, 3, 4, 5, 6, 7]


def test_what_nobody_writes_about_any_more_is_forgotten(store: Store) -> None:
    calls = LiveCalls(store)
    calls.keep("a", [FIRST], NOW - dt.timedelta(days=2))
    calls.keep("a", [LiveCall("CA2", 1, "", "")], NOW)
    assert calls.purge(NOW - dt.timedelta(days=1)) == 1
    assert calls.take("CA1", "b", NOW) is None
    assert calls.take("CA2", "b", NOW) is not None


def test_processes_that_were_heard_of_lately_take_calls(store: Store) -> None:
    calls = LiveCalls(store)
    for owner, age_s in (("a", 0), ("a", 0), ("b", 5), ("c", 60)):
        calls.beat(owner, NOW - dt.timedelta(seconds=age_s))
    since = NOW - dt.timedelta(seconds=15)
    assert [calls.others(owner, since) for owner in ("a", "b", "x")] == [1, 1, 2]
    calls.leave("b")
    assert calls.others("a", since) == 0
    calls.purge(NOW)
    assert calls.others("x", NOW - dt.timedelta(days=1)) == 1
