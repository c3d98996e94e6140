"""A worker that answers no calls: it joins, says that it takes them, and does what it is told.

python -m tests.telephony.lone_worker BEHAVIOUR --joining JSON, as a parent starts it.
"""

import signal
import sys
import time
from types import FrameType

from telephony.workers.board import State, monotonic_ms
from telephony.workers.joining import joined, parse


def main(behaviour: str, text: str) -> int:
    """`waits` until it is told to end, `dies` after a moment, `refuses` to start."""
    crew = joined(parse(text))
    if behaviour == "refuses":
        return 78
    told: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    signal.signal(signal.SIGTERM, note)
    crew.opens()
    crew.counts(2, 2)
    while not told:
        crew.says(State.TAKING, monotonic_ms(), 0)
        time.sleep(0.01)
        if behaviour == "dies" and crew.index == 1:
            time.sleep(0.3)
            return 3
    return 0 if crew.stops else 9


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[3]))
