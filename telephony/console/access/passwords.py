"""Passwords: which are good enough, and argon2id, one at a time, so that calls have the machine."""

import threading

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 200
WAIT_S = 10.0
# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html asks for 19 MiB
# and two passes at least. One lane: calls on the other cores must not notice.
_MEMORY_KIB = 32 * 1024
_PASSES = 3
_WIDESPREAD = ("password", "passwort", "frontdesk", "qwertz", "qwerty", "letmein", "123456")


class Busy(Exception):  # noqa: N818 - an answer, not an error
    """Too many passwords at once; try again."""


def weakness(password: str, name: str) -> str:
    """Why a password is not taken, in words for whoever chose it; empty when it is."""
    if len(password) < SHORTEST:
        return f"Take at least {SHORTEST} characters; a few words that nobody else puts together."
    if len(password) > LONGEST:
        return f"Take at most {LONGEST} characters."
    rest = password.casefold()
    for known in (name.casefold(), *_WIDESPREAD):
        rest = rest.replace(known, "") if known else rest
    if len(set(rest)) < 5:
        return "That would be guessed: it is little more than a common word or a few characters."
    return ""


class Passwords:
    """Blocks for about a tenth of a second a password."""

    def __init__(self, memory_kib: int = _MEMORY_KIB, passes: int = _PASSES) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, type=argon2.Type.ID
        )
        self._one = threading.Lock()
        # Of nobody's password: an unknown name takes as long as a known one.
        self._nobody = self._hasher.hash("")

    def hashed(self, password: str) -> str:
        """Raises Busy."""
        with _Turn(self._one):
            return self._hasher.hash(password)

    def fits(self, password: str, hashed: str | None) -> bool:
        """Whether it is the one; None fits nothing, and takes as long to say so. Raises Busy."""
        with _Turn(self._one):
            try:
                self._hasher.verify(hashed or self._nobody, password[: LONGEST + 1])
            except (VerificationError, InvalidHashError):
                return False
        return hashed is not None


class _Turn:
    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=WAIT_S):
            raise Busy

    def __exit__(self, *_: object) -> None:
        self._lock.release()
