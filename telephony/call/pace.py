"""How often is the whole of a call looked at?

Nine of ten events are the caller's line that goes on, and nothing follows from them that the next
look or deadline would not find. What a look costs is most of what a call costs.
"""

import math
from collections.abc import Callable
from typing import Final

from agents.engine import AppendAudio
from telephony.call.commands import CallCommand, StoreAudio
from telephony.call.events import CallerAudio, CallEvent

LOOK_S: Final = 0.1
"""While nothing but the caller's audio comes, what follows from the state is looked at so often."""
_QUIET: Final = [StoreAudio, AppendAudio]
_UNKNOWN_S: Final = -math.inf


class Pace:
    """Of one call."""

    def __init__(self) -> None:
        self._look_s = _UNKNOWN_S
        self._deadline_s = _UNKNOWN_S

    def is_quiet(self, event: CallEvent, commands: list[CallCommand], now: float) -> bool:
        """The caller's audio is stored and given to the engine, and that is all."""
        return (
            isinstance(event, CallerAudio)
            and now < self._look_s
            and now < self._deadline_s
            and [type(command) for command in commands] == _QUIET
        )

    def looks(self, now: float) -> None:
        """Everything is looked at just now: the deadline may be another one."""
        self._deadline_s, self._look_s = _UNKNOWN_S, now + LOOK_S

    def deadline(self, earliest: Callable[[], float]) -> float | None:
        """The deadline as it was found at the last look; None: never."""
        if self._deadline_s == _UNKNOWN_S:
            self._deadline_s = earliest()
        return None if self._deadline_s == math.inf else self._deadline_s
