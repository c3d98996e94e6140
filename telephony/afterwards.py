"""What follows from a call once it is over: it is counted, told of and traced, each exactly once.

The journal's thread says which call is whole on disk; what is read off it is written in one
transaction. What a crash or a database that was down has left out is found on disk later.
"""

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import structlog

from telephony.health.facts import CallFacts, facts
from telephony.health.spans import rows_of
from telephony.retention.rows import without_words
from telephony.telling import events
from telephony.transcripts.archive import StoredCall, stored, transcript
from telephony.transcripts.entry import AnyEntry, ConsentLine, EndedReason
from telephony.transcripts.files import part_of
from tools.counts import Counted
from tools.elapsed import time_before, time_between
from tools.hooks.outbox import put
from tools.hooks.spec import Event
from tools.rollups import Rollups
from tools.spec import BackendError
from tools.store import CommitUnknownError
from tools.threads import Threads

log = structlog.get_logger()

TICK_S = 0.5
AGAIN_S = 5.0
"""After a database that could not be asked."""
LOOK_EVERY_S = 900.0
"""How often the disk is looked through for calls that were left out."""
AT_ONCE = 50
"""Calls in one transaction."""
MOST_WAITING = 10_000
"""More are left to the next look at the disk."""
LOOK_BACK = dt.timedelta(days=2)
GIVEN_UP = dt.timedelta(minutes=15)
"""So long after a call's longest time its process is not going to end it any more."""
_TROUBLE = (BackendError, CommitUnknownError, RuntimeError)


class Traces(Protocol):
    """Where finished calls are traced to."""

    def add(self, call: StoredCall, found: CallFacts, entries: Sequence[AnyEntry]) -> None:
        """Must neither wait nor raise."""


class Meters(Protocol):
    """What a monitoring system reads."""

    def finished(self, entries: Sequence[AnyEntry]) -> None:
        """May be called from any thread; must neither wait nor raise."""


class Untraced:
    """Nobody collects traces."""

    def add(self, call: StoredCall, found: CallFacts, entries: Sequence[AnyEntry]) -> None:
        """There is nowhere to send it."""


class _Over:
    """A call that is over, read."""

    def __init__(self, call: StoredCall, found: CallFacts, entries: Sequence[AnyEntry]) -> None:
        self.call, self.found, self.entries = call, found, entries

    @property
    def wordless(self) -> bool:
        """The caller was asked whether their words may be kept, and has not agreed."""
        asked = [each.answer for each in self.entries if isinstance(each, ConsentLine)]
        return bool(asked) and not asked[-1].allows

    def events(self) -> list[Event]:
        return events(self.call.summary, self.found, self.entries)


class Afterwards:
    """Of all calls of a data folder. `run` is for the event loop; `finished` may be called from
    any thread."""

    def __init__(
        self,
        data_dir: Path,
        rollups: Rollups,
        clock: Callable[[], dt.datetime],
        traces: Traces,
        meters: Meters,
        count: Callable[[str], None],
        longest_call: dt.timedelta,
    ) -> None:
        """`clock` gives the time in the shop's zone, whose days are counted."""
        self._calls = data_dir / "calls"
        self._rollups = rollups
        self._clock = clock
        self._traces = traces
        self._meters = meters
        self._count = count
        self._longest = longest_call + GIVEN_UP
        self._waiting: deque[Path] = deque(maxlen=MOST_WAITING)
        self._threads = Threads("afterwards", 1)

    def finished(self, folder: Path) -> None:
        """This call's files are whole."""
        self._waiting.append(folder)

    async def run(self) -> None:
        """Take up what is finished as it comes, and now and then what was left out. Never
        returns."""
        loop = asyncio.get_running_loop()
        look_s = loop.time()
        while True:
            try:
                if loop.time() >= look_s:
                    await self.look()
                    look_s = loop.time() + LOOK_EVERY_S
                await self.drain()
            except _TROUBLE as error:
                self._count("afterwards.not_kept")
                log.warning("calls_not_counted", error=type(error).__name__)
                await asyncio.sleep(AGAIN_S)
            else:
                await asyncio.sleep(TICK_S)

    async def drain(self) -> None:
        """Take up all that waits. Raises BackendError, CommitUnknownError, RuntimeError."""
        while some := [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]:
            try:
                await self._threads.ask(lambda some=some: self._take(some))  # type: ignore[misc]
            except BaseException:
                self._waiting.extendleft(reversed(some))
                raise

    async def look(self) -> None:
        """Find what was left out. Raises as `drain`."""
        found = await self._threads.ask(self._left_out)
        if found:
            log.info("calls_found_on_disk", calls=len(found))
        self._waiting.extend(found)

    # ---- in the thread -------------------------------------------------------------------------

    def _take(self, folders: Iterable[Path]) -> None:
        now = self._clock()
        over = {each.found.call_id: each for folder in folders for each in self._readable(folder)}
        counted = [Counted(id_, rows_of(each.found, now)) for id_, each in over.items()]

        def tell(connection: Any, new: frozenset[str]) -> None:
            told = [event for id_ in over if id_ in new for event in over[id_].events()]
            put(connection, told, now)
            without_words(connection, [id_ for id_ in over if id_ in new and over[id_].wordless])

        for id_ in self._rollups.add(counted, now, tell):
            self._traces.add(over[id_].call, over[id_].found, over[id_].entries)
            self._meters.finished(over[id_].entries)

    def _readable(self, folder: Path) -> list[_Over]:
        try:
            return self._read(folder)
        except Exception:  # a pump: a bug met with one call must not hold up all the others
            self._count("afterwards.broke")
            log.exception("call_not_counted", call=folder.name)
            return []

    def _read(self, folder: Path) -> list[_Over]:
        """Nothing of a call that goes on elsewhere, was deleted, or cannot be made out."""
        if not folder.is_dir():
            return []
        call = stored(folder)
        if call.summary.ended_reason == EndedReason.MIGRATED.value:
            return []
        entries = transcript(call).entries
        found = facts(call.summary, entries)
        if found is None:
            self._count("afterwards.unreadable")
            return []
        return [_Over(call, found, entries)]

    def _left_out(self) -> list[Path]:
        now = self._clock()
        days = {
            time_before(now, back).date() for back in (dt.timedelta(0), LOOK_BACK / 2, LOOK_BACK)
        }
        folders = {
            call_id: folder
            for day in sorted(days)
            for call_id, folder in latest(self._calls / day.isoformat()).items()
        }
        known = self._rollups.known(list(folders))
        left = [folder for call_id, folder in folders.items() if call_id not in known]
        return [folder for folder in left if self._is_over(folder, now)]

    def _is_over(self, folder: Path, now: dt.datetime) -> bool:
        call = stored(folder)
        if call.finished:
            return call.summary.ended_reason != EndedReason.MIGRATED.value
        found = facts(call.summary, ())
        return found is not None and time_between(found.began_at, now) > self._longest


def latest(day: Path) -> dict[str, Path]:
    """The calls of a day, each with what the last process that carried it has kept."""
    found: dict[str, tuple[int, Path]] = {}
    try:
        folders = [folder for folder in day.iterdir() if folder.is_dir()]
    except OSError:
        return {}
    for folder in folders:
        call_id, part = part_of(folder.name)
        if part >= found.get(call_id, (0, folder))[0]:
            found[call_id] = (part, folder)
    return {call_id: folder for call_id, (_, folder) in found.items()}
