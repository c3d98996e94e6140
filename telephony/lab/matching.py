"""Which moments of which item did the caller hear? By the sound alone, whatever the target does.

The telephone's recording is compared with the model's own audio, so nothing hangs on names of
marks, sizes of frames or what else the target plays. A target may resample, delay, change the
volume, repeat and leave out; what it must not do is play the speech faster or slower.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.pcm import Pcm

_SILENT = 24
"""Distance from zero that any speech of the lab exceeds within a few samples."""
_GAP = 40
_STEP = 160
_SURE = 640
_FINE = 40
_WINDOW = 1_200
"""For a search through everything; vowels of one voice are alike over less than this."""
_SHORT = 320
"""Where a sound is shorter than the window, so much must do."""
_LIKE = 0.6
"""Normalised correlation; strangers reach 0.3 over such a window, the same speech 0.9."""
_LIKE_SHORT = 0.8
_STILL_LIKE = 0.5
_STRAY = 24
"""A resampler may shift by so much when it is set back between two items."""
_WHITENING = 0.9
"""Without their low tones, voices are less alike."""

Floats = NDArray[np.float64]


class Piece(msgspec.Struct, frozen=True):
    """So much of an item, heard without a break. All in samples."""

    item: int
    position: int
    """In the item."""
    at: int
    """In the recording."""
    samples: int

    @property
    def end(self) -> int:
        return self.at + self.samples

    @property
    def reached(self) -> int:
        """Position in the item at the end of the piece."""
        return self.position + self.samples


def sounds(pcm: Pcm, gap: int = _GAP) -> list[tuple[int, int]]:
    """Where it is not silent, exact to the sample; silences up to `gap` samples do not count."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > _SILENT)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > gap)
    begins = loud[np.concatenate(([0], breaks + 1))]
    ends = loud[np.concatenate((breaks, [len(loud) - 1]))] + 1
    return [(int(begin), int(end)) for begin, end in zip(begins, ends, strict=True)]


def pieces(heard: Pcm, items: Sequence[Pcm]) -> list[Piece]:
    """What was heard of each item, in the order of hearing."""
    if not items:
        return []
    search = _Search(heard, items)
    found: list[Piece] = []
    for begin, end in sounds(heard):
        search.within(begin, end, found)
    return found


class _Search:
    """All items behind one another, looked through for stretches of a recording."""

    def __init__(self, heard: Pcm, items: Sequence[Pcm]) -> None:
        self._heard = _whitened(heard)
        self._items = [_whitened(item) for item in items]
        gap = np.zeros(_WINDOW)
        joined = np.concatenate([part for item in self._items for part in (item, gap)])
        self._starts = np.cumsum([0, *(len(item) + _WINDOW for item in self._items)])
        self._size = 1 << int(len(joined) + _WINDOW).bit_length()
        self._spectrum = np.fft.rfft(joined, self._size)
        self._power = np.concatenate(([0.0], np.cumsum(joined**2)))
        self._length = len(joined)

    def within(self, begin: int, end: int, found: list[Piece]) -> None:
        """Name what one sound is made of."""
        at = begin
        while end - at >= _GAP:
            place = self._expected(at, end, found) or self._anywhere(at, end)
            samples = self._alike_for(*place, at, end) if place else 0
            if place is None or samples < min(_STEP, end - at):
                at += _STEP
                continue
            found.append(Piece(*place, at, samples))
            at += samples

    def _alike_for(self, item: int, position: int, at: int, end: int) -> int:
        """For how many samples the recording goes on like the item."""
        most, samples = min(end - at, len(self._items[item]) - position), 0
        for step, sure in ((_STEP, _SURE), (_FINE, _FINE)):
            while most - samples >= step and (
                self._alike(at + samples, item, position + samples, step)
                # One weak moment ends nothing, as long as it goes on.
                or self._alike(at + samples, item, position + samples, min(sure, most - samples))
            ):
                samples += step
        # The end of a sound is too short to be judged by itself: it belongs to what it ends.
        return most if most - samples < _FINE else samples

    def _alike(self, at: int, item: int, position: int, samples: int) -> bool:
        speech = self._items[item][position : position + samples]
        return _likeness(self._heard[at : at + samples], speech) >= _STILL_LIKE

    def _expected(self, at: int, end: int, found: list[Piece]) -> tuple[int, int] | None:
        """Usually it is the same item going on, or the next one beginning."""
        size = min(_SHORT, end - at)
        if not found or size < _GAP:
            return None
        last = found[-1]
        return self._near(last.item, last.reached, at, size) or self._near(
            last.item + 1, 0, at, size
        )

    def _near(self, item: int, position: int, at: int, size: int) -> tuple[int, int] | None:
        """The best place in an item about `position`; None when it is unlike all of them."""
        if item >= len(self._items):
            return None
        speech, window = self._items[item], self._heard[at : at + size]
        places = [
            place
            for place in range(max(0, position - _STRAY), position + _STRAY)
            if place + size <= len(speech)
        ]
        likeness = [_likeness(window, speech[place : place + size]) for place in places]
        if not likeness or max(likeness) < _LIKE:
            return None
        return item, places[int(np.argmax(likeness))]

    def _anywhere(self, at: int, end: int) -> tuple[int, int] | None:
        size = min(_WINDOW, end - at)
        if size < _SHORT:
            return None
        window = self._heard[at : at + size]
        turned = np.conj(np.fft.rfft(window, self._size))
        products = np.fft.irfft(self._spectrum * turned, self._size)[: self._length - size]
        powers = self._power[size : self._length] - self._power[: self._length - size]
        likeness = products / np.sqrt(np.maximum(powers, 1.0) * max(1.0, float(window @ window)))
        likeness[~self._whole(size)] = 0.0
        best = int(np.argmax(likeness))
        if likeness[best] < (_LIKE if size == _WINDOW else _LIKE_SHORT):
            return None
        item = int(np.searchsorted(self._starts, best, side="right")) - 1
        return item, best - int(self._starts[item])

    def _whole(self, size: int) -> NDArray[np.bool_]:
        """Where a window lies within one item."""
        within = np.zeros(self._length - size, dtype=np.bool_)
        for start, item in zip(self._starts, self._items, strict=False):
            within[start : max(start, start + len(item) - size + 1)] = True
        return within


def _whitened(pcm: Pcm) -> Floats:
    samples = pcm.astype(np.float64)
    samples[1:] -= _WHITENING * samples[:-1]
    return samples


def _likeness(one: Floats, other: Floats) -> float:
    power = float(one @ one) * float(other @ other)
    return float(one @ other) / float(np.sqrt(power)) if power else 0.0
