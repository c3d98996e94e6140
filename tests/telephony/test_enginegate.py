"""May another session of this engine be opened now?"""

import pytest

from telephony.enginegate import (
    AT_ONCE,
    FAILURES,
    HOPELESS,
    LONGEST_REST_S,
    LONGEST_ROW_S,
    ONE_CALLS,
    PER_S,
    REST_S,
    EngineGate,
)


def gate(spread: float = 0.0) -> EngineGate:
    return EngineGate(lambda: spread)


def test_fault_m24_fifty_calls_that_lose_their_model_at_once_come_one_after_another() -> None:
    found = gate(spread=1.0)
    waits = [found.wait_s("realtime", 100.0) for _ in range(50)]
    at_once = [wait for wait in waits if wait == 0.0]
    assert AT_ONCE <= len(at_once) <= AT_ONCE + 1
    assert waits == sorted(waits)
    assert max(waits) < 2.0, "all of them within the time a caller waits"
    for second in range(3):
        assert len([wait for wait in waits if second <= wait < second + 1]) <= PER_S + AT_ONCE + 1


def test_whoever_comes_alone_does_not_wait() -> None:
    found = gate(spread=1.0)
    assert [found.wait_s("realtime", float(second)) for second in range(20)] == [0.0] * 20


def test_an_engine_of_this_machine_is_not_waited_for() -> None:
    found = gate()
    assert [found.wait_s("local", 0.0) for _ in range(100)] == [0.0] * 100


def test_an_engine_that_fails_again_and_again_rests() -> None:
    found = gate()
    for _ in range(FAILURES):
        assert not found.resting("realtime", 0.0)
        assert found.allows("realtime", 0.0)
        found.failed("realtime", 0.0, fatal=False)
    assert found.resting("realtime", REST_S - 0.1)
    assert not found.allows("realtime", REST_S - 0.1)
    assert not found.resting("realtime", REST_S)
    assert found.allows("realtime", REST_S), "one call finds out"
    assert not found.allows("realtime", REST_S)
    found.worked("realtime")
    assert found.allows("realtime", REST_S)
    assert not found.resting("local", 0.0)


def test_what_can_never_work_is_not_tried_by_every_call() -> None:
    found = gate()
    found.failed("realtime", 0.0, fatal=True)
    assert found.resting("realtime", 1.0)


@pytest.mark.parametrize("kind", ["realtime", "local"])
def test_asking_whether_it_rests_takes_no_ones_turn(kind: str) -> None:
    found = gate()
    for _ in range(FAILURES):
        found.failed(kind, 0.0, fatal=False)
    assert [found.resting(kind, REST_S) for _ in range(3)] == [False] * 3
    assert found.allows(kind, REST_S)


def test_what_can_still_never_work_rests_longer_each_time_it_was_tried() -> None:
    found, now = gate(), 0.0
    found.failed("realtime", now, fatal=True)
    for rest_s in (REST_S, 2 * REST_S, 4 * REST_S, LONGEST_REST_S, LONGEST_REST_S):
        assert found.resting("realtime", now + rest_s - 0.1)
        now += rest_s
        assert found.allows("realtime", now)
        found.failed("realtime", now, fatal=True)


@pytest.mark.parametrize("reason", ["invalid_api_key", "model_not_found", "insufficient_quota"])
def test_what_is_wrong_with_the_account_is_wrong_for_all_calls(reason: str) -> None:
    found = gate()
    found.failed_for("realtime", reason, 0.0, fatal=True)
    assert found.resting("realtime", 1.0)


@pytest.mark.parametrize("reason", sorted(ONE_CALLS))
@pytest.mark.parametrize("fatal", [False, True])
def test_one_call_s_own_failure_closes_an_engine_for_nobody(reason: str, fatal: bool) -> None:
    found = gate()
    for _ in range(2 * FAILURES):
        found.failed_for("realtime", reason, 0.0, fatal=fatal)
    assert not found.resting("realtime", 0.0)


def test_what_lies_in_one_call_is_never_taken_for_what_lies_in_the_account() -> None:
    assert not ONE_CALLS & HOPELESS


def test_a_fatal_failure_nobody_knows_counts_as_one() -> None:
    found = gate()
    for _ in range(FAILURES - 1):
        found.failed_for("realtime", "odd", 0.0, fatal=True)
        assert not found.resting("realtime", 0.0)
    found.failed_for("realtime", "server_error", 0.0, fatal=False)
    assert found.resting("realtime", 0.0)


def test_one_call_that_finds_out_nothing_makes_room_for_another() -> None:
    found = gate()
    found.failed("realtime", 0.0, fatal=True)
    assert found.allows("realtime", REST_S)
    assert found.resting("realtime", REST_S), "one call is finding out"
    found.failed_for("realtime", "unused", REST_S, fatal=False)
    assert found.allows("realtime", REST_S)


def test_who_only_looks_at_the_row_takes_no_place_in_it() -> None:
    found = gate()
    while found.row_s("realtime", 0.0) <= LONGEST_ROW_S:
        found.wait_s("realtime", 0.0)
    longest_s = found.row_s("realtime", 0.0)
    assert [found.row_s("realtime", 0.0) for _ in range(3)] == [longest_s] * 3
    assert found.row_s("local", 0.0) == 0.0


def test_several_workers_together_ask_a_provider_no_more_often() -> None:
    gate = EngineGate(lambda: 0.0, 5)
    waits = [gate.wait_s("realtime", 100.0) for _ in range(5)]
    assert waits[0] == 0.0
    assert waits[4] - waits[3] == pytest.approx(5 / 25)
