"""An OpenAI Realtime session as a state machine: server messages and commands in, events and
client messages out. It does no I/O and reads no clock.

Drive it like this: after `start`, hand every message to `receive`, every command to `submit`, and
call `wake` when `next_deadline` has passed; each returns the events for the call, in order. After
each of them send what `messages_to_send` returns. When the socket ends, `fail` says why.
EngineFailed is always the last event; from then on everything is ignored.

Sources of the rules: OpenAI API reference (Realtime, GA interface) and Realtime guide; what they
leave open is decided in `gate` (when a response may be asked for), `toolcalls` (when outputs are
answered), `configuration` (what a refused configuration looks like) and `failures` (codes).
"""

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from agents.engine import (
    Answer,
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioDelta,
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
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
    Usage,
)
from agents.persona import Persona
from agents.realtime import configuration, failures, wire
from agents.realtime.gate import ANSWER, Creation, ResponseGate, Wish
from agents.realtime.held import HeldAudio
from agents.realtime.settings import RealtimeSettings
from agents.realtime.spoken import SpokenItems
from agents.realtime.toolcalls import ToolCalls
from tools.spec import ToolSpec

SETUP_S = 5.0
"""From connected to configured; a session that takes longer would greet into a hung-up phone."""
RETRY_S = 0.5
"""Pause before a failed response is asked for again, where the server names none."""
LONGEST_RETRY_S = 4.0
"""A rate limit that lifts later than this is no use to somebody on the phone."""
BAD_MESSAGES = 100
"""After so many messages that cannot be used, the peer is not speaking this protocol."""
_KINDS_COUNTED = 64
_CONFIG_ID = "config"
_WISH = "wish"


class _Phase(Enum):
    CONNECTED = "connected"
    CONFIGURING = "configuring"
    READY = "ready"
    OVER = "over"


class RealtimeProtocol:
    """One session. `ignored` counts unused event kinds."""

    def __init__(
        self, settings: RealtimeSettings, persona: Persona, tools: Sequence[ToolSpec]
    ) -> None:
        self.ignored: Counter[str] = Counter()
        self._settings = settings
        self._persona = persona
        self._tools = tuple(tools)
        self._gate = ResponseGate(server_answers=not settings.answers_on_request)
        self._calls = ToolCalls()
        self._items = SpokenItems(settings.audio_format.sample_bytes, settings.audio_format.rate)
        self._phase = _Phase.CONNECTED
        self._setup_by: float | None = None
        self._session_id = ""
        self._outbox: list[bytes] = []
        self._held = HeldAudio(settings.audio_format)
        self._transcribed: set[str] = set()
        self._limits_reset_s = 0.0
        self._failures = 0
        self._bad_messages = 0

    # ---- in and out ---------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """The socket is open. Nothing is sent before the server's session.created."""
        self._setup_by = now + SETUP_S

    def receive(self, raw: bytes | str, now: float) -> list[AnyEngineEvent]:
        """One message of the server, however broken."""
        if self._phase is _Phase.OVER:
            return []
        try:
            events = self._received(wire.decode(raw), now)
        except wire.BadMessage as fault:
            events = self._bad_message(fault)
        return events + self._ask_for_response(now)

    def submit(self, command: AnyEngineCommand, now: float) -> list[AnyEngineEvent]:
        """One command of the call."""
        if self._phase is _Phase.OVER:
            return []
        events = self._submitted(command)
        return events + self._ask_for_response(now)

    def wake(self, now: float) -> list[AnyEngineEvent]:
        """Time has passed."""
        if self._phase is _Phase.OVER:
            return []
        if self._setup_by is not None and now >= self._setup_by:
            return self.fail(EngineFailed("setup_timeout", fatal=False))
        if not self._gate.wake(now):
            return self.fail(EngineFailed("no_response", fatal=False))
        return self._ask_for_response(now)

    def fail(self, failure: EngineFailed) -> list[AnyEngineEvent]:
        """The session is of no more use; the socket may be what failed."""
        if self._phase is _Phase.OVER:
            return []
        self._phase = _Phase.OVER
        self._outbox.clear()
        return [failure]

    def messages_to_send(self) -> list[bytes]:
        """Text messages for the server, in order; each is returned once."""
        messages, self._outbox = self._outbox, []
        return messages

    def next_deadline(self) -> float | None:
        """When `wake` is wanted at the latest."""
        match self._phase:
            case _Phase.OVER:
                return None
            case _Phase.READY:
                return self._gate.next_deadline(answer_owed=self._calls.answer_owed())
            case _Phase.CONNECTED | _Phase.CONFIGURING:
                return self._setup_by

    # ---- the server's messages ----------------------------------------------------------------

    def _bad_message(self, fault: wire.BadMessage) -> list[AnyEngineEvent]:
        self._bad_messages += 1
        if self._bad_messages > BAD_MESSAGES:
            return self.fail(EngineFailed("protocol_error", fatal=False))
        return [EngineNotice(f"bad_message_{fault}")]

    def _received(  # noqa: C901 - the one dispatcher
        self, event: wire.ServerEvent | wire.UnusedEvent, now: float
    ) -> list[AnyEngineEvent]:
        match event:
            case wire.AudioPiece():
                return self._audio(event)
            case wire.TranscriptPiece(response_id, item_id, text):
                return self._text(response_id, item_id, text)
            case wire.TranscriptDone():
                return self._whole_text(event)
            case wire.TextPiece():
                return self._counted("response.output_text.delta", "text_instead_of_audio")
            case wire.SpeechStarted(item_id, audio_start_ms):
                self._gate.speech_started()
                return [CallerSpeechStarted(item_id, audio_start_ms + self._held.dropped_ms)]
            case wire.SpeechStopped(item_id, audio_end_ms):
                self._gate.turn_ended(now)
                return [CallerSpeechStopped(item_id, audio_end_ms + self._held.dropped_ms)]
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
            case wire.RateLimits(limits):
                self._note_limits(limits)
                return []
            case wire.ErrorEvent(error):
                return self._error(error, now)
            case wire.SessionCreated(session):
                return self._configure(session.id)
            case wire.SessionUpdated(session):
                return self._configured(configuration.read_echo(session))
            case wire.UnusedEvent(kind, known):
                return self._counted(kind, "" if known else "unknown_event")

    def _counted(self, kind: str, code: str) -> list[AnyEngineEvent]:
        """Ignore it; the first of each kind is noticed, if `code` is not empty."""
        first = kind not in self.ignored
        if first and len(self.ignored) >= _KINDS_COUNTED:
            return []
        self.ignored[kind] += 1
        return [EngineNotice(code)] if first and code else []

    # ---- configuration ------------------------------------------------------------------------

    def _configure(self, session_id: str) -> list[AnyEngineEvent]:
        if self._phase is not _Phase.CONNECTED:
            return [EngineNotice("second_session_created")]
        self._phase = _Phase.CONFIGURING
        self._session_id = session_id
        asked = configuration.session(self._settings, self._persona, self._tools)
        self._outbox.append(wire.session_update(asked, _CONFIG_ID))
        return []

    def _configured(self, echo: configuration.Echo) -> list[AnyEngineEvent]:
        if self._phase is not _Phase.CONFIGURING:
            return [EngineNotice("unasked_session_update")]
        found = configuration.differences(echo, self._settings, self._persona, self._tools)
        notices: list[AnyEngineEvent] = [
            EngineNotice(f"session_differs_{name}") for name in found.grave + found.slight
        ]
        if found.grave:
            return notices + self.fail(EngineFailed("session_config_refused", fatal=True))
        self._phase = _Phase.READY
        self._setup_by = None
        self._outbox += [wire.append(audio) for audio in self._held.hand_over()]
        return [*notices, EngineReady(self._session_id)]

    # ---- what the assistant says --------------------------------------------------------------

    def _audio(self, piece: wire.AudioPiece) -> list[AnyEngineEvent]:
        if not self._items.wants(piece.response_id, piece.item_id):
            return []
        audio = self._items.audio(piece.response_id, piece.item_id, piece.delta)
        if not audio:
            return []
        return [AudioDelta(piece.response_id, piece.item_id, piece.content_index, audio)]

    def _text(self, response_id: str, item_id: str, text: str) -> list[AnyEngineEvent]:
        if not text or not self._items.wants(response_id, item_id):
            return []
        self._items.text(response_id, item_id, text)
        return [TextDelta(response_id, item_id, text)]

    def _whole_text(self, done: wire.TranscriptDone) -> list[AnyEngineEvent]:
        if not self._items.wants(done.response_id, done.item_id):
            return []
        rest = self._items.missing_text(done.response_id, done.item_id, done.transcript)
        return self._text(done.response_id, done.item_id, rest)

    def _item_done(self, response_id: str, item: wire.Item) -> list[AnyEngineEvent]:
        if item.type == "function_call":
            return self._tool_called(response_id, item)
        if item.id is not None and self._items.end_item(item.id):
            return [ItemDone(response_id, item.id)]
        return []

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
        granted = self._gate.created(response.id, _token(response))
        # A response that only recites has not answered anything.
        if granted is None or granted.text is None:
            self._calls.seen_by_response(ours=granted is not None)
        return [ResponseStarted(response.id)]

    def _done(self, response: wire.Response, now: float) -> list[AnyEngineEvent]:
        events: list[AnyEngineEvent] = [
            ItemDone(response.id, item_id) for item_id in self._items.end_response(response.id)
        ]
        wish = self._gate.done(response.id, _token(response))
        self._calls.response_done(response.id)
        status, reason = _outcome(response)
        events.append(ResponseDone(response.id, status, reason, _usage(response.usage)))
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
            return self.fail(EngineFailed(reason, fatal=False))
        self._gate.again(wish, now + max(pause_s, RETRY_S))
        return [EngineNotice("response_retried")]

    def _note_limits(self, limits: tuple[wire.RateLimit, ...]) -> None:
        resets = [limit.reset_seconds or 0.0 for limit in limits if not limit.remaining]
        self._limits_reset_s = max(resets, default=0.0)

    def _ask_for_response(self, now: float) -> list[AnyEngineEvent]:
        if self._phase is _Phase.READY:
            creation = self._gate.create(now, answer_owed=self._calls.answer_owed())
            if creation is not None:
                self._outbox.append(self._response_create(creation))
        return []

    def _response_create(self, creation: Creation) -> bytes:
        response: dict[str, object] = {"metadata": {_WISH: creation.token}}
        if creation.wish.text is not None:
            response["instructions"] = configuration.recital(self._persona, creation.wish.text)
            response["tool_choice"] = "none"
        return wire.response_create(_create_id(creation), response)

    # ---- errors -------------------------------------------------------------------------------

    def _error(self, error: wire.ErrorBody, now: float) -> list[AnyEngineEvent]:
        code = failures.plain(error.code, failures.plain(error.type, "unnamed"))
        if code in failures.FATAL:
            return self.fail(EngineFailed(code, fatal=True))
        if code == failures.SESSION_EXPIRED:
            return self.fail(EngineFailed(code, fatal=False))
        if self._phase is not _Phase.READY:
            return self._error_in_setup(code)
        if code == failures.ACTIVE_RESPONSE:
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
                self._send(wire.system_text(text))
            case TruncateItem(item_id, content_index, audio_end_ms, _):
                self._truncate(item_id, content_index, audio_end_ms)
            case DeleteItem(item_id):
                self._items.give_up(item_id)
                self._send(wire.item_delete(item_id))
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
                self._outbox.clear()
        return []

    def _append(self, audio: bytes) -> list[AnyEngineEvent]:
        if self._phase is _Phase.READY:
            self._outbox.append(wire.append(audio))
            return []
        return [EngineNotice("held_audio_dropped")] if self._held.hold(audio) else []

    def _send(self, message: bytes) -> None:
        # Anything before the configuration would be refused, and taken for its refusal.
        if self._phase is _Phase.READY:
            self._outbox.append(message)

    def _truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        # Beyond the audio's end the server refuses, and goes on believing all of it was heard.
        received_ms = self._items.received_ms(item_id)
        if received_ms is not None:
            audio_end_ms = min(audio_end_ms, received_ms)
        self._items.give_up(item_id)
        self._send(wire.item_truncate(item_id, content_index, max(0, audio_end_ms)))

    def _cancel(self, response_id: str) -> None:
        self._items.mute(response_id)
        # A response that is over would only cost an error; the gate waits for its done event.
        if self._gate.is_active(response_id):
            self._send(wire.response_cancel(response_id))

    def _tool_output(
        self, tool_call_id: str, output: str, *, respond: bool
    ) -> list[AnyEngineEvent]:
        if not self._calls.give(tool_call_id, respond=respond):
            return [EngineNotice("tool_output_unasked")]
        self._send(wire.tool_output(tool_call_id, output))
        return []


def _create_id(creation: Creation) -> str:
    return f"create_{creation.token}"


def _token(response: wire.Response) -> str | None:
    return (response.metadata or {}).get(_WISH)


_STATUSES = {status.value: status for status in ResponseStatus}


def _outcome(response: wire.Response) -> tuple[ResponseStatus, str]:
    status = _STATUSES.get(response.status or "", ResponseStatus.FAILED)
    details = response.status_details
    if details is None:
        return status, "unnamed" if status is ResponseStatus.FAILED else ""
    if details.error is not None:
        kind = failures.plain(details.error.type, "unnamed")
        return status, failures.plain(details.error.code, kind)
    return status, failures.plain(details.reason, "unnamed")


def _usage(count: wire.UsageCount | None) -> Usage | None:
    if count is None or count.input_token_details is None or count.output_token_details is None:
        return None
    given, made = count.input_token_details, count.output_token_details
    cached = given.cached_tokens_details
    # Without details the cheaper reading would flatter the bill: cached tokens count as text.
    cached_text = given.cached_tokens if cached is None else cached.text_tokens
    cached_audio = 0 if cached is None else cached.audio_tokens
    return Usage(
        input_text_tokens=given.text_tokens or 0,
        input_audio_tokens=given.audio_tokens or 0,
        cached_text_tokens=cached_text or 0,
        cached_audio_tokens=cached_audio or 0,
        output_text_tokens=made.text_tokens or 0,
        output_audio_tokens=made.audio_tokens or 0,
    )
