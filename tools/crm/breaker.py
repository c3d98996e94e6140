"""Whether it is worth asking a book that has failed before."""

FAILURES = 3
PAUSE_S = 10.0
MAX_PAUSE_S = 120.0


class Pauses:
    """After some failures in a row, a pause; then one try, and a longer pause if it fails too.

    For one event loop: nothing here is safe between threads.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._until_s = 0.0

    def allows(self, now: float) -> bool:
        """True for one who tries after a pause: the others wait for how that ends."""
        if self._failures < FAILURES:
            return True
        if now < self._until_s:
            return False
        self._until_s = now + self._pause_s()
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, now: float) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._until_s = now + self._pause_s()

    def _pause_s(self) -> float:
        doublings = min(self._failures - FAILURES, 10)
        return float(min(PAUSE_S * 2**doublings, MAX_PAUSE_S))
