"""One soak: a fresh server, so many calls at any time, each followed by another."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import aiohttp
import msgspec

from agents.tasks import Tasks
from telephony.server import listen
from tests.bench.load.server import Server
from tests.bench.soak.model import SoakModel
from tests.bench.soak.phone import SoakCall, life
from tests.bench.soak.slope import Sample
from tests.bench.soak.watch import Watch

_WARM_UP_CALLS = 4

Tell = Callable[[str], None]


class Wish(msgspec.Struct, frozen=True):
    """What to do."""

    audio: str
    calls: int
    """At any time."""
    seconds: float
    core: int | None
    seed: int = 1
    shortest_s: float = 15.0
    longest_s: float = 90.0
    look_s: float = 5.0
    settle_s: float = 4.0
    """For what is left of the last calls to go."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of it."""

    wish: Wish
    samples: tuple[Sample, ...]
    before: Sample
    """After a few calls, when none is on."""
    after: Sample
    ended: int
    failures: tuple[str, ...]
    """One for each call that failed."""
    faults: dict[str, int]
    """What was done to calls and sessions, how often."""
    sessions: int
    complaints: tuple[str, ...]
    """The model's: what a real one would have refused."""
    errors: tuple[str, ...]
    """Lines of level `error` in the server's log."""
    cpu: float
    """Share of a core that the server took."""


class Soak:
    """See `run`."""

    def __init__(self, wish: Wish, server: Server, model: SoakModel, watch: Watch, tell: Tell):
        self._wish = wish
        self._server = server
        self._model = model
        self._watch = watch
        self._tell = tell
        self._tasks = Tasks(self._broken)
        self._faults: Counter[str] = Counter()
        self._failures: list[str] = []
        self._samples: list[Sample] = []
        self._rung = 0
        self._ended = 0

    async def run(self, http: aiohttp.ClientSession) -> Outcome:
        try:
            before = await self._warm_up(http)
            began, cpu_s = time.monotonic(), self._server.usage().cpu_s
            ends = began + self._wish.seconds
            for number in range(self._wish.calls):
                self._tasks.start(f"line {number}", self._line(http, number, ends))
            await self._look_on(began, ends)
            cpu = (self._server.usage().cpu_s - cpu_s) / (time.monotonic() - began)
            self._tell("the last calls")
            while len(self._tasks):
                await asyncio.sleep(0.2)
            await asyncio.sleep(self._wish.settle_s)
            after = await self._watch.look(time.monotonic() - began, self._ended)
        finally:
            await self._tasks.cancel_all()
        return self._outcome(before, after, cpu)

    async def _warm_up(self, http: aiohttp.ClientSession) -> Sample:
        """A few calls nobody counts, without faults: what is loaded once is not left over."""
        self._model.faultless = True
        late = self._watch.late
        calls = [
            SoakCall(http, self._server.address, life(number, 1.0, 2.0), late).live()
            for number in range(_WARM_UP_CALLS)
        ]
        await asyncio.gather(*calls)
        await asyncio.sleep(self._wish.settle_s)
        self._model.faultless = False
        self._model.complaints.clear()
        return await self._watch.look(0.0, 0)

    async def _line(self, http: aiohttp.ClientSession, number: int, ends: float) -> None:
        """One call after another until the time is over."""
        wish = self._wish
        await asyncio.sleep(number * min(0.25, wish.seconds / 10 / wish.calls))
        while (left_s := ends - time.monotonic()) > 0:
            self._rung += 1
            seed = wish.seed * 1_000_000 + self._rung
            lived = life(seed, min(wish.shortest_s, left_s), min(wish.longest_s, left_s + 1))
            self._faults[f"call: {lived.fate.value}"] += 1
            call = SoakCall(http, self._server.address, lived, self._watch.late)
            if trouble := await call.live():
                self._failures.append(f"call {self._rung}, {lived.length_s:.0f} s, {trouble}")
                self._tell(self._failures[-1])
            self._ended += 1
            await asyncio.sleep(0.2)

    async def _look_on(self, began: float, ends: float) -> None:
        while time.monotonic() < ends:
            await asyncio.sleep(min(self._wish.look_s, max(0.0, ends - time.monotonic())))
            sample = await self._watch.look(time.monotonic() - began, self._ended)
            self._samples.append(sample)
            if len(self._samples) % 12 == 0:
                self._tell(f"{sample.at_s:.0f} s: {sample}")

    def _outcome(self, before: Sample, after: Sample, cpu: float) -> Outcome:
        faults = self._faults + Counter(
            {f"model: {fault.value}": count for fault, count in self._model.faults.items()}
        )
        return Outcome(
            wish=self._wish,
            samples=tuple(self._samples),
            before=before,
            after=after,
            ended=self._ended,
            failures=tuple(self._failures),
            faults=dict(sorted(faults.items())),
            sessions=self._model.opened,
            complaints=tuple(self._model.complaints),
            errors=tuple(self._server.errors()),
            cpu=cpu,
        )

    def _broken(self, name: str, error: BaseException) -> None:
        self._failures.append(f"{name}: {error!r}")


async def soak(wish: Wish, tell: Tell) -> Outcome:
    """Raises ServerFailed when there is no server."""
    with listen("127.0.0.1", 0) as free:
        metrics_port: int = free.getsockname()[1]
    more = {"FRONTDESK_METRICS_PORT": str(metrics_port)}
    async with (
        SoakModel(wish.seed) as model,
        Server(model.base_url, wish.audio, wish.calls, wish.core, more=more) as server,
        aiohttp.ClientSession(
            trust_env=False, connector=aiohttp.TCPConnector(limit=0, force_close=True)
        ) as http,
    ):
        tell(f"{wish.calls} calls at any time for {wish.seconds:g} s (server: pid {server.pid})")
        return await Soak(wish, server, model, Watch(http, server, metrics_port), tell).run(http)
