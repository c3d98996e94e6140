"""Named asyncio tasks that are kept until they end, the only place that creates them; and how late
timers have to be."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

TICK_S: Final = 0.001
"""To be added to a deadline a timer is set to: uvloop's may ring a part of it early, and who is
told of a deadline that is not reached is told again and again."""


class Tasks:
    """The tasks of one owner.

    asyncio keeps only weak references to tasks, and an exception nobody awaits is reported long
    after the fact; here each task has a name, a strong reference and a place for its failure.
    """

    def __init__(self, failed: Callable[[str, BaseException], None]) -> None:
        """`failed(name, error)` is called once for each task that ends in an exception."""
        self._failed = failed
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(task.get_name(), error)

    def __len__(self) -> int:
        return len(self._running)

    def names(self) -> list[str]:
        """Of what runs, the task that asks left out."""
        return sorted(task.get_name() for task in self._running - {asyncio.current_task()})

    async def cancel_all(self) -> None:
        """Cancel what still runs and wait until it is gone; a task that calls this is spared."""
        while others := self._running - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
