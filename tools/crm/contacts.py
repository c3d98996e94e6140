"""Who callers are: contacts by telephone number, notes about them, what they have booked."""

import datetime as dt

import msgspec
import sqlalchemy as sa

from tools.booking.tables import BOOKINGS
from tools.crm.tables import CONTACTS, NOTES
from tools.spec import ToolContext
from tools.store import Store

HISTORY = 10
"""How many bookings and how many notes a history holds at most."""


class Contact(msgspec.Struct, frozen=True):
    id: int
    number: str
    """E.164; no two contacts share one."""
    name: str
    email: str


class Note(msgspec.Struct, frozen=True):
    text: str
    created_at: dt.datetime


class Visit(msgspec.Struct, frozen=True):
    """One booking of a contact's number, past or to come."""

    service: str
    name: str
    starts_at: dt.datetime
    zone: str
    state: str


class Contacts:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, number: str) -> Contact | None:
        return self._store.read(lambda connection: _find(connection, number))

    def save(self, number: str, now: dt.datetime, **values: str) -> Contact:
        """Create the contact of this number, or change the given values of the one there is."""
        # Of two calls from one number at once, the unique number lets one insert.
        return self._store.contend(
            lambda connection: _save(connection, number, now, values), "contact"
        )

    def add_note(self, number: str, text: str, context: ToolContext) -> Note:
        """Add a note to the contact of this number; the same effect again finds the same note."""
        return self._store.contend(
            lambda connection: _add_note(connection, number, text, context), "contact"
        )

    def note_made_with(self, key: str) -> Note | None:
        return self._store.read(lambda connection: _note(connection, key))

    def notes(self, contact: Contact) -> list[Note]:
        """The newest notes first, at most `HISTORY`."""
        query = (
            sa.select(NOTES.c.text, NOTES.c.created_at)
            .where(NOTES.c.contact_id == contact.id)
            .order_by(NOTES.c.created_at.desc(), NOTES.c.id.desc())
            .limit(HISTORY)
        )
        return self._store.read(
            lambda connection: [Note(row.text, row.created_at) for row in connection.execute(query)]
        )

    def visits(self, number: str) -> list[Visit]:
        """The newest bookings first, at most `HISTORY`."""
        columns = [BOOKINGS.c[name] for name in Visit.__struct_fields__]
        query = (
            sa.select(*columns)
            .where(BOOKINGS.c.caller_number == number)
            .order_by(BOOKINGS.c.starts_at.desc())
            .limit(HISTORY)
        )
        return self._store.read(
            lambda connection: [Visit(*row) for row in connection.execute(query)]
        )


def _find(connection: sa.Connection, number: str) -> Contact | None:
    row = connection.execute(sa.select(CONTACTS).where(CONTACTS.c.number == number)).one_or_none()
    return Contact(row.id, row.number, row.name, row.email) if row else None


def _save(
    connection: sa.Connection, number: str, now: dt.datetime, values: dict[str, str]
) -> Contact:
    known = _find(connection, number)
    if known is None:
        row = {"name": "", "email": "", **values, "number": number}
        connection.execute(sa.insert(CONTACTS).values(**row, created_at=now, changed_at=now))
    elif values:
        mine = sa.update(CONTACTS).where(CONTACTS.c.id == known.id)
        connection.execute(mine.values(**values, changed_at=now))
    saved = _find(connection, number)
    assert saved is not None
    return saved


def _add_note(connection: sa.Connection, number: str, text: str, context: ToolContext) -> Note:
    again = _note(connection, context.idempotency_key)
    if again is not None:
        return again
    contact = _save(connection, number, context.now, {})
    connection.execute(
        sa.insert(NOTES).values(
            idempotency_key=context.idempotency_key,
            contact_id=contact.id,
            call_id=context.call_id,
            text=text,
            created_at=context.now,
        )
    )
    return Note(text, context.now)


def _note(connection: sa.Connection, key: str) -> Note | None:
    query = sa.select(NOTES.c.text, NOTES.c.created_at).where(NOTES.c.idempotency_key == key)
    row = connection.execute(query).one_or_none()
    return Note(row.text, row.created_at) if row else None
