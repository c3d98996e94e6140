"""What does the caller's side of the line bring, and how much of it need the call not look at?"""

from collections.abc import Callable
from typing import Final

from telephony.call.bargein import BargeIns
from telephony.call.carrierclock import RATE
from telephony.call.commands import CallCommand, StoreAudio, Track
from telephony.call.ending import Ending, Phase
from telephony.call.events import CallerAudio, MarkEchoed
from telephony.call.keypad import Keypad
from telephony.call.lane import MOST_SAMPLES
from telephony.call.ledger import Ledger
from telephony.call.relay import Relay
from telephony.call.streams import Streams

_AHEAD_SAMPLES: Final = RATE
"""Caller audio stamped further than this ahead of the clock is stamped wrongly."""


class CallerLine:
    """Of one call."""

    def __init__(
        self,
        ledger: Ledger,
        ending: Ending,
        barge_ins: BargeIns,
        relay: Relay,
        streams: Streams,
        keypad: Keypad,
        echoed: Callable[[str, float], list[CallCommand]],
    ) -> None:
        """`echoed(name, now)`: what follows from a mark that came back."""
        self._ledger = ledger
        self._ending = ending
        self._barge_ins = barge_ins
        self._relay = relay
        self._streams = streams
        self._keypad = keypad
        self._echoed = echoed

    def audio(self, event: CallerAudio, now: float) -> list[CallCommand]:
        newest = round(now * RATE) + _AHEAD_SAMPLES
        stamped = (self._streams.began_ms + event.timestamp_ms) * RATE // 1000
        at_samples = max(self._relay.caller_samples, min(stamped, newest))
        echoed = self._went_on(event, at_samples, now)
        if not event.ulaw:
            return echoed
        stored = StoreAudio(Track.CALLER, at_samples, event.ulaw)
        if self._ending.phase is Phase.TRANSFERRING:
            self._relay.unheard(at_samples, event.ulaw)
            return [*echoed, stored]
        append = self._relay.caller_audio(at_samples, event.ulaw)
        claimed = self._barge_ins.caller_audio(event.ulaw, now)
        return [*echoed, stored, *append, *claimed, *self._relay.unheeded(now)]

    def _went_on(self, event: CallerAudio, at_samples: int, now: float) -> list[CallCommand]:
        """The carrier's clock by its frames, and what came back between them by that clock."""
        commands: list[CallCommand] = []
        known = 0
        for echo in event.echoes:
            if echo.samples > known:
                known = echo.samples
                self._ledger.frame((at_samples + known) / RATE, echo.behind_s)
            commands += self._echoed(echo.name, echo.came_s)
        if known < len(event.ulaw):
            self._ledger.frame((at_samples + len(event.ulaw)) / RATE, now)
        return commands

    def lane(self, now: float) -> int:
        """For how many samples the call need not be asked: see `Call.lane`."""
        ending = self._ending
        ends = ending.phase is not Phase.LIVE or ending.under_way
        vacant = self._relay.succession.vacant
        if ends or vacant or self._keypad.confidential(now):
            return 0
        undecided = self._barge_ins.undecided_samples(now, self._relay.alive_s)
        return MOST_SAMPLES if undecided is None else min(MOST_SAMPLES, undecided)

    def can_wait(self, event: MarkEchoed) -> bool:
        """See `Call.can_wait`."""
        return self._ledger.can_wait(event.name)
