"""The call's side of its engine sessions: loses one and goes on with the next, word for word.

What the caller says while nobody is seated is kept and given to the next session; what they were
hearing goes on playing, and what they heard of it is told to the next session once it is known.
"""

from collections.abc import Iterable

from agents.engine import (
    AppendAudio,
    Dismiss,
    EngineAllowance,
    EngineEvent,
    EngineExpires,
    EngineFailed,
    EngineNotice,
    ToolAnswered,
)
from telephony.call.bargein import BargeIns
from telephony.call.carrierclock import RATE
from telephony.call.commands import CallCommand, Note, Record
from telephony.call.config import CallConfig
from telephony.call.ending import Ending, Phase
from telephony.call.events import BudgetNews, SuccessorFailed, SuccessorReady
from telephony.call.hearing import Hearing
from telephony.call.honesty import Honesty
from telephony.call.limits import Patience
from telephony.call.memory import Memory
from telephony.call.playback import Playback
from telephony.call.succession import Succession, Why
from telephony.call.tail import CallerTail
from telephony.call.toolcalls import ToolCalls
from telephony.call.turns import Floor

_SINCE_ALIVE = ""
"""Names what the caller said since the session last gave a sign of life, if anything."""


_NO_SIGN_OF_LIFE = (EngineNotice, EngineFailed, EngineExpires, EngineAllowance)
"""These tell of a connection or an account, not that anybody listens."""
_PIECE_SAMPLES = RATE
"""What is heard again comes in pieces, so that a bound on it drops the oldest only."""
_STILL_RUNS = (
    '{"status": "running", "message": "This still runs; its answer follows. Do not call it again."}'
)
_MOST_UNHEEDED = 3
"""A line with voices on it that are not the caller's may look like a deaf engine."""


class Relay:
    """Methods return the commands that follow. `now` is seconds on the call's clock."""

    def __init__(
        self,
        config: CallConfig,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        tools: ToolCalls,
        hearing: Hearing,
        ending: Ending,
        barge_ins: BargeIns,
        honesty: Honesty,
    ) -> None:
        self.memory = Memory(config.before)
        self.succession = Succession(config, self.memory)
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._tools = tools
        self._hearing = hearing
        self._ending = ending
        self._barge_ins = barge_ins
        self._honesty = honesty
        self._tail = CallerTail()
        self._unanswered: dict[str, int] = {}
        """What the caller says or has said that nobody has answered or written down: where each
        begins, in samples of the call."""
        self._caller_samples = self._alive_samples = 0
        self._unheeded = 0
        self._answering: tuple[str, frozenset[str]] = ("", frozenset())
        """The latest reply, and what it answers."""
        self._appended_samples = 0

    # ---- the caller's voice ---------------------------------------------------------------------

    @property
    def caller_samples(self) -> int:
        """Where the caller's audio ends so far, on the call's clock."""
        return self._caller_samples

    def caller_audio(self, at_samples: int, ulaw: bytes) -> list[CallCommand]:
        """What the caller's side carries, for whoever listens."""
        self._caller_samples = at_samples + len(ulaw)
        vacant = self.succession.vacant
        self._tail.heard(at_samples, ulaw, min(self._unanswered.values(), default=at_samples))
        if vacant:
            return []
        self._appended_samples += len(ulaw)
        return [AppendAudio(ulaw)]

    def unheard(self, at_samples: int, ulaw: bytes) -> None:
        """Audio that is for nobody here."""
        self._caller_samples = at_samples + len(ulaw)

    def at_ms(self, audio_ms: int) -> int:
        """The engine counts the audio it was given; we count from the start of the stream."""
        left_out = self._caller_samples - self._appended_samples
        return left_out * 1000 // RATE + audio_ms

    def caller_began(self, item_id: str, at_ms: int) -> None:
        self._unanswered.setdefault(item_id, at_ms * RATE // 1000)
        self._barge_ins.heeded()
        self.succession.interrupted()

    def dismissed(self, commands: Iterable[CallCommand]) -> None:
        """What of the caller's turned out to be nothing wants no answer of any session."""
        for command in commands:
            if isinstance(command, Dismiss):
                self._unanswered.pop(command.item_id, None)

    def caller_written(self, item_id: str) -> None:
        """What the caller said is known in words."""
        self._unanswered.pop(item_id, None)

    def reply_began(self, response_id: str) -> None:
        """It answers what the caller had finished saying by then."""
        said = (item_id for item_id in self._unanswered if item_id != self._floor.caller_item)
        self._answering = response_id, frozenset(said)

    def answered(self, response_id: str) -> None:
        """This reply of the session that is seated is heard."""
        self.succession.spoke()
        of_reply, said = self._answering
        for item_id in said if response_id == of_reply else ():
            self._unanswered.pop(item_id, None)

    @property
    def alive_s(self) -> float:
        """So much of the line went by since the session that is seated gave a sign of life."""
        return (self._caller_samples - self._alive_samples) / RATE

    def alive(self, event: EngineEvent) -> None:
        """The session that is seated gave a sign of life, perhaps: then it has heard the caller
        until now."""
        if not isinstance(event, _NO_SIGN_OF_LIFE):
            self._alive_samples = self._caller_samples

    def told(
        self,
        event: EngineExpires | EngineAllowance | EngineFailed | SuccessorFailed | BudgetNews,
        now: float,
    ) -> list[CallCommand]:
        """What is told of the sessions themselves."""
        match event:
            case EngineFailed():
                return self._failed(event, now)
            case SuccessorFailed():
                return self._successor_failed(event, now)
            case EngineExpires(in_s):
                self.succession.expires(in_s, now)
            case EngineAllowance() | BudgetNews():
                """It matters to the calls that are to come, and to the call's money."""
        return []

    def unheeded(self, now: float) -> list[CallCommand]:
        """The caller's audio goes on: does the session hear what is in it?"""
        if self._playback.outstanding:
            self._barge_ins.heeded()
        deaf = self.succession.possible and not self.succession.vacant
        if not deaf or self._unheeded >= _MOST_UNHEEDED:
            return []
        if not self._barge_ins.unheeded(self.alive_s):
            return []
        self._unheeded += 1
        self._barge_ins.heeded()
        left = self.mute(now) or []
        self._patience.answer_owed(now)
        return [Note("caller_unheeded"), *left]

    # ---- losing a session -----------------------------------------------------------------------

    def _failed(self, event: EngineFailed, now: float) -> list[CallCommand]:
        """The session that was seated is of no more use."""
        noted = Note("engine_failed", detail=event.reason)
        if not self._carries or not self.succession.any:
            return [noted, *self._ending.apologise(now)]
        left = self._leave(Why.FAILED, now)
        if self._ending.beyond and not self._ending.broken_off:
            # The caller is with the carrier: a session is opened when they come back.
            return [noted, *left]
        return [noted, *left, *self._another(now, fatal=event.fatal, after_s=event.retry_after_s)]

    def mute(self, now: float, *, slow: bool = False) -> list[CallCommand] | None:
        """The session owes the caller words and says none; None: there is no other. `slow`:
        another one of the same engine would be no better."""
        if not self.succession.possible or self._ending.under_way or self.succession.vacant:
            return [] if self.succession.vacant else None
        return [*self._leave(Why.MUTE, now), *self._another(now, slow=slow)]

    def _another(
        self, now: float, *, fatal: bool = False, slow: bool = False, after_s: float | None = None
    ) -> list[CallCommand]:
        found = self.succession.another(now, fatal=fatal, slow=slow, after_s=after_s)
        return self._or_end(found, now)

    def _or_end(self, commands: list[CallCommand] | None, now: float) -> list[CallCommand]:
        return self.end(now) if commands is None else commands

    def end(self, now: float) -> list[CallCommand]:
        """Nobody can be had: our own words, or somebody else's."""
        return [*self.succession.abandon(), *self._ending.apologise(now)]

    def _leave(self, why: Why, now: float) -> list[CallCommand]:
        """Nothing more is to come of it. What it said so far may still be heard."""
        waits = self._patience.owed and self._floor.caller_item is None
        owed = self._floor.replying or waits
        commands = self._honesty.engine_left(now)
        self._playback.disown()
        commands += [*self._barge_ins.engine_left(now), *self._playback.close_all(now)]
        orphans = self._playback.disown()
        self._floor.engine_left()
        self._hearing.testimony.engine_left(self._unanswered)
        asks = owed and not self._unanswered
        commands += self.succession.vacate(why, owed=asks, orphans=orphans)
        if owed and not self._patience.owed:
            self._patience.answer_owed(now)
        self._unanswered.setdefault(_SINCE_ALIVE, self._alive_samples)
        return [*commands, *self._playback.settled()]

    # ---- the next one ---------------------------------------------------------------------------

    def ready(self, event: SuccessorReady, now: float) -> list[CallCommand]:
        """It is seated by `proceed`, when all that came before is told."""
        known = self.succession.successor_ready(event.seat)
        return self._barge_ins.engine_left(now) if known else []

    def _successor_failed(self, event: SuccessorFailed, now: float) -> list[CallCommand]:
        failed = self.succession.successor_failed(
            event.seat, now, fatal=event.fatal, after_s=event.after_s
        )
        noted = Note("successor_failed", detail=event.reason)
        return [noted, *self._or_end(failed, now)]

    def _take_seat(self, now: float) -> list[CallCommand]:
        succession = self.succession
        capabilities = succession.opening_capabilities
        self._playback.seat(capabilities)
        self._barge_ins.seat(capabilities)
        again = self._again()
        self._appended_samples = len(again)
        pieces = range(0, len(again), _PIECE_SAMPLES)
        replay = [again[at : at + _PIECE_SAMPLES] for at in pieces]
        seated = succession.take_seat(now, replay, self._running(), owed=self._patience.owed)
        line = succession.line(self._playback.ledger.stream_ms(now))
        return [*seated, Record(line)]

    def _running(self) -> list[ToolAnswered]:
        """Tools that have not ended, as another session is to know of them."""
        return [
            ToolAnswered(called.tool_call_id, called.name, called.arguments, _STILL_RUNS)
            for called in self._tools.running()
        ]

    def _again(self) -> bytes:
        """What the caller said that only a session of before has heard, or none."""
        if not self._unanswered:
            return b""
        again = self._tail.since(min(self._unanswered.values()))
        self._floor.heard_again(self._unanswered)
        self._unanswered.clear()
        return again

    # ---- time -----------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        return self.succession.next_deadline() if self._carries else None

    @property
    def _carries(self) -> bool:
        """The call needs a session, if only for when the caller is on the line again."""
        ending, succession = self._ending, self.succession
        words = ending.under_way and not ending.beyond and succession.vacant and succession.says
        return ending.broken_off or not ending.under_way or words

    def due(self, now: float) -> list[CallCommand]:
        """Time has passed: something may be late, or the time has come for a successor."""
        if not self._carries:
            return []
        heard = not self._ending.broken_off
        mute = self.succession.mute(now) and heard and self._floor.caller_item is None
        late = self.mute(now, slow=self.succession.follows_mute) or [] if mute else []
        return [*late, *self._or_end(self.succession.due(now), now)]

    def proceed(self, now: float, *, busy: bool) -> list[CallCommand]:
        """Seat the session that is ready: at once where none is seated, else where nobody
        notices. Everything that has happened before is told to it."""
        if self._floor.deserted:
            return self.succession.abandon()
        if self.succession.vacant:
            return self._fill_seat(now)
        if self._ending.phase is not Phase.LIVE or self._ending.under_way:
            return []
        speaking = self._floor.caller_item is not None or self._floor.replying
        pause = not speaking and not self._unanswered and not self._tools
        if not self.succession.may_change(now, silent=not busy and pause, pause=pause):
            return []
        self.succession.inherit(self._playback.disown())
        return self._take_seat(now)

    def _fill_seat(self, now: float) -> list[CallCommand]:
        if self.succession.next_ready:
            away = self._ending.beyond and not self._ending.broken_off
            return [] if away else self._take_seat(now)
        if self._ending.under_way or not self.succession.idle:
            return []
        return self._another(now)
