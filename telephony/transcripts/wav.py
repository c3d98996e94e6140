"""What a mu-law recording looks like as a RIFF/WAVE file: headers and the mix of two tracks."""

import struct

RATE = 8_000
SILENCE = b"\xff"
"""Mu-law for zero; a hole of NUL bytes would be the loudest sound there is."""
_FORMAT_MULAW = 7
_HEADER = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
HEADER_BYTES = _HEADER.size


def header(data_bytes: int, channels: int = 1) -> bytes:
    """The 58 bytes before `data_bytes` of 8 kHz mu-law audio.

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


def samples(wav: bytes) -> bytes:
    """The mu-law bytes of a file of ours; what a crash left behind counts to the last byte."""
    if wav[:4] != b"RIFF" or len(wav) < HEADER_BYTES:
        return b""
    said = _HEADER.unpack_from(wav)[-1]
    present = wav[HEADER_BYTES:]
    return present[:said] if 0 < said <= len(present) <= said + 1 else present


def stereo(left: bytes, right: bytes) -> bytes:
    """A whole WAV of two mu-law tracks, the shorter filled up with silence."""
    length = max(len(left), len(right))
    mixed = bytearray(2 * length)
    mixed[0::2] = left.ljust(length, SILENCE)
    mixed[1::2] = right.ljust(length, SILENCE)
    return header(len(mixed), channels=2) + mixed
