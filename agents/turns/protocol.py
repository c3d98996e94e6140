"""A turn-based session as a state machine: audio, commands and streams in, events and orders out.

It does no I/O and reads no clock. Drive it like this: after `start`, hand every command to
`submit`, whatever a request brings to `opened`, `receive` and `ended`, every transcription to
`written`, and call `wake` when `next_deadline` has passed; each returns the events for the call, in
order. After each of them carry out what `orders` returns. EngineFailed is always the last event;
from then on everything is ignored.

There is no session on the server: each reply is a request of its own that carries what went before
(`dialogue`). One reply is asked for at a time, and none while the caller speaks.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec

from agents.engine import (
    Answer,
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Dismiss,
    EngineFailed,
    EngineNotice,
    EngineReady,
    Inform,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.local.endpointing import SpeechStarted, SpeechStopped
from agents.local.vad import Detector
from agents.persona import Persona
from agents.realtime.held import HeldAudio
from agents.turns import failures, wire
from agents.turns.allowance import allowances
from agents.turns.dialogue import Dialogue
from agents.turns.endpointing import Ears
from agents.turns.failures import Failure, Remedy
from agents.turns.reply import Ending, Reply
from agents.turns.requests import Requests
from agents.turns.settings import TurnsSettings
from agents.turns.tooluse import OpenCalls
from tools.spec import ToolSpec

FIRST_S = 4.0
"""From a request to the first of its answer; then it is asked once more."""
STALL_S = 4.0
"""Between two pieces of an answer."""
RETRY_S = 0.25
"""Pause before a failed request is made again, where the server names none."""
LONGEST_RETRY_S = 4.0
"""A rate limit that lifts later than this is no use to somebody on the phone."""


class Ask(msgspec.Struct, frozen=True):
    """Send this request and hand in what comes."""

    request_id: str
    body: dict[str, Any]


class Drop(msgspec.Struct, frozen=True):
    """Close the stream of this request: nothing more of it is wanted."""

    request_id: str


class WriteDown(msgspec.Struct, frozen=True):
    """Have this turn transcribed; `body` when the talking model is to do it."""

    item_id: str
    wav: bytes
    body: dict[str, Any] | None


Order = Ask | Drop | WriteDown


class Wish(msgspec.Struct, frozen=True):
    """A reply that is wanted."""

    text: str | None = None
    """To be said word for word; None lets the model answer."""
    plain: bool = False


ANSWER = Wish()


class _Phase(Enum):
    STARTING = "starting"
    READY = "ready"
    OVER = "over"


class _Active(msgspec.Struct):
    """The reply that is being asked for or given."""

    reply: Reply
    wish: Wish
    until_s: float
    """The next of it must have come by then."""
    characters: int
    sound_s: float
    """What the request held, where nobody counts its tokens."""


class TurnsProtocol:
    """One session. `name` makes its ids its own among all sessions of a call."""

    def __init__(
        self,
        settings: TurnsSettings,
        persona: Persona,
        tools: Sequence[ToolSpec],
        name: str,
        safety_identifier: str = "",
    ) -> None:
        self._settings = settings
        self._persona = persona
        self._name = name
        self._requests = Requests(settings, persona, tools, safety_identifier)
        self._dialogue = Dialogue()
        self._calls = OpenCalls(settings.tool_rounds)
        self._held = HeldAudio(AudioFormat.PCM16_24K)
        self._ears: Ears | None = None
        self._phase = _Phase.STARTING
        self._orders: list[Order] = []
        self._wishes: deque[Wish] = deque()
        self._active: _Active | None = None
        self._again_s: float | None = None
        self._failures = 0
        self._turns = self._replies = 0
        self._caller_speaks = False

    # ---- in and out ---------------------------------------------------------------------------

    def start(self, detector: Detector, now: float) -> list[AnyEngineEvent]:
        """The caller's audio can be listened to. What `EngineReady` makes the call say comes
        before any audio held until then is heard: `hear_held` is to be called after it."""
        if self._phase is _Phase.OVER:
            return []
        self._ears = Ears(detector, self._settings.endpoints, begin_ms=self._held.dropped_ms)
        self._phase = _Phase.READY
        return [EngineReady(f"turns_{self._name}"), *self._ask(now)]

    def hear_held(self, now: float) -> list[AnyEngineEvent]:
        """The caller's audio from before `start`."""
        if self._phase is not _Phase.READY:
            return []
        return [event for audio in self._held.hand_over() for event in self._hear(audio)] + (
            self._ask(now)
        )

    def submit(self, command: AnyEngineCommand, now: float) -> list[AnyEngineEvent]:
        """One command of the call."""
        if self._phase is _Phase.OVER:
            return []
        return self._submitted(command) + self._ask(now)

    def opened(self, request_id: str, headers: Mapping[str, str]) -> list[AnyEngineEvent]:
        """The server took the request; names of headers in small letters."""
        return list(allowances(headers)) if self._is_active(request_id) else []

    def receive(self, request_id: str, data: bytes, now: float) -> list[AnyEngineEvent]:
        """The next bytes of a request's answer, however broken."""
        active = self._active
        if active is None or not self._is_active(request_id):
            return []
        before = active.reply.chunks
        events = self._noted(active, active.reply.receive(data))
        if active.reply.chunks > before:
            # A server that only keeps the line open has said nothing.
            active.until_s = now + STALL_S
        if active.reply.over:
            if active.reply.failure is not None:
                self._orders.append(Drop(request_id))
            events += self._over(active, now)
        return events + self._ask(now)

    def ended(self, request_id: str, failure: Failure | None, now: float) -> list[AnyEngineEvent]:
        """The request is over: its stream has ended, or it came to nothing."""
        active = self._active
        if active is None or not self._is_active(request_id):
            return []
        return self._cut_short(active, failure or failures.CUT, now) + self._ask(now)

    def written(self, item_id: str, text: str | None) -> list[AnyEngineEvent]:
        """What the caller said in that turn; None when nobody could write it down."""
        if self._phase is _Phase.OVER:
            return []
        words = (text or "").strip()
        self._dialogue.written_down(item_id, words)
        return [CallerTranscript(item_id, words, failed=text is None)]

    def wake(self, now: float) -> list[AnyEngineEvent]:
        """Time has passed."""
        if self._phase is _Phase.OVER:
            return []
        active = self._active
        events: list[AnyEngineEvent] = []
        if active is not None and now >= active.until_s:
            self._orders.append(Drop(active.reply.response_id))
            late = failures.STALLED if active.reply.chunks else failures.NO_RESPONSE
            events = self._cut_short(active, late, now)
        return events + self._ask(now)

    def _cut_short(self, active: _Active, why: Failure, now: float) -> list[AnyEngineEvent]:
        """No more will come of the reply. What was whole already stays so."""
        events = self._noted(active, active.reply.close())
        if active.reply.failure is failures.CUT:
            active.reply.failure = why
        return events + self._over(active, now)

    def fail(self, failure: EngineFailed) -> list[AnyEngineEvent]:
        """The session is of no more use."""
        if self._phase is _Phase.OVER:
            return []
        self._close()
        return [failure]

    def orders(self) -> list[Order]:
        """What is to be done outside, in order; each is returned once."""
        orders, self._orders = self._orders, []
        return orders

    def next_deadline(self) -> float | None:
        """When `wake` is wanted at the latest."""
        if self._phase is not _Phase.READY:
            return None
        if self._active is not None:
            return self._active.until_s
        return self._again_s if self._wishes and not self._caller_speaks else None

    def _is_active(self, request_id: str) -> bool:
        return self._active is not None and self._active.reply.response_id == request_id

    def _close(self) -> None:
        self._phase = _Phase.OVER
        self._orders = [order for order in self._orders if isinstance(order, Drop)]
        if self._active is not None:
            self._orders.append(Drop(self._active.reply.response_id))
        self._active = None

    # ---- the call's commands ------------------------------------------------------------------

    def _submitted(  # noqa: C901, one flat table
        self, command: AnyEngineCommand
    ) -> list[AnyEngineEvent]:
        match command:
            case AppendAudio(audio):
                return self._append(audio)
            case Say(text):
                self._wishes.append(Wish(text))
            case Inform(text):
                self._dialogue.inform(text)
            case Remember(what, answer):
                self._dialogue.remember(what, answer=answer)
                if answer:
                    self._wish_answer()
            case TruncateItem(item_id, _, _, heard_text):
                self._dialogue.heard(item_id, heard_text)
            case DeleteItem(item_id) | Dismiss(item_id):
                self._dialogue.forget(item_id)
            case CancelResponse(response_id):
                return self._stop("client_cancelled") if self._is_active(response_id) else []
            case ToolOutput(tool_call_id, output, respond):
                return self._tool_output(tool_call_id, output, respond=respond)
            case Answer(item_id):
                self._answer(item_id)
            case CloseEngine():
                self._close()
        return []

    def _append(self, audio: bytes) -> list[AnyEngineEvent]:
        if self._phase is _Phase.READY:
            return self._hear(audio)
        return [EngineNotice("held_audio_dropped")] if self._held.hold(audio) else []

    def _tool_output(
        self, tool_call_id: str, output: str, *, respond: bool
    ) -> list[AnyEngineEvent]:
        if not self._calls.answered(tool_call_id, respond=respond):
            return [EngineNotice("tool_output_unasked")]
        self._dialogue.tool_answered(tool_call_id, output)
        return []

    def _answer(self, item_id: str) -> None:
        self._dialogue.count(item_id)
        self._calls.new_turn()
        self._wish_answer()

    def _wish_answer(self) -> None:
        """Once, however many turns there are to answer."""
        if not any(wish.text is None for wish in self._wishes):
            self._wishes.append(ANSWER)

    # ---- the caller ---------------------------------------------------------------------------

    def _hear(self, audio: bytes) -> list[AnyEngineEvent]:
        assert self._ears is not None, "audio is held until there are ears"
        events: list[AnyEngineEvent] = []
        for turn in self._ears.hear(audio):
            events += (
                self._turn_began(turn)
                if isinstance(turn, SpeechStarted)
                else self._turn_ended(turn)
            )
        return events

    def _turn_began(self, turn: SpeechStarted) -> list[AnyEngineEvent]:
        self._turns += 1
        self._caller_speaks = True
        events: list[AnyEngineEvent] = [CallerSpeechStarted(self._turn_id, turn.at_ms)]
        return events if self._settings.answers_on_request else events + self._stop("turn_detected")

    def _turn_ended(self, turn: SpeechStopped) -> list[AnyEngineEvent]:
        self._caller_speaks = False
        item_id, content = self._turn_id, wire.wav(turn.audio)
        self._dialogue.caller_said(item_id, content)
        if not self._settings.answers_on_request:
            self._answer(item_id)
        stopped: list[AnyEngineEvent] = [CallerSpeechStopped(item_id, turn.at_ms)]
        if not self._settings.transcription_model:
            return [*stopped, CallerTranscript(item_id, "", failed=True)]
        by_chat = self._settings.transcription_model == self._settings.model
        body = self._requests.written(content) if by_chat else None
        self._orders.append(WriteDown(item_id, content, body))
        return stopped

    @property
    def _turn_id(self) -> str:
        return f"turns_{self._name}_turn_{self._turns}"

    # ---- replies ------------------------------------------------------------------------------

    def _ask(self, now: float) -> list[AnyEngineEvent]:
        """Ask for the next reply, if one is wanted and may be."""
        if self._phase is not _Phase.READY or self._active is not None or self._caller_speaks:
            return []
        if self._calls.take_owed():
            self._wish_answer()
        if not self._wishes or (self._again_s is not None and now < self._again_s):
            return []
        self._again_s = None
        wish = self._wishes.popleft()
        self._replies += 1
        reply = Reply(f"turns_{self._name}_reply_{self._replies}")
        body = self._body(wish)
        self._active = _Active(
            reply,
            wish,
            now + FIRST_S,
            sum(len(str(each["content"])) for each in body["messages"] if _is_text(each)),
            0.0 if wish.text is not None else self._dialogue.sound_s(),
        )
        self._orders.append(Ask(reply.response_id, body))
        return [ResponseStarted(reply.response_id)]

    def _body(self, wish: Wish) -> dict[str, Any]:
        if wish.text is not None:
            return self._requests.recital(wish.text, plain=wish.plain)
        told = self._dialogue.plain_messages() if wish.plain else self._dialogue.messages()
        return self._requests.answer(told, plain=wish.plain, may_call=self._calls.may_call)

    def _noted(self, active: _Active, events: list[AnyEngineEvent]) -> list[AnyEngineEvent]:
        """What the reply brings, written into the history."""
        for event in events:
            match event:
                case TextDelta(_, item_id, text):
                    self._dialogue.reply(item_id, text)
                case ToolCalled(response_id, tool_call_id, name, arguments):
                    self._calls.called(response_id, tool_call_id)
                    self._dialogue.called(response_id, tool_call_id, name, arguments)
        if active.wish.text is None and active.reply.audio_bytes:
            self._dialogue.answered()
        return events

    def _stop(self, reason: str) -> list[AnyEngineEvent]:
        """The reply in progress is not wanted any more."""
        if (active := self._active) is None:
            return []
        self._active = None
        self._orders.append(Drop(active.reply.response_id))
        self._calls.response_done(active.reply.response_id)
        events = active.reply.stop()
        return [*events, *self._done(active, ResponseStatus.CANCELLED, reason)]

    def _over(self, active: _Active, now: float) -> list[AnyEngineEvent]:
        """The reply has ended by itself, well or not."""
        self._active = None
        reply = active.reply
        self._calls.response_done(reply.response_id)
        if reply.failure is not None:
            events = self._done(active, ResponseStatus.FAILED, reply.failure.reason)
            return events + self._failed(active, reply.failure, now)
        self._failures = 0
        if reply.called:
            self._calls.round_over()
        if reply.ending is Ending.COMPLETE:
            return self._done(active, ResponseStatus.COMPLETED, "")
        if reply.ending is Ending.FILTERED and active.wish.text is None and not reply.audio_bytes:
            # Silence would be all the caller gets.
            self._wishes.appendleft(Wish(self._persona.reprompt))
            self._dialogue.answered()
        return self._done(active, ResponseStatus.INCOMPLETE, reply.ending.value)

    def _done(self, active: _Active, status: ResponseStatus, reason: str) -> list[AnyEngineEvent]:
        reply, usage = active.reply, active.reply.usage
        if usage is None and _charged(reply, status):
            usage = reply.estimate(active.characters, active.sound_s)
        return [ResponseDone(reply.response_id, status, reason, usage)]

    def _failed(self, active: _Active, failure: Failure, now: float) -> list[AnyEngineEvent]:
        """A failed reply is silent on the line: ask once more, soon, or give up aloud."""
        if failure is failures.EMPTY_AUDIO and active.reply.written and active.wish.text is None:
            # It wrote where it should have spoken: the words are good, so have them read out.
            self._dialogue.answered()
            self._wishes.appendleft(Wish(active.reply.written))
            return [EngineNotice("written_reply_recited")]
        self._failures += 1
        again_plain = failure.remedy is Remedy.PLAINER and not active.wish.plain
        if failure.remedy is Remedy.NONE or (failure.remedy is Remedy.PLAINER and not again_plain):
            return self.fail(EngineFailed(failure.reason, fatal=True))
        if self._failures > 1 or failure.retry_after_s > LONGEST_RETRY_S:
            after_s = failure.retry_after_s or None
            return self.fail(EngineFailed(failure.reason, fatal=False, retry_after_s=after_s))
        self._again_s = now + max(failure.retry_after_s, RETRY_S)
        if active.reply.called:
            # Its tools run; what they give is answered in any case.
            return [EngineNotice("response_retried")]
        if active.reply.audio_bytes and active.wish.text is None:
            self._dialogue.broken_off()
        self._wishes.appendleft(Wish(active.wish.text, active.wish.plain or again_plain))
        return [EngineNotice("response_retried")]


def _charged(reply: Reply, status: ResponseStatus) -> bool:
    """A reply that gave something costs something; one that was refused does not."""
    return bool(reply.audio_bytes or reply.text) or status is not ResponseStatus.FAILED


def _is_text(message: dict[str, Any]) -> bool:
    return isinstance(message.get("content"), str)
