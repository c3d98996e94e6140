"""When a session ends by itself, however well it goes.

The server says so in `expires_at` (OpenAI API reference, realtime session object), by the clock on
the wall; a clock that is wrong by an hour must not make a session of an hour seem endless or over,
so the provider's own limit counted from the connection holds where it is shorter or nothing
sensible is said.
"""

import math
from typing import Any

WARNED_S = 30.0
"""Left of a session of unknown length when its server warns of the end."""


class Expiry:
    """One session's; `limit_s` is the provider's, None where none is known."""

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._limit_at: float | None = None
        self._clock_ahead_s = 0.0
        self._ends_at: float | None = None

    def opened(self, now: float, unix_s: float) -> None:
        """The connection is there; `unix_s` is what the clock on the wall shows."""
        self._clock_ahead_s = unix_s - now
        self._limit_at = None if self._limit_s is None else now + self._limit_s
        self._ends_at = self._limit_at

    def told(self, expires_at: Any, now: float) -> None:
        """What the server says, in Unix seconds, or any nonsense."""
        if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
            return
        try:
            at = float(expires_at) - self._clock_ahead_s
        except OverflowError:
            return
        if math.isfinite(at) and at > now:
            self._ends_at = at if self._limit_at is None else min(at, self._limit_at)

    def warned(self, now: float) -> None:
        """The server says that the end is near, and not when."""
        soon = now + WARNED_S
        self._ends_at = soon if self._ends_at is None else min(self._ends_at, soon)

    def left_s(self, now: float) -> float | None:
        """Seconds from now; None where nobody knows."""
        return None if self._ends_at is None else max(0.0, self._ends_at - now)
