"""Who starts workers, starts them again, and ends them."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from agents.tasks import Tasks
from telephony.server import listen
from telephony.workers import parent as parents
from telephony.workers.board import Board, Column, State
from telephony.workers.parent import Parent, pause_s

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


class Family:
    """A parent of two, with its board in sight."""

    def __init__(self, behaviour: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.boards: list[Board] = []
        made = Board.to_share

        def kept(rows: int) -> Board:
            self.boards.append(made(rows))
            return self.boards[-1]

        monkeypatch.setattr(Board, "to_share", kept)
        monkeypatch.setattr(parents, "FIRST_PAUSE_S", 0.1)
        self.listener = listen("127.0.0.1", 0)
        command = (sys.executable, "-m", "tests.telephony.lone_worker", behaviour, "--joining")
        self.parent = Parent(command, self.listener, 2, 10)
        self.running = Tasks(_failed).start("parent", self.parent.run())

    @property
    def up(self) -> list[bool]:
        (board,) = self.boards
        return [board.get(worker, Column.STATE) == State.TAKING for worker in range(2)]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.02)

    async def ended(self) -> int:
        async with asyncio.timeout(30):
            code: int = await self.running
        self.listener.close()
        return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["told", "hung-up"])
async def test_a_signal_ends_all_and_each_knows_that_all_end(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    family = Family("waits", monkeypatch)
    await family.until(lambda: all(family.up))
    assert family.boards[0].total(Column.LIVE) == 4
    os.kill(os.getpid(), number)
    # One that did not know would have ended with 9.
    assert await family.ended() == 0


async def test_a_terminal_that_closes_twice_hurries_no_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family = Family("waits", monkeypatch)
    await family.until(lambda: all(family.up))
    told: list[int] = []
    tell = parents._tell

    def telling(process: asyncio.subprocess.Process) -> None:
        told.append(process.pid)
        tell(process)

    monkeypatch.setattr(parents, "_tell", telling)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
    assert await family.ended() == 0
    assert len(told) == 2


async def test_a_signal_before_the_workers_can_listen_ends_all_in_good_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family = Family("waits", monkeypatch)
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await family.ended() == 0


def no_process(monkeypatch: pytest.MonkeyPatch, which: Callable[[int], bool]) -> list[int]:
    """The system refuses those starts, counted from 1; all that were tried."""
    tried: list[int] = []
    make = asyncio.create_subprocess_exec

    async def refused(*command: str, **how: Any) -> asyncio.subprocess.Process:
        tried.append(len(tried) + 1)
        if which(tried[-1]):
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return await make(*command, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    return tried


async def test_fault_p3_a_worker_for_which_there_is_no_process_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = no_process(monkeypatch, lambda number: number in {3, 4})
    with capture_logs() as logs:
        family = Family("dies", monkeypatch)
        await family.until(lambda: len(tried) >= 5 and all(family.up))
        family.parent.stop()
        await family.ended()
    refused = [line for line in logs if line["event"] == "worker_not_forked"]
    assert [(line["worker"], line["error"]) for line in refused] == [(1, "EAGAIN")] * 2
    ended = [line for line in logs if line["event"] == "worker_ended"]
    assert [(line["code"], line["again_in_s"]) for line in ended[:3]] == [
        (3, 0.1),
        (os.EX_OSERR, 0.2),
        (os.EX_OSERR, 0.4),
    ]


async def test_fault_p11_no_process_at_the_first_start_ends_the_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_process(monkeypatch, lambda _: True)
    with capture_logs() as logs:
        assert await Family("waits", monkeypatch).ended() == os.EX_OSERR
    assert "worker_not_started" in {line["event"] for line in logs}


async def _gone() -> asyncio.subprocess.Process:
    """One that has ended, and that its parent has not removed yet."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "")
    await process.wait()
    return process


async def test_fault_p3_a_worker_that_has_just_died_keeps_no_other_from_being_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family = Family("waits", monkeypatch)
    await family.until(lambda: all(family.up))
    family.parent._processes = {9: await _gone(), **family.parent._processes}
    os.kill(os.getpid(), signal.SIGTERM)
    assert await family.ended() == 0


async def test_fault_p3_a_worker_that_dies_as_it_is_started_for_the_end_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def gone_at_the_end(parent: Parent, _number: int) -> asyncio.subprocess.Process:
        process = await _gone()
        parent.stop()
        return process

    monkeypatch.setattr(Parent, "_started", gone_at_the_end)
    assert await Family("waits", monkeypatch).ended() == 0


async def test_fault_p3_a_worker_that_dies_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_logs() as logs:
        family = Family("dies", monkeypatch)
        await family.until(lambda: family.parent.figures.restarts >= 2)
        family.parent.stop()
        await family.ended()
    ended = [line for line in logs if line["event"] == "worker_ended"]
    assert {(line["worker"], line["code"]) for line in ended} == {(1, 3)}
    assert [line["again_in_s"] for line in ended[:2]] == [0.1, 0.2]


async def test_fault_p11_a_worker_that_cannot_start_ends_its_parent_with_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_logs() as logs:
        assert await Family("refuses", monkeypatch).ended() == 78
    assert "worker_not_started" in {line["event"] for line in logs}


@pytest.mark.parametrize(
    ("failures", "pause"), [(0, 0.0), (1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (9_999, 30.0)]
)
def test_pauses_grow_and_end_growing(failures: int, pause: float) -> None:
    assert pause_s(failures) == pause
