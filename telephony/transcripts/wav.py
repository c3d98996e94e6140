"""What a mu-law recording looks like as a RIFF/WAVE file."""

import struct

RATE = 8_000
SILENCE = b"\xff"
"""Mu-law for zero; a hole of NUL bytes would be the loudest sound there is."""
_FORMAT_MULAW = 7
_HEADER = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
HEADER_BYTES = _HEADER.size


def header(data_bytes: int) -> bytes:
    """The 58 bytes before `data_bytes` of 8 kHz mono mu-law.

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
        1,
        RATE,
        RATE,
        1,
        8,
        0,
        b"fact",
        4,
        data_bytes,
        b"data",
        data_bytes,
    )
