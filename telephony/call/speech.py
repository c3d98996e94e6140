"""Which words belong to how much audio of a spoken item, and what became of them?"""

import re
from dataclasses import dataclass, field
from enum import Enum

from telephony.call.carrierclock import RATE
from telephony.call.ledger import Item
from telephony.transcripts.entry import AgentLine, Fate, Word, WordFate

TAIL_SAMPLES = RATE // 10
"""A finished item of which no more than this was unheard counts as heard: it ends in silence, and
cutting it would erase its whole transcript at the model (OpenAI, conversation.item.truncate)."""

_SLOWEST_CHARS_PER_S = 15
"""While an item is still arriving its last words have no end yet; speech is about this fast."""
_WORDLESS_SAMPLES = RATE
"""Nobody begins a sentence with so much silence: words that come later come behind their audio."""


class Arrival(Enum):
    UNDER_WAY = "under_way"
    COMPLETE = "complete"
    BROKEN_OFF = "broken_off"
    """No more will come, and the audio of the last words is missing."""


@dataclass(slots=True)
class SpokenItem:
    """One item the agent speaks: text and audio as they arrive, and what became of them.

    Most engines send text a little ahead of the audio it belongs to, so the audio received when
    a piece of text arrives is an anchor: those words are not spoken before it.
    """

    item_id: str
    response_id: str
    content_index: int = 0
    source: str = "engine"
    text: str = ""
    sample_bytes: int = 1
    """Bytes of the engine's audio that become one sample of 8,000 a second."""
    delay: int = 0
    """Samples by which the filter puts the item's own audio off."""
    received_bytes: int = 0
    """Audio that came for it, what was dropped after a cut included. Kept in bytes: deltas need
    not hold whole samples of 8,000 a second."""
    played: Item | None = None
    """Its account in the ledger; None while nothing of it was sent."""
    arrival: Arrival = Arrival.UNDER_WAY
    fate: Fate | None = None
    """None until it is cut: what is never cut is heard."""
    cut_heard: str = ""
    """The words heard when it was cut."""
    opened_ms: int = 0
    given_up_s: float | None = None
    """When the caller spoke over it; its fate follows once it is settled what was heard."""
    curtailed_s: float | None = None
    """When the rest of it was refused for its length: what was sent before is still heard."""
    orphan: bool = False
    """The session that spoke it is gone."""
    limit: int | None = None
    """No more of its audio than this may be heard, counted as `Item.sent` counts."""
    _anchors: list[tuple[int, int]] = field(default_factory=list)

    def add_text(self, text: str) -> None:
        if not self._anchors or self._anchors[-1][0] < self.received:
            self._anchors.append((self.received, len(self.text)))
        self.text += text

    def end(self, arrival: Arrival) -> None:
        """No more will come. Its first end counts."""
        if not self.done:
            self.arrival = arrival

    @property
    def done(self) -> bool:
        return self.arrival is not Arrival.UNDER_WAY

    def give_up(self, now: float) -> None:
        """Nothing more of it is to be heard. The first time counts."""
        if self.given_up_s is None:
            self.given_up_s = now

    @property
    def given_up(self) -> bool:
        return self.given_up_s is not None or self.fate is not None

    @property
    def refused(self) -> bool:
        """What still comes of it is not sent."""
        return self.given_up or self.curtailed_s is not None

    # ---- positions in the item's own audio, in samples of 8,000 a second -----------------------

    @property
    def received(self) -> int:
        return self.received_bytes // self.sample_bytes

    @property
    def heard(self) -> int:
        return max(0, self.played.heard - self.delay) if self.played else 0

    @property
    def sent(self) -> int:
        return max(0, self.played.sent - self.delay) if self.played else 0

    @property
    def bounds_ms(self) -> tuple[int, int]:
        """Of its audio the caller heard at least, and at most, so much."""
        if self.played is None:
            return 0, 0
        least = max(0, min(self.played.proven, self.played.heard) - self.delay)
        most = max(0, min(self.played.possible, self.played.sent) - self.delay)
        return least * 1000 // RATE, -(-max(most, self.heard) * 1000 // RATE)

    # ---- words ---------------------------------------------------------------------------------

    def cut(self) -> None:
        """Nothing more of it will be heard: settle what was."""
        self.fate, self.cut_heard = self._outcome()

    def _outcome(self) -> tuple[Fate, str]:
        if self.heard == 0:
            return Fate.NEVER_PLAYED, ""
        to_the_end = self.done and self.received - self.heard <= TAIL_SAMPLES
        all_words = to_the_end and self.arrival is Arrival.COMPLETE
        words = self.text if all_words else self.heard_text(self.heard)
        whole = to_the_end and words == self.text
        return (Fate.HEARD if whole else Fate.CUT), words

    @property
    def heard_words(self) -> str:
        """The words heard until now."""
        return self.cut_heard if self.fate is not None else self._outcome()[1]

    @property
    def heard_whole(self) -> bool:
        """All of it was heard by now."""
        return (self.fate or self._outcome()[0]) is Fate.HEARD

    def heard_text(self, samples: int) -> str:
        """The words within the first `samples` of the item's audio, ending on a whole word."""
        chars = self._chars_at(samples)
        if chars >= len(self.text):
            return self.text
        whole = self.text[: chars + 1].rfind(" ")
        return self.text[: max(0, whole)].rstrip()

    def _chars_at(self, samples: int) -> int:
        *anchors, final = self._corners()
        begin, first = [(0, 0), *(anchor for anchor in anchors if anchor[0] <= samples)][-1]
        end, last = next((anchor for anchor in anchors if anchor[0] > samples), final)
        return first + (last - first) * (samples - begin) // max(1, end - begin)

    def earliest(self, chars: int) -> int:
        """Before this place in its audio a letter was not spoken. 0 where the engine's words come
        behind their audio, so that nothing is sure."""
        came = [samples for samples, first in self._trusted_anchors if first <= chars]
        return max(came, default=0)

    def _samples_at(self, chars: int) -> int:
        """Where in the audio a letter stands: the other way round."""
        begin, first = 0, 0
        for end, last in self._corners():
            if last >= chars:
                break
            begin, first = end, last
        return begin + (end - begin) * (chars - first) // max(1, last - first)

    def _corners(self) -> list[tuple[int, int]]:
        """Samples and letters that belong together; between them words are spread evenly."""
        anchors = self._trusted_anchors
        return [*anchors, self._open_end(anchors)]

    @property
    def _trusted_anchors(self) -> list[tuple[int, int]]:
        """None of an engine whose text comes behind the audio: its words are spread evenly."""
        behind = self._anchors and self._anchors[0][0] > _WORDLESS_SAMPLES
        return [] if behind else self._anchors

    def _open_end(self, anchors: list[tuple[int, int]]) -> tuple[int, int]:
        if self.arrival is Arrival.COMPLETE or not anchors:
            return self.received, len(self.text)
        since, chars = anchors[-1]
        spoken = since + (len(self.text) - chars) * RATE // _SLOWEST_CHARS_PER_S
        return max(self.received, spoken), len(self.text)

    def _words(self, heard: str) -> tuple[Word, ...]:
        """All words with their times; `heard` is the text that counts as heard."""
        words = []
        for found in re.finditer(r"\S+", self.text):
            begin, end = self._samples_at(found.start()), self._samples_at(found.end())
            fate = WordFate.HEARD
            if found.end() > len(heard):
                fate = WordFate.CUT if begin < self.heard else WordFate.UNHEARD
            begin_ms, end_ms = self._time_ms(begin), self._time_ms(end)
            words.append(Word(found[0], begin_ms, end_ms, fate))
        return tuple(words)

    def _time_ms(self, samples: int) -> int:
        """When this place in its audio sounded, or would have."""
        stretches = self.played.stretches if self.played else []
        position = samples + self.delay
        begun = [(at, at_s) for at, at_s in stretches if at <= position]
        at, at_s = begun[-1] if begun else (0, self.opened_ms / 1000)
        return round((at_s + (position - at) / RATE) * 1000)

    # ---- the transcript ------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Nothing can change any more: all of it has come, and its fate is known."""
        return self.done and (self.fate is not None or (self._all_heard() and not self.given_up))

    def _all_heard(self) -> bool:
        return self.played is None or self.played.heard >= self.played.sent

    def line(self) -> AgentLine:
        """The transcript line of a settled item."""
        fate, heard = (self.fate, self.cut_heard) if self.fate else self._outcome()
        began_s = self.played.began_s if self.played else None
        ended_s = self.played.ended_s if self.played else None
        least_ms, most_ms = self.bounds_ms
        return AgentLine(
            item_id=self.item_id,
            mark_item=self.played.number if self.played else 0,
            text=self.text,
            heard=heard,
            fate=fate,
            start_ms=self.opened_ms if began_s is None else round(began_s * 1000),
            end_ms=self.opened_ms if ended_s is None else round(ended_s * 1000),
            heard_ms=self.heard * 1000 // RATE,
            sent_ms=self.sent * 1000 // RATE,
            source=self.source,
            heard_at_least_ms=least_ms,
            heard_at_most_ms=most_ms,
            words=self._words(heard),
        )
