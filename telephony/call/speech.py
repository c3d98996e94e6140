"""Which words belong to how much audio of a spoken item, and what became of them?"""

from dataclasses import dataclass, field

from telephony.call.ledger import RATE, Item
from telephony.transcripts.entry import AgentLine, Fate

_SLOWEST_CHARS_PER_S = 15
"""While an item is still arriving its last words have no end yet; speech is about this fast."""


@dataclass(slots=True)
class SpokenItem:
    """One item the agent speaks: text and audio as they arrive, and what became of them.

    Engines send text a little ahead of the audio it belongs to, so the audio received when a
    piece of text arrives is an anchor: those words are not spoken before it.
    """

    item_id: str
    response_id: str
    content_index: int = 0
    source: str = "engine"
    text: str = ""
    received: int = 0
    """Samples of 8,000 a second that came for it, those dropped after a cut included."""
    played: Item | None = None
    """Its account in the ledger; None while nothing of it was sent."""
    done: bool = False
    cut_heard: str | None = None
    """The words heard when it was cut; None while it was not."""
    opened_ms: int = 0
    _anchors: list[tuple[int, int]] = field(default_factory=list)

    def add_text(self, text: str) -> None:
        if not self._anchors or self._anchors[-1][0] < self.received:
            self._anchors.append((self.received, len(self.text)))
        self.text += text

    def heard_text(self, samples: int) -> str:
        """The words within the first `samples` of the item's audio, ending on a whole word."""
        if samples <= 0:
            return ""
        if self.done and samples >= self.received:
            return self.text
        chars = self._chars_at(samples)
        if chars >= len(self.text):
            return self.text
        whole = self.text[: chars + 1].rfind(" ")
        return self.text[: max(0, whole)].rstrip()

    def _chars_at(self, samples: int) -> int:
        begin, first = 0, 0
        end, last = self._open_end()
        for anchor_samples, anchor_chars in self._anchors:
            if anchor_samples > samples:
                end, last = anchor_samples, anchor_chars
                break
            begin, first = anchor_samples, anchor_chars
        return first + (last - first) * (samples - begin) // max(1, end - begin)

    def _open_end(self) -> tuple[int, int]:
        if self.done or not self._anchors:
            return self.received, len(self.text)
        since, chars = self._anchors[-1]
        spoken = since + (len(self.text) - chars) * RATE // _SLOWEST_CHARS_PER_S
        return max(self.received, spoken), len(self.text)

    @property
    def settled(self) -> bool:
        """Nothing can change any more: all of it has come, and its fate is known."""
        if not self.done:
            return False
        return self.cut_heard is not None or self.played is None or self._all_heard()

    def _all_heard(self) -> bool:
        return self.played is not None and self.played.heard >= self.played.sent

    def line(self) -> AgentLine:
        """The transcript line; heard in full only if all that was received was heard."""
        heard_samples = self.played.heard if self.played else 0
        fate, heard = self._fate(heard_samples)
        began_s, ended_s = self._times()
        return AgentLine(
            item_id=self.item_id,
            mark_item=self.played.number if self.played else 0,
            text=self.text,
            heard=heard,
            fate=fate,
            start_ms=self.opened_ms if began_s is None else round(began_s * 1000),
            end_ms=self.opened_ms if ended_s is None else round(ended_s * 1000),
            heard_ms=heard_samples * 1000 // RATE,
            sent_ms=(self.played.sent if self.played else 0) * 1000 // RATE,
            source=self.source,
        )

    def _fate(self, heard_samples: int) -> tuple[Fate, str]:
        if heard_samples == 0:
            return Fate.NEVER_PLAYED, ""
        if self.cut_heard is None or (self.done and self.cut_heard == self.text):
            return Fate.HEARD, self.text
        return Fate.CUT, self.cut_heard

    def _times(self) -> tuple[float | None, float | None]:
        return (self.played.began_s, self.played.ended_s) if self.played else (None, None)
