"""A phone call, from the open stream to its one ended reason.

The call is pure: `handle(event, now)` returns the commands that follow, `next_deadline()` says
when to be asked again with `DeadlineReached`. `now` counts seconds from the start of the stream
and never goes back. After `EndCall` nothing more is asked for, whatever still happens.
"""

import math

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    EngineEvent,
    EngineNotice,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
)
from telephony.call.bargein import BargeIns
from telephony.call.callerline import CallerLine
from telephony.call.carrierclock import RATE
from telephony.call.commands import (
    CallCommand,
    Note,
    Record,
    SeatEngine,
    StoreAudio,
)
from telephony.call.config import CallConfig
from telephony.call.consent import Consent
from telephony.call.dialling import Dialling
from telephony.call.disclosure import Disclosure
from telephony.call.ending import Ending, Phase
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    CallOver,
    DeadlineReached,
    DialEnded,
    DigitsSealed,
    DtmfPressed,
    HandedOver,
    HandOverFailed,
    HangUpAsked,
    HangUpFailed,
    HumanWanted,
    MarkEchoed,
    MessageLeft,
    MigrateAsked,
    OperatorActs,
    PeerMisbehaved,
    StreamLost,
    StreamStarted,
    StreamStopped,
    SuccessorReady,
    ToolFinished,
    ToolWaits,
)
from telephony.call.fillers import Fillers
from telephony.call.hearing import Hearing
from telephony.call.honesty import Honesty
from telephony.call.keypad import Keypad
from telephony.call.limits import Patience
from telephony.call.linehealth import LineHealth
from telephony.call.money import Money
from telephony.call.operator import Operator
from telephony.call.overdue import Overdue
from telephony.call.pace import Pace
from telephony.call.playback import Playback
from telephony.call.relay import Relay
from telephony.call.streams import Streams
from telephony.call.toolcalls import ToolCalls
from telephony.call.turns import Floor
from telephony.call.waiting import Waiting
from telephony.transcripts.entry import EndedReason
from tools.calls.keys import SEND_DIGITS

_LINE = CallerAudio | MarkEchoed


class Call:
    """One call. See the module for the contract."""

    def __init__(self, config: CallConfig) -> None:
        self._config = config
        self._playback = Playback(config.capabilities)
        self._floor = Floor()
        self._patience = Patience(config.limits)
        self._tools = ToolCalls()
        disclosure = Disclosure(config.persona.disclosure)
        self.hearing = Hearing(config, self._playback, disclosure)
        self._ending = Ending(config, self._playback, self._floor, self._patience, self._tools)
        shared = config, self._playback, self._floor, self._patience
        consent = self._consent = Consent(*shared, self._ending, disclosure)
        self._barge_ins = BargeIns(*shared, self._tools, self._ending)
        self._honesty = Honesty(*shared, self._ending)
        self._relay = Relay(
            *shared,
            self._tools,
            self.hearing,
            self._ending,
            self._barge_ins,
            self._honesty,
        )
        self._streams = Streams(
            *shared, self._tools, self._ending, self._barge_ins, self._relay, consent
        )
        self._succession = self._relay.succession
        self._waiting = Waiting(
            self._playback,
            self._floor,
            self._patience,
            self._tools,
            self._succession,
            self._ending.silence,
            config.own_tools,
        )
        self._money = Money(config, self._ending)
        self._fillers = Fillers(config, self._playback, self._ending.silence, self._tools)
        self._line_health = LineHealth()
        self._dialling = Dialling(self._playback, self._tool_finished)
        self._keypad = Keypad(
            self._playback,
            self._floor,
            self._patience,
            self._ending,
            finish=self._tool_finished,
            human=lambda now: self._operator.human(now),  # noqa: PLW0108, it is made below
        )
        self._operator = Operator(config, self._playback, self._ending, self._keypad.hush)
        self._line = CallerLine(
            self._playback.ledger,
            self._ending,
            self._barge_ins,
            self._relay,
            self._streams,
            self._keypad,
            self._echoed,
        )
        self._overdue = Overdue(config, self._ending, self._patience, self._relay)
        self._pace = Pace(self._earliest_s)
        # What another process has written down of the call counts as if it was said here.
        self.hearing.testimony.note([Record(entry) for entry in config.before])
        self._honesty.recall(config)

    @property
    def phase(self) -> Phase:
        return self._ending.phase

    def handle(self, event: CallEvent, now: float) -> list[CallCommand]:
        """Take one event. Any event is legal in any phase."""
        if self.phase is Phase.ENDED:
            return []
        if isinstance(event, EngineEvent):
            self._relay.alive(event)
        steady = self._goes_on(event)
        commands = [*self._money.told(event, now), *self._dispatch(event, now)]
        commands += self._line_health.check(event, commands, now)
        if steady and self._goes_on(event) and self._pace.is_quiet(event, commands, now):
            return commands
        self._pace.looks(now)
        settled = self._playback.settle(now)
        commands += [*self._money.heed(now), *settled]
        # Of what echoes have told it knows already.
        self._barge_ins.heard(settled if isinstance(event, _LINE) else commands)
        commands = self._consent.check(commands, now)
        self.hearing.testimony.note(commands)
        self._honesty.asked(commands)
        self._keypad.watch(now)
        if self._ending.phase is not Phase.ENDED:
            commands += self.hearing.released(now)
            for untold in self.hearing.untold():
                commands += self._tool_finished(untold, now)
            commands += self._dialling.check(commands, now)
            self._waiting.watch(now)
            self._consent.watch(now)
            commands += self._ending.proceed(now)
        if self._ending.phase is not Phase.ENDED:
            commands += self._streams.proceed(now, busy=self._waiting.busy)
        commands = self._consent.concluded(commands, now)
        self._relay.memory.note(commands)
        self._relay.dismissed(commands)
        commands = self._succession.addressed(commands, now)
        if self._ending.phase is not Phase.ENDED:
            commands += self._seated(now)
        commands += self._operator.again(event, commands)
        return [*commands, *self._money.noted(commands, self._ms(now))]

    def _goes_on(self, event: CallEvent) -> bool:
        """Nothing is about to change: we are being heard, or the event is about the caller only."""
        if self._ending.under_way or self._playback.ledger.settling_until_s() is not None:
            return False
        alone = isinstance(event, CallerAudio) and not event.echoes
        return alone or self._playback.outstanding

    def _seated(self, now: float) -> list[CallCommand]:
        """What follows when another session takes the call over just now."""
        commands = self._relay.proceed(now, busy=self._waiting.busy)
        if any(isinstance(command, SeatEngine) for command in commands):
            commands += self._streams.engine_ready(now)
        return self._succession.addressed(commands, now)

    def next_deadline(self) -> float | None:
        """When to call `handle` with DeadlineReached if nothing else happens; None: never."""
        return None if self.phase is Phase.ENDED else self._pace.deadline()

    def _earliest_s(self) -> float:
        ending = self._ending
        next_s = ending.next_deadline() if ending.under_way else self._patience.next_deadline()
        settling_s = self._playback.ledger.settling_until_s()
        filler_s = None if ending.under_way else self._fillers.next_deadline()
        listening = self._barge_ins, self._keypad, self.hearing, self._consent
        parts = *listening, self._relay, self._money, self._streams
        own = (next_s, settling_s, self._echo_deadline(), filler_s)
        every = (*own, *(part.next_deadline() for part in parts))
        return min((time for time in every if time is not None), default=math.inf)

    def lane(self, now: float) -> int:
        """For how many samples of the caller's audio `handle` need not be asked: they go to the
        engine, and it is told of them as one piece. 0: it has to be asked. See telephony.call.lane.
        """
        return self._line.lane(now)

    def can_wait(self, event: MarkEchoed) -> bool:
        """Nothing follows from it that would not follow as well when a lane is told of."""
        return self._line.can_wait(event)

    def being_heard(self) -> list[tuple[int, str, bool]]:
        """See Playback.being_heard."""
        return self._playback.being_heard()

    def hides(self, event: CallEvent, now: float) -> bool:
        """Whether what the event holds must be hidden before `handle` and the journal get it."""
        return self._keypad.hides(event, now)

    def _dispatch(self, event: CallEvent, now: float) -> list[CallCommand]:  # noqa: C901, one flat table
        match event:
            case CallerAudio():  # by how often they come
                return self._line.audio(event, now)
            case MarkEchoed(name):
                return self._echoed(name, now)
            case AudioDelta() | TextDelta():
                return self._piece(event, now)
            case StreamStarted():
                return self._streams.started(now)
            case DtmfPressed(digit):
                return self._keypad.pressed(digit, now, self._consent.pressed(digit, now))
            case DigitsSealed():
                return self._keypad.sealed(event, now)
            case StreamStopped():
                return self._ending.stopped(now)
            case StreamLost(reason):
                return self._streams.lost(reason, now)
            case PeerMisbehaved(kind):
                return [Note("peer_misbehaved", detail=kind)]
            case ToolFinished():
                return self._tool_finished(event, now)
            case ToolWaits(tool_call_id, words):
                says = self._waiting.says(tool_call_id) and self._ending.listening
                return [Say(words)] if says else []
            case HangUpAsked(reason):
                return self._ending.asked(EndedReason(reason), now)
            case MigrateAsked(within_s):
                return self._streams.migrate(within_s, now)
            case HangUpFailed(reason):
                return self._ending.hangup_failed(reason, now)
            case HumanWanted() | OperatorActs():
                return self._operator.wanted(event, now)
            case HandedOver() | HandOverFailed() | DialEnded() | MessageLeft() | CallOver():
                return self._ending.told(event, now)
            case DeadlineReached():
                return self._deadline(now)
            case EngineReady():
                self._succession.ready()
                return self._streams.engine_ready(now)
            case CallerSpeechStarted(item_id, audio_ms):
                return self._speech_started(item_id, audio_ms, now)
            case CallerSpeechStopped(item_id, audio_ms):
                return self._speech_stopped(item_id, audio_ms, now)
            case CallerTranscript():
                return self._caller_words(event, now)
            case ResponseStarted(response_id):
                return self._reply_began(response_id, now)
            case ItemDone(_, item_id):
                return self._item_done(item_id, now)
            case ToolCalled():
                return self._tool_called(event, now)
            case ResponseDone():
                return self._response_done(event, now)
            case EngineNotice(code):
                return [Note("engine_notice", detail=code)]
            case SuccessorReady():
                return self._relay.ready(event, now)
            case _:  # what is told of sessions; anything forgotten above does not fit the parameter
                return self._relay.told(event, now)

    # ---- the caller's side --------------------------------------------------------------------

    def _ms(self, now: float) -> int:
        return self._playback.ledger.stream_ms(now)

    def _speech_started(self, item_id: str, audio_ms: int, now: float) -> list[CallCommand]:
        began_ms = self._relay.at_ms(audio_ms)
        self._floor.caller_began(item_id, began_ms)
        self._relay.caller_began(item_id, began_ms)
        self._patience.caller_active()
        self._patience.caller_speaks()
        self._consent.spoke()
        return self._barge_ins.speech_started(item_id, now)

    def _speech_stopped(self, item_id: str, audio_ms: int, now: float) -> list[CallCommand]:
        ended_ms = self._relay.at_ms(audio_ms)
        self._floor.caller_ended(item_id, ended_ms, self._ms(now))
        self.hearing.testimony.caller_ended(item_id, ended_ms)
        if not self._ending.under_way:
            self._patience.answer_owed(now)
        return self._barge_ins.speech_stopped(item_id, now)

    def _caller_words(self, event: CallerTranscript, now: float) -> list[CallCommand]:
        item_id, text, at_ms = event.item_id, event.text, self._ms(now)
        unknown = event.failed and not text
        self.hearing.testimony.words_came(item_id, failed=unknown, at_ms=at_ms)
        line = self._floor.caller_words(item_id, text, at_ms)
        recorded: list[CallCommand] = [Record(line)] if line else []
        if not event.failed:
            self._relay.caller_written(item_id)
        recorded += self._money.transcribed(event, line)
        if event.failed:
            # Words there may have been; how long they took has to decide.
            return recorded
        recorded += self._barge_ins.words(item_id, text, now)
        began_ms = line.start_ms if line else at_ms
        return [*recorded, *self._consent.words(item_id, text, began_ms, now)]

    # ---- the agent's side ---------------------------------------------------------------------

    def _wants(self, response_id: str) -> bool:
        return self._floor.wants(response_id) and self._ending.listening

    def _piece(self, event: AudioDelta | TextDelta, now: float) -> list[CallCommand]:
        """More of a spoken item, unless it comes too late to be of any."""
        if self._playback.over(event.item_id):
            return []
        if isinstance(event, TextDelta):
            return self._text(event, now)
        return self._audio(event, now)

    def _text(self, event: TextDelta, now: float) -> list[CallCommand]:
        if not self._wants(event.response_id):
            return self._playback.unwanted(event, now)
        self._playback.text(event, now)
        return self._honesty.words(event, now)

    def _reply_began(self, response_id: str, now: float) -> list[CallCommand]:
        self._floor.reply_began(response_id)
        self._relay.reply_began(response_id)
        taken = self._barge_ins.reply_began(response_id)
        return taken + self._consent.reply_began(response_id, now)

    def _item_done(self, item_id: str, now: float) -> list[CallCommand]:
        stopped = self._honesty.item_done(item_id, now)
        return [*stopped, *self._playback.close(item_id, now), *self._playback.settled()]

    def _audio(self, event: AudioDelta, now: float) -> list[CallCommand]:
        if not self._wants(event.response_id):
            return self._playback.unwanted(event, now)
        self._floor.answer_made(self._ms(now))
        commands = self._playback.audio(event, now)
        if self._playback.outstanding:
            self._floor.answer_sent(self._ms(now))
            self._patience.answered()
            self._relay.answered(event.response_id)
            self._ending.speaks(event.response_id)
        samples = self._floor.reply_goes_on(event.response_id, self._playback.samples(event))
        if samples > self._config.limits.reply_s * RATE:
            commands += self._enough(event, now)
        return commands

    def _enough(self, event: AudioDelta, now: float) -> list[CallCommand]:
        """A reply without end: nobody listens so long, and somebody pays for it."""
        self._floor.silence(event.response_id)
        noted = Note("reply_too_long", detail=event.response_id)
        commands = [noted, *self._playback.curtail(event.item_id, now)]
        commands.append(CancelResponse(event.response_id))
        asks = not self._ending.under_way and self._floor.caller_item is None
        return [*commands, *([Say(self._config.persona.go_on)] if asks else [])]

    def _echoed(self, name: str, now: float) -> list[CallCommand]:
        commands = self._playback.echoed(name, now)
        self._barge_ins.heard(commands)
        heard_ms = (c.at_samples * 1000 // RATE for c in commands if isinstance(c, StoreAudio))
        turn = next(filter(None, map(self._floor.answer_heard, heard_ms)), None)
        return [*commands, Record(turn)] if turn else commands

    def _response_done(self, event: ResponseDone, now: float) -> list[CallCommand]:
        if event.status is ResponseStatus.COMPLETED:
            self._succession.replied()
        commands = self._honesty.response_done(event.response_id, now)
        commands += self._playback.close_response(event.response_id, now)
        commands += self._barge_ins.reply_ended(event.reason, now)
        if not self._ending.under_way:
            commands += self._waiting.broke_off(event, self._config.persona.go_on, now)
        self._floor.reply_ended(event.response_id)
        used = self._money.responded(event, self._ms(now))
        commands += [*self._playback.settled(), Record(used)]
        return [*commands, *self._honesty.correction(event.response_id, now)]

    # ---- tools --------------------------------------------------------------------------------

    def _tool_called(self, event: ToolCalled, now: float) -> list[CallCommand]:
        if not self._tools.begin(event, self._ms(now)):
            return [Note("tool_call_repeated")]
        self._patience.tool_running()
        self._succession.tool_called(event)
        self._honesty.tool_called(event)
        if event.name in self._config.own_tools:
            send = event.name == SEND_DIGITS
            return (self._dialling.send if send else self._keypad.collect)(event, now)
        return self.hearing.run(event, now)

    def _tool_finished(self, event: ToolFinished, now: float) -> list[CallCommand]:
        if (line := self._tools.finish(event, self._ms(now))) is None:
            return [Note("tool_answer_unasked")]
        self._honesty.tool_finished(event)
        if event.gives_up:
            return [Record(line), *self._ending.in_circles(event, now)]
        leaves = event.ends_call or bool(event.transfer_to)
        # Who speaks in the turn it ends the call in has said goodbye: no reply is wanted.
        respond = self._ending.listening and not (leaves and self._playback.speaks)
        if respond and not self._tools and self._floor.caller_item is None:
            self._patience.answer_owed(now)
        answered = ToolOutput(event.tool_call_id, event.output, respond)
        commands: list[CallCommand] = [Record(line), answered]
        if event.transfer_to:
            commands += self._ending.transfer(event.transfer_to, now)
        elif event.ends_call and self._floor.caller_item is None:
            commands += self._ending.by_agent(now)
        return commands

    # ---- time ---------------------------------------------------------------------------------

    def _echo_deadline(self) -> float | None:
        end_s = self._playback.ledger.expected_end_s()
        return None if end_s is None else end_s + self._config.limits.mark_grace_s

    def _deadline(self, now: float) -> list[CallCommand]:
        commands = [*self._barge_ins.judge(now), *self._keypad.due(now), *self._consent.due(now)]
        if (echo_s := self._echo_deadline()) is not None and echo_s <= now:
            commands += [Note("marks_lost"), *self._playback.expire(now)]
        commands += self._relay.due(now)
        commands += [] if self._ending.under_way else self._fillers.due(now)
        while not self._ending.under_way and (due := self._patience.due(now)) is not None:
            commands += self._overdue.due(due, now)
        return commands
