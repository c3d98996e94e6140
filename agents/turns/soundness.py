"""Is what came really 16-bit PCM? Anything else is noise on the line, as loud as can be."""

import numpy as np

_CONTAINERS = (b"RIFF", b"ID3", b"OggS", b"fLaC")
"""How WAV, tagged MP3, Opus and FLAC begin. What has no such mark is told by its sound."""
LOOKED_AT_BYTES = 9_600
"""200 ms: a fricative is shorter, and far softer."""
_NO_VOICE_RMS = 14_000.0
"""Peaks of a voice stand three times above its mean: one as loud as this would be clipped. mu-law
taken for samples jumps from end to end at each crossing of zero."""
_LOUD_RMS = 5_000.0
_LEAST_LIKENESS = 0.3
"""Of each sample to the next, from -1 to 1: speech at 24 kHz has 0.8 and more, compressed bytes
taken for samples have none."""


class SoundCheck:
    """Looks at the beginning of one reply."""

    def __init__(self) -> None:
        self._seen = b""

    def sound(self, audio: bytes) -> bool:
        """False once the bytes so far cannot be speech; `audio` is then not to be played."""
        if len(self._seen) >= LOOKED_AT_BYTES:
            return True
        self._seen = (self._seen + audio)[:LOOKED_AT_BYTES]
        return not (self._seen.startswith(_CONTAINERS) or _noise(self._seen))


def _noise(audio: bytes) -> bool:
    samples = np.frombuffer(audio[: len(audio) & ~1], "<i2").astype(np.float64)
    if len(samples) < LOOKED_AT_BYTES // 4:
        return False
    power = float(np.mean(np.square(samples)))
    if power < _LOUD_RMS**2:
        return False
    return (
        power > _NO_VOICE_RMS**2
        or float(np.mean(samples[1:] * samples[:-1])) / power < _LEAST_LIKENESS
    )
