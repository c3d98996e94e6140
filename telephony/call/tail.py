"""The latest of the caller's voice: what another session has to hear once more."""

from collections import deque

from telephony.call.carrierclock import RATE

LONGEST_SAMPLES = 20 * RATE
"""Who speaks longer than that has said what matters at the end."""
KEPT_SAMPLES = 5 * RATE
"""Kept in any case: a session may have been dead for so long before that is noticed."""
PRE_ROLL_SAMPLES = RATE // 2
"""Speech is noticed so much later than it begins, at the most."""


class CallerTail:
    """Caller audio of the last seconds. Positions are samples on the call's clock."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._samples = 0

    def heard(self, at_samples: int, ulaw: bytes, wanted_from: int) -> None:
        """`wanted_from`: where what is certainly needed begins."""
        self._pieces.append((at_samples, ulaw))
        self._samples += len(ulaw)
        end = at_samples + len(ulaw)
        oldest = min(wanted_from - PRE_ROLL_SAMPLES, end - KEPT_SAMPLES)
        oldest = max(oldest, end - LONGEST_SAMPLES)
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) <= oldest:
            self._samples -= len(self._pieces.popleft()[1])

    def since(self, at_samples: int) -> bytes:
        """From a little before there on."""
        begin = at_samples - PRE_ROLL_SAMPLES
        return b"".join(ulaw for at, ulaw in self._pieces if at + len(ulaw) > begin)
