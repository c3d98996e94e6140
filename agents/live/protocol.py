"""A GPT-Live session as a state machine: server messages and commands in, events and client
messages out. It does no I/O and reads no clock.

Drive it as `agents.websocket` does: `start`, then `receive`, `submit` and `wake`, each of which
returns the events for the call, in order; after each send what `messages_to_send` returns. When
the socket ends, `fail` says why. EngineFailed is always the last event.

The server hears and speaks at once, at the pace of the audio we append: it alone decides when it
speaks and when it falls silent. What it does not tell (turns, replies) is found out in `hearing`
and `speaking`, what the backend does is followed in `delegation`.
Sources of the rules: OpenAI API reference (Live), guides Managing GPT-Live sessions and
Delegation and tools in GPT-Live; what they leave open stands in docs/unproven.md.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from agents.engine import (
    Answer,
    AnyEngineCommand,
    AnyEngineEvent,
    AnyRemembered,
    AppendAudio,
    AudioFormat,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Dismiss,
    EngineExpires,
    EngineFailed,
    EngineNotice,
    EngineReady,
    Inform,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    ToolAnswered,
    ToolOutput,
    TruncateItem,
)
from agents.live import configuration, wire
from agents.live.delegation import Delegations
from agents.live.hearing import CallerTurns
from agents.live.settings import LiveSettings
from agents.live.sounding import onset
from agents.live.speaking import Speaking
from agents.live.timeline import Timeline
from agents.persona import Persona
from agents.realtime import failures
from agents.realtime.held import HeldAudio
from agents.realtime.wire import BadMessage, UnusedEvent
from tools.spec import ToolSpec

SETUP_S = 5.0
"""From connected to started; a session that takes longer would greet into a hung-up phone."""
CLOCK_S = 0.2
"""The session's clock is the audio we append: without any for so long it is given silence, or
nothing that was asked of it would ever be spoken."""
CLOCK_MS = 100
"""So much silence at a time."""
MOST_FILLS = 150
"""What has not been spoken after 15 s of silence will not be: silence costs as speech does."""
UNUSED_S = 120.0
"""A session opened ahead of its call that is asked for nothing so long has been forgotten."""
RETRY_S = 0.5
"""Pause before a failed response of the backend's is asked for again."""
EXPIRES_S = 60.0
"""The end of the session is told again so long before it."""
MAX_UNSENT_BYTES = 192 * 1024
"""Some seconds of audio: a server that has not read them reads no more."""
BAD_MESSAGES = 100
"""After so many messages that cannot be used, the peer is not speaking this protocol."""
_KINDS_COUNTED = 64
_SILENCE = {AudioFormat.PCM16_24K: b"\x00", AudioFormat.ULAW_8K: b"\xff"}
_CLOSED = {"expired": failures.SESSION_EXPIRED, "content": "content_filter"}
_OUR_IDS = re.compile(r"(start|say|inform|remember|tell|output|create)_\d+")


class _Phase(Enum):
    CONNECTING = "connecting"
    STARTING = "starting"
    READY = "ready"
    OVER = "over"


class LiveProtocol:
    """One session. `ignored` counts unused event kinds."""

    def __init__(self, settings: LiveSettings, persona: Persona, tools: Sequence[ToolSpec]) -> None:
        self.ignored: Counter[str] = Counter()
        self._settings = settings
        self._persona = persona
        self._tools = tuple(tools)
        self._format = settings.audio_format
        self._held = HeldAudio(self._format)
        self._turns = CallerTurns(self._place)
        self._speaking = Speaking(self._format)
        self._work = Delegations()
        self._phase = _Phase.CONNECTING
        self._outbox: list[bytes] = []
        self._unsent_bytes = 0
        """Of audio in it."""
        self._sent = 0
        self._timeline = Timeline(self._format)
        self._skipped_bytes = 0
        """Silence from before the session that was not given to it."""
        self._remembered = False
        self._setup_by: float | None = None
        self._used_by: float | None = None
        """Until it is of any use."""
        self._clock_by: float | None = None
        self._fills_left = 0
        """While something is to be spoken."""
        self._retry_at: float | None = None
        self._expires_at: float | None = None
        self._unix_offset_s = 0.0
        self._failures = 0
        self._bad_messages = 0

    # ---- in and out ---------------------------------------------------------------------------

    def start(self, now: float, unix_s: float) -> None:
        """The socket is open; `unix_s` is the time of day that `now` stands for."""
        if self._phase is not _Phase.CONNECTING:
            return
        self._phase = _Phase.STARTING
        self._setup_by = now + SETUP_S
        self._unix_offset_s = unix_s - now
        asked = configuration.session(self._settings, self._persona, self._tools)
        self._outbox.append(wire.session_start(asked, self._id("start")))

    def receive(self, raw: bytes | str, now: float) -> list[AnyEngineEvent]:
        """One message of the server, however broken."""
        if self._phase is _Phase.OVER:
            return []
        try:
            return self._received(wire.decode(raw), now)
        except BadMessage as fault:
            return self._bad_message(fault)

    def submit(self, command: AnyEngineCommand, now: float) -> list[AnyEngineEvent]:
        """One command of the call."""
        if self._phase is _Phase.OVER:
            return []
        self._used_by = None
        if isinstance(command, AppendAudio):
            return self._append(command.audio, now)
        if isinstance(command, CloseEngine):
            return self._close()
        # Anything before session.start was taken would be refused, and taken for its refusal.
        return self._submitted(command, now) if self._phase is _Phase.READY else []

    def wake(self, now: float) -> list[AnyEngineEvent]:
        """Time has passed."""
        if self._phase is _Phase.OVER:
            return []
        if self._setup_by is not None and now >= self._setup_by:
            return self.fail(EngineFailed("setup_timeout", fatal=False))
        if self._used_by is not None and now >= self._used_by:
            self._close()
            return [EngineFailed("unused", fatal=False)]
        if self._fills_left and self._clock_by is not None and now >= self._clock_by:
            self._fill(now)
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            self._outbox.append(wire.response_create(self._id("create")))
        told = [*self._expiring(now), *self._turns.wake(now)]
        return [*told, *self._replies(self._speaking.wake(now))]

    def fail(self, failure: EngineFailed) -> list[AnyEngineEvent]:
        """The session is of no more use; the socket may be what failed."""
        if self._phase is _Phase.OVER:
            return []
        self._phase = _Phase.OVER
        self._outbox.clear()
        return [failure]

    def refused(self, failure: EngineFailed) -> list[AnyEngineEvent]:
        """The handshake failed, in both tries."""
        return self.fail(failure)

    @property
    def reopens(self) -> bool:
        """One connection is all there is."""
        return False

    def pass_audio(self, _audio: bytes) -> None:
        """No audio passes unseen: the session's clock is counted by it."""

    def messages_to_send(self) -> list[bytes]:
        """Text messages for the server, in order; each is returned once."""
        messages, self._outbox = self._outbox, []
        self._unsent_bytes = 0
        return messages

    def next_deadline(self) -> float | None:
        """When `wake` is wanted at the latest."""
        if self._phase is _Phase.OVER:
            return None
        turns_s, speaking_s = self._turns.next_deadline(), self._speaking.next_deadline()
        clock_by = self._clock_by if self._fills_left else None
        clocks = (self._setup_by, self._used_by, clock_by, self._retry_at, self._expires_at)
        times = [time for time in (*clocks, turns_s, speaking_s) if time is not None]
        return min(times, default=None)

    def _id(self, kind: str) -> str:
        self._sent += 1
        return f"{kind}_{self._sent}"

    # ---- the server's messages ----------------------------------------------------------------

    def _bad_message(self, fault: BadMessage) -> list[AnyEngineEvent]:
        self._bad_messages += 1
        if self._bad_messages > BAD_MESSAGES:
            return self.fail(EngineFailed("protocol_error", fatal=False))
        return [EngineNotice(f"bad_message_{fault}")]

    def _received(self, event: wire.ServerEvent | UnusedEvent, now: float) -> list[AnyEngineEvent]:
        match event:
            case wire.SessionStarted(session):
                return self._started(session, now)
            case wire.ErrorEvent():
                return self._error(event)
            case wire.SessionClosed(reason):
                return self._closed(reason)
            case UnusedEvent(kind, known):
                return self._counted(kind, "" if known else "unknown_event")
            case _:
                # What a peer sends before the session has begun must start no work.
                if self._phase is not _Phase.READY:
                    return self._counted("before_started", "event_before_started")
                return self._conversation(event, now)

    def _conversation(
        self,
        event: wire.AudioPiece
        | wire.CallerWords
        | wire.AgentWords
        | wire.DelegationCreated
        | wire.ResponseEvent,
        now: float,
    ) -> list[AnyEngineEvent]:
        match event:
            case wire.AudioPiece(delta):
                since_ms = self._turns.open_since_ms
                return self._replies(self._speaking.audio(delta, since_ms, now))
            case wire.CallerWords():
                return self._caller_words(event, now)
            case wire.AgentWords(delta):
                return self._speaking.words(delta, now) if delta else []
            case wire.ResponseEvent(inner, delegation_id):
                return self._backend(self._work.event(delegation_id, inner), now)
            case wire.DelegationCreated(delegated):
                # We asked for a backend of the server's: work of another kind nobody will do.
                foreign = delegated.target not in {None, "responses"}
                return self._counted("delegation", "delegated_to_us") if foreign else []

    def _counted(self, kind: str, code: str) -> list[AnyEngineEvent]:
        """Ignore it; the first of each kind is noticed, if `code` is not empty."""
        first = kind not in self.ignored
        if first and len(self.ignored) >= _KINDS_COUNTED:
            return []
        self.ignored[kind] += 1
        return [EngineNotice(code)] if first and code else []

    # ---- beginning and end --------------------------------------------------------------------

    def _started(self, session: wire.Session, now: float) -> list[AnyEngineEvent]:
        if self._phase is not _Phase.STARTING:
            return [EngineNotice("second_session_started")]
        found = configuration.differences(session, self._settings, self._tools)
        if found:
            notices: list[AnyEngineEvent] = [
                EngineNotice(f"session_differs_{name}") for name in found
            ]
            return notices + self.fail(EngineFailed("session_config_refused", fatal=True))
        self._phase = _Phase.READY
        self._setup_by = None
        self._used_by = now + UNUSED_S
        prefix = re.sub(r"[^0-9A-Za-z_-]", "", session.id)[:40] or "live"
        self._turns.prefix = self._speaking.prefix = self._work.prefix = prefix
        return [EngineReady(session.id), *self._expires(session.expires_at, now)]

    def _expires(self, at_unix_s: float | None, now: float) -> list[AnyEngineEvent]:
        if at_unix_s is None:
            return []
        in_s = at_unix_s - self._unix_offset_s - now
        self._expires_at = now + in_s - EXPIRES_S if in_s > EXPIRES_S else None
        return [EngineExpires(max(0.0, in_s))]

    def _expiring(self, now: float) -> list[AnyEngineEvent]:
        if self._expires_at is None or now < self._expires_at:
            return []
        in_s = self._expires_at + EXPIRES_S - now
        self._expires_at = None
        return [EngineExpires(max(0.0, in_s))]

    def _error(self, event: wire.ErrorEvent) -> list[AnyEngineEvent]:
        """The code decides, never the message, which may quote the caller."""
        error = event.error
        code = failures.plain(error.code, failures.plain(error.type, "unnamed"))
        if code in failures.FATAL:
            return self.fail(EngineFailed(code, fatal=True))
        if self._phase is _Phase.STARTING:
            return self._refused(code)
        ours = _OUR_IDS.fullmatch(error.client_event_id or event.client_event_id or "")
        return [EngineNotice(f"refused_{ours[1]}_{code}" if ours else f"error_{code}")]

    def _refused(self, code: str) -> list[AnyEngineEvent]:
        """The session was not begun."""
        if code in failures.RETRYABLE:
            return self.fail(EngineFailed(code, fatal=False))
        failed = EngineFailed("session_config_refused", fatal=True)
        return [EngineNotice(f"session_refused_{code}"), *self.fail(failed)]

    def _closed(self, reason: str | None) -> list[AnyEngineEvent]:
        return self.fail(EngineFailed(_CLOSED.get(reason or "", "connection_lost"), fatal=False))

    def _close(self) -> list[AnyEngineEvent]:
        """A session that is only cut off goes on, and costs, until the server notices."""
        said_goodbye = [wire.session_close()] if self._phase is _Phase.READY else []
        self._phase = _Phase.OVER
        self._outbox = said_goodbye
        return []

    # ---- what is heard and said ---------------------------------------------------------------

    def _place(self, at_ms: int) -> int:
        """Where a moment of the session's lies in the audio the call has appended, in ms."""
        skipped_ms = self._skipped_bytes * 1000 // (self._format.rate * self._format.sample_bytes)
        return self._timeline.caller_ms(at_ms) + self._held.dropped_ms + skipped_ms

    def _caller_words(self, event: wire.CallerWords, now: float) -> list[AnyEngineEvent]:
        open_before = self._turns.open_since_ms is not None
        events = self._turns.fragment(event.delta, event.start_ms, event.end_ms, now)
        began_ms = self._turns.open_since_ms
        if open_before or began_ms is None:
            return events
        return [*events, *self._replies(self._speaking.caller_began(began_ms))]

    def _replies(self, events: Iterable[AnyEngineEvent]) -> list[AnyEngineEvent]:
        """Where a reply begins the caller's turn is over: it is told first."""
        told: list[AnyEngineEvent] = []
        for event in events:
            if isinstance(event, ResponseStarted):
                told += self._turns.answered(self._timeline.now_ms)
                self._fills_left = MOST_FILLS
            if isinstance(event, ResponseDone):
                self._fills_left = 0
            told.append(event)
        return told

    # ---- the backend --------------------------------------------------------------------------

    def _backend(self, events: list[AnyEngineEvent], now: float) -> list[AnyEngineEvent]:
        """Whoever works has understood: the caller's turn is over, and is told first."""
        told: list[AnyEngineEvent] = []
        for event in events:
            if isinstance(event, ResponseStarted):
                told += self._turns.answered(self._timeline.now_ms)
            told.append(event)
        for done in [event for event in events if isinstance(event, ResponseDone)]:
            told += self._ended(done, now)
        self._continue()
        return told

    def _ended(self, done: ResponseDone, now: float) -> list[AnyEngineEvent]:
        """A response that failed is asked for once more, soon, or given up aloud."""
        if done.status is not ResponseStatus.FAILED:
            self._failures = 0
            return []
        self._failures += 1
        if done.reason in failures.FATAL:
            return self.fail(EngineFailed(done.reason, fatal=True))
        if self._failures > 1:
            return self.fail(EngineFailed(done.reason or "unnamed", fatal=False))
        self._retry_at = now + RETRY_S
        return [EngineNotice("response_retried")]

    def _continue(self) -> None:
        if self._phase is _Phase.READY and self._work.goes_on():
            self._retry_at = None
            self._outbox.append(wire.response_create(self._id("create")))

    # ---- the call's commands ------------------------------------------------------------------

    def _append(self, audio: bytes, now: float) -> list[AnyEngineEvent]:
        if self._phase is not _Phase.READY:
            return [EngineNotice("held_audio_dropped")] if self._held.hold(audio) else []
        # Only now: what the call answered to EngineReady has gone before.
        if held := b"".join(self._held.hand_over()):
            # A server that is given silence faster than it passes may lag behind for good.
            silent = onset(held, self._format)
            self._skipped_bytes += silent
            audio = held[silent:] + audio
        # What is appended now was offered to nobody yet, however much it is.
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            return self.fail(EngineFailed("backpressure", fatal=False))
        self._timeline.appended(len(audio))
        self._outbox.append(wire.append(audio))
        self._unsent_bytes += len(audio)
        self._clock_by = now + CLOCK_S
        return []

    def _fill(self, now: float) -> None:
        silence = _SILENCE[self._format] * (
            self._format.rate * self._format.sample_bytes * CLOCK_MS // 1000
        )
        self._timeline.filled(len(silence))
        self._fills_left -= 1
        self._outbox.append(wire.append(silence))
        self._clock_by = now + CLOCK_MS / 1000

    def _submitted(self, command: AnyEngineCommand, now: float) -> list[AnyEngineEvent]:
        match command:
            case Say(text):
                self._speak(configuration.recitals(text), now)
            case Remember(what, answer):
                self._remember(what)
                if answer:
                    self._speak((configuration.REPLY_NOW,), now)
            case ToolOutput(tool_call_id, output, respond):
                return self._tool_output(tool_call_id, output, respond=respond)
            case CancelResponse(response_id):
                if self._speaking.mute(response_id):
                    self._tell(wire.instructions, "tell", (configuration.STOP,))
            case Inform() | TruncateItem() | DeleteItem():
                self._note(command)
            case Answer() | Dismiss() | AppendAudio() | CloseEngine():
                pass
        return []

    def _remember(self, what: Sequence[AnyRemembered]) -> None:
        """The backend must know of tools; but instructions may interrupt what is being said."""
        first, self._remembered = not self._remembered, True
        grave = first or any(isinstance(each, ToolAnswered) for each in what)
        message = wire.instructions if grave else wire.thinking
        self._tell(message, "remember", configuration.memories(what, first=first))

    def _note(self, command: Inform | TruncateItem | DeleteItem) -> None:
        """Something the model has to know. It cannot be made to forget."""
        match command:
            case Inform(text):
                self._tell(wire.thinking, "inform", configuration.parts(text))
            case TruncateItem(_, _, _, heard_text):
                self._tell(wire.thinking, "tell", configuration.heard_only(heard_text))
            case DeleteItem(item_id):
                lost = configuration.heard_nothing(self._speaking.said(item_id))
                self._tell(wire.thinking, "tell", lost)

    def _tell(self, message: Callable[[str, str], bytes], kind: str, texts: Iterable[str]) -> None:
        self._outbox += [message(text, self._id(kind)) for text in texts]

    def _speak(self, texts: Iterable[str], now: float) -> None:
        self._tell(wire.commentary, "say", texts)
        self._fills_left = MOST_FILLS
        self._clock_by = self._clock_by or now + CLOCK_S

    def _tool_output(
        self, tool_call_id: str, output: str, *, respond: bool
    ) -> list[AnyEngineEvent]:
        if not self._work.output(tool_call_id, respond=respond):
            return [EngineNotice("tool_output_unasked")]
        self._outbox.append(wire.tool_output(tool_call_id, output, self._id("output")))
        self._continue()
        return []
