"""What the fake Realtime server says and does wrong: scripts, faults, its voice and its ear."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Voice = Callable[[str, int, int], Samples]
"""(text, duration in ms, rate) -> samples."""


@dataclasses.dataclass(frozen=True)
class FunctionCall:
    name: str
    arguments: str = "{}"
    call_id: str = ""
    """Empty: the server invents one."""
    status: str = "completed"


@dataclasses.dataclass(frozen=True)
class Reply:
    """One response of the model."""

    text: str = "All right."
    duration_ms: int = 0
    """0: 60 ms a character."""
    second: str = ""
    """Text of a second spoken item in the same response."""
    calls: tuple[FunctionCall, ...] = ()
    delay_ms: int = 0
    """Before its first event after response.created."""
    status: str = "completed"
    """`failed` and `incomplete` come after what was generated so far; `failed` has no audio."""
    error: str = ""
    """Code of a failed response."""
    reason: str = ""
    """Reason of an incomplete one."""


@dataclasses.dataclass(frozen=True)
class Script:
    """What the server's model says, in order, and what it hears.

    A response.create that may call no tool speaks what stands after the last `:\\n` of its
    instructions; every other response takes the next reply.
    """

    replies: Iterable[Reply] = ()
    """Taken one by one as they are wanted, so that a generator can look at what was said before."""
    otherwise: Reply = dataclasses.field(default_factory=Reply)
    caller: tuple[str, ...] = ()
    """Transcripts of the caller's turns; beyond them `Tell me more.`"""
    speech: tuple[tuple[int, int], ...] | None = None
    """(start, stop) of caller turns, in ms of audio appended; None: by loudness."""
    transcription_ms: tuple[int, int] = (0, 400)
    """Bounds of the random delay of the transcription."""


@dataclasses.dataclass(frozen=True)
class Faults:
    """Each switch off by default."""

    handshake_status: int = 0
    handshake_statuses: tuple[int, ...] = ()
    """One per connection in order; then handshake_status."""
    handshake_body: str = ""
    handshake_headers: tuple[tuple[str, str], ...] = ()
    """Of a refusal."""
    handshake_delay_s: float = 0.0
    no_session_created: bool = False
    lasts_s: float | None = None
    """What `expires_at` of session.created says, from now on."""
    shows_little: bool = False
    """session.created holds an id and nothing else."""
    echo: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Changes the configuration that session.updated shows."""
    update_error: str = ""
    """Code of an error instead of session.updated."""
    late_deltas: int = 0
    """Audio deltas still sent after a response was cancelled and done."""
    no_created: bool = False
    """response.done without response.created."""
    no_metadata: bool = False
    """As some gateways: response metadata is not repeated."""
    null_event_ids: bool = False
    """`error.event_id` is null although the client sent one."""
    unknown_events: bool = False
    garbage: bool = False
    """Frames that are no events, before each response."""
    repeated_calls: bool = False
    """Each function call is delivered twice."""
    no_auto_response: bool = False
    """The server does not answer the caller's turns."""
    split_samples: bool = False
    """Audio deltas end in the middle of samples."""
    instead_of_audio: bytes = b""
    """Sent as the audio of every item, whatever format was agreed."""
    short_count_ms: int = 0
    """The server counts this much less audio of each item than it sent."""
    close_after_deltas: int = 0
    close_code: int = 1006
    """1006: the connection is cut without a close frame."""
    close_reason: str = ""
    stall_after_deltas: int = 0
    stall_s: float = 5.0
    deaf: bool = False
    """Stops reading once the session is configured."""
    error_after_update: str = ""
    """Code of an error event sent right after session.updated."""


def hum(text: str, duration_ms: int, rate: int) -> Samples:
    """Speech-like noise: a buzzing pitch under a syllable rhythm, different for each text."""
    count = duration_ms * rate // 1000
    t = np.arange(count) / rate
    pitch = 110 + sum(text.encode()) % 60
    buzz = np.sin(2 * np.pi * pitch * t) + 0.5 * np.sin(2 * np.pi * 7 * pitch * t)
    rhythm = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * t)
    return np.asarray(buzz * rhythm * 6000, dtype=np.int16)


def _ulaw_table() -> npt.NDArray[np.int16]:
    codes = ~np.arange(256, dtype=np.uint8)
    sign, exponent, mantissa = codes & 0x80, (codes >> 4) & 7, (codes & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(sign, -magnitude, magnitude).astype(np.int16)


ULAW = _ulaw_table()
_CODES = np.argsort(ULAW, kind="stable")
_EDGES = (ULAW[_CODES][1:].astype(np.int32) + ULAW[_CODES][:-1]) // 2


def encoded(samples: Samples, audio_format: str) -> bytes:
    """Samples in a wire format."""
    if audio_format == "audio/pcm":
        return samples.astype("<i2").tobytes()
    return _CODES[np.searchsorted(_EDGES, samples)].astype(np.uint8).tobytes()


def loudness(audio: bytes, audio_format: str) -> float:
    """Mean amplitude of a piece, 0 to 1."""
    if audio_format == "audio/pcm":
        samples = np.frombuffer(audio[: len(audio) & ~1], dtype="<i2")
    else:
        samples = ULAW[np.frombuffer(audio, dtype=np.uint8)]
    return float(np.abs(samples.astype(np.int32)).mean()) / 32768 if len(samples) else 0.0


def bytes_per_ms(audio_format: str) -> int:
    return 48 if audio_format == "audio/pcm" else 8


class Ear:
    """Says when the caller starts and stops, from the audio appended or from a script."""

    FRAME_MS = 20
    ONSET_MS = 60

    def __init__(self, script: Script, audio_format: str, turn_detection: dict[str, Any]) -> None:
        self._script = list(script.speech) if script.speech is not None else None
        self._format = audio_format
        self._silence_ms = int(turn_detection.get("silence_duration_ms", 500))
        self._prefix_ms = int(turn_detection.get("prefix_padding_ms", 300))
        self._level = 0.04 * float(turn_detection.get("threshold", 0.5))
        self._pending = b""
        self.heard_bytes = 0
        self._loud_ms = 0
        self._quiet_ms = 0
        self.speaking = False

    @property
    def heard_ms(self) -> int:
        return self.heard_bytes // bytes_per_ms(self._format)

    def hear(self, audio: bytes) -> list[tuple[str, int]]:
        """(`started` | `stopped`, position in ms) for each change."""
        if self._script is not None:
            self.heard_bytes += len(audio)
            return self._scripted()
        self._pending += audio
        frame_bytes = self.FRAME_MS * bytes_per_ms(self._format)
        changes: list[tuple[str, int]] = []
        while len(self._pending) >= frame_bytes:
            frame, self._pending = self._pending[:frame_bytes], self._pending[frame_bytes:]
            self.heard_bytes += frame_bytes
            changes += self._frame(loudness(frame, self._format) >= self._level)
        return changes

    def _frame(self, loud: bool) -> list[tuple[str, int]]:
        self._loud_ms = self._loud_ms + self.FRAME_MS if loud else 0
        self._quiet_ms = 0 if loud else self._quiet_ms + self.FRAME_MS
        if not self.speaking and self._loud_ms >= self.ONSET_MS:
            self.speaking = True
            return [("started", max(0, self.heard_ms - self._loud_ms - self._prefix_ms))]
        if self.speaking and self._quiet_ms >= self._silence_ms:
            self.speaking = False
            return [("stopped", self.heard_ms)]
        return []

    def _scripted(self) -> list[tuple[str, int]]:
        changes: list[tuple[str, int]] = []
        while self._script:
            start_ms, stop_ms = self._script[0]
            if not self.speaking and self.heard_ms >= start_ms:
                self.speaking = True
                changes.append(("started", start_ms))
            if not self.speaking or self.heard_ms < stop_ms:
                break
            self.speaking = False
            self._script.pop(0)
            changes.append(("stopped", stop_ms))
        return changes
