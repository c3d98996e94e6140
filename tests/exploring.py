"""How many examples do property tests try: always the same few, or many new ones?

What `make test` proves today it proves tomorrow; `make explore` looks for what nobody tried.
"""

import os

from hypothesis import HealthCheck, settings

EXPLORING = bool(os.environ.get("FRONTDESK_EXPLORE"))
_FACTOR = 25


def examples(count: int) -> int:
    """For `max_examples`: `count` of them in `make test`."""
    return count * _FACTOR if EXPLORING else count


def choose() -> None:
    """For this run of the tests."""
    settings.register_profile("steady", derandomize=True, deadline=None)
    settings.register_profile(
        "explore",
        max_examples=examples(100),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("explore" if EXPLORING else "steady")
