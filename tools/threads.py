"""A bounded set of threads for blocking work, none of which can hold up the end of the process."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol, TypeVar

TOOL_THREADS = 16
LEDGER_THREADS = 4

T = TypeVar("T")


class Start(Protocol):
    """Makes a named task and keeps it: `agents.tasks.Tasks.start`."""

    def __call__(self, name: str, coroutine: Coroutine[Any, Any, Any], /) -> asyncio.Task[Any]: ...


class Threads:
    """Daemon threads, made when needed. The interpreter joins an executor's threads at exit, so
    one tool that hangs for ever would keep the whole service from ending; these it leaves."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._idle = threading.Semaphore(0)
        """Threads that wait for work nobody has given them yet."""

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` in a thread as soon as one is free. `Future.cancel` works until it begins.

        Raises RuntimeError when there is no thread and none can be started: `work` never runs.
        """
        future: Future[T] = Future()
        self._work.put((future, work))
        # Only now: a thread that finds nothing to do counts as idle.
        try:
            self._grow()
        except RuntimeError:
            future.cancel()
            raise
        return future

    async def ask(self, work: Callable[[], T]) -> T:
        """What comes of `work`; raises what it raises, or RuntimeError as `submit` does."""
        return await asyncio.wrap_future(self.submit(work))

    def _grow(self) -> None:
        # The thread that worked last is the one whose memory is warm.
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if self._started == self._size:
                return
            name = f"{self._name}-{self._started + 1}"
            try:
                threading.Thread(target=self._run, name=name, daemon=True).start()
            except RuntimeError:
                # Those there are will come to it.
                if not self._started:
                    raise
            else:
                self._started += 1

    def _run(self) -> None:
        while True:
            future, work = self._next()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

    def _next(self) -> tuple[Future[Any], Callable[[], Any]]:
        try:
            return self._work.get_nowait()
        except queue.Empty:
            self._idle.release()
            return self._work.get()


async def ended_within(work: Future[Any], limit_s: float | None) -> bool:
    """Whether it ended in time; what has not is not disturbed. None: there is no limit."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    work.add_done_callback(lambda _: _call_soon(loop, partial(_settle, over)))
    timer = loop.call_later(limit_s, _settle, over) if limit_s is not None else None
    try:
        await over
    finally:
        if timer is not None:
            timer.cancel()
    return work.done()


async def ended_by(work: Future[Any], until_s: float | None) -> bool:
    """`ended_within`, until a time of the loop's clock."""
    now_s = asyncio.get_running_loop().time()
    return await ended_within(work, None if until_s is None else max(0.0, until_s - now_s))


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


def _call_soon(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    # The service may be gone by the time a slow database answers.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(act)
