"""Which connections may wait at the door without having said what they want?

A connection costs a descriptor from its first moment, long before a signature can be checked. Who
calls for a telephone says at once what it wants; who says nothing makes room for others.
"""

from typing import Generic, TypeVar

PATIENCE_S = 5.0
"""From the connection, or the first byte of a further request, to the end of its headers."""
MOST_EACH = 256
"""From one address: a reverse proxy is one address, and opens its connections in bursts."""
MOST = 512
LEAST = 64
SHARE = 20
"""Or one of so many descriptors the process may have, if that is less."""

Who = TypeVar("Who")


def most_waiting(descriptors: int) -> int:
    """Of a process that may have so many descriptors."""
    return max(LEAST, min(MOST, descriptors // SHARE))


class Doorstep(Generic[Who]):
    """Those who wait, by the address they come from, in the order of their coming."""

    def __init__(self, most: int = MOST, most_each: int = MOST_EACH) -> None:
        self._most = most
        self._most_each = most_each
        self._waiting: dict[str, dict[Who, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def came(self, address: str, who: Who) -> Who | None:
        """Who has to make room, if somebody has: the longest-waiting of the address that has most
        there. They are `gone` when they have left."""
        queue = self._waiting.setdefault(address, {})
        queue[who] = None
        self._count += 1
        if len(queue) > self._most_each:
            return next(iter(queue))
        if self._count > self._most:
            crowd = max(self._waiting, key=lambda address: len(self._waiting[address]))
            return next(iter(self._waiting[crowd]))
        return None

    def gone(self, address: str, who: Who) -> None:
        """They said what they want, or left. Who does not wait is none's loss."""
        queue = self._waiting.get(address, {})
        if who not in queue:
            return
        del queue[who]
        self._count -= 1
        if not queue:
            del self._waiting[address]
