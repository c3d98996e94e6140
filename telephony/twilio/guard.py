"""How much may a peer send, and how much of its nonsense is worth a log line?"""

from collections import deque


class RateCap:
    """A token bucket: `burst` at once, `rate` a second in the long run."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """True: within the cap."""
        left = self._left + (now - self._at) * self._rate
        if left > self._burst:  # noqa: PLR1730, `min` would cost as much as all the rest
            left = self._burst
        self._at = now
        if left < 1.0:
            self._left = left
            return False
        self._left = left - 1.0
        return True


class Strikes:
    """Says when something happened more than `limit` times within `window_s`."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._window_s = window_s
        self._times: deque[float] = deque(maxlen=limit + 1)

    def strike(self, now: float) -> bool:
        """True: one too many."""
        self._times.append(now)
        return len(self._times) == self._times.maxlen and now - self._times[0] < self._window_s


class Sampler:
    """One log line for each code and period, whatever the number of events."""

    def __init__(self, period_s: float = 10.0, codes: int = 256) -> None:
        self._period_s = period_s
        self._codes = codes
        self._last: dict[str, tuple[float, int]] = {}

    def due(self, code: str, now: float) -> int | None:
        """How many events the line to be written now stands for; None: write none."""
        at, held = self._last.get(code, (None, 0))
        if at is not None and now - at < self._period_s:
            self._last[code] = (at, held + 1)
            return None
        if at is None and len(self._last) >= self._codes:
            return None
        self._last[code] = (now, 0)
        return held + 1
