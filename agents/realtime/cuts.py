"""How the server is told what was heard of an item, and what if it will not have it.

A refused truncation leaves the server believing that all of the item was heard (OpenAI API
reference, conversation.item.truncate). Then the item is deleted, and the words that were heard are
put in its place. Servers name our event in the error, or often nothing: errors come in the order of
what they answer, so then it is the oldest.
"""

from collections import OrderedDict

from agents.engine import TruncateItem
from agents.realtime import wire
from agents.realtime.spoken import SpokenItems

_REFUSALS = frozenset({"invalid_value", "item_truncate_invalid_item_id"})
_KEPT = 64
"""A server that confirms nothing must not make the list grow."""


class Cuts:
    """The truncations of one session that are on their way."""

    def __init__(self, items: SpokenItems) -> None:
        self._items = items
        self._pending: OrderedDict[str, TruncateItem] = OrderedDict()
        self._count = 0

    def truncate(self, cut: TruncateItem) -> bytes:
        """Nothing more of the item is wanted."""
        # Beyond the audio's end the server refuses, and goes on believing all of it was heard.
        received_ms = self._items.received_ms(cut.item_id)
        end_ms = cut.audio_end_ms if received_ms is None else min(cut.audio_end_ms, received_ms)
        self._items.give_up(cut.item_id)
        self._count += 1
        event_id = f"truncate_{self._count}"
        self._pending[event_id] = cut
        if len(self._pending) > _KEPT:
            self._pending.popitem(last=False)
        return wire.item_truncate(cut.item_id, cut.content_index, max(0, end_ms), event_id)

    def delete(self, item_id: str) -> bytes:
        """The same where nothing was heard."""
        self._items.give_up(item_id)
        return wire.item_delete(item_id)

    def confirmed(self, item_id: str) -> None:
        for event_id, cut in self._pending.items():
            if cut.item_id == item_id:
                del self._pending[event_id]
                return

    def made_good(self, code: str, event_id: str | None, *, beta: bool) -> list[bytes]:
        """What to send instead, if an error is about a truncation; else nothing."""
        cut = self._refused(code, event_id)
        if cut is None:
            return []
        words = wire.agent_text(cut.heard_text, beta=beta)
        instead = [wire.item_create(words, after=cut.item_id)] if cut.heard_text.strip() else []
        return [*instead, wire.item_delete(cut.item_id)]

    def _refused(self, code: str, event_id: str | None) -> TruncateItem | None:
        if event_id is not None:
            return self._pending.pop(event_id, None)
        if code not in _REFUSALS or not self._pending:
            return None
        return self._pending.popitem(last=False)[1]
