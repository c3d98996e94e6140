"""A call's two sides as a WAV file that any player opens."""

import wave
from pathlib import Path

import numpy as np

from telephony.media import ulaw
from telephony.simulator.carrier import IDLE, RATE


def write_wav(path: Path, left_ulaw: bytes, right_ulaw: bytes) -> None:
    """Stereo PCM16 at 8 kHz; the shorter track is filled up with silence. Raises OSError."""
    length = max(len(left_ulaw), len(right_ulaw))
    sides = [ulaw.decode(track.ljust(length, IDLE)) for track in (left_ulaw, right_ulaw)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.column_stack(sides).astype("<i2").tobytes())
