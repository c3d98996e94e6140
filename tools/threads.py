"""A bounded set of threads for blocking work, none of which can hold up the end of the process."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

TOOL_THREADS = 16
LEDGER_THREADS = 4

T = TypeVar("T")


class Threads:
    """Daemon threads, made when needed. The interpreter joins an executor's threads at exit, so
    one tool that hangs for ever would keep the whole service from ending; these it leaves."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` in a thread as soon as one is free. `Future.cancel` works until it begins.

        Raises RuntimeError when there is no thread and none can be started: `work` never runs.
        """
        self._grow()
        future: Future[T] = Future()
        self._work.put((future, work))
        return future

    def _grow(self) -> None:
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
            future, work = self._work.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)


async def ended_within(work: Future[Any], limit_s: float | None) -> bool:
    """Whether it ended in time; what has not is not disturbed. None: there is no limit."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    work.add_done_callback(lambda _: _call_soon(loop, ended.set))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), limit_s)
    return work.done()


def _call_soon(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    # The service may be gone by the time a slow database answers.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(act)
