"""Is the line itself well? One-way audio, clipping, echo and starvation, as far as a call can tell.

Each kind is told once a call. A frame costs two counts of bytes and, until the first sound, one
look for anything but silence: nothing is decoded here.
"""

from collections.abc import Sequence

from telephony.call.carrierclock import RATE
from telephony.call.commands import CallCommand, ClearPlayback, Note, PlaceMark, PlayAudio, Record
from telephony.call.events import CallerAudio, CallEvent, StreamStarted
from telephony.call.lane import STEADY_S
from telephony.transcripts.entry import Alarm, AlarmLine

ONE_WAY_SAMPLES = 15 * RATE
"""A line with a person at its end has noise: so much of nothing, from the beginning, has none."""
GAP_IN_S = 1.0
"""Frames come every 20 ms; jitter takes fractions of a second, never so much."""
GAP_OUT_S = 0.6
"""In the middle of an item: shorter ones are heard as hesitation."""
ECHOES = 3
"""One may be chance: a caller who repeats a word."""
CLIPPED_PER_MILLE = 20
"""Of a frame's samples at the very end of the scale; speech that fits has none."""
CLIPPED_FRAMES = 25
_LEAK = 1 / 20
"""So much of a clipped frame one that is not takes back: a second in twenty may be loud."""
_STEADY_SAMPLES = 2 * RATE
"""Audio comes regularly once so much in a row was no further apart than `STEADY_S`."""
_FRAME_SAMPLES = RATE // 50
"""Pieces of any length are looked at in frames as the carrier sends them."""
# G.711 mu-law: both zeros and their nearest neighbours; both ends of the scale.
_SILENCE = b"\xff\x7f\xfe\x7e"
_POSITIVE, _NEGATIVE = b"\x80", b"\x00"
_HEEDED = frozenset({PlayAudio, PlaceMark, ClearPlayback, Note})


class LineHealth:
    """What one call's line has shown so far. Times are those of the call's clock."""

    def __init__(self) -> None:
        self._told: set[Alarm] = set()
        self._silent_samples: int | None = 0
        """None: the caller's side has carried something."""
        self._clipped = 0.0
        self._echoes = 0
        self._came_s: float | None = None
        self._steady = 0
        self._item = ""
        self._ends_s: float | None = None
        """When what was sent of the item should have been played, the way there left out."""
        self._dry_s = 0.0

    def check(
        self, event: CallEvent, commands: Sequence[CallCommand], now: float
    ) -> list[CallCommand]:
        """What happened, and what the call asks for because of it."""
        found: list[CallCommand] = []
        if isinstance(event, CallerAudio) and event.ulaw:
            first_s, last_s = event.first_s, event.last_s
            if first_s is None:
                first_s = last_s = now
            found = self._caller(event.ulaw, first_s, last_s, now)
        elif isinstance(event, StreamStarted):
            self._came_s, self._steady, self._ends_s = None, 0, None
        for command in commands:
            if type(command) not in _HEEDED:
                continue
            if isinstance(command, PlayAudio):
                self._sent(len(command.ulaw), now)
            elif isinstance(command, PlaceMark):
                found += self._marked(command.name, now)
            elif isinstance(command, ClearPlayback):
                self._ends_s = None
            elif isinstance(command, Note) and command.code == "own_echo":
                self._echoes += 1
                found += self._tell(Alarm.ECHO, self._echoes, now, self._echoes >= ECHOES)
        return found

    # ---- the caller's side ---------------------------------------------------------------------

    def _caller(self, ulaw: bytes, first_s: float, last_s: float, now: float) -> list[CallCommand]:
        found = self._gap(len(ulaw), first_s)
        self._came_s = last_s
        if self._silent_samples is not None:
            found += self._nothing(ulaw, self._silent_samples, now)
        if _POSITIVE not in ulaw and _NEGATIVE not in ulaw:
            self._clipped = max(0.0, self._clipped - _LEAK * len(ulaw) / _FRAME_SAMPLES)
            return found
        frames = range(0, len(ulaw), _FRAME_SAMPLES)
        loud = (self._loud(ulaw[at : at + _FRAME_SAMPLES], now) for at in frames)
        return [*found, *(command for told in loud for command in told)]

    def _gap(self, samples: int, now: float) -> list[CallCommand]:
        gap_s = 0.0 if self._came_s is None else now - self._came_s
        if gap_s <= STEADY_S:
            self._steady += samples
            return []
        steady, self._steady = self._steady >= _STEADY_SAMPLES, 0
        bad = steady and gap_s >= GAP_IN_S
        return self._tell(Alarm.STARVED_IN, round(gap_s * 1000), now, bad)

    def _nothing(self, ulaw: bytes, before: int, now: float) -> list[CallCommand]:
        if ulaw.translate(None, _SILENCE):
            self._silent_samples = None
            return []
        silent = self._silent_samples = before + len(ulaw)
        return self._tell(Alarm.ONE_WAY, silent * 1000 // RATE, now, silent >= ONE_WAY_SAMPLES)

    def _loud(self, ulaw: bytes, now: float) -> list[CallCommand]:
        loudest = ulaw.count(_POSITIVE) + ulaw.count(_NEGATIVE)
        if not loudest or loudest * 1000 < CLIPPED_PER_MILLE * len(ulaw):
            self._clipped = max(0.0, self._clipped - _LEAK)
            return []
        self._clipped += 1
        per_mille = loudest * 1000 // len(ulaw)
        return self._tell(Alarm.CLIPPING, per_mille, now, self._clipped >= CLIPPED_FRAMES)

    # ---- our side ------------------------------------------------------------------------------

    def _sent(self, samples: int, now: float) -> None:
        if self._ends_s is not None:
            self._dry_s = max(self._dry_s, now - self._ends_s)
        self._ends_s = max(self._ends_s or now, now) + samples / RATE

    def _marked(self, name: str, now: float) -> list[CallCommand]:
        """Names of marks tell the item: see telephony.call.ledger."""
        item = name.rpartition(":")[0]
        same, self._item = item == self._item, item
        dry_s, self._dry_s = self._dry_s, 0.0
        return self._tell(Alarm.STARVED_OUT, round(dry_s * 1000), now, same and dry_s >= GAP_OUT_S)

    def _tell(self, kind: Alarm, value: int, now: float, bad: bool) -> list[CallCommand]:
        if not bad or kind in self._told:
            return []
        self._told.add(kind)
        line = AlarmLine(kind, round(now * 1000), value)
        return [Note(f"line.{kind.value}", value), Record(line)]
