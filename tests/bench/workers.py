"""What do two workers on two cores carry, compared with one on one?

python -m tests.bench.workers                            some five minutes
python -m tests.bench.workers --calls 10 --seconds 5     a minute

Callers, model and both workers share two cores, so that how late a frame comes says nothing. What
is compared is CPU time, which the machine accounts to each process whoever else wants the cores:
a core has a thousand milliseconds a second to give, and a worker is full when its calls need them.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import aiohttp
import msgspec
import uvloop

from tests.bench.load.__main__ import tell
from tests.bench.load.model import BenchModel
from tests.bench.load.run import Load, Nothing, Steady, Wish
from tests.bench.load.server import START_S, Server, ServerFailed, Usage, usage_of


class Crew(Server):
    """`frontdesk serve --workers N`, each worker on a core of its own."""

    def __init__(self, model_url: str, audio: str, calls: int, workers: int) -> None:
        super().__init__(model_url, audio, calls, None, "--workers", str(workers))
        self._workers = workers

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        async with aiohttp.ClientSession(trust_env=False) as http, asyncio.timeout(START_S):
            while [each["state"] for each in await self.views(http)] != ["taking"] * self._workers:
                await asyncio.sleep(0.1)
        for core, pid in zip(sorted(os.sched_getaffinity(0)), self.pids(), strict=False):
            os.sched_setaffinity(pid, {core})
        return self

    async def views(self, http: aiohttp.ClientSession) -> list[dict[str, object]]:
        async with http.get(f"{self.address}/readyz") as answer:
            found: list[dict[str, object]] = (await answer.json())["workers"]
            return found

    def pids(self) -> list[int]:
        """Of the processes that answer calls, in the order of their numbers."""
        if self._workers == 1:
            return [self.pid]
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sorted(map(int, children), key=_index)

    def usage(self) -> Usage:
        """Of all of it, the parent included."""
        every = [usage_of(pid) for pid in {self.pid, *self.pids()}]
        cpu_s, rss = sum(each.cpu_s for each in every), sum(each.rss_bytes for each in every)
        return Usage(every[0].at_s, cpu_s, rss)


def _index(pid: int) -> int:
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return int(command.partition(b'"index":')[2].partition(b",")[0])


class Spread(msgspec.Struct, frozen=True):
    """One run."""

    calls: list[int]
    """On each worker."""
    cpu_ms: list[float]
    """Of each worker, for a second."""
    all_ms: float
    """Of all processes, for a second."""
    troubles: int

    @property
    def call_ms(self) -> float:
        return self.all_ms / sum(self.calls)

    @property
    def carried(self) -> float:
        """Calls, spread like these, until the first worker has used all of its core."""
        return min(
            sum(self.calls) * 1_000 / ms for ms in self.cpu_ms if ms > 0
        )  # The busiest decides.


class CrewLoad(Load):
    """A measurement that looks at each worker."""

    def __init__(self, wish: Wish, server: Crew, model: BenchModel) -> None:
        super().__init__(wish, server, model, tell, Nothing())
        self._crew = server
        self.calls: list[int] = []
        self.cpu_ms: list[float] = []

    async def _steady(self, idle: Usage) -> Steady:
        async with aiohttp.ClientSession(trust_env=False) as http:
            views = await self._crew.views(http)
        self.calls = [int(str(each["live_calls"])) for each in views]
        before = [usage_of(pid) for pid in self._crew.pids()]
        steady = await super()._steady(idle)
        after = [usage_of(pid) for pid in self._crew.pids()]
        self.cpu_ms = [
            1_000 * (end.cpu_s - begin.cpu_s) / (end.at_s - begin.at_s)
            for begin, end in zip(before, after, strict=True)
        ]
        return steady


async def spread(audio: str, calls: int, seconds: float, workers: int, seed: int) -> Spread:
    async with (
        BenchModel() as model,
        Crew(model.base_url, audio, calls, workers) as server,
    ):
        load = CrewLoad(Wish(audio, calls, seconds, None, seed), server, model)
        figures = await load.measure()
        for complaint in figures.complaints:
            tell(f"trouble: {complaint}")
        troubles = figures.failed_calls + figures.frames_lost
        all_ms = figures.cpu_ms_per_call_second * calls
        return Spread(load.calls, load.cpu_ms, all_ms, troubles)


async def all_runs(wished: argparse.Namespace) -> list[tuple[Spread, Spread]]:
    """One worker and two by turns, so that the machine's mood is the same for both."""
    runs = []
    for seed in range(1, wished.runs + 1):
        one = await spread(wished.audio, wished.calls, wished.seconds, 1, seed)
        two = await spread(wished.audio, 2 * wished.calls, wished.seconds, 2, seed)
        tell(f"run {seed}: {one.carried:.0f} and {two.carried:.0f} calls")
        runs.append((one, two))
    return runs


def table(runs: Sequence[tuple[Spread, Spread]]) -> str:
    """Markdown: medians, and the ratio of each pair's."""
    lines = [
        "| workers | calls | of them on each | CPU ms per call-second, all processes"
        " | calls until a core is full |",
        "| --- | --- | --- | --- | --- |",
    ]
    for workers in (1, 2):
        found = [pair[workers - 1] for pair in runs]
        call_ms = statistics.median(each.call_ms for each in found)
        carried = statistics.median(each.carried for each in found)
        spreads = "; ".join("+".join(map(str, each.calls)) for each in found)
        calls = sum(found[0].calls)
        lines.append(f"| {workers} | {calls} | {spreads} | {call_ms:.2f} | {carried:.0f} |")
    even = statistics.median(2 * one.call_ms / two.call_ms for one, two in runs)
    ratio = statistics.median(two.carried / one.carried for one, two in runs)
    lines.append("")
    lines.append(
        f"Two carry {ratio:.2f} times as many as one; {even:.2f} were calls spread evenly."
    )
    return "\n".join(lines)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workers", description=__doc__)
    parser.add_argument("--calls", type=int, default=40, help="on each worker (default: 40)")
    parser.add_argument("--seconds", type=float, default=12, help="of each run (default: 12)")
    parser.add_argument("--runs", type=int, default=3, help="of each kind (default: 3)")
    parser.add_argument("--audio", choices=("pcm", "ulaw"), default="ulaw")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    if len(os.sched_getaffinity(0)) < 2:
        tell("There is but one core.")
        return 2
    try:
        runs = uvloop.run(all_runs(arguments(argv)))
    except ServerFailed as error:
        tell(str(error))
        return 1
    print(table(runs))
    print(f"Load of the machine: {os.getloadavg()[0]:.1f}")
    return 1 if any(each.troubles for pair in runs for each in pair) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
