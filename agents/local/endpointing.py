"""When does a caller's turn begin and end? Speech probabilities in, turns out.

All positions are ms of audio heard so far; there is no clock. A turn begins when 80 ms of the
last frames are speech, so that a click does not interrupt the agent, and ends when the caller has
been silent for a while: how long a while, hangs on whether the words so far are a whole answer.
"""

from collections import deque

import msgspec
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.float32]

FRAME_MS = 32
"""512 samples at 16 kHz: what the voice activity detector takes."""
_PARTS = 4
_QUIET_PART = 0.03
"""Of the power of the loudest part so far, 15 dB below it: no speech any more. The detector goes
on believing in speech for 100 ms after a short sound has ended."""


class Endpoints(msgspec.Struct, frozen=True):
    """How turns are told apart."""

    speech_at: float = 0.5
    """A frame at least this likely to be speech counts towards a turn's beginning."""
    silence_below: float = 0.35
    """Within a turn a frame less likely than this counts towards its end."""
    onset_ms: int = 80
    """So much speech begins a turn: bursts of 50 ms never do."""
    end_silence_ms: int = 500
    patient_silence_ms: int = 1_000
    """Instead of `end_silence_ms` where callers stop to think: numbers, spelled names."""
    settled_silence_ms: int = 320
    """Instead of `end_silence_ms` when the words so far are all that was asked for; where callers
    are given time to think, `end_silence_ms` is then enough."""
    pause_ms: int = 0
    """Silence within a turn after which its words are worth making out already; 0 for never."""
    preroll_ms: int = 300
    """Audio from before the onset that belongs to the turn: weak first sounds."""
    max_turn_ms: int = 30_000


class SpeechStarted(msgspec.Struct, frozen=True):
    at_ms: int
    """Where the first frame of speech began, without pre-roll."""


class Paused(msgspec.Struct, frozen=True):
    """Silence within a turn, of which nobody knows yet whether it is its end."""

    at_ms: int
    """Where the last frame of speech ended: the turn's end, if it is one."""
    audio: Frame
    """The turn from its pre-roll to now: mono float32 at 16 kHz."""


class SpeechStopped(msgspec.Struct, frozen=True):
    at_ms: int
    """Where the last frame of speech ended."""
    audio: Frame
    """The turn from its pre-roll to now: mono float32 at 16 kHz."""


class Quiet(msgspec.Struct):
    """Nobody speaks: what may turn out to be the onset."""

    voiced_ms: int = 0
    """Speech counted up, frames without counted down."""
    began_ms: int = 0
    loudest: float = 0.0
    """Power of the loudest part of what may be the onset."""


class Turn(msgspec.Struct):
    """The caller speaks."""

    began_ms: int
    last_voice_ms: int
    frames: list[Frame]
    settled_at_ms: int = -1
    """Up to here its words are all that was asked for; void once there is voice after it."""


Heard = SpeechStarted | Paused | SpeechStopped


class Endpointing:
    """The turns of one caller."""

    def __init__(self, endpoints: Endpoints | None = None, *, begin_ms: int = 0) -> None:
        self._set = endpoints or Endpoints()
        self._heard_ms = begin_ms
        self._state: Quiet | Turn = Quiet()
        # The onset itself is only noticed after the fact, so it lies among these frames too.
        kept_ms = self._set.preroll_ms + 3 * self._set.onset_ms
        self._recent: deque[Frame] = deque(maxlen=_frames(kept_ms))
        self.patient = False
        """Wait longer for the caller to go on."""
        self.end_silence_ms = self._set.end_silence_ms
        """So much silence ends a turn; may be changed at any time."""

    @property
    def speaking(self) -> bool:
        return isinstance(self._state, Turn)

    def hear(self, probability: float, frame: Frame) -> Heard | None:
        """`frame`: the next 32 ms of audio, of which `probability` is the chance of speech."""
        began_ms = self._heard_ms
        self._heard_ms += FRAME_MS
        self._recent.append(frame)
        if isinstance(self._state, Quiet):
            return self._listen(self._state, probability, frame, began_ms)
        self._state.frames.append(frame)
        return self._follow(self._state, probability)

    def _listen(
        self, quiet: Quiet, probability: float, frame: Frame, began_ms: int
    ) -> SpeechStarted | None:
        if probability < self._set.speech_at:
            quiet.voiced_ms = max(0, quiet.voiced_ms - FRAME_MS)
            return None
        if quiet.voiced_ms == 0:
            quiet.began_ms, quiet.loudest = began_ms, 0.0
        quiet.voiced_ms += _voiced_ms(quiet, frame)
        if quiet.voiced_ms < self._set.onset_ms:
            return None
        first = _frames(self._heard_ms - quiet.began_ms + self._set.preroll_ms)
        self._state = Turn(quiet.began_ms, self._heard_ms, list(self._recent)[-first:])
        return SpeechStarted(quiet.began_ms)

    def settle(self, at_ms: int) -> None:
        """The words up to this pause are all that was asked for. One that is over is ignored."""
        if isinstance(self._state, Turn):
            self._state.settled_at_ms = at_ms

    def _follow(self, turn: Turn, probability: float) -> Paused | SpeechStopped | None:
        if probability >= self._set.silence_below:
            turn.last_voice_ms = self._heard_ms
        silent_ms = self._heard_ms - turn.last_voice_ms
        too_long = self._heard_ms - turn.began_ms >= self._set.max_turn_ms
        if silent_ms < self._end_silence_ms(turn) and not too_long:
            return self._pause(turn, silent_ms)
        self._state = Quiet()
        self._recent.clear()
        return SpeechStopped(turn.last_voice_ms, np.concatenate(turn.frames))

    def _pause(self, turn: Turn, silent_ms: int) -> Paused | None:
        """Once in each silence."""
        reached = bool(self._set.pause_ms) and 0 <= silent_ms - self._set.pause_ms < FRAME_MS
        return Paused(turn.last_voice_ms, np.concatenate(turn.frames)) if reached else None

    def _end_silence_ms(self, turn: Turn) -> int:
        settled = turn.settled_at_ms == turn.last_voice_ms
        if self.patient:
            return self.end_silence_ms if settled else self._set.patient_silence_ms
        return self._set.settled_silence_ms if settled else self.end_silence_ms


def _voiced_ms(quiet: Quiet, frame: Frame) -> int:
    """How much of the frame is not far below the loudest since the onset."""
    powers = np.square(frame.reshape(_PARTS, -1)).mean(axis=1)
    quiet.loudest = max(quiet.loudest, float(np.max(powers)))
    return int((powers >= quiet.loudest * _QUIET_PART).sum()) * FRAME_MS // _PARTS


def _frames(ms: int) -> int:
    return -(-ms // FRAME_MS)
