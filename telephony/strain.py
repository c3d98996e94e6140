"""How does this process fare: is its event loop in time, and are there files to be opened?

A task looks every 50 ms, and a thread looks at the task: while the loop does not turn, what keeps
it is logged with its place in the code.
"""

import asyncio
import logging
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from telephony.lateness import TICK_S, Lateness
from telephony.metrics import Metrics
from telephony.twilio.guard import Sampler
from telephony.workers.board import State, monotonic_ms
from telephony.workers.crew import Crew
from tools.stalls import Stalls

log = structlog.get_logger()

STALL_S = 0.1
"""A loop that is so late is blocked: several frames of every caller wait. Who used so much CPU on
it made it late; otherwise others did, and it is no warning."""
LONG_S = 1.0
"""Each that is longer is logged; of others one in ten seconds, of each place in the code."""
FILES_SHARE = 0.8
"""With more of the file descriptors in use that may be open, no further call comes: those that are
on need some for tools, journals, and new streams."""
_FILES_S = 0.25
"""How old a count of them may be."""
_OPEN = Path("/proc/self/fd")
OVERLOADED = "overloaded"
FILES = "files_exhausted"


class Strain:
    """Of one process; made on its event loop."""

    def __init__(
        self,
        bound_s: float,
        crew: Crew,
        metrics: Metrics,
        count: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Later than `bound_s` the loop is overloaded."""
        self.lateness = Lateness(bound_s)
        self._crew = crew
        self._metrics = metrics
        self._count = count
        self._clock = clock
        self._cpu = _cpu_clock()
        self._cpu_s = 0.0
        """What the loop had used when it last was in time."""
        self._stalls = Stalls(STALL_S + TICK_S, self._blocked)
        self._sampler = Sampler()
        self._files = Files(clock)
        metrics.files_from(self._files.open, lambda: self._files.limit)

    def why_not(self) -> str | None:
        """Why no call should be added now, as a code."""
        if self.lateness.too_late:
            return OVERLOADED
        return FILES if self._files.short else None

    async def run(self, state: Callable[[], State]) -> None:
        """For as long as the process. `state` tells the crew whether calls may come here."""
        self._say(state())
        try:
            while True:
                due_s = self._clock() + TICK_S
                self._cpu_s = time.clock_gettime(self._cpu)
                self._stalls.begin("event loop")
                await asyncio.sleep(TICK_S)
                self._tick(max(0.0, self._clock() - due_s), self._used_s())
                self._say(state())
        finally:
            self._stalls.end()
            self._crew.leaves()

    def _tick(self, late_s: float, cpu_s: float) -> None:
        self.lateness.tick(late_s)
        self._metrics.loop_late(late_s)
        if late_s > STALL_S:
            self._count("loop_stalled")
            self._tell(late_s, cpu_s)

    def _tell(self, late_s: float, cpu_s: float) -> None:
        stalls = self._sampler.due("stalled", self._clock())
        if stalls is not None or late_s > LONG_S:
            late_ms, cpu_ms = _ms(late_s), _ms(cpu_s)
            log.log(
                _level(cpu_s), "loop_stalled", late_ms=late_ms, cpu_ms=cpu_ms, stalls=stalls or 1
            )

    def _blocked(self, _what: str, lasts_s: float, calls: list[str]) -> None:
        """In the watching thread, while it lasts."""
        if (stalls := self._sampler.due(calls[-1], self._clock())) is not None:
            cpu_s = self._used_s()
            facts = {"lasts_ms": _ms(lasts_s), "cpu_ms": _ms(cpu_s), "stalls": stalls}
            log.log(_level(cpu_s), "loop_blocked", calls=calls, **facts)

    def _used_s(self) -> float:
        """CPU the loop has used since it was in time; from any thread."""
        return time.clock_gettime(self._cpu) - self._cpu_s

    def _say(self, state: State) -> None:
        self._crew.says(state, monotonic_ms(), int(self.lateness.late_s * 1e6))


class Files:
    """File descriptors of this process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counted_s = float("-inf")
        self._open = 0

    @property
    def limit(self) -> int:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return sys.maxsize if soft == resource.RLIM_INFINITY else soft

    def open(self) -> int:
        """How many are; all that may be, where none is left to count them with."""
        if self._clock() - self._counted_s > _FILES_S:
            self._counted_s = self._clock()
            try:
                self._open = sum(1 for _ in _OPEN.iterdir())
            except OSError:
                self._open = self.limit
        return self._open

    @property
    def short(self) -> bool:
        return self.open() > FILES_SHARE * self.limit


def _cpu_clock() -> int:
    """Of the calling thread; of the whole process where threads have none (macOS)."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.CLOCK_PROCESS_CPUTIME_ID
    return time.pthread_getcpuclockid(threading.get_ident())


def _level(cpu_s: float) -> int:
    return logging.WARNING if cpu_s >= STALL_S else logging.INFO


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
