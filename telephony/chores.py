"""What the service does by itself, again and again: frees holds, tells the staff what was kept."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tools.booking.holds import Holds
from tools.booking.shop import Shop
from tools.booking.waiting import Waiting
from tools.periodic import every
from tools.spool import Spool, told_to_staff
from tools.store import Store

SWEEP_S = 30.0
DRAIN_S = 10.0
SPOOL = "spool"
"""The folder below the data folder."""

Start = Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[Any]]


class Chores:
    """Both run in threads, and outlive a database that is down."""

    def __init__(
        self,
        data_dir: Path,
        store: Store,
        shop: Callable[[], Shop],
        clock: Callable[[], dt.datetime],
    ) -> None:
        """`shop` gives the one of today; `clock` the time with its zone."""
        self.spool = Spool(data_dir / SPOOL)
        self._store = store
        self._shop = shop
        self._clock = clock

    def start(self, start: Start) -> None:
        """Until their tasks are cancelled."""
        start("sweep holds", every(SWEEP_S, "holds", self.sweep))
        start("drain spool", every(DRAIN_S, "spool", self.drain))

    def sweep(self) -> None:
        """Take away holds that are over, so that who waits for their time is noted."""
        Holds(self._store, self._shop()).sweep(self._clock())

    def waiting(self) -> Waiting:
        """Of the shop as it is today."""
        return Waiting(self._store, self._shop())

    def drain(self) -> None:
        """Tell the staff what was wanted while the database was down."""
        self.spool.drain(told_to_staff(self._store))
