"""The live calls of one process: kept up to date for whoever watches, and reached from outside."""

from collections.abc import Callable
from pathlib import Path

from telephony.live.desk import LiveDesk
from telephony.live.door import Door
from telephony.live.hub import Hub, nothing_rings


class Presence:
    """`open` when calls may come, `close` when they are over."""

    def __init__(
        self,
        data_dir: Path,
        count: Callable[[str], None],
        ringing: Callable[[str], bool] = nothing_rings,
    ) -> None:
        self.hub = Hub(ringing)
        """What the calls of this process tell."""
        self.desk = LiveDesk(data_dir)
        """What a console in this process asks, of all processes."""
        self._door = Door(self.hub, data_dir, count)

    async def open(self) -> None:
        await self._door.open()

    async def close(self) -> None:
        await self.desk.close()
        await self._door.close()
