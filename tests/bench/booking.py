"""What does a booking cost, and how do fifty at once fare? python -m tests.bench.booking

A table on SQLite, and on PostgreSQL where the embedded one starts: CPU of the dispatcher's own
share of one tool call that writes (arguments, policy, intent, outcome; the tool itself does
nothing), CPU of one that books, then fifty calls that book into one calendar at the same moment.
CPU is the process's, user and system, all threads. What the call does and not the dispatcher is
done before the clock starts: the caller's number is read, and what was said is at hand. So many
tool calls go before those that are measured that SQLite's log has the size it keeps.
"""

import asyncio
import datetime as dt
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import structlog
import uvloop

from agents.tasks import Tasks
from tests.tools.desk import NOW, agreed
from tests.tools.postgres import running_postgres
from tools.booking.offer import booking_tools
from tools.booking.shop import parse_shop
from tools.dispatch import Dispatcher
from tools.hooks.told import tool_ended
from tools.migrate import migrate
from tools.phone import e164
from tools.receipts import Receipts
from tools.registry import Registry
from tools.spec import Risk, Tool, ToolOutcome, ToolRequest
from tools.store import Store, open_store

CALLS = 50
SINGLE = 200
WARM_UP = 300
DATABASES = ("share", "one", "many")
SHOP = """\
name: Bench
zone: Europe/London
step_minutes: 15
days_ahead: 60
hours: {tuesday: ["08:00-20:00"], wednesday: ["08:00-20:00"], thursday: ["08:00-20:00"]}
resources:
  - {name: Anna, kind: stylist, person: true}
  - {name: Bo, kind: stylist, person: true}
  - {name: front room, kind: room}
  - {name: back room, kind: room}
services: [{name: cut, minutes: 30, after: 15, needs: [stylist, room]}]
"""


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `book_appointment` has it."""

    service: str
    date: str
    time: str
    name: str


NOTHING = Tool(
    "book_appointment",
    "Book nothing.",
    Wish,
    lambda _asked, _context: {"message": "Done."},
    risk=Risk.WRITE_OWN,
    confirm=("service", "date", "time", "name"),
)


class Bench:
    """A dispatcher over one database."""

    def __init__(self, tools: Iterable[Tool], store: Store) -> None:
        self._tasks = Tasks(lambda _name, error: print(f"task failed: {error!r}"))
        self._dispatcher = Dispatcher(
            Registry(tools),
            Receipts(store, tool_ended),
            clock=lambda: NOW,
            start=self._tasks.start,
        )

    async def book(self, request: ToolRequest) -> ToolOutcome:
        return await self._dispatcher.run(request)


def wish(number: int, when: dt.datetime) -> ToolRequest:
    """What a model asks for in a call of its own."""
    arguments = {
        "service": "cut",
        "date": f"{when:%Y-%m-%d}",
        "time": f"{when:%H:%M}",
        "name": f"Caller {number}",
    }
    text = json.dumps(arguments)
    caller = e164(f"+4479{number:08}")
    return ToolRequest(f"CA{number}", "t1", NOTHING.name, text, caller, evidence=agreed(text))


def times(count: int) -> list[dt.datetime]:
    """Different free times, one for each booking."""
    days = [dt.date(2026, 3, 4) + dt.timedelta(days=7 * week) for week in range(8)]
    days += [day + dt.timedelta(days=1) for day in days]
    found = [dt.datetime.combine(day, dt.time(hour, 0)) for day in days for hour in range(8, 20)]
    return (found * 2)[:count]


async def singles(bench: Bench, warm_up: int = 0) -> tuple[float, float]:
    """Median CPU and median wall time of one call of the tool, ms."""
    cpu, wall = [], []
    for number in range(warm_up):
        await bench.book(wish(SINGLE + number, times(1)[0]))
    for number, when in enumerate(times(SINGLE)):
        request = wish(number, when)
        began, since = time.process_time(), time.perf_counter()
        outcome = await bench.book(request)
        cpu.append((time.process_time() - began) * 1000)
        wall.append((time.perf_counter() - since) * 1000)
        assert outcome.state.value == "done", outcome.output
    return statistics.median(cpu), statistics.median(wall)


async def at_once(bench: Bench) -> tuple[Counter[str], list[float], float]:
    """How fifty ended, how long each took, and all together, ms.

    They want ten times, five callers each, and there is room for two: twenty are booked.
    """
    took: list[float] = []

    async def one(number: int) -> str:
        since = time.perf_counter()
        outcome = await bench.book(wish(number, times(10)[number % 10]))
        took.append((time.perf_counter() - since) * 1000)
        return outcome.state.value

    since = time.perf_counter()
    ended = await asyncio.gather(*(one(number) for number in range(CALLS)))
    return Counter(ended), took, (time.perf_counter() - since) * 1000


@contextmanager
def migrated(url: str) -> Iterator[Store]:
    store = open_store(url)
    migrate(store)
    yield store
    store.close()


async def row(kind: str, urls: Sequence[str]) -> str:
    shop = parse_shop(SHOP, "bench")
    with migrated(urls[0]) as store:
        share, _ = await singles(Bench([NOTHING], store), WARM_UP)
    with migrated(urls[1]) as store:
        cpu, wall = await singles(Bench(booking_tools(shop, store), store))
    with migrated(urls[2]) as store:
        ended, took, total = await at_once(Bench(booking_tools(shop, store), store))
    parts = statistics.quantiles(took, n=100)
    outcomes = ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))
    return (
        f"| {kind} | {share:.2f} | {cpu:.2f} | {wall:.1f} |"
        f" {total:.0f} | {parts[49]:.0f} | {parts[98]:.0f} | {outcomes} |"
    )


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print(
        "| database | dispatch: CPU ms | one: CPU ms | one: ms"
        f" | {CALLS} at once: ms | p50 ms | p99 ms | ended |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = [f"sqlite:///{folder / name}.db" for name in DATABASES]
        print(uvloop.run(row("SQLite", files)), flush=True)
        (folder / "postgres").mkdir()
        server = stack.enter_context(running_postgres(folder / "postgres"))
        with open_store(server).engine.connect() as connection:
            raw = connection.execution_options(isolation_level="AUTOCOMMIT")
            for name in DATABASES:
                raw.exec_driver_sql(f"CREATE DATABASE bench_{name}")
        urls = [server.replace("/postgres?", f"/bench_{name}?") for name in DATABASES]
        print(uvloop.run(row("PostgreSQL", urls)), flush=True)


if __name__ == "__main__":
    main()
