"""Engine sessions opened while the telephone still rings, so that nobody waits for them.

A model's session takes as long to open as the carrier takes to open its stream. One that is not
called for in time is closed again: it has heard nothing and cost nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from agents.engine import AnyEngineCommand, AnyEngineEvent, Capabilities, CloseEngine, Engine
from agents.tasks import Tasks

KEEP_S = 15.0
"""Twilio opens the stream within a second or two of our answer."""
MOST = 32
"""Sessions that wait at the same time; further calls open theirs when their stream comes."""

_Kept = TypeVar("_Kept")


class WarmEngine:
    """An engine whose session may begin before its call does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.hear = engine.hear
        """See `agents.engine.Engine.hear`."""
        self._early: list[AnyEngineEvent] = []
        self._deliver: Callable[[AnyEngineEvent], None] = self._early.append
        self._task: asyncio.Task[None] | None = None

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    def warm(self, tasks: Tasks, name: str) -> None:
        """Open the session; what it tells waits for `run`."""
        self._task = tasks.start(name, self._engine.run(self._told))

    def _told(self, event: AnyEngineEvent) -> None:
        self._deliver(event)

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        """See `agents.engine.Engine.run`."""
        early, self._deliver = self._early, deliver
        for event in early:
            deliver(event)
        if self._task is None:
            await self._engine.run(deliver)
            return
        try:
            await asyncio.shield(self._task)
        finally:
            self._task.cancel()

    def submit(self, command: AnyEngineCommand) -> None:
        self._engine.submit(command)

    def close(self) -> None:
        """Nobody will run it."""
        self._engine.submit(CloseEngine())


class WarmPool(Generic[_Kept]):
    """What was begun for calls whose stream has not come, by CallSid."""

    def __init__(self, let_go: Callable[[_Kept], None], keep_s: float = KEEP_S) -> None:
        """`let_go` is called for what nobody took."""
        self._let_go = let_go
        self._keep_s = keep_s
        self._kept: dict[str, tuple[_Kept, asyncio.TimerHandle]] = {}

    @property
    def full(self) -> bool:
        return len(self._kept) >= MOST

    def put(self, call_sid: str, kept: _Kept) -> None:
        self.drop(call_sid)
        timer = asyncio.get_running_loop().call_later(self._keep_s, self.drop, call_sid)
        self._kept[call_sid] = (kept, timer)

    def take(self, call_sid: str) -> _Kept | None:
        if (found := self._kept.pop(call_sid, None)) is None:
            return None
        kept, timer = found
        timer.cancel()
        return kept

    def drop(self, call_sid: str) -> None:
        if (kept := self.take(call_sid)) is not None:
            self._let_go(kept)

    def drop_all(self) -> None:
        for call_sid in tuple(self._kept):
            self.drop(call_sid)
