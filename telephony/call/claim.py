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
    """One claim of the caller's on the floor, of one sound or of several in a row, none of which
    was decided when the next began. Times are seconds on the call's clock."""

    def __init__(self, item_id: str | None, began_s: float, rules: TurnTaking) -> None:
        """`item_id` None: we heard it, and the engine has not called it speech yet."""
        self.item_id = item_id
        self._earlier: dict[str, bool] = {}
        """The sounds before this one, and whether each was as long as a word."""
        self._murmurs: set[str] = set()
        """Of its sounds, those that claim nothing, by their words or as our own echo."""
        self._speech_s = 0.0
        """How much of the present sound may be speech, as it stopped."""
        self._began_s = began_s
        self.verdict = Verdict.OPEN
        self._rules = rules
        self._look_s = began_s + _LOOK_EVERY_S
        self._stopped_s: float | None = None

    @property
    def items(self) -> list[str]:
        """What the engine calls its sounds, in order."""
        return [*self._earlier, *([self.item_id] if self.item_id is not None else [])]

    @property
    def over(self) -> bool:
        """The caller has fallen silent, as the engine says."""
        return self._stopped_s is not None

    def next_deadline(self) -> float | None:
        """When `judge` wants to be asked though nothing has happened."""
        if self.verdict is not Verdict.OPEN:
            return None
        if self._stopped_s is None:
            return self._look_s
        words_s = self._stopped_s + self._rules.words_s
        # Who makes one sound after the other is not waited for each time.
        return min(words_s, max(self._stopped_s, self._longest_s)) if self._earlier else words_s

    @property
    def _longest_s(self) -> float:
        return self._began_s + _LONGEST_S

    def again(self, item_id: str, speech_s: float, now: float) -> None:
        """Another sound begins before this one, with so much in it that may be speech, is
        decided."""
        assert self.item_id is not None, "a sound without a name is given one"
        self._earlier[self.item_id] = self._is_word(self._speech_s if self.over else speech_s)
        self.item_id, self._stopped_s, self._look_s = item_id, None, now + _LOOK_EVERY_S

    def echoes(self, item_id: str) -> None:
        """This sound of it is our own voice."""
        self._murmurs.add(item_id)

    def stopped(self, now: float, speech_s: float) -> None:
        """The caller fell silent; if the claim is open, its words decide."""
        self._stopped_s, self._speech_s = now, speech_s

    def words(self, item_id: str, text: str) -> Verdict:
        """What was said in one of its sounds. Words that only say "go on" claim nothing."""
        if self.verdict is Verdict.OPEN:
            claims = bool(text.strip()) and not self._is_backchannel(text)
            self._murmurs |= set() if claims else {item_id}
            if claims:
                self.verdict = Verdict.TAKEN
            elif self._murmurs.issuperset(self.items):
                self.verdict = Verdict.DROPPED
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
        if speech_s >= self._rules.confirm_s and self.item_id not in self._murmurs:
            self.verdict = Verdict.TAKEN
        elif self.over or (not speech_s and now >= self._longest_s):
            long = self._may_be_word(speech_s)
            self.verdict = Verdict.TAKEN if long else Verdict.DROPPED
        return self.verdict

    def _may_be_word(self, speech_s: float) -> bool:
        """One of its sounds whose words are not known was as long as a word."""
        assert self.item_id is not None, "only what an engine calls speech has words"
        sounds = {**self._earlier, self.item_id: self._is_word(speech_s)}
        return any(long for item_id, long in sounds.items() if item_id not in self._murmurs)

    def _is_word(self, speech_s: float) -> bool:
        return speech_s >= self._rules.shortest_word_s

    def _is_backchannel(self, text: str) -> bool:
        said = " ".join(_WORD.findall(text.casefold()))
        return said in self._rules.backchannels
