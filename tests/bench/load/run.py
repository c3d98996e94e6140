"""One measurement: a fresh server, so many calls at once, a steady stretch of time."""

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

import aiohttp
import msgspec

from agents.tasks import Tasks
from telephony.call.config import TurnTaking
from telephony.simulator.phone import EndedBy, PhoneReport
from tests.bench.load import plan
from tests.bench.load.figures import Figures, spread
from tests.bench.load.model import BenchModel, BenchSession, Line
from tests.bench.load.peers import PeerServer
from tests.bench.load.phone import TAIL_S, BenchCall
from tests.bench.load.server import Server, Usage
from tests.bench.load.trace import Trace

SESSION_S = 15.0
END_S = 20.0
_COMPLAINTS_SHOWN = 5

Tell = Callable[[str], None]


class Wish(msgspec.Struct, frozen=True):
    """What to measure."""

    audio: str
    calls: int
    seconds: float
    server_core: int | None
    seed: int = 1
    peer: str = ""
    """Whose server; empty: ours."""
    barge_in: str = "confirmed"
    """Our own server's policy, `FRONTDESK_BARGE_IN`; this is what users run."""
    settle_s: float = 3.0
    """From the last call's start to the measurement: by then all greetings are under way."""


class Beside(Protocol):
    """What else the server is asked to do while it is measured."""

    async def prepare(self, server: Server) -> None:
        """Before the first call."""

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """For as long as the measurement lasts."""


class Nothing:
    """The server carries calls and nothing else."""

    async def prepare(self, server: Server) -> None:
        """There is nothing to prepare."""

    def at_work(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()


class Steady(msgspec.Struct, frozen=True):
    """The server before the calls and at both ends of the measurement, and the rig's own CPU."""

    idle: Usage
    begin: Usage
    end: Usage
    rig_cpu_s: float


class _Live:
    """One call with everything that belongs to it."""

    def __init__(self, call: BenchCall, trace: Trace, task: asyncio.Task[PhoneReport]) -> None:
        self.call = call
        self.trace = trace
        self.task = task
        self.session: BenchSession | None = None


class Load:
    """The calls of one measurement."""

    def __init__(
        self, wish: Wish, server: Server, model: BenchModel, tell: Tell, beside: Beside
    ) -> None:
        self._wish = wish
        self._beside = beside
        self._server = server
        self._model = model
        self._tell = tell
        self._lateness_s: list[float] = []
        self._calls: list[_Live] = []
        self._tasks = Tasks(lambda name, error: tell(f"{name}: {error!r}"))

    async def measure(self) -> Figures:
        async with aiohttp.ClientSession(
            trust_env=False, connector=aiohttp.TCPConnector(limit=0, force_close=True)
        ) as http:
            try:
                idle = await self._warm_up(http)
                await self._ramp_up(http)
                steady = await self._steady(idle)
                reports = await self._hang_up()
            finally:
                await self._tasks.cancel_all()
        return self._figures(steady, reports)

    # ---- stages --------------------------------------------------------------------------------

    async def _warm_up(self, http: aiohttp.ClientSession) -> Usage:
        """One call nobody counts: what is loaded by the first call is not the cost of a call."""
        await self._dial(http, 0)
        await asyncio.sleep(self._wish.settle_s)
        await self._hang_up()
        self._calls.clear()
        await asyncio.sleep(1.0)
        return self._server.usage()

    async def _ramp_up(self, http: aiohttp.ClientSession) -> None:
        self._tell(f"dialling {self._wish.calls} calls")
        for number in range(self._wish.calls):
            await self._dial(http, self._wish.seed * 10_000 + number)
            # One after another, and not in step with the 20 ms of those that are on.
            await asyncio.sleep(0.0137)
        await asyncio.sleep(self._wish.settle_s)

    async def _dial(self, http: aiohttp.ClientSession, seed: int) -> None:
        most_s = self._wish.seconds + 60 + self._wish.calls * 0.2
        trace, turns = Trace(_undecided_s(self._wish)), plan.turns(seed, int(most_s * 1000))
        call = BenchCall(http, self._server.address, trace, turns, self._lateness_s.append)
        sessions = len(self._model.sessions)
        self._model.expect(Line(trace, turns, call.queued_samples))
        task = self._tasks.start(f"call {seed}", call.dial(most_s + END_S))
        live = _Live(call, trace, task)
        self._calls.append(live)
        try:
            async with asyncio.timeout(SESSION_S):
                while len(self._model.sessions) == sessions and not task.done():
                    await asyncio.sleep(0.002)
        except TimeoutError:
            pass
        self._model.forget()
        if len(self._model.sessions) > sessions:
            live.session = self._model.sessions[sessions]

    async def _steady(self, idle: Usage) -> Steady:
        self._tell(f"measuring {self._wish.seconds:g} s")
        gc.collect()
        gc.disable()  # A pause of the rig would be a latency of the server's.
        begin, rig_begin = self._server.usage(), time.process_time()
        self._set_measuring(True)
        try:
            async with self._beside.at_work():
                await asyncio.sleep(self._wish.seconds)
        finally:
            self._set_measuring(False)
            gc.enable()
        return Steady(idle, begin, self._server.usage(), time.process_time() - rig_begin)

    def _set_measuring(self, measuring: bool) -> None:
        for live in self._calls:
            live.trace.measuring = measuring

    async def _hang_up(self) -> list[PhoneReport | None]:
        for live in self._calls:
            live.call.hang_up()
        tasks = [live.task for live in self._calls]
        await asyncio.wait(tasks, timeout=END_S)
        return [_result(task) for task in tasks]

    # ---- figures -------------------------------------------------------------------------------

    def _figures(self, steady: Steady, reports: Sequence[PhoneReport | None]) -> Figures:
        traces = [live.trace for live in self._calls]
        calls, seconds = self._wish.calls, steady.end.at_s - steady.begin.at_s
        troubles = [
            trouble
            for live, report in zip(self._calls, reports, strict=True)
            if (trouble := _trouble(live.session, report))
        ]
        errors, missed, talking = self._cuts(reports)
        lost = sum(t.lost_up_samples + t.lost_down_samples for t in traces)
        complaints = [*troubles, *self._server.complaints()]
        return Figures(
            server=self._wish.peer,
            audio=self._wish.audio,
            calls=calls,
            seconds=round(seconds, 3),
            cpu_ms_per_call_second=round(
                (steady.end.cpu_s - steady.begin.cpu_s) * 1000 / calls / seconds, 3
            ),
            up_ms=spread([s * 1000 for t in traces for s in t.up_s]),
            down_ms=spread([s * 1000 for t in traces for s in t.down_s]),
            barge_in_ms=spread([s * 1000 for t in traces for s in t.barge_in_s]),
            truncation_error_ms=spread(errors),
            frames_lost=-(-lost // 160),
            missed_interruptions=missed,
            failed_calls=len(troubles),
            rss_mb_per_call=round(
                (steady.end.rss_bytes - steady.idle.rss_bytes) / calls / 2**20, 3
            ),
            talking=round(talking, 3),
            rig_cpu=round(steady.rig_cpu_s / seconds, 3),
            rig_late_ms=spread([s * 1000 for s in self._lateness_s]),
            complaints=tuple(complaints[:_COMPLAINTS_SHOWN]),
        )

    def _cuts(self, reports: Sequence[PhoneReport | None]) -> tuple[list[float], int, float]:
        """Truncation errors of all calls, interruptions missed, and how long the agent talked."""
        errors: list[float] = []
        missed = played = length = 0
        for live, report in zip(self._calls, reports, strict=True):
            if live.session is None or report is None or report.stream is None:
                continue
            clips, told_ms = report.stream.clips, live.session.told_ms()
            errors += live.trace.truncation_errors_ms(clips, told_ms)
            missed += live.trace.untold(clips, told_ms)
            missed += max(0, live.trace.spoken_over - len(live.trace.cuts))
            played += sum(clip.played for clip in clips)
            length += report.stream.length_ms * 8
        return errors, missed, played / length if length else 0.0


def _result(task: asyncio.Task[PhoneReport]) -> PhoneReport | None:
    failed = not task.done() or task.cancelled() or task.exception() is not None
    return None if failed else task.result()


def _trouble(session: BenchSession | None, report: PhoneReport | None) -> str:
    """Why a call counts as failed; empty for a good one."""
    if report is None:
        return "the call never ended"
    if report.ended_by is not EndedBy.CALLER or report.errors:
        return f"ended by {report.ended_by.value}: {report.errors}"
    if session is None:
        return f"no session at the model; the phone was told {report.said}"
    warnings = report.stream.warnings if report.stream else ()
    if session.complaints or warnings:
        return f"{session.complaints} {warnings}"
    return ""


def _undecided_s(wish: Wish) -> float:
    """How long our server may wait to see whether a sound is meant."""
    waits = not wish.peer and wish.barge_in == "confirmed"
    return TurnTaking().confirm_s + TAIL_S + 0.5 if waits else 0.0


def _server(wish: Wish, model_url: str) -> Server:
    if wish.peer:
        return PeerServer(wish.peer, model_url, wish.calls, wish.server_core)
    policy = {"FRONTDESK_BARGE_IN": wish.barge_in}
    return Server(model_url, wish.audio, wish.calls, wish.server_core, more=policy)


async def measure(wish: Wish, tell: Tell, beside: Beside | None = None) -> Figures:
    """Raises ServerFailed when there is no server to measure."""
    async with (
        BenchModel() as model,
        _server(wish, model.base_url) as server,
    ):
        of = f"{wish.peer}, {wish.audio}" if wish.peer else wish.audio
        tell(f"{of}, {wish.calls} calls: the server is ready (pid {server.pid})")
        beside = beside or Nothing()
        await beside.prepare(server)
        return await Load(wish, server, model, tell, beside).measure()
