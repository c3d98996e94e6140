"""Callers of the soak: each has a fate, drawn before it rings."""

import asyncio
import random
from enum import Enum

import aiohttp
import msgspec

from telephony.simulator.phone import EndedBy, PhoneReport
from tests.bench.load import plan
from tests.bench.load.phone import BenchCall, Late
from tests.bench.load.trace import Trace

_BROKEN = 31924
"""A stream whose connection was lost, in the carrier's debugger."""
_BAD_FRAMES = (b"{bad", b"null", b"[" * 1_000, b'{"event":"media"}', b'{"event":"later","x":1}')
_GIVE_UP_S = 30.0
"""From hanging up to the end of a call."""


class Fate(Enum):
    """What happens to a call before its caller hangs up, in whatever turn that is."""

    PLAIN = "nothing"
    DROPPED = "leg dropped"
    GARBAGE = "leg sends nonsense"


WEIGHTS = {Fate.PLAIN: 7, Fate.DROPPED: 2, Fate.GARBAGE: 1}


class Life(msgspec.Struct, frozen=True):
    """One call, as it was drawn."""

    seed: int
    fate: Fate
    fate_s: float
    """When that happens."""
    length_s: float


def life(seed: int, shortest_s: float, longest_s: float) -> Life:
    draw = random.Random(seed)
    length_s = draw.uniform(shortest_s, longest_s)
    fate = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    return Life(seed, fate, draw.uniform(0.2, 0.7) * length_s, length_s)


class SoakCall(BenchCall):
    """One inbound call that lives the life it was given."""

    def __init__(self, http: aiohttp.ClientSession, address: str, life: Life, late: Late) -> None:
        turns = plan.turns(life.seed, int((life.length_s + _GIVE_UP_S) * 1000))
        trace = Trace()
        trace.measuring = True
        super().__init__(http, address, trace, turns, late)
        self._life = life

    async def live(self) -> str:
        """Why the call counts as failed; empty for a good one."""
        loop, life = asyncio.get_running_loop(), self._life
        timers = [
            loop.call_later(life.fate_s, self._meet_fate),
            loop.call_later(life.length_s, self._put_down),
        ]
        try:
            return self._trouble(await self.dial(life.length_s + _GIVE_UP_S))
        finally:
            for timer in timers:
                timer.cancel()

    def _meet_fate(self) -> None:
        leg = self._bench_leg
        if leg is None:
            return
        match self._life.fate:
            case Fate.DROPPED:
                leg.drop()
            case Fate.GARBAGE:
                for frame in _BAD_FRAMES:
                    leg.say(frame)
            case Fate.PLAIN:
                pass

    def _put_down(self) -> None:
        """Without a stream, as between one and the next, the phone is simply put down."""
        if self._bench_leg is None:
            self.end(EndedBy.CALLER)
        else:
            self.hang_up()

    def _trouble(self, report: PhoneReport) -> str:
        expected = {_BROKEN} if self._life.fate is Fate.DROPPED else set()
        errors = [error for error in report.errors if error.code not in expected]
        if report.ended_by is not EndedBy.CALLER or errors or report.said:
            return f"{self._life.fate.value}: {report.ended_by.value} {errors} {report.said}"
        return ""
