"""The caller's audio on its way to the engine while nothing else happens.

Most of what a call costs is looking at the whole of it. While there is nothing to decide about the
audio of its line it grants a lane: pieces go straight to the engine, and the call is told of all of
them as one before anything else happens to it, or as soon as they are so many that they could make
a difference. So nothing is decided later than it would be piece by piece. Where no number of them
makes one, it is told when there is little else to do, and at the latest when there are too many.

Marks that come back amid that audio go along with it, each with the moment at which it came: they
tell how far playback has got, and as long as there is more of an item nobody waits for that. Nor
for those of audio that was thrown away, which all come at once.
"""

from typing import Final

from telephony.call.events import CallerAudio, Echo

RIPE_SAMPLES: Final = 3_200
"""The call is told of them in time for what it looks at (`telephony.call.pace`)."""
MOST_SAMPLES: Final = 4_800
"""While others have more urgent things to do."""
STEADY_S: Final = 0.2
"""What comes later than this behind the piece before it is of another lane."""
_PER_MS: Final = 8
"""Samples of the line in a millisecond."""
_ECHOES: Final = 50
"""More than come back in a lane where each is of a piece that was played."""


class Lane:
    """Of one call. Closed until it is granted."""

    def __init__(self) -> None:
        self._granted = 0
        self._pieces: list[bytes] = []
        self._echoes: list[Echo] = []
        self._begins_ms = 0
        self.passed = 0
        """Samples the engine has and the call does not know of."""
        self.came_s = 0.0
        """When the last of it came."""
        self._first_s = self._piece_s = 0.0
        """When the first and the last piece of audio came."""

    def grant(self, samples: int) -> None:
        """As soon as so many have passed the call has to be told; 0: none may."""
        self._granted = samples

    @property
    def ripe(self) -> bool:
        """The call should be told as soon as there is time for it, if not before."""
        return self.passed >= RIPE_SAMPLES

    @property
    def full(self) -> bool:
        """The call has to be told now."""
        return self.passed >= self._granted or len(self._echoes) >= _ECHOES

    @property
    def waiting(self) -> bool:
        """The call has to be told before anything else."""
        return bool(self.passed or self._echoes)

    def takes(self, event: CallerAudio, now: float) -> bool:
        """It passes: the engine is to be given it, and it will be in `rest`. Not if it does not
        come right behind the piece before it, by the carrier's clock and by ours."""
        if not self._granted:
            return False
        if not self.passed:
            self._begins_ms, self._first_s = event.timestamp_ms, now
        elif (event.timestamp_ms - self._begins_ms) * _PER_MS != self.passed or (
            now - self._piece_s > STEADY_S
        ):
            return False
        self.passed += len(event.ulaw)
        self._pieces.append(event.ulaw)
        self.came_s = self._piece_s = now
        return True

    def takes_echo(self, name: str, now: float) -> bool:
        """It goes along with the audio before it."""
        if not self._granted:
            return False
        self._echoes.append(Echo(name, now, self.passed, self._piece_s))
        self.came_s = now
        return True

    def rest(self) -> CallerAudio:
        """All that has passed, as one piece: empty if only marks have. The lane is closed."""
        spread = self.passed and self._first_s < self.came_s
        first_s, last_s = (self._first_s, self._piece_s) if spread else (None, 0.0)
        ulaw, echoes = b"".join(self._pieces), tuple(self._echoes)
        audio = CallerAudio(ulaw, self._begins_ms, echoes, first_s, last_s)
        self._pieces.clear()
        self._echoes.clear()
        self.passed = self._granted = 0
        return audio
