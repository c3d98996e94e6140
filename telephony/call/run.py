"""How long does audio that plays without a gap take to be heard, by its echoes?"""

from collections import deque
from typing import Final

from telephony.call.carrierclock import RATE, Moment
from telephony.call.roundtrip import RoundTrip

STALL_S: Final = 0.25
"""An echo this much later than foretold is a stall of the line, not jitter."""
_RECENT_ECHOES = 8
"""Echoes that are compared: enough for one of them to have come without delay, few enough for
the clock to follow a line that paused where we could not know."""
_CONTRADICTION_S = 0.005
"""Stamps are whole milliseconds, and the shortest way is an estimate."""


class Run:
    """Audio that plays without a gap, and what its echoes tell of when it began.

    Each echo says: it took no longer than this from sending to its playing being heard of and,
    where the carrier's clock can be read, no less than that. Both must be true of all echoes.
    """

    def __init__(self, sent_s: float) -> None:
        self.sent_s = sent_s
        self.samples = 0
        self._took: Moment | None = None
        """From sending to its playing being heard of, as far as is known by now."""
        self._trips: deque[Moment] = deque(maxlen=_RECENT_ECHOES)

    def echoed(self, arrival: Moment, now: float, trip: RoundTrip) -> None:
        """The echo for the run's samples so far arrives."""
        since_s = self.sent_s + self.samples / RATE
        took = arrival.since(since_s)
        if self._took is not None and _contradicts(took, self._took):
            self._trips.clear()
        self._trips.append(took)
        self._took = self._narrowed()
        trip.sample(self._took.at_s)
        trip.late(max(0.0, now - since_s - self._took.at_s))

    def _narrowed(self) -> Moment:
        latest_s = min(took.latest_s for took in self._trips)
        stamped = [took.earliest_s for took in self._trips if took.stamped]
        earliest_s = min(latest_s, max(stamped, default=latest_s))
        return Moment(earliest_s, latest_s, bool(stamped), self._trips[-1].usual_s)

    def until_s(self, trip: RoundTrip) -> float:
        """When its samples so far had been played."""
        assert self._took is not None, "no echo of this run has come"
        return self.sent_s + self.samples / RATE + self._took.at_s - trip.least_one_way_s


def _contradicts(took: Moment, before: Moment) -> bool:
    """The line has paused since the echoes before, or those were late themselves."""
    if not took.stamped:
        return took.latest_s - before.latest_s > STALL_S
    paused = took.earliest_s > before.latest_s + _CONTRADICTION_S
    late = before.stamped and took.latest_s < before.earliest_s - _CONTRADICTION_S
    return paused or late
