"""May another session of this engine be opened now?"""

import pytest

from telephony.enginegate import AT_ONCE, FAILURES, PER_S, REST_S, EngineGate


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
