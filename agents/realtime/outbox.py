"""What waits to be sent, when the server reads too slowly, and what of the caller is then lost.

What a caller said seconds ago is of no use to a model that catches up: it would answer the past.
So at most `AUDIO_S` of audio waits, the oldest is dropped first, and a server that takes nothing
at all for `STUCK_S` is given up. Other messages wait in their order.
"""

from collections import deque

from agents.engine import AudioFormat
from agents.realtime import wire

AUDIO_S = 2.0
STUCK_S = 3.0
_GAPS = 64
"""Places where audio is missing that are told apart; older ones count together."""


class Outbox:
    """Messages in order, each with the bytes of audio in it."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._bytes_per_s = audio_format.rate * audio_format.sample_bytes
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._waiting_audio = 0
        self._taken_audio = 0
        self._gaps: deque[tuple[int, int]] = deque()
        """(ms of audio the server had then, ms dropped there), in order."""
        self._stuck_at: float | None = None
        self._dropping = False
        self._passing = False

    def put(self, message: bytes) -> None:
        self._waiting.append((message, 0))

    def pass_audio(self, audio: bytes) -> bytes | None:
        """The message for the caller's next audio, to be sent at once: nothing else follows from
        it. None: something waits before it, or the session is not in use."""
        if self._waiting or not self._passing:
            return None
        self._taken_audio += len(audio)
        return wire.append(audio)

    def in_use(self) -> None:
        """From now on audio may pass."""
        self._passing = True

    def put_audio(self, audio: bytes) -> bool:
        """True when older audio was dropped for it, the first time in this standstill."""
        self._waiting.append((wire.append(audio), len(audio)))
        self._waiting_audio += len(audio)
        # Only where nothing was taken for a while: a burst is taken as a whole at once.
        if self._stuck_at is None or self._waiting_audio <= AUDIO_S * self._bytes_per_s:
            return False
        return self._drop_oldest()

    def _drop_oldest(self) -> bool:
        at = next(index for index, (_, audio) in enumerate(self._waiting) if audio)
        dropped = self._waiting[at][1]
        del self._waiting[at]
        self._waiting_audio -= dropped
        self.missing(dropped)
        first, self._dropping = not self._dropping, True
        return first

    def missing(self, dropped_bytes: int) -> None:
        """So much audio will never be sent, here."""
        at_ms, ms = self._ms(self._taken_audio), self._ms(dropped_bytes)
        if self._gaps and self._gaps[-1][0] == at_ms:
            self._gaps[-1] = (at_ms, self._gaps[-1][1] + ms)
            return
        self._gaps.append((at_ms, ms))
        if len(self._gaps) > _GAPS:
            (_, first), (at, second) = self._gaps.popleft(), self._gaps.popleft()
            self._gaps.appendleft((at, first + second))

    def _ms(self, audio_bytes: int) -> int:
        return audio_bytes * 1000 // self._bytes_per_s

    def call_ms(self, server_ms: int) -> int:
        """Where in the call's audio lies what the server found at this place of its own."""
        return server_ms + sum(ms for at_ms, ms in self._gaps if at_ms <= server_ms)

    def take(self) -> list[bytes]:
        """All messages, in order; each is returned once."""
        messages = [message for message, _ in self._waiting]
        self._taken_audio += self._waiting_audio
        self.clear()
        return messages

    def close(self) -> None:
        """Nothing is to be sent any more."""
        self._passing = False
        self.clear()

    def clear(self) -> None:
        self._waiting.clear()
        self._waiting_audio = 0
        self._stuck_at = None
        self._dropping = False

    def look(self, now: float) -> bool:
        """To be called when messages could have been taken; False: the server is stuck."""
        if not self._waiting:
            return True
        if self._stuck_at is None:
            self._stuck_at = now + STUCK_S
        return now < self._stuck_at

    @property
    def deadline(self) -> float | None:
        """When `look` wants to be called."""
        return self._stuck_at
