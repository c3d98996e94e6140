"""SVOX Pico, the caller's synthesiser, made to say equal words in equal samples.

Pico works in memory it does not clear, so what it says hangs on what lay there before. In a
process of its own, whose large blocks come straight from the kernel (mallopt(3)), those are
zeros. That holds for glibc; elsewhere its speech may differ a little from run to run.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

RATE = 16_000
_PROCESS = Path(__file__).with_name("pico_process.py")
_FRESH_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "65536"}
_WITHIN_S = 60.0


class PicoFailed(Exception):  # noqa: N818 - says what happened
    """The synthesiser could not be had; the message is one sentence and says what to do."""


class Manner(msgspec.Struct, frozen=True):
    """How it speaks, in shares of its own ways."""

    voice: str = "en-GB"
    volume: float = 0.4
    """At its own level Pico runs into the ends of its 16 bits."""
    speed: float = 0.85
    """As fast as it speaks by itself, short answers are hard to make out over a telephone."""
    pitch: float = 0.8
    """About 150 Hz; the agent's voice, at 210 Hz, is half an octave above it. Lower still, days
    of the week are taken for one another."""


def speak(texts: Iterable[str], manner: Manner) -> list[bytes]:
    """Each text as 16-bit native-endian mono PCM at `RATE`. Blocking; some 20 ms for each.

    Raises PicoFailed.
    """
    asked = json.dumps({"texts": list(texts), "manner": msgspec.to_builtins(manner)})
    try:
        done = subprocess.run(  # noqa: S603 - our own file, by the Python that runs already
            [sys.executable, "-P", str(_PROCESS)],
            input=asked.encode(),
            env={**os.environ, **_FRESH_MEMORY},
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PicoFailed(f"The caller's voice could not be made: {error}.") from None
    if done.returncode:
        raise PicoFailed(_why(done.stderr.decode(errors="replace")))
    return [base64.b64decode(pcm) for pcm in json.loads(done.stdout)]


def _why(complaint: str) -> str:
    last = complaint.strip().rpartition("\n")[2] or "it ended without a word"
    return f"The caller's voice could not be made ({last}); `pip install py-nanotts` may mend that."
