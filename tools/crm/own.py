"""Our own book of contacts behind the same port as the books of others."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from tools.crm.contacts import Contacts, card_of
from tools.crm.port import BookError, By, Card, Cards, NoteCard, TaskCard, Trouble
from tools.crm.tables import FOLLOW_UPS, NOTES
from tools.spec import BackendError
from tools.store import CommitUnknownError, Store

NAME = "own"
T = TypeVar("T")


class OwnBook:
    """See `tools.crm.port.Book`. Notes and tasks are kept under their token, once."""

    def __init__(self, store: Store, contacts: Contacts, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._contacts = contacts
        self._clock = clock

    @property
    def name(self) -> str:
        return NAME

    async def find(self, by: By, value: str) -> Card | None:
        if by is By.EMAIL:
            page = await _asked(lambda: self._contacts.search(value, limit=1))
            found = next(iter(page.contacts), None)
        else:
            found = await _asked(lambda: self._contacts.find(value))
        return _named(card_of(found)) if found else None

    async def search(self, text: str, after: str = "") -> Cards:
        page = await _asked(lambda: self._contacts.search(text, after))
        return Cards(tuple(_named(card_of(each)) for each in page.contacts), page.after)

    async def put_contact(self, card: Card, key: str, *, again: bool = False) -> str:
        kept = await _asked(lambda: self._contacts.keep(card, self._clock()))
        return str(kept.id)

    async def put_note(self, ref: str, note: NoteCard, key: str, *, again: bool = False) -> str:
        row = {"call_id": "", "text": note.text, "created_at": note.at}
        return await _asked(lambda: self._put(NOTES, ref, note.token, row))

    async def put_task(
        self, ref: str, task: TaskCard, known: str, key: str, *, again: bool = False
    ) -> str:
        row = {
            "call_id": "",
            "text": task.text,
            "due_on": task.due.isoformat() if task.due else None,
            "state": task.state.value,
            "created_at": task.at,
            "changed_at": self._clock(),
            "changed_by": NAME,
        }
        return await _asked(lambda: self._put(FOLLOW_UPS, ref, task.token, row, known))

    def _put(
        self, table: sa.Table, ref: str, token: str, row: Mapping[str, object], known: str = ""
    ) -> str:
        contact = self._contacts.get(int(ref)) if ref.isdecimal() else None
        if contact is None:
            raise BookError(Trouble.GONE, "no_contact")
        mine = table.c.id == int(known) if known.isdecimal() else table.c.idempotency_key == token

        def work(connection: sa.Connection) -> str:
            found = connection.execute(sa.select(table.c.id).where(mine)).scalar_one_or_none()
            if found is None:
                whole = {**row, "idempotency_key": token, "contact_id": contact.id}
                insert = sa.insert(table).values(**whole).returning(table.c.id)
                return str(connection.execute(insert).scalar_one())
            if known:
                connection.execute(sa.update(table).where(mine).values(**row))
            return str(found)

        return self._store.contend(work, table.name)


def _named(card: Card) -> Card:
    return msgspec.structs.replace(card, ref=str(card.own_id))


async def _asked(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except (BackendError, CommitUnknownError) as error:
        raise BookError(Trouble.DOWN, type(error).__name__) from None
