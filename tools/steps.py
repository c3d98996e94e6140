"""How many tools has a model asked for since the caller last spoke, and in this call?"""

from tools.policy import Steps

MOST_CALLS = 10_000
"""Counts of more calls are not kept; the oldest go first."""


class Counter:
    """Counts what the model asks for, whatever becomes of it: loops of refusals are loops."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, Steps]] = {}

    def take(self, call_id: str, turn: int) -> Steps:
        """How many there were before this one, which is counted now."""
        last, steps = self._counts.pop(call_id, (turn, Steps()))
        if last != turn:
            steps = Steps(0, steps.in_call)
        self._counts[call_id] = turn, Steps(steps.in_turn + 1, steps.in_call + 1)
        if len(self._counts) > MOST_CALLS:
            del self._counts[next(iter(self._counts))]
        return steps

    def forget(self, call_id: str) -> None:
        self._counts.pop(call_id, None)
