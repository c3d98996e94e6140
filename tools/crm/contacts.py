"""Who callers are: contacts by telephone number, notes about them, what they have booked."""

import datetime as dt
import secrets

import sqlalchemy as sa

from tools.booking.tables import BOOKINGS
from tools.crm.outbox import current, enqueue, key_of
from tools.crm.port import Card, Kind, NoteCard
from tools.crm.records import (
    Contact,
    History,
    Note,
    Page,
    PastCall,
    Visit,
    follow_up,
    tidy,
)
from tools.crm.tables import CALLS, CONTACTS, FOLLOW_UPS, NOTES, NUMBERS
from tools.names import name_key
from tools.phone import e164
from tools.spec import ToolContext, ToolRefusal
from tools.store import Store

HISTORY = 10
"""How many bookings and how many notes a history holds at most."""
PAGE = 50

__all__ = ["HISTORY", "Contact", "Contacts", "Note", "Visit"]


class Contacts:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, book: str = "") -> None:
        """`book`: the outside book that is to be told of every change; empty for none."""
        self._store = store
        self._book = book

    # ---- finding -----------------------------------------------------------------------------

    def find(self, number: str) -> Contact | None:
        return self._store.read(lambda connection: _find(connection, number))

    def get(self, contact_id: int) -> Contact | None:
        """The contact with this id, or the one it has been merged into."""
        return self._store.read(
            lambda connection: contact_of(connection, current(connection, contact_id))
        )

    def search(self, text: str, after: str = "", region: str = "", limit: int = PAGE) -> Page:
        """By number, e-mail address or a part of the name; empty text finds everybody."""
        return self._store.read(
            lambda connection: _search(connection, _matching(text, region), after, limit)
        )

    # ---- changing ----------------------------------------------------------------------------

    def save(
        self, number: str, now: dt.datetime, *, proven: bool = False, **values: str
    ) -> Contact:
        """Create the contact of this number, or change the given values of the one there is.

        `proven`: the e-mail address comes from somebody who is known to be who they say.
        """
        changes: dict[str, object] = {**values}
        if "email" in values:
            changes["email_proven"] = proven

        def work(connection: sa.Connection) -> Contact:
            found = _find(connection, number)
            before = _held(connection, found, to_change=True) if found else None
            saved = _save(connection, before, number, now, changes)
            if saved != before:
                self.tell(connection, saved, now)
            return saved

        # Of two calls from one number at once, the unique number lets one insert.
        return self._store.contend(work, "contact")

    def change(self, contact_id: int, now: dt.datetime, **values: str) -> Contact:
        """Staff's changes to name, e-mail or language. ToolRefusal when there is no such one."""
        changes: dict[str, object] = {**values}
        if "email" in values:
            changes["email_proven"] = True

        def work(connection: sa.Connection) -> Contact:
            before = _held(connection, known(connection, contact_id), to_change=True)
            _update(connection, before.id, now, changes)
            return self._told(connection, before, now)

        return self._store.write(work)

    def add_number(self, contact_id: int, number: str, now: dt.datetime) -> Contact:
        """Give a contact one more number. ToolRefusal when it is somebody else's."""

        def work(connection: sa.Connection) -> Contact:
            before = _held(connection, known(connection, contact_id))
            owner = _find(connection, number)
            if owner is not None and owner.id != before.id:
                raise ToolRefusal(f"That number belongs to contact {owner.id}. Merge the two.")
            if owner is None:
                _add_number(connection, before.id, number, now)
            return self._told(connection, before, now)

        return self._store.contend(work, "number")

    def remove_number(self, contact_id: int, number: str, now: dt.datetime) -> Contact:
        """Take a number away from a contact; bookings made from it stay under the number."""

        def work(connection: sa.Connection) -> Contact:
            before = _held(connection, known(connection, contact_id))
            mine = sa.and_(NUMBERS.c.number == number, NUMBERS.c.contact_id == before.id)
            connection.execute(sa.delete(NUMBERS).where(mine))
            return self._told(connection, before, now)

        return self._store.write(work)

    def keep(self, card: Card, now: dt.datetime) -> Contact:
        """Take over a person from another book, which is not told of it.

        The contact the card names by `ref`, or one with its number or e-mail, or a new one. What
        `ref` names is changed; of others only what they do not have is filled in.
        """
        return self._store.contend(lambda connection: _keep(connection, card, now), "contact")

    def tell(self, connection: sa.Connection, contact: Contact, now: dt.datetime) -> None:
        """Let the outside book know how the contact is now."""
        if self._book:
            # Changed there and back again, a contact is told of three times.
            key = secrets.token_hex(16)
            enqueue(connection, Kind.CONTACT, contact.id, card_of(contact), key, now)

    def _told(self, connection: sa.Connection, before: Contact, now: dt.datetime) -> Contact:
        after = known(connection, before.id)
        if after != before:
            self.tell(connection, after, now)
        return after

    # ---- notes -------------------------------------------------------------------------------

    def add_note(self, number: str, text: str, context: ToolContext) -> Note:
        """Add a note to the contact of this number; the same effect again finds the same note."""
        return self._store.contend(
            lambda connection: self._add_note(connection, number, text, context), "contact"
        )

    def note_made_with(self, key: str) -> Note | None:
        return self._store.read(lambda connection: _note(connection, key))

    def notes(self, contact: Contact) -> list[Note]:
        """The newest notes first, at most `HISTORY`."""
        return self._store.read(lambda connection: _notes(connection, contact.id))

    def _add_note(
        self, connection: sa.Connection, number: str, text: str, context: ToolContext
    ) -> Note:
        again = _note(connection, context.idempotency_key)
        if again is not None:
            return again
        contact = self.of_number(connection, number, context.now)
        row = {
            "idempotency_key": context.idempotency_key,
            "contact_id": contact.id,
            "call_id": context.call_id,
            "text": text,
            "created_at": context.now,
        }
        insert = sa.insert(NOTES).values(**row).returning(NOTES.c.id)
        note_id = connection.execute(insert).scalar_one()
        if self._book:
            token = key_of("note", context.idempotency_key)
            card = NoteCard(own_id=note_id, token=token, text=text, at=context.now)
            key = key_of(self._book, token)
            enqueue(connection, Kind.NOTE, contact.id, card, key, context.now)
        return Note(text, context.now, context.call_id)

    def of_number(self, connection: sa.Connection, number: str, now: dt.datetime) -> Contact:
        """The contact of this number, made if need be, in a transaction of `Store.contend`."""
        found = _find(connection, number)
        if found is not None:
            return _held(connection, found)
        made = _save(connection, None, number, now, {})
        self.tell(connection, made, now)
        return made

    # ---- what there was ----------------------------------------------------------------------

    def saw_call(self, call_id: str, number: str, now: dt.datetime) -> None:
        """A call has come from this number; once for each call."""

        def work(connection: sa.Connection) -> None:
            query = sa.select(CALLS.c.call_id).where(CALLS.c.call_id == call_id)
            if connection.execute(query).first() is None:
                row = {"call_id": call_id, "number": number, "started_at": now}
                connection.execute(sa.insert(CALLS).values(**row))

        self._store.contend(work, "call")

    def visits(self, number: str) -> list[Visit]:
        """The newest bookings of one number first, at most `HISTORY`."""
        return self._store.read(lambda connection: _visits(connection, (number,)))

    def history(self, contact: Contact, limit: int = HISTORY) -> History:
        """Bookings and calls of all their numbers, notes and follow-ups."""
        return self._store.read(lambda connection: _history(connection, contact, limit))


def card_of(contact: Contact) -> Card:
    return Card(
        own_id=contact.id,
        token=contact.token,
        name=contact.name,
        email=contact.email,
        proven=contact.email_proven,
        language=contact.language,
        numbers=contact.numbers,
    )


def known(connection: sa.Connection, contact_id: int) -> Contact:
    """The contact, or the one it was merged into; ToolRefusal when there is none."""
    found = contact_of(connection, current(connection, contact_id))
    if found is None:
        raise ToolRefusal(f"There is no contact {contact_id}.")
    return found


def contact_of(connection: sa.Connection, contact_id: int) -> Contact | None:
    row = connection.execute(sa.select(CONTACTS).where(CONTACTS.c.id == contact_id)).one_or_none()
    return _typed(connection, row) if row else None


def _find(connection: sa.Connection, number: str) -> Contact | None:
    query = sa.select(CONTACTS).join(NUMBERS, NUMBERS.c.contact_id == CONTACTS.c.id)
    row = connection.execute(query.where(NUMBERS.c.number == number)).one_or_none()
    return _typed(connection, row) if row else None


def _held(connection: sa.Connection, contact: Contact, *, to_change: bool = False) -> Contact:
    """The contact as it is now, which no merge takes away before the transaction ends; or the one
    it was put into. `to_change`: two that share a row cannot both go on to change it."""
    query = sa.select(CONTACTS.c.merged_into).where(CONTACTS.c.id == contact.id)
    into = connection.execute(query.with_for_update(read=not to_change)).scalar_one()
    now = known(connection, contact.id)
    return now if into is None else _held(connection, now, to_change=to_change)


def _typed(connection: sa.Connection, row: sa.Row[tuple[object, ...]]) -> Contact:
    mine = sa.select(NUMBERS.c.number).where(NUMBERS.c.contact_id == row.id)
    numbers = connection.execute(mine.order_by(NUMBERS.c.added_at, NUMBERS.c.number)).scalars()
    return Contact(
        id=row.id,
        numbers=tuple(numbers),
        name=row.name,
        email=row.email,
        email_proven=row.email_proven,
        language=row.language,
        token=key_of("contact", row.id, row.created_at.isoformat()),
    )


def _save(
    connection: sa.Connection,
    found: Contact | None,
    number: str,
    now: dt.datetime,
    values: dict[str, object],
) -> Contact:
    if found is None:
        contact_id = _insert(connection, now, values)
        _add_number(connection, contact_id, number, now)
    else:
        contact_id = found.id
        if found.email_proven and str(values.get("email", "")).casefold() == found.email.casefold():
            # Saying a proven address again, in whatever case, does not make it doubtful.
            email = values["email"] if values.get("email_proven") else found.email
            values = {**values, "email": email, "email_proven": True}
        _update(connection, contact_id, now, values)
    return known(connection, contact_id)


def _keep(connection: sa.Connection, card: Card, now: dt.datetime) -> Contact:
    found = _carded(connection, card)
    given = {"name": card.name, "email": card.email, "language": card.language}
    values: dict[str, object] = {name: value for name, value in given.items() if value}
    if card.email:
        values["email_proven"] = card.proven
    if found is None:
        contact_id = _insert(connection, now, values)
    else:
        found = _held(connection, found, to_change=True)
        contact_id = found.id
        ours = card.ref == str(found.id)
        _update(connection, contact_id, now, values if ours else _missing(found, card, values))
    for number in card.numbers:
        if _find(connection, number) is None:
            _add_number(connection, contact_id, number, now)
    return known(connection, contact_id)


def _carded(connection: sa.Connection, card: Card) -> Contact | None:
    if card.ref.isdecimal():
        named = contact_of(connection, current(connection, int(card.ref)))
        if named is not None:
            return named
    for number in card.numbers:
        found = _find(connection, number)
        if found is not None:
            return found
    if not card.email:
        return None
    page = _search(connection, CONTACTS.c.email_key == card.email.casefold(), "", 1)
    return next(iter(page.contacts), None)


def _missing(found: Contact, card: Card, values: dict[str, object]) -> dict[str, object]:
    """What the contact does not have; an address nobody vouches for gives way to another.

    The same address from outside proves nothing: it may be there because we told it.
    """
    missing = {name: value for name, value in values.items() if not getattr(found, name)}
    missing.pop("email_proven", None)
    other = card.email.casefold() != found.email.casefold()
    if card.email and other and (card.proven or not found.email) and not found.email_proven:
        return {**missing, "email": card.email, "email_proven": card.proven}
    return missing


def _insert(connection: sa.Connection, now: dt.datetime, values: dict[str, object]) -> int:
    blank = {"name": "", "email": "", "email_proven": False, "language": ""}
    row = {**_written({**blank, **values}), "created_at": now, "changed_at": now}
    insert = sa.insert(CONTACTS).values(**row).returning(CONTACTS.c.id)
    contact_id: int = connection.execute(insert).scalar_one()
    return contact_id


def _update(
    connection: sa.Connection, contact_id: int, now: dt.datetime, values: dict[str, object]
) -> None:
    if values:
        mine = sa.update(CONTACTS).where(CONTACTS.c.id == contact_id)
        connection.execute(mine.values(**_written(values), changed_at=now))


def _written(values: dict[str, object]) -> dict[str, object]:
    """With the folded forms that searches go by."""
    written = dict(values)
    if "name" in values:
        written["name"] = tidy(str(values["name"]))
        written["name_key"] = name_key(str(values["name"]))
    if "email" in values:
        written["email_key"] = str(values["email"]).casefold()
    return written


def _add_number(connection: sa.Connection, contact_id: int, number: str, now: dt.datetime) -> None:
    row = {"number": number, "contact_id": contact_id, "added_at": now}
    connection.execute(sa.insert(NUMBERS).values(**row))


def _matching(text: str, region: str) -> sa.ColumnElement[bool]:
    number = e164(text, region)
    if number:
        mine = sa.select(NUMBERS.c.contact_id).where(NUMBERS.c.number == number)
        return CONTACTS.c.id.in_(mine)
    if "@" in text:
        return CONTACTS.c.email_key == text.strip().casefold()
    key = name_key(text)
    # Without any words everybody is meant; what has no sound is nobody's name.
    if text.strip() and not key:
        return sa.false()
    return CONTACTS.c.name_key.contains(key, autoescape=True)


def _search(
    connection: sa.Connection, matching: sa.ColumnElement[bool], after: str, limit: int
) -> Page:
    beyond = int(after) if after.isdecimal() else 0
    query = (
        sa.select(CONTACTS)
        .where(matching, CONTACTS.c.merged_into.is_(None), CONTACTS.c.id > beyond)
        .order_by(CONTACTS.c.id)
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    found = tuple(_typed(connection, row) for row in rows[:limit])
    return Page(found, str(found[-1].id) if len(rows) > limit else "")


def _note(connection: sa.Connection, key: str) -> Note | None:
    row = connection.execute(sa.select(NOTES).where(NOTES.c.idempotency_key == key)).one_or_none()
    return Note(row.text, row.created_at, row.call_id) if row else None


def _notes(connection: sa.Connection, contact_id: int, limit: int = HISTORY) -> list[Note]:
    query = (
        sa.select(NOTES)
        .where(NOTES.c.contact_id == contact_id)
        .order_by(NOTES.c.created_at.desc(), NOTES.c.id.desc())
        .limit(limit)
    )
    return [Note(row.text, row.created_at, row.call_id) for row in connection.execute(query)]


def _visits(
    connection: sa.Connection, numbers: tuple[str, ...], limit: int = HISTORY
) -> list[Visit]:
    columns = [BOOKINGS.c[name] for name in Visit.__struct_fields__]
    query = (
        sa.select(*columns)
        .where(BOOKINGS.c.caller_number.in_(numbers))
        .order_by(BOOKINGS.c.starts_at.desc())
        .limit(limit)
    )
    return [Visit(*row) for row in connection.execute(query)]


def _history(connection: sa.Connection, contact: Contact, limit: int) -> History:
    tasks = (
        sa.select(FOLLOW_UPS)
        .where(FOLLOW_UPS.c.contact_id == contact.id)
        .order_by(FOLLOW_UPS.c.id.desc())
        .limit(limit)
    )
    calls = (
        sa.select(CALLS)
        .where(CALLS.c.number.in_(contact.numbers))
        .order_by(CALLS.c.started_at.desc())
        .limit(limit)
    )
    return History(
        visits=tuple(_visits(connection, contact.numbers, limit)),
        notes=tuple(_notes(connection, contact.id, limit)),
        follow_ups=tuple(follow_up(row) for row in connection.execute(tasks)),
        calls=tuple(
            PastCall(row.call_id, row.number, row.started_at) for row in connection.execute(calls)
        ),
    )
