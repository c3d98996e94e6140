"""The log of calls, put together: what is searched, what is added by people, how it is kept up."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.keeping import TICK_S, Keeping
from telephony.transcripts.index.marks import Marks
from telephony.transcripts.index.search import Search
from tools.periodic import every
from tools.store import Store

SWEEP_S = 60.0


class CallLog:
    """Everything in it blocks, but `start`."""

    def __init__(self, store: Store, data_dir: Path, clock: Callable[[], dt.datetime]) -> None:
        """`clock` gives the time in the shop's zone."""
        self._clock = clock
        self.index = CallIndex(store)
        self.search = Search(store)
        self.marks = Marks(store, clock)
        self.keeping = Keeping(self.index, data_dir)

    @property
    def zone(self) -> dt.tzinfo:
        """Days are days of the shop."""
        zone = self._clock().tzinfo
        assert zone is not None, "a clock without a zone"
        return zone

    def start(self, start: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[Any]]) -> None:
        """Keep the index up until the tasks are cancelled, in threads."""
        start("call index", every(TICK_S, "call index", self.keeping.turn))
        start("notes", every(SWEEP_S, "notes", self.marks.sweep))
