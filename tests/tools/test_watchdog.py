"""Which tool keeps the event loop from turning, or leaves tasks behind?"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from tools.watchdog import OFFENCES, Watchdog, lasting


def ticking(step_s: float) -> Callable[[], float]:
    ticks = itertools.count()
    return lambda: next(ticks) * step_s


def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


async def two_steps() -> str:
    await asyncio.sleep(0)
    return "done"


def events(logs: list[Any], name: str) -> list[Any]:
    return [each for each in logs if each["event"] == name]


async def test_what_keeps_to_its_time_is_left_alone() -> None:
    watchdog = Watchdog(ticking(0.1))
    with capture_logs() as logs:
        for _ in range(9):
            assert await watchdog.watched("quick", two_steps()) == "done"
    assert logs == []
    assert not watchdog.isolated("quick")


async def test_each_step_that_takes_too_long_is_told() -> None:
    watchdog = Watchdog(ticking(0.3))
    with capture_logs() as logs:
        await watchdog.watched("slow", two_steps())
        assert not watchdog.isolated("slow")
        await watchdog.watched("slow", two_steps())
    assert len(events(logs, "tool_blocked_the_loop")) == 4
    assert events(logs, "tool_isolated") == [
        {"event": "tool_isolated", "log_level": "error", "tool": "slow", "offences": OFFENCES}
    ]
    assert watchdog.isolated("slow")
    assert not watchdog.isolated("other")


async def test_waiting_is_not_blocking() -> None:
    watchdog = Watchdog()
    go = asyncio.Event()
    waiting = started(watchdog.watched("waits", go.wait()))
    await asyncio.sleep(0.3)
    go.set()
    with capture_logs() as logs:
        assert await waiting is True
    assert logs == []


async def test_what_a_handler_raises_comes_through() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Watchdog().watched("fails", fails())


async def test_a_handler_that_is_cancelled_can_clean_up() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    task = started(Watchdog().watched("waits", waits()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cleaned up"]


async def test_fault_x16_a_task_that_outlives_its_handler_is_ended() -> None:
    left: list[asyncio.Task[Any]] = []

    async def leaks() -> None:
        left.append(asyncio.get_running_loop().create_task(asyncio.Event().wait()))

    watchdog = Watchdog(leaves_s=0.0)
    with capture_logs() as logs:
        await watchdog.watched("leaks", leaks())
        await asyncio.wait(left)
    assert left[0].cancelled()
    assert [each["tasks"] for each in events(logs, "tool_left_tasks_behind")] == [1]


async def test_tasks_that_are_meant_to_last_or_are_done_in_time_are_no_leak() -> None:
    kept: list[asyncio.Task[Any]] = []

    async def connects() -> None:
        with lasting():
            kept.append(asyncio.get_running_loop().create_task(asyncio.Event().wait()))
        await started(asyncio.sleep(0))

    other = started(asyncio.Event().wait())
    watchdog = Watchdog(leaves_s=0.0)
    with capture_logs() as logs:
        await watchdog.watched("connects", connects())
        for _ in range(5):
            await asyncio.sleep(0.01)
    assert logs == []
    for task in (*kept, other):
        assert not task.done()
        task.cancel()


async def test_a_loop_that_makes_tasks_its_own_way_is_left_alone() -> None:
    loop = asyncio.get_running_loop()

    def own(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> asyncio.Task[Any]:
        return asyncio.Task(work, loop=loop, **given)

    loop.set_task_factory(own)
    await Watchdog().watched("any", two_steps())
    assert loop.get_task_factory() is own
