"""What goes to Twilio next, and what is dropped instead?"""

from collections import deque

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

    def next(self) -> str | Closing | None:
        """What to send now; None: nothing waits. After Closing nothing is to be sent."""
        if not self._waiting:
            return self._closing
        match self._waiting.popleft():
            case bytes() as ulaw:
                self._samples -= len(ulaw)
                return self._envelopes.media(ulaw)
            case str() as name:
                return self._envelopes.mark(name)
            case _Clear():
                return self._envelopes.clear()
