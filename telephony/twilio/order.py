"""Is this frame new, and where on the caller's timeline does its audio belong?"""

from enum import Enum

import msgspec

from telephony.twilio.wire import BadFrame, BadKind

_SAMPLES_PER_MS = 8
_WINDOW = 64
_ALL_SEEN = (1 << _WINDOW) - 1
MAX_JUMP = 10_000
"""Frames (more than three minutes of them) nobody loses in one go and stays connected."""
MAX_FILL_MS = 3_000
"""As long as a stream may be without audio before it counts as lost."""
_TOLERANCE_SAMPLES = 20 * _SAMPLES_PER_MS


class Place(Enum):
    """Where a frame stands among those seen before."""

    NEXT = "next"
    AFTER_GAP = "after_gap"
    LATE = "late"
    """Overtaken by others, but new."""
    DUPLICATE = "duplicate"


class Sequence:
    """Sequence numbers of one stream: +1 for each message of any kind."""

    def __init__(self, first: int) -> None:
        """`first`: the number of `start`."""
        self._highest = first
        self._seen = 1  # Bit n: number `highest - n` was seen.
        self.lost = 0
        """Numbers skipped so far, less those that came late."""

    def goes_on(self, number: int) -> bool:
        """The short way of `place` for what nearly all frames are: the next. False, and nothing is
        changed: it is for `place` to say."""
        if number != self._highest + 1:
            return False
        self._highest = number
        self._seen = (self._seen << 1 | 1) & _ALL_SEEN
        return True

    def place(self, number: int) -> Place:
        """Raises BadFrame for a number too far ahead to be true: believing it would make
        duplicates of everything that follows."""
        ahead = number - self._highest
        if ahead == 1:
            self._advance(number, 1)
            return Place.NEXT
        if ahead > MAX_JUMP:
            raise BadFrame(BadKind.BAD_SEQUENCE)
        if ahead > 1:
            self.lost += ahead - 1
            self._advance(number, ahead)
            return Place.AFTER_GAP
        return self._behind(-ahead)

    def _advance(self, number: int, by: int) -> None:
        self._highest = number
        self._seen = ((self._seen << min(by, _WINDOW)) | 1) & _ALL_SEEN

    def _behind(self, by: int) -> Place:
        if by >= _WINDOW or self._seen >> by & 1:
            return Place.DUPLICATE
        self._seen |= 1 << by
        self.lost -= 1
        return Place.LATE


class Placed(msgspec.Struct, frozen=True):
    """Where a piece of audio goes."""

    at_ms: int
    """Of its first sample or, when there is a fill, of the fill's."""
    fill_samples: int
    """Silence to put before it: audio lost on the way."""
    jumped: bool = False
    """The timestamp was no continuation; it was not believed."""


class Timeline:
    """Presentation times of one stream, counted in samples and never running back.

    Twilio drops caller audio that is not taken in time (warning 31930): the timestamps then
    jump. Filled with silence, turn detection and recordings stay aligned. A timestamp that goes
    back, or forward beyond MAX_FILL_MS, moves nothing: from there on only differences count,
    unless the next one shows that it was a slip.
    """

    def __init__(self) -> None:
        self._position = 0
        self._offset = 0
        """What to add to a timestamp, in samples, to get a position."""
        self._offset_before: int | None = None
        """Of before the last jump, until the next frame has confirmed it."""
        self._begun = False

    def goes_on(self, timestamp_ms: int, samples: int) -> int | None:
        """The short way of `place` for what nearly all audio is: the next piece. Its `at_ms`, as
        nothing is missing before it and its time is believed. None, and nothing is changed: it is
        for `place` to say."""
        at = self._position
        gap = timestamp_ms * _SAMPLES_PER_MS + self._offset - at
        settled = self._begun and self._offset_before is None
        if not settled or not -_TOLERANCE_SAMPLES < gap < _TOLERANCE_SAMPLES:
            return None
        self._position = at + samples
        return at // _SAMPLES_PER_MS

    def place(self, timestamp_ms: int, samples: int) -> Placed:
        stated = timestamp_ms * _SAMPLES_PER_MS
        if not self._begun:
            self._begun = True
            self._begin(stated)
        gap, jumped = self._gap(stated)
        fill = gap if gap >= _TOLERANCE_SAMPLES else 0
        at = self._position
        self._position += fill + samples
        return Placed(at // _SAMPLES_PER_MS, fill, jumped)

    def _begin(self, stated: int) -> None:
        if stated <= MAX_FILL_MS * _SAMPLES_PER_MS:
            self._position = stated

    def _gap(self, stated: int) -> tuple[int, bool]:
        """Samples missing before this frame, and whether its time had to be disbelieved."""
        before, self._offset_before = self._offset_before, None
        if before is not None and abs(stated + before - self._position) < _TOLERANCE_SAMPLES:
            self._offset = before
        gap = stated + self._offset - self._position
        if -_TOLERANCE_SAMPLES < gap <= MAX_FILL_MS * _SAMPLES_PER_MS:
            return gap, False
        self._offset_before, self._offset = self._offset, self._position - stated
        return 0, True
