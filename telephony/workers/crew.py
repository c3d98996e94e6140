"""What one worker knows of itself and of the others; who works alone is a crew of one."""

import secrets
import socket

from telephony.workers.board import Board, Column, State
from telephony.workers.channel import Channel

SILENT_MS = 1_500
"""Of a worker that has said nothing for so long no answer is expected."""


class Crew:
    """As `index` of `size` workers sees it."""

    def __init__(
        self,
        index: int = 0,
        board: Board | None = None,
        channel: Channel | None = None,
        own: socket.socket | None = None,
        name: str = "",
    ) -> None:
        """`name` is that of the crew, the same for all; `own` the worker's end of its channel."""
        self.index = index
        self.board = board or Board(1)
        self.channel = channel or Channel({})
        self.own = own
        self.name = name or secrets.token_hex(8)
        self._open = own is None

    @property
    def size(self) -> int:
        return self.board.rows

    @property
    def number(self) -> int | None:
        """As addresses name this worker; None where there is nobody else."""
        return self.index if self.size > 1 else None

    @property
    def stops(self) -> bool:
        """All of it."""
        return self.board.stopping

    @property
    def live(self) -> int:
        """Calls of all workers."""
        return self.board.total(Column.LIVE)

    @property
    def others_live(self) -> int:
        return self.live - self.board.get(self.index, Column.LIVE)

    @property
    def others_held(self) -> int:
        return self.board.total(Column.HELD) - self.board.get(self.index, Column.HELD)

    @property
    def another_takes(self) -> bool:
        """Another worker would take a call now."""
        others = (each for each in range(self.size) if each != self.index)
        return any(self.state(each) is State.TAKING for each in others)

    def views(self) -> list[dict[str, object]]:
        """All workers, for people and programs to read."""
        return [
            {
                "state": self.state(each).name.lower(),
                "live_calls": self.board.get(each, Column.LIVE),
                "late_ms": round(self.board.get(each, Column.LATE_US) / 1000, 1),
            }
            for each in range(self.size)
        ]

    def claim(self, held: int, limit: int) -> bool:
        """One more call beside those held here; False: there are `limit` on this machine."""
        return self.board.claim(self.index, held, limit)

    def counts(self, held: int, live: int) -> None:
        """What this worker has."""
        self.board.put(self.index, Column.HELD, held)
        self.board.put(self.index, Column.LIVE, live)

    def opens(self) -> None:
        """From now on others may hand this worker what is for it."""
        self._open = True

    def closes(self) -> None:
        """From now on nobody may."""
        self._open = False
        self.board.put(self.index, Column.STATE, State.AWAY)

    def says(self, state: State, now_ms: int, late_us: int) -> None:
        """How this worker fares; to be said again and again."""
        self.board.put(self.index, Column.LATE_US, late_us)
        self.board.put(self.index, Column.SEEN_MS, now_ms)
        self.board.put(self.index, Column.STATE, state if self._open else State.AWAY)

    def leaves(self) -> None:
        self.board.clear(self.index)

    def state(self, worker: int) -> State:
        """AWAY for one that is frozen, too."""
        if self.board.silent_ms(worker) > SILENT_MS:
            return State.AWAY
        return State(self.board.get(worker, Column.STATE))
