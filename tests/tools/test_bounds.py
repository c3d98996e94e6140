"""How many tools run at once."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tools.bounds import Bounds


class Line:
    """Tools that wait for their places."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.order: list[str] = []

    async def run(self, name: str, call: str, go: asyncio.Event, within_s: float = 9.0) -> None:
        until_s = asyncio.get_running_loop().time() + within_s
        async with self._bounds.place(call, until_s):
            self.order.append(name)
            await go.wait()


def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_call_has_its_share_and_others_theirs() -> None:
    line, go = Line(Bounds(per_call=2, overall=3)), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for name, call in (("a", "1"), ("b", "1"), ("c", "1"), ("d", "2"), ("e", "2")):
            tasks.create_task(line.run(name, call, go))
        await settled()
        assert line.order == ["a", "b", "d"]
        go.set()
    assert line.order == ["a", "b", "d", "c", "e"] or line.order == ["a", "b", "d", "e", "c"]


async def test_who_waits_too_long_is_told_and_takes_nobody_s_place() -> None:
    for bounds in (Bounds(per_call=1), Bounds(per_call=9, overall=1)):
        line, go = Line(bounds), asyncio.Event()
        first = started(line.run("a", "1", go))
        await settled()
        with pytest.raises(TimeoutError):
            await line.run("b", "1", go, within_s=0.0)
        go.set()
        await first
        await line.run("c", "1", go)
        assert line.order == ["a", "c"]


async def test_nothing_is_kept_of_calls_that_are_over() -> None:
    bounds = Bounds()
    async with bounds.place("1", asyncio.get_running_loop().time() + 1):
        assert vars(bounds)["_calls"]
    assert not vars(bounds)["_calls"]


async def test_who_is_cancelled_while_waiting_leaves_the_line() -> None:
    line, go = Line(Bounds(per_call=1)), asyncio.Event()
    first = started(line.run("a", "1", go))
    await settled()
    second = started(line.run("b", "1", go))
    await settled()
    second.cancel()
    await settled()
    go.set()
    await first
    await line.run("c", "1", go)
    assert line.order == ["a", "c"]
