"""When does a caller of the benchmark speak? Drawn once for each call, from its seed.

Every reply of the model lasts `REPLY_MS`. Half of them the caller lets play to the end; the
others it interrupts at a moment drawn evenly over the reply. So the model talks about half the
time.
"""

import random
from collections.abc import Iterator

REPLY_MS = 4_000
TURN_MS = 2_500
"""Of a caller's turn, the silence included by which the model knows that it is over."""
SILENCE_MS = 500
INTERRUPTS = 0.5
_EARLIEST_MS = 400
_PAUSE_MS = (300, 1_000)
"""How long a caller waits after a reply that has ended."""


def turns(seed: int, most_ms: int) -> tuple[tuple[int, int], ...]:
    """(begin, end) of the caller's turns in ms of its own audio, for a call of `most_ms`."""
    return tuple(_turns(random.Random(seed), most_ms))


def _turns(draw: random.Random, most_ms: int) -> Iterator[tuple[int, int]]:
    at_ms = 300  # The greeting begins about then.
    while True:
        if draw.random() < INTERRUPTS:
            begin_ms = at_ms + draw.randrange(_EARLIEST_MS, REPLY_MS - _EARLIEST_MS)
        else:
            begin_ms = at_ms + REPLY_MS + draw.randrange(*_PAUSE_MS)
        at_ms = begin_ms + TURN_MS
        if at_ms > most_ms:
            return
        yield begin_ms, at_ms
