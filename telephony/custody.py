"""Which calls does this process carry, and what would another need to go on with them?

The call's side only notes what happened. One task writes it down a few times a second, for all
calls in one transaction; nothing of a call ever waits for the database. A process that finds
another one's name at a call has lost it, and is told so.
"""

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import structlog

from agents.engine import ToolCalled
from telephony.call.commands import CallCommand, Record, RunTool
from telephony.livestate import Earlier, Head, Left, Standing, earlier, line, text
from telephony.transcripts.entry import EndedReason, ToolLine
from telephony.twilio.ports import Count
from telephony.workers.crew import Crew
from tools.elapsed import time_before
from tools.livecalls import Began, LiveCall, LiveCalls, Over, unheeded
from tools.receipts import Receipts
from tools.spec import BackendError
from tools.store import CommitUnknownError, Store
from tools.threads import Threads

log = structlog.get_logger()

TICK_S = 0.1
"""How often what is new is written: what a crash of the process can lose."""
HEARING_S = 0.5
"""How often it is written what is being heard."""
HEARTBEAT_S = 3.0
"""A call in which nothing happens is written again after so long, to learn whose it is."""
MOST_LINES = 4_000
"""Of one call: more than is said in the longest."""
BEAT_S = 5.0
"""How often a process says that it takes calls."""
_MISSED = dt.timedelta(seconds=3 * BEAT_S)
"""Of one that has not said so for so long nothing is expected."""
KEPT_FOR = dt.timedelta(days=1)
"""The carrier asks after a call that is over, at the latest when its longest time is."""
_AGAIN_S = 0.5
_TAKE_S = 2.5
_THREADS = 2
"""One may be waiting for a database that hangs while another asks about a call."""

_Found = TypeVar("_Found")
Hearing = Callable[[], Sequence[tuple[int, str, bool]]]
"""What is being heard of us: `Playback.being_heard`."""
_TROUBLE = (BackendError, CommitUnknownError, RuntimeError)


class Keeping(Protocol):
    """What a session needs."""

    def note(self, commands: Iterable[CallCommand]) -> None:
        """Take up what follows from one event."""

    def ended(self, reason: EndedReason) -> None:
        """Nobody is to go on with it."""

    async def handed_on(self) -> None:
        """Wait, within reason, until all of it is written down for another process."""


class Unkept:
    """Of a call nobody else could go on with."""

    def note(self, commands: Iterable[CallCommand]) -> None:
        """There is nobody to tell."""

    def ended(self, reason: EndedReason) -> None:
        """There is nobody to tell."""

    async def handed_on(self) -> None:
        """There is nothing to wait for."""


class KeptCall:
    """One call of this process."""

    def __init__(
        self, custody: "Custody", head: Head, hearing: Hearing, before: Earlier | None
    ) -> None:
        self.call_id = head.offer.call_sid
        self.fence = before.fence if before else 1
        self.handed = False
        self._custody = custody
        self._head = text(head)
        self._hearing = hearing
        self._next_line = before.next_line if before else 0
        self._lines: list[str] = []
        pending = before.resumed.pending if before else ()
        self._pending = {each.tool_call_id: each for each in pending}
        self._ended: EndedReason | None = None
        self._dirty = True
        self._writing = False
        self._standing = Standing()
        self._looked_s = self._written_s = 0.0

    # ---- the call's side -----------------------------------------------------------------------

    def note(self, commands: Iterable[CallCommand]) -> None:
        for command in commands:
            match command:
                case RunTool(tool_call_id, name, arguments):
                    self._pending[tool_call_id] = ToolCalled("", tool_call_id, name, arguments)
                    self._dirty = True
                case Record(entry):
                    if isinstance(entry, ToolLine) and entry.state != "unfinished":
                        self._pending.pop(entry.tool_call_id, None)
                    self._keep(line(entry))
                case _:
                    pass

    def _keep(self, written: str | None) -> None:
        if written is None:
            return
        if self._next_line + len(self._lines) >= MOST_LINES:
            self._custody.count("custody.line_dropped")
            return
        self._lines.append(written)
        self._dirty = True

    def ended(self, reason: EndedReason) -> None:
        self._ended, self._dirty = reason, True

    async def handed_on(self) -> None:
        self.handed = True
        await self._custody.flush(self)

    # ---- the writer's side ---------------------------------------------------------------------

    @property
    def over(self) -> bool:
        return self._ended is not None

    @property
    def clean(self) -> bool:
        return not (self._dirty or self._writing)

    def due(self, now_s: float) -> bool:
        if self._dirty:
            return True
        if now_s - self._looked_s >= HEARING_S:
            self._looked_s = now_s
            return self._now() != self._standing or now_s - self._written_s >= HEARTBEAT_S
        return False

    def _now(self) -> Standing:
        hearing = () if self.over else self._hearing()
        heard = tuple((began_ms, words) for began_ms, words, _ in hearing)
        return Standing(heard, tuple(self._pending.values()))

    def piece(self) -> LiveCall:
        """What is to be written; whatever happens from now on makes it due again."""
        self._dirty, self._writing = False, True
        if self._ended is not None:
            return LiveCall(self.call_id, self.fence, "", "", ended=self._ended.value)
        self._standing = self._now()
        lines = tuple(self._lines)
        state = text(self._standing)
        return LiveCall(self.call_id, self.fence, self._head, state, self._next_line, lines)

    def written(self, piece: LiveCall, now_s: float) -> None:
        self._written_s, self._writing = now_s, False
        del self._lines[: len(piece.lines)]
        self._next_line += len(piece.lines)

    def unwritten(self) -> None:
        self._dirty, self._writing = True, False


class Custody:
    """All calls of this process. Its methods are for the event loop."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], dt.datetime],
        count: Count,
        lost: Callable[[str], None],
        began: Began = unheeded,
        crew: Crew | None = None,
    ) -> None:
        """`lost(call_id)` is told that another process has a call; `began`: see LiveCalls. Of its
        `crew` nobody goes on with a call when all of it stops."""
        self.count = count
        self._live_calls = LiveCalls(store, began)
        self._receipts = Receipts(store)
        self._crew = crew or Crew()
        self._owner = f"{self._crew.name}-{secrets.token_hex(16)}"
        self._clock = clock
        self._lost = lost
        self._calls: dict[str, KeptCall] = {}
        self._threads = Threads("custody", _THREADS)
        self._turn = asyncio.Lock()
        self._failing = False
        self._beats = True

    @property
    def works(self) -> bool:
        """What there was to write could be written, the last time."""
        return not self._failing

    async def relieved(self) -> bool:
        """This process takes no more calls; whether another could go on with those it has."""
        self._beats = False
        since = time_before(self._clock(), _MISSED)
        try:
            async with asyncio.timeout(_TAKE_S):
                await self._asked(partial(self._live_calls.leave, self._owner))
                others = await self._asked(partial(self._live_calls.others, self._ending, since))
        except (TimeoutError, *_TROUBLE) as error:
            log.warning("no_other_process_known", error=type(error).__name__)
            return False
        return others > 0 and self.works

    @property
    def _ending(self) -> str:
        """The beginning of the names of all that end with this process."""
        return self._crew.name if self._crew.stops else self._owner

    async def beat(self) -> None:
        """Say that this process takes calls, for as long as it does."""
        while self._beats:
            try:
                await self._asked(partial(self._live_calls.beat, self._owner, self._clock()))
            except _TROUBLE as error:
                log.warning("process_not_announced", error=type(error).__name__)
            await asyncio.sleep(BEAT_S)

    async def _asked(self, work: Callable[[], _Found]) -> _Found:
        """In a thread."""
        return await asyncio.wrap_future(self._threads.submit(work))

    def open(self, head: Head, hearing: Hearing, before: Earlier | None) -> KeptCall:
        """Keep a call that begins here, or goes on here."""
        kept = KeptCall(self, head, hearing, before)
        self._calls[kept.call_id] = kept
        return kept

    async def run(self) -> None:
        """Write for as long as the process lives."""
        await self._purge()
        while True:
            wrote = await self._write()
            await asyncio.sleep(TICK_S if wrote else _AGAIN_S)

    async def flush(self, kept: KeptCall, limit_s: float = 2.0) -> None:
        """Until all of it is written, or it cannot be in time."""
        try:
            async with asyncio.timeout(limit_s):
                while not kept.clean and self._calls.get(kept.call_id) is kept:
                    wrote = await self._write()
                    await asyncio.sleep(0 if wrote else TICK_S)
        except TimeoutError:
            self.count("custody.not_flushed")
        self._let_go(kept)

    async def stop(self, limit_s: float) -> None:
        """Write what is left; no call may be on any more."""
        for kept in tuple(self._calls.values()):
            await self.flush(kept, limit_s)

    async def take(self, call_id: str) -> Earlier | Over | None:
        """Go on with another process's call; None: nobody knows of it.

        Raises TimeoutError, BackendError, CommitUnknownError, RuntimeError, livestate.Unreadable.
        """
        async with asyncio.timeout(_TAKE_S):
            return await self._asked(partial(self._taken, call_id, self._clock()))

    def _taken(self, call_id: str, now: dt.datetime) -> Earlier | Over | None:
        """In a thread."""
        taken = self._live_calls.take(call_id, self._owner, now)
        if taken is None or isinstance(taken, Over):
            return taken
        asked = self._receipts.requested(call_id)
        calls = (ToolCalled("", tool_call_id, name, "{}") for tool_call_id, name in asked)
        left = Left(taken.fence, taken.head, taken.state, taken.lines, taken.next_line)
        return earlier(left, calls, now)

    async def _purge(self) -> None:
        try:
            kept_from = time_before(self._clock(), KEPT_FOR)
            await self._asked(partial(self._live_calls.purge, kept_from))
        except _TROUBLE as error:
            log.warning("live_calls_not_purged", error=type(error).__name__)

    async def _write(self) -> bool:
        """What is due, of all calls; False when the database does not take it."""
        async with self._turn:
            now_s = asyncio.get_running_loop().time()
            due = [kept for kept in self._calls.values() if kept.due(now_s)]
            pieces = [kept.piece() for kept in due]
            if not pieces:
                return True
            keep = partial(self._live_calls.keep, self._owner, pieces, self._clock())
            try:
                lost = await self._asked(keep)
            except _TROUBLE as error:
                self._failed(due, error)
                return False
            self._failing = False
            for kept, piece in zip(due, pieces, strict=True):
                self._done(kept, piece, now_s, lost=kept.call_id in lost)
            return True

    def _failed(self, due: list[KeptCall], error: BaseException) -> None:
        for kept in due:
            kept.unwritten()
        if not self._failing:
            self._failing = True
            self.count("custody.write_failed")
            log.error("live_calls_not_written", error=type(error).__name__)

    def _done(self, kept: KeptCall, piece: LiveCall, now_s: float, *, lost: bool) -> None:
        kept.written(piece, now_s)
        if lost:
            self._let_go(kept)
            if piece.ended is None and not kept.handed:
                self.count("custody.call_lost")
                log.warning("call_lost_to_another_process", call_sid=kept.call_id)
                self._lost(kept.call_id)
        elif piece.ended is not None:
            self._let_go(kept)

    def _let_go(self, kept: KeptCall) -> None:
        if self._calls.get(kept.call_id) is kept:
            del self._calls[kept.call_id]
