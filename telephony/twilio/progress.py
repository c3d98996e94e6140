"""Has this call really moved on? Status callbacks come repeated, out of order, or never."""

_RANKS = {
    "queued": 0,
    "initiated": 1,
    "ringing": 2,
    "in-progress": 3,
    "completed": 4,
    "busy": 4,
    "no-answer": 4,
    "failed": 4,
    "canceled": 4,
}


class CallProgress:
    """How far each call has come; forgets the oldest calls when it is full."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._ranks: dict[str, int] = {}

    @staticmethod
    def known(status: str) -> bool:
        return status in _RANKS

    def advance(self, call_sid: str, status: str) -> bool:
        """True: the call has moved forward to this status for the first time."""
        rank = _RANKS[status]
        if rank <= self._ranks.get(call_sid, -1):
            return False
        self._ranks.pop(call_sid, None)
        if len(self._ranks) >= self._capacity:
            del self._ranks[next(iter(self._ranks))]
        self._ranks[call_sid] = rank
        return True
