"""A model's voice in which no two pieces are alike, so that what a caller hears tells which item
it is of and where in it: the truth needs no book of the call's.
"""

import copy
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from agents.engine import AudioFormat
from telephony.media.transcode import Downlink

_PROBE = 32
"""Samples by which a piece is found."""
_TELLING = 6
"""Fewer of them may be alike by chance."""
_NO_SILENCE = bytes(0x2A if code == 0xFF else code for code in range(256))
"""What a silent carrier plays is never said."""


class Place(NamedTuple):
    """A piece of an item's audio on the line, in samples; of what is no item's, item ""."""

    item_id: str
    at: int


@dataclass(slots=True)
class Heard:
    """What the caller truly heard of one item, in samples of its audio on the line."""

    reached: int = 0
    """How far into the item."""
    seams: list[int] = field(default_factory=list)
    """Where it was not heard on end: samples left out (above 0) or heard again (below)."""
    _end: int = 0
    _samples: bytearray = field(default_factory=bytearray)
    """1 for each that was heard."""

    def add(self, at: int, samples: int) -> None:
        if at != self._end:
            self.seams.append(at - self._end)
        self._end = at + samples
        self.reached = max(self.reached, self._end)
        self._samples.extend(bytes(self.reached - len(self._samples)))
        self._samples[at : self._end] = b"\x01" * samples

    @property
    def once(self) -> int:
        """How much of it was heard at all."""
        return sum(self._samples)


class Voices:
    """The audio of all items of a call, as the model gives it and as it goes on the line."""

    def __init__(self, output: AudioFormat) -> None:
        self._output = output
        self._given: dict[str, Random] = {}
        self._lines: dict[str, bytearray] = {}
        self._downlinks: dict[str, Downlink] = {}
        self._next = Place("", 0)

    def gives(self, item_id: str, samples: int) -> bytes:
        """The next of an item: so many samples of 8,000 a second in the model's own format."""
        noise = self._given.setdefault(item_id, Random(item_id))
        if self._output is AudioFormat.PCM16_24K:
            return noise.randbytes(samples * 6)
        return noise.randbytes(samples).translate(_NO_SILENCE)

    def comes(self, item_id: str, audio: bytes) -> None:
        """The call is given this; whatever it sends from now on may be of it."""
        downlink = self._downlinks.setdefault(item_id, Downlink(self._output))
        self._lines.setdefault(item_id, bytearray()).extend(downlink.push(audio))

    def sent(self, clips: Iterable[bytes]) -> list[Place]:
        """Where pieces that are sent one behind the other come from."""
        left = b"".join(clips := list(clips))
        places = []
        for clip in clips:
            places.append(self._place(clip, left[: max(_PROBE, len(clip))]))
            self._next = Place(places[-1].item_id, places[-1].at + len(clip))
            left = left[len(clip) :]
        return places

    def _place(self, clip: bytes, line: bytes) -> Place:
        """By what is sent behind it too, where the piece itself is too short to be told."""
        item_id, at = self._next
        for probe in (line[:_PROBE], clip):
            if self._whole(item_id).startswith(probe, at):
                return self._next
            for other in reversed(self._lines):
                if len(probe) >= _TELLING and (found := self._whole(other).rfind(probe)) >= 0:
                    return Place(other, found)
        for other in reversed(self._lines):
            if (whole := self._whole(other)).endswith(clip):
                # A few samples were left of an item, and the next begins behind them.
                return Place(other, len(whole) - len(clip))
        assert len(clip) <= self._delay, "audio that nobody gave is sent"
        return self._next

    def _whole(self, item_id: str) -> bytes:
        """With what a filter still holds, were the item to end here."""
        if item_id not in self._lines:
            return b""
        return bytes(self._lines[item_id]) + copy.deepcopy(self._downlinks[item_id]).flush()

    @property
    def _delay(self) -> int:
        return Downlink(self._output).delay_samples


def heard(played: Iterable[tuple[Place, int]]) -> dict[str, Heard]:
    """What was heard of each item, from pieces in the order of playing and how much of each was."""
    items: dict[str, Heard] = defaultdict(Heard)
    for place, samples in played:
        if samples:
            items[place.item_id].add(place.at, samples)
    return items
