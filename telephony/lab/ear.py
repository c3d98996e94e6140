"""When does the lab's model say that the caller speaks? By loudness, as a server's VAD would.

Deliberately easy to fool: noise, coughs and echoes set it off, as they do the real one now and
then. What the target makes of that is what the lab measures.
"""

import math
from enum import Enum

import numpy as np

FRAME_MS = 20
ONSET_FRAMES = 3
PREFIX_MS = 300


class Change(Enum):
    STARTED = "started"
    STOPPED = "stopped"


def level_dbfs(threshold: float) -> float:
    """From which level on it is speech: -40 dBFS at the usual threshold of 0.5, -30 at 1."""
    return -50.0 + 20.0 * threshold


class ModelEar:
    """Takes 16-bit PCM of one rate, in pieces of any size."""

    def __init__(self, rate: int, threshold: float, silence_ms: int) -> None:
        self._frame_bytes = rate * FRAME_MS // 1000 * 2
        self._rate = rate
        self._level = 32_768 * 10 ** (level_dbfs(threshold) / 20)
        self._silence_frames = max(1, silence_ms // FRAME_MS)
        self._pending = b""
        self._loud = self._quiet = 0
        self._bytes = 0
        self.speaking = False

    @property
    def heard_ms(self) -> int:
        """Of all audio given."""
        return self._bytes * 1000 // (self._rate * 2)

    def hear(self, pcm: bytes) -> list[tuple[Change, int]]:
        """What changed, each with the ms of audio at which it did, padding included."""
        self._pending += pcm
        changes = []
        while len(self._pending) >= self._frame_bytes:
            frame = self._pending[: self._frame_bytes]
            self._pending = self._pending[self._frame_bytes :]
            self._bytes += len(frame)
            if (change := self._frame(frame)) is not None:
                changes.append(change)
        return changes

    def _frame(self, frame: bytes) -> tuple[Change, int] | None:
        samples = np.frombuffer(frame, "<i2").astype(np.float64)
        loud = math.sqrt(float(samples @ samples) / len(samples)) >= self._level
        self._loud = self._loud + 1 if loud else 0
        self._quiet = 0 if loud else self._quiet + 1
        if not self.speaking and self._loud >= ONSET_FRAMES:
            self.speaking = True
            return Change.STARTED, max(0, self.heard_ms - ONSET_FRAMES * FRAME_MS - PREFIX_MS)
        if self.speaking and self._quiet >= self._silence_frames:
            self.speaking = False
            return Change.STOPPED, self.heard_ms
        return None
