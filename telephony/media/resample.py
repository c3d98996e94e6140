"""Which filters stand between the telephone's 8 kHz and the model's 24 kHz?

Both are flat from 300 to 3400 Hz within 0.05 dB and linear in phase. Half their length is
divisible by three, so that each delays by a whole number of telephone samples.
"""

from functools import cache

from agents.pcm import Filter, Polyphase, design


@cache
def _8k_to_24k() -> Filter:
    # A telephone carries nothing above 3.4 kHz, so its images begin at 4.6 kHz: a wide transition.
    return design(up=3, down=1, rate=8_000, length=97, pass_hz=3_340, stop_hz=4_600)


@cache
def _24k_to_8k() -> Filter:
    # A model's voice does reach above 4 kHz, and all of that would fold into the telephone band.
    return design(up=1, down=3, rate=24_000, length=145, pass_hz=3_380, stop_hz=4_000)


def to_24k() -> Polyphase:
    """8 kHz to 24 kHz: three samples for each, 2.0 ms late; images at least 75 dB down."""
    return Polyphase(_8k_to_24k())


def to_8k() -> Polyphase:
    """24 kHz to 8 kHz: one sample for three, 3.0 ms late; from 4 kHz up at least 60 dB down."""
    return Polyphase(_24k_to_8k())
