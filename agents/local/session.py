"""A session of the embedded engine once its models are loaded: hears, understands, answers."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec

from agents.engine import (
    Answer,
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Dismiss,
    Inform,
    Say,
    ToolOutput,
    TruncateItem,
)
from agents.local.acts import Act, Speak
from agents.local.endpointing import Frame, SpeechStarted, SpeechStopped
from agents.local.expectation import Expectation
from agents.local.hearing import Hearing
from agents.local.models import Models, Speech
from agents.local.recogniser import Recognition
from agents.local.replies import Replies

_FLOOR_WAIT_S = 5.0
"""An answer waits so long for the caller to stop; a noisy line may never fall silent."""
_MOST_PARTS = 4
"""Turns taken as one when the caller goes on before the answer to the first has begun."""

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


Stimulus = CallerTurn | Answer | Say | ToolOutput


class Stimuli:
    """What is still to be considered, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Stimulus] = deque()
        self._arrived = asyncio.Event()

    def put(self, stimulus: Stimulus) -> None:
        self._waiting.append(stimulus)
        self._arrived.set()

    async def next(self) -> Stimulus:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def next_turn(self) -> CallerTurn | None:
        """What the caller said next, whatever else came before it."""
        turn = next((each for each in self._waiting if isinstance(each, CallerTurn)), None)
        if turn is not None:
            self._waiting.remove(turn)
        return turn


class RequestedTurns:
    """What the caller said, made out and waiting for the call to let it count."""

    def __init__(self) -> None:
        self._unheard: deque[CallerTurn] = deque()
        self._waiting: dict[str, Recognition | None] = {}
        self._changed = asyncio.Event()

    def put(self, turn: CallerTurn) -> None:
        self._unheard.append(turn)
        self._waiting[turn.item_id] = None
        self._changed.set()

    async def next(self) -> CallerTurn:
        """The next turn to be made out."""
        while not self._unheard:
            await self._change()
        return self._unheard.popleft()

    def recognised(self, item_id: str, heard: Recognition) -> None:
        if item_id in self._waiting:
            self._waiting[item_id] = heard
        self._changed.set()

    def dismiss(self, item_id: str) -> None:
        self._waiting.pop(item_id, None)
        self._changed.set()

    async def take(self, item_id: str) -> list[Recognition]:
        """All that was said up to this turn and since; empty when it was taken already."""
        if item_id not in self._waiting:
            return []
        while any(heard is None for heard in self._waiting.values()):
            await self._change()
        heard = [each for each in self._waiting.values() if each is not None]
        self._waiting.clear()
        return heard

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


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
        *,
        answers_on_request: bool = False,
    ) -> None:
        self._models = models
        self._speech = speech
        self._hearing = hearing
        self._dialogue = dialogue
        self._deliver = deliver
        self._replies = Replies(deliver, self._render, dialogue.cut)
        self._stimuli = Stimuli()
        self._floor_free = asyncio.Event()
        self._floor_free.set()
        self._turns = 0
        self._on_request = RequestedTurns() if answers_on_request else None

    def obey(self, command: AnyEngineCommand) -> None:
        match command:
            case AppendAudio(audio):
                self._hear(audio)
            case Say() | ToolOutput() | Answer():
                self._stimuli.put(command)
            case Dismiss(item_id):
                if self._on_request is not None:
                    self._on_request.dismiss(item_id)
            case TruncateItem():
                self._replies.truncated(command.item_id, command.heard_text)
            case DeleteItem(item_id):
                self._replies.truncated(item_id, "")
            case CancelResponse(response_id):
                self._replies.cancel(response_id)
            case Inform():
                """For models that read; what the dialogue has to know, its tools tell it."""
            case CloseEngine():
                """Obeyed by the engine, which ends the session."""

    def _hear(self, audio: bytes) -> None:
        for turn in self._hearing.hear(audio):
            match turn:
                case SpeechStarted(at_ms):
                    self._turns += 1
                    self._floor_free.clear()
                    self._deliver(CallerSpeechStarted(self._turn_id, at_ms))
                    if self._on_request is None:
                        self._replies.interrupt()
                case SpeechStopped(at_ms, heard):
                    self._floor_free.set()
                    said = CallerTurn(self._turn_id, heard)
                    if self._on_request is None:
                        self._stimuli.put(said)
                    else:
                        self._on_request.put(said)
                    self._deliver(CallerSpeechStopped(said.item_id, at_ms))

    @property
    def _turn_id(self) -> str:
        return f"turn_{self._turns}"

    async def think(self) -> None:
        """Runs until cancelled. Raises SpeechFailed, and whatever is wrong with the dialogue."""
        while True:
            stimulus = await self._stimuli.next()
            acts = await self._consider(stimulus)
            self._hearing.expect(patient=self._dialogue.expectation().patient)
            if acts or _owed(stimulus):
                await self._replies.give(acts)

    async def listen(self) -> None:
        """Make out what was said while replies are given; only for answers on request."""
        while self._on_request is not None:
            turn = await self._on_request.next()
            self._on_request.recognised(turn.item_id, await self._recognise(turn))

    async def _consider(self, stimulus: Stimulus) -> list[Act]:
        match stimulus:
            case CallerTurn():
                return await self._understand(stimulus)
            case Answer(item_id):
                return await self._answer(item_id)
            case Say(text):
                self._dialogue.interposed(text)
                return [Speak(text)]
            case ToolOutput(tool_call_id, output, respond):
                await self._wait_for_floor()
                acts = self._dialogue.tool_answered(tool_call_id, output)
                return acts if respond else []

    async def _understand(self, turn: CallerTurn) -> list[Act]:
        """Answer what the caller said; what was said after a pause for breath belongs to it."""
        self._replies.settle()
        heard = [await self._recognise(turn)]
        while len(heard) < _MOST_PARTS and (more := await self._gone_on()) is not None:
            heard.append(await self._recognise(more))
        return self._heard(heard)

    def _heard(self, parts: Sequence[Recognition]) -> list[Act]:
        words = [each for each in parts if each.text] or parts[:1]
        text = " ".join(each.text for each in words)
        return self._dialogue.heard(text, all(each.constrained for each in words))

    async def _answer(self, item_id: str) -> list[Act]:
        """Answer a turn the call lets count, and what was said after a pause for breath."""
        assert self._on_request is not None, "only asked of an engine that answers on request"
        self._replies.settle()
        await self._wait_for_floor()
        heard = await self._on_request.take(item_id)
        return self._heard(heard) if heard else []

    async def _recognise(self, turn: CallerTurn) -> Recognition:
        recognise = self._speech.recogniser.recognise
        expect = self._dialogue.expectation()
        heard = await work(self._models.hearing, lambda: recognise(turn.audio, expect))
        self._deliver(CallerTranscript(turn.item_id, heard.text))
        return heard

    async def _gone_on(self) -> CallerTurn | None:
        """What the caller has added since, waited for while it is being said."""
        await self._wait_for_floor()
        return self._stimuli.next_turn()

    async def _wait_for_floor(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLOOR_WAIT_S):
                await self._floor_free.wait()

    async def _render(self, sentence: str) -> bytes:
        voice = self._speech.voice
        return await work(self._models.speaking, lambda: voice.sentence(sentence))


def _owed(stimulus: Stimulus) -> bool:
    """A reply the call counts on, even when there is nothing to say."""
    match stimulus:
        case CallerTurn() | Answer():
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
