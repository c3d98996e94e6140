"""How soon does the embedded engine answer, and how many calls at once does it bear?

python -m tests.bench.embedded [--calls 1 12] [--seconds 40]

Callers with a synthetic voice book again and again, in real time and over a telephone's mu-law:
each hears a reply to its end, then says the next line. For each number of calls: from the last
sample of the caller's voice to the first of the answer, the part of it after the end of the turn
was noticed, how late the event loop comes, and CPU. One process, as `frontdesk serve` is one.
"""

import argparse
import asyncio
import datetime as dt
import itertools
import json
import os
import random
import time
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    CallerSpeechStopped,
    CloseEngine,
    EngineFailed,
    EngineReady,
    ResponseDone,
    ToolCalled,
    ToolOutput,
)
from agents.local.dialogue import Dialogue
from agents.local.engine import LocalEngine
from agents.local.models import Models
from agents.persona import Persona
from agents.tasks import Tasks
from tests.agents.talk import SALON, SALON_ANSWERS
from tests.callers import Pcm, says, silence, telephoned

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
LINES = (
    "I'd like to book an appointment, please.",
    "A haircut, please.",
    "On Tuesday.",
    "At three thirty.",
    "My name is Jane Doe.",
    "Yes, that's right.",
)
FRAME_SAMPLES = 480
FRAME_S = 0.02
QUIET = silence(20).tobytes()
LAG_EVERY_S = 0.005


class Figures(msgspec.Struct):
    """Of one number of calls."""

    waited_ms: list[float] = []
    engine_ms: list[float] = []
    lag_ms: list[float] = []
    unanswered: int = 0
    failed: int = 0
    cpu_s: float = 0.0


class Caller:
    """One call in real time."""

    def __init__(self, models: Models, number: int, lines: Sequence[Pcm], figures: Figures) -> None:
        ids = (f"call_{n}" for n in itertools.count(1))
        dialogue = Dialogue(SALON, Persona(), NOW, ids)
        self.engine = LocalEngine(models, dialogue, ids=f"{number}_")
        self.ready = asyncio.Event()
        self._lines = itertools.cycle(lines)
        self._figures = figures
        self._spoke_s: float | None = None
        self._stopped_s = 0.0
        self._playing_until_s = 0.0
        self._done = True

    def deliver(self, event: AnyEngineEvent) -> None:
        now = time.perf_counter()
        match event:
            case EngineReady():
                self.ready.set()
            case EngineFailed():
                self._figures.failed += 1
            case CallerSpeechStopped():
                self._stopped_s = now
            case ToolCalled(tool_call_id=call, name=name, arguments=arguments):
                output = json.dumps(SALON_ANSWERS[name](json.loads(arguments)))
                self.engine.submit(ToolOutput(call, output))
            case AudioDelta(audio=audio):
                self._heard(now, len(audio) / 48_000)
            case ResponseDone():
                self._done = True

    def _heard(self, now: float, seconds: float) -> None:
        if self._spoke_s is not None:
            self._figures.waited_ms.append((now - self._spoke_s) * 1000)
            self._figures.engine_ms.append((now - self._stopped_s) * 1000)
            self._spoke_s = None
        self._playing_until_s = max(self._playing_until_s, now) + seconds
        self._done = False

    async def talk(self, until_s: float) -> None:
        """Send a frame every 20 ms until then."""
        await self.ready.wait()
        pause_s = 0.6
        for frame, due_s in zip(self._frames(pause_s), _schedule(), strict=False):
            if time.perf_counter() >= until_s:
                break
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            self.engine.hear(frame)
        self._figures.unanswered += self._spoke_s is not None

    def _frames(self, pause_s: float) -> Iterator[bytes]:
        while True:
            spoken = next(self._lines)
            for at in range(0, len(spoken), FRAME_SAMPLES):
                yield spoken[at : at + FRAME_SAMPLES].tobytes()
            self._spoke_s = time.perf_counter()
            while not self._over(pause_s):
                yield QUIET

    def _over(self, pause_s: float) -> bool:
        """The answer was heard to its end, and a moment has passed."""
        heard = self._spoke_s is None and self._done
        return heard and time.perf_counter() > self._playing_until_s + pause_s


def _schedule() -> Iterator[float]:
    begun_s = time.perf_counter()
    return (begun_s + number * FRAME_S for number in itertools.count())


async def _lag(figures: Figures, until_s: float) -> None:
    """How much later than asked for a timer goes off."""
    while (asked_s := time.perf_counter()) < until_s:
        await asyncio.sleep(LAG_EVERY_S)
        figures.lag_ms.append((time.perf_counter() - asked_s - LAG_EVERY_S) * 1000)


async def measure(models: Models, calls: int, seconds: float, lines: Sequence[Pcm]) -> Figures:
    figures = Figures()
    tasks = Tasks(lambda name, error: print(f"{name}: {error!r}"))
    draw = random.Random(calls)
    begun_cpu_s, until_s = time.process_time(), time.perf_counter() + seconds
    talking = []
    for number in range(calls):
        order = draw.randrange(len(lines))
        caller = Caller(models, number, [*lines[order:], *lines[:order]], figures)
        engine = tasks.start(f"engine {number}", caller.engine.run(caller.deliver))
        talking.append((caller, engine, tasks.start(f"caller {number}", caller.talk(until_s))))
        await asyncio.sleep(draw.random() * 4 / calls)
    await asyncio.gather(_lag(figures, until_s), *(each for _, _, each in talking))
    for caller, _, _ in talking:
        caller.engine.submit(CloseEngine())
    await asyncio.gather(*(engine for _, engine, _ in talking))
    figures.cpu_s = time.process_time() - begun_cpu_s
    return figures


def row(calls: int, seconds: float, figures: Figures) -> str:
    waited, engine, lag = (
        _spread(values) for values in (figures.waited_ms, figures.engine_ms, figures.lag_ms)
    )
    share = figures.cpu_s / (calls * seconds) * 100
    return (
        f"{calls:5} {len(figures.waited_ms):7} {waited:>20} {engine:>18} {lag:>18} {share:8.1f} %"
        f" {figures.unanswered:5} {figures.failed:5}"
    )


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return " / ".join(f"{np.percentile(values, at):.0f}" for at in (50, 95, 100))


async def _run(calls: Sequence[int], seconds: float) -> None:
    models = Models()
    await asyncio.to_thread(models.load)
    lines = [_trimmed(telephoned(says(text), 16_000)) for text in LINES]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; p50 / p95 / max in ms")
    print(f"{'calls':>5} {'answers':>7} {'caller waits':>20} {'engine':>18}", end="")
    print(f" {'loop late':>18} {'CPU/call':>10} {'open':>5} {'fail':>5}")
    for many in calls:
        print(row(many, seconds, await measure(models, many, seconds, lines)), flush=True)
    await asyncio.to_thread(models.close)


def _trimmed(speech: Pcm) -> Pcm:
    """Up to its last sound: from there the caller waits."""
    loud = np.flatnonzero(np.abs(speech.astype(np.int32)) > np.max(np.abs(speech)) // 50)
    return speech[: loud[-1] + 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 4, 8, 12, 16])
    parser.add_argument("--seconds", type=float, default=40.0)
    asked = parser.parse_args()
    asyncio.run(_run(asked.calls, min(asked.seconds, 300.0)))


if __name__ == "__main__":
    main()
