"""Which version a call that begins now goes by."""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Live(msgspec.Struct, Generic[T], frozen=True):
    """A version, and what was built from it. A call keeps the one it began with."""

    version: int
    built: T


class Current(Generic[T]):
    """Holds the newest one; changed on the event loop, whole, between two calls."""

    def __init__(self, live: Live[T]) -> None:
        self._live = live

    @property
    def live(self) -> Live[T]:
        return self._live

    def replace(self, live: Live[T]) -> None:
        self._live = live
