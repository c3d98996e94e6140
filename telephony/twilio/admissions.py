"""What did we answer when this call rang?

Twilio asks again when an answer does not arrive in time, with the same `I-Twilio-Idempotency-Token`
and always the same CallSid. Only the CallSid is covered by the signature, so that is what repeats
are known by.
"""

import msgspec

from telephony.twilio.ports import Admission

REPEAT_S = 60.0
"""Twilio gives up after 15 s for each try (Twilio, connection overrides); later than this it is
an old request replayed."""


class _Answered(msgspec.Struct, frozen=True):
    admission: Admission
    at: float


class StaleRepeat(Exception):  # noqa: N818 - an answer, not an error
    """The voice webhook of a call answered long ago came again."""


class Admissions:
    """The answers of the last hour, bounded; oldest forgotten first."""

    def __init__(self, keep_s: float = 3_600.0, capacity: int = 20_000) -> None:
        self._keep_s = keep_s
        self._capacity = capacity
        self._answered: dict[str, _Answered] = {}

    def __len__(self) -> int:
        return len(self._answered)

    def find(self, call_sid: str, now: float) -> Admission | None:
        """The answer given before, or None for a new call. Raises StaleRepeat."""
        answered = self._answered.get(call_sid)
        if answered is None or now - answered.at > self._keep_s:
            return None
        if now - answered.at > REPEAT_S:
            raise StaleRepeat
        return answered.admission

    def keep(self, call_sid: str, admission: Admission, now: float) -> None:
        self._answered.pop(call_sid, None)
        while self._answered and self._oldest_must_go(now):
            del self._answered[next(iter(self._answered))]
        self._answered[call_sid] = _Answered(admission, now)

    def _oldest_must_go(self, now: float) -> bool:
        oldest = self._answered[next(iter(self._answered))]
        return len(self._answered) >= self._capacity or now - oldest.at > self._keep_s
