"""What keeps the event loop from turning is told while it lasts, once, and by where it is."""

import threading
from collections.abc import Callable

import pytest

from tools import stalls
from tools.stalls import Stalls

LONG_S = 20.0
"""For what comes at once: only a broken test waits so long."""
PATIENT_S = 0.3
"""Longer than a busy machine keeps a thread from two steps in a row."""


class Told:
    def __init__(self) -> None:
        self.tools: list[str] = []
        self.calls: list[str] = []
        self.happened = threading.Event()

    def __call__(self, tool: str, lasts_s: float, calls: list[str]) -> None:
        assert lasts_s > 0.01
        self.tools.append(tool)
        self.calls = calls
        self.happened.set()


def gone(name: str = "stalls") -> bool:
    threads = [each for each in threading.enumerate() if each.name == name]
    for each in threads:
        each.join(LONG_S)
    return not any(each.is_alive() for each in threads)


def test_a_step_that_lasts_is_told_once_with_the_place_it_is_at() -> None:
    told = Told()
    watch = Stalls(0.01, told)
    watch.begin("slow")
    assert told.happened.wait(LONG_S)
    watch.end()
    watch.begin("other")
    told.happened.clear()
    assert told.happened.wait(LONG_S)
    watch.end()
    assert told.tools == ["slow", "other"]
    assert any("test_a_step_that_lasts" in call for call in told.calls)


def test_what_has_ended_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalls, "IDLE_S", 0.01)
    told = Told()
    watch = Stalls(PATIENT_S, told)
    for _ in range(100):
        watch.begin("quick")
        watch.end()
    assert gone()
    assert told.tools == []


def test_the_thread_ends_with_nothing_to_watch_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stalls, "IDLE_S", 0.01)
    told = Told()
    watch = Stalls(PATIENT_S, told)
    watch.begin("first")
    watch.end()
    assert gone()
    watch.begin("second")
    assert told.happened.wait(LONG_S)
    watch.end()
    assert told.tools == ["second"]


def test_without_a_thread_to_spare_the_tool_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    start: Callable[[threading.Thread], None] = threading.Thread.start
    told = Told()
    watch = Stalls(0.01, told)
    monkeypatch.setattr(threading.Thread, "start", none)
    watch.begin("slow")
    watch.end()
    monkeypatch.setattr(threading.Thread, "start", start)
    watch.begin("slow")
    assert told.happened.wait(LONG_S)
    watch.end()
