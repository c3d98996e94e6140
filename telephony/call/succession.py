"""Which engine session a call talks to, and which follows it when it fails, is mute or expires.

Sessions are numbered by seat: 0 is the one the call began with. While no session is seated the
caller is still heard (and heard again by the next one), clips of ours still play, and what an
engine has to say or know waits.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from agents.engine import (
    AnyEngineCommand,
    AnyRemembered,
    AppendAudio,
    Capabilities,
    CloseEngine,
    EngineCommand,
    Inform,
    Remember,
    Say,
    ToolCalled,
    ToolOutput,
)
from telephony.call.commands import CallCommand, LeaveEngine, Note, OpenEngine, Record, SeatEngine
from telephony.call.config import CallConfig, Rung
from telephony.call.memory import Memory, remembered
from telephony.transcripts.entry import AgentLine, SeatLine

MOST_SEATS = 24
"""Sessions that fail so often in one call will not do better the next time."""
_HELD = 16
"""What waits for a session: more is never asked in the seconds without one."""
_MOST_SAID = 4
"""So many sentences may wait to be said: a disclosure, a greeting, and some more."""
_PLANNED_AHEAD_S = 600.0
_AHEAD_SHARE = 0.2
"""How long before its end a session's successor is opened: so long, or so much of what is left."""
_ANY_PAUSE_S = 20.0
"""So long before its end the next moment will do in which nobody speaks."""
_PLANNED_AGAIN_S = 30.0


class Why(Enum):
    """Why another session is wanted."""

    FAILED = "failed"
    MUTE = "mute"
    EXPIRING = "expiring"
    RESUMED = "resumed"
    """The call was another process's."""


@dataclass(slots=True)
class _Opening:
    """A session on its way."""

    seat: int
    rung: int
    until_s: float
    planned: bool
    ready: bool = False


class Succession:
    """Methods return the commands that follow. Times are seconds on the call's clock."""

    def __init__(self, config: CallConfig, memory: Memory) -> None:
        self._rungs = config.rungs
        self._limits = config.limits
        self._memory = memory
        self._first = config.resumed.seat if config.resumed else 0
        self._seat = self._seats = self._first
        self._opened = self._in_vain = 0
        """Sessions that were opened for want of another; those opened ahead in vain, in a row."""
        self._rung = 0
        self._vacant = False
        self._why = Why.RESUMED if config.resumed else Why.EXPIRING
        """Why the next one is wanted."""
        self._opening: _Opening | None = None
        self._again_s: float | None = None
        """When the next one may be opened."""
        self._trouble_s: float | None = None
        """Since when this rung has not done what it is there for."""
        self._tries: Counter[int] = Counter()
        self._mute_s: float | None = None
        """When the session that is seated must have been heard of."""
        self._expires_s: float | None = None
        self._lasts_s = 0.0
        self._forced = False
        """The session is so near its end that the next pause has to do."""
        self._asked_by: dict[str, int] = {}
        """Tool calls that run, by the seat that asked for them."""
        self._held: list[AnyEngineCommand] = []
        self._saying: list[Say] = []
        """What the session was asked to say and has not said."""
        self._answer = False
        """The caller waits for an answer that the session before it did not give."""
        self._orphans: set[str] = set()
        """Items of sessions before that the caller may still be hearing."""

    # ---- questions ------------------------------------------------------------------------------

    @property
    def possible(self) -> bool:
        """There is another session to be had."""
        if not self._rungs or self._spent:
            return False
        return self._tries[self._rung] < self.rung.tries or self._rung + 1 < len(self._rungs)

    @property
    def _spent(self) -> bool:
        return self._opened >= MOST_SEATS

    @property
    def next_ready(self) -> bool:
        return self._opening is not None and self._opening.ready

    @property
    def follows_mute(self) -> bool:
        """The session that is seated followed one that was mute."""
        return self._seat > self._first and self._why is Why.MUTE

    @property
    def says(self) -> bool:
        """Words wait for a session that can say them."""
        return any(isinstance(each, Say) for each in self._held)

    @property
    def idle(self) -> bool:
        """None is seated, and none is on its way."""
        return self._vacant and self._opening is None and self._again_s is None

    @property
    def any(self) -> bool:
        return bool(self._rungs)

    @property
    def heard_of_before(self) -> bool:
        """Something of a session before is still being heard, and an answer waits for its end."""
        return self._answer and bool(self._orphans)

    @property
    def vacant(self) -> bool:
        return self._vacant

    @property
    def due_to_speak(self) -> bool:
        """The caller waits for what a session before this one left unsaid."""
        return self._answer or self.says

    @property
    def opening_capabilities(self) -> Capabilities:
        assert self._opening is not None
        return self._rungs[self._opening.rung].capabilities

    @property
    def rung(self) -> Rung:
        return self._rungs[self._rung]

    # ---- the session that is seated -------------------------------------------------------------

    def began(self, now: float) -> None:
        """The stream is open, and the first session is being opened."""
        if self._rungs and self._seats == self._first:
            self._mute_s = now + self._limits.open_s

    def ready(self) -> None:
        self._mute_s = None

    def spoke(self) -> None:
        """The session that is seated is heard."""
        self._mute_s = None
        self._answer = False

    def replied(self) -> None:
        """It has given a whole reply: whatever trouble there was is over."""
        del self._saying[:1]
        self._trouble_s = None
        self._tries.clear()

    def interrupted(self) -> None:
        """The caller speaks: what they say next is what is to be answered."""
        self._saying.clear()
        self._mute_s = None
        self._answer = False
        self._held = [each for each in self._held if not isinstance(each, Say)]

    def tool_called(self, called: ToolCalled) -> None:
        self._asked_by[called.tool_call_id] = self._seat
        self._mute_s = None

    def orphaned(self, called: ToolCalled) -> None:
        """A tool that a session of another process asked for."""
        self._asked_by[called.tool_call_id] = -1

    def expires(self, in_s: float, now: float) -> None:
        if self._rungs:
            self._expires_s, self._lasts_s = now + in_s, in_s

    def inherit(self, orphans: Collection[str]) -> None:
        """These items of the session that makes room are not settled."""
        self._orphans |= set(orphans)
        self._why = Why.EXPIRING

    # ---- losing it ------------------------------------------------------------------------------

    def vacate(self, why: Why, *, owed: bool, orphans: Collection[str]) -> list[CallCommand]:
        """The seated session is of no more use. `owed`: the caller waits for words of it;
        `orphans`: its items that are not settled."""
        self._vacant, self._why = True, why
        self._mute_s = self._expires_s = None
        self._orphans |= set(orphans)
        if self._saying:
            self._held[:0] = self._saying
            self._saying.clear()
        elif owed:
            self._answer = True
        return [Note("engine_left", detail=why.value), LeaveEngine(self._seat)]

    def another(
        self, now: float, *, fatal: bool = False, slow: bool = False, after_s: float | None = None
    ) -> list[CallCommand] | None:
        """Open the next session, now or soon; None: there is none to be had.

        `fatal`: this rung would fail again. `slow`: it let us wait, so the next one is better, if
        there is one. `after_s`: so long it asks to be left alone.
        """
        if self._opening is not None:
            self._opening.planned = False
            return []
        wait_s = after_s or (0.0 if self._trouble_s is None else self._limits.reopen_s)
        since_s = self._trouble_s = now if self._trouble_s is None else self._trouble_s
        tired = self._tries[self._rung] >= self.rung.tries
        late = now + wait_s >= since_s + self._limits.rung_s
        slow = slow and self._rung + 1 < len(self._rungs)
        if fatal or slow or tired or late:
            wait_s = 0.0
            # Who has waited for a mute session cannot wait for every engine in turn.
            last = slow and self._why is Why.MUTE
            self._rung = len(self._rungs) - 1 if last else self._rung + 1
            self._trouble_s = now
        if self._rung >= len(self._rungs) or self._spent:
            self._rung = min(self._rung, len(self._rungs) - 1)
            return None
        if wait_s:
            self._again_s = now + wait_s
            return []
        return self._open(now, planned=False)

    def abandon(self) -> list[CallCommand]:
        """No session is wanted any more."""
        self._again_s = None
        return self._drop_opening()

    def _drop_opening(self) -> list[CallCommand]:
        opening, self._opening = self._opening, None
        return [LeaveEngine(opening.seat)] if opening is not None else []

    def _open(self, now: float, *, planned: bool) -> list[CallCommand]:
        self._seats += 1
        self._again_s = None
        if not planned:
            self._opened += 1
            self._tries[self._rung] += 1
        until_s = now + self._limits.open_s
        self._opening = _Opening(self._seats, self._rung, until_s, planned)
        return [OpenEngine(self._seats, self._rung)]

    # ---- the next one ---------------------------------------------------------------------------

    def successor_ready(self, seat: int) -> bool:
        """Whether it is to be seated at once."""
        opening = self._opening
        if opening is None or opening.seat != seat:
            return False
        opening.ready = True
        return self._vacant

    def successor_failed(
        self,
        seat: int,
        now: float,
        *,
        fatal: bool = False,
        slow: bool = False,
        after_s: float | None = None,
    ) -> list[CallCommand] | None:
        """As `another`."""
        opening = self._opening
        if opening is None or opening.seat != seat:
            return []
        self._opening = None
        if opening.planned and not self._vacant:
            self._again_s = now + _PLANNED_AGAIN_S * 2 ** min(self._in_vain, 3)
            self._in_vain += 1
            return []
        return self.another(now, fatal=fatal, slow=slow, after_s=after_s)

    def take_seat(
        self,
        now: float,
        replay: Sequence[bytes],
        running: Sequence[AnyRemembered],
        *,
        owed: bool,
    ) -> list[CallCommand]:
        """Seat the session that is ready. `replay`: what the caller said that nobody answered, in
        its input format; `running`: tools that have not ended; `owed`: the caller waits."""
        opening = self._opening
        assert opening is not None, "only a session that was opened can be seated"
        self._opening, self._vacant, self._seat = None, False, opening.seat
        self._mute_s = self._again_s = self._expires_s = self._trouble_s = None
        self._forced, self._in_vain = False, 0
        answers = self._answers()
        held, self._held = self._held, []
        self._saying = [each for each in held if isinstance(each, Say)]
        if answers or self._saying or (owed and replay):
            self._mute_s = now + self._limits.mute_s
        known = (*self._memory.whole(), *running)
        told: list[CallCommand] = [Remember(known, answer=answers and not held)]
        heard_again = [AppendAudio(piece) for piece in replay]
        asked = [Remember((), answer=True)] if answers and held else []
        return [SeatEngine(opening.seat), *told, *held, *asked, *heard_again]

    def _answers(self) -> bool:
        """To be asked for at once, unless something older is still being heard, or a tool runs
        whose answer comes first."""
        return self._answer and not self._orphans and not self._asked_by

    # ---- time -----------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        opening = self._opening
        times = (
            self._mute_s,
            self._again_s,
            opening.until_s if opening and not opening.ready else None,
            self._plan_s if opening is None and not self._vacant else None,
            self._forced_s if opening and opening.ready and not self._forced else None,
        )
        return min((time for time in times if time is not None), default=None)

    def mute(self, now: float) -> bool:
        """The seated session was not heard of in time, and there is another to be had."""
        if self._mute_s is None or now < self._mute_s:
            return False
        self._mute_s = None
        return self.possible

    def due(self, now: float) -> list[CallCommand] | None:
        """What the clock asks for; None: nothing more is to be had."""
        opening = self._opening
        if opening is not None and not opening.ready and opening.until_s <= now:
            failed = self.successor_failed(opening.seat, now, slow=True)
            if failed is None:
                # It is still on its way, and has to be left with everything else.
                self._opening = opening
                return None
            return [LeaveEngine(opening.seat), *failed]
        self._forced = self._forced_s is not None and self._forced_s <= now
        if self._again_s is not None and self._again_s <= now:
            self._again_s = None
            return self._open(now, planned=False) if self._vacant else []
        plan_s = self._plan_s
        if plan_s is not None and plan_s <= now and opening is None and not self._vacant:
            return self._open(now, planned=True)
        return []

    @property
    def _plan_s(self) -> float | None:
        """When the successor of a session that will expire is opened."""
        if self._expires_s is None or self._spent or self._again_s is not None:
            return None
        return self._expires_s - min(_PLANNED_AHEAD_S, _AHEAD_SHARE * self._lasts_s)

    @property
    def _forced_s(self) -> float | None:
        return None if self._expires_s is None else self._expires_s - _ANY_PAUSE_S

    def may_change(self, now: float, *, silent: bool, pause: bool) -> bool:
        """The successor is ready, and nobody will notice. `silent`: nothing is said, done or
        heard; `pause`: just now nobody speaks, though something may still be heard."""
        opening, forced_s = self._opening, self._forced_s
        if self._vacant or opening is None or not opening.ready:
            return False
        return silent or (pause and forced_s is not None and now >= forced_s)

    # ---- what goes to it ------------------------------------------------------------------------

    def addressed(self, commands: list[CallCommand], now: float) -> list[CallCommand]:
        """The commands as the session that is seated can take them, or none is. The memory has
        taken note of them."""
        if not self._rungs:
            return commands
        return [each for command in commands for each in self._addressed(command, now)]

    def _addressed(self, command: CallCommand, now: float) -> list[CallCommand]:
        match command:
            case ToolOutput():
                return self._tool_output(command)
            case Record(AgentLine() as line) if line.item_id in self._orphans:
                return [command, *self._orphan_told(line, now)]
            case Say():
                return self._said(command)
            case Inform() if self._vacant:
                self._hold(command)
                return []
            case CloseEngine():
                return [*self._drop_opening(), command]
            case EngineCommand() if self._vacant:
                return []
            case _:
                return [command]

    def _said(self, command: Say) -> list[CallCommand]:
        if self._vacant:
            self._hold(command)
            return []
        self._saying.append(command)
        del self._saying[:-_MOST_SAID]
        return [command]

    def _hold(self, command: Say | Inform) -> None:
        """Each sentence once, in the order in which it was wanted first."""
        if isinstance(command, Say):
            self._answer = False
            if command in self._held:
                return
        self._held.append(command)
        del self._held[:-_HELD]

    def _tool_output(self, command: ToolOutput) -> list[CallCommand]:
        """The memory has a tool's answer by now; whoever asked for it may be gone."""
        asked_by = self._asked_by.pop(command.tool_call_id, self._seat)
        if asked_by == self._seat and not self._vacant:
            return [command]
        if self._vacant:
            self._answer = self._answer or command.respond
            return []
        answered = self._memory.answer_of(command.tool_call_id)
        self._answer = self._answer and not command.respond
        return [Remember((answered,), answer=command.respond)] if answered else []

    def _orphan_told(self, line: AgentLine, now: float) -> list[CallCommand]:
        """What was said by a session before is settled: the one that is seated is told."""
        self._orphans.discard(line.item_id)
        if self._vacant:
            return []
        answer = self._answers()
        if answer:
            self._mute_s = now + self._limits.mute_s
        found = remembered(line)
        if found is None and not answer:
            return []
        return [Remember((found[1],) if found else (), answer=answer)]

    def line(self, at_ms: int) -> SeatLine:
        """That another session was seated just now."""
        engine = self.rung.engine if self._rungs else ""
        return SeatLine(self._seat, engine, self._why.value, at_ms)
