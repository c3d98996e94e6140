"""What the fake Realtime server believes was said: its items, and the rules for cutting them."""

import dataclasses
from typing import Any

from tests.fakes.realtime_schema import Refused


@dataclasses.dataclass
class Entry:
    """One item of the conversation."""

    id: str
    role: str
    """`user`, `assistant`, `call` or `output`."""
    text: str = ""
    """What the model believes of it: a truncated item keeps the words up to the cut."""
    audio_ms: int = 0
    """Audio sent of it, or for a caller's turn 0."""
    call_id: str = ""
    done: bool = False


@dataclasses.dataclass(frozen=True)
class Truncation:
    item_id: str
    audio_end_ms: int
    accepted: bool


class Conversation:
    """The default conversation of one session."""

    def __init__(self, short_count_ms: int) -> None:
        self.entries: dict[str, Entry] = {}
        self.truncations: list[Truncation] = []
        self.deleted: list[str] = []
        self._short_count_ms = short_count_ms

    def add(self, entry: Entry) -> str | None:
        """Append an item; the id of the one before it."""
        before = next(reversed(self.entries), None)
        self.entries[entry.id] = entry
        return before

    def context(self) -> list[tuple[str, str]]:
        """(role, text) of what the model goes by, in order."""
        return [(entry.role, entry.text) for entry in self.entries.values()]

    def truncate(self, event: dict[str, Any]) -> None:
        """Raises Refused, and then goes on believing that all was heard."""
        item_id, end_ms = event["item_id"], event["audio_end_ms"]
        try:
            self._truncate(item_id, event["content_index"], end_ms)
        except Refused:
            self.truncations.append(Truncation(item_id, end_ms, accepted=False))
            raise
        self.truncations.append(Truncation(item_id, end_ms, accepted=True))

    def _truncate(self, item_id: str, content_index: int, end_ms: int) -> None:
        entry = self.entries.get(item_id)
        if entry is None:
            raise Refused(
                "item_truncate_invalid_item_id", f"Item with item_id not found: {item_id}"
            )
        if entry.role != "assistant":
            raise Refused("invalid_value", "Only model output audio messages can be truncated")
        if content_index != 0 or end_ms < 0:
            raise Refused("invalid_value", "Invalid content_index or audio_end_ms")
        counted_ms = entry.audio_ms - self._short_count_ms
        if end_ms > counted_ms:
            message = f"Audio content of {counted_ms}ms is already shorter than {end_ms}ms"
            raise Refused("invalid_value", message)
        words = entry.text.split()
        entry.text = " ".join(words[: len(words) * end_ms // max(1, entry.audio_ms)])
        entry.audio_ms = end_ms

    def delete(self, item_id: str) -> None:
        """Raises Refused."""
        if item_id not in self.entries:
            raise Refused("item_delete_invalid_item_id", f"Item not found: {item_id}")
        del self.entries[item_id]
        self.deleted.append(item_id)

    def open_call(self, call_id: str) -> None:
        """Raises Refused unless a function call waits for this output."""
        calls = {entry.call_id for entry in self.entries.values() if entry.role == "call"}
        outputs = {entry.call_id for entry in self.entries.values() if entry.role == "output"}
        if call_id not in calls - outputs:
            raise Refused("invalid_value", f"Tool call ID '{call_id}' not found in conversation.")
