"""Do calls that are on notice that more callers come than may, and how soon are those told?

python -m tests.bench.overload                           some two minutes
python -m tests.bench.overload --calls 10 --seconds 5    a minute

As many calls as may be, once by themselves, and once while half as many again want to come: each of
those is told that all lines are busy, hangs up, and another takes their place.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Sequence

import aiohttp
import msgspec
import uvloop

from agents.tasks import Tasks
from telephony.simulator.phone import PhoneReport
from tests.bench.load.__main__ import pin, tell
from tests.bench.load.figures import Figures, Spread, spread
from tests.bench.load.model import BenchModel
from tests.bench.load.phone import BenchCall
from tests.bench.load.run import Load, Wish
from tests.bench.load.server import Server, ServerFailed
from tests.bench.load.trace import Trace

ASKS_S = 2.0
"""A caller who is turned away is on the line for so long."""


class FullServer(Server):
    """Takes no more calls than there are; nothing but their number holds them off."""

    def __init__(self, model_url: str, wish: Wish) -> None:
        super().__init__(model_url, wish.audio, wish.calls, wish.server_core)
        self._environment |= {
            "FRONTDESK_MAX_CALLS": str(wish.calls),
            "FRONTDESK_LATE_MS": "5000",
        }


class MoreCallers:
    """So many at a time, who come while the others are measured."""

    def __init__(self, callers: int) -> None:
        self._number = callers
        self._callers = Tasks(lambda name, error: tell(f"{name}: {error!r}"))
        self.refused: list[PhoneReport] = []

    async def prepare(self, server: Server) -> None:
        self._address = server.address

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        async with aiohttp.ClientSession(trust_env=False) as http:
            self._callers.start("more callers", self._come(http))
            try:
                yield
            finally:
                await self._callers.cancel_all()

    async def _come(self, http: aiohttp.ClientSession) -> None:
        while self._number:
            self._callers.start("caller", self._one(http))
            await asyncio.sleep(ASKS_S / self._number)

    async def _one(self, http: aiohttp.ClientSession) -> None:
        call = BenchCall(http, self._address, Trace(), (), lambda _: None)
        self.refused.append(await call.dial(ASKS_S))


class Outcome(msgspec.Struct, frozen=True):
    figures: Figures
    refusal_ms: Spread
    taken: int
    """Callers who got through although there was no room."""


async def measure(wish: Wish, extra: int) -> Outcome:
    async with BenchModel() as model, FullServer(model.base_url, wish) as server:
        more = MoreCallers(extra)
        await more.prepare(server)
        figures = await Load(wish, server, model, tell, more).measure()
        taken = sum("busy" not in " ".join(each.said) for each in more.refused)
        return Outcome(figures, spread([float(each.webhook_ms) for each in more.refused]), taken)


_COLUMNS = (
    "offered",
    "calls on",
    "up ms p50 / p99",
    "down ms p50 / p99",
    "barge-in ms p50 / p99",
    "frames lost",
    "failed calls",
    "turned away",
    "told after ms p50 / p99",
)


def table(outcomes: Sequence[tuple[str, Outcome]]) -> str:
    """Markdown."""
    rows = [list(_COLUMNS), ["---"] * len(_COLUMNS)]
    for offered, outcome in outcomes:
        figures = outcome.figures
        rows.append(
            [
                offered,
                str(figures.calls),
                str(figures.up_ms),
                str(figures.down_ms),
                str(figures.barge_in_ms),
                str(figures.frames_lost),
                str(figures.failed_calls),
                str(outcome.refusal_ms.count),
                str(outcome.refusal_ms),
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


async def both(wished: argparse.Namespace, core: int | None) -> list[tuple[str, Outcome]]:
    wish = Wish(wished.audio, wished.calls, wished.seconds, core)
    quiet = await measure(wish, 0)
    return [("100 %", quiet), ("150 %", await measure(wish, max(1, wished.calls // 2)))]


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.overload", description=__doc__)
    parser.add_argument("--calls", type=int, default=50, help="that may be on (default: 50)")
    parser.add_argument("--seconds", type=float, default=15, help="of each (default: 15)")
    parser.add_argument("--audio", choices=("pcm", "ulaw"), default="ulaw")
    try:
        outcomes = uvloop.run(both(parser.parse_args(argv), pin()))
    except ServerFailed as error:
        tell(str(error))
        return 1
    print(table(outcomes))
    for complaint in {each for _, outcome in outcomes for each in outcome.figures.complaints}:
        tell(f"trouble: {complaint}")
    broken = any(each.figures.failed_calls or each.taken for _, each in outcomes)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
