"""The caller's audio on its way to the engine while nothing else happens.

Most of what a call costs is looking at the whole of it. While there is nothing to decide about the
audio of its line it grants a lane: pieces go straight to the engine, and the call is told of all of
them as one as soon as they are so many that they could make a difference, and before anything else
happens to it. So nothing is decided later than it would be piece by piece.
"""

from typing import Final

from telephony.call.events import CallerAudio

LANE_SAMPLES: Final = 1_600
"""What follows from the state of a call is looked at so often."""
_PER_MS: Final = 8
"""Samples of the line in a millisecond."""


class Lane:
    """Of one call. Closed until it is granted."""

    def __init__(self) -> None:
        self._granted = 0
        self._pieces: list[bytes] = []
        self._begins_ms = 0
        self.passed = 0
        """Samples the engine has and the call does not know of."""
        self.came_s = 0.0
        """When the last piece came that passed."""

    def grant(self, samples: int) -> None:
        """As soon as so many have passed the call has to be told; 0: none may."""
        self._granted = samples

    @property
    def full(self) -> bool:
        return self.passed >= self._granted

    def takes(self, event: CallerAudio, now: float) -> bool:
        """It passes: the engine is to be given it, and it will be in `rest`."""
        goes_on = event.timestamp_ms * _PER_MS == self._begins_ms * _PER_MS + self.passed
        if not self._granted or (self.passed and not goes_on):
            return False
        if not self.passed:
            self._begins_ms = event.timestamp_ms
        self.passed += len(event.ulaw)
        self._pieces.append(event.ulaw)
        self.came_s = now
        return True

    def rest(self) -> CallerAudio:
        """All that has passed, as one piece. The lane is closed."""
        audio = CallerAudio(b"".join(self._pieces), self._begins_ms)
        self._pieces.clear()
        self.passed = self._granted = 0
        return audio
