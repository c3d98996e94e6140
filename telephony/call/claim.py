"""Does the caller really want the floor? A claim on it, from the first sound to the verdict.

While our audio plays, a caller's sound may be an interruption, or a cough, a murmur of assent
or our own voice coming back. The line falls silent at the first sound, so that an interruption
is never talked over; then what is heard decides whether the floor is taken or we go on where
the caller stopped hearing us.
"""

import re
from enum import Enum

from telephony.call.config import TurnTaking

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_LOOK_EVERY_S = 0.1
"""How often an open claim is looked at. An engine reports the end of speech only after half a
second of silence, so whether the caller still speaks has to be heard on the line itself."""

_LONGEST_S = 3.0
"""A sound that goes on for so long without rising and falling is none of the caller's."""
_ENGINE_S = 0.8
"""What an engine has not called speech by then was none, however loud."""


class Verdict(Enum):
    """What has become of a claim."""

    OPEN = "open"
    TAKEN = "taken"
    """The caller has the floor."""
    DROPPED = "dropped"
    """It was nothing: we go on."""


class Claim:
    """One claim of the caller's on the floor. Times are seconds on the call's clock."""

    def __init__(self, item_id: str | None, began_s: float, rules: TurnTaking) -> None:
        """`item_id` None: we heard it, and the engine has not called it speech yet."""
        self.item_id = item_id
        self._began_s = began_s
        self.verdict = Verdict.OPEN
        self._rules = rules
        self._look_s = began_s + _LOOK_EVERY_S
        self._stopped_s: float | None = None

    @property
    def over(self) -> bool:
        """The caller has fallen silent, as the engine says."""
        return self._stopped_s is not None

    def next_deadline(self) -> float | None:
        """When `judge` wants to be asked though nothing has happened."""
        if self.verdict is not Verdict.OPEN:
            return None
        return self._look_s if self._stopped_s is None else self._stopped_s + self._rules.words_s

    def stopped(self, now: float) -> None:
        """The caller fell silent; if the claim is open, its words decide."""
        self._stopped_s = now

    def words(self, text: str) -> Verdict:
        """What was said. Words that only say "go on" claim nothing."""
        if self.verdict is Verdict.OPEN:
            claims = bool(text.strip()) and not self._is_backchannel(text)
            self.verdict = Verdict.TAKEN if claims else Verdict.DROPPED
        return self.verdict

    def judge(self, now: float, speech_s: float) -> Verdict:
        """Time has passed, and for so much of it the caller made sound that may be speech.

        Lasting speech takes the floor. A shorter sound is decided by its words; when none come
        although it was as long as a word, it is believed.
        """
        due_s = self.next_deadline()
        if due_s is None or now < due_s:
            return self.verdict
        self._look_s = now + _LOOK_EVERY_S
        if self.item_id is None:
            if now - self._began_s >= _ENGINE_S:
                self.verdict = Verdict.DROPPED
            return self.verdict
        if speech_s >= self._rules.confirm_s:
            self.verdict = Verdict.TAKEN
        elif not self.over and not speech_s and now - self._began_s >= _LONGEST_S:
            self.verdict = Verdict.DROPPED
        elif self.over:
            long = speech_s >= self._rules.shortest_word_s
            self.verdict = Verdict.TAKEN if long else Verdict.DROPPED
        return self.verdict

    def _is_backchannel(self, text: str) -> bool:
        said = " ".join(_WORD.findall(text.casefold()))
        return said in self._rules.backchannels
