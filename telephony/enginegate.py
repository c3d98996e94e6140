"""May another session of this engine be opened now? Spares a provider that is down, and ours.

When a provider drops all its sessions at once, every call wants a new one in the same moment.
They get them one after another, in an order nobody can foresee; an engine that fails again and
again is left alone for a while, so that calls go on with the next on their ladder at once.
"""

from collections.abc import Callable

from agents.realtime.failures import FATAL, WANTS_BETA
from tools.breaker import Breaker

FAILURES = 5
"""In a row, of whichever calls."""
REST_S = 10.0
LONGEST_REST_S = 60.0
AT_ONCE = 10
"""So many sessions may be opened in the same moment."""
PER_S = 25.0
"""And then so many in a second."""
LONGEST_ROW_S = 0.7
"""Who would wait longer had better take the next engine: the call reckons from when it asks."""
HOPELESS = FATAL | {
    WANTS_BETA,
    "bad_base_url",
    "forbidden",
    "handshake_refused",
    "local_llm_not_found",
    "local_llm_refused",
    "local_llm_unauthorized",
    "local_models_missing",
}
"""Fatal reasons of EngineFailed that hold for the account or the machine, so for all calls."""
ONE_CALLS = frozenset(
    {
        "backpressure",
        "content_filter",
        "internal",
        "internal_error",
        "local_dialogue_failed",
        "request_refused",
        "request_too_large",
        "response_refused",
        "session_config_refused",
        "session_expired",
        "unused",
        "wrong_audio_format",
    }
)
"""Reasons that lie in one call, its settings or what was said in it: others may fare better."""
OWN = frozenset({"local"})
"""Engines of this machine: nobody is spared by waiting."""


class EngineGate:
    """For all calls of a process. Times are seconds of one clock, which never goes back."""

    def __init__(self, spread: Callable[[], float], workers: int = 1) -> None:
        """`spread` gives numbers from 0 to 1, all equally likely. `workers` share what a
        provider is to be asked at most."""
        self._spread = spread
        self._per_s = PER_S / workers
        self._at_once = max(1, AT_ONCE // workers)
        self._breakers: dict[str, Breaker] = {}
        self._next_s: dict[str, float] = {}

    def resting(self, kind: str, now: float) -> bool:
        """It is not to be asked just now, or one call finds out whether it works again; others had
        better take another."""
        return kind in self._breakers and self._breakers[kind].resting(now)

    def allows(self, kind: str, now: float) -> bool:
        """Whether to open a session; `worked`, `failed` or `withdrawn` must follow."""
        return self._breaker(kind).allows(now)

    def row_s(self, kind: str, now: float) -> float:
        """How long the row is; nobody's place in it is taken."""
        return 0.0 if kind in OWN else max(0.0, self._place_s(kind, now) - now)

    def wait_s(self, kind: str, now: float) -> float:
        """How long to wait before it is opened; the place in the row is taken."""
        late_s = self.row_s(kind, now)
        self._next_s[kind] = self._place_s(kind, now) + 1 / self._per_s
        return late_s + self._spread() / self._per_s if late_s else 0.0

    def _place_s(self, kind: str, now: float) -> float:
        """When the next one in the row may open its session."""
        earliest_s = now - self._at_once / self._per_s
        return max(self._next_s.get(kind, earliest_s), earliest_s)

    def worked(self, kind: str) -> None:
        self._breaker(kind).succeeded()

    def withdrawn(self, kind: str) -> None:
        """A session that was allowed was not opened, or told nothing of the engine."""
        self._breaker(kind).withdrawn()

    def failed_for(self, kind: str, reason: str, now: float, *, fatal: bool) -> None:
        """A session failed; `reason` and `fatal` as EngineFailed has them."""
        if reason in ONE_CALLS:
            self.withdrawn(kind)
        else:
            self.failed(kind, now, fatal=fatal and reason in HOPELESS)

    def failed(self, kind: str, now: float, *, fatal: bool) -> None:
        """`fatal`: with the same settings every session would fail: there is nothing to try."""
        breaker = self._breaker(kind)
        for _ in range(max(1, FAILURES - breaker.failures) if fatal else 1):
            breaker.failed(now)

    def _breaker(self, kind: str) -> Breaker:
        if kind not in self._breakers:
            self._breakers[kind] = Breaker(FAILURES, REST_S, LONGEST_REST_S)
        return self._breakers[kind]
