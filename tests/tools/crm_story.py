"""Contacts with an outside book on loopback, a clock of their own, and everything drained."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.fakes.crm_server import OURS, TOKEN, CrmServer
from tests.tools.desk import NOW
from tools.crm.breaker import pauses
from tools.crm.contacts import Contacts
from tools.crm.drain import Drain
from tools.crm.followups import FollowUps
from tools.crm.lookup import Lookup
from tools.crm.outbox import Outbox
from tools.crm.outside.book import NAME, HubSpotBook
from tools.crm.outside.http import Carrier
from tools.crm.outside.hubspot import Dialect
from tools.spec import ToolContext
from tools.store import Store

READ_S = 5.0
"""Longer than a busy machine takes to answer on loopback; tests of slowness give their own."""


class Story:
    """Our book, the outside book, and the clock both go by."""

    def __init__(
        self, store: Store, server: CrmServer, session: aiohttp.ClientSession, read_s: float
    ) -> None:
        self.now = NOW
        self.server = server
        self.token = TOKEN
        self.contacts = Contacts(store, NAME)
        self.follow_ups = FollowUps(store, self.contacts, NAME)
        self.outbox = Outbox(store, NAME)
        carrier = Carrier(session, server.base_url, lambda: self.token, self.clock)
        dialect = Dialect(OURS, ("phone", "mobilephone"))
        self.book = HubSpotBook(carrier, dialect, read_s, READ_S)
        self.breaker = pauses()
        self.lookup = Lookup(
            self.contacts, self.book, self.outbox, self.breaker, self.clock, self.seconds
        )
        self.drain = self.another_drain()

    def another_drain(self) -> Drain:
        """As another process has it."""
        return Drain(self.outbox, self.book, self.contacts, pauses(), self.clock, self.seconds)

    def clock(self) -> dt.datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def later(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)

    def context(self, key: str, number: str | None = None, call: str = "CA1") -> ToolContext:
        return ToolContext(call, number, self.now, key)


@asynccontextmanager
async def story(
    store: Store, server: CrmServer | None = None, read_s: float = READ_S
) -> AsyncIterator[Story]:
    async with (server or CrmServer()).serve() as running, aiohttp.ClientSession() as session:
        yield Story(store, running, session, read_s)
