"""One reply on its way out: which words go with which audio, and what of it was given out."""

from collections.abc import Iterator

import msgspec

from agents.engine import ResponseStatus, Usage
from agents.local.acts import CallTool

SAMPLE_BYTES = 2
CHUNK_SAMPLES = (1_931, 2_417, 1_489, 2_803, 2_111)
"""Uneven on purpose, 60 to 120 ms: nothing after the engine may rely on a size."""


class SpokenItem(msgspec.Struct):
    """One text to be spoken."""

    item_id: str
    text: str
    given: str = ""
    """The words given out so far."""
    done: bool = False
    cut_to: str | None = None
    """What was heard of it, when that was told while it was still being written."""


class Reply(msgspec.Struct):
    """One response; `over` from the moment its ResponseDone was delivered."""

    response_id: str
    items: list[SpokenItem]
    calls: list[CallTool]
    """Not yet delivered."""
    over: bool = False
    status: ResponseStatus = ResponseStatus.COMPLETED
    reason: str = ""
    usage: Usage | None = None


def pieces(sentence: str, pcm: bytes, first: int = 0) -> Iterator[tuple[str, bytes]]:
    """`sentence` cut into runs of words, each with the audio it begins in.

    Words are shared out by letters, a little early, since voices speak about evenly. The texts
    joined are the sentence; a text may be empty. `first` shifts the row of sizes.
    """
    samples = len(pcm) // SAMPLE_BYTES
    at = words = 0
    while at < samples:
        end = min(samples, at + CHUNK_SAMPLES[first % len(CHUNK_SAMPLES)])
        till = max(words, _word_end(sentence, len(sentence) * end // samples))
        yield sentence[words:till], pcm[at * SAMPLE_BYTES : end * SAMPLE_BYTES]
        at, words, first = end, till, first + 1


def _word_end(sentence: str, at: int) -> int:
    """Behind the word that holds the letter before `at`."""
    space = sentence.find(" ", at)
    return len(sentence) if space < 0 else space
