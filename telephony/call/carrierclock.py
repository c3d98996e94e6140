"""When did the carrier send what arrives now, whatever the network did to it on the way?

Echoes come on one connection with the caller's audio and keep their order with it (RFC 9293,
3.4: TCP delivers in order). That audio is a frame every 20 ms, stamped with the carrier's own
clock (Twilio, Media Streams WebSocket messages: `media.timestamp`). So an echo was sent after
the frame before it and before the frame behind it: jitter of any size becomes a doubt of 20 ms.
"""

import msgspec

RATE = 8_000
"""Samples of the line in a second."""
FRAME_S = 0.02
_WINDOW_S = 5.0
_SILENT_S = 0.3
"""Frames that stay away for longer tell nothing: they may have been lost, not be late."""
_SMOOTHING = 1 / 32


class Moment(msgspec.Struct, frozen=True, gc=False):
    """When something would have arrived, had nothing delayed it: between the two."""

    earliest_s: float
    latest_s: float
    stamped: bool = False
    """By the carrier's clock; False: it is only known when it came."""
    usual_s: float = 0.0
    """How late messages usually are."""

    def since(self, moment_s: float) -> "Moment":
        """The same counted from another moment."""
        earliest_s, latest_s = self.earliest_s - moment_s, self.latest_s - moment_s
        return Moment(earliest_s, latest_s, self.stamped, self.usual_s)

    @property
    def at_s(self) -> float:
        """The middle of what is possible, or later on a line that delays little."""
        middle_s = (self.earliest_s + self.latest_s) / 2
        return max(middle_s, self.latest_s - self.usual_s)


class CarrierClock:
    """Follows the stamps of the caller's audio. Times are seconds on our clock."""

    def __init__(self) -> None:
        self._stamp_s: float | None = None
        """The carrier's time at the end of the last frame."""
        self._behind_s = 0.0
        """Least of what our clock has been ahead of the stamps lately: a way nothing delays."""
        self._least_s = 0.0
        self._window_from_s = 0.0
        self._usual_s = 0.0

    def frame(self, stamp_s: float, now: float) -> None:
        """A frame of the caller's audio arrives that ended at `stamp_s` by the carrier's clock."""
        behind_s = now - stamp_s
        if self._stamp_s is None:
            self._least_s = self._behind_s = behind_s
            self._window_from_s = now
        if now - self._window_from_s > _WINDOW_S:
            self._behind_s, self._least_s = self._least_s, behind_s
            self._window_from_s = now
        self._stamp_s = stamp_s
        self._least_s = min(self._least_s, behind_s)
        self._behind_s = min(self._behind_s, behind_s)
        self._usual_s += _SMOOTHING * (behind_s - self._behind_s - self._usual_s)

    @property
    def behind_s(self) -> float | None:
        """How much later by our clock than by its own the carrier's messages are here when nothing
        delays them; None before the first frame."""
        return None if self._stamp_s is None else self._behind_s

    def arrival(self, now: float) -> Moment:
        """Of a message that arrives now."""
        if self._stamp_s is None:
            return Moment(now, now)
        earliest_s = self._stamp_s + self._behind_s
        if now - earliest_s > _SILENT_S:
            return Moment(now, now)
        latest_s = min(now, earliest_s + FRAME_S)
        return Moment(min(earliest_s, latest_s), latest_s, stamped=True, usual_s=self._usual_s)
