"""A session of the embedded engine once its models are loaded: hears, understands, answers."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Say,
    ToolOutput,
    TruncateItem,
)
from agents.local.acts import Act, Speak
from agents.local.endpointing import Frame, SpeechStarted, SpeechStopped
from agents.local.expectation import Expectation
from agents.local.hearing import Hearing
from agents.local.models import Models, Speech
from agents.local.replies import Replies

_FLOOR_WAIT_S = 5.0
"""The answer to a tool waits so long for the caller to stop; a noisy line may never fall silent."""

_Result = TypeVar("_Result")


class Understanding(Protocol):
    """What is needed of a dialogue; see `agents.local.dialogue`."""

    def expectation(self) -> Expectation:
        """How to listen to what the caller says next."""

    def heard(self, text: str, constrained: bool) -> list[Act]:
        """The caller's turn; empty text when nothing was made out."""

    def tool_answered(self, tool_call_id: str, output: str) -> list[Act]: ...

    def cut(self, item_text: str, heard_text: str) -> None:
        """Of a spoken text only this was heard; comes before `heard` of what cut it off."""

    def interposed(self, text: str) -> None:
        """Words were spoken that the dialogue did not choose."""


class CallerTurn(msgspec.Struct, frozen=True):
    """What the caller said, not yet made out."""

    item_id: str
    audio: Frame


Stimulus = CallerTurn | Say | ToolOutput


class SpeechFailed(Exception):  # noqa: N818 - the cause is chained
    """Recogniser or voice broke in its thread."""


class Session:
    """`obey` never waits; `think` does all that takes time, one thing after another."""

    def __init__(
        self,
        models: Models,
        speech: Speech,
        hearing: Hearing,
        dialogue: Understanding,
        deliver: Callable[[AnyEngineEvent], None],
    ) -> None:
        self._models = models
        self._speech = speech
        self._hearing = hearing
        self._dialogue = dialogue
        self._deliver = deliver
        self._replies = Replies(deliver, self._render, dialogue.cut)
        self._stimuli: asyncio.Queue[Stimulus] = asyncio.Queue()
        self._floor_free = asyncio.Event()
        self._floor_free.set()
        self._turns = 0

    def obey(self, command: AnyEngineCommand) -> None:
        match command:
            case AppendAudio(audio):
                self._hear(audio)
            case Say() | ToolOutput():
                self._stimuli.put_nowait(command)
            case TruncateItem():
                self._replies.truncated(command.item_id, command.heard_text)
            case DeleteItem(item_id):
                self._replies.truncated(item_id, "")
            case CancelResponse(response_id):
                self._replies.cancel(response_id)
            case CloseEngine():
                """Obeyed by the engine, which ends the session."""

    def _hear(self, audio: bytes) -> None:
        for turn in self._hearing.hear(audio):
            match turn:
                case SpeechStarted(at_ms):
                    self._turns += 1
                    self._floor_free.clear()
                    self._deliver(CallerSpeechStarted(self._turn_id, at_ms))
                    self._replies.interrupt()
                case SpeechStopped(at_ms, heard):
                    self._floor_free.set()
                    self._deliver(CallerSpeechStopped(self._turn_id, at_ms))
                    self._stimuli.put_nowait(CallerTurn(self._turn_id, heard))

    @property
    def _turn_id(self) -> str:
        return f"turn_{self._turns}"

    async def think(self) -> None:
        """Runs until cancelled. Raises SpeechFailed, and whatever is wrong with the dialogue."""
        while True:
            stimulus = await self._stimuli.get()
            acts = await self._consider(stimulus)
            self._hearing.expect(patient=self._dialogue.expectation().patient)
            if acts or _owed(stimulus):
                await self._replies.give(acts)

    async def _consider(self, stimulus: Stimulus) -> list[Act]:
        match stimulus:
            case CallerTurn():
                return await self._understand(stimulus)
            case Say(text):
                self._dialogue.interposed(text)
                return [Speak(text)]
            case ToolOutput(tool_call_id, output, respond):
                await self._wait_for_floor()
                acts = self._dialogue.tool_answered(tool_call_id, output)
                return acts if respond else []

    async def _understand(self, turn: CallerTurn) -> list[Act]:
        self._replies.settle()
        recognise = self._speech.recogniser.recognise
        expect = self._dialogue.expectation()
        heard = await work(self._models.hearing, lambda: recognise(turn.audio, expect))
        self._deliver(CallerTranscript(turn.item_id, heard.text))
        return self._dialogue.heard(heard.text, heard.constrained)

    async def _wait_for_floor(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._floor_free.wait(), _FLOOR_WAIT_S)

    async def _render(self, sentence: str) -> bytes:
        voice = self._speech.voice
        return await work(self._models.speaking, lambda: voice.sentence(sentence))


def _owed(stimulus: Stimulus) -> bool:
    """A reply the call counts on, even when there is nothing to say."""
    match stimulus:
        case CallerTurn():
            return False
        case Say():
            return True
        case ToolOutput():
            return stimulus.respond


async def work(thread: Executor, act: Callable[[], _Result]) -> _Result:
    """`act` in a worker thread. Raises SpeechFailed, chained to what went wrong."""
    done = asyncio.get_running_loop().run_in_executor(thread, act)
    await asyncio.wait([done])
    if (error := done.exception()) is not None:
        raise SpeechFailed from error
    return done.result()
