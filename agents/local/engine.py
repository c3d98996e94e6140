"""The embedded engine: hears, understands and speaks without a key and without a network.

Towards a call it behaves as a cloud session does: 24 kHz PCM both ways, it detects turns, stops
generating when the caller speaks, speaks faster than real time and takes truncations.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec
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
from agents.local.chat.client import Chat, ChatFailed, Thought
from agents.local.chat.dialogue import ChatDialogue
from agents.local.endpointing import Endpoints
from agents.local.hearing import Hearing
from agents.local.models import Models, ModelsMissing
from agents.local.replies import Model
from agents.local.session import Session, SpeechFailed, Understanding, work
from agents.local.vad import Vad
from agents.tasks import Tasks

CAPABILITIES = Capabilities(
    name="local",
    input_format=AudioFormat.PCM16_24K,
    output_format=AudioFormat.PCM16_24K,
    cancels_on_speech=True,
    truncates=True,
)

_ENDPOINTS = Endpoints(pause_ms=160)
_BYTES_PER_MS = 48
_HELD_BYTES = 21_000 * _BYTES_PER_MS
"""Caller audio kept while the models load; what is older goes unheard."""


class Inbox:
    """What is still to be obeyed. Commands overtake caller audio: a truncation must be known
    before the turn that caused it has ended. Of audio nobody takes only the newest is kept."""

    def __init__(self) -> None:
        self._commands: deque[AnyEngineCommand] = deque()
        self._audio: deque[AppendAudio] = deque()
        self._audio_bytes = 0
        self._arrived = asyncio.Event()
        self.missed_bytes = 0
        """Of audio dropped so far."""

    def put(self, command: AnyEngineCommand) -> None:
        if isinstance(command, AppendAudio):
            self._audio.append(command)
            self._audio_bytes += len(command.audio)
        else:
            self._commands.append(command)
        while self._audio_bytes > _HELD_BYTES:
            self.missed_bytes += len(self._take_audio().audio)
        self._arrived.set()

    async def next(self) -> AnyEngineCommand:
        # However much has piled up, others get their turn in between.
        await asyncio.sleep(0)
        while not self._commands and not self._audio:
            self._arrived.clear()
            await self._arrived.wait()
        return self._commands.popleft() if self._commands else self._take_audio()

    def _take_audio(self) -> AppendAudio:
        oldest = self._audio.popleft()
        self._audio_bytes -= len(oldest.audio)
        return oldest


class Consultant:
    """The language model of one call."""

    def __init__(self, chat: Chat, dialogue: ChatDialogue, tasks: Tasks) -> None:
        self._chat = chat
        self._tasks = tasks
        self.spoke = dialogue.spoke

    def think(self, body: bytes) -> Thought:
        return Thought(self._chat, body, self._tasks.start)


class LocalEngine:
    """One call's session with the embedded engine."""

    def __init__(
        self,
        models: Models,
        dialogue: Understanding,
        *,
        endpoints: Endpoints | None = None,
        answers_on_request: bool = False,
        ids: str = "",
        chat: Chat | None = None,
    ) -> None:
        """`models` are shared by all calls; `dialogue` is this call's own. `answers_on_request`:
        the call decides what interrupts and which turns count. `ids`: what all ids of this
        session begin with; another session of the same call needs another. `chat`: the language
        model that a `ChatDialogue` consults."""
        self._ids = ids
        self._chat = chat
        self.capabilities = msgspec.structs.replace(
            CAPABILITIES,
            cancels_on_speech=not answers_on_request,
            answers_on_request=answers_on_request,
        )
        self._models = models
        self._dialogue = dialogue
        self._endpoints = endpoints or _ENDPOINTS
        self._inbox = Inbox()
        self._ended = asyncio.Event()

    def submit(self, command: AnyEngineCommand) -> None:
        if isinstance(command, CloseEngine):
            self._ended.set()
        elif not self._ended.is_set():
            self._inbox.put(command)

    def hear(self, audio: bytes) -> None:
        self.submit(AppendAudio(audio))

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
        hearing = Hearing(Vad(speech.vad), self._endpoints, begin_ms=missed_ms)
        session = Session(
            self._models,
            speech,
            hearing,
            self._dialogue,
            deliver,
            answers_on_request=self.capabilities.answers_on_request,
            ids=self._ids,
            model=self._model(tasks),
        )
        deliver(EngineReady(session_id=f"{self._ids}local"))
        tasks.start("local.think", session.think())
        tasks.start("local.listen", session.listen())
        while True:
            session.obey(await self._inbox.next())

    def _model(self, tasks: Tasks) -> Model | None:
        if self._chat is None:
            return None
        assert isinstance(self._dialogue, ChatDialogue), "only such a dialogue consults a model"
        return Consultant(self._chat, self._dialogue, tasks)

    def _failed(
        self, name: str, error: BaseException, deliver: Callable[[AnyEngineEvent], None]
    ) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        reason, fatal = _reason(error)
        # What is wrong with a model's server stands in the reason; what it was asked in no log.
        cause = None if isinstance(error, ChatFailed) else error
        structlog.get_logger().error(
            "local_engine_failed", task=name, reason=reason, exc_info=cause
        )
        deliver(EngineFailed(reason, fatal=fatal))


def _reason(error: BaseException) -> tuple[str, bool]:
    """The code of a failure, and whether it would come again."""
    if isinstance(error, ChatFailed):
        return error.reason, error.fatal
    if isinstance(error.__cause__, ModelsMissing):
        return "local_models_missing", True
    if isinstance(error, SpeechFailed):
        return "local_speech_failed", False
    return "local_dialogue_failed", False
