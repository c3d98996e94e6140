"""Gives a new outside book everybody we know, many at a time where they are new to it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from tools.crm.contacts import Contacts, card_of
from tools.crm.outbox import Outbox, key_of
from tools.crm.outside.book import HubSpotBook
from tools.crm.outside.hubspot import BATCH
from tools.crm.port import BookError, Card, Kind, Trouble

T = TypeVar("T")
WAITS = 10
"""How often in a row we may be told to wait."""


class Handed(msgspec.Struct, frozen=True):
    taken: int
    refused: dict[int, str]
    """Why, by contact."""


class Handover:
    """May be broken off and begun again: who has been handed over is not handed over twice."""

    def __init__(
        self,
        contacts: Contacts,
        outbox: Outbox,
        book: HubSpotBook,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._contacts = contacts
        self._outbox = outbox
        self._book = book
        self._pause = pause
        self._taken = 0
        self._refused: dict[int, str] = {}

    async def run(self) -> Handed:
        """Everybody the book has not been told of. Raises BookError when it fails for longer."""
        after = ""
        while True:
            page = await asyncio.to_thread(self._contacts.search, "", after, "", BATCH)
            cards = [card_of(each) for each in page.contacts]
            await self._hand([card for card in cards if not await self._told(card)])
            after = page.after
            if not after:
                return Handed(self._taken, self._refused)

    async def _told(self, card: Card) -> bool:
        return bool(await asyncio.to_thread(self._outbox.outside_id, Kind.CONTACT, card.own_id))

    async def _hand(self, cards: Sequence[Card]) -> None:
        # A batch looks nobody up: who may be there already goes one by one.
        there = [card for card in cards if await self._patiently(partial(self._book.has, card))]
        new = [card for card in cards if card not in there]
        refs = await self._batch(new) if new else {}
        for card in new:
            if card.token in refs:
                await self._link(card, refs[card.token])
        for card in (*there, *(card for card in new if card.token not in refs)):
            await self._one(card)

    async def _batch(self, cards: Sequence[Card]) -> dict[str, str]:
        key = key_of("batch", *(card for card in cards))
        try:
            return await self._patiently(lambda: self._book.put_contacts(cards, key))
        except BookError as error:
            if error.trouble is Trouble.REFUSED:
                return {}
            raise

    async def _one(self, card: Card) -> None:
        key = key_of("handover", card)
        try:
            ref = await self._patiently(lambda: self._book.put_contact(card, key, again=True))
        except BookError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
            self._refused[card.own_id] = error.code
        else:
            await self._link(card, ref)

    async def _link(self, card: Card, ref: str) -> None:
        await asyncio.to_thread(self._outbox.link, Kind.CONTACT, card.own_id, ref)
        self._taken += 1

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        for _ in range(WAITS):
            try:
                return await ask()
            except BookError as error:
                if error.trouble is not Trouble.LIMITED:
                    raise
                await self._pause(error.retry_after_s)
        return await ask()
