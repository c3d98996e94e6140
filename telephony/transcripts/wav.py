"""What a mu-law recording looks like as a RIFF/WAVE file."""

import struct
from collections.abc import Sequence

import numpy as np

RATE = 8_000
SILENCE = b"\xff"
"""Mu-law for zero; a hole of NUL bytes would be the loudest sound there is."""
_FORMAT_MULAW = 7
_HEADER = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
HEADER_BYTES = _HEADER.size


def header(data_bytes: int, channels: int = 1) -> bytes:
    """The 58 bytes before `data_bytes` of 8 kHz mu-law.

    Formats other than PCM carry the extension size (0) in `fmt ` and a `fact` chunk with the
    sample count: Microsoft, Multiple Channel Audio Data and WAVE Files, 1994 addendum.
    """
    pad = data_bytes & 1
    return _HEADER.pack(
        b"RIFF",
        HEADER_BYTES - 8 + data_bytes + pad,
        b"WAVE",
        b"fmt ",
        18,
        _FORMAT_MULAW,
        channels,
        RATE,
        RATE * channels,
        channels,
        8,
        0,
        b"fact",
        4,
        data_bytes // channels,
        b"data",
        data_bytes,
    )


def samples_in(file: bytes) -> bytes:
    """The mu-law of one of our own recordings; all there is of one that was torn.

    A header that says less than there is belongs to a file that is still being written.
    """
    return file[HEADER_BYTES : HEADER_BYTES + stated(file)]


def stated(file: bytes) -> int:
    """How many bytes of sound the header speaks of."""
    return int.from_bytes(file[HEADER_BYTES - 4 : HEADER_BYTES], "little")


def interleaved(sides: Sequence[bytes], samples: int) -> bytes:
    """Sides taking turns, so many mu-law samples of each; silence where one has none."""
    whole = [side[:samples].ljust(samples, SILENCE) for side in sides]
    return np.column_stack([np.frombuffer(side, np.uint8) for side in whole]).tobytes()
