"""A row for a call in every table there is one for."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from telephony.retention.rows import rows
from tests.retention.conftest import CALLER, NOW, WORDS
from tools.booking.tables import BOOKINGS
from tools.crm.tables import CONTACTS, NUMBERS
from tools.schema import METADATA, Instant
from tools.store import Store
from tools.versions.tables import VERSIONS


def fill(store: Store, call_id: str = "CA1", number: str = CALLER, at: dt.datetime = NOW) -> None:
    """The call's rows; two bookings, one past and one to come, and the caller's contact."""
    tables = {each.table for each in rows(NOW)} | {CONTACTS, NUMBERS}
    # Its rows need a roll-out between two versions of the configuration.
    tables -= {METADATA.tables["rollout_calls"]}
    assert VERSIONS.metadata is METADATA
    known: dict[str, Any] = {
        "call_id": call_id,
        **dict.fromkeys(("caller", "number", "caller_number", "call_back_number"), number),
        **dict.fromkeys(("output", "text", "about", "arguments", "name", "name_key"), WORDS),
        "day": at.date().isoformat(),
        "merged_into": None,
        "starts_at": at - dt.timedelta(days=1),
    }

    def work(on: sa.Connection) -> None:
        ids: dict[str, Any] = {}
        for table in METADATA.sorted_tables:
            if table in tables:
                values = _values(table, {**known, **ids}, at)
                key = on.execute(sa.insert(table).values(**values)).inserted_primary_key
                ids |= {f"{table.name[:-1]}_id": key[0] if key else None}
                if table is BOOKINGS:
                    again = {"starts_at": at + dt.timedelta(days=400)}
                    other = {"id": f"later {call_id}", "idempotency_key": f"later {call_id}"}
                    on.execute(sa.insert(table).values(**{**values, **again, **other}))

    store.write(work)


def _values(table: sa.Table, known: dict[str, Any], at: dt.datetime) -> dict[str, Any]:
    """What is known by its name, and something for every other column that must not be empty."""
    found: dict[str, Any] = {}
    for column in table.c:
        text = isinstance(column.type, sa.Text)
        counted = (
            column.primary_key
            and isinstance(column.type, sa.Integer)
            and len(table.primary_key) == 1
        )
        if counted and column.name != "receipt_id":
            continue
        if column.name in known and (text or column.name.endswith(("_id", "_at"))):
            found[column.name] = known[column.name]
        elif not column.nullable:
            made = {sa.Boolean: False, Instant: at, sa.Text: f"{table.name} of {known['call_id']}"}
            found[column.name] = made.get(type(column.type), 1)
    return found
