"""Does the caller really want the floor? A claim on it, from the first sound to the verdict.

While our audio plays, a caller's sound may be an interruption, or a cough, a murmur of assent
or our own voice coming back. The line falls silent at the first sound (`hold`), so that an
interruption is never talked over; then what is heard decides whether the floor is taken or we
go on where the caller stopped hearing us.
"""

import re
from enum import Enum

from telephony.call.config import TurnTaking

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


class Verdict(Enum):
    """What has become of a claim."""

    OPEN = "open"
    TAKEN = "taken"
    """The caller has the floor."""
    DROPPED = "dropped"
    """It was nothing: we go on."""


class Claim:
    """One claim of the caller's on the floor. Times are seconds on the call's clock."""

    def __init__(self, item_id: str, began_s: float, rules: TurnTaking) -> None:
        self.item_id = item_id
        self.verdict = Verdict.OPEN
        self._began_s = began_s
        self._rules = rules
        self._stopped_s: float | None = None

    def next_deadline(self) -> float | None:
        """When `judge` wants to be asked though nothing has happened."""
        if self.verdict is not Verdict.OPEN:
            return None
        if self._stopped_s is None:
            return self._began_s + self._rules.confirm_s
        return self._stopped_s + self._rules.words_s

    def stopped(self, now: float) -> None:
        """The caller fell silent; if the claim is open, its words decide."""
        self._stopped_s = now

    def words(self, text: str) -> Verdict:
        """What was said. Words that only say "go on" claim nothing."""
        if self.verdict is Verdict.OPEN:
            claims = bool(text.strip()) and not self._is_backchannel(text)
            self.verdict = Verdict.TAKEN if claims else Verdict.DROPPED
        return self.verdict

    def judge(self, now: float, *, believable: bool) -> Verdict:
        """Time has passed. `believable`: loud enough over the line's noise, and not our echo.

        Speech that has lasted long enough takes the floor; a short sound without words by the
        time they should be here does not.
        """
        due_s = self.next_deadline()
        if due_s is None or now < due_s:
            return self.verdict
        lasting = self._stopped_s is None
        self.verdict = Verdict.TAKEN if lasting and believable else Verdict.DROPPED
        return self.verdict

    def _is_backchannel(self, text: str) -> bool:
        said = " ".join(_WORD.findall(text.casefold()))
        return said in self._rules.backchannels
