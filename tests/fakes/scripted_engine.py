"""An engine that says what a test tells it to, and keeps what it was asked."""

import asyncio
from collections.abc import Callable

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioFormat,
    Capabilities,
    CloseEngine,
    EngineReady,
)

CAPABILITIES = Capabilities(
    name="scripted",
    input_format=AudioFormat.ULAW_8K,
    output_format=AudioFormat.ULAW_8K,
    cancels_on_speech=True,
    truncates=True,
)


class ScriptedEngine:
    """Ready at once unless told otherwise; `say` delivers events, `asked` has the commands, and
    `heard` the caller's audio.

    `closes`: False for an engine that ignores CloseEngine, as a hung one would.
    """

    def __init__(
        self,
        *,
        ready: bool = True,
        closes: bool = True,
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        self.asked: list[AnyEngineCommand] = []
        self.heard: list[bytes] = []
        self._capabilities = capabilities
        self.running = False
        self._ready = ready
        self._closes = closes
        self._deliver: Callable[[AnyEngineEvent], None] | None = None
        self._over = asyncio.Event()
        self._fault: Exception | None = None

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        self._deliver = deliver
        self.running = True
        try:
            if self._ready:
                deliver(EngineReady("scripted"))
            await self._over.wait()
            if self._fault is not None:
                raise self._fault
        finally:
            self.running = False

    def submit(self, command: AnyEngineCommand) -> None:
        if isinstance(command, AppendAudio):
            self.heard.append(command.audio)
        else:
            self.asked.append(command)
        if isinstance(command, CloseEngine) and self._closes:
            self._over.set()

    def hear(self, audio: bytes) -> None:
        self.submit(AppendAudio(audio))

    def say(self, *events: AnyEngineEvent) -> None:
        assert self._deliver is not None, "the engine was never run"
        for event in events:
            self._deliver(event)

    def breaks(self, fault: Exception) -> None:
        """`run` raises, which no engine may do."""
        self._fault = fault
        self._over.set()
