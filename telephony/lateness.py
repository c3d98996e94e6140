"""How late does the event loop do what is due? Looked at in regular ticks.

One long stall is heard and over; to refuse calls for it would help nobody. A loop that has more to
do than it can is late again and again: that is what counts here.
"""

from collections import deque

TICK_S = 0.05
TICKS = 20
"""So many of the last are looked at: a second."""
SHARE = 0.8
"""Of these: a loop counts as late as its ticks are that are not among the latest fifth."""
RELIEF = 0.5
"""It was too late until it is below so much of the bound."""


class Lateness:
    """Of one event loop."""

    def __init__(self, bound_s: float) -> None:
        """Later than `bound_s` is too late."""
        self._bound_s = bound_s
        self._ticks: deque[float] = deque(maxlen=TICKS)
        self.too_late = False
        """No call should be added."""

    def tick(self, late_s: float) -> None:
        """One was so late."""
        self._ticks.append(late_s)
        bound_s = self._bound_s * (RELIEF if self.too_late else 1.0)
        self.too_late = self.late_s > bound_s

    @property
    def late_s(self) -> float:
        """How late it is, as a rule; 0 until it was looked at for a second."""
        if len(self._ticks) < TICKS:
            return 0.0
        return sorted(self._ticks)[int(SHARE * TICKS) - 1]
