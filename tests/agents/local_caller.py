"""Drives a LocalEngine in process, as a call would, with a caller's voice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import numpy as np

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    CloseEngine,
    EngineReady,
    ResponseDone,
    TextDelta,
)
from agents.local.engine import LocalEngine
from tests.callers import Pcm, says, silence, telephoned

FRAME_SAMPLES = 480
Wanted = TypeVar("Wanted")


class Conversation:
    """One engine and everything it said, in order."""

    def __init__(self, engine: LocalEngine) -> None:
        self.engine = engine
        self.events: list[AnyEngineEvent] = []
        self.timed: list[tuple[float, AnyEngineEvent]] = []
        self._arrived = asyncio.Event()

    def deliver(self, event: AnyEngineEvent) -> None:
        self.events.append(event)
        self.timed.append((asyncio.get_running_loop().time(), event))
        self._arrived.set()

    def of(self, kind: type[Wanted]) -> list[Wanted]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[Wanted], count: int = 1) -> Wanted:
        """The `count`-th event of this kind."""
        async with asyncio.timeout(20):
            while len(self.of(kind)) < count:
                await self.more()
        return self.of(kind)[count - 1]

    async def more(self) -> None:
        """Until something else has come."""
        self._arrived.clear()
        await self._arrived.wait()

    def hears(self, audio: Pcm) -> None:
        """The line carries this, in frames of 20 ms."""
        for at in range(0, len(audio), FRAME_SAMPLES):
            self.engine.hear(audio[at : at + FRAME_SAMPLES].tobytes())

    def says(self, text: str) -> None:
        """The caller says this and waits."""
        self.hears(np.concatenate([telephoned(says(text), 16_000), silence(1_200)]))

    async def asks(self, text: str) -> str:
        """What the engine answers in its next reply."""
        done = len(self.of(ResponseDone))
        self.says(text)
        reply = await self.until(ResponseDone, done + 1)
        return self.words(reply.response_id)

    def words(self, response_id: str) -> str:
        return "".join(e.text for e in self.of(TextDelta) if e.response_id == response_id)

    def samples(self, item_id: str) -> int:
        return sum(len(e.audio) // 2 for e in self.of(AudioDelta) if e.item_id == item_id)


@asynccontextmanager
async def conversation(engine: LocalEngine) -> AsyncIterator[Conversation]:
    """The engine runs, and is ready; after the block it must end when told to."""
    talk = Conversation(engine)
    running = asyncio.get_running_loop().create_task(engine.run(talk.deliver))
    await talk.until(EngineReady)
    try:
        yield talk
    finally:
        engine.submit(CloseEngine())
        await asyncio.wait_for(running, 2)
        left = [name for task in asyncio.all_tasks() if (name := task.get_name())[:6] == "local."]
        assert left == [], "the engine left tasks behind"
