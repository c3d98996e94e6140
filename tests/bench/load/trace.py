"""What became of each frame, delta and interruption of one call?

Phone and model of a call are told apart only by the server between them: both write into one
trace, by one clock (seconds, any zero). Times of a call are kept only while it is `measuring`.
"""

import math
from collections import deque
from collections.abc import Sequence

import msgspec

from telephony.simulator.carrier import PlayedClip


class Cut(msgspec.Struct, frozen=True):
    """A reply that was cleared, by the phone's count of media messages."""

    item_id: str
    first_clip: int
    """Of the item."""
    end_clip: int
    """The first after the clear."""
    all_samples: int
    """Sent by the model until then."""
    at_s: float


class Trace:
    """One call. Samples are counted at 8 kHz on both sides."""

    def __init__(self, undecided_s: float = 0.0) -> None:
        """`undecided_s`: so late before its end a call may not know yet whether a sound is meant,
        and need not have told the model of a reply it has held back for that."""
        self.measuring = False
        self._undecided_s = undecided_s
        self._decided_s = math.inf
        self.up_s: list[float] = []
        self.down_s: list[float] = []
        self.barge_in_s: list[float] = []
        self.cuts: list[Cut] = []
        self.frames_sent = 0
        self.lost_up_samples = 0
        self.lost_down_samples = 0
        self.spoken_over = 0
        """Times the model heard the caller begin while the phone still had audio to play."""
        self._frames: deque[tuple[float, int]] = deque()
        self._appended_rest = 0
        self._item_id = ""
        self._item_clip = 0
        self._item_samples = 0
        self._received_samples = 0
        self._clips = 0
        self._deltas: deque[tuple[int, float]] = deque()
        self._cut = True
        self._speech_at: float | None = None

    # ---- up: from the phone to the model -------------------------------------------------------

    def frame_sent(self, samples: int, now: float) -> None:
        self.frames_sent += 1
        self._frames.append((now, samples))

    def appended(self, samples: int, now: float) -> None:
        """So much caller audio reached the model: the oldest that was still on its way."""
        self._appended_rest += samples
        while self._frames and self._appended_rest >= self._frames[0][1]:
            sent_at, size = self._frames.popleft()
            self._appended_rest -= size
            if self.measuring:
                self.up_s.append(now - sent_at)

    # ---- down: from the model to the phone -----------------------------------------------------

    def item_began(self, item_id: str) -> None:
        """The model is about to send a new item; what it sent before has long arrived."""
        self._count_lost()
        self._item_id = item_id
        self._item_clip = self._clips
        self._item_samples = self._received_samples = 0
        self._deltas.clear()
        self._cut = False

    def delta_sent(self, samples: int, now: float) -> None:
        self._deltas.append((self._item_samples, now))
        self._item_samples += samples

    def media(self, samples: int, now: float) -> None:
        """A media message reached the phone."""
        self._clips += 1
        self._received_samples += samples
        while self._deltas and self._received_samples > self._deltas[0][0]:
            _, sent_at = self._deltas.popleft()
            if self.measuring:
                self.down_s.append(now - sent_at)

    def _count_lost(self) -> None:
        """A reply nobody interrupted must have come whole."""
        if not self._cut:
            self.lost_down_samples += max(0, self._item_samples - self._received_samples)

    # ---- interruptions -------------------------------------------------------------------------

    def speech_started(self, queued_samples: int, now: float) -> None:
        """The model tells that the caller speaks; so much the phone has still to play."""
        self._speech_at = now
        self.spoken_over += queued_samples > 0

    def cleared(self, now: float) -> None:
        """A `clear` reached the phone."""
        if self._speech_at is not None and self.measuring:
            self.barge_in_s.append(now - self._speech_at)
        self._speech_at = None
        begin, end = self._item_clip, self._clips
        self.cuts.append(Cut(self._item_id, begin, end, self._item_samples, now))
        self._deltas.clear()
        self._cut = True

    # ---- when the call is over -----------------------------------------------------------------

    def hung_up(self, now: float) -> None:
        """All frames sent have had time to arrive. The last reply may be unfinished: left out."""
        self.lost_up_samples = sum(samples for _, samples in self._frames) - self._appended_rest
        self._decided_s = now - self._undecided_s

    def truncation_errors_ms(
        self, clips: Sequence[PlayedClip], told_ms: dict[str, int]
    ) -> list[float]:
        """|told - truly played| of each cut. `told_ms`: what the model was told, by item id; 0 for
        an item that was deleted. `clips`: the phone's media messages, in order."""
        errors: list[float] = []
        for cut in self.cuts:
            if cut.item_id in told_ms:
                played = sum(clip.played for clip in clips[cut.first_clip : cut.end_clip])
                errors.append(abs(told_ms[cut.item_id] - played / 8))
        return errors

    def untold(self, clips: Sequence[PlayedClip], told_ms: dict[str, int]) -> int:
        """Cuts that left audio unheard and of which the model was not told."""
        return sum(
            1
            for cut in self.cuts
            if cut.item_id not in told_ms
            and cut.at_s <= self._decided_s
            and sum(clip.played for clip in clips[cut.first_clip : cut.end_clip]) < cut.all_samples
        )
