"""What does a recording look like, and what was sent to the caller that they never heard?"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from telephony.media import ulaw
from telephony.transcripts.entry import AgentLine
from telephony.transcripts.wav import RATE, SILENCE

LEAST_SAMPLES = RATE // 50
"""One peak stands for so many samples at least: what is shorter nobody sees."""
MOST_PEAKS = 4_000
_NEEDLE = RATE // 4
"""So much of what was heard tells a place in what was sent from all others."""
_LEAST_NEEDLE = RATE // 40
_FARTHEST = 60 * RATE
"""Nothing waits longer; to look through all of a long call for each line would take seconds."""
_MS = RATE // 1000


class Unplayed(msgspec.Struct, frozen=True):
    """A stretch of the agent's audio that went to the carrier and was thrown away there."""

    at_samples: int
    """Where the caller would have begun to hear it."""
    ulaw: bytes


def samples_a_peak(samples: int) -> int:
    """How many samples one peak stands for in a call of this length."""
    return max(LEAST_SAMPLES, -(-samples // MOST_PEAKS))


def peaks(track_ulaw: bytes, each: int) -> bytes:
    """The loudest of every `each` samples, 0 to 255, on a scale the eye takes for even (the square
    root of the amplitude)."""
    levels = _levels()[np.frombuffer(track_ulaw, np.uint8)]
    whole = len(levels) // each * each
    loudest = levels[:whole].reshape(-1, each).max(axis=1, initial=0)
    rest = levels[whole:]
    return bytes(loudest) + (bytes([int(rest.max())]) if len(rest) else b"")


def laid_out(pieces: Iterable[Unplayed], samples: int) -> bytes:
    """The pieces as one track of this length: what would sound beyond its end is left out, and of
    two at one place the later one is seen."""
    track = bytearray(SILENCE * samples)
    for piece in pieces:
        room = max(0, samples - piece.at_samples)
        part = piece.ulaw[:room]
        track[piece.at_samples : piece.at_samples + len(part)] = part
    return bytes(track)


def unplayed(lines: Sequence[AgentLine], sent_ulaw: bytes, heard_ulaw: bytes) -> list[Unplayed]:
    """What of `sent.wav` is not in `agent.wav`, and where it would have sounded.

    What was sent stands in one row, item behind item, and not at the time it would have been heard;
    so each item's end is looked up there by the sound of what was heard last of it. An item whose
    place cannot be told for sure is left out rather than drawn wrongly.
    """
    return list(_unplayed(lines, sent_ulaw, heard_ulaw))


def _unplayed(lines: Sequence[AgentLine], sent: bytes, heard: bytes) -> Iterator[Unplayed]:
    behind = 0
    for line in sorted(lines, key=lambda each: (each.mark_item, each.start_ms)):
        left = (line.sent_ms - line.heard_ms) * _MS
        found = _place(line, sent, heard, behind)
        if found is None or line.sent_ms <= 0:
            continue
        behind = min(len(sent), found + max(0, left))
        if left >= _MS * 20:
            at = line.end_ms if line.heard_ms else line.start_ms
            yield Unplayed(max(0, at * _MS), sent[found:behind])


def _place(line: AgentLine, sent: bytes, heard: bytes, behind: int) -> int | None:
    """Where in `sent` the unheard part of the item begins."""
    if not line.heard_ms:
        return _after_silence(sent, behind)
    # Sent no later than heard, unless it waited behind what was thrown away.
    until = max(behind, line.end_ms * _MS) + 2 * line.sent_ms * _MS + _FARTHEST
    # The last millisecond may be half the next item's.
    begin, end = line.start_ms * _MS, (line.end_ms - 1) * _MS
    for since in (begin, max(begin, end - _NEEDLE)):
        # What was sent twice, because it was held for a while, is one piece only at its end.
        needle = heard[since:end].strip(SILENCE)
        at = sent.find(needle, behind, until) if len(needle) >= _LEAST_NEEDLE else -1
        if at >= 0:
            return at + len(needle) + _MS
    return None


def _after_silence(sent: bytes, behind: int) -> int | None:
    rest = sent[behind:]
    gone = len(rest) - len(rest.lstrip(SILENCE))
    return None if gone == len(rest) else behind + gone


@cache
def _levels() -> NDArray[np.uint8]:
    """The peak each mu-law code is worth."""
    amplitude = np.abs(ulaw.decode(bytes(range(256))).astype(np.float64))
    levels: NDArray[np.uint8] = np.rint(255 * np.sqrt(amplitude / amplitude.max())).astype(np.uint8)
    levels.setflags(write=False)
    return levels
