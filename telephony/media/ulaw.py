"""What does a G.711 mu-law byte say in PCM16, and which byte says a sample best?

ITU-T Recommendation G.711, Table 2: 16-bit PCM carries the 14-bit value of the table in its
upper bits. Twilio's media messages carry this code, 8,000 bytes a second.
"""

# In the standard library up to Python 3.12, the audioop-lts package after it.
import audioop
from functools import cache

import numpy as np
from numpy.typing import NDArray

from agents.pcm import Pcm

SILENCE_CODE = 0xFF
"""Plus zero. (0x7F is minus zero; it decodes to 0 as well.)"""


def decode(ulaw: bytes) -> Pcm:
    """The samples of a mu-law string, read-only."""
    return np.frombuffer(linear(ulaw), np.int16)


def linear(ulaw: bytes) -> bytes:
    """The same as bytes: 16-bit numbers of this machine's order."""
    return audioop.ulaw2lin(ulaw, 2)


def encode(pcm: Pcm) -> bytes:
    """One mu-law byte a sample, as G.711 rounds: `audioop.lin2ulaw` does not, for 508 samples."""
    return _codes().take(pcm.view(np.uint16)).tobytes()


def silence(samples: int) -> bytes:
    return bytes([SILENCE_CODE]) * samples


@cache
def _codes() -> NDArray[np.uint8]:
    """The code of every sample, at the sample's place as an unsigned number.

    Distances from zero are shifted by 33 steps so that each of the eight segments begins at a
    power of two; a negative sample counts from -1, which leaves a sample on a decision value to
    the interval above it.
    """
    sample = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    steps = np.where(sample < 0, ~sample, sample) >> 2
    shifted = np.minimum(steps + 33, 0x1FFF)
    segment = np.frexp(shifted)[1] - 6
    interval = (shifted >> (segment + 1)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    codes: NDArray[np.uint8] = (~(sign | segment << 4 | interval) & 0xFF).astype(np.uint8)
    codes.setflags(write=False)
    return codes
