"""What waits for one reader, who may be slow: never more than it takes to catch up.

Changes of one call are merged, so that a slow reader gets fewer of them and not more. Lines and
sound cannot be merged: who leaves too much of them unread has fallen behind, and is let go.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from telephony.live.picture import CallView
from telephony.live.wire import AnyAnswer, Calls, Changes, Gone, Lines, Sound
from telephony.transcripts.entry import AnyEntry

MOST_LINES = 8_000
"""Twice as many as a call keeps."""
MOST_SOUNDS = 500
"""Ten seconds of both sides of a line."""


class Mailbox:
    """Of one reader."""

    def __init__(self) -> None:
        self._calls: tuple[CallView, ...] | None = None
        self._changes: dict[str, dict[str, Any]] = {}
        self._gone: dict[str, None] = {}
        self._first = 0
        self._lines: list[AnyEntry] = []
        self._sounds: list[Sound] = []
        self.behind = False
        """The reader has missed something, and cannot catch up."""

    def __bool__(self) -> bool:
        """Something waits."""
        merged = self._changes or self._gone or self._calls is not None
        return bool(merged or self._lines or self._sounds)

    def begin(self, calls: Iterable[CallView]) -> None:
        """How everything stands now: what waited is out of date."""
        self._calls = tuple(calls)
        self._changes.clear()
        self._gone.clear()

    def change(self, fields: Mapping[str, Any]) -> None:
        """`call_id`, and what differs."""
        self._gone.pop(fields["call_id"], None)
        self._changes.setdefault(fields["call_id"], {}).update(fields)

    def gone(self, call_id: str) -> None:
        self._changes.pop(call_id, None)
        self._gone[call_id] = None

    def lines(self, first: int, entries: Iterable[AnyEntry]) -> None:
        """`first` is the number of the first of them."""
        if not self._lines:
            self._first = first
        if not self.behind:
            self._lines.extend(entries)
            self.behind = len(self._lines) > MOST_LINES

    def sound(self, sound: Sound) -> None:
        if not self.behind:
            self._sounds.append(sound)
            self.behind = len(self._sounds) > MOST_SOUNDS

    def take(self) -> list[AnyAnswer]:
        """All that waits, in an order in which it makes sense."""
        taken: list[AnyAnswer] = []
        if self._calls is not None:
            taken.append(Calls(self._calls))
        if self._lines:
            taken.append(Lines(self._first, tuple(self._lines)))
        if self._changes:
            taken.append(Changes(tuple(self._changes.values())))
        taken += self._sounds
        if self._gone:
            taken.append(Gone(tuple(self._gone)))
        self._calls = None
        self._changes, self._gone, self._lines, self._sounds = {}, {}, [], []
        return taken
