"""The pump of one call: feeds it events in order, does what it asks, never lets it hang."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from agents.engine import (
    AppendAudio,
    CloseEngine,
    Engine,
    ToolCalled,
)
from agents.tasks import TICK_S, Tasks
from telephony.accounts import Accounts, Watch
from telephony.call.commands import (
    AnyPhoneCommand,
    CallBack,
    CallCommand,
    ClearPlayback,
    CloseStream,
    EndCall,
    HangUp,
    LeaveEngine,
    Note,
    Onward,
    OpenEngine,
    PhoneCommand,
    PlaceMark,
    PlayAudio,
    Record,
    RunTool,
    SealDigits,
    SeatEngine,
    SettleTool,
    StoreAudio,
    TakeBack,
    TakeMessage,
    Transfer,
)
from telephony.call.config import Resumed
from telephony.call.events import (
    AnyPhoneEvent,
    CallerAudio,
    CallEvent,
    DeadlineReached,
    DigitsSealed,
    HandedOver,
    HandOverFailed,
    HangUpFailed,
    MarkEchoed,
    StreamLost,
    StreamStarted,
    ToolFinished,
    ToolWaits,
)
from telephony.call.lane import Lane
from telephony.call.machine import Call
from telephony.confidence import HiddenKeys
from telephony.custody import Keeping, Unkept
from telephony.mishaps import mishap
from telephony.redacting.conversation import Conversation
from telephony.redactions import Redactions
from telephony.seats import Opener, Seats
from telephony.toolruns import OnBehalf, finished
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    EndedReason,
    EndLine,
    Fate,
    TurnLine,
)
from telephony.transcripts.journal import Journal
from telephony.transcripts.latency import latency
from telephony.transcripts.withholding import Withholding
from telephony.twilio.ports import Count, Deliver, Leg
from telephony.twilio.rest import CallControl, RedirectResult
from tools.dispatch import Dispatcher
from tools.onhold import OnHold
from tools.redacting.kinds import NOTHING
from tools.spec import Evidence, ToolOutcome

log = structlog.get_logger()

_LET_GO_S = 1.0
"""What was cancelled and has not ended by then is left behind."""


class Surroundings(Protocol):
    """What all calls of a service share."""

    @property
    def dispatcher(self) -> Dispatcher: ...

    @property
    def control(self) -> CallControl: ...

    def onward(self, onward: Onward) -> bytes:
        """The carrier's document for it."""

    def call_back(self, call_id: str, caller_number: str | None, why: str) -> None:
        """Leave the staff a note; never waits and never fails."""

    def later(self, act: Callable[[], None]) -> None:
        """Do this when sound has been carried on: see telephony.spare."""

    @property
    def count(self) -> Count: ...

    @property
    def watch(self) -> Watch:
        """For what counts and decides in this process."""

    @property
    def show(self) -> Watch:
        """For people who look on: no words before the caller agrees that any are kept."""


class Session:
    """One live call and all that is kept running for it.

    `over` is called once, when nothing of the call is left running.
    """

    def __init__(
        self,
        call_id: str,
        caller_number: str | None,
        call: Call,
        leg: Leg,
        engine: Engine,
        journal: Journal | Withholding,
        around: Surroundings,
        over: Callable[["Session"], None],
        verstat: str = "",
        called_number: str | None = None,
        persona: str = "",
        opener: Opener | None = None,
        keeping: Keeping | None = None,
        resumed: Resumed | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        """`called_number` and `persona` decide which tools are offered; `opener` gives further
        engine sessions; `keeping` is told what another process would need to go on, and `resumed`
        how a call stands that another has begun; `conversation` decides what of it is kept."""
        self.call_id = call_id
        self.ended: EndedReason | None = None
        self.apologised = False
        """The caller heard our own apology to its end."""
        self.next_step: Onward | TakeBack | None = None
        """What the carrier is told if it asks what to do with the caller."""
        self._caller_number = caller_number
        self._call = call
        self._leg = leg
        self._legs = 0
        talk = conversation or Conversation(NOTHING)
        self._accounts = Accounts(journal, talk, keeping or Unkept())
        self._journal = self._accounts.journal
        self._around = around
        self._over = over
        self._loop = asyncio.get_running_loop()
        self._zero_s = self._loop.time() - (resumed.at_s if resumed else 0.0)
        self._inbox: deque[CallEvent] = deque()
        self._lane = Lane()
        self._passed = 0
        """Of the audio that is handled just now, what the engine has already."""
        self._behalf = OnBehalf(call_id, caller_number, called_number, persona, verstat, talk.kinds)
        self._asked: dict[str, str] = {}
        """Names of the tools that run, by tool call."""
        self._hidden = HiddenKeys()
        self._redactions = Redactions()
        self._draining = False
        self._timer: asyncio.TimerHandle | None = None
        self._armed_s = 0.0
        self._tasks = Tasks(self._task_failed)
        seat = resumed.seat if resumed else 0
        self._seats = Seats(call_id, engine, opener or Opener(), self._tasks, self.deliver, seat)
        self._log = log.bind(call_sid=call_id)

    # ---- the pump ------------------------------------------------------------------------------

    def deliver(self, event: CallEvent) -> None:
        """Feed one event. Never awaits, so order holds; safe to re-enter."""
        if self.ended is not None:
            return
        if self._draining:
            self._inbox.append(event)
        else:
            self._pump(event)

    def _pump(self, event: CallEvent | None = None) -> None:
        """None: nothing has happened, but what has passed is to be told."""
        self._draining = True
        try:
            if event is not None and self._waits(event):
                return
            self._drain()
            self._leg.flush()
        except Exception:  # the pump: a bug in the core ends this call, never the server
            self._log.exception("call_core_failed")
            self._around.count("call_core_failed")
            self._crash()
        finally:
            self._draining = False
        self._arm()

    def _waits(self, event: CallEvent) -> bool:
        """It passes, and the call is told of it when there is time."""
        if not self._passes(event):
            self._inbox.append(event)
            return False
        if self._inbox or self._lane.full:
            return False
        if self._lane.ripe:
            self._around.later(self._follow)
        return True

    def _follow(self) -> None:
        if self._lane.ripe:
            self._pump()

    def _drain(self) -> None:
        if self._lane.waiting:
            self._catch_up()
        while self._inbox:
            self._step(self._inbox.popleft(), self._now())
        self._lane.grant(self._call.lane(self._now()))

    def attach(self, leg: Leg) -> Deliver:
        """Go on over this stream; where its events go. What still comes of the one before it is
        not of this call any more."""
        self._leg = leg
        self._legs += 1
        number = self._legs

        def deliver(event: AnyPhoneEvent) -> None:
            if number == self._legs:
                self.deliver(event)
            else:
                self._around.count("event_of_left_stream")

        return deliver

    @property
    def expects_stream(self) -> bool:
        """The caller was told to come back, and has not yet."""
        return self.ended is None and isinstance(self.next_step, TakeBack)

    def _now(self) -> float:
        return self._loop.time() - self._zero_s

    def _passes(self, event: CallEvent) -> bool:
        """Nothing is to be decided about it: the engine gets it, and the call hears of it soon."""
        if isinstance(event, CallerAudio):
            passes = self._lane.takes(event, self._now())
            if passes:
                self._seats.hear(event.ulaw)
            return passes
        if not isinstance(event, MarkEchoed) or not self._call.can_wait(event):
            return False
        return self._lane.takes_echo(event.name, self._now())

    def _catch_up(self) -> None:
        """Tell the call what has passed since anything happened."""
        self._passed = self._lane.passed
        self._step(self._lane.rest(), self._lane.came_s)
        self._passed = 0

    def _step(self, event: CallEvent, now: float) -> None:
        if self._call.hides(event, now):
            event = self._hidden.hide(event)
        if isinstance(event, ToolCalled | ToolFinished):
            event = self._redactions.hide(event, self._around.dispatcher.redacted(event.name))
        commands = self._handle(event, now)
        seen, shown, told = self._accounts.take(now, event, commands)
        for command in commands:
            self._perform(command)
        self._around.watch(self.call_id, now, seen, shown)
        self._around.show(self.call_id, now, self._accounts.witnessed(seen), told)
        if isinstance(event, StreamStarted):
            self.next_step = None
            self._seats.begin()

    def _handle(self, event: CallEvent, now: float) -> list[CallCommand]:
        try:
            return self._call.handle(event, now)
        except Exception:
            # The event that broke the core must be in the journal: it is the bug report.
            self._journal.event(now, event, [])
            raise

    def _perform(self, command: CallCommand) -> None:
        if isinstance(command, PhoneCommand):
            self._perform_phone(command)
        elif isinstance(command, AppendAudio) and self._passed:
            # The first of an answer is for what passed.
            self._passed = 0
        else:
            self._seats.submit(self._redactions.given_back(command))

    def _perform_phone(self, command: AnyPhoneCommand) -> None:  # noqa: C901, one flat table
        match command:
            case PlayAudio(ulaw):
                self._leg.play(ulaw)
            case StoreAudio(track, at_samples, ulaw):
                self._journal.audio(track, at_samples, ulaw)
            case PlaceMark(name):
                self._leg.mark(name)
            case ClearPlayback():
                self._leg.clear()
            case Record(entry):
                self._record(entry)
            case RunTool():
                self._asked[command.tool_call_id] = command.name
                self._tasks.start(f"tool {command.tool_call_id}", self._run_tool(command))
            case SettleTool(tool_call_id, name):
                self._asked[tool_call_id] = name
                self._tasks.start(f"settle {tool_call_id}", self._settle(tool_call_id, name))
            case OpenEngine(seat, rung):
                self._seats.open(seat, rung)
            case SeatEngine(seat):
                self._seats.seat(seat)
            case LeaveEngine(seat):
                self._seats.leave(seat)
            case SealDigits(tool_call_id, count):
                self._seal(tool_call_id, count)
            case HangUp():
                self._tasks.start("hang up", self._hang_up())
            case Transfer() | TakeMessage() | TakeBack():
                self._pass_on(command)
            case CallBack(why):
                self._around.call_back(self.call_id, self._caller_number, why)
            case CloseStream(code, reason):
                self._leg.close(code, reason)
            case Note(code, value, detail):
                self._around.count(code)
                self._log.info("call_note", code=code, value=value, detail=detail)
            case EndCall(reason):
                self._end(reason)

    def _record(self, entry: AnyEntry) -> None:
        self._journal.record(entry)
        if isinstance(entry, AgentLine) and (entry.source, entry.item_id) == ("own", "apology"):
            self.apologised = entry.fate is Fate.HEARD
        if isinstance(entry, TurnLine):
            self._log.info("turn", **msgspec.structs.asdict(latency(entry)))

    def _seal(self, tool_call_id: str, count: int) -> None:
        vault = self._around.dispatcher.vault
        reference = vault.put(self.call_id, self._hidden.take(count))
        self.deliver(DigitsSealed(tool_call_id, reference))

    def _pass_on(self, step: Onward | TakeBack) -> None:
        self.next_step = step
        if isinstance(step, TakeBack):
            self._legs += 1
        elif not (isinstance(step, TakeMessage) and step.asked):
            self._tasks.start("redirect", self._redirect(step))

    def _arm(self) -> None:
        """One timer, set to the call's next deadline or, as most are put off again and again, to an
        earlier one."""
        deadline = None if self.ended is not None else self._call.next_deadline()
        if self._timer is not None:
            if deadline is not None and deadline >= self._armed_s:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._armed_s = deadline
            self._timer = self._loop.call_at(self._zero_s + deadline + TICK_S, self._due)

    def _due(self) -> None:
        self._timer = None
        deadline = None if self.ended is not None else self._call.next_deadline()
        if deadline is not None and deadline > self._armed_s:
            self._arm()
        else:
            self.deliver(DeadlineReached())

    # ---- what takes time -----------------------------------------------------------------------

    async def _run_tool(self, command: RunTool) -> None:
        arguments = self._redactions.arguments(command)
        request = self._behalf.run(command, arguments, wordless=self._accounts.wordless)
        hold = OnHold(
            lambda words: self.deliver(ToolWaits(command.tool_call_id, words)), self._evidence
        )
        self._finished(await self._around.dispatcher.run(request, hold))

    def _evidence(self) -> Evidence:
        """What was said and heard until now, for a tool call that has waited. It is over where the
        call is: another process may be told that it never began."""
        if self.ended is None:
            self._pump()
        if self.ended is not None:
            raise asyncio.CancelledError
        return self._call.hearing.evidence()

    async def _settle(self, tool_call_id: str, name: str) -> None:
        request = self._behalf.settle(tool_call_id, name, wordless=self._accounts.wordless)
        self._finished(await self._around.dispatcher.settle(request))

    def _finished(self, outcome: ToolOutcome) -> None:
        self._asked.pop(outcome.tool_call_id, None)
        self._log.info("tool_finished", tool=outcome.name, state=outcome.state.value)
        self.deliver(finished(outcome))

    async def _hang_up(self) -> None:
        result = await self._around.control.hang_up(self.call_id)
        if not result.over:
            self.deliver(HangUpFailed(result.value))

    async def _redirect(self, step: Onward) -> None:
        result = await self._around.control.redirect(self.call_id, self._around.onward(step))
        if result is RedirectResult.DONE:
            self.deliver(HandedOver())
        else:
            over = result is RedirectResult.ALREADY_OVER
            self.deliver(HandOverFailed(result.value, over))

    def _task_failed(self, name: str, error: BaseException) -> None:
        """A task broke its promise never to raise: answer as if what it carried had failed."""
        self._around.count("task_failed")
        self._log.error("task_failed", task=name, exc_info=error)
        if self.ended is None and not self._seats.broken(name):
            self.deliver(mishap(name, self._asked))

    # ---- the end -------------------------------------------------------------------------------

    def _crash(self) -> None:
        """The core is not to be asked again: give the caller back to the carrier."""
        if self.ended is None:
            self._leg.close(1011, "internal error")
            self._seats.submit(CloseEngine())
            now = self._now()
            for command in self._last_words(now):
                self._perform_phone(command)
            self._journal.record(EndLine(EndedReason.INTERNAL_ERROR, round(now * 1000)))
            self._end(EndedReason.INTERNAL_ERROR)

    def _last_words(self, now: float) -> list[Record | StoreAudio]:
        """What the core can still tell of the call, if it can tell anything."""
        commands: list[CallCommand] = []
        try:
            if self._lane.waiting:
                commands += self._call.handle(self._lane.rest(), self._lane.came_s)
            commands += self._call.handle(StreamLost("internal"), now)
        except Exception:  # broken it is, and known to be
            return []
        told = (each for each in commands if isinstance(each, Record | StoreAudio))
        # How it has ended is written down by who knows.
        return [each for each in told if not _ends(each)]

    def _end(self, reason: EndedReason) -> None:
        self.ended = reason
        self._inbox.clear()
        self._hidden.clear()
        self._redactions.clear()
        self._journal.close(reason)
        if reason is not EndedReason.MIGRATED:
            self._accounts.keeping.ended(reason)
        self._log.info("call_ended", reason=reason.value)
        self._tasks.start("release", self._release())

    async def _release(self) -> None:
        """Let go of the engine and whatever still runs; a write under way is the dispatcher's."""
        try:
            if self.ended is EndedReason.MIGRATED:
                # The carrier asks another process as soon as the socket is closed.
                await self._accounts.keeping.handed_on()
                self._leg.close(1001, "going away")
            self._seats.close()
            await self._seats.wait_closed()
            await self._let_go()
            self._around.dispatcher.forget(self.call_id)
        finally:
            self._over(self)
            # Its parts know each other. Half a megabyte of a call would stay until the collector
            # looks, and a look at everything stops all calls.
            vars(self._call).clear()

    async def _let_go(self) -> None:
        try:
            async with asyncio.timeout(_LET_GO_S):
                await self._tasks.cancel_all()
        except TimeoutError:
            self._around.count("task_left_behind")
            self._log.error("task_left_behind", tasks=self._tasks.names())


def _ends(command: Record | StoreAudio) -> bool:
    return isinstance(command, Record) and isinstance(command.entry, EndLine)
