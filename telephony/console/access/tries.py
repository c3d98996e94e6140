"""Counts tries to sign in, so that guessing gets slower: in the database, for all processes."""

import datetime as dt
from collections.abc import Callable, Mapping

import msgspec
import sqlalchemy as sa

from telephony.console.access.tables import TRIES
from telephony.console.access.throttle import FORGET_AFTER, pause_after
from telephony.console.access.tokens import digest
from tools.elapsed import time_after, time_before, time_between
from tools.store import Store

PAIR = 5
NAME = 20
ADDRESS = 50
CODE = 5
"""So many are free: for a name from one address, for a name, for an address, for a code."""


class Slowed(msgspec.Struct, frozen=True):
    """Not now."""

    wait: dt.timedelta


class Begun(msgspec.Struct, frozen=True):
    """It may be tried; it counts as a failure until `Tries.succeeded`."""

    slows: str = ""
    """What has used up its last free try with this one; empty if nothing."""


class Tries:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def begin(self, subjects: Mapping[str, int]) -> Begun | Slowed:
        """Count a try before it is made: of many at once none goes uncounted. `subjects` says what
        is counted, and how many tries of it are free."""
        now = self._clock()
        counted = {digest(subject): (subject, free) for subject, free in subjects.items()}

        def work(connection: sa.Connection) -> Begun | Slowed:
            old = TRIES.c.last_at < time_before(now, FORGET_AFTER)
            connection.execute(sa.delete(TRIES).where(old))
            query = sa.select(TRIES).where(TRIES.c.subject.in_(counted)).with_for_update()
            known = {row.subject: row for row in connection.execute(query)}
            blocked = [row.blocked_until for row in known.values() if row.blocked_until > now]
            waits = [time_between(now, until) for until in blocked]
            if waits:
                return Slowed(max(waits))
            slows = ""
            for key, (subject, free) in counted.items():
                failures = (known[key].failures if key in known else 0) + 1
                until = time_after(now, pause_after(failures, free))
                values = {"failures": failures, "last_at": now, "blocked_until": until}
                if key in known:
                    change = sa.update(TRIES).where(TRIES.c.subject == key)
                    connection.execute(change.values(values))
                else:
                    connection.execute(sa.insert(TRIES).values(subject=key, **values))
                slows = subject if failures == free else slows
            return Begun(slows)

        return self._store.contend(work, "tries to sign in", looks=10)

    def succeeded(self, *subjects: str) -> None:
        """It was the right one after all: nothing is held against these."""
        gone = sa.delete(TRIES).where(TRIES.c.subject.in_([digest(each) for each in subjects]))
        self._store.write(lambda connection: connection.execute(gone))
