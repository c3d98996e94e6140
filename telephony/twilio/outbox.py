"""What goes to Twilio next, and what is dropped instead?"""

from collections import deque
from itertools import islice

import msgspec

from telephony.twilio.wire import Envelopes

MAX_WAITING_SAMPLES = 60 * 8_000
"""A minute of mu-law. Twilio takes audio as fast as the network carries it, so that what waits
here waits for a peer that has stopped reading."""
MAX_WAITING_MESSAGES = 20_000
_PIECE_SAMPLES = 8_000


class Closing(msgspec.Struct, frozen=True):
    """The last thing sent."""

    code: int
    reason: str


class _Clear:
    """Stands for `clear` in the queue."""


_CLEAR = _Clear()


class Outbox:
    """Messages waiting for one socket: bounded, in order, except that `clear` and close drop
    whatever waits."""

    def __init__(self, envelopes: Envelopes, max_samples: int = MAX_WAITING_SAMPLES) -> None:
        self._envelopes = envelopes
        self._max_samples = max_samples
        self._waiting: deque[bytes | str | _Clear] = deque()
        self._samples = 0
        self._closing: Closing | None = None

    @property
    def samples(self) -> int:
        """Audio that waits, in samples."""
        return self._samples

    def play(self, ulaw: bytes) -> bool:
        """False: too much waits already, nothing was added."""
        if self._closing is not None:
            return True
        if self._full(len(ulaw)):
            return False
        for at in range(0, len(ulaw), _PIECE_SAMPLES):
            self._waiting.append(ulaw[at : at + _PIECE_SAMPLES])
        self._samples += len(ulaw)
        return True

    def mark(self, name: str) -> bool:
        """False: too much waits already, nothing was added."""
        if self._closing is not None:
            return True
        if self._full(0):
            return False
        self._waiting.append(name)
        return True

    def _full(self, more: int) -> bool:
        too_long = self._samples + more > self._max_samples
        return too_long or len(self._waiting) >= MAX_WAITING_MESSAGES

    def clear(self) -> None:
        if self._closing is None:
            self._drop()
            self._waiting.append(_CLEAR)

    def close(self, code: int, reason: str) -> None:
        """The first close counts."""
        if self._closing is None:
            self._drop()
            self._closing = Closing(code, reason)

    def _drop(self) -> None:
        self._waiting.clear()
        self._samples = 0

    @property
    def empty(self) -> bool:
        """Nothing waits, and no close."""
        return not self._waiting and self._closing is None

    def first(self, most: int) -> list[str]:
        """What to send now, so many at most and no close. It stays until it is `taken`."""
        return [self._text(waiting) for waiting in islice(self._waiting, most)]

    def taken(self, messages: int) -> None:
        """So many of the first were sent."""
        for _ in range(messages):
            waiting = self._waiting.popleft()
            self._samples -= len(waiting) if isinstance(waiting, bytes) else 0

    def next(self) -> str | Closing | None:
        """What to send now; None: nothing waits. After Closing nothing is to be sent."""
        if not self._waiting:
            return self._closing
        text = self._text(self._waiting[0])
        self.taken(1)
        return text

    def _text(self, waiting: bytes | str | _Clear) -> str:
        match waiting:
            case bytes() as ulaw:
                return self._envelopes.media(ulaw)
            case str() as name:
                return self._envelopes.mark(name)
            case _Clear():
                return self._envelopes.clear()
