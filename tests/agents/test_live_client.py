"""The GPT-Live engine against a strict loopback server, and against ones that misbehave."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import msgspec
import pytest

from agents.engine import (
    AnyEngineEvent,
    AppendAudio,
    AudioDelta,
    AudioFormat,
    CloseEngine,
    Engine,
    EngineExpires,
    EngineFailed,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
)
from agents.live.client import LiveEngine
from agents.live.settings import LiveSettings
from agents.persona import Persona
from tests.agents.realtime_story import TOOLS
from tests.fakes.live_server import FakeLive
from tests.fakes.realtime_script import encoded, hum

KEY = "sk-test-secret-0123456789"
SILENCE = b"\xff" * 160
"""20 ms."""
E = TypeVar("E", bound=AnyEngineEvent)


class Call:
    """A caller's side of the engine port: keeps the events, waits for the next of a kind."""

    def __init__(self, engine: LiveEngine) -> None:
        self.engine = engine
        self.events: list[AnyEngineEvent] = []
        self.reply: Callable[[AnyEngineEvent], None] = lambda event: None
        self.running: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def deliver(self, event: AnyEngineEvent) -> None:
        self.events.append(event)
        self._news.set()
        self.reply(event)

    async def until(self, kind: type[E], count: int = 1) -> E:
        async with asyncio.timeout(10):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[count - 1]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def audio(self) -> bytes:
        return b"".join(event.audio for event in self.of(AudioDelta))

    def text(self) -> str:
        return "".join(event.text for event in self.of(TextDelta))

    def silent_ms(self, duration_ms: int) -> None:
        for _ in range(duration_ms // 20):
            self.engine.submit(AppendAudio(SILENCE))

    def speak_ms(self, duration_ms: int) -> None:
        sound = encoded(hum("caller", duration_ms, 8_000), "audio/pcmu")
        for at in range(0, len(sound), 160):
            self.engine.submit(AppendAudio(sound[at : at + 160]))


def settings(server: FakeLive, **more: Any) -> LiveSettings:
    return msgspec.structs.replace(LiveSettings(api_key=KEY), base_url=server.base_url, **more)


@contextlib.asynccontextmanager
async def calling(server: FakeLive, **more: Any) -> AsyncIterator[Call]:
    """A call with the engine running; afterwards nothing may be left of it."""
    before = asyncio.all_tasks()
    call = Call(LiveEngine(settings(server, **more), Persona(), TOOLS))
    call.running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
    try:
        yield call
    finally:
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(call.running, 3)
    for session in server.sessions:
        await asyncio.wait_for(session.closed.wait(), 3)
    ours = {task for task in asyncio.all_tasks() - before if task.get_name().startswith("live")}
    assert ours == set()


async def failure(server_or_url: FakeLive | str, **more: Any) -> EngineFailed:
    """Run until the engine gives up by itself."""
    url = server_or_url if isinstance(server_or_url, str) else server_or_url.base_url
    made = msgspec.structs.replace(LiveSettings(api_key=KEY, base_url=url), **more)
    call = Call(LiveEngine(made, Persona(), []))
    await asyncio.wait_for(call.engine.run(call.deliver), 10)
    assert len(call.of(EngineFailed)) == 1
    assert isinstance(call.events[-1], EngineFailed)
    return call.events[-1]


def test_it_is_an_engine_that_owns_playback() -> None:
    engine: Engine = LiveEngine(LiveSettings(), Persona(), [])
    capabilities = engine.capabilities
    assert (capabilities.name, capabilities.owns_playback) == ("live", True)
    assert (capabilities.cancels_on_speech, capabilities.answers_on_request) == (True, False)
    assert capabilities.input_format is capabilities.output_format is AudioFormat.ULAW_8K


# ---- a call that goes well ----------------------------------------------------------------------


@pytest.mark.parametrize("audio_format", list(AudioFormat))
async def test_a_greeting_arrives_whole(audio_format: AudioFormat) -> None:
    async with FakeLive() as server, calling(server, audio_format=audio_format) as call:
        call.reply = lambda event: (
            call.engine.submit(Say("Good morning.")) if isinstance(event, EngineReady) else None
        )
        await call.until(EngineReady)
        ms = audio_format.rate * audio_format.sample_bytes // 1000
        for _ in range(150):
            call.engine.submit(AppendAudio(b"\xff" * 20 * ms if ms == 8 else bytes(20 * ms)))
        done = await call.until(ResponseDone)
        assert done.status is ResponseStatus.COMPLETED
        assert call.text() == "Good morning."
        said = server.sessions[0].said[0]
        assert said.audio in call.audio()
        # What is left of the server's silence is a soft beginning and end.
        assert len(call.audio()) <= (said.duration_ms + 60 + 20 + 200) * ms
        kinds = [type(event) for event in call.events if not isinstance(event, EngineExpires)]
        assert kinds[:2] == [EngineReady, ResponseStarted]
        assert kinds[-2:] == [ItemDone, ResponseDone]
        assert server.sessions[0].errors == []
