"""What calls have left behind, taken away in one go.

The objects of a call point at each other, so that counting references does not free them; and what
has lived through a few of the collector's young rounds is not looked at again for tens of
thousands of calls. Half a megabyte of each call would stay. So the collector looks through
everything once in a while, if calls have ended: what the service began with is frozen
(`telephony.running`), and what is left to look through is what the live calls are made of.
"""

import asyncio
import gc
from collections.abc import Callable

from telephony.transcripts.entry import EndedReason

TIDY_S = 60.0
"""A round stops every call for some milliseconds, so not after each call that ends."""


class Tidying:
    """Of one process."""

    def __init__(self, told: Callable[[EndedReason], None]) -> None:
        """`told` hears of each call that has ended, too."""
        self._told = told
        self._ended = 0

    def call_ended(self, reason: EndedReason) -> None:
        self._ended += 1
        self._told(reason)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(TIDY_S)
            if self._ended:
                self._ended = 0
                gc.collect()
