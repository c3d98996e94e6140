"""Who has read what of which call, for the audit log: the same again soon is one entry."""

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable

from telephony.console.access.audit import Audit
from telephony.console.access.roles import Who
from tools.elapsed import time_between

AGAIN_S = 600
"""Somebody who reads one thing again within so long has read it once."""
_MOST_REMEMBERED = 4_000


class Reading:
    """What was noted lately; for threads."""

    def __init__(self, audit: Audit, clock: Callable[[], dt.datetime]) -> None:
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: OrderedDict[tuple[str, str, str], dt.datetime] = OrderedDict()

    def note(self, who: Who, action: str, call_id: str) -> None:
        """Write down that it was read; a player asks for a hundred pieces of one recording. Blocks;
        raises BackendError: what cannot be written down is not shown."""
        now, key = self._clock(), (who.session or who.id, action, call_id)
        with self._lock:
            since = self._noted.get(key)
        if since is not None and time_between(since, now).total_seconds() < AGAIN_S:
            return
        self._audit.record(who, action, f"call {call_id}")
        with self._lock:
            self._noted[key] = now
            self._noted.move_to_end(key)
            while len(self._noted) > _MOST_REMEMBERED:
                self._noted.popitem(last=False)
