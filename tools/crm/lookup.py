"""Who has this number: as the outside book knows, or our copy when it does not answer in time."""

import asyncio
import datetime as dt
from collections.abc import Callable
from enum import Enum

import msgspec

from tools.breaker import Breaker
from tools.crm.contacts import Contacts
from tools.crm.outbox import Outbox
from tools.crm.port import Book, BookError, By, Card, Kind, Trouble
from tools.crm.records import Contact


class Source(Enum):
    """Where an answer comes from."""

    OWN = "own"
    OUTSIDE = "outside"
    COPY = "copy"
    """Ours, because the outside book did not answer: it may know better."""


class Found(msgspec.Struct, frozen=True):
    contact: Contact | None
    source: Source


class Lookup:
    """Raises BackendError when our own database cannot be asked."""

    def __init__(
        self,
        contacts: Contacts,
        book: Book,
        outbox: Outbox,
        breaker: Breaker,
        clock: Callable[[], dt.datetime],
        seconds: Callable[[], float],
    ) -> None:
        """`seconds` never go back, whatever is done to the clock."""
        self._contacts = contacts
        self._book = book
        self._outbox = outbox
        self._breaker = breaker
        self._clock = clock
        self._seconds = seconds

    async def find(self, number: str) -> Found:
        """The contact of this number; whatever the outside book says of it is kept as our copy."""
        if not self._breaker.allows(self._seconds()):
            return await self._copy(number)
        try:
            card = await self._book.find(By.NUMBER, number)
        except BookError as error:
            if error.trouble in (Trouble.DOWN, Trouble.GARBLED):
                self._breaker.failed(self._seconds())
            else:
                self._breaker.succeeded()
            return await self._copy(number)
        self._breaker.succeeded()
        contact = await asyncio.to_thread(self._taken_over, number, card)
        return Found(contact, Source.OUTSIDE)

    async def _copy(self, number: str) -> Found:
        return Found(await asyncio.to_thread(self._contacts.find, number), Source.COPY)

    def _taken_over(self, number: str, card: Card | None) -> Contact | None:
        before = self._contacts.find(number)
        if card is None:
            return before
        ours = msgspec.structs.replace(
            card, ref="", numbers=tuple(dict.fromkeys((number, *card.numbers)))
        )
        contact = self._contacts.keep(ours, self._clock())
        # The record it is linked to stays the one that is told, though several have the number.
        if not self._outbox.outside_id(Kind.CONTACT, contact.id):
            self._outbox.link(Kind.CONTACT, contact.id, card.ref)
        return contact
