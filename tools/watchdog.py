"""Which tool keeps the event loop from turning, or leaves tasks behind? Named, and isolated."""

import asyncio
import contextvars
import time
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

import structlog

from tools.stalls import Stalls

BLOCKS_S = 0.25
"""A step of a coroutine that takes longer keeps every caller's audio waiting."""
LEAVES_S = 0.5
OFFENCES = 3
"""So many, and the tool is not called any more until the process starts anew."""

T = TypeVar("T")
log = structlog.get_logger()
_run_by: contextvars.ContextVar[object] = contextvars.ContextVar("frontdesk_tool_run")
_makers: weakref.WeakKeyDictionary[asyncio.Task[Any], object] = weakref.WeakKeyDictionary()
"""Which run of a tool made a task."""


class Watchdog:
    """Watches handlers that run on the event loop; those in threads cannot block it."""

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, leaves_s: float = LEAVES_S
    ) -> None:
        """`clock` gives seconds; `leaves_s`: how long tasks may outlive their handler."""
        self._clock = clock
        self._leaves_s = leaves_s
        self._offences: Counter[str] = Counter()
        self._stalls = Stalls(BLOCKS_S, _lasts)

    def isolated(self, tool: str) -> bool:
        """The tool has harmed other calls too often to be called again."""
        return self._offences[tool] >= OFFENCES

    async def watched(self, tool: str, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; what it does to the loop meanwhile is held against its tool."""
        mark = object()
        _remember_makers(asyncio.get_running_loop())
        token = _run_by.set(mark)
        try:
            enter = partial(self._enter, tool)
            return await _Timed(work, enter, partial(self._leave, tool))
        finally:
            _run_by.reset(token)
            # What was cancelled a moment ago needs the loop to turn before it is gone.
            asyncio.get_running_loop().call_later(self._leaves_s, self._leaked, tool, mark)

    def _enter(self, tool: str) -> float:
        self._stalls.begin(tool)
        return self._clock()

    def _leave(self, tool: str, began_s: float) -> None:
        took_s = self._clock() - began_s
        self._stalls.end()
        if took_s > BLOCKS_S:
            self._offend(tool, "tool_blocked_the_loop", took_ms=round(took_s * 1000))

    def _leaked(self, tool: str, mark: object) -> None:
        left = [task for task in asyncio.all_tasks() if _marked(task, mark)]
        for task in left:
            task.cancel()
        if left:
            self._offend(tool, "tool_left_tasks_behind", tasks=len(left))

    def _offend(self, tool: str, event: str, **details: int) -> None:
        self._offences[tool] += 1
        log.error(event, tool=tool, offences=self._offences[tool], **details)
        if self._offences[tool] == OFFENCES:
            log.error("tool_isolated", tool=tool, offences=OFFENCES)


def _lasts(tool: str, lasts_s: float, calls: list[str]) -> None:
    log.error("tool_blocks_the_loop", tool=tool, lasts_ms=round(lasts_s * 1000), calls=calls)


@contextmanager
def lasting() -> Iterator[None]:
    """For tasks that a handler starts on purpose to outlive it, such as a shared connection."""
    token = _run_by.set(None)
    try:
        yield
    finally:
        _run_by.reset(token)


def _remember_makers(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop note of each new task which run of a tool made it. (Before Python 3.12 a
    task cannot be asked for its context.) A loop that makes tasks its own way is left alone."""
    if loop.get_task_factory() is None:
        loop.set_task_factory(_made)


def _made(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
    if (mark := _run_by.get(None)) is not None:
        _makers[task] = mark
    return task


def _marked(task: asyncio.Task[Any], mark: object) -> bool:
    return _makers.get(task) is mark and not task.done()


class _Timed(Generic[T]):
    """Awaits a coroutine step by step, and tells of the beginning and the end of each."""

    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        enter: Callable[[], float],
        leave: Callable[[float], None],
    ) -> None:
        """`leave` gets what `enter` returned."""
        self._work = work
        self._enter = enter
        self._leave = leave

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            began_s = self._enter()
            try:
                awaited = step()
            except StopIteration as ended:
                value: T = ended.value
                return value
            finally:
                self._leave(began_s)
            try:
                step = partial(self._work.send, (yield awaited))
            except BaseException as error:
                step = partial(self._work.throw, error)
