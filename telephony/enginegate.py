"""May another session of this engine be opened now? Spares a provider that is down, and ours.

When a provider drops all its sessions at once, every call wants a new one in the same moment.
They get them one after another, in an order nobody can foresee; an engine that fails again and
again is left alone for a while, so that calls go on with the next on their ladder at once.
"""

from collections.abc import Callable

from tools.breaker import Breaker

FAILURES = 5
"""In a row, of whichever calls."""
REST_S = 10.0
LONGEST_REST_S = 60.0
AT_ONCE = 10
"""So many sessions may be opened in the same moment."""
PER_S = 25.0
"""And then so many in a second."""
OWN = frozenset({"local"})
"""Engines of this machine: nobody is spared by waiting."""


class EngineGate:
    """For all calls of a process. Times are seconds of one clock, which never goes back."""

    def __init__(self, spread: Callable[[], float]) -> None:
        """`spread` gives numbers from 0 to 1, all equally likely."""
        self._spread = spread
        self._breakers: dict[str, Breaker] = {}
        self._next_s: dict[str, float] = {}

    def resting(self, kind: str, now: float) -> bool:
        """It is not to be asked just now; new calls had better take another."""
        return kind in self._breakers and self._breakers[kind].resting(now)

    def allows(self, kind: str, now: float) -> bool:
        """Whether to open a session; `worked` or `failed` must follow."""
        return self._breaker(kind).allows(now)

    def wait_s(self, kind: str, now: float) -> float:
        """How long to wait before it is opened; the place in the row is taken."""
        if kind in OWN:
            return 0.0
        earliest_s = now - AT_ONCE / PER_S
        place_s = max(self._next_s.get(kind, earliest_s), earliest_s)
        self._next_s[kind] = place_s + 1 / PER_S
        late_s = max(0.0, place_s - now)
        return late_s + self._spread() / PER_S if late_s else 0.0

    def worked(self, kind: str) -> None:
        self._breaker(kind).succeeded()

    def failed(self, kind: str, now: float, *, fatal: bool) -> None:
        """`fatal`: with the same settings every session would fail: there is nothing to try."""
        breaker = self._breaker(kind)
        for _ in range(FAILURES - breaker.failures if fatal else 1):
            breaker.failed(now)

    def _breaker(self, kind: str) -> Breaker:
        if kind not in self._breakers:
            self._breakers[kind] = Breaker(FAILURES, REST_S, LONGEST_REST_S)
        return self._breakers[kind]
