"""What does the model go by? Its items, and the rules by which they may be cut.

Source: OpenAI API reference, `conversation.item.truncate` and `conversation.item.delete`.
"""

import msgspec

from telephony.lab.material import Spoken
from telephony.lab.records import SentItem, Told

BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8}


class Refused(Exception):  # noqa: N818 - what the model answers, not its failure
    """The client's event cannot be obeyed; becomes an `error` event."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Truncate(msgspec.Struct, frozen=True):
    """A client's `conversation.item.truncate`."""

    item_id: str
    content_index: int
    audio_end_ms: int


class OpenItem:
    """A spoken item while it is sent."""

    def __init__(self, item_id: str, reply: int, spoken: Spoken, *, wanted: bool) -> None:
        self.item_id = item_id
        self.spoken = spoken
        self.sent_samples = 0
        self._reply = reply
        self._wanted = wanted

    def record(self) -> SentItem:
        speech, sent = self.spoken.speech, self.sent_samples
        return SentItem(self.item_id, self._reply, self._wanted, speech, sent)


class Items:
    """The items of one session, and what became of them."""

    def __init__(self) -> None:
        self.spoken: dict[str, OpenItem] = {}
        """The model's own, deleted ones too."""
        self.told: list[Told] = []
        self._present: dict[str, int] = {}
        """Every item there is, with the ms of audio it still has; -1: not spoken by the model."""

    def add(self, item_id: str) -> None:
        """An item that is not the model's speech."""
        self._present[item_id] = -1

    def speak(self, item: OpenItem) -> None:
        self.spoken[item.item_id] = item
        self._present[item.item_id] = 0

    def sent(self, item: OpenItem, samples: int) -> None:
        """So much more of an item's audio has been sent, in samples at 8 kHz."""
        item.sent_samples += samples
        if item.item_id in self._present:
            self._present[item.item_id] = item.sent_samples // 8

    def truncate(self, asked: Truncate, now_s: float) -> None:
        """Raises Refused; the model then goes on believing that all was heard."""
        try:
            self._truncate(asked)
        except Refused:
            self.told.append(Told(asked.item_id, asked.audio_end_ms, now_s, accepted=False))
            raise
        self.told.append(Told(asked.item_id, asked.audio_end_ms, now_s, accepted=True))

    def _truncate(self, asked: Truncate) -> None:
        audio_ms = self._present.get(asked.item_id)
        if audio_ms is None:
            message = f"Item with item_id not found: {asked.item_id}"
            raise Refused("item_truncate_invalid_item_id", message)
        if audio_ms < 0:
            raise Refused("invalid_value", "Only model output audio messages can be truncated")
        if asked.content_index != 0 or asked.audio_end_ms < 0:
            raise Refused("invalid_value", "Invalid content_index or audio_end_ms")
        if asked.audio_end_ms > audio_ms:
            message = (
                f"Audio content of {audio_ms}ms is already shorter than {asked.audio_end_ms}ms"
            )
            raise Refused("invalid_value", message)
        self._present[asked.item_id] = asked.audio_end_ms

    def delete(self, item_id: str, now_s: float) -> None:
        """Raises Refused."""
        if self._present.pop(item_id, None) is None:
            raise Refused("item_delete_invalid_item_id", f"Item not found: {item_id}")
        if item_id in self.spoken:
            self.told.append(Told(item_id, 0, now_s, accepted=True, deletion=True))
