"""Figures all workers of a machine see: who takes calls, how many each has. Nothing about a call.

One row of whole numbers for each worker, written by it alone, in memory that the parent made and
each inherits. Read and written in less than a microsecond, so that a call is admitted, and the last
but one refused, without asking anybody.
"""

import contextlib
import fcntl
import mmap
import os
import time
from collections.abc import Generator
from enum import IntEnum

_BYTES = 8
_LOCK_TRIES = 200


class Column(IntEnum):
    STATE = 0
    HELD = 1
    """Calls that are on or have been admitted."""
    LIVE = 2
    SEEN_MS = 3
    """When it wrote last, on the machine's monotonic clock."""
    LATE_US = 4
    """How late its event loop is."""


class State(IntEnum):
    AWAY = 0
    TAKING = 1
    FULL = 2
    """It takes no more just now."""
    DRAINING = 3


class Board:
    """`rows` workers. Use `close` when nobody looks any more."""

    def __init__(self, rows: int, fd: int | None = None) -> None:
        """`fd`: of memory another process made; None makes some, which is shared with nobody."""
        self.rows = rows
        self.fd = fd
        size = (1 + rows * len(Column)) * _BYTES
        self._map = mmap.mmap(-1 if fd is None else fd, size)
        self._cells = memoryview(self._map).cast("q")

    @classmethod
    def to_share(cls, rows: int) -> "Board":
        """With an `fd` that workers can inherit."""
        fd = os.memfd_create("frontdesk-board")
        os.ftruncate(fd, (1 + rows * len(Column)) * _BYTES)
        return cls(rows, fd)

    def close(self) -> None:
        self._cells.release()
        self._map.close()
        if self.fd is not None:
            os.close(self.fd)

    # ---- all of them ---------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """All workers are to end: none of them goes on with another's calls."""
        return self._cells[0] != 0

    def stop(self) -> None:
        self._cells[0] = 1

    def get(self, row: int, column: Column) -> int:
        return self._cells[1 + row * len(Column) + column]

    def put(self, row: int, column: Column, value: int) -> None:
        self._cells[1 + row * len(Column) + column] = value

    def total(self, column: Column) -> int:
        return sum(self.get(row, column) for row in range(self.rows))

    def clear(self, row: int) -> None:
        """The worker is gone, and its calls with it."""
        for column in Column:
            self.put(row, column, 0)

    # ---- one of them ---------------------------------------------------------------------------

    def silent_ms(self, row: int) -> int:
        """For how long it has said nothing."""
        return monotonic_ms() - self.get(row, Column.SEEN_MS)

    def claim(self, row: int, held: int, limit: int) -> bool:
        """One more place for a worker that holds so many; False: `limit` or more are held. Calls
        taken over ask for none and come on top."""
        with self._locked():
            others = self.total(Column.HELD) - self.get(row, Column.HELD)
            if others + held >= limit:
                return False
            self.put(row, Column.HELD, held + 1)
            return True

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """For a few microseconds. A worker that was stopped in them must not stop the others: they
        go on without, and may admit one call too many."""
        if self.fd is None:
            yield
            return
        locked = any(self._lock() for _ in range(_LOCK_TRIES))
        try:
            yield
        finally:
            if locked:
                fcntl.lockf(self.fd, fcntl.LOCK_UN)

    def _lock(self) -> bool:
        assert self.fd is not None
        try:
            fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Who has it may wait for this very core.
            os.sched_yield()
            return False
        return True


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
