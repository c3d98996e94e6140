"""An OpenAI Realtime session as a state machine: server messages and commands in, events and
client messages out. It does no I/O and reads no clock.

Drive it like this: after `start`, hand every message to `receive`, every command to `submit`, and
call `wake` when `next_deadline` has passed; each returns the events for the call, in order. After
each of them hand the events out, and send what `messages_to_send` returns if the socket takes
anything just now. When the socket ends, `fail` says why. EngineFailed is always the last event;
from then on everything is ignored. A refusal may be answered with another dialect: as soon as
`reopens` is true, close the connection, open another for `dialect` and call `start` again.

Sources of the rules: OpenAI API reference (Realtime, GA interface) and Realtime guide; what they
leave open is decided in `gate` (when a response may be asked for), `toolcalls` (when outputs are
answered), `configuration` (what a refused configuration looks like), `dialects` (the beta
interface), `cuts` (refused truncations), `outbox` (a server that stops reading) and `failures`
(codes).
"""

from collections.abc import Sequence
from enum import Enum

import msgspec

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
    EngineFailed,
    EngineNotice,
    EngineReady,
    Inform,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.persona import Persona
from agents.providers import Dialect
from agents.realtime import configuration, failures, results, wire
from agents.realtime.cuts import Cuts
from agents.realtime.dialects import Spoken
from agents.realtime.gate import ANSWER, Creation, ResponseGate, Wish
from agents.realtime.held import HeldAudio
from agents.realtime.history import History
from agents.realtime.oddities import Oddities
from agents.realtime.opening import Opening
from agents.realtime.outbox import Outbox
from agents.realtime.settings import RealtimeSettings
from agents.realtime.speech import Speech
from agents.realtime.toolcalls import ToolCalls
from tools.spec import ToolSpec

SETUP_S = 5.0
"""From connected to configured; a session that takes longer would greet into a hung-up phone."""
UNUSED_S = 120.0
"""A session opened ahead of its call that is asked for nothing so long has been forgotten."""
RETRY_S = 0.5
"""Pause before a failed response is asked for again, where the server names none."""
LONGEST_RETRY_S = 4.0
"""A rate limit that lifts later than this is no use to somebody on the phone."""
_WISH = "wish"


class _Phase(Enum):
    CONNECTED = "connected"
    CONFIGURING = "configuring"
    REOPENING = "reopening"
    """This connection is of no use; another one may be."""
    OPENED = "opened"
    """Configured; the call learns of it, and what it says at once comes before all else."""
    READY = "ready"
    OVER = "over"


_SETUP = frozenset({_Phase.CONNECTED, _Phase.CONFIGURING})
_CONFIGURED = frozenset({_Phase.OPENED, _Phase.READY})


class RealtimeProtocol:
    """One session. `ignored` counts unused event kinds."""

    def __init__(
        self,
        settings: RealtimeSettings,
        persona: Persona,
        tools: Sequence[ToolSpec],
        spoken: Spoken | None = None,
    ) -> None:
        self._oddities = Oddities()
        self.ignored = self._oddities.ignored
        self._persona = persona
        self._opening = Opening(settings, persona, tools, spoken or Spoken())
        self._gate = ResponseGate(server_answers=not settings.answers_on_request)
        self._calls = ToolCalls()
        self._speech = Speech(settings.audio_format)
        self._cuts = Cuts(self._speech.items)
        self._history = History()
        self._phase = _Phase.CONNECTED
        self._due: float | None = None
        """In the phases before READY, when they end; in READY, until it is of any use."""
        self._session_id = ""
        self._outbox = Outbox(settings.audio_format)
        self.pass_audio = self._outbox.pass_audio
        """For the caller's audio; what it does not take has to be submitted."""
        self._held = HeldAudio(settings.audio_format)
        self._transcribed: set[str] = set()
        self._limits_reset_s = 0.0
        self._failures = 0

    # ---- in and out ---------------------------------------------------------------------------

    @property
    def dialect(self) -> Dialect:
        """Which one the next connection is for."""
        return self._opening.dialect

    @property
    def reopens(self) -> bool:
        return self._phase is _Phase.REOPENING

    def start(self, now: float, unix_s: float) -> None:
        """The socket is open, at this time by the wall's clock. Nothing is sent before the
        server's session.created."""
        self._phase = _Phase.CONNECTED
        self._due = now + SETUP_S
        self._opening.connected(now, unix_s)

    def receive(self, raw: bytes | str, now: float) -> list[AnyEngineEvent]:
        """One message of the server, however broken."""
        if self._phase in (_Phase.OVER, _Phase.REOPENING):
            return []
        try:
            events = self._received(wire.decode(raw), now)
        except wire.BadMessage as fault:
            events = self._checked(self._oddities.bad(fault))
        return events + self._ask_for_response(now)

    def submit(self, command: AnyEngineCommand, now: float) -> list[AnyEngineEvent]:
        """One command of the call."""
        if self._phase is _Phase.OVER:
            return []
        if self._phase is _Phase.READY:
            self._due = None
            self._outbox.in_use()
        return self._submitted(command) + self._ask_for_response(now)

    def wake(self, now: float) -> list[AnyEngineEvent]:
        """Time has passed."""
        if self._phase is _Phase.OVER:
            return []
        if self._due is not None and now >= self._due:
            if self._phase is not _Phase.OPENED:
                unused = self._phase is _Phase.READY
                reason = EngineFailed("unused" if unused else "setup_timeout", fatal=False)
                return self.fail(reason)
            self._released(now)
        if not self._gate.wake(now):
            return self.fail(EngineFailed("no_response", fatal=False))
        return self._ask_for_response(now)

    def fail(self, failure: EngineFailed) -> list[AnyEngineEvent]:
        """The session is of no more use; the socket may be what failed."""
        if self._phase is _Phase.OVER:
            return []
        self._phase = _Phase.OVER
        self._outbox.close()
        return [failure]

    def _checked(self, events: list[AnyEngineEvent]) -> list[AnyEngineEvent]:
        """Of a part that may say that the session is of no more use."""
        first = events[0] if events else None
        return self.fail(first) if isinstance(first, EngineFailed) else events

    def refused(self, failure: EngineFailed) -> list[AnyEngineEvent]:
        """The handshake failed. `reopens` tells whether another one is worth it."""
        if self._opening.refused_handshake(failure):
            self._phase = _Phase.REOPENING
            return []
        return self.fail(failure)

    def messages_to_send(self) -> list[bytes]:
        """Text messages for the server, in order; each is returned once."""
        return self._outbox.take()

    def next_deadline(self) -> float | None:
        """When `wake` is wanted at the latest."""
        if self._phase is _Phase.OVER:
            return None
        deadlines = [self._due, self._outbox.deadline]
        if self._phase is _Phase.READY:
            owed = self._calls.said_before_answer() is not None
            deadlines.append(self._gate.next_deadline(answer_owed=owed))
        return min((at for at in deadlines if at is not None), default=None)

    # ---- the server's messages ----------------------------------------------------------------

    def _received(  # noqa: C901 - the one dispatcher
        self, event: wire.ServerEvent | wire.UnusedEvent, now: float
    ) -> list[AnyEngineEvent]:
        match event:
            case wire.AudioPiece():
                return self._checked(self._speech.audio(event))
            case wire.TranscriptPiece(response_id, item_id, text):
                return self._speech.words(response_id, item_id, text)
            case wire.TranscriptDone():
                return self._speech.all_words(event)
            case wire.TextPiece():
                return self._oddities.unused("response.output_text.delta", "text_instead_of_audio")
            case wire.SpeechStarted(item_id, audio_start_ms):
                self._gate.speech_started()
                return [CallerSpeechStarted(item_id, self._outbox.call_ms(audio_start_ms))]
            case wire.SpeechStopped(item_id, audio_end_ms):
                self._gate.turn_ended(now)
                return [CallerSpeechStopped(item_id, self._outbox.call_ms(audio_end_ms))]
            case wire.IdleTimeout():
                self._gate.turn_ended(now)
                return []
            case wire.TranscriptionCompleted():
                return self._transcript(
                    CallerTranscript(
                        event.item_id, event.transcript.strip(), billed_ms=event.billed_ms
                    )
                )
            case wire.TranscriptionFailed(item_id):
                return self._transcript(CallerTranscript(item_id, "", failed=True))
            case wire.ResponseCreated(response):
                return self._created(response)
            case wire.ResponseEnded(response):
                return self._done(response, now)
            case wire.OutputItemDone(response_id, item):
                return self._item_done(response_id, item)
            case wire.ItemAdded(item):
                if item.type == "function_call_output" and item.call_id is not None:
                    self._calls.taken(item.call_id)
                return []
            case wire.ItemTruncated(item_id):
                self._cuts.confirmed(item_id)
                return []
            case wire.RateLimits(limits):
                return self._note_limits(limits)
            case wire.ErrorEvent(error):
                return self._error(error, now)
            case wire.SessionCreated(session):
                return self._configure(session, now)
            case wire.SessionUpdated(session):
                return self._updated(session, now)
            case wire.UnusedEvent(kind, known):
                return self._oddities.unused(kind, "" if known else "unknown_event")

    # ---- configuration ------------------------------------------------------------------------

    def _configure(self, session: wire.SessionShown, now: float) -> list[AnyEngineEvent]:
        if self._phase is not _Phase.CONNECTED:
            return [EngineNotice("second_session_created")]
        self._phase = _Phase.CONFIGURING
        self._session_id = session.id
        self._outbox.put(self._opening.update(session, now))
        return []

    def _updated(self, session: msgspec.Raw, now: float) -> list[AnyEngineEvent]:
        found = self._opening.echo(session, now)
        if self._phase is not _Phase.CONFIGURING:
            return [EngineNotice("unasked_session_update"), *self._opening.expires(now)]
        notices: list[AnyEngineEvent] = [
            EngineNotice(f"session_differs_{name}") for name in found.grave + found.slight
        ]
        if found.grave:
            return notices + self.fail(EngineFailed("session_config_refused", fatal=True))
        return notices + self._opened(now)

    def _opened(self, now: float) -> list[AnyEngineEvent]:
        self._opening.done()
        self._phase = _Phase.OPENED
        self._due = now
        self._send(*self._history.kept(beta=self._opening.beta))
        return [EngineReady(self._session_id), *self._opening.expires(now)]

    def _released(self, now: float) -> None:
        """The call has been told, and has said what it wants to be known before all else."""
        self._phase = _Phase.READY
        self._due = now + UNUSED_S
        self._outbox.missing(self._held.dropped_bytes)
        for audio in self._held.hand_over():
            self._outbox.put_audio(audio)

    # ---- what the assistant says --------------------------------------------------------------

    def _item_done(self, response_id: str, item: wire.Item) -> list[AnyEngineEvent]:
        if item.type == "function_call":
            return self._tool_called(response_id, item)
        return [] if item.id is None else self._speech.ended(response_id, item.id)

    def _tool_called(self, response_id: str, item: wire.Item) -> list[AnyEngineEvent]:
        # `.done` events come for interrupted items too; their arguments are cut off anywhere.
        if item.status != "completed":
            return [EngineNotice("tool_call_incomplete")]
        if item.call_id is None or item.name is None:
            raise wire.BadMessage("wrong_fields")
        if not self._calls.called(response_id, item.call_id):
            return [EngineNotice("tool_call_repeated")]
        return [ToolCalled(response_id, item.call_id, item.name, item.arguments or "{}")]

    # ---- what the caller says -----------------------------------------------------------------

    def _transcript(self, transcript: CallerTranscript) -> list[AnyEngineEvent]:
        if transcript.item_id in self._transcribed:
            return [EngineNotice("transcript_repeated")]
        self._transcribed.add(transcript.item_id)
        return [transcript]

    # ---- responses ----------------------------------------------------------------------------

    def _created(self, response: wire.Response) -> list[AnyEngineEvent]:
        token, creation = _token(response), self._gate.creating
        ours = self._gate.created(response.id, token)
        if ours is None and token is None and creation is not None:
            # Some gateways do not repeat metadata. Not to take it for ours, where no items are
            # reported either, would be to ask for an answer to the same outputs for ever.
            ours = creation.wish
        # A response that only recites has not answered anything.
        if ours is None or ours.text is None:
            self._calls.seen_by_response(ours=ours is not None)
        return [ResponseStarted(response.id)]

    def _done(self, response: wire.Response, now: float) -> list[AnyEngineEvent]:
        events = self._speech.all_ended(response.id)
        said = self._speech.items.end_response(response.id)
        wish = self._gate.done(response.id, _token(response))
        self._calls.response_done(response.id, said)
        status, reason = results.outcome(response)
        events.append(ResponseDone(response.id, status, reason, results.usage(response.usage)))
        if status is not ResponseStatus.FAILED:
            self._failures = 0
            return events
        return events + self._response_failed(wish or ANSWER, reason, now)

    def _response_failed(self, wish: Wish, reason: str, now: float) -> list[AnyEngineEvent]:
        """A failed response is silent on the line: ask once more, soon, or give up aloud."""
        self._failures += 1
        pause_s = self._limits_reset_s if reason in failures.RATE_LIMITED else RETRY_S
        if reason in failures.FATAL:
            return self.fail(EngineFailed(reason, fatal=True))
        if self._failures > 1 or pause_s > LONGEST_RETRY_S:
            limited_s = self._limits_reset_s if reason in failures.RATE_LIMITED else None
            return self.fail(EngineFailed(reason, fatal=False, retry_after_s=limited_s or None))
        self._gate.again(wish, now + max(pause_s, RETRY_S))
        return [EngineNotice("response_retried")]

    def _note_limits(self, limits: tuple[wire.RateLimit, ...]) -> list[AnyEngineEvent]:
        resets = [limit.reset_seconds or 0.0 for limit in limits if not limit.remaining]
        self._limits_reset_s = max(resets, default=0.0)
        found = (results.allowance(limit) for limit in limits)
        return [allowance for allowance in found if allowance is not None]

    def _ask_for_response(self, now: float) -> list[AnyEngineEvent]:
        if self._phase is _Phase.READY:
            said = self._calls.said_before_answer()
            creation = self._gate.create(now, answer_owed=said is not None)
            if creation is not None:
                self._outbox.put(self._response_create(creation, said or ""))
        if not self._outbox.look(now):
            return self.fail(EngineFailed("backpressure", fatal=False))
        return []

    def _response_create(self, creation: Creation, said: str) -> bytes:
        response: dict[str, object] = {"metadata": {_WISH: creation.token}}
        if creation.wish.text is not None:
            response["instructions"] = configuration.recital(self._persona, creation.wish.text)
            response["tool_choice"] = "none"
        elif said:
            response["instructions"] = configuration.going_on(self._persona, said)
        return wire.response_create(_create_id(creation), response)

    # ---- errors -------------------------------------------------------------------------------

    def _error(self, error: wire.ErrorBody, now: float) -> list[AnyEngineEvent]:
        code = failures.plain(error.code, failures.plain(error.type, "unnamed"))
        if self._phase in _SETUP and self._opening.refused(error):
            self._phase = _Phase.REOPENING
            self._outbox.clear()
            return [EngineNotice(code), EngineNotice("other_dialect")]
        if code in failures.FATAL:
            return self.fail(EngineFailed(code, fatal=True))
        if code == failures.SESSION_EXPIRED:
            return self.fail(EngineFailed(code, fatal=False))
        if failures.tells_of_expiry(code):
            self._opening.warned(now)
            return [EngineNotice(code), *self._opening.expires(now)]
        if self._phase in _SETUP:
            return self._error_in_setup(code)
        return self._error_in_call(code, error, now)

    def _error_in_call(self, code: str, error: wire.ErrorBody, now: float) -> list[AnyEngineEvent]:
        instead = self._cuts.made_good(code, error.event_id, beta=self._opening.beta)
        if instead:
            self._send(*instead)
        elif code == failures.ACTIVE_RESPONSE:
            self._gate.refused_as_busy(now)
        elif code in failures.RETRYABLE:
            return [EngineNotice(code), *self._transient(code, now)]
        elif self._refuses_create(error):
            return self.fail(EngineFailed("response_refused", fatal=True))
        return [EngineNotice(code)]

    def _error_in_setup(self, code: str) -> list[AnyEngineEvent]:
        """Whatever is wrong now, the configuration was not applied."""
        if code in failures.RETRYABLE:
            return self.fail(EngineFailed(code, fatal=False))
        refused = EngineFailed("session_config_refused", fatal=True)
        return [EngineNotice(code), *self.fail(refused)]

    def _transient(self, code: str, now: float) -> list[AnyEngineEvent]:
        """Retried where an answer was to come; beside a running response it is only noted."""
        wish = self._gate.withdraw()
        if wish is not None:
            return self._response_failed(wish, code, now)
        if self._gate.server_owes:
            self._gate.owed_is_lost(now)
            return self._response_failed(ANSWER, code, now)
        return []

    def _refuses_create(self, error: wire.ErrorBody) -> bool:
        creation = self._gate.creating
        return creation is not None and error.event_id == _create_id(creation)

    # ---- the call's commands ------------------------------------------------------------------

    def _submitted(  # noqa: C901, one flat table
        self, command: AnyEngineCommand
    ) -> list[AnyEngineEvent]:
        match command:
            case AppendAudio(audio):
                return self._append(audio)
            case Say(text):
                self._gate.wish(text)
            case Inform(text):
                self._send(wire.item_create(wire.system_text(text)))
            case Remember(what, answer):
                self._remember(what)
                if answer:
                    self._gate.answer()
            case TruncateItem():
                self._calls.interrupted()
                self._send(self._cuts.truncate(command))
            case DeleteItem(item_id):
                self._calls.interrupted()
                self._send(self._cuts.delete(item_id))
            case CancelResponse(response_id):
                self._cancel(response_id)
            case ToolOutput(tool_call_id, output, respond):
                return self._tool_output(tool_call_id, output, respond=respond)
            case Answer():
                self._gate.answer()
            case Dismiss(item_id):
                self._send(wire.item_delete(item_id))
            case CloseEngine():
                self._phase = _Phase.OVER
                self._outbox.close()
        return []

    def _append(self, audio: bytes) -> list[AnyEngineEvent]:
        if self._phase is _Phase.READY:
            dropped = self._outbox.put_audio(audio)
            return [EngineNotice("caller_audio_dropped")] if dropped else []
        return [EngineNotice("held_audio_dropped")] if self._held.hold(audio) else []

    def _send(self, *messages: bytes) -> None:
        # Anything before the configuration would be refused, and taken for its refusal.
        if self._phase in _CONFIGURED:
            for message in messages:
                self._outbox.put(message)

    def _remember(self, what: Sequence[AnyRemembered]) -> None:
        if self._phase in _CONFIGURED:
            self._send(*self._history.messages(what, beta=self._opening.beta))
        else:
            self._history.keep(what)

    def _cancel(self, response_id: str) -> None:
        self._speech.items.mute(response_id)
        # A response that is over would only cost an error; the gate waits for its done event.
        if self._gate.is_active(response_id):
            self._send(wire.response_cancel(response_id))

    def _tool_output(
        self, tool_call_id: str, output: str, *, respond: bool
    ) -> list[AnyEngineEvent]:
        if not self._calls.give(tool_call_id, respond=respond):
            return [EngineNotice("tool_output_unasked")]
        self._send(wire.item_create(wire.tool_output(tool_call_id, output)))
        return []


def _create_id(creation: Creation) -> str:
    return f"create_{creation.token}"


def _token(response: wire.Response) -> str | None:
    return (response.metadata or {}).get(_WISH)
