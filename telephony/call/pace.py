"""How often is the whole of a call looked at?

Nine of ten events are a line that goes on, the caller's or ours, and nothing follows from them that
the next look or deadline would not find. What a look costs is most of what a call costs.
"""

import math
from collections.abc import Callable
from typing import Final

from agents.engine import AudioDelta, TextDelta
from telephony.call.commands import CallCommand, is_sound
from telephony.call.events import CallerAudio, CallEvent, MarkEchoed

LOOK_S: Final = 0.38
"""While the line only goes on, what follows from the state is looked at so often: with every ripe
lane of the caller's audio (`telephony.call.lane`)."""
_LATEST_S: Final = 0.1
"""Without such audio, a look may be so much later."""
_GOES_ON: Final = frozenset({CallerAudio, MarkEchoed, AudioDelta, TextDelta})
_UNKNOWN_S: Final = -math.inf


class Pace:
    """Of one call."""

    def __init__(self, earliest: Callable[[], float]) -> None:
        """`earliest()`: when the state as it is now wants to be looked at; infinite: never."""
        self._earliest = earliest
        self._look_s = _UNKNOWN_S
        self._deadline_s = _UNKNOWN_S

    def is_quiet(self, event: CallEvent, commands: list[CallCommand], now: float) -> bool:
        """Audio is stored and carried on, and that is all; the next look comes in time."""
        quiet = (
            now < self._look_s
            and type(event) in _GOES_ON
            and is_sound(commands)
            and now < self._known()
        )
        if quiet and not (isinstance(event, CallerAudio) and not event.echoes):
            # It may have brought something nearer than it was at the last look. The caller's audio
            # makes us look in time, as long as it comes.
            self._deadline_s = min(self._deadline_s, self._look_s + _LATEST_S)
        return quiet

    def looks(self, now: float) -> None:
        """Everything is looked at just now: the deadline may be another one."""
        self._deadline_s, self._look_s = _UNKNOWN_S, now + LOOK_S

    def deadline(self) -> float | None:
        """The deadline as it was found at the last look; None: never."""
        deadline_s = self._known()
        return None if deadline_s == math.inf else deadline_s

    def _known(self) -> float:
        """Whoever asks first after a look finds it: answers must not hang on who that is."""
        if self._deadline_s == _UNKNOWN_S:
            self._deadline_s = self._earliest()
        return self._deadline_s
