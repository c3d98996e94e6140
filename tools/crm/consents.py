"""What people agreed to and took back, and which numbers must not be called or written to."""

import datetime as dt

import msgspec
import sqlalchemy as sa

from tools.crm.contacts import Contacts
from tools.crm.outbox import key_of
from tools.crm.records import Consent, ConsentTo, Contact
from tools.crm.tables import CONSENTS, DO_NOT_CALL, NUMBERS
from tools.spec import ToolContext, ToolRefusal
from tools.store import Store

BY_CALL = "call"
BY_STAFF = "staff"
BY_MERGE = "merge"

ASKED_NOT_TO = "I can't arrange that: we were asked not to call or message that number."

NOT_AGREED = "I can't send that: there is no consent to such messages."


class Closed(msgspec.Struct, frozen=True):
    """One time a number was closed to calls, or opened again."""

    number: str
    closed: bool
    how: str
    call_id: str
    at: dt.datetime


class Consents:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, contacts: Contacts) -> None:
        self._store = store
        self._contacts = contacts

    # ---- consent -----------------------------------------------------------------------------

    def set(
        self,
        number: str,
        kind: ConsentTo,
        context: ToolContext,
        *,
        agreed: bool,
        how: str = BY_CALL,
    ) -> Consent:
        """Note what the contact of this number agrees to; the same effect again adds nothing."""

        def work(connection: sa.Connection) -> Consent:
            again = _made_with(connection, context.idempotency_key)
            if again is not None:
                return again
            contact = self._contacts.of_number(connection, number, context.now)
            given = Consent(kind, agreed, how, context.now)
            _add(connection, contact.id, given, context.idempotency_key, context.call_id)
            return given

        return self._store.contend(work, "contact")

    def made_with(self, key: str) -> Consent | None:
        return self._store.read(lambda connection: _made_with(connection, key))

    def now(self, contact: Contact) -> dict[ConsentTo, Consent]:
        """What holds; a kind nobody was asked about is missing."""
        return self._store.read(lambda connection: latest(connection, contact.id))

    def log(self, contact: Contact) -> list[Consent]:
        """Everything that was ever said, the oldest first."""
        query = sa.select(CONSENTS).where(CONSENTS.c.contact_id == contact.id)
        return self._store.read(
            lambda c: [_consent(row) for row in c.execute(query.order_by(CONSENTS.c.id))]
        )

    def agreed(self, number: str, kind: ConsentTo) -> bool | None:
        """Whether the contact of this number agreed; None when nobody has asked."""
        contact = self._contacts.find(number)
        found = self.now(contact).get(kind) if contact else None
        return found.agreed if found else None

    # ---- do not call -------------------------------------------------------------------------

    def close(
        self, number: str, context: ToolContext, *, closed: bool = True, how: str = BY_CALL
    ) -> None:
        """Close a number to calls and messages, or open it; with it all of the same contact."""

        def work(connection: sa.Connection) -> None:
            wish = Closed(number, closed, how, context.call_id, context.now)
            close_numbers(connection, same_person(connection, number), wish)

        self._store.write(work)

    def is_closed(self, number: str) -> bool:
        return self._store.read(lambda connection: closed_one(connection, (number,)))

    def closings(self, number: str) -> list[Closed]:
        """Each time the number was closed or opened, the oldest first."""
        query = sa.select(DO_NOT_CALL).where(DO_NOT_CALL.c.number == number)
        return self._store.read(
            lambda c: [
                Closed(row.number, row.closed, row.how, row.call_id, row.at)
                for row in c.execute(query.order_by(DO_NOT_CALL.c.id))
            ]
        )

    def refuse_message(self, number: str, kind: ConsentTo = ConsentTo.MESSAGES) -> None:
        """For whoever is about to write to a number: ToolRefusal when it is closed, or the
        person took back their consent; for marketing also when they never gave it."""
        self.refuse_closed(number)
        agreed = self.agreed(number, kind)
        if agreed is False or (kind is ConsentTo.MARKETING and agreed is None):
            raise ToolRefusal(NOT_AGREED)

    def refuse_closed(self, number: str) -> None:
        """For whoever is about to call or write to a number: ToolRefusal when it is closed.

        Also when the person has another number that is closed. `number` is E.164.
        """
        closed = self._store.read(
            lambda connection: closed_one(connection, same_person(connection, number))
        )
        if closed:
            raise ToolRefusal(ASKED_NOT_TO)


def same_person(connection: sa.Connection, number: str) -> tuple[str, ...]:
    """This number and every other of the same contact."""
    owner = sa.select(NUMBERS.c.contact_id).where(NUMBERS.c.number == number).scalar_subquery()
    query = sa.select(NUMBERS.c.number).where(NUMBERS.c.contact_id == owner)
    return tuple(sorted({number, *connection.execute(query).scalars()}))


def closed_one(connection: sa.Connection, numbers: tuple[str, ...]) -> bool:
    """Whether what was said last of any of these numbers is that it is closed."""
    last = (
        sa.select(sa.func.max(DO_NOT_CALL.c.id))
        .where(DO_NOT_CALL.c.number.in_(numbers))
        .group_by(DO_NOT_CALL.c.number)
    )
    query = sa.select(DO_NOT_CALL.c.id).where(DO_NOT_CALL.c.id.in_(last), DO_NOT_CALL.c.closed)
    return connection.execute(query.limit(1)).first() is not None


def close_numbers(
    connection: sa.Connection, numbers: tuple[str, ...], wish: Closed
) -> tuple[str, ...]:
    """Note it for those it is not so for already: which they are."""
    changed = tuple(each for each in numbers if closed_one(connection, (each,)) != wish.closed)
    for number in changed:
        row = {**msgspec.structs.asdict(wish), "number": number}
        connection.execute(sa.insert(DO_NOT_CALL).values(**row))
    return changed


def latest(connection: sa.Connection, contact_id: int) -> dict[ConsentTo, Consent]:
    """By kind, what was said last."""
    query = sa.select(CONSENTS).where(CONSENTS.c.contact_id == contact_id)
    rows = connection.execute(query.order_by(CONSENTS.c.at, CONSENTS.c.id))
    return {ConsentTo(row.kind): _consent(row) for row in rows}


def stricter(
    connection: sa.Connection,
    contact_id: int,
    before: tuple[dict[ConsentTo, Consent], ...],
    now: dt.datetime,
    key: str,
) -> None:
    """Of two contacts that became this one: what either of them took back stays taken back."""
    for kind, held in latest(connection, contact_id).items():
        refused = any(kind in each and not each[kind].agreed for each in before)
        if held.agreed and refused:
            merged = Consent(kind, agreed=False, how=BY_MERGE, at=now)
            _add(connection, contact_id, merged, key_of(key, kind.value), "")


def _add(
    connection: sa.Connection, contact_id: int, given: Consent, key: str, call_id: str
) -> None:
    row = {
        "idempotency_key": key,
        "contact_id": contact_id,
        "kind": given.kind.value,
        "agreed": given.agreed,
        "how": given.how,
        "call_id": call_id,
        "at": given.at,
    }
    connection.execute(sa.insert(CONSENTS).values(**row))


def _made_with(connection: sa.Connection, key: str) -> Consent | None:
    query = sa.select(CONSENTS).where(CONSENTS.c.idempotency_key == key)
    row = connection.execute(query).one_or_none()
    return _consent(row) if row else None


def _consent(row: sa.Row[tuple[object, ...]]) -> Consent:
    return Consent(ConsentTo(row.kind), row.agreed, row.how, row.at)
