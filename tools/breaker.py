"""Is it worth asking this backend now? After failures in a row it is left alone for a while."""

import math


class Breaker:
    """For one tool or one host. Times are seconds of one clock, which never goes back."""

    def __init__(
        self, failures: int = 5, rest_s: float = 20.0, longest_rest_s: float | None = None
    ) -> None:
        """Opens after `failures` in a row, for `rest_s`; then one attempt decides. With each that
        fails the rest doubles, up to `longest_rest_s`; None: it stays the same."""
        assert failures > 0
        self._most = failures
        self._first_rest_s = rest_s
        self._longest_rest_s = rest_s if longest_rest_s is None else longest_rest_s
        self._failures = 0
        self._closed_from_s = -math.inf
        self._probing_until_s = -math.inf

    def allows(self, now: float) -> bool:
        """Whether to ask now. True must be followed by `failed` or `succeeded`; while one attempt
        finds out whether the backend is back, others are told no."""
        if self.resting(now):
            return False
        if self._failures >= self._most:
            # One that never reports does not keep the others out for ever.
            self._probing_until_s = now + self._rest_s
        return True

    def resting(self, now: float) -> bool:
        """`allows` would say no: it is left alone, or one attempt finds out whether it is back.
        Asking this commits to nothing."""
        open_until_s = max(self._closed_from_s, self._probing_until_s)
        return self._failures >= self._most and now < open_until_s

    def withdrawn(self) -> None:
        """An attempt that was allowed says nothing of the backend: another may find out."""
        self._probing_until_s = -math.inf

    def failed(self, now: float) -> None:
        """The backend could not be reached, was too slow, or broke. A refusal is no failure.

        Of attempts that were under way when it was closed, nothing new is learnt: fifty calls that
        fail in the same moment make no longer rest than five.
        """
        found_out = now < self._probing_until_s
        if self._failures >= self._most and now < self._closed_from_s and not found_out:
            return
        self._failures += 1
        self._probing_until_s = -math.inf
        if self._failures >= self._most:
            self._closed_from_s = now + self._rest_s

    def succeeded(self) -> None:
        self._failures = 0
        self._probing_until_s = -math.inf

    @property
    def _rest_s(self) -> float:
        doublings = min(self._failures - self._most, 10)
        return float(min(self._first_rest_s * 2**doublings, self._longest_rest_s))

    @property
    def failures(self) -> int:
        """In a row."""
        return self._failures
