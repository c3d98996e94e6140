"""The embedded engine: hears, understands and speaks without a key and without a network.

Towards a call it behaves as a cloud session does: 24 kHz PCM both ways, it detects turns, stops
generating when the caller speaks, speaks faster than real time and takes truncations.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioFormat,
    Capabilities,
    CloseEngine,
    EngineFailed,
    EngineReady,
)
from agents.local.endpointing import Endpoints
from agents.local.hearing import Hearing
from agents.local.models import Models, ModelsMissing
from agents.local.session import Session, SpeechFailed, Understanding, work
from agents.tasks import Tasks

CAPABILITIES = Capabilities(
    name="local",
    input_format=AudioFormat.PCM16_24K,
    output_format=AudioFormat.PCM16_24K,
    cancels_on_speech=True,
    truncates=True,
)

_BYTES_PER_MS = 48
_HELD_BYTES = 15_000 * _BYTES_PER_MS
"""Caller audio kept while the models load; what is older goes unheard."""


class Inbox:
    """Commands in order. Of caller audio that nobody takes only the newest is kept."""

    def __init__(self) -> None:
        self._waiting: deque[AnyEngineCommand] = deque()
        self._arrived = asyncio.Event()
        self._audio_bytes = 0
        self.missed_bytes = 0
        """Of audio dropped so far."""

    def put(self, command: AnyEngineCommand) -> None:
        self._waiting.append(command)
        self._arrived.set()
        if isinstance(command, AppendAudio):
            self._audio_bytes += len(command.audio)
            while self._audio_bytes > _HELD_BYTES:
                self._drop_oldest_audio()

    def _drop_oldest_audio(self) -> None:
        oldest = next(one for one in self._waiting if isinstance(one, AppendAudio))
        self._waiting.remove(oldest)
        self._audio_bytes -= len(oldest.audio)
        self.missed_bytes += len(oldest.audio)

    async def next(self) -> AnyEngineCommand:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        command = self._waiting.popleft()
        if isinstance(command, AppendAudio):
            self._audio_bytes -= len(command.audio)
        return command


class LocalEngine:
    """One call's session with the embedded engine."""

    def __init__(
        self, models: Models, dialogue: Understanding, *, endpoints: Endpoints | None = None
    ) -> None:
        """`models` are shared by all calls; `dialogue` is this call's own."""
        self._models = models
        self._dialogue = dialogue
        self._endpoints = endpoints or Endpoints()
        self._inbox = Inbox()
        self._ended = asyncio.Event()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def submit(self, command: AnyEngineCommand) -> None:
        if isinstance(command, CloseEngine):
            self._ended.set()
        elif not self._ended.is_set():
            self._inbox.put(command)

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        tasks = Tasks(lambda name, error: self._failed(name, error, deliver))
        tasks.start("local.session", self._converse(tasks, deliver))
        try:
            await self._ended.wait()
        finally:
            self._ended.set()
            await tasks.cancel_all()

    async def _converse(self, tasks: Tasks, deliver: Callable[[AnyEngineEvent], None]) -> None:
        speech = await work(self._models.hearing, self._models.load)
        missed_ms = self._inbox.missed_bytes // _BYTES_PER_MS
        hearing = Hearing(speech.vad, self._endpoints, begin_ms=missed_ms)
        session = Session(self._models, speech, hearing, self._dialogue, deliver)
        deliver(EngineReady(session_id="local"))
        tasks.start("local.think", session.think())
        while True:
            session.obey(await self._inbox.next())

    def _failed(
        self, name: str, error: BaseException, deliver: Callable[[AnyEngineEvent], None]
    ) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        reason, fatal = _reason(error)
        structlog.get_logger().error(
            "local_engine_failed", task=name, reason=reason, exc_info=error
        )
        deliver(EngineFailed(reason, fatal=fatal))


def _reason(error: BaseException) -> tuple[str, bool]:
    """The code of a failure, and whether it would come again."""
    if isinstance(error.__cause__, ModelsMissing):
        return "local_models_missing", True
    if isinstance(error, SpeechFailed):
        return "local_speech_failed", False
    return "local_dialogue_failed", False
