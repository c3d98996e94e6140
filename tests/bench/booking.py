"""What does a booking cost, and how do fifty at once fare? python -m tests.bench.booking

A table on SQLite, and on PostgreSQL where the embedded one starts: CPU of one tool call that books
(dispatcher, ledger, calendar), then fifty calls that book into one calendar at the same moment.
"""

import asyncio
import datetime as dt
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog

from agents.tasks import Tasks
from tests.tools.desk import NOW
from tests.tools.postgres import running_postgres
from tools.booking.offer import booking_tools
from tools.booking.shop import Shop, parse_shop
from tools.dispatch import Dispatcher
from tools.migrate import migrate
from tools.receipts import Receipts
from tools.registry import Registry
from tools.spec import ToolOutcome, ToolRequest
from tools.store import Store, open_store

CALLS = 50
SINGLE = 200
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


class Bench:
    """A dispatcher over one database."""

    def __init__(self, shop: Shop, store: Store) -> None:
        self._tasks = Tasks(lambda _name, error: print(f"task failed: {error!r}"))
        self._dispatcher = Dispatcher(
            Registry(booking_tools(shop, store)),
            Receipts(store),
            clock=lambda: NOW,
            start=self._tasks.start,
        )

    async def book(self, number: int, when: dt.datetime) -> ToolOutcome:
        wish = {
            "service": "cut",
            "date": f"{when:%Y-%m-%d}",
            "time": f"{when:%H:%M}",
            "name": f"Caller {number}",
        }
        return await self._dispatcher.run(
            ToolRequest(
                f"CA{number}", "t1", "book_appointment", json.dumps(wish), f"+4479{number:08}"
            )
        )


def times(count: int) -> list[dt.datetime]:
    """Different free times, one for each booking."""
    days = [dt.date(2026, 3, 4) + dt.timedelta(days=7 * week) for week in range(8)]
    days += [day + dt.timedelta(days=1) for day in days]
    found = [dt.datetime.combine(day, dt.time(hour, 0)) for day in days for hour in range(8, 20)]
    return (found * 2)[:count]


async def singles(bench: Bench) -> tuple[float, float]:
    """Median CPU and median wall time of one booking, ms."""
    cpu, wall = [], []
    for number, when in enumerate(times(SINGLE)):
        began, since = time.process_time(), time.perf_counter()
        outcome = await bench.book(number, when)
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
        when = times(10)[number % 10]
        outcome = await bench.book(number, when)
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


async def row(kind: str, urls: tuple[str, str]) -> str:
    shop = parse_shop(SHOP, "bench")
    with migrated(urls[0]) as store:
        cpu, wall = await singles(Bench(shop, store))
    with migrated(urls[1]) as store:
        ended, took, total = await at_once(Bench(shop, store))
    parts = statistics.quantiles(took, n=100)
    outcomes = ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))
    return (
        f"| {kind} | {cpu:.2f} | {wall:.1f} | {total:.0f} | {parts[49]:.0f} | {parts[98]:.0f} |"
        f" {outcomes} |"
    )


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print(f"| database | one: CPU ms | one: ms | {CALLS} at once: ms | p50 ms | p99 ms | ended |")
    print("|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = (f"sqlite:///{folder / 'one.db'}", f"sqlite:///{folder / 'many.db'}")
        print(asyncio.run(row("SQLite", files)), flush=True)
        (folder / "postgres").mkdir()
        server = stack.enter_context(running_postgres(folder / "postgres"))
        with open_store(server).engine.connect() as connection:
            raw = connection.execution_options(isolation_level="AUTOCOMMIT")
            for name in ("one", "many"):
                raw.exec_driver_sql(f"CREATE DATABASE bench_{name}")
        one, many = (server.replace("/postgres?", f"/bench_{name}?") for name in ("one", "many"))
        print(asyncio.run(row("PostgreSQL", (one, many))), flush=True)


if __name__ == "__main__":
    main()
