"""How many examples do property tests try: always the same few, or many new ones?

What `make test` proves today it proves tomorrow; `make explore` looks for what nobody tried.
"""

import os

from hypothesis import HealthCheck, settings

EXPLORING = bool(os.environ.get("FRONTDESK_EXPLORE"))
IN_FULL = "FRONTDESK_IN_FULL"
"""Set for what must not depend on luck: always the same examples, but all of them."""
_FACTOR = 25
_SHARE = 0.3
_LEAST = 4
_USUAL = 100
_STEPS = 50


def examples(count: int) -> int:
    """For `max_examples`, `count` being a thorough look: `make test` has a part of it."""
    if EXPLORING:
        return count * _FACTOR
    return count if os.environ.get(IN_FULL) else max(min(count, _LEAST), int(count * _SHARE))


def choose() -> None:
    """For this run of the tests."""
    settings.register_profile(
        "steady",
        max_examples=examples(_USUAL),
        stateful_step_count=_STEPS // 2,
        derandomize=True,
        deadline=None,
    )
    settings.register_profile(
        "full", max_examples=examples(_USUAL), derandomize=True, deadline=None
    )
    settings.register_profile(
        "explore",
        max_examples=examples(_USUAL),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile(_profile())


def _profile() -> str:
    if EXPLORING:
        return "explore"
    return "full" if os.environ.get(IN_FULL) else "steady"
