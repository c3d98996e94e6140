"""What does a frame of an open stream mean to its call?

The whole way in, but for the socket: text and time in, at most one event out.
"""

from collections.abc import Callable

import msgspec

from telephony.call.events import (
    AnyPhoneEvent,
    CallerAudio,
    DtmfPressed,
    MarkEchoed,
    PeerMisbehaved,
    StreamLost,
    StreamStopped,
)
from telephony.twilio import wire
from telephony.twilio.guard import RateCap, Strikes
from telephony.twilio.order import Place, Sequence, Timeline
from telephony.twilio.ports import LostReason
from telephony.twilio.wire import BadFrame, BadKind

ULAW_SILENCE = b"\xff"


class IntakeLimits(msgspec.Struct, frozen=True):
    """What one stream may send. Twilio sends 50 media frames a second, and returns all marks of
    up to ten minutes of audio at once after a `clear`."""

    media_per_s: float = 75.0
    media_burst: int = 150
    control_per_s: float = 100.0
    control_burst: int = 8_000
    bad_frames: int = 20
    bad_window_s: float = 10.0
    dropped_frames: int = 1_000
    """So many frames over the caps within `bad_window_s` end the stream."""
    ignored_kinds: int = 32


class Intake:
    """The inbound side of one stream after its `start`."""

    def __init__(
        self,
        start: wire.Start,
        now: float,
        count: Callable[[str], None],
        limits: IntakeLimits | None = None,
    ) -> None:
        """`count` takes static counter names (docs/wire.md)."""
        limits = limits or IntakeLimits()
        self._stream_sid = start.stream_sid
        self._count = count
        self._sequence = Sequence(start.sequence)
        self._timeline = Timeline()
        self._media_cap = RateCap(limits.media_per_s, limits.media_burst, now)
        self._control_cap = RateCap(limits.control_per_s, limits.control_burst, now)
        self._bad = Strikes(limits.bad_frames, limits.bad_window_s)
        self._over_cap = Strikes(limits.dropped_frames, limits.bad_window_s)
        self._ignored: set[str] = set()
        self._ignored_kinds = limits.ignored_kinds
        self.media_at = now
        """When the last media frame came: what the silence watchdog looks at."""

    def take(self, message: str | None, now: float) -> AnyPhoneEvent | None:
        """One message; None stands for a binary one. Raises nothing.

        Returns what to tell the call; after StreamStopped or StreamLost nothing more is to be
        taken.
        """
        try:
            if message is None:
                raise BadFrame(BadKind.BINARY)
            return self._frame(wire.parse(message), now)
        except BadFrame as error:
            return self._misbehaved(error.kind, now)

    def take_usual(self, frame: wire.Media | wire.Mark, now: float) -> AnyPhoneEvent | None:
        """The same for what `wire.usual` has read: what is next in number, and audio also in time,
        as nearly all of it is, has nothing to be counted and goes the short way."""
        if frame.stream_sid != self._stream_sid or not self._sequence.goes_on(frame.sequence):
            try:
                return self._frame(frame, now)
            except BadFrame as error:
                return self._misbehaved(error.kind, now)
        if not isinstance(frame, wire.Media):
            allowed = self._control_cap.take(now)
            return MarkEchoed(frame.name) if allowed else self._flooded(now)
        self.media_at = now
        if not self._media_cap.take(now):
            return self._flooded(now)
        at_ms = self._timeline.goes_on(frame.timestamp_ms, len(frame.ulaw))
        return self._audio(frame) if at_ms is None else CallerAudio(frame.ulaw, at_ms)

    def _misbehaved(self, kind: BadKind, now: float) -> AnyPhoneEvent:
        self._count(f"frame.bad.{kind.value}")
        if self._bad.strike(now):
            return StreamLost(LostReason.PROTOCOL.value)
        return PeerMisbehaved(kind.value)

    def _frame(self, frame: wire.Frame, now: float) -> AnyPhoneEvent | None:
        match frame:
            case wire.Media():
                return self._media(frame, now)
            case wire.Ignored():
                return self._ignore(frame, now)
            case wire.Connected():
                return self._ignore(wire.Ignored("event:connected"), now)
            case wire.Start():
                raise BadFrame(BadKind.SECOND_START)
            case wire.Mark() | wire.Dtmf() | wire.Stop():
                return self._control(frame, now)

    def _media(self, frame: wire.Media, now: float) -> AnyPhoneEvent | None:
        place = self._place(frame.stream_sid, frame.sequence)
        if place is Place.DUPLICATE:
            return self._useless(now)
        self.media_at = now
        if not self._media_cap.take(now):
            return self._flooded(now)
        if place is Place.LATE:
            self._count("frame.late_audio")
            return None
        return self._audio(frame)

    def _audio(self, frame: wire.Media) -> CallerAudio:
        placed = self._timeline.place(frame.timestamp_ms, len(frame.ulaw))
        if placed.jumped:
            self._count("frame.timestamp_jump")
        if not placed.fill_samples:
            return CallerAudio(frame.ulaw, placed.at_ms)
        self._count("frame.audio_lost")
        return CallerAudio(ULAW_SILENCE * placed.fill_samples + frame.ulaw, placed.at_ms)

    def _control(
        self, frame: wire.Mark | wire.Dtmf | wire.Stop, now: float
    ) -> AnyPhoneEvent | None:
        if self._place(frame.stream_sid, frame.sequence) is Place.DUPLICATE:
            return self._useless(now)
        if isinstance(frame, wire.Stop):
            return StreamStopped()
        if not self._control_cap.take(now):
            return self._flooded(now)
        if isinstance(frame, wire.Mark):
            return MarkEchoed(frame.name)
        return DtmfPressed(frame.digit)

    def _place(self, stream_sid: str, number: int) -> Place:
        if stream_sid != self._stream_sid:
            raise BadFrame(BadKind.WRONG_STREAM)
        place = self._sequence.place(number)
        if place is not Place.NEXT:
            self._count(f"frame.sequence.{place.value}")
        return place

    def _useless(self, now: float) -> StreamLost | None:
        return None if self._control_cap.take(now) else self._flooded(now)

    def _flooded(self, now: float) -> StreamLost | None:
        self._count("frame.over_cap")
        return StreamLost(LostReason.FLOOD.value) if self._over_cap.strike(now) else None

    def _ignore(self, frame: wire.Ignored, now: float) -> StreamLost | None:
        if frame.sequence is not None:
            self._sequence.place(frame.sequence)
        if frame.kind not in self._ignored and len(self._ignored) < self._ignored_kinds:
            self._ignored.add(frame.kind)
            self._count("frame.ignored_kind")
        return self._useless(now)
