"""Kills a process at every point of a dispatch, and sees that the next one makes it whole.

python -m tests.tools.crashes                        every point of every story, on each database
python -m tests.tools.crashes STORY URL EVERY FIRST  every so-many-th point of one story

A point is every suspension of every coroutine of the dispatcher, and the time before and after
every statement and every commit. At the n-th the process kills itself (SIGKILL); then another one
recovers, asks the same again and again, and must find exactly one effect. n rises until a process
gets to its end. Processes are forked from this one, which has no threads and no connection.
"""

import asyncio
import contextlib
import datetime as dt
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog

from agents.tasks import Tasks
from tests.tools.crash_stories import STORIES, Story
from tests.tools.desk import CALLER, NOW, agreed
from tests.tools.postgres import running_postgres
from tools import dispatch, gate, quick
from tools import store as storing
from tools.approvals import APPROVALS, Approvals
from tools.dispatch import Dispatcher
from tools.migrate import migrate
from tools.receipts import Receipts
from tools.registry import Registry
from tools.spec import Tool, ToolContext, ToolOutcome, ToolRequest, ToolState
from tools.store import Store, open_store
from tools.threads import Start

LATER = dt.timedelta(minutes=3)
"""When the next process comes: whatever the dead one had begun is past its deadline by then."""


class Steps:
    """Counts points, and dies at the last."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, *_: Any) -> None:
        with self._lock:
            self._count += 1
            if self._count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine: sa.Engine) -> None:
        """Before and after every statement, and every commit."""
        for name in ("before_cursor_execute", "after_cursor_execute"):
            sa.event.listen(engine, name, self)
        commit = engine.dialect.do_commit

        def committed(connection: Any) -> None:
            self()
            commit(connection)
            self()

        engine.dialect.do_commit = committed  # type: ignore[method-assign, assignment]
        statement = quick.run

        def run(connection: sa.Connection, sql: str, values: Any) -> Any:
            self()
            cursor = statement(connection, sql, values)
            self()
            return cursor

        # Nobody else is in this process.
        for module in (quick, storing):
            module.run = run  # type: ignore[attr-defined]

    def started(self, start: Start) -> Start:
        def begin(name: str, work: Coroutine[Any, Any, Any], /) -> asyncio.Task[Any]:
            return start(name, self.counted(work))

        return begin

    async def counted(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await _Counted(work, self)


class _Counted:
    """Awaits a coroutine step by step."""

    def __init__(self, work: Coroutine[Any, Any, Any], step: Callable[[], None]) -> None:
        self._work = work
        self._step = step

    def __await__(self) -> Generator[Any, Any, Any]:
        advance: Callable[[], Any] = partial(self._work.send, None)
        while True:
            self._step()
            try:
                awaited = advance()
            except StopIteration as ended:
                self._step()
                return ended.value
            try:
                advance = partial(self._work.send, (yield awaited))
            except BaseException as error:
                advance = partial(self._work.throw, error)


class House:
    """A process's dispatcher for one tool."""

    def __init__(self, url: str, story: Story, now: dt.datetime, steps: Steps | None = None):
        self.store = open_store(url)
        self.story = story
        self.made = 0
        self.failures: list[BaseException] = []
        self.now = now
        tasks = Tasks(lambda _name, error: self.failures.append(error))
        self.dispatcher = Dispatcher(
            Registry([self._counting(story.tool(self.store))]),
            Receipts(self.store),
            clock=lambda: self.now,
            start=steps.started(tasks.start) if steps else tasks.start,
            approvals=Approvals(self.store),
        )
        if steps is not None:
            steps.watch(self.store.engine)

    def _counting(self, tool: Tool) -> Tool:
        def handler(asked: Any, context: ToolContext) -> Any:
            self.made += 1
            return tool.handler(asked, context)

        async def on_the_loop(asked: Any, context: ToolContext) -> Any:
            self.made += 1
            return await tool.handler(asked, context)  # type: ignore[misc]

        own = on_the_loop if asyncio.iscoroutinefunction(tool.handler) else handler
        return msgspec.structs.replace(tool, handler=own)

    async def ask(self, number: int, tool_call_id: str) -> ToolOutcome:
        text = json.dumps(self.story.arguments(number))
        request = ToolRequest(
            self.story.call(number),
            tool_call_id,
            self.story.name,
            text,
            CALLER,
            evidence=agreed(text),
        )
        return await self.dispatcher.run(request)

    def receipts(self, number: int) -> list[ToolState | None]:
        return [each.state for each in Receipts(self.store).of_call(self.story.call(number))]


@contextlib.contextmanager
def operator(url: str, now: dt.datetime) -> Iterator[None]:
    """Somebody who approves whatever comes, over a connection of their own."""
    store, over = open_store(url), threading.Event()
    approvals = Approvals(store)

    def approve() -> None:
        while not over.wait(0.005):
            for each in approvals.waiting(now):
                approvals.approve(each.id, "Op", now)

    working = threading.Thread(target=approve)
    working.start()
    try:
        yield
    finally:
        over.set()
        working.join()
        store.close()


# ---- one point -----------------------------------------------------------------------------------


def victim(url: str, story: Story, number: int, told: Path) -> None:
    """Asks once; what it is answered is as good as said to the caller."""
    steps = Steps(number)
    house = House(url, story, NOW, steps)
    with operator(url, NOW) if story.approved else contextlib.nullcontext():
        outcome = asyncio.run(steps.counted(house.ask(number, "t1")))
    told.write_text(outcome.output)
    assert outcome.state is ToolState.DONE, outcome.output


def survivor(url: str, story: Story, number: int, told: Path) -> None:
    """The process that comes after: all must be as if nothing had happened, or can be made so."""
    house = House(url, story, NOW + LATER)
    with operator(url, NOW + LATER) if story.approved else contextlib.nullcontext():
        asyncio.run(_survive(house, number, told.read_text() if told.exists() else ""))
    assert house.failures == []
    story.clean(house.store)
    house.store.close()


async def _survive(house: House, number: int, told: str) -> None:
    story, store = house.story, house.store
    await house.dispatcher.recover()
    assert None not in house.receipts(number), "something is open though it was recovered"
    there = story.effects(store, number)
    first = await house.ask(number, "t1")
    if there:
        assert (first.state, first.repeated, house.made) == (ToolState.DONE, True, 0)
    if told:
        assert first.output == told, "what a caller was told has changed"
    again = first
    if first.state is not ToolState.DONE:
        assert (first.state, there) == (ToolState.FAILED, 0), first.output
        again = await house.ask(number, "t2")
        assert (again.state, again.repeated) == (ToolState.DONE, False), again.output
    twin = await house.ask(number, "t3")
    assert (twin.state, twin.repeated, twin.output) == (ToolState.DONE, True, again.output)
    assert story.effects(store, number) == 1
    assert house.receipts(number).count(ToolState.DONE) == 1
    if story.approved:
        assert _used(store, story.call(number)) >= 1


def _used(store: Store, call_id: str) -> int:
    mine = (APPROVALS.c.call_id == call_id) & (APPROVALS.c.state == "used")
    counted = sa.select(sa.func.count()).where(mine)
    return store.read(lambda connection: connection.execute(counted).scalar_one())


# ---- all of them ---------------------------------------------------------------------------------


def forked(work: Callable[[], None]) -> int:
    """How a process of its own ended: 0, 1, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def crashed(story: Story, url: str, every: int, first: int) -> int:
    """How many points there were; raises AssertionError at the first that is not survived."""
    with tempfile.TemporaryDirectory() as folder, story.outside():
        number, code = first, -signal.SIGKILL
        while code == -signal.SIGKILL:
            told = Path(folder) / str(number)
            code = forked(partial(victim, url, story, number, told))
            where = f"{story.title}, point {number}"
            assert code in (0, -signal.SIGKILL), f"{where}: it ended with {code} by itself"
            after = forked(partial(survivor, url, story, number, told))
            assert after == 0, f"{where}: it was not survived"
            number += every
        return number - every


def _databases(stack: ExitStack) -> Iterator[tuple[str, str]]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / "postgres").mkdir()
    yield "SQLite", f"sqlite:///{folder / 'crashes.db'}"
    yield "PostgreSQL", stack.enter_context(running_postgres(folder / "postgres"))


def main(*asked: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    dispatch.GRACE_S = gate.POLL_S = 0.01
    if asked:
        title, url, every, first = asked
        points = crashed(STORIES[title], url, int(every), int(first))
        print(f"{title}: survived at up to {points} points")
        return
    with ExitStack() as stack:
        for kind, url in _databases(stack):
            # Not in this process: it must keep no connection, for it will be forked.
            assert forked(lambda url=url: migrate(open_store(url))) == 0  # type: ignore[misc]
            for title, story in STORIES.items():
                points = crashed(story, url, 1, 1)
                print(f"{kind}, {title}: killed at {points - 1} points, whole each time")


if __name__ == "__main__":
    main(*sys.argv[1:])
