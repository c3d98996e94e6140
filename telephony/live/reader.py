"""Who is told of calls, at the pace at which they read."""

import asyncio

from telephony.live.mailbox import Mailbox
from telephony.live.wire import AnyAnswer


class Reader:
    """One who watches: all calls (`call_id` None) or one, its sound instead of its words."""

    def __init__(self, call_id: str | None = None, *, sound: bool = False) -> None:
        self.call_id = call_id
        self.hears = sound
        self.box = Mailbox()
        self.left = False
        """Nobody wants what waits here any more."""
        self._some = asyncio.Event()

    def wake(self) -> None:
        if self.box or self.box.behind:
            self._some.set()

    def leave(self) -> None:
        self.left = True
        self._some.set()

    async def take(self) -> list[AnyAnswer]:
        """What waits, as soon as something does."""
        await self._some.wait()
        self._some.clear()
        return self.box.take()
