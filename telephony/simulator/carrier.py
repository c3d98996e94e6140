"""What has the caller truly heard? The carrier's queue and play-out clock of one stream.

This is the ground truth the bridge's own ledger is measured against: it plays 8 samples a
millisecond in the order received, and writes down what it played. `now` is seconds since the
stream's `start`. Source: Twilio, Media Streams WebSocket messages; warnings 31930 to 31951.
"""

import re
from collections import Counter, deque
from typing import assert_never

import msgspec

from telephony.simulator import dialect
from telephony.simulator.dialect import BreachError, Narration

RATE = 8_000
FRAME_SAMPLES = 160
IDLE = b"\xff"
QUEUE_LIMIT_SAMPLES = 10 * 60 * RATE
"""Beyond ten minutes of queued audio Twilio discards what is new (31931)."""

_MARK_NAME = re.compile(r"\d+:(\d+):\d+")


class PlayedClip(msgspec.Struct, frozen=True):
    """One media message as the carrier played it; positions in samples since `start`."""

    arrived: int
    samples: int
    mark: str | None
    """The first mark that came behind it; None when a `clear` came first."""
    began: int | None
    played: int


class Cleared(msgspec.Struct, frozen=True):
    """One `clear` as the carrier took it."""

    at: int
    """Samples since `start`."""
    cut: int | None
    """Index of the media message that was playing."""
    cut_played: int
    """Samples of that message already heard."""
    dropped: int
    """Samples thrown away, the rest of the cut message included."""
    marks: tuple[str, ...]
    """Marks that had not been reached."""

    @property
    def at_ms(self) -> int:
        return self.at // 8


class ProtocolWarning(msgspec.Struct, frozen=True):
    """Something sent to Twilio that Twilio did not take."""

    code: int
    detail: str
    at_ms: int


class _Clip:
    """One media message in the queue."""

    def __init__(self, index: int, ulaw: bytes, arrived: int) -> None:
        self.index = index
        self.ulaw = ulaw
        self.arrived = arrived
        self.mark: str | None = None
        self.began: int | None = None
        self.played = 0

    @property
    def left(self) -> int:
        return len(self.ulaw) - self.played

    def take(self, samples: int) -> bytes:
        piece = self.ulaw[self.played : self.played + samples]
        self.played += len(piece)
        return piece

    def record(self) -> PlayedClip:
        return PlayedClip(self.arrived, len(self.ulaw), self.mark, self.began, self.played)


class Carrier:
    """Twilio's end of one bidirectional stream, with its clock.

    Feed what arrives with `receive`; after each, and at `next_deadline`, send what `advance`
    returns. `now` never goes back.
    """

    def __init__(
        self,
        narration: Narration,
        stream_sid: str,
        *,
        returns_cleared_marks: bool = True,
        queue_limit: int = QUEUE_LIMIT_SAMPLES,
    ) -> None:
        """`returns_cleared_marks=False` plays a carrier whose `clear` swallows marks."""
        self._narration = narration
        self._stream_sid = stream_sid
        self._returns_cleared_marks = returns_cleared_marks
        self._queue_limit = queue_limit
        self._clips: list[_Clip] = []
        self._queue: deque[_Clip | str] = deque()
        self._queued_samples = 0
        self._unmarked: list[_Clip] = []
        self._echoes: list[str] = []
        self._heard = bytearray()
        self._framed = 0
        self._clears: list[Cleared] = []
        self._warnings: list[ProtocolWarning] = []

    # ---- the wire ----

    def receive(self, text: str | bytes, now: float) -> None:
        """Take one WebSocket message. What Twilio would not take is written down and ignored."""
        self._play_to(_samples(now))
        try:
            if isinstance(text, bytes):
                raise BreachError(31950, "binary message")
            self._obey(dialect.read(text, self._stream_sid))
        except BreachError as breach:
            self._warn(breach.code, breach.detail)

    def advance(self, now: float) -> list[str]:
        """Play up to `now`; the mark messages that are due, in order."""
        self._play_to(_samples(now))
        echoes, self._echoes = self._echoes, []
        return [self._narration.mark(name) for name in echoes]

    def next_deadline(self) -> float | None:
        """When the next mark falls due, if nothing else arrives."""
        at = len(self._heard)
        if self._echoes:
            return at / RATE
        for entry in self._queue:
            if isinstance(entry, str):
                return at / RATE
            at += entry.left
        return None

    def take_frames(self) -> list[bytes]:
        """Whole 20 ms frames of what the caller's ear has heard since the last time."""
        frames = []
        while len(self._heard) - self._framed >= FRAME_SAMPLES:
            frames.append(bytes(self._heard[self._framed : self._framed + FRAME_SAMPLES]))
            self._framed += FRAME_SAMPLES
        return frames

    # ---- the truth ----

    @property
    def heard(self) -> bytes:
        """All the caller's ear has heard since `start`, silence included."""
        return bytes(self._heard)

    @property
    def queued_samples(self) -> int:
        return self._queued_samples

    @property
    def clips(self) -> tuple[PlayedClip, ...]:
        return tuple(clip.record() for clip in self._clips)

    @property
    def clears(self) -> tuple[Cleared, ...]:
        return tuple(self._clears)

    @property
    def warnings(self) -> tuple[ProtocolWarning, ...]:
        return tuple(self._warnings)

    def played_samples_by_mark_item(self) -> dict[int, int]:
        """Samples truly played of each item, by the item number in the marks' names.

        Marks are named `<generation>:<item>:<samples>`. Audio no such mark follows is left out.
        """
        played: Counter[int] = Counter()
        for clip in self._clips:
            if clip.mark is not None and (name := _MARK_NAME.fullmatch(clip.mark)):
                played[int(name[1])] += clip.played
        return dict(played)

    def played_ms_by_mark_item(self) -> dict[int, int]:
        return {item: n // 8 for item, n in self.played_samples_by_mark_item().items()}

    # ---- inside ----

    def _obey(self, message: dialect.ToTwilio) -> None:
        match message:
            case dialect.Media():
                self._enqueue(message.ulaw())
            case dialect.Mark():
                self._place(message.mark.name)
            case dialect.Clear():
                self._clear()
            case _:
                assert_never(message)

    def _enqueue(self, ulaw: bytes) -> None:
        if self._queued_samples + len(ulaw) > self._queue_limit:
            raise BreachError(31931, "too much audio queued")
        clip = _Clip(len(self._clips), ulaw, len(self._heard))
        self._clips.append(clip)
        self._unmarked.append(clip)
        self._queue.append(clip)
        self._queued_samples += len(ulaw)

    def _place(self, name: str) -> None:
        for clip in self._unmarked:
            clip.mark = name
        self._unmarked.clear()
        self._queue.append(name)

    def _clear(self) -> None:
        head = self._queue[0] if self._queue else None
        cut = head if isinstance(head, _Clip) and head.played else None
        marks = tuple(entry for entry in self._queue if isinstance(entry, str))
        self._clears.append(
            Cleared(
                at=len(self._heard),
                cut=cut.index if cut else None,
                cut_played=cut.played if cut else 0,
                dropped=self._queued_samples,
                marks=marks,
            )
        )
        self._queue.clear()
        self._unmarked.clear()
        self._queued_samples = 0
        if self._returns_cleared_marks:
            self._echoes.extend(marks)

    def _play_to(self, position: int) -> None:
        while self._queue:
            head = self._queue[0]
            if isinstance(head, str):
                self._echoes.append(head)
            elif not self._play(head, position - len(self._heard)):
                break
            self._queue.popleft()
        self._heard += IDLE * (position - len(self._heard))

    def _play(self, clip: _Clip, samples: int) -> bool:
        """Play at most so many samples of a clip; True when that was its end."""
        if samples > 0 and clip.began is None:
            clip.began = len(self._heard)
        piece = clip.take(max(0, samples))
        self._heard += piece
        self._queued_samples -= len(piece)
        return not clip.left

    def _warn(self, code: int, detail: str) -> None:
        self._warnings.append(ProtocolWarning(code, detail, len(self._heard) // 8))


def _samples(now: float) -> int:
    # 0.29 * 8000 is a hair under 2320: a deadline of ours must not fall one sample short.
    return int(now * RATE + 1e-4)
