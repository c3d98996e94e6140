"""What does the lab's caller do at its telephone, 20 ms at a time? A scenario's parts, in order."""

from collections.abc import Mapping

import numpy as np

from agents.pcm import Pcm
from telephony.lab.material import Clip
from telephony.lab.records import Spoke
from telephony.lab.scenarios import Echo, Leave, Part, Scenario, Sound, When
from telephony.media import ulaw
from telephony.simulator.carrier import FRAME_SAMPLES, IDLE

FRAME_MS = 20
HELLO_AFTER_MS = 3_500
"""Silence in which a caller who waits for words begins to wonder."""
MOST_HELLOS = 3
LISTENS_MS = 400
"""Of an answer, before a caller hangs up who only wanted to know that there is one."""
ANSWER_WITHIN_MS = 6_000
FINISHED_MS = 1_500
"""Silence after which the agent has nothing more to say."""
_LOUD = 150


class Stage:
    """What both ends of the target know of each other, because the lab holds both."""

    def __init__(self) -> None:
        self.replies_begun = 0
        """By the model, from its first audio on."""
        self.transcript = ""
        """What a transcription of the caller's last sound says."""


class LabCaller:
    """One caller, for one call; a `CallerSide`. `spoke` is what it did."""

    def __init__(
        self, scenario: Scenario, clips: Mapping[Sound, tuple[Clip, ...]], stage: Stage
    ) -> None:
        self.hang_up = False
        self.spoke: list[Spoke] = []
        self._scenario = scenario
        self._clips = clips
        self._stage = stage
        self._parts = list(scenario.parts)
        self._line = b""
        self._echo = _Return(scenario.echo)
        self._hellos = 0
        self._seen = 0
        self._talked_since: int | None = None
        self._quiet_since = 0
        self._line_ended = 0

    # ---- the phone ----------------------------------------------------------------------------

    def heard(self, now_ms: int, ulaw: bytes) -> None:
        """See CallerSide."""
        loud = _level(ulaw) > _LOUD
        self._echo.hear(ulaw)
        if loud or self._line:
            self._quiet_since = now_ms + FRAME_MS
        if loud and self._talked_since is None and self._stage.replies_begun > self._seen:
            self._talked_since = now_ms
        if not self._line:
            self._consider(now_ms)
        if now_ms >= self._scenario.most_ms:
            self.hang_up = True

    def frame(self, now_ms: int) -> bytes:
        """See CallerSide."""
        piece, self._line = self._line[:FRAME_SAMPLES], self._line[FRAME_SAMPLES:]
        if piece and not self._line:
            self._line_ended = now_ms + FRAME_MS
        return self._echo.mix(piece.ljust(FRAME_SAMPLES, IDLE))

    def keys(self, now_ms: int) -> str:
        """Presses none."""
        return ""

    # ---- its part -----------------------------------------------------------------------------

    def _consider(self, now_ms: int) -> None:
        if self._parts and self._due(self._parts[0], now_ms):
            self._make(self._parts.pop(0).sound, now_ms)
        elif self._parts and self._wonders(now_ms):
            self._wonder(now_ms)
        elif not self._parts:
            self.hang_up = self._leaves(now_ms)

    def _due(self, part: Part, now_ms: int) -> bool:
        match part.when:
            case When.TALKING:
                return self._talked_ms(now_ms) >= part.after_ms
            case When.AFTER_SOUND:
                return now_ms - self._line_ended >= part.after_ms
            case _:
                assert part.when is When.QUIET, part
                heard = self._talked_since is not None
                return heard and now_ms - self._quiet_since >= part.after_ms

    def _talked_ms(self, now_ms: int) -> int:
        return -1 if self._talked_since is None else now_ms - self._talked_since

    def _wonders(self, now_ms: int) -> bool:
        return self._talked_since is None and now_ms - self._quiet_since >= HELLO_AFTER_MS

    def _wonder(self, now_ms: int) -> None:
        self._hellos += 1
        if self._hellos > MOST_HELLOS:
            self.hang_up = True
        else:
            self._make(Sound.HELLO, now_ms)

    def _leaves(self, now_ms: int) -> bool:
        silent_ms = now_ms - self._quiet_since
        match self._scenario.leave:
            case Leave.ANSWERED:
                return self._talked_ms(now_ms) >= LISTENS_MS or silent_ms >= ANSWER_WITHIN_MS
            case Leave.QUIET:
                heard = self._talked_since is not None
                return silent_ms >= (FINISHED_MS if heard else ANSWER_WITHIN_MS)
            case _:
                assert self._scenario.leave is Leave.NEVER, self._scenario
                return False

    def _make(self, sound: Sound, now_ms: int) -> None:
        several = self._clips[sound]
        clip = several[sum(spoke.sound is sound for spoke in self.spoke) % len(several)]
        self._line = clip.ulaw
        self._stage.transcript = clip.text
        begin = now_ms * 8
        newest = self._stage.replies_begun - 1
        self.spoke.append(Spoke(sound, newest, begin + clip.onset, begin + len(clip.ulaw)))
        # What disturbs a reply does not end it: the same reply is listened to until it is over.
        if sound in (Sound.INTERRUPTION, Sound.QUESTION, Sound.HELLO):
            self._seen = self._stage.replies_begun
            self._talked_since = None


class _Return:
    """What the telephone hears of its own loudspeaker."""

    def __init__(self, echo: Echo | None) -> None:
        self._gain = 10 ** (echo.gain_db / 20) if echo else 0.0
        self._delayed = IDLE * (echo.delay_ms * 8 if echo else 0)

    def hear(self, ulaw: bytes) -> None:
        if self._gain:
            self._delayed += ulaw

    def mix(self, microphone: bytes) -> bytes:
        if not self._gain:
            return microphone
        returned, self._delayed = self._delayed[:FRAME_SAMPLES], self._delayed[FRAME_SAMPLES:]
        both = ulaw.decode(microphone) + ulaw.decode(returned) * self._gain
        mixed: Pcm = np.clip(np.rint(both), -32_768, 32_767).astype(np.int16)
        return ulaw.encode(mixed)


def _level(frame_ulaw: bytes) -> float:
    """Mean distance from zero."""
    return float(np.abs(ulaw.decode(frame_ulaw).astype(np.int32)).mean())
