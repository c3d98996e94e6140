"""When were the words spoken that may not be kept, and how are they silenced?"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import structs

from telephony.redacting.conversation import Line
from telephony.transcripts.entry import AgentLine, CallerLine, Word
from tools.redacting.kinds import Span, merged, replaced

RATE = 8_000
SILENCE = b"\xff"
"""Zero in mu-law; and as PCM16 it is -1, which nobody hears either."""
_FIGURE_LETTERS = 5
"""A figure takes as long to say as so many letters."""
_MARGIN_MS = 700
_MARGIN = 0.25
"""Of the utterance: nobody speaks evenly, and where they pause is not told."""
_EDGE_MS = 500
"""Speech may begin before and end after where an engine put it."""
_WORD_MS = 400
"""How far an agent's word may be off, with twice what its text came ahead of its audio."""


class Stretch(msgspec.Struct, frozen=True):
    """Samples of a recording, on the call's clock."""

    start: int
    end: int


def of_caller(line: Line, entry: CallerLine) -> list[Stretch]:
    """The letters of an utterance are spread over its time, figures counting more."""
    length_ms = entry.end_ms - entry.start_ms
    margin_ms = max(_MARGIN_MS, round(length_ms * _MARGIN))
    weights = [_FIGURE_LETTERS if char.isdigit() else 1 for char in line.text]
    total = max(1, sum(weights))
    found = []
    for span in line.spans:
        begins = entry.start_ms + length_ms * sum(weights[: span.start]) // total
        ends = entry.start_ms + length_ms * sum(weights[: span.end]) // total
        found.append(
            _stretch(
                max(begins - margin_ms, entry.start_ms - _EDGE_MS),
                min(ends + margin_ms, entry.end_ms + _EDGE_MS),
            )
        )
    return found


def whole(entry: CallerLine) -> list[Stretch]:
    """All of an utterance."""
    return [_stretch(entry.start_ms - _EDGE_MS, entry.end_ms + _EDGE_MS)]


def of_agent(line: Line, entry: AgentLine) -> list[Stretch]:
    """Its words have times. Without them all of it is hidden."""
    if not line.spans:
        return []
    if not entry.words:
        return [_stretch(entry.start_ms - _WORD_MS, entry.end_ms + _WORD_MS)]
    places = _places(entry.text, entry.words)
    found = []
    for span in line.spans:
        hidden = [
            word
            for word, (start, end) in zip(entry.words, places, strict=True)
            if start < span.end and span.start < end
        ]
        if hidden:
            found.append(_stretch(hidden[0].start_ms - _WORD_MS, hidden[-1].end_ms + _WORD_MS))
    return found


def _stretch(start_ms: int, end_ms: int) -> Stretch:
    return Stretch(max(0, start_ms) * RATE // 1000, max(0, end_ms) * RATE // 1000)


def silenced(at_samples: int, audio: bytes, stretches: Iterable[Stretch]) -> bytes:
    """Mu-law with silence where it lies in one of the stretches; the same object where not."""
    for stretch in stretches:
        start = max(0, stretch.start - at_samples)
        end = min(len(audio), stretch.end - at_samples)
        if start < end:
            audio = audio[:start] + SILENCE * (end - start) + audio[end:]
    return audio


def words_kept(text: str, words: Sequence[Word], spans: Iterable[Span]) -> tuple[Word, ...]:
    """The words, those of one span as one."""
    wanted = merged(spans)
    kept: list[Word] = []
    group: list[tuple[Word, int, int]] = []
    for word, (start, end) in zip(words, _places(text, words), strict=True):
        joined = group and any(span.start < group[-1][2] and start < span.end for span in wanted)
        if group and not joined:
            kept.append(_as_one(text, group, wanted))
            group = []
        group.append((word, start, end))
    if group:
        kept.append(_as_one(text, group, wanted))
    return tuple(kept)


def _as_one(text: str, group: list[tuple[Word, int, int]], spans: list[Span]) -> Word:
    (first, start, _), (last, _, end) = group[0], group[-1]
    inside = [
        structs.replace(span, start=max(0, span.start - start), end=min(end, span.end) - start)
        for span in spans
        if span.start < end and start < span.end
    ]
    if not inside:
        return first
    return structs.replace(first, text=replaced(text[start:end], inside), end_ms=last.end_ms)


def _places(text: str, words: Sequence[Word]) -> list[tuple[int, int]]:
    """Where each word stands in the text."""
    found = []
    at = 0
    for word in words:
        start = max(at, text.find(word.text, at))
        at = start + len(word.text)
        found.append((start, at))
    return found
