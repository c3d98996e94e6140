"""The sound of telephone keys, as another machine on the line understands them.

Frequencies are those of ITU-T Recommendation Q.23. Durations and levels keep clear of the limits
of Q.24 for receivers in every country of its table: a tone and a pause of at least 40 ms each, no
more than eight keys a second, the high tone at most a few dB above the low one.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from telephony.call.carrierclock import RATE
from telephony.media import ulaw

ROWS_HZ = (697, 770, 852, 941)
COLUMNS_HZ = (1_209, 1_336, 1_477, 1_633)
_KEYPAD = ("123A", "456B", "789C", "*0#D")
HERTZ = {
    key: (ROWS_HZ[row], COLUMNS_HZ[column])
    for row, keys in enumerate(_KEYPAD)
    for column, key in enumerate(keys)
}
"""The low and the high frequency of each key."""

TONE_MS = 100
PAUSE_MS = 100
WAIT_MS = 500
LEAD_MS = 60
"""Silence before the first key: what was said before must not run into it."""
LOW_DBM0 = -10.0
HIGH_DBM0 = -8.0
"""The high tone a little stronger, since lines weaken it more."""

_LOUDEST_DBM0 = 3.17
"""Of a sine wave in mu-law (ITU-T Recommendation G.711, Table 2 and section 4)."""
_PEAK = 32_124
"""The largest value of mu-law as 16-bit PCM."""
_EDGE_SAMPLES = RATE // 400
"""Tones begin and end within 2.5 ms: a step would click across all frequencies."""


def sound(keys: str) -> bytes:
    """Mu-law, 8,000 samples a second. Raises KeyError for what is no key and no `w`."""
    pieces = [ulaw.silence(_samples(LEAD_MS)), *map(_one, keys)]
    return b"".join(pieces)


def _one(key: str) -> bytes:
    if key == "w":
        return ulaw.silence(_samples(WAIT_MS))
    wave = sum(_sines(*HERTZ[key])) * _edges()
    tone = ulaw.encode(np.asarray(np.rint(wave), dtype=np.int16))
    return tone + ulaw.silence(_samples(PAUSE_MS))


def _sines(low_hz: int, high_hz: int) -> Iterator[NDArray[np.float64]]:
    seconds = np.arange(_samples(TONE_MS)) / RATE
    for hertz, dbm0 in ((low_hz, LOW_DBM0), (high_hz, HIGH_DBM0)):
        amplitude = _PEAK * 10 ** ((dbm0 - _LOUDEST_DBM0) / 20)
        yield amplitude * np.sin(2 * np.pi * hertz * seconds)


def _edges() -> NDArray[np.float64]:
    """Raised cosines at both ends."""
    shape = np.ones(_samples(TONE_MS))
    edge = (1 - np.cos(np.pi * (np.arange(_EDGE_SAMPLES) + 0.5) / _EDGE_SAMPLES)) / 2
    shape[:_EDGE_SAMPLES] = edge
    shape[-_EDGE_SAMPLES:] = edge[::-1]
    return shape


def _samples(ms: int) -> int:
    return ms * RATE // 1000
