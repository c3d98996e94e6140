"""How long do messages take from us to the carrier and back?"""

_FIRST_GUESS_S = 0.08
_SMOOTHING = 1 / 16


class RoundTrip:
    """Running estimate of the time from us to the carrier and back."""

    def __init__(self) -> None:
        self._least: float | None = None
        self._late_s = 0.0

    def sample(self, seconds: float) -> None:
        """A mark came back so long after it could have been reached."""
        self._least = max(0.0, seconds if self._least is None else min(self._least, seconds))

    def late(self, seconds: float) -> None:
        """An echo came so much later than one that nothing delayed."""
        self._late_s += _SMOOTHING * (seconds - self._late_s)

    @property
    def one_way_s(self) -> float:
        """What a message usually takes: both ways are held to be delayed alike."""
        return self.least_one_way_s + self._late_s

    @property
    def least_one_way_s(self) -> float:
        """What a message takes when nothing delays it."""
        return (_FIRST_GUESS_S if self._least is None else self._least) / 2
