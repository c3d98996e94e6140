"""What can wait until the sound of all calls has been carried on.

In one turn of the event loop everything that has arrived is read, whichever call it is of. What
need not be done amid that is put off to the end of the turn, and much of it over several turns, so
that the sound that arrives meanwhile does not queue up behind it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

SLICE_S: Final = 0.002
"""Of one turn of the event loop: a tenth of what a frame lasts."""


class Spare:
    """Of one event loop: first come, first served."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: dict[Callable[[], None], None] = {}
        self._scheduled = False

    def later(self, act: Callable[[], None]) -> None:
        """Call it soon, never before this returns; once, if it waits already. Must not raise."""
        self._waiting[act] = None
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """At least one of them, however slow the machine is."""
        ends_s = self._clock() + SLICE_S
        try:
            self._first()
            while self._waiting and self._clock() < ends_s:
                self._first()
        finally:
            self._scheduled = False
            if self._waiting:
                self._schedule()

    def _first(self) -> None:
        act = next(iter(self._waiting))
        del self._waiting[act]
        act()
