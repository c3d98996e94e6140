"""Whether it is worth asking a book that has failed before."""

from tools.breaker import Breaker

FAILURES = 3
PAUSE_S = 10.0
MAX_PAUSE_S = 120.0


def pauses() -> Breaker:
    """After some failures in a row, a pause; then one try, and a longer pause if it fails too."""
    return Breaker(FAILURES, PAUSE_S, MAX_PAUSE_S)
