"""Who holds the simulated phone, and what it has to report when the call is over?"""

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

import msgspec
import numpy as np

from telephony.media import ulaw
from telephony.simulator.carrier import (
    FRAME_SAMPLES,
    IDLE,
    Cleared,
    PlayedClip,
    ProtocolWarning,
)

_STEP_SAMPLES = 80
_SPEECH_LEVEL = 300
"""Mean distance from zero that counts as speech: about -40 dBFS, far above line noise."""
_PAUSE_STEPS = 30
_LONGEST_REACTION_SAMPLES = 3 * 8_000


class CallerSide(Protocol):
    """The person at the phone. Driven every 20 ms: first `heard`, then `frame`, for the same ms.

    `now_ms` counts from the stream's `start`, and goes up by 20.
    """

    def heard(self, now_ms: int, ulaw: bytes) -> None:
        """What the ear hears in the 20 ms from `now_ms`: 160 bytes, 0xFF when nothing plays."""

    def frame(self, now_ms: int) -> bytes:
        """What the microphone picks up in these 20 ms: 160 mu-law bytes."""

    def keys(self, now_ms: int) -> str:
        """Keys pressed in these 20 ms: any of 0-9 * # A-D, usually none."""

    @property
    def hang_up(self) -> bool:
        """True once the caller has put the phone down."""


class Recorded:
    """A caller who plays a recording, presses some keys and hangs up: cheap, for many calls."""

    def __init__(
        self, speech: bytes, hang_up_ms: int, keys: Mapping[int, str] | None = None
    ) -> None:
        """`speech` is mu-law; `keys` by the ms they are pressed, multiples of 20."""
        self._speech = speech
        self._hang_up_ms = hang_up_ms
        self._keys = keys or {}
        self.hang_up = False

    def heard(self, now_ms: int, ulaw: bytes) -> None:
        self.hang_up = now_ms >= self._hang_up_ms

    def frame(self, now_ms: int) -> bytes:
        return self._speech[now_ms * 8 : now_ms * 8 + FRAME_SAMPLES].ljust(FRAME_SAMPLES, IDLE)

    def keys(self, now_ms: int) -> str:
        return self._keys.get(now_ms, "")


class EndedBy(Enum):
    """Who or what ended the call, as the carrier sees it."""

    CALLER = "caller"
    API = "api"
    """`Status=completed` through the REST API."""
    HANGUP_VERB = "hangup_verb"
    DOCUMENT_END = "document_end"
    """No verb was left to do."""
    REJECTED = "rejected"
    FAILED = "failed"
    """The webhook or its TwiML was of no use; see `PhoneReport.errors`."""
    TIME_LIMIT = "time_limit"


class StreamEnd(Enum):
    """How one media stream ended."""

    CALLER = "caller"
    API = "api"
    TIME_LIMIT = "time_limit"
    REDIRECTED = "redirected"
    """The call went on with another document, by the REST API."""
    CLOSED = "closed"
    """The other side closed the socket (31921)."""
    BROKEN = "broken"
    """The connection was lost without a closing handshake, or the protocol violated (31924)."""
    NOT_OPENED = "not_opened"


class Callee(msgspec.Struct, frozen=True):
    """What happens when a number is dialled."""

    result: str = "completed"
    """As `DialCallStatus`: `completed` means that somebody answered and talked."""
    after_s: float = 0.0
    """How long it rings, and they talk."""
    caller_leaves: bool = False
    """The caller hangs up then."""


class CarrierError(msgspec.Struct, frozen=True):
    """A line of the carrier's debugger, by Twilio's code."""

    code: int
    detail: str


class StreamReport(msgspec.Struct, frozen=True):
    """One media stream by the carrier's own count. `*_ms` count from its `start`."""

    stream_sid: str
    end: StreamEnd
    length_ms: int
    played_ms_by_item: dict[int, int]
    """By the item number in mark names."""
    clips: tuple[PlayedClip, ...]
    clears: tuple[Cleared, ...]
    reactions_ms: tuple[int | None, ...]
    """For each clear: ms since the caller began to speak; None when the caller was silent."""
    warnings: tuple[ProtocolWarning, ...]
    caller_ulaw: bytes
    heard_ulaw: bytes
    """Both tracks begin at `start`, so that byte n of each is the same moment."""
    lost_frames: int = 0
    """Frames of the caller that were not sent, because the server did not read (31930)."""
    began_s: float = 0.0
    """The event loop's time at `start`."""

    @property
    def first_audio_ms(self) -> int | None:
        """When the caller first heard anything of the agent."""
        began = (clip.began for clip in self.clips if clip.began is not None)
        return None if (first := next(began, None)) is None else first // 8


class PhoneReport(msgspec.Struct, frozen=True):
    """One call, as the simulated phone and carrier lived through it."""

    call_sid: str
    ended_by: EndedBy
    webhook_ms: int
    """How long the answer to the voice webhook took."""
    streams: tuple[StreamReport, ...]
    said: tuple[str, ...]
    """Text of the <Say> verbs executed."""
    errors: tuple[CarrierError, ...]
    twiml_warnings: tuple[str, ...]
    dialled: tuple[str, ...] = ()
    """Numbers of the <Dial> verbs executed."""
    messages_s: tuple[int, ...] = ()
    """Lengths of what the <Record> verbs took."""

    @property
    def stream(self) -> StreamReport | None:
        """The call's only stream, or its last."""
        return self.streams[-1] if self.streams else None


def reactions_ms(caller: bytes, clears: tuple[Cleared, ...]) -> tuple[int | None, ...]:
    """For each clear: how long the caller had been speaking, in ms."""
    onsets = ((speech_onset(caller, cleared.at), cleared.at) for cleared in clears)
    return tuple(None if onset is None else (at - onset) // 8 for onset, at in onsets)


def speech_onset(caller: bytes, at: int) -> int | None:
    """Where the speech going on, or just over, at sample `at` began; None if there was none.

    Good to 10 ms. Pauses of less than 300 ms are part of the speech.
    """
    first = max(0, at - _LONGEST_REACTION_SAMPLES) // _STEP_SAMPLES
    last = min(at, len(caller)) // _STEP_SAMPLES
    heard = ulaw.decode(caller[first * _STEP_SAMPLES : last * _STEP_SAMPLES]).astype(np.int32)
    levels = np.abs(heard).reshape(-1, _STEP_SAMPLES).mean(axis=1)
    loud = np.flatnonzero(levels > _SPEECH_LEVEL)
    if not len(loud):
        return None
    starts = np.flatnonzero(np.diff(loud) > _PAUSE_STEPS)
    onset = loud[starts[-1] + 1] if len(starts) else loud[0]
    return (first + int(onset)) * _STEP_SAMPLES
