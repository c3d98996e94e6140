"""What runs beside the calls, and follows what is published: calendars, the outside book."""

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from tools.booking.caldav.loop import Calendars
from tools.booking.shop import Shop
from tools.crm.desk import CrmDesk
from tools.store import Store

log = structlog.get_logger()


class Start(Protocol):
    """Starts a named task that is kept, as `agents.tasks.Tasks.start`."""

    def __call__(self, name: str, coroutine: Coroutine[Any, Any, Any], /) -> asyncio.Task[Any]: ...


class Upkeep:
    """Made on the event loop; `stop` ends all that runs.

    What is changed may be broken off anywhere: calendars and the outbox hold in the database how
    far they have come.
    """

    def __init__(
        self,
        store: Store,
        passwords: Callable[[str], str],
        clock: Callable[[], dt.datetime],
        start: Start,
    ) -> None:
        """`passwords` gives the secret of a name: see `Calendars`."""
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._start = start
        # The same for all that follow one another: a turn that was broken off can be taken again.
        self._owner = secrets.token_hex(8)
        self._turn = asyncio.Lock()
        self._over = False
        self._desk: CrmDesk | None = None
        self._drain: asyncio.Task[Any] | None = None
        self._keeps_calendars = False
        self._shop: Shop | None = None
        self._calendars: Calendars | None = None

    async def follow(self, shop: Shop, desk: CrmDesk) -> None:
        """From now on by this shop and this book of contacts."""
        async with self._turn:
            if self._over:
                return
            if desk is not self._desk:
                await self._drained()
                self._desk = desk
                if desk.drain is not None:
                    self._drain = self._start("crm outbox", desk.drain())
            if self._keeps_calendars and shop != self._shop:
                await self._left()
                self._shop = shop
                self._calendars = Calendars(
                    shop, self._store, self._passwords, self._clock, owner=self._owner
                )
                self._calendars.start(self._start)
                if shop.calendars:
                    log.info("calendars_followed", calendars=len(shop.calendars))

    async def keep_calendars(self, shop: Shop, desk: CrmDesk) -> None:
        """Begin to synchronise; only for a service that takes real calls."""
        self._keeps_calendars = True
        await self.follow(shop, desk)

    async def stop(self) -> None:
        async with self._turn:
            self._over = True
            await self._drained()
            await self._left()

    async def _drained(self) -> None:
        drain, self._drain = self._drain, None
        if drain is not None:
            drain.cancel()
            await asyncio.wait({drain})

    async def _left(self) -> None:
        calendars, self._calendars = self._calendars, None
        if calendars is not None:
            await calendars.stop()
