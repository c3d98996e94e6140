"""Drives a TurnsEngine as a call would, against the loopback chat server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import msgspec
import numpy as np
import openai

from agents.engine import AnyEngineEvent, AudioDelta, CloseEngine, EngineReady
from agents.persona import Persona
from agents.turns.client import NoClient, TurnsEngine, http_client
from agents.turns.endpointing import EnergyDetector
from agents.turns.settings import TurnsSettings
from tests.agents.realtime_story import TOOLS
from tests.fakes.chat_server import FakeChat
from tests.fakes.realtime_script import hum

KEY = "sk-test-secret-0123456789"
FRAME_BYTES = 960
PERSONA = Persona(business="Willow Street Salon", instructions="You answer the phone.")
E = TypeVar("E", bound=AnyEngineEvent)


class Call:
    """A caller's side of the engine port: keeps the events, waits for the next of a kind."""

    def __init__(self, engine: TurnsEngine) -> None:
        self.engine = engine
        self.events: list[AnyEngineEvent] = []
        self.reply: Callable[[AnyEngineEvent], None] = lambda event: None
        self._news = asyncio.Event()

    def deliver(self, event: AnyEngineEvent) -> None:
        self.events.append(event)
        self._news.set()
        self.reply(event)

    async def until(self, kind: type[E], count: int = 1) -> E:
        async with asyncio.timeout(12):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[count - 1]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def audio(self) -> bytes:
        return b"".join(event.audio for event in self.of(AudioDelta))

    def hears(self, samples: np.typing.NDArray[np.int16]) -> None:
        """The line carries this: 24 kHz, in frames of 20 ms."""
        audio = samples.astype("<i2").tobytes()
        for at in range(0, len(audio), FRAME_BYTES):
            self.engine.hear(audio[at : at + FRAME_BYTES])

    def speaks(self, duration_ms: int = 900, quiet_ms: int = 1_700) -> None:
        """The caller says something and waits."""
        self.hears(hum("caller", duration_ms, 24_000))
        self.waits(quiet_ms)

    def waits(self, duration_ms: int) -> None:
        self.hears(np.zeros(duration_ms * 24, np.int16))


def settings(base_url: str, **more: Any) -> TurnsSettings:
    return msgspec.structs.replace(TurnsSettings(api_key=KEY, base_url=base_url), **more)


def client_of(made: TurnsSettings) -> openai.AsyncOpenAI | NoClient:
    try:
        return http_client(made)
    except NoClient as problem:
        return problem


@contextlib.asynccontextmanager
async def calling(server: FakeChat | str, **more: Any) -> AsyncIterator[Call]:
    """A call with the engine running; afterwards nothing may be left of it."""
    before = asyncio.all_tasks()
    made = settings(server if isinstance(server, str) else server.base_url, **more)
    client = client_of(made)
    engine = TurnsEngine(made, PERSONA, TOOLS, client, EnergyDetector, name="1")
    call = Call(engine)
    running = asyncio.get_running_loop().create_task(engine.run(call.deliver))
    try:
        yield call
    finally:
        engine.submit(CloseEngine())
        await asyncio.wait_for(running, 3)
        if not isinstance(client, NoClient):
            await client.close()
    ours = {task for task in asyncio.all_tasks() - before if task.get_name().startswith("turns")}
    assert ours == set()


async def ready(call: Call) -> Call:
    """Listening, after a second of an empty line by which the noise on it is known."""
    await call.until(EngineReady)
    call.waits(1_000)
    return call
