"""Which connections may wait at the door without having said what they want?

A connection costs a descriptor from its first moment, long before a signature can be checked. Who
calls for a telephone says at once what it wants; who says nothing makes room for others.

Many connections that come at once are taken one behind the other before anything is read of any of
them, as when all calls of a proxy end together: for a moment more may wait.
"""

from typing import Generic, TypeVar

PATIENCE_S = 5.0
"""From the connection, or the first byte of a further request, to the end of its headers."""
MOST_EACH = 256
"""From one address: a reverse proxy is one address, and opens its connections in bursts."""
MOST = 512
LEAST = 64
BURST = 4
"""So many times as many may wait while they may still have said what nobody has read yet."""
SPEAKS_S = 0.2
"""Who has not spoken so long after coming may have to make room."""
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
        self._waiting: dict[str, dict[Who, float]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def crowded(self) -> bool:
        """Somebody may have to make room: ask who has."""
        return self._count > min(self._most, self._most_each)

    def came(self, address: str, who: Who, now_s: float) -> Who | None:
        """Who has to make room at once, whether they have spoken or not, if somebody has."""
        self._waiting.setdefault(address, {})[who] = now_s
        self._count += 1
        if self._count <= BURST * self._most:
            return None
        crowd = max(self._waiting.values(), key=len)
        return next(iter(crowd))

    def silent(self, now_s: float) -> list[Who]:
        """Who has to make room by now: the longest-waiting, of the address that has most there
        before those of others. They are `gone` when they have left."""
        crowd = [
            (behind, now_s - came_s, who)
            for queue in self._waiting.values()
            for behind, (who, came_s) in enumerate(reversed(queue.items()))
        ]
        crowd.sort(key=lambda each: each[:2], reverse=True)
        excess = self._count - self._most
        return [
            who
            for number, (behind, waited_s, who) in enumerate(crowd)
            if (number < excess or behind >= self._most_each) and waited_s >= SPEAKS_S
        ]

    def gone(self, address: str, who: Who) -> None:
        """They said what they want, or left. Who does not wait is none's loss."""
        queue = self._waiting.get(address, {})
        if who not in queue:
            return
        del queue[who]
        self._count -= 1
        if not queue:
            del self._waiting[address]
