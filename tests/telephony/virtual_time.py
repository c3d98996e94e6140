"""An event loop whose clock jumps to the next timer, for shells tested without sockets."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everything waits and no timer is set: a deadlock")
        ready = super().select(0)
        if not ready and timeout > 0:
            self._skip(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._now = 1_000.0
        super().__init__(_Selector(self._skip))

    def _skip(self, seconds: float) -> None:
        # A hair more than asked, lest rounding leave a timer just ahead for ever.
        self._now += seconds + 1e-9

    def time(self) -> float:
        return self._now


def run_virtually(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run to the end; whatever is left running then is a failure of the test."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_leaving_nothing(coroutine))


async def _leaving_nothing(coroutine: Coroutine[Any, Any, None]) -> None:
    await coroutine
    await asyncio.sleep(0)
    left = {task.get_name() for task in asyncio.all_tasks()} - {
        task.get_name() for task in [asyncio.current_task()] if task
    }
    assert not left, f"still running: {left}"
