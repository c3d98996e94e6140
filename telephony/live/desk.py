"""The calls of all call processes that share a data folder, for one console.

Each process is reached by its own socket (`telephony.live.door`); one that is gone, or does not
answer, is left out. The list of calls is watched once for all pages of this console, and only while
there are any.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, Iterable, Mapping
from pathlib import Path

import msgspec
import structlog

from agents.tasks import Tasks
from telephony.call.events import Act
from telephony.live.door import address, sockets
from telephony.live.hub import FLUSH_S
from telephony.live.picture import CallView
from telephony.live.reader import Reader
from telephony.live.wire import (
    MAX_ANSWER_BYTES,
    AnyAnswer,
    BadMessage,
    Calls,
    Changes,
    Do,
    Done,
    Follow,
    Gone,
    List,
    Listen,
    Request,
    Watch,
    answer,
    line,
)

log = structlog.get_logger()

ANSWER_S = 2.0
"""For one answer; calls are never so busy."""
LOOK_EVERY_S = 1.0
"""How often new processes are looked for while somebody watches."""
GONE = Done("gone")
_OUT_OF_REACH = (OSError, EOFError, asyncio.LimitOverrunError, BadMessage)


class LiveDesk:
    """What pages and the API ask about calls that are on. `close` at the end."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._tasks = Tasks(_broke)
        self._readers: set[Reader] = set()
        self._joining = 0
        """So many will be readers as soon as it is known how things stand."""
        self._views: dict[Path, dict[str, CallView]] = {}
        """By process."""
        self._looking: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        """All processes there are have said how they stand, or not answered in time."""

    async def close(self) -> None:
        for reader in self._readers:
            reader.leave()
        await self._tasks.cancel_all()

    # ---- asked once ------------------------------------------------------------------------------

    async def calls(self) -> list[CallView]:
        """All that are on, the oldest first."""
        every = await asyncio.gather(*(self._ask(path, List()) for path in await self._sockets()))
        found = [call for each in every if isinstance(each, Calls) for call in each.calls]
        return sorted(found, key=_age)

    async def do(self, call_id: str, act: Act, by: str, words: str = "") -> str:
        """Have something done to a call: see `Done.why_not`."""
        for path in await self._sockets():
            done = await self._ask(path, Do(call_id, act, by, words))
            if isinstance(done, Done) and done != GONE:
                return done.why_not
        return GONE.why_not

    async def _ask(self, path: Path, asked: Request) -> AnyAnswer | None:
        """The first answer of a process; None when it cannot be had."""
        try:
            process, told = await _begun(path, asked)
        except _OUT_OF_REACH:
            return None
        process.close()
        return told

    async def _sockets(self) -> list[Path]:
        return await asyncio.to_thread(sockets, self._data_dir)

    # ---- one call --------------------------------------------------------------------------------

    def follow(self, call_id: str) -> AsyncGenerator[AnyAnswer]:
        """Its words, from the beginning and as they come; Gone is the last, and the only one where
        there is no such call. Without it the process is gone, or the call has not begun in time,
        and whoever wants to know asks again."""
        return self._of(Follow(call_id))

    def listen(self, call_id: str) -> AsyncGenerator[AnyAnswer]:
        """Its sound from now on; ends likewise."""
        return self._of(Listen(call_id))

    async def _of(self, asked: Follow | Listen) -> AsyncGenerator[AnyAnswer]:
        unsure = False
        for path in await self._sockets():
            found = False
            try:
                process, told = await _begun(path, asked)
                with contextlib.closing(process):
                    found = isinstance(told, Calls)
                    while found and told is not None:
                        yield told
                        told = await process.next()
            except TimeoutError:
                unsure = True  # it is busy and may have the call, or the call only rings
            except _OUT_OF_REACH:
                """Its calls may go on in another process: whoever wants to know asks again."""
            if found:
                return
        if not unsure:
            yield Gone((asked.call_id,))

    # ---- all calls -------------------------------------------------------------------------------

    async def watch(self) -> AsyncGenerator[AnyAnswer]:
        """How all calls stand, and then what changes; never ends by itself but with the desk. One
        who is slow to take it is told of fewer steps."""
        reader = Reader()
        await self.join(reader)
        try:
            while not reader.left:
                for each in await reader.take():
                    yield each
                await asyncio.sleep(FLUSH_S)
        finally:
            self.leave(reader)

    async def join(self, reader: Reader) -> None:
        """Tell it of all calls as they stand, and of what changes; `leave` must follow."""
        self._joining += 1
        try:
            await self._have_looked()
            self._readers.add(reader)
        finally:
            self._joining -= 1
            self._rest()
        views = [view for each in self._views.values() for view in each.values()]
        reader.box.begin(sorted(views, key=_age))
        reader.wake()

    async def _have_looked(self) -> None:
        if self._looking is None:
            self._looked.clear()
            self._looking = self._tasks.start("live desk", self._look())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._looked.wait()

    def leave(self, reader: Reader) -> None:
        self._readers.discard(reader)
        self._rest()

    def _rest(self) -> None:
        """Look no longer, unless somebody wants to know."""
        if not self._readers and not self._joining and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        """Find processes, and hear what each of them tells, until nobody wants to know."""
        watching: dict[Path, asyncio.Task[None]] = {}
        try:
            while True:
                told = self._watch_new(watching, await self._sockets())
                if not self._looked.is_set():
                    await asyncio.gather(*(each.wait() for each in told))
                    self._looked.set()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for task in watching.values():
                task.cancel()

    def _watch_new(
        self, watching: dict[Path, asyncio.Task[None]], paths: Iterable[Path]
    ) -> list[asyncio.Event]:
        """For each process that was not watched: set when it has told how it stands, or nothing,
        in ANSWER_S at the latest."""
        started = []
        for path in paths:
            if path not in watching or watching[path].done():
                told = asyncio.Event()
                watching[path] = self._tasks.start("live desk watch", self._hear(path, told))
                started.append(told)
        return started

    async def _hear(self, path: Path, told: asyncio.Event) -> None:
        """All that one process has to tell, until it is gone. `told`: how it stands, or nothing."""
        try:
            process, answered = await _begun(path, Watch())
            with contextlib.closing(process):
                while answered is not None:
                    self._heard(path, answered)
                    told.set()
                    answered = await process.next()
        except _OUT_OF_REACH:
            """It will be tried again, as long as its socket is there."""
        finally:
            told.set()
            for call_id in self._views.pop(path, {}):
                self._gone(call_id)

    def _heard(self, path: Path, told: AnyAnswer) -> None:
        views = self._views.setdefault(path, {})
        match told:
            case Calls(calls):
                for view in calls:
                    self._changed(views, msgspec.to_builtins(view))
            case Changes(changes):
                for fields in changes:
                    self._changed(views, fields)
            case Gone(call_ids):
                for call_id in call_ids:
                    views.pop(call_id, None)
                    self._gone(call_id)
            case _:
                raise BadMessage

    def _changed(self, views: dict[str, CallView], fields: Mapping[str, object]) -> None:
        """Raises BadMessage for what makes no call."""
        call_id = str(fields.get("call_id"))
        before = msgspec.to_builtins(views[call_id]) if call_id in views else {}
        try:
            views[call_id] = msgspec.convert({**before, **fields}, CallView)
        except msgspec.ValidationError:
            raise BadMessage from None
        for reader in self._readers:
            reader.box.change(fields)
            reader.wake()

    def _gone(self, call_id: str) -> None:
        """One process has it no more. Another may: it is told whole, for what one process says
        differs only from what that one said before."""
        every = (views[call_id] for views in self._views.values() if call_id in views)
        kept = next(every, None)
        for reader in self._readers:
            if kept is None:
                reader.box.gone(call_id)
            else:
                reader.box.change(msgspec.to_builtins(kept))
            reader.wake()


def _age(call: CallView) -> tuple[dt.datetime, str]:
    return call.started_at, call.call_id


class _Process:
    """A connection to one process. `next` raises what is in _OUT_OF_REACH, as `reached` does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next(self) -> AnyAnswer | None:
        """None: it has nothing more to say."""
        try:
            data = await self._reader.readline()
        except ValueError:  # longer than any line of ours
            raise BadMessage from None
        return answer(data) if data else None

    def close(self) -> None:
        self._writer.transport.abort()


async def _reached(path: Path, asked: Request) -> _Process:
    """The process behind this socket, asked."""
    with address(path) as name:
        reader, writer = await asyncio.open_unix_connection(name, limit=MAX_ANSWER_BYTES)
    writer.write(line(asked))
    return _Process(reader, writer)


async def _begun(path: Path, asked: Request) -> tuple[_Process, AnyAnswer | None]:
    """The same, with its first answer. Raises TimeoutError, too: one that is stopped takes
    connections, for the system does that, and says nothing."""
    async with asyncio.timeout(ANSWER_S):
        process = await _reached(path, asked)
        try:
            return process, await process.next()
        except BaseException:
            process.close()
            raise


def _broke(name: str, error: BaseException) -> None:
    log.error("task_failed", task=name, exc_info=error)
