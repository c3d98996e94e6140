"""What did the caller hear last, so that it can be said again without asking anybody?"""

import re
from bisect import bisect_left
from collections import deque

import msgspec
import numpy as np

from telephony.call.carrierclock import RATE
from telephony.call.speech import SpokenItem
from telephony.media import ulaw as mulaw

KEPT_SAMPLES = 30 * RATE
"""Of one item: as soon as anything of the next is heard, nobody asks for this one."""
_SHORTEST_SAMPLES = RATE
"""Of a sentence of which less was heard, the one before is wanted, too."""
_REACH_SAMPLES = RATE * 3 // 10
"""Where a sentence begins is estimated: the pause before it is so near."""
_STEP_SAMPLES = RATE // 50
_SENTENCE_END = re.compile(r"[.?!]+[\"')\]]*\s+")

FILLER = "filler"
REPEAT = "repeat"
TONES = "tones"
"""Keys sent, which are not to be sent again. All are sources of lines in the transcript."""


class Sentence(msgspec.Struct, frozen=True):
    """Words the caller heard, and their audio."""

    text: str
    ulaw: bytes


class LastHeard:
    """The end of what the caller heard, and the item it belongs to."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        """The ledger's own: as long as it is held for the recording they cost nothing."""
        self._samples = 0
        self._number = 0
        self._left_out: set[int] = set()
        self._item: SpokenItem | None = None
        self._again: Sentence | None = None

    def leave_out(self, number: int) -> None:
        """The item with this number is not to be said again: it tells the caller nothing."""
        self._left_out.add(number)

    def played(self, number: int, ulaw: bytes) -> None:
        """The caller heard this next, of the item with this number."""
        if number in self._left_out:
            return
        if number != self._number:
            self._number = number
            self._pieces.clear()
            self._samples = 0
        self._pieces.append(ulaw)
        self._samples += len(ulaw)
        while self._samples - len(self._pieces[0]) >= KEPT_SAMPLES:
            self._samples -= len(self._pieces.popleft())

    def settled(self, item: SpokenItem) -> None:
        """Nothing more happens to the item: keep it while it is the last one heard."""
        self._item = _later(self._item, item)

    def sentence(self, *items: SpokenItem) -> Sentence | None:
        """The last sentence heard, of these items or those settled; None when none was.

        Asked for again while it is being repeated, it is the same sentence.
        """
        last = self._item
        for item in items:
            last = _later(last, item)
        if last is None or last.source == TONES:
            return None
        if last.source != REPEAT:
            self._again = _last_sentence(last, b"".join(self._pieces)[-KEPT_SAMPLES:])
        return self._again


def _later(last: SpokenItem | None, item: SpokenItem) -> SpokenItem | None:
    if item.played is None or item.heard == 0 or item.source == FILLER:
        return last
    before = last.played.number if last and last.played else 0
    return item if item.played.number > before else last


def _last_sentence(item: SpokenItem, ulaw: bytes) -> Sentence:
    """The last sentence of which a second was heard; else what there is."""
    assert item.played is not None
    ulaw = ulaw[-item.played.heard :]
    words = item.heard_words
    lost = item.played.heard - len(ulaw)
    for end in reversed([found.end() for found in _SENTENCE_END.finditer(words)]):
        begin = _samples_before(item, len(words[:end].rstrip())) - lost
        if 0 < begin <= len(ulaw) - _SHORTEST_SAMPLES and words[end:].strip():
            return Sentence(words[end:].strip(), ulaw[_pause_near(ulaw, begin) :])
    return Sentence(words, ulaw)


def _samples_before(item: SpokenItem, chars: int) -> int:
    """Where in the item's audio, as played, the first `chars` of its words end."""
    return item.delay + bisect_left(
        range(item.heard), chars, key=lambda samples: len(item.heard_text(samples))
    )


def _pause_near(ulaw: bytes, at: int) -> int:
    """The quietest place within reach; of equals the nearest."""
    first = max(0, at - _REACH_SAMPLES)
    pcm = mulaw.decode(ulaw[first : at + _REACH_SAMPLES])
    steps = len(pcm) // _STEP_SAMPLES
    levels = np.abs(pcm[: steps * _STEP_SAMPLES].astype(np.int32)).reshape(steps, -1).sum(axis=1)
    places = [first + step * _STEP_SAMPLES for step in range(steps)]
    return min(
        zip(places, levels.tolist(), strict=True), key=lambda each: (each[1], abs(each[0] - at))
    )[0]
