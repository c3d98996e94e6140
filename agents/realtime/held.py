"""Caller audio from before the session is configured: kept in order, bounded, then handed over."""

from collections import deque

from agents.engine import AudioFormat

HELD_AUDIO_S = 21
"""As much as a session that follows another hears again: see telephony.call.tail."""


class HeldAudio:
    """A queue that drops its oldest pieces beyond `HELD_AUDIO_S` of audio."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._bytes_per_ms = audio_format.rate * audio_format.sample_bytes // 1000
        self._most_bytes = HELD_AUDIO_S * audio_format.rate * audio_format.sample_bytes
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._dropped_bytes = 0

    def hold(self, audio: bytes) -> bool:
        """Keep a piece; True when audio was dropped for the first time."""
        self._pieces.append(audio)
        self._bytes += len(audio)
        before = self._dropped_bytes
        while self._bytes > self._most_bytes:
            oldest = len(self._pieces.popleft())
            self._bytes -= oldest
            self._dropped_bytes += oldest
        return before == 0 < self._dropped_bytes

    def hand_over(self) -> list[bytes]:
        """All that is held, oldest first; nothing is left."""
        pieces = list(self._pieces)
        self._pieces.clear()
        self._bytes = 0
        return pieces

    @property
    def dropped_bytes(self) -> int:
        """How much of the call's audio the server will never get."""
        return self._dropped_bytes

    @property
    def dropped_ms(self) -> int:
        return self._dropped_bytes // self._bytes_per_ms
