"""Tells an outside book what is in the outbox, in order, until it has taken it."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog

from tools.breaker import Breaker
from tools.crm.contacts import Contacts, card_of
from tools.crm.outbox import Intent, Outbox
from tools.crm.port import Book, BookError, Card, Kind, NoteCard, TaskCard, Trouble
from tools.elapsed import time_after
from tools.spec import BackendError
from tools.store import CommitUnknownError

log = structlog.get_logger()

TELL_S = 90.0
"""How long all requests for one intent may take together."""
LEASE = dt.timedelta(seconds=120)
"""Longer than that: nobody else has the intent meanwhile."""
IDLE_S = 2.0
LOCKED_S = 300.0
MAX_BACKOFF_S = 600.0
GONE_TRIES = 5
"""A record that is gone again after each time it was made anew."""


class Drain:
    """One consumer of the outbox. Several, in several processes, do each other no harm: what
    was sent and not marked is sent again under the same key, and looked for before."""

    def __init__(
        self,
        outbox: Outbox,
        book: Book,
        contacts: Contacts,
        breaker: Breaker,
        clock: Callable[[], dt.datetime],
        seconds: Callable[[], float],
    ) -> None:
        """`seconds` never go back, whatever is done to the clock."""
        self._outbox = outbox
        self._book = book
        self._contacts = contacts
        self._breaker = breaker
        self._clock = clock
        self._seconds = seconds
        self._pause_until: dt.datetime | None = None

    async def run(self) -> None:
        """Until cancelled. What is being sent then is sent again by whoever comes next."""
        while True:
            try:
                await self.once()
            except (BackendError, CommitUnknownError) as error:
                log.warning("crm_outbox_unreadable", error=type(error).__name__)
            await asyncio.sleep(IDLE_S)

    async def once(self) -> int:
        """Send what is due; how many were taken. Raises BackendError, CommitUnknownError."""
        taken = 0
        while await self._is_due() and self._breaker.allows(self._seconds()):
            intent = await asyncio.to_thread(self._outbox.claim, self._clock(), LEASE)
            if intent is None:
                break
            taken += await self._deliver(intent)
        return taken

    async def _is_due(self) -> bool:
        """A look without a write first: most of the time nothing waits."""
        now = self._clock()
        if self._pause_until is not None and now < self._pause_until:
            return False
        at = await asyncio.to_thread(self._outbox.next_at)
        return at is not None and at <= now

    async def _deliver(self, intent: Intent) -> bool:
        try:
            async with asyncio.timeout(TELL_S):
                own_id, outside_id = await self._tell(intent)
        except (BookError, TimeoutError) as error:
            slow = BookError(Trouble.DOWN, "too_slow")
            await self._not_taken(intent, error if isinstance(error, BookError) else slow)
            return False
        self._breaker.succeeded()
        if outside_id:
            await asyncio.to_thread(self._outbox.sent, intent, own_id, outside_id, self._clock())
        else:
            await asyncio.to_thread(self._outbox.drop, intent, "merged", self._clock())
        return True

    # ---- telling -----------------------------------------------------------------------------

    async def _tell(self, intent: Intent) -> tuple[int, str]:
        """Our id and the book's; no id of the book's for what need not be told any more."""
        match intent.kind:
            case Kind.CONTACT:
                return await self._tell_contact(intent)
            case Kind.NOTE:
                note = intent.card(NoteCard)
                ref = await self._ref(intent)
                again = intent.again
                return note.own_id, await self._book.put_note(ref, note, intent.key, again=again)
            case Kind.TASK:
                return await self._tell_task(intent)

    async def _tell_contact(self, intent: Intent) -> tuple[int, str]:
        card = intent.card(Card)
        if card.own_id != intent.contact_id:
            return card.own_id, ""
        ref = await self._known(Kind.CONTACT, card.own_id)
        linked = msgspec.structs.replace(card, ref=ref)
        put = self._book.put_contact(linked, intent.key, again=intent.again)
        return card.own_id, await put

    async def _tell_task(self, intent: Intent) -> tuple[int, str]:
        task = intent.card(TaskCard)
        known = await self._known(Kind.TASK, task.own_id)
        ref = await self._ref(intent)
        put = self._book.put_task(ref, task, known, intent.key, again=intent.again)
        return task.own_id, await put

    async def _ref(self, intent: Intent) -> str:
        """What the book calls the contact; one it was never told of is told first."""
        ref = await self._known(Kind.CONTACT, intent.contact_id)
        if ref:
            return ref
        contact = await asyncio.to_thread(self._contacts.get, intent.contact_id)
        if contact is None:
            raise BookError(Trouble.REFUSED, "no_contact")
        key = f"{intent.key}-contact"
        ref = await self._book.put_contact(card_of(contact), key, again=intent.again)
        await asyncio.to_thread(self._outbox.link, Kind.CONTACT, contact.id, ref)
        return ref

    async def _known(self, kind: Kind, own_id: int) -> str:
        return await asyncio.to_thread(self._outbox.outside_id, kind, own_id)

    # ---- when it was not taken ---------------------------------------------------------------

    async def _not_taken(self, intent: Intent, error: BookError) -> None:
        facts: Mapping[str, Any] = {"kind": intent.kind.value, "tries": intent.tries}
        log.warning("crm_not_told", trouble=str(error), **facts)
        now, wait_s = self._clock(), 0.0
        if error.trouble not in (Trouble.DOWN, Trouble.GARBLED):
            self._breaker.succeeded()
        match error.trouble:
            case Trouble.REFUSED:
                await asyncio.to_thread(self._outbox.dead, intent, str(error), now)
                return
            case Trouble.GONE:
                await self._gone(intent, error, now)
                return
            case Trouble.LIMITED:
                wait_s = error.retry_after_s
                self._pause_until = time_after(now, dt.timedelta(seconds=wait_s))
            case Trouble.LOCKED:
                wait_s = LOCKED_S
                self._pause_until = time_after(now, dt.timedelta(seconds=wait_s))
            case Trouble.DOWN | Trouble.GARBLED:
                self._breaker.failed(self._seconds())
                wait_s = max(error.retry_after_s, _backoff_s(intent.tries))
        at = time_after(now, dt.timedelta(seconds=wait_s))
        await asyncio.to_thread(self._outbox.later, intent, at, str(error))

    async def _gone(self, intent: Intent, error: BookError, now: dt.datetime) -> None:
        """Somebody deleted it there: tell of it anew, with its contact."""
        if intent.tries > GONE_TRIES:
            await asyncio.to_thread(self._outbox.dead, intent, str(error), now)
            return
        await asyncio.to_thread(self._outbox.unlink, Kind.CONTACT, intent.contact_id)
        if intent.kind is Kind.TASK:
            own_id = intent.card(TaskCard).own_id
            await asyncio.to_thread(self._outbox.unlink, Kind.TASK, own_id)
        await asyncio.to_thread(self._outbox.later, intent, now, str(error))


def _backoff_s(tries: int) -> float:
    return float(min(2 ** min(tries, 10), MAX_BACKOFF_S))
