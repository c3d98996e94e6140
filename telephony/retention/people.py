"""Who a number belongs to in the book of contacts: counted, read and taken out."""

from typing import Any

import sqlalchemy as sa

from tools.crm.tables import (
    CONSENTS,
    CONTACTS,
    DO_NOT_CALL,
    FOLLOW_UPS,
    MERGES,
    NOTES,
    NUMBERS,
    OUTBOX,
    OUTSIDE_IDS,
)

OF_CONTACT = (NUMBERS, NOTES, FOLLOW_UPS, CONSENTS, OUTBOX)
"""Tables whose rows belong to one contact."""


def ids(on: sa.Connection, number: str) -> list[int]:
    """The contact with this number, and those that were merged into it."""
    mine = sa.select(NUMBERS.c.contact_id).where(NUMBERS.c.number == number)
    found = list(on.execute(mine).scalars())
    merged = sa.select(CONTACTS.c.id).where(CONTACTS.c.merged_into.in_(found))
    return [*found, *on.execute(merged).scalars()]


def count(on: sa.Connection, number: str) -> int:
    return len(ids(on, number))


def around(on: sa.Connection, number: str) -> tuple[set[str], set[str]]:
    """All numbers of the contact with this one, and the calls in which something of it was told."""
    found = ids(on, number)
    numbers = sa.select(NUMBERS.c.number).where(NUMBERS.c.contact_id.in_(found))
    calls: set[str] = set()
    for table in (NOTES, FOLLOW_UPS, CONSENTS):
        mine = sa.select(table.c.call_id).where(table.c.contact_id.in_(found))
        calls.update(on.execute(mine).scalars())
    return set(on.execute(numbers).scalars()), calls - {""}


def erase(on: sa.Connection, number: str) -> None:
    """The contact with everything under it, other numbers of theirs, too.

    That a number must not be called stays: it is what the person asked for.
    """
    found = ids(on, number)
    if not found:
        return
    of_merge = sa.or_(MERGES.c.kept_id.in_(found), MERGES.c.merged_id.in_(found))
    on.execute(sa.delete(MERGES).where(of_merge))
    for table in OF_CONTACT:
        on.execute(sa.delete(table).where(table.c.contact_id.in_(found)))
    own = (OUTSIDE_IDS.c.kind == "contact", OUTSIDE_IDS.c.own_id.in_(found))
    on.execute(sa.delete(OUTSIDE_IDS).where(*own))
    merged = CONTACTS.c.merged_into.in_(found)
    on.execute(sa.delete(CONTACTS).where(merged))
    on.execute(sa.delete(CONTACTS).where(CONTACTS.c.id.in_(found)))


def read(on: sa.Connection, number: str) -> dict[str, list[dict[str, Any]]]:
    """Everything the book has under the number, by table."""
    found = ids(on, number)
    told = {"contacts": _rows(on, CONTACTS, CONTACTS.c.id.in_(found))}
    for table in OF_CONTACT:
        told[table.name] = _rows(on, table, table.c.contact_id.in_(found))
    told[DO_NOT_CALL.name] = _rows(on, DO_NOT_CALL, DO_NOT_CALL.c.number == number)
    return told


def _rows(
    on: sa.Connection, table: sa.Table, wanted: sa.ColumnElement[bool]
) -> list[dict[str, Any]]:
    return [dict(row) for row in on.execute(sa.select(table).where(wanted)).mappings()]
