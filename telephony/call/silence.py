"""How long does the caller hear nothing while it is our turn?"""

from telephony.transcripts.entry import UNKNOWN_MS, EndedReason, EndLine


class OwedSilence:
    """The longest waits of one call, in seconds; None: nobody ever waited for us."""

    def __init__(self) -> None:
        self.longest_s: float | None = None
        """In which nothing at all was heard."""
        self.wordless_s: float | None = None
        """In which nothing but fillers was heard, and no tool ran."""
        self.silent_from_s: float | None = None
        """Since when nothing has been heard in a wait that lasts."""
        self.wordless_from_s: float | None = None
        """Since when nothing but fillers has."""
        self._idle_from_s: float | None = None
        """The same without tools that run."""
        self.broken = False
        """Words of ours have been heard in this call."""

    def watch(self, now: float, *, our_turn: bool, works: bool, sound: bool, words: bool) -> None:
        """`our_turn`: the caller waits for us; `works`: a tool runs, which has a deadline of its
        own; `sound`: something of ours is being heard, and `words`: it is more than a filler."""
        if self.silent_from_s is not None:
            self.longest_s = max(self.longest_s or 0.0, now - self.silent_from_s)
        if self._idle_from_s is not None:
            self.wordless_s = max(self.wordless_s or 0.0, now - self._idle_from_s)
        self.broken = self.broken or words
        wordless, silent = our_turn and not words, our_turn and not words and not sound
        self.wordless_from_s = since(self.wordless_from_s, wordless, now)
        self._idle_from_s = since(self._idle_from_s, wordless and not works, now)
        self.silent_from_s = since(self.silent_from_s, silent, now)

    def last_line(self, reason: EndedReason, at_ms: int, detail: str) -> EndLine:
        return EndLine(
            reason,
            at_ms,
            detail,
            silence_ms=_ms(self.longest_s),
            wordless_ms=_ms(self.wordless_s),
        )


def _ms(length_s: float | None) -> int:
    return UNKNOWN_MS if length_s is None else round(length_s * 1000)


def since(began_s: float | None, lasts: bool, now: float) -> float | None:
    """When a state began, if it lasts."""
    if not lasts:
        return None
    return now if began_s is None else began_s
