"""When does the agent begin and stop talking, by the sound alone?"""

from enum import Enum

FRAME_MS = 20
_LOUD = 150
"""Mean distance from zero of speech: about -46 dBFS. What the agent sends is clean."""
_BEGIN_FRAMES = 3
_PRE_ROLL_FRAMES = 10


class Heard(Enum):
    """What a frame brought to light."""

    NOTHING = "nothing"
    BEGAN = "began"
    ENDED = "ended"


class Ear:
    """Cuts what the caller hears into utterances of the agent."""

    def __init__(self, pause_ms: int = 600) -> None:
        """A pause of `pause_ms` ends an utterance."""
        self._pause_frames = pause_ms // FRAME_MS
        self._frames: list[bytes] = []
        self._loud_frames = 0
        self._quiet_frames = 0
        self._talking = False
        self._forgotten = False

    @property
    def talking(self) -> bool:
        return self._talking

    @property
    def talking_ms(self) -> int:
        """How long the agent has been talking; 0 when it is not. Stands still while it pauses."""
        frames = len(self._frames) - _PRE_ROLL_FRAMES - self._quiet_frames
        return max(0, frames) * FRAME_MS if self._talking else 0

    @property
    def audible(self) -> bool:
        """The agent is talking this very moment, not drawing breath."""
        return self._talking and not self._quiet_frames

    @property
    def utterance(self) -> bytes:
        """Mu-law of what the agent is saying, or has just said, with a little lead-in."""
        return b"".join(self._frames)

    def forget(self) -> None:
        """The rest of what the agent is saying does not matter: no ENDED for it."""
        self._forgotten = self._talking

    def hear(self, ulaw: bytes) -> Heard:
        """Take 20 ms. At ENDED, and until the next frame, `utterance` is all that was said."""
        loud = _level(ulaw) > _LOUD
        self._loud_frames = self._loud_frames + 1 if loud else 0
        self._quiet_frames = 0 if loud else self._quiet_frames + 1
        if not self._talking:
            self._frames = self._frames[-_PRE_ROLL_FRAMES:]
        self._frames.append(ulaw)
        if self._talking:
            return self._ended()
        self._talking = self._loud_frames >= _BEGIN_FRAMES
        return Heard.BEGAN if self._talking else Heard.NOTHING

    def _ended(self) -> Heard:
        if self._quiet_frames < self._pause_frames:
            return Heard.NOTHING
        self._talking = False
        forgotten, self._forgotten = self._forgotten, False
        return Heard.NOTHING if forgotten else Heard.ENDED


def _level(ulaw: bytes) -> int:
    """Mean distance from zero, in the units of 16-bit samples."""
    return sum(map(_SIZES.__getitem__, ulaw)) // len(ulaw)


# ITU-T G.711 mu-law: eight segments, each twice as steep as the one before.
_SIZES = tuple((((~code & 0x0F) << 3) + 132 << ((~code & 0x70) >> 4)) - 132 for code in range(256))
