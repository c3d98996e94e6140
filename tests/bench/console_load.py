"""Do calls notice that somebody has the console open?

python -m tests.bench.console_load                     about two minutes
python -m tests.bench.console_load --calls 10 --seconds 5

The load benchmark (tests.bench.load) twice: with nobody at the console of the server that carries
the calls, and with somebody there for as long as it is measured. They have the page of live calls
open, which hears of every call as it goes on, and click without rest: the log, searches in
it, one call, health, tools, each with its files when they come to it first. Exit code: 0 measured
and all calls carried, 1 calls failed or frames were lost.
"""

import argparse
import asyncio
import re
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import uvloop

from agents.tasks import Tasks
from telephony.console.access.cookies import session_name
from telephony.console.access.roles import Role
from telephony.console.access.sessions import Sessions
from telephony.console.access.users import Users
from telephony.versioned import utc_now
from tests.bench.calls import COMMON, FREQUENT, RARE
from tests.bench.load.__main__ import pin, tell
from tests.bench.load.figures import Figures, spread
from tests.bench.load.run import Wish, measure
from tests.bench.load.server import Server
from tests.bench.seed_calls import seed
from tools.store import open_store

PAGES = (
    "/console/calls",
    f"/console/calls?q={COMMON}",
    "/console/live",
    f"/console/calls?q={FREQUENT}+{RARE}",
    "/console/health",
    "/console/calls?sort=cost",
    "/console/tools",
)
EVENTS = "/api/v1/live/events"
_FILE = re.compile(r'(?:href|src)="(/console/static/[^"]+)"')
_CALL = re.compile(r'href="(/console/calls/[^"/?]+)"')
_HEAD = (
    "console",
    "calls",
    "up ms p50 / p99",
    "down ms p50 / p99",
    "barge-in ms p50 / p99",
    "CPU ms per call-second",
    "pages",
    "page ms p50 / p99",
    "live events",
    "frames lost",
    "failed calls",
    "rig late ms p50 / p99",
)


class Visitor:
    """Somebody at the console: signed in, with a log of made-up calls to look through."""

    def __init__(self, logged: int, pause_s: float) -> None:
        """`logged`: calls in the log; `pause_s`: from a page to the next click."""
        self._logged = logged
        self._pause_s = pause_s
        self._address = ""
        self._cookie = ""
        self._files: set[str] = set()
        self.pages_s: list[float] = []
        self.events = 0
        self._tasks = Tasks(lambda name, error: tell(f"{name}: {error!r}"))

    async def prepare(self, server: Server) -> None:
        self._address = server.address
        self._cookie = await asyncio.to_thread(self._signed_in, server.database_url)

    def _signed_in(self, url: str) -> str:
        store = open_store(url)
        seed(store, self._logged)
        user = Users(store, utc_now).add("bench", Role.ADMIN)
        token = Sessions(store, utc_now).open(user.id, ip="127.0.0.1", agent="bench")
        store.close()
        return token

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        async with aiohttp.ClientSession(
            self._address,
            cookies={session_name(secure=False): self._cookie},
            # The jar takes cookies of an address without a name for none, by default.
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Accept": "text/html"},
            trust_env=False,
        ) as http:
            self._tasks.start("live", self._listen(http))
            self._tasks.start("clicks", self._click(http))
            try:
                yield
            finally:
                await self._tasks.cancel_all()

    async def _listen(self, http: aiohttp.ClientSession) -> None:
        forever = aiohttp.ClientTimeout(total=None)
        async with http.get(EVENTS, timeout=forever) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                self.events += line.startswith(b"data:")

    async def _click(self, http: aiohttp.ClientSession) -> None:
        while True:
            for page in PAGES:
                text = await self._page(http, page)
                if page == "/console/calls" and (call := _CALL.search(text)) is not None:
                    await self._page(http, call[1])

    async def _page(self, http: aiohttp.ClientSession, path: str) -> str:
        since = time.perf_counter()
        text = await _got(http, path)
        self.pages_s.append(time.perf_counter() - since)
        # A browser keeps them: their address changes when they do.
        fresh = set(_FILE.findall(text)) - self._files
        await asyncio.gather(*(_got(http, each) for each in fresh))
        self._files |= fresh
        await asyncio.sleep(self._pause_s)
        return text


async def _got(http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(path, allow_redirects=False) as answer:
        text = await answer.text()
        assert answer.status == 200, f"{path}: {answer.status}"
        return text


def row(console: str, figures: Figures, visitor: Visitor | None) -> str:
    pages = visitor.pages_s if visitor else []
    cells = (
        console,
        figures.calls,
        figures.up_ms,
        figures.down_ms,
        figures.barge_in_ms,
        f"{figures.cpu_ms_per_call_second:.1f}",
        len(pages),
        spread([each * 1000 for each in pages]),
        visitor.events if visitor else 0,
        figures.frames_lost,
        figures.failed_calls,
        figures.rig_late_ms,
    )
    return f"| {' | '.join(map(str, cells))} |"


async def all_rows(wished: argparse.Namespace, core: int | None) -> list[Figures]:
    print(f"| {' | '.join(_HEAD)} |\n|{' --- |' * len(_HEAD)}", flush=True)
    found: list[Figures] = []
    for seed_of_run in range(1, wished.runs + 1):
        for console in ("closed", "open"):
            visitor = Visitor(wished.logged, wished.pause) if console == "open" else None
            wish = Wish(wished.audio, wished.calls, wished.seconds, core, seed_of_run)
            figures = await measure(wish, tell, visitor)
            print(row(console, figures, visitor), flush=True)
            for complaint in figures.complaints:
                tell(f"trouble: {complaint}")
            found.append(figures)
    return found


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.console_load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--calls", type=int, default=50, help="at the same time (default: 50)")
    parser.add_argument("--seconds", type=float, default=30, help="measured (default: 30)")
    parser.add_argument("--runs", type=int, default=1, help="of both kinds (default: 1)")
    parser.add_argument("--audio", choices=("pcm", "ulaw"), default="pcm")
    parser.add_argument("--logged", type=int, default=20_000, help="calls in the log")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between two clicks")
    rows = uvloop.run(all_rows(parser.parse_args(argv), pin()))
    return 1 if any(each.failed_calls or each.frames_lost for each in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
