"""Two contacts that are one person: made one, and taken apart again when that was wrong."""

import datetime as dt

import msgspec
import sqlalchemy as sa

from tools.crm.consents import (
    BY_MERGE,
    Closed,
    close_numbers,
    closed_one,
    latest,
    stricter,
)
from tools.crm.contacts import Contacts, contact_of, known
from tools.crm.outbox import PENDING, SENT, key_of
from tools.crm.port import Kind
from tools.crm.records import Contact
from tools.crm.tables import (
    CONSENTS,
    CONTACTS,
    FOLLOW_UPS,
    MERGES,
    NOTES,
    NUMBERS,
    OUTBOX,
)
from tools.names import name_key
from tools.spec import ToolRefusal
from tools.store import Store

_BELONGING = {"notes": NOTES, "follow_ups": FOLLOW_UPS, "consents": CONSENTS}


class Moved(msgspec.Struct, frozen=True):
    """What a merge changed: enough to take it back."""

    numbers: tuple[str, ...]
    rows: dict[str, tuple[int, ...]]
    """Ids by table."""
    forwards: tuple[int, ...]
    """Contacts that had been merged into the one that goes."""
    filled: dict[str, tuple[str, str]]
    """What the contact that stays took over: its value before and after."""
    proven: bool = False
    """Whether its e-mail address was proven before."""
    closed: tuple[str, ...] = ()
    """Numbers that became closed to calls."""


class Merge(msgspec.Struct, frozen=True):
    id: int
    kept: Contact
    merged_id: int


class Merging:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, contacts: Contacts) -> None:
        self._store = store
        self._contacts = contacts

    def merge(self, kept_id: int, merged_id: int, by: str, now: dt.datetime) -> Merge:
        """Everything of the second goes to the first, and its id leads there from now on.

        ToolRefusal when one of them does not exist or both are one already.
        """
        return self._store.contend(lambda c: self._merge(c, kept_id, merged_id, by, now), "merge")

    def undo(self, merge_id: int, now: dt.datetime) -> tuple[Contact, Contact]:
        """Take a merge back: what had moved and is still there goes back. What came after it
        stays where it is, and so do closed numbers. Gives the two contacts.

        ToolRefusal when there is no such merge, or it cannot be taken back any more.
        """
        return self._store.write(lambda connection: self._undo(connection, merge_id, now))

    def _merge(
        self, connection: sa.Connection, kept_id: int, merged_id: int, by: str, now: dt.datetime
    ) -> Merge:
        kept, gone = known(connection, kept_id), known(connection, merged_id)
        if kept.id == gone.id:
            raise ToolRefusal(f"Contacts {kept_id} and {merged_id} are one already.")
        _lock(connection, kept.id, gone.id)
        # What was written while it waited is known only now.
        kept, gone = known(connection, kept.id), known(connection, gone.id)
        before = latest(connection, kept.id), latest(connection, gone.id)
        moved = _move(connection, kept, gone, now)
        merge_id = _record(connection, kept, gone, moved, by, now)
        stricter(connection, kept.id, before, now, f"merge {merge_id}")
        _forget_unsent(connection, gone.id, now)
        after = known(connection, kept.id)
        self._contacts.tell(connection, after, now)
        return Merge(merge_id, after, gone.id)

    def _undo(
        self, connection: sa.Connection, merge_id: int, now: dt.datetime
    ) -> tuple[Contact, Contact]:
        query = sa.select(MERGES).where(MERGES.c.id == merge_id, MERGES.c.undone_at.is_(None))
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise ToolRefusal(f"There is no merge {merge_id} that can be taken back.")
        if known(connection, row.merged_id).id != row.kept_id:
            raise ToolRefusal(f"Contact {row.kept_id} was merged again: take that back first.")
        moved = msgspec.json.decode(row.moved, type=Moved)
        _move_back(connection, row.kept_id, row.merged_id, moved, now)
        _drop_merged_consents(connection, merge_id)
        mine = sa.update(MERGES).where(MERGES.c.id == merge_id)
        connection.execute(mine.values(undone_at=now))
        kept, restored = known(connection, row.kept_id), known(connection, row.merged_id)
        for each in (kept, restored):
            self._contacts.tell(connection, each, now)
        return kept, restored


def _lock(connection: sa.Connection, *contact_ids: int) -> None:
    """Two merges at once wait for each other, in the same order."""
    query = sa.select(CONTACTS.c.id).where(CONTACTS.c.id.in_(contact_ids)).order_by(CONTACTS.c.id)
    rows = connection.execute(query.where(CONTACTS.c.merged_into.is_(None)).with_for_update()).all()
    if len(rows) != len(contact_ids):
        raise ToolRefusal("One of these contacts has just been merged. Look again.")


def _move(connection: sa.Connection, kept: Contact, gone: Contact, now: dt.datetime) -> Moved:
    rows: dict[str, tuple[int, ...]] = {}
    for name, table in _BELONGING.items():
        mine = sa.select(table.c.id).where(table.c.contact_id == gone.id)
        rows[name] = tuple(connection.execute(mine).scalars())
        _hand_over(connection, table, table.c.contact_id == gone.id, kept.id)
    forwards = sa.select(CONTACTS.c.id).where(CONTACTS.c.merged_into == gone.id)
    forwarded = tuple(connection.execute(forwards).scalars())
    _hand_over(connection, NUMBERS, NUMBERS.c.contact_id == gone.id, kept.id)
    into = sa.update(CONTACTS).where(sa.or_(CONTACTS.c.id == gone.id, CONTACTS.c.id.in_(forwarded)))
    connection.execute(into.values(merged_into=kept.id))
    filled = _fill(connection, kept, gone, now)
    return Moved(
        gone.numbers,
        rows,
        forwarded,
        filled,
        kept.email_proven,
        _close(connection, kept, gone, now),
    )


def _hand_over(
    connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool], to: int
) -> None:
    connection.execute(sa.update(table).where(which).values(contact_id=to))


def _fill(
    connection: sa.Connection, kept: Contact, gone: Contact, now: dt.datetime
) -> dict[str, tuple[str, str]]:
    """What the one that stays does not know, the other does; of two addresses a proven one is
    better known."""
    filled = {
        field: (getattr(kept, field), getattr(gone, field))
        for field in ("name", "email", "language")
        if not getattr(kept, field) and getattr(gone, field)
    }
    if gone.email and gone.email_proven and not kept.email_proven:
        filled["email"] = (kept.email, gone.email)
    if filled:
        proven = gone.email_proven if "email" in filled else kept.email_proven
        _write(connection, kept.id, {field: after for field, (_, after) in filled.items()}, now)
        mine = sa.update(CONTACTS).where(CONTACTS.c.id == kept.id)
        connection.execute(mine.values(email_proven=proven))
    return filled


def _write(
    connection: sa.Connection, contact_id: int, values: dict[str, str], now: dt.datetime
) -> None:
    written = dict(values)
    if "name" in values:
        written["name_key"] = name_key(values["name"])
    if "email" in values:
        written["email_key"] = values["email"].casefold()
    mine = sa.update(CONTACTS).where(CONTACTS.c.id == contact_id)
    connection.execute(mine.values(**written, changed_at=now))


def _close(
    connection: sa.Connection, kept: Contact, gone: Contact, now: dt.datetime
) -> tuple[str, ...]:
    """One person: a number of either that is closed closes all."""
    numbers = (*kept.numbers, *gone.numbers)
    if not numbers or not closed_one(connection, numbers):
        return ()
    return close_numbers(connection, numbers, Closed("", True, BY_MERGE, "", now))


def _record(
    connection: sa.Connection,
    kept: Contact,
    gone: Contact,
    moved: Moved,
    by: str,
    now: dt.datetime,
) -> int:
    row = {
        "kept_id": kept.id,
        "merged_id": gone.id,
        "moved": msgspec.json.encode(moved).decode(),
        "by": by,
        "at": now,
    }
    insert = sa.insert(MERGES).values(**row).returning(MERGES.c.id)
    merge_id: int = connection.execute(insert).scalar_one()
    return merge_id


def _forget_unsent(connection: sa.Connection, gone_id: int, now: dt.datetime) -> None:
    """What was still to be told of the one that goes would undo the merge outside."""
    mine = sa.and_(
        OUTBOX.c.contact_id == gone_id,
        OUTBOX.c.kind == Kind.CONTACT.value,
        OUTBOX.c.state == PENDING,
    )
    change = sa.update(OUTBOX).where(mine).values(state=SENT, trouble=BY_MERGE, ended_at=now)
    connection.execute(change)


def _move_back(
    connection: sa.Connection, kept_id: int, gone_id: int, moved: Moved, now: dt.datetime
) -> None:
    for name, table in _BELONGING.items():
        which = sa.and_(table.c.id.in_(moved.rows.get(name, ())), table.c.contact_id == kept_id)
        _hand_over(connection, table, which, gone_id)
    mine = sa.and_(NUMBERS.c.number.in_(moved.numbers), NUMBERS.c.contact_id == kept_id)
    _hand_over(connection, NUMBERS, mine, gone_id)
    back = sa.update(CONTACTS).where(CONTACTS.c.id.in_(moved.forwards))
    connection.execute(back.values(merged_into=gone_id))
    out = sa.update(CONTACTS).where(CONTACTS.c.id == gone_id)
    connection.execute(out.values(merged_into=None))
    _unfill(connection, kept_id, moved, now)


def _unfill(connection: sa.Connection, kept_id: int, moved: Moved, now: dt.datetime) -> None:
    kept = contact_of(connection, kept_id)
    unchanged = {
        field: before
        for field, (before, after) in moved.filled.items()
        if getattr(kept, field) == after
    }
    if unchanged:
        _write(connection, kept_id, unchanged, now)
    if "email" in unchanged:
        mine = sa.update(CONTACTS).where(CONTACTS.c.id == kept_id)
        connection.execute(mine.values(email_proven=moved.proven))


def _drop_merged_consents(connection: sa.Connection, merge_id: int) -> None:
    made = [key_of(f"merge {merge_id}", kind) for kind in ("recording", "messages", "marketing")]
    connection.execute(sa.delete(CONSENTS).where(CONSENTS.c.idempotency_key.in_(made)))
