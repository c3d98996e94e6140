"""Which spoken items are still wanted, and how much audio of each has come.

Deltas of a response that was cancelled, or of an item that was cut, are already on the wire when
the cut is made and keep arriving; they are told from wanted ones by item and response alone.
"""

from collections import OrderedDict

import msgspec

KEPT = 512
"""Ids remembered of each kind; late deltas come within a second, not hundreds of items later."""


class _Ids:
    """The last `KEPT` ids put in."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, name: str) -> bool:
        """False when it was there already."""
        known = name in self._ids
        self._ids[name] = None
        if len(self._ids) > KEPT:
            self._ids.popitem(last=False)
        return not known

    def __contains__(self, name: object) -> bool:
        return name in self._ids


class _Open(msgspec.Struct):
    """An item that is being spoken."""

    response_id: str
    rest: bytes = b""
    """The first byte of a sample whose second has not come yet."""
    text: str = ""


class SpokenItems:
    """The assistant's spoken items of one session."""

    def __init__(self, sample_bytes: int, rate: int) -> None:
        self._sample_bytes = sample_bytes
        self._rate = rate
        self._open: dict[str, _Open] = {}
        self._received: OrderedDict[str, int] = OrderedDict()
        self._said: dict[str, list[str]] = {}
        self._given_up = _Ids()
        self._ended_items = _Ids()
        self._ended_responses = _Ids()

    def wants(self, response_id: str, item_id: str) -> bool:
        return not (
            item_id in self._given_up
            or item_id in self._ended_items
            or response_id in self._ended_responses
        )

    def audio(self, response_id: str, item_id: str, audio: bytes) -> bytes:
        """Count a piece in; its whole samples, with what the last piece left over."""
        item = self._opened(response_id, item_id)
        whole = item.rest + audio
        cut = len(whole) - len(whole) % self._sample_bytes
        item.rest = whole[cut:]
        self._received[item_id] = self._received.pop(item_id, 0) + cut
        if len(self._received) > KEPT:
            self._received.popitem(last=False)
        return whole[:cut]

    def text(self, response_id: str, item_id: str, text: str) -> None:
        self._opened(response_id, item_id).text += text

    def missing_text(self, response_id: str, item_id: str, whole: str) -> str:
        """What the final transcript has beyond the deltas: a server may send no deltas."""
        return whole[len(self._opened(response_id, item_id).text) :]

    def _opened(self, response_id: str, item_id: str) -> _Open:
        return self._open.setdefault(item_id, _Open(response_id))

    def received_ms(self, item_id: str) -> int | None:
        """How much audio of the item has come; None for an item we never heard of."""
        received = self._received.get(item_id)
        if received is None:
            return None
        return received // self._sample_bytes * 1000 // self._rate

    def give_up(self, item_id: str) -> None:
        """Cut or deleted: nothing more of it is wanted."""
        self._given_up.add(item_id)

    def mute(self, response_id: str) -> None:
        """Cancelled by us: nothing more of it is wanted, although it is not over yet."""
        for item_id, item in self._open.items():
            if item.response_id == response_id:
                self._given_up.add(item_id)
        self._ended_responses.add(response_id)

    def end_item(self, item_id: str) -> bool:
        """The item is complete, one way or another. True the first time, if it was spoken."""
        self._ended_items.add(item_id)
        item = self._open.pop(item_id, None)
        if item is None:
            return False
        if item_id not in self._given_up and item_id in self._received:
            self._said.setdefault(item.response_id, []).append(item.text)
        return True

    def open_in(self, response_id: str) -> list[str]:
        """Items of the response that have not got an end of their own."""
        return [item for item, at in self._open.items() if at.response_id == response_id]

    def end_response(self, response_id: str) -> str:
        """The response is over, and so are all its items; the words of those spoken whole."""
        self._ended_responses.add(response_id)
        return " ".join(filter(None, self._said.pop(response_id, [])))
