"""What does signal processing cost? CPU microseconds for one 20 ms frame.

OPENBLAS_NUM_THREADS=1 python -m tests.bench.dsp
"""

import time
from collections.abc import Callable

import numpy as np

from agents.engine import AudioFormat
from agents.pcm import to_16k
from telephony.media import ulaw
from telephony.media.resample import to_8k, to_24k
from telephony.media.transcode import Downlink, Uplink
from tests.signals import tone

ROUNDS = 5
REPEATS = 2_000

SPOKEN = 12_000
"""A peak of speech. What is louder than 14,800 could overshoot, and has to be limited."""

LINE = ulaw.encode(tone(700, 8_000, 160, SPOKEN))
LOUD = ulaw.encode(tone(700, 8_000, 160))
PHONE = ulaw.decode(LINE)
MODEL = tone(700, 24_000, 480, SPOKEN)
AUDIO = MODEL.tobytes()
PCM = AudioFormat.PCM16_24K
ULAW = AudioFormat.ULAW_8K


def pieces() -> dict[str, Callable[[], object]]:
    up, down, recogniser = to_24k(), to_8k(), to_16k()
    uplink, downlink, passing = Uplink(PCM), Downlink(PCM), Uplink(ULAW)
    return {
        "mu-law to PCM16": lambda: ulaw.decode(LINE),
        "PCM16 to mu-law": lambda: ulaw.encode(PHONE),
        "8 to 24 kHz, 97 taps": lambda: up.push(PHONE),
        "24 to 8 kHz, 145 taps": lambda: down.push(MODEL),
        "24 to 16 kHz, 121 taps": lambda: recogniser.push(MODEL),
        "uplink, resampled": lambda: uplink.push(LINE),
        "uplink, resampled, loud": lambda: uplink.push(LOUD),
        "downlink, resampled": lambda: downlink.push(AUDIO),
        "uplink or downlink, passed through": lambda: passing.push(LINE),
    }


def cpu_us(act: Callable[[], object]) -> float:
    """The best of some rounds: what it costs when nothing else is in the way."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(REPEATS):
            act()
        best = min(best, time.process_time() - start)
    return best / REPEATS * 1e6


def burst_us(frames: int) -> float:
    """The downlink's cost of a frame when the model sends `frames` of them at once."""
    downlink = Downlink(PCM)
    burst = np.tile(MODEL, frames).tobytes()
    return cpu_us(lambda: downlink.push(burst)) / frames


def main() -> None:
    print("| piece | CPU us per 20 ms frame |\n| --- | --- |")
    for name, act in pieces().items():
        print(f"| {name} | {cpu_us(act):.1f} |")
    for frames in (5, 20, 50):
        print(f"| downlink, {frames * 20} ms at once | {burst_us(frames):.1f} |")


if __name__ == "__main__":
    main()
