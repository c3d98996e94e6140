"""A session of the embedded engine once its models are loaded: hears, understands, answers."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Protocol, TypeVar

from agents.engine import (
    Answer,
    AnyEngineCommand,
    AnyEngineEvent,
    AnyRemembered,
    AppendAudio,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Dismiss,
    Inform,
    Remember,
    Say,
    ToolOutput,
    TruncateItem,
)
from agents.local.acts import Act, Speak
from agents.local.endpointing import Frame, Paused, SpeechStarted, SpeechStopped
from agents.local.expectation import Expectation
from agents.local.hearing import Hearing
from agents.local.models import Models, Speech
from agents.local.recogniser import Recognition
from agents.local.replies import Model, Replies
from agents.local.turns import CallerTurn, Foresight, RequestedTurns, Understood, too_old

_FLOOR_WAIT_S = 5.0
"""An answer waits so long for the caller to stop; a noisy line may never fall silent."""
_VERDICT_WAIT_S = 1.0
"""So long for the call to say whether a turn counts that may belong to the one it let count."""
_MOST_PARTS = 4
"""Turns taken as one when the caller goes on before the answer to the first has begun."""

_Result = TypeVar("_Result")


class Understanding(Protocol):
    """What is needed of a dialogue; see `agents.local.dialogue`."""

    def expectation(self) -> Expectation:
        """How to listen to what the caller says next."""

    def settled(self, text: str, constrained: bool) -> bool:
        """Whether these words, if nothing follows, are all that was asked for."""

    def heard(self, text: str, constrained: bool) -> list[Act]:
        """The caller's turn; empty text when nothing was made out."""

    def tool_answered(self, tool_call_id: str, output: str) -> list[Act] | None:
        """None: there is nothing to say yet, other tools are at work."""

    def informed(self, text: str) -> None:
        """Something to know from now on."""

    def remember(self, what: Sequence[AnyRemembered], *, answer: bool) -> list[Act]:
        """What was said and done in other sessions of this call; `answer`: reply to the last."""

    def cut(self, item_text: str, heard_text: str) -> None:
        """Of a spoken text only this was heard; comes before `heard` of what cut it off."""

    def interposed(self, text: str) -> None:
        """Words were spoken that the dialogue did not choose."""


Stimulus = CallerTurn | Answer | Say | ToolOutput | Remember


class Stimuli:
    """What is still to be considered, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Stimulus] = deque()
        self._arrived = asyncio.Event()

    def put(self, stimulus: Stimulus) -> list[CallerTurn]:
        """Take one more. Returns the turns given up for it."""
        self._waiting.append(stimulus)
        self._arrived.set()
        given_up = too_old(each for each in self._waiting if isinstance(each, CallerTurn))
        for turn in given_up:
            self._waiting.remove(turn)
        return given_up

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
        ids: str = "",
        model: Model | None = None,
    ) -> None:
        """`ids`: what all ids of this session begin with, so that they are unique in the call.
        `model`: what the dialogue consults, if it does."""
        self._models = models
        self._speech = speech
        self._hearing = hearing
        self._dialogue = dialogue
        self._deliver = deliver
        self._replies = Replies(deliver, self._render, dialogue.cut, ids, model)
        self._ids = ids
        self._stimuli = Stimuli()
        self._floor_free = asyncio.Event()
        self._floor_free.set()
        self._turns = self._given_before = 0
        self._foresight: Foresight | None = None
        self._on_request = RequestedTurns() if answers_on_request else None

    def obey(self, command: AnyEngineCommand) -> None:
        match command:
            case AppendAudio(audio):
                self._hear(audio)
            case Say() | ToolOutput() | Remember():
                self._stimuli.put(command)
            case Answer() | Dismiss():
                self._decide(command)
            case TruncateItem():
                self._replies.truncated(command.item_id, command.heard_text)
            case DeleteItem(item_id):
                self._replies.truncated(item_id, "")
            case CancelResponse(response_id):
                self._replies.cancel(response_id)
            case Inform(text):
                self._dialogue.informed(text)
            case CloseEngine():
                """Obeyed by the engine, which ends the session."""

    def _decide(self, verdict: Answer | Dismiss) -> None:
        """Whether one of the caller's turns counts."""
        if self._on_request is None:
            return
        if isinstance(verdict, Dismiss):
            self._on_request.dismiss(verdict.item_id)
            return
        self._on_request.answer(verdict.item_id)
        self._stimuli.put(verdict)

    def _hear(self, audio: bytes) -> None:
        for turn in self._hearing.hear(audio):
            match turn:
                case SpeechStarted(at_ms):
                    self._turns += 1
                    self._given_before = self._replies.begun
                    self._floor_free.clear()
                    self._deliver(CallerSpeechStarted(self._turn_id, at_ms))
                    if self._on_request is None:
                        self._replies.interrupt()
                case Paused(at_ms, heard):
                    self._foresee(at_ms, heard)
                case SpeechStopped(at_ms, heard):
                    self._floor_free.set()
                    foreseen = self._foresight
                    known = foreseen if foreseen and foreseen.at_ms == at_ms else None
                    self._keep(CallerTurn(self._turn_id, heard, self._given_before, known))
                    self._deliver(CallerSpeechStopped(self._turn_id, at_ms))

    def _foresee(self, at_ms: int, audio: Frame) -> None:
        """Make the words out while the caller may be only drawing breath: when they turn out to
        be over the answer is near, and a whole answer need not be waited on for long."""
        if self._foresight is not None:
            # Of no use any more; if it has not begun yet it never will.
            self._foresight.recognition.cancel()
        recognise, expect = self._speech.recogniser.recognise, self._dialogue.expectation()
        made_out = asyncio.get_running_loop().run_in_executor(
            self._models.hearing, recognise, audio, expect
        )
        self._foresight = Foresight(at_ms, expect, made_out)
        made_out.add_done_callback(lambda done: self._foreseen(at_ms, expect, done))

    def _foreseen(self, at_ms: int, expect: Expectation, done: asyncio.Future[Recognition]) -> None:
        # What went wrong here is found out, and said, when the turn itself is made out.
        if done.cancelled() or done.exception() is not None:
            return
        heard = done.result()
        if expect == self._dialogue.expectation() and self._dialogue.settled(
            heard.text, heard.constrained
        ):
            self._hearing.settle(at_ms)

    def _keep(self, turn: CallerTurn) -> None:
        waiting = self._stimuli if self._on_request is None else self._on_request
        for lost in waiting.put(turn):
            self._deliver(CallerTranscript(lost.item_id, "", failed=True))

    @property
    def _turn_id(self) -> str:
        return f"{self._ids}turn_{self._turns}"

    async def think(self) -> None:
        """Runs until cancelled. Raises SpeechFailed, and whatever is wrong with the dialogue."""
        while True:
            stimulus = await self._stimuli.next()
            acts = await self._consider(stimulus)
            self._hearing.expect(patient=self._dialogue.expectation().patient)
            if acts or (acts is not None and _owed(stimulus)):
                await self._replies.give(acts)

    async def listen(self) -> None:
        """Make out what was said while replies are given; only for answers on request."""
        while self._on_request is not None:
            turn = await self._on_request.next()
            self._on_request.recognised(await self._made_out(turn))

    async def _consider(self, stimulus: Stimulus) -> list[Act] | None:
        match stimulus:
            case CallerTurn():
                return await self._understand(stimulus)
            case Answer():
                return await self._answer()
            case Say(text):
                self._dialogue.interposed(text)
                return [Speak(text)]
            case ToolOutput(tool_call_id, output, respond):
                await self._wait_for_floor()
                acts = self._dialogue.tool_answered(tool_call_id, output)
                return acts if respond else []
            case Remember(what, answer):
                return self._dialogue.remember(what, answer=answer)

    async def _understand(self, turn: CallerTurn) -> list[Act]:
        """Answer what the caller said; what was said after a pause for breath belongs to it."""
        self._replies.settle()
        heard = [await self._made_out(turn)]
        while len(heard) < _MOST_PARTS and (more := await self._gone_on()) is not None:
            heard.append(await self._made_out(more))
        return self._heard(heard)

    async def _made_out(self, turn: CallerTurn) -> Understood:
        understood = await self._recognise(turn)
        self._deliver(CallerTranscript(turn.item_id, understood.heard.text))
        return understood

    def _heard(self, parts: Sequence[Understood]) -> list[Act]:
        """What was said as one; who spoke before words of ours began agreed to none of them."""
        said = [each for each in parts if each.heard.text] or parts[:1]
        self._replies.unheard_since(min(each.turn.given_before for each in said))
        text = " ".join(each.heard.text for each in said)
        return self._dialogue.heard(text, all(each.heard.constrained for each in said))

    async def _answer(self) -> list[Act]:
        """Answer what the call lets count, and what was said after a pause for breath."""
        assert self._on_request is not None, "only asked of an engine that answers on request"
        self._replies.settle()
        await self._wait_for_turns(self._on_request)
        parts: list[Understood] = []
        while more := await self._on_request.take():
            parts.extend(more)
            if len(parts) >= _MOST_PARTS:
                break
            await self._wait_for_turns(self._on_request)
        return self._heard([await self._as_expected(each) for each in parts]) if parts else []

    async def _as_expected(self, understood: Understood) -> Understood:
        """Made out again when another answer was expected at the time."""
        if understood.expected == self._dialogue.expectation():
            return understood
        return await self._recognise(understood.turn)

    async def _recognise(self, turn: CallerTurn) -> Understood:
        recognise = self._speech.recogniser.recognise
        expect = self._dialogue.expectation()
        if (foreseen := turn.foreseen) is not None and foreseen.expected == expect:
            await asyncio.wait([foreseen.recognition])
            if not foreseen.recognition.cancelled() and not foreseen.recognition.exception():
                return Understood(turn, expect, foreseen.recognition.result())
        heard = await work(self._models.hearing, lambda: recognise(turn.audio, expect))
        return Understood(turn, expect, heard)

    async def _gone_on(self) -> CallerTurn | None:
        """What the caller has added since, waited for while it is being said."""
        await self._wait_for_floor()
        return self._stimuli.next_turn()

    async def _wait_for_floor(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLOOR_WAIT_S):
                await self._floor_free.wait()

    async def _wait_for_turns(self, requested: RequestedTurns) -> None:
        """Until nobody speaks, and of what was said it is known whether it counts."""
        await self._wait_for_floor()
        with suppress(TimeoutError):
            async with asyncio.timeout(_VERDICT_WAIT_S):
                await requested.decided()

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
        case Remember():
            return stimulus.answer


async def work(thread: Executor, act: Callable[[], _Result]) -> _Result:
    """`act` in a worker thread. Raises SpeechFailed, chained to what went wrong."""
    done = asyncio.get_running_loop().run_in_executor(thread, act)
    await asyncio.wait([done])
    if (error := done.exception()) is not None:
        raise SpeechFailed from error
    return done.result()
