"""How a process fares: its loop's lateness, its files, and what its crew is told."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator

import pytest
from structlog.testing import capture_logs

from agents.tasks import Tasks
from telephony import strain as strains
from telephony.lateness import TICKS
from telephony.metrics import Metrics
from telephony.strain import FILES, LONG_S, OVERLOADED, Files, Strain
from telephony.workers.board import Board, State
from telephony.workers.crew import Crew


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


class Watched:
    """A process that takes calls."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.metrics = Metrics()
        self.crew = Crew(0, Board(2))
        self.strain = Strain(0.1, self.crew, self.metrics, self._count)

    def _count(self, code: str) -> None:
        self.counted[code] += 1

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        task = Tasks(_failed).start("strain", self.strain.run(lambda: State.TAKING))
        await asyncio.sleep(0.1)
        yield
        task.cancel()
        await asyncio.wait([task])

    def late_s(self) -> float:
        found = self.metrics.registry.get_sample_value("frontdesk_loop_late_seconds_sum")
        return found or 0.0


def _holds_the_loop_up(seconds: float) -> None:
    time.sleep(seconds)


async def test_fault_p6_what_keeps_the_loop_is_told_while_it_lasts() -> None:
    watched = Watched()
    with capture_logs() as logs:
        async with watched.watching():
            _holds_the_loop_up(0.5)
            await asyncio.sleep(0.1)
    (blocked,) = [line for line in logs if line["event"] == "loop_blocked"]
    assert any("_holds_the_loop_up" in place for place in blocked["calls"])
    assert blocked["lasts_ms"] >= 150
    stalled = next(line for line in logs if line["event"] == "loop_stalled")
    assert stalled["late_ms"] >= 300
    assert watched.counted["loop_stalled"] >= 1
    assert watched.late_s() >= 0.3
    assert watched.strain.why_not() is None, "one stall refuses nobody"


async def test_fault_p6_only_what_the_loop_itself_did_is_a_warning() -> None:
    watched = Watched()
    with capture_logs() as logs:
        async with watched.watching():
            _holds_the_loop_up(0.3)
            await asyncio.sleep(0.1)
            until_s = time.thread_time() + 0.3
            while time.thread_time() < until_s:
                """At work."""
            # Of shorter ones a line in ten seconds is enough.
            _holds_the_loop_up(LONG_S)
            await asyncio.sleep(0.1)
    waited, worked = [line for line in logs if line["event"] == "loop_stalled"]
    assert (waited["log_level"], worked["log_level"]) == ("info", "warning")
    assert waited["cpu_ms"] < 100
    assert worked["cpu_ms"] >= 250


async def test_fault_p6_a_short_stall_is_measured_and_not_told() -> None:
    watched = Watched()
    with capture_logs() as logs:
        async with watched.watching():
            _holds_the_loop_up(0.09)
            await asyncio.sleep(0.1)
    places = [place for line in logs for place in line.get("calls", ())]
    assert not any("_holds_the_loop_up" in place for place in places)
    assert watched.late_s() >= 0.03


async def test_a_loop_that_is_late_all_the_time_takes_no_calls() -> None:
    watched = Watched()
    for _ in range(TICKS):
        watched.strain.lateness.tick(0.2)
    assert watched.strain.why_not() == OVERLOADED


async def test_the_crew_is_told_how_it_fares_and_when_it_leaves() -> None:
    watched = Watched()
    other = Crew(1, watched.crew.board)
    async with watched.watching():
        assert other.state(0) is State.TAKING
    assert other.state(0) is State.AWAY


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("limit", "short"), [(101, True), (102, False)])
def test_fault_p8_a_fifth_of_the_files_is_kept_for_calls_that_are_on(
    limit: int, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(Clock())
    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr(strains, "_OPEN", _Folder(81))
    assert (files.open(), files.short) == (81, short)


class _Folder:
    """As /proc/self/fd."""

    def __init__(self, files: int) -> None:
        self.files = files

    def iterdir(self) -> range:
        if self.files < 0:
            raise OSError(24, "Too many open files")
        return range(self.files)


def test_fault_p8_where_none_is_left_to_count_with_none_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (64, 64))
    monkeypatch.setattr(strains, "_OPEN", _Folder(-1))
    files = Files(Clock())
    assert (files.open(), files.short) == (64, True)


def test_files_are_counted_at_most_four_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, folder = Clock(), _Folder(10)
    monkeypatch.setattr(strains, "_OPEN", folder)
    files = Files(clock)
    assert files.open() == 10
    folder.files = 20
    clock.now += 0.2
    assert files.open() == 10
    clock.now += 0.1
    assert files.open() == 20


async def test_too_few_files_are_a_reason() -> None:
    watched = Watched()
    watched.strain._files = _Short()  # type: ignore[assignment]
    assert watched.strain.why_not() == FILES


class _Short:
    short = True
