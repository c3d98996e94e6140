"""How often somebody may try: what a guesser loses with each try, and how fast a client may ask."""

import datetime as dt
import math
from typing import NamedTuple

FORGET_AFTER = dt.timedelta(hours=24)
LONGEST_PAUSE = dt.timedelta(minutes=15)


def pause_after(failures: int, free: int) -> dt.timedelta:
    """How long nothing is tried after so many failures, the first few free: 1 s, 2 s, 4 s ..."""
    if failures < free:
        return dt.timedelta(0)
    # Beyond this the longest pause is reached in any case.
    doubled = min(failures - free, 20)
    return min(dt.timedelta(seconds=2**doubled), LONGEST_PAUSE)


class Rate(NamedTuple):
    """How fast one client may ask: so many at once, then so many a second."""

    most: int = 200
    per_s: float = 20.0


class Bucket:
    """So many at once, and then so many a second; time is an argument."""

    __slots__ = ("_at", "_left", "_most", "_per_s")

    def __init__(self, most: float, per_s: float, now_s: float) -> None:
        self._most = most
        self._per_s = per_s
        self._left = most
        self._at = now_s

    def wait_s(self, now_s: float) -> int:
        """0 if one may be taken now, and it is; otherwise in how many whole seconds to ask."""
        self._left = min(self._most, self._left + max(0.0, now_s - self._at) * self._per_s)
        self._at = now_s
        if self._left >= 1:
            self._left -= 1
            return 0
        return math.ceil((1 - self._left) / self._per_s)

    def full(self, now_s: float) -> bool:
        """Whether nothing is lost by forgetting it."""
        return self._left + max(0.0, now_s - self._at) * self._per_s >= self._most


class Buckets:
    """One for each client; those of clients that have gone are forgotten."""

    def __init__(self, rate: Rate, clients: int = 10_000) -> None:
        self._rate = rate
        self._clients = clients
        self._buckets: dict[str, Bucket] = {}

    def wait_s(self, client: str, now_s: float) -> int:
        """As `Bucket.wait_s`. More clients than are known at a time share one bucket."""
        if client not in self._buckets and len(self._buckets) >= self._clients:
            self._forget(now_s)
            if len(self._buckets) >= self._clients:
                client = ""
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = Bucket(*self._rate, now_s)
        return bucket.wait_s(now_s)

    def _forget(self, now_s: float) -> None:
        self._buckets = {
            client: bucket for client, bucket in self._buckets.items() if not bucket.full(now_s)
        }
