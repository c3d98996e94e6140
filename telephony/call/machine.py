"""A phone call, from the open stream to its one ended reason.

The call is pure: `handle(event, now)` returns the commands that follow, `next_deadline()` says
when to be asked again with `DeadlineReached`. `now` counts seconds from the start of the stream
and never goes back. After `EndCall` nothing more is asked for, whatever still happens.
"""

from enum import Enum

from agents.engine import (
    AppendAudio,
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    EngineFailed,
    EngineNotice,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
)
from telephony.call.commands import (
    CallCommand,
    CloseStream,
    EndCall,
    HangUp,
    Note,
    PlaceMark,
    Record,
    RunTool,
    StoreAudio,
    Track,
)
from telephony.call.config import CallConfig
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DeadlineReached,
    DtmfPressed,
    HangUpAsked,
    HangUpFailed,
    MarkEchoed,
    PeerMisbehaved,
    StreamLost,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.call.ledger import RATE
from telephony.call.limits import Closing, Due, Patience, Stage
from telephony.call.playback import Playback
from telephony.call.turns import Floor
from telephony.media.transcode import Uplink
from telephony.transcripts.entry import DtmfLine, EndedReason, EndLine, ToolLine, UsageLine

_AHEAD_SAMPLES = RATE
"""Caller audio stamped further than this ahead of the clock is stamped wrongly."""


class Phase(Enum):
    STARTING = "starting"
    """The stream is open; the engine is not ready yet."""
    LIVE = "live"
    CLOSING = "closing"
    """Last words, then the hang-up."""
    ENDED = "ended"


# The only legal moves; anything else is a bug in this module.
MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.STARTING: frozenset({Phase.LIVE, Phase.CLOSING, Phase.ENDED}),
    Phase.LIVE: frozenset({Phase.CLOSING, Phase.ENDED}),
    Phase.CLOSING: frozenset({Phase.LIVE, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}

_STREAM_LOST = {"protocol": EndedReason.PROTOCOL, "flood": EndedReason.PROTOCOL}
"""Why a stream may be lost other than by the network."""


class Call:
    """One call. See the module for the contract."""

    def __init__(self, config: CallConfig) -> None:
        self._config = config
        self._phase = Phase.STARTING
        self._uplink = Uplink(config.capabilities.input_format)
        self._playback = Playback(config.capabilities)
        self._floor = Floor()
        self._patience = Patience(config.limits)
        self._tools: dict[str, tuple[ToolCalled, int]] = {}
        self._closing: Closing | None = None
        self._caller_samples = 0
        self._appended_samples = 0

    @property
    def phase(self) -> Phase:
        return self._phase

    def handle(self, event: CallEvent, now: float) -> list[CallCommand]:
        """Take one event. Any event is legal in any phase."""
        if self._phase is Phase.ENDED:
            return []
        commands = self._dispatch(event, now)
        if self.phase is not Phase.ENDED:
            self._patience.watch(busy=self._busy, stalled=self._stalled, now=now)
            commands += self._finish_closing(now)
        return commands

    def next_deadline(self) -> float | None:
        """When to call `handle` with DeadlineReached if nothing else happens; None: never."""
        if self._phase is Phase.ENDED:
            return None
        closing = self._closing.until_s if self._closing else self._patience.next_deadline()
        times = [time for time in (closing, self._echo_deadline()) if time is not None]
        return min(times, default=None)

    def _dispatch(self, event: CallEvent, now: float) -> list[CallCommand]:  # noqa: C901, one flat table
        match event:
            case StreamStarted():
                return [PlaceMark(self._playback.ledger.probe(now))]
            case CallerAudio():
                return self._caller_audio(event, now)
            case DtmfPressed(digit):
                self._patience.caller_active()
                return [Record(DtmfLine(digit, _ms(now)))]
            case MarkEchoed(name):
                return self._echoed(name, now)
            case StreamStopped():
                return self._stopped(now)
            case StreamLost(reason):
                return self._lost(reason, now)
            case PeerMisbehaved(kind):
                return [Note("peer_misbehaved", detail=kind)]
            case ToolFinished():
                return self._tool_finished(event, now)
            case HangUpAsked(reason):
                return self._asked_to_end(EndedReason(reason), now)
            case HangUpFailed(reason):
                return [Note("hangup_failed", detail=reason), *self._hangup_failed(now)]
            case DeadlineReached():
                return self._deadline(now)
            case EngineReady():
                return self._engine_ready(now)
            case CallerSpeechStarted(item_id, audio_ms):
                return self._speech_started(item_id, audio_ms, now)
            case CallerSpeechStopped(item_id, audio_ms):
                return self._speech_stopped(item_id, audio_ms, now)
            case CallerTranscript(item_id, text, _):
                line = self._floor.caller_words(item_id, text, _ms(now))
                return [Record(line)] if line else []
            case ResponseStarted(response_id):
                self._floor.reply_began(response_id)
                return []
            case AudioDelta():
                return self._audio(event, now)
            case TextDelta():
                return self._text(event, now)
            case ItemDone(_, item_id):
                return [*self._playback.close(item_id, now), *self._playback.settled()]
            case ToolCalled():
                return self._tool_called(event, now)
            case ResponseDone():
                return self._response_done(event, now)
            case EngineNotice(code):
                return [Note("engine_notice", detail=code)]
            case _:  # EngineFailed; anything forgotten above does not fit the parameter
                return self._engine_failed(event, now)

    # ---- the caller's side --------------------------------------------------------------------

    def _caller_audio(self, event: CallerAudio, now: float) -> list[CallCommand]:
        newest = round(now * RATE) + _AHEAD_SAMPLES
        at_samples = max(self._caller_samples, min(event.timestamp_ms * RATE // 1000, newest))
        self._caller_samples = at_samples + len(event.ulaw)
        self._appended_samples += len(event.ulaw)
        stored = StoreAudio(Track.CALLER, at_samples, event.ulaw)
        return [stored, AppendAudio(self._uplink.push(event.ulaw))]

    def _heard_at_ms(self, audio_ms: int) -> int:
        """The engine counts the audio it was given; we count from the start of the stream."""
        left_out = self._caller_samples - self._appended_samples
        return left_out * 1000 // RATE + audio_ms

    def _speech_started(self, item_id: str, audio_ms: int, now: float) -> list[CallCommand]:
        self._floor.caller_began(item_id, self._heard_at_ms(audio_ms))
        self._patience.caller_active()
        if self._closing is not None:
            if not self._closing.may_resume or self._closing.hanging_up:
                return []
            self._closing = None
            self._move(Phase.LIVE)
        self._patience.nothing_owed()
        return self._barge_in(now)

    def _speech_stopped(self, item_id: str, audio_ms: int, now: float) -> list[CallCommand]:
        self._floor.caller_ended(item_id, self._heard_at_ms(audio_ms), _ms(now))
        if self._closing is None:
            self._patience.answer_owed(now)
        return []

    def _barge_in(self, now: float) -> list[CallCommand]:
        silenced = self._floor.silence_replies()
        commands = self._playback.interrupt(now)
        if not self._config.capabilities.cancels_on_speech:
            commands += [CancelResponse(response_id) for response_id in silenced]
        return commands

    # ---- the agent's side ---------------------------------------------------------------------

    def _engine_ready(self, now: float) -> list[CallCommand]:
        self._patience.ready()
        if self._phase is not Phase.STARTING:
            return []
        self._move(Phase.LIVE)
        return self._say(self._config.persona.greeting, now)

    def _say(self, text: str, now: float) -> list[CallCommand]:
        self._patience.answer_owed(now)
        return [Say(text)]

    def _text(self, event: TextDelta, now: float) -> list[CallCommand]:
        if not self._floor.wants(event.response_id):
            return self._playback.unwanted(event, now)
        self._playback.text(event, now)
        return []

    def _audio(self, event: AudioDelta, now: float) -> list[CallCommand]:
        if not self._floor.wants(event.response_id):
            return self._playback.unwanted(event, now)
        commands = self._playback.audio(event, now)
        if self._playback.outstanding:
            self._floor.answer_sent(_ms(now))
            self._patience.answered()
            if self._closing is not None:
                self._closing.speaks(event.response_id)
        return commands

    def _echoed(self, name: str, now: float) -> list[CallCommand]:
        commands = self._playback.echoed(name, now)
        heard = next((c for c in commands if isinstance(c, StoreAudio)), None)
        if heard and (turn := self._floor.answer_heard(heard.at_samples * 1000 // RATE)):
            commands.append(Record(turn))
        return commands

    def _response_done(self, event: ResponseDone, now: float) -> list[CallCommand]:
        commands = self._playback.close_response(event.response_id, now)
        self._floor.reply_ended(event.response_id)
        line = UsageLine(event.response_id, event.status.value, event.usage, _ms(now))
        return [*commands, *self._playback.settled(), Record(line)]

    # ---- tools --------------------------------------------------------------------------------

    def _tool_called(self, event: ToolCalled, now: float) -> list[CallCommand]:
        if event.tool_call_id in self._tools:
            return [Note("tool_call_repeated")]
        self._tools[event.tool_call_id] = (event, _ms(now))
        self._patience.tool_running()
        return [RunTool(event.tool_call_id, event.name, event.arguments)]

    def _tool_finished(self, event: ToolFinished, now: float) -> list[CallCommand]:
        if (running := self._tools.pop(event.tool_call_id, None)) is None:
            return [Note("tool_answer_unasked")]
        called, began_ms = running
        line = Record(_tool_line(called, began_ms, _ms(now), event))
        respond = not (event.ends_call and self._said_goodbye())
        if respond and not self._tools:
            self._patience.answer_owed(now)
        commands: list[CallCommand] = [
            line,
            ToolOutput(event.tool_call_id, event.output, respond),
        ]
        if event.ends_call and self._phase is Phase.LIVE and self._floor.caller_item is None:
            commands += self._close(EndedReason.AGENT_HUNG_UP, now, may_resume=True)
        return commands

    def _said_goodbye(self) -> bool:
        """The agent spoke in the turn it ends the call in, so no further reply is wanted."""
        return self._playback.open

    # ---- time ---------------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        floor = self._floor
        speaking = floor.caller_item is not None or floor.replying or self._playback.open
        return speaking or self._patience.owed or bool(self._tools)

    @property
    def _stalled(self) -> bool:
        """A reply is being given, but there is nothing to hear of it and nothing it waits for."""
        waiting = self._playback.outstanding or self._floor.caller_item is not None or self._tools
        return self._floor.replying and not waiting

    def _echo_deadline(self) -> float | None:
        end_s = self._playback.ledger.expected_end_s()
        return None if end_s is None else end_s + self._config.limits.mark_grace_s

    def _deadline(self, now: float) -> list[CallCommand]:
        commands: list[CallCommand] = []
        if (echo_s := self._echo_deadline()) is not None and echo_s <= now:
            commands += [Note("marks_lost"), *self._playback.expire(now)]
        if self._closing is not None:
            return commands
        while self._closing is None and (due := self._patience.due(now)) is not None:
            commands += self._overdue(due, now)
        return commands

    def _overdue(self, due: Due, now: float) -> list[CallCommand]:
        persona = self._config.persona
        match due:
            case Due.ENGINE_NOT_READY:
                return [Note("engine_not_ready"), *self._apologise(now)]
            case Due.ANSWER_OWED:
                return [Note("owed_silence", value=1), *self._say(persona.reprompt, now)]
            case Due.ANSWER_MISSING:
                return [Note("owed_silence", value=2), *self._apologise(now)]
            case Due.SILENCE_PROMPT:
                return self._say(persona.silence_prompt, now)
            case Due.IDLE:
                return self._end_with(persona.idle_goodbye, EndedReason.IDLE, now)
            case _:
                assert due is Due.MAX_LENGTH, due
                return self._end_with(persona.length_goodbye, EndedReason.MAX_LENGTH, now)

    # ---- the end ------------------------------------------------------------------------------

    def _move(self, phase: Phase) -> None:
        assert phase in MOVES[self._phase], f"{self._phase} -> {phase}"
        self._phase = phase

    def _close(self, reason: EndedReason, now: float, *, may_resume: bool) -> list[CallCommand]:
        self._move(Phase.CLOSING)
        until_s = now + self._config.limits.goodbye_s
        self._closing = Closing(reason, until_s, may_resume=may_resume)
        return []

    def _end_with(self, words: str, reason: EndedReason, now: float) -> list[CallCommand]:
        commands = self._close(reason, now, may_resume=reason is EndedReason.IDLE)
        assert self._closing is not None
        self._closing.not_yet = self._floor.replies
        return [*self._say(words, now), *commands]

    def _asked_to_end(self, reason: EndedReason, now: float) -> list[CallCommand]:
        if self._closing is not None:
            self._closing.may_resume = False
            return []
        if self._phase is Phase.STARTING:
            return self._close(reason, now, may_resume=False)
        return self._end_with(self._config.persona.drain_goodbye, reason, now)

    def _engine_failed(self, event: EngineFailed, now: float) -> list[CallCommand]:
        return [Note("engine_failed", detail=event.reason), *self._apologise(now)]

    def _apologise(self, now: float) -> list[CallCommand]:
        """The engine cannot speak any more: our own recording does, then the call ends.

        Without a recording the socket is closed, and the carrier says the apology instead
        (the answer to the `action` URL of `<Connect>`).
        """
        owed = self._words_to_come
        self._floor.deserted = True
        commands = self._playback.close_all(now)
        if self._closing is None:
            commands += self._close(EndedReason.ENGINE_FAILED, now, may_resume=False)
        elif self._closing.hanging_up or not owed:
            return commands
        if not self._config.apology_ulaw:
            return [*commands, *self._abandon(1011, now)]
        persona, ulaw = self._config.persona, self._config.apology_ulaw
        return [*commands, *self._playback.own("apology", persona.apology, ulaw, now)]

    @property
    def _words_to_come(self) -> bool:
        """The engine speaks, or will; of one that is gone nothing is waited for."""
        unsaid = self._closing is not None and self._closing.not_yet is not None
        to_come = unsaid or self._floor.replying or self._patience.owed or bool(self._tools)
        return to_come and not self._floor.deserted

    def _finish_closing(self, now: float) -> list[CallCommand]:
        """Hang up once the last words were heard, or their time is over."""
        closing, limits = self._closing, self._config.limits
        if closing is None:
            return []
        over = now >= closing.until_s
        if closing.hanging_up:
            return self._abandon(1000, now) if over else []
        if closing.stage is Stage.LAST_WORDS:
            if not over and self._words_to_come:
                return []
            closing.enter(Stage.PLAYING, now + limits.last_words_s)
            over = False
        if self._playback.outstanding and not over:
            return []
        closing.enter(Stage.HANGING_UP, now + limits.hangup_s)
        return [HangUp()]

    def _hangup_failed(self, now: float) -> list[CallCommand]:
        hanging_up = self._closing is not None and self._closing.hanging_up
        return self._abandon(1000, now) if hanging_up else []

    def _abandon(self, code: int, now: float) -> list[CallCommand]:
        """Give the call back to the carrier by closing the socket ourselves."""
        assert self._closing is not None, "only a call that is ending is given back"
        reason = self._closing.reason
        return [CloseStream(code, reason.value), *self._end(reason, now)]

    def _stopped(self, now: float) -> list[CallCommand]:
        """The carrier ended the stream: by our hang-up if we asked for one, else the caller's."""
        ours = self._closing is not None and self._closing.hanging_up
        reason = self._closing.reason if self._closing and ours else EndedReason.CALLER_HUNG_UP
        return [*self._playback.hung_up(now), *self._end(reason, now)]

    def _lost(self, reason: str, now: float) -> list[CallCommand]:
        heard = self._playback.hung_up(now)
        if self._closing is not None and self._closing.hanging_up:
            return [*heard, *self._end(self._closing.reason, now)]
        ended = _STREAM_LOST.get(reason, EndedReason.STREAM_LOST)
        return [CloseStream(1008, reason), *heard, *self._end(ended, now, detail=reason)]

    def _end(self, reason: EndedReason, now: float, detail: str = "") -> list[CallCommand]:
        self._move(Phase.ENDED)
        lines: list[CallCommand] = [Record(line) for line in self._floor.unwritten(_ms(now))]
        for called, began_ms in self._tools.values():
            lines.append(Record(_tool_line(called, began_ms, _ms(now), None)))
        return [
            *self._playback.stop(now),
            *lines,
            Record(EndLine(reason, _ms(now), detail)),
            CloseEngine(),
            EndCall(reason),
        ]


def _ms(now: float) -> int:
    return round(now * 1000)


def _tool_line(
    called: ToolCalled, began_ms: int, end_ms: int, ended: ToolFinished | None
) -> ToolLine:
    """`ended` None: the call ended first; the durable ledger of effects has the outcome."""
    return ToolLine(
        called.tool_call_id,
        called.name,
        called.arguments,
        ended.state if ended else "unfinished",
        ended.output if ended else "",
        began_ms,
        end_ms,
        repeated=ended.repeated if ended else False,
    )
