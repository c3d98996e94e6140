"""Callers for tests: a voice that is not the agent's, heard through a telephone."""

import os
import subprocess
import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray

from agents import pcm
from telephony.media import ulaw

Pcm = NDArray[np.int16]


_PICO = """
import sys
from py_nanotts import NanoTTS
text, voice, speed = sys.argv[1:]
sys.stdout.buffer.write(NanoTTS().speak(text, voice=voice, speed=float(speed)))
"""


@cache
def says(text: str, *, voice: str = "en-US", speed: float = 0.9) -> Pcm:
    """A caller's words: mono at 16 kHz, the same samples every time.

    Pico works in memory it does not clear, so its speech hangs on what lay there before. In a
    process of its own, with large blocks straight from the kernel (mallopt(3)), those are zeros.
    """
    command = [sys.executable, "-c", _PICO, text, voice, str(speed)]
    clean = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    return np.frombuffer(subprocess.check_output(command, env=clean), np.int16)


def telephoned(speech: Pcm, rate: int) -> Pcm:
    """`speech` of this rate after G.711 at 8 kHz, at 24 kHz as engines are given it."""
    narrow = resampled(speech, rate, 8_000, band=(300, 3_400))
    return resampled(ulaw.decode(ulaw.encode(narrow)), 8_000, 24_000)


def silence(ms: int, rate: int = 24_000) -> Pcm:
    return np.zeros(ms * rate // 1000, np.int16)


def recognisable(telephone: Pcm) -> NDArray[np.float32]:
    """24 kHz samples as the recogniser takes them."""
    return (pcm.to_16k().push(telephone) / 32_768).astype(np.float32)


def resampled(samples: Pcm, rate: int, wanted: int, band: tuple[int, int] = (0, 1_000_000)) -> Pcm:
    """All at once by its spectrum: exact, and no code of ours."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum[(hz < band[0]) | (hz > band[1])] = 0
    length = len(samples) * wanted // rate
    cut = np.zeros(length // 2 + 1, np.complex128)
    kept = min(len(cut), len(spectrum))
    cut[:kept] = spectrum[:kept]
    out = np.fft.irfft(cut, length) * wanted / rate
    return np.clip(np.rint(out), -32_768, 32_767).astype(np.int16)
