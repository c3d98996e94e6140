"""How long the log of calls takes to answer: python -m tests.bench.calls URL [--export].

The URL is that of a database which tests.bench.seed_calls has filled. Each page is asked for as a
browser does, signed in, through the whole application in this process: gate, search, template.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from fastapi import FastAPI

from telephony.calllog import CallLog
from telephony.console.access.roles import Role
from telephony.frontoffice import mounts
from telephony.transcripts.index.asked import Asked
from telephony.transcripts.index.export import all_pages, csv_lines
from telephony.transcripts.index.index import STEPS
from telephony.versioned import utc_now
from tests.bench.seed_calls import APART_MS, NEWEST_MS
from tests.console.house import PASSWORD, Console, Visitor
from tools.store import Store, open_store

ROUNDS = 9
# Words of Speech by rank: the first is in nearly every call, the last in hardly any.
FREQUENT, COMMON, RARE = "baba", "bape", "tasa"
QUESTIONS = {
    "first page": "",
    "caller, whole number": "caller=%2B442079412345",
    "caller, beginning": "caller=%2B44207941",
    "persona": "persona=desk",
    "built-in persona": "persona=-",
    "outcome, frequent": "outcome=caller_hung_up",
    "outcome, 1 in 100": "outcome=engine_failed",
    "tool": "tool=book_appointment",
    "label, 1 in 500": "label=to+check",
    "interrupted": "interrupted=1",
    "failed": "failed=1",
    "engine": "engine=local",
    "cost over $2": "min_cost=2",
    "longer than 15 min": "min_duration=15:00",
    "one day": "from=2026-06-01&to=2026-06-01",
    "sorted by cost": "sort=cost",
    "sorted by length, one persona": "sort=duration&persona=night",
    "four filters": "persona=sales&outcome=budget&interrupted=1&engine=turns",
    "search, frequent word": f"q={FREQUENT}",
    "search, common word": f"q={COMMON}",
    "search, rare word": f"q={RARE}",
    "search, two words": f"q={FREQUENT}+{COMMON}",
    "search, in a row": f"q=%22{FREQUENT}+{COMMON}%22",
    "search, beginning": "q=tas*",
    "search, not there": "q=nowhere",
    "search and filter": f"q={COMMON}&outcome=budget&persona=night",
    "search, sorted by cost": f"q={COMMON}&sort=cost",
}


@contextmanager
def visited(store: Store) -> Iterator[Visitor]:
    """Somebody signed in, over the calls of this store."""
    with tempfile.TemporaryDirectory() as folder:
        console = Console(Path(folder))
        console.user("bench", Role.ADMIN)
        log = CallLog(store, Path(folder), utc_now)
        app = FastAPI(openapi_url=None)
        app.router.routes += mounts(replace(console.parts, calls=log))
        visitor = Visitor(app)
        visitor.form("/console/sign-in", {"name": "bench", "password": PASSWORD})
        yield visitor
        console.close()


def measured(ask: Callable[[], bytes]) -> tuple[float, float, float, int]:
    """Milliseconds (median and worst, and median of the CPU's, all threads) and bytes."""
    ask()
    times, cpu = [], []
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.process_time()
        answer = ask()
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    return median(times), max(times), median(cpu), len(answer)


def pages(visitor: Visitor, calls: int) -> None:
    deep = (NEWEST_MS - calls * 9 // 10 * APART_MS) * STEPS
    questions = {**QUESTIONS, "page 18,000 of 20,000": f"after={deep}.{deep}"}
    print("| asked | median ms | worst ms | CPU ms | KB |\n| --- | --- | --- | --- | --- |")
    for name, query in questions.items():

        def ask(query: str = query) -> bytes:
            answer = visitor.get(f"/console/calls?{query}")
            assert answer.status_code == 200, answer.text
            return answer.content

        middle, worst, cpu, size = measured(ask)
        figures = " | ".join(f"{each:.0f}" for each in (middle, worst, cpu, size / 1000))
        print(f"| {name} | {figures} |", flush=True)


def export(log: CallLog) -> None:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = sum(chunk.count(b"\n") for chunk in csv_lines(all_pages(log.search.page, Asked())))
    took = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{lines - 1:,} calls as CSV in {took:.0f} s; the process grew by {grown:.0f} MiB.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--export", action="store_true")
    given = parser.parse_args()
    store = open_store(given.url)
    log = CallLog(store, Path(tempfile.gettempdir()), utc_now)
    calls = log.index.count()
    print(f"{calls:,} calls, {store.engine.dialect.name}\n")
    with visited(store) as visitor:
        pages(visitor, calls)
    if given.export:
        export(log)
    store.close()


if __name__ == "__main__":
    main()
