"""The parts of the contacts' book put together, for one deployment."""

import datetime as dt
import time
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import msgspec

from tools.breaker import Breaker
from tools.crm.breaker import pauses
from tools.crm.checking import Checks
from tools.crm.config import CrmConfig, Outside
from tools.crm.consents import Consents
from tools.crm.contacts import Contacts
from tools.crm.drain import Drain
from tools.crm.followups import FollowUps
from tools.crm.identity import CheckRules
from tools.crm.lookup import Lookup
from tools.crm.merging import Merging
from tools.crm.outbox import Outbox
from tools.crm.outside.book import HubSpotBook
from tools.crm.outside.http import Carrier
from tools.crm.outside.hubspot import Dialect
from tools.secrets import Secrets
from tools.store import Store


class CrmDesk(msgspec.Struct, frozen=True):
    """What tools, staff and the command line work with."""

    contacts: Contacts
    follow_ups: FollowUps
    consents: Consents
    merging: Merging
    checks: Checks
    rules: CheckRules
    region: str = ""
    """Where numbers without their country are from."""
    outbox: Outbox | None = None
    lookup: Lookup | None = None
    """None: our own database knows best."""
    drain: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Tells the outside book of every change until cancelled; to be run while serving."""


def own_desk(store: Store, config: CrmConfig | None = None) -> CrmDesk:
    """The book in our database. With an outside book configured, changes are noted for it."""
    config = config or CrmConfig()
    contacts = Contacts(store, config.book)
    return CrmDesk(
        contacts=contacts,
        follow_ups=FollowUps(store, contacts, config.book),
        consents=Consents(store, contacts),
        merging=Merging(store, contacts),
        checks=Checks(store, contacts, config.check),
        rules=config.check,
        region=config.region,
        outbox=Outbox(store, config.book) if config.book else None,
    )


def outside_book(
    config: CrmConfig,
    outside: Outside,
    secrets: Secrets,
    session: aiohttp.ClientSession,
    clock: Callable[[], dt.datetime],
) -> HubSpotBook:
    carrier = Carrier(session, outside.base_url, lambda: secrets.get(outside.credential), clock)
    dialect = Dialect(outside.id_property, outside.phone_properties, config.region)
    return HubSpotBook(carrier, dialect, outside.read_s, outside.write_s)


def open_desk(
    store: Store,
    config: CrmConfig,
    secrets: Secrets,
    session: aiohttp.ClientSession,
    clock: Callable[[], dt.datetime],
    breaker: Breaker | None = None,
    seconds: Callable[[], float] = time.monotonic,
) -> CrmDesk:
    """The book of this deployment with the outside book that is configured, if one is."""
    desk = own_desk(store, config)
    if config.outside is None or desk.outbox is None:
        return desk
    guard = breaker or pauses()
    book = outside_book(config, config.outside, secrets, session, clock)
    lookup = Lookup(desk.contacts, book, desk.outbox, guard, clock, seconds)
    drain = Drain(desk.outbox, book, desk.contacts, guard, clock, seconds)
    return msgspec.structs.replace(desk, lookup=lookup, drain=drain.run)
