"""What a caller may let be heard while the agent speaks, and what an engine makes of it."""

from enum import Enum

import msgspec
import numpy as np

from telephony.media import ulaw
from tests.fakes.realtime_script import hum

FRAME_SAMPLES = 160
SILENCE = b"\xff" * FRAME_SAMPLES
_ECHO_SAMPLES = 960
"""Our voice comes back 120 ms later."""


class Kind(Enum):
    SPEECH = "speech"
    MURMUR = "murmur"
    """As speech, but low."""
    NOISE = "noise"
    HUM = "hum"
    """Neither rises nor falls."""
    ECHO = "echo"
    """Our own voice, weaker and later."""
    NOTHING = "nothing"
    """Only the engine believes in it."""


class Sound(msgspec.Struct, frozen=True):
    """One sound, seconds from its beginning. The engine calls it speech, or never does."""

    kind: Kind = Kind.NOTHING
    lasts_s: float = 0.0
    noticed_after_s: float | None = 0.0
    """None: the engine never calls it speech."""
    over_after_s: float = 0.01
    """So long after its end the engine is sure of the end."""
    words: str | None = "Sorry?"
    """None: no transcript ever comes."""
    words_after_s: float = 0.01
    """From the engine's end of it; below 0: before that."""
    failed: bool = False
    """The transcript comes, and says only that there is none."""

    @property
    def stopped_after_s(self) -> float:
        return max(self.lasts_s, self.noticed_after_s or 0.0) + self.over_after_s


_SPOKEN = hum("somebody", 1_000, 8_000) + 400
_WAVES = {
    Kind.SPEECH: ulaw.encode(_SPOKEN),
    Kind.MURMUR: ulaw.encode((_SPOKEN // 12).astype(np.int16)),
    Kind.NOISE: ulaw.encode(
        np.random.default_rng(1).integers(-3_000, 3_000, 8_000).astype(np.int16)
    ),
    Kind.HUM: ulaw.encode(np.tile(_SPOKEN[:FRAME_SAMPLES], 50)),
}


def frame(kind: Kind, since_s: float, ear: bytes) -> bytes:
    """20 ms of a sound `since_s` after it began; `ear`: what the caller has heard until then."""
    if kind is Kind.ECHO:
        back = ear[max(0, len(ear) - _ECHO_SAMPLES - FRAME_SAMPLES) : -_ECHO_SAMPLES]
        weak = (ulaw.decode(back.rjust(FRAME_SAMPLES, b"\xff")) * 0.2).astype(np.int16)
        return ulaw.encode(weak)
    if (wave := _WAVES.get(kind)) is None:
        return SILENCE
    at = int(since_s * 50) % 50 * FRAME_SAMPLES
    return wave[at : at + FRAME_SAMPLES]
