"""The engine sessions of one call: which is seated, which is on its way, which has to go."""

import asyncio
from collections.abc import Awaitable, Callable

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioFormat,
    CloseEngine,
    Engine,
    EngineAllowance,
    EngineExpires,
    EngineFailed,
    EngineReady,
    ResponseDone,
)
from agents.tasks import Tasks
from telephony.call.events import CallEvent, SuccessorFailed, SuccessorReady
from telephony.media.transcode import Uplink
from telephony.pouring import Pouring
from telephony.seatids import SeatIds

CLOSE_S = 1.0
"""An engine that was asked to close and has not by then is cancelled."""

LEFT = EngineFailed("left", fatal=False)
"""Reported of a session that was left because it was not ready in time, or mute."""
_NAME = "engine"
"""First word of the names of tasks that run sessions."""

Enter = Callable[[int], Awaitable[str | None]]
"""Waits until a session of this rung may be opened; why not, if it may not."""
Report = Callable[[int, AnyEngineEvent], AnyEngineEvent | None]
"""Hears how the sessions of a rung fare; what the call is told instead, if something else."""


def _at_once(_rung: int) -> Awaitable[str | None]:
    free: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    free.set_result(None)
    return free


def _nobody(_rung: int, _event: AnyEngineEvent) -> AnyEngineEvent | None:
    return None


class Opener:
    """Where a call's further sessions come from; made by the composition root."""

    def __init__(
        self,
        new: Callable[[int], Engine] | None = None,
        enter: Enter = _at_once,
        report: Report = _nobody,
    ) -> None:
        """`new` makes the engine of a rung; None: there is no further session."""
        self.new = new
        self.enter = enter
        self.report = report


class _Seat:
    """One session."""

    def __init__(self, number: int, rung: int, engine: Engine | None) -> None:
        self.number = number
        self.rung = rung
        self.ids = SeatIds(number)
        self.engine = engine
        self.hear: Callable[[bytes], None] | None = None
        """Takes the line for the engine, from the first of it on."""
        self.pouring: Pouring | None = None
        self.task: asyncio.Task[None] | None = None
        self.left = False
        self.ready = False
        self.replied = False
        """A response of it ended while it was seated."""
        self.failed = False
        """And that was reported."""
        self.later: list[tuple[float, EngineExpires | EngineAllowance]] = []
        """What it told of itself before it was seated."""


def _listening(engine: Engine) -> Callable[[bytes], None]:
    """What takes the line for it: its own `hear`, where it takes the line as it is."""
    hear, into = engine.hear, engine.capabilities.input_format
    if into is AudioFormat.ULAW_8K:
        return hear
    push = Uplink(into).push
    return lambda ulaw: hear(push(ulaw))


class Seats:
    """Performs OpenEngine, SeatEngine and LeaveEngine, and carries what goes between a call and
    the session that is seated."""

    def __init__(
        self,
        call_id: str,
        first: Engine,
        opener: Opener,
        tasks: Tasks,
        deliver: Callable[[CallEvent], None],
        number: int = 0,
    ) -> None:
        """`number` is the first session's."""
        self._call_id = call_id
        self._opener = opener
        self._tasks = tasks
        self._deliver = deliver
        self._seated: _Seat = _Seat(number, 0, first)
        self._next: _Seat | None = None
        self._began = False
        self._ending = False

    def begin(self) -> None:
        """Open the first session, once."""
        if not self._began:
            self._began = True
            self._run(self._seated)

    def hear(self, ulaw: bytes) -> None:
        """What the line carries next, to the session that is seated."""
        seat = self._seated
        if seat.engine is None or seat.left:
            return
        if seat.hear is None:
            seat.hear = _listening(seat.engine)
        seat.hear(ulaw)

    def submit(self, command: AnyEngineCommand) -> None:
        """To the session that is seated. Audio is that of the line."""
        if isinstance(command, AppendAudio):
            self.hear(command.audio)
            return
        self._ending = self._ending or isinstance(command, CloseEngine)
        seat = self._seated
        meant = seat.ids.command(command)
        if meant is not None and seat.engine is not None and not seat.left:
            seat.engine.submit(meant)

    def open(self, number: int, rung: int) -> None:
        seat = self._next = _Seat(number, rung, None)
        seat.task = self._tasks.start(f"{_NAME} {self._call_id} {number}", self._opened(seat))

    def seat(self, number: int) -> None:
        seat = self._next
        assert seat is not None, "a session that was not opened"
        assert seat.number == number, f"session {number} instead of {seat.number}"
        self._leave(self._seated)
        self._seated, self._next = seat, None
        now = _now()
        for at_s, event in seat.later:
            self._deliver(_aged(event, now - at_s))

    def leave(self, number: int) -> None:
        """It was too slow, mute or failed, or is not needed as the call ends."""
        if self._next is not None and self._next.number == number:
            seat, self._next = self._next, None
            # Whether the call ends shows in the commands that follow.
            asyncio.get_running_loop().call_soon(self._judge, seat)
            self._leave(seat)
        elif self._seated.number == number and not self._seated.left:
            self._judge(self._seated)
            self._leave(self._seated)

    def _judge(self, seat: _Seat) -> None:
        """A session that was left: its provider may be the reason."""
        fine = seat.replied or (seat.ready and seat is not self._seated)
        asked = seat.engine is not None
        if asked and not (fine or seat.failed or self._ending):
            seat.failed = True
            self._opener.report(seat.rung, LEFT)

    def close(self) -> None:
        """Ask all that is open to end."""
        self._ending = True
        for seat in (self._next, self._seated):
            if seat is not None:
                self._ask_to_end(seat)

    async def wait_closed(self) -> None:
        """Bounded; what has not ended by then is the owner's to cancel."""
        if self._seated.task is not None:
            await asyncio.wait([self._seated.task], timeout=CLOSE_S)

    def broken(self, name: str) -> bool:
        """A task of ours broke; True if it was a session's, and the call has been told, unless it
        had left that session."""
        if name.partition(" ")[0] != _NAME:
            return False
        for seat in (self._next, self._seated):
            if seat is not None and seat.task is not None and seat.task.get_name() == name:
                self._heard(seat, EngineFailed("internal", fatal=True))
        return True

    # ---- one session ----------------------------------------------------------------------------

    async def _opened(self, seat: _Seat) -> None:
        """Runs as long as the session does."""
        refused = await self._opener.enter(seat.rung)
        if refused is not None:
            # No session failed: there is nothing to report.
            self._tell(seat, EngineFailed(refused, fatal=True))
            return
        if not seat.left:
            assert self._opener.new is not None, "a call with one engine asked for another"
            seat.engine = self._opener.new(seat.rung)
            await seat.engine.run(lambda event: self._heard(seat, event))

    def _run(self, seat: _Seat) -> None:
        assert seat.engine is not None
        seat.task = self._tasks.start(
            f"{_NAME} {self._call_id} {seat.number}",
            seat.engine.run(lambda event: self._heard(seat, event)),
        )

    def _ask_to_end(self, seat: _Seat) -> None:
        seat.left = True
        if seat.engine is not None:
            seat.engine.submit(CloseEngine())

    def _leave(self, seat: _Seat) -> None:
        if not seat.left:
            self._ask_to_end(seat)
        if seat.task is not None and not seat.task.done():
            asyncio.get_running_loop().call_later(CLOSE_S, seat.task.cancel)

    def _heard(self, seat: _Seat, event: AnyEngineEvent) -> None:
        if isinstance(event, EngineFailed):
            if seat.failed:
                return
            seat.failed = True
        seat.ready = seat.ready or isinstance(event, EngineReady)
        seated = seat is self._seated and not seat.left
        seat.replied = seat.replied or (seated and isinstance(event, ResponseDone))
        if isinstance(event, EngineReady | EngineFailed | ResponseDone | EngineAllowance):
            event = self._opener.report(seat.rung, event) or event
        self._tell(seat, event)

    def _tell(self, seat: _Seat, event: AnyEngineEvent) -> None:
        if seat.pouring is None and seat.engine is not None:
            of = seat.engine.capabilities.output_format
            seat.pouring = Pouring(of, lambda poured: self._pass_on(seat, poured))
        if seat.pouring is None:
            self._pass_on(seat, event)
        else:
            seat.pouring.take(event)

    def _pass_on(self, seat: _Seat, event: AnyEngineEvent) -> None:
        if seat.left:
            return
        if seat is self._seated:
            self._deliver(seat.ids.event(event))
        elif seat is self._next:
            self._heard_of_next(seat, event)

    def _heard_of_next(self, seat: _Seat, event: AnyEngineEvent) -> None:
        match event:
            case EngineReady():
                self._deliver(SuccessorReady(seat.number))
            case EngineFailed(reason, fatal, after_s):
                self._deliver(SuccessorFailed(seat.number, reason, fatal, after_s))
            case EngineExpires() | EngineAllowance():
                seat.later.append((_now(), event))
            case _:
                """It has heard nothing and was asked nothing."""


def _aged(event: EngineExpires | EngineAllowance, by_s: float) -> AnyEngineEvent:
    match event:
        case EngineExpires(in_s):
            return EngineExpires(in_s - by_s)
        case EngineAllowance():
            return event


def _now() -> float:
    return asyncio.get_running_loop().time()
