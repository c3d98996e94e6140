"""Digits nobody may see: kept in memory for a short while, given out once for a reference."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from tools.spec import DIGITS_REFERENCE

KEPT_S = 300.0
"""How long a reference is good for."""
MAX_KEPT = 1_000
"""Of all calls together; the oldest go first."""


class _Kept:
    """A plain class on purpose: its repr shows nothing."""

    __slots__ = ("call_id", "digits", "until_s")

    def __init__(self, call_id: str, digits: str, until_s: float) -> None:
        self.call_id = call_id
        self.digits = digits
        self.until_s = until_s


class Vault:
    """What callers typed in confidence. Nothing of it is ever written down."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds and never goes back."""
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._secret = secrets.token_bytes(32)
        # By reference, with its call; outlives the digits, for repeats of what has used them.
        self._prints: dict[str, tuple[str, str]] = {}

    def put(self, call_id: str, digits: str) -> str:
        """Keep digits; the reference says nothing of them, and its call alone can use it."""
        now = self._clock()
        self._let_go(lambda kept: kept.until_s <= now)
        while len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        reference = f"{DIGITS_REFERENCE}{secrets.token_hex(8)}"
        self._kept[reference] = _Kept(call_id, digits, now + KEPT_S)
        while len(self._prints) >= MAX_KEPT:
            del self._prints[next(iter(self._prints))]
        keyed = hmac.new(self._secret, digits.encode(), hashlib.sha256)
        self._prints[reference] = (call_id, keyed.hexdigest())
        return reference

    def print_of(self, call_id: str, reference: str) -> str:
        """The same text for the same digits typed again, which tells nothing of them to who has
        not this process's secret; the reference itself when it is unknown in this call."""
        owner, found = self._prints.get(reference, ("", ""))
        return found if found and owner == call_id else reference

    def take(self, call_id: str, reference: str) -> str | None:
        """The digits, once; None when they are another call's, too old, used, or never were."""
        kept = self._kept.get(reference)
        if kept is None or kept.call_id != call_id:
            return None
        del self._kept[reference]
        return kept.digits if self._clock() < kept.until_s else None

    def forget(self, call_id: str) -> None:
        """The call is over: let go of whatever it did not use."""
        self._let_go(lambda kept: kept.call_id == call_id)
        self._prints = {name: each for name, each in self._prints.items() if each[0] != call_id}

    def _let_go(self, when: Callable[[_Kept], bool]) -> None:
        for reference in [name for name, kept in self._kept.items() if when(kept)]:
            del self._kept[reference]
