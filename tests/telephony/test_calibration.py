"""How many calls fit a machine, from what one costs there."""

import pytest

from telephony import calibration
from telephony.calibration import CALL_MS, PROBE_MS, calls_for, measured


@pytest.mark.parametrize(
    ("call_ms", "cores", "calls"), [(6.0, 1, 100), (6.0, 2, 200), (0.001, 1, 10_000), (9_999, 1, 1)]
)
def test_six_tenths_of_each_core_are_for_calls(call_ms: float, cores: int, calls: int) -> None:
    assert calls_for(call_ms, cores) == calls


def test_a_machine_twice_as_fast_carries_twice_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_probe_ms", lambda: PROBE_MS / 2)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    for workers, cores in ((1, 1), (2, 2), (8, 2)):
        found = measured("pcm", workers)
        assert (found.speed, found.cores) == (2.0, cores)
        assert found.calls == calls_for(CALL_MS["pcm"] / 2, cores)


def test_the_probe_does_a_call_s_work() -> None:
    assert measured("ulaw", 1).calls >= measured("pcm", 1).calls // 2 > 0
