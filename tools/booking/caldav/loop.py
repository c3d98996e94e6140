"""Keeps all calendars in step for as long as the service runs."""

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

import aiohttp
import structlog

from tools.booking.caldav.aside import one_at_a_time
from tools.booking.caldav.client import CalendarClient
from tools.booking.caldav.outcome import Outcome
from tools.booking.caldav.record import forget_calendars
from tools.booking.caldav.rules import pause_s
from tools.booking.caldav.sync import CalendarSync, Round
from tools.booking.calendars import Calendar
from tools.booking.shop import Shop
from tools.config import ConfigError
from tools.spec import BackendError
from tools.store import CommitUnknownError, Store
from tools.threads import Start

log = structlog.get_logger()

START_WITHIN_S = 10.0
STOP_WITHIN_S = 5.0
CHANCE = secrets.SystemRandom().random


class Calendars:
    """The calendars of one shop. Make it on the event loop; `close` lets go of everything."""

    def __init__(
        self,
        shop: Shop,
        store: Store,
        passwords: Callable[[str], str],
        clock: Callable[[], dt.datetime],
        chance: Callable[[], float] = CHANCE,
        owner: str = "",
    ) -> None:
        """`passwords` gives the one of a name, anew for each round; it may block, and raises
        ConfigError where there is none, which is told as an outcome. `owner` names this process
        among all that may work on the calendars."""
        self._shop = shop
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._chance = chance
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        # Cookies would tie requests together, and one server's must not go to another.
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._aside = one_at_a_time()
        self._owner = owner or secrets.token_hex(8)

    def _sync(self, calendar: Calendar, password: str) -> CalendarSync:
        client = CalendarClient(self._http, calendar.url, calendar.user, password)
        return CalendarSync(
            calendar, self._shop, self._store, client, self._clock, self._owner, self._aside
        )

    async def once(self) -> list[Round]:
        """One round of each calendar, one after the other."""
        await self._forget_others()
        rounds = [await self._round(each) for each in self._shop.calendars]
        return [each for each in rounds if each is not None]

    def start(self, start: Start) -> None:
        """Begin to keep all calendars in step, each in a task of its own."""
        self._tasks.append(start("calendars left", self._forget_others()))
        for each in self._shop.calendars:
            self._tasks.append(start(f"calendar {each.resource}", self._keep(each)))

    async def stop(self) -> None:
        """Let rounds that are on finish, for a few seconds, and then break them off."""
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_WITHIN_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._http.close()

    async def _keep(self, calendar: Calendar) -> None:
        # Many calendars, and many processes, must not all begin in one second.
        await self._pause(START_WITHIN_S * self._chance())
        told = Outcome.NEVER
        while not self._stopping.is_set():
            done = await self._round(calendar)
            failures, wait_s = (done.failures, done.wait_s) if done else (0, None)
            if done is not None and done.outcome is not told:
                told = done.outcome
                _tell(done)
            every_s = calendar.every_minutes * 60.0
            await self._pause(pause_s(every_s, failures, wait_s, self._chance()))

    async def _round(self, calendar: Calendar) -> Round | None:
        try:
            password = await self._aside(self._passwords, calendar.password)
        except ConfigError as error:
            return Round(calendar.resource, Outcome.NO_PASSWORD, detail=str(error))
        return await self._sync(calendar, password).once()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _forget_others(self) -> None:
        try:
            await self._aside(forget_calendars, self._store, self._shop, self._clock())
        except (BackendError, CommitUnknownError) as error:
            log.warning("calendars_left", error=str(error))


def _tell(done: Round) -> None:
    """One line when a calendar begins or ceases to work, not one for each round."""
    say = log.info if done.outcome is Outcome.OK else log.warning
    say(
        "calendar_sync",
        calendar=done.calendar,
        outcome=done.outcome.value,
        failures=done.failures,
        detail=done.detail,
    )
