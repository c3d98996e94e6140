"""The console's audit log, as old as it may be: the oldest entries go, the rest still verify."""

import datetime as dt

import sqlalchemy as sa

from telephony.console.access.tables import AUDIT, AUDIT_ENDS
from tools.store import Store


def prune(store: Store, before: dt.datetime) -> int:
    """Take out what is from before this moment; how many entries. Blocks; raises BackendError.

    Entries go from the front only, up to the first that is not as old, and the end they were
    chained to is moved with them.
    """
    return store.write(lambda on: _pruned(on, before))


def _pruned(on: sa.Connection, before: dt.datetime) -> int:
    # Whoever adds an entry locks this row first.
    last = on.execute(
        sa.select(AUDIT_ENDS.c.number).where(AUDIT_ENDS.c.end == "last").with_for_update()
    ).scalar_one()
    younger = sa.select(sa.func.min(AUDIT.c.number)).where(AUDIT.c.at >= before)
    first = on.execute(younger).scalar()
    until = last if first is None else first - 1
    newest = on.execute(sa.select(AUDIT.c.hash).where(AUDIT.c.number == until)).scalar()
    if newest is None:
        return 0
    moved = sa.update(AUDIT_ENDS).where(AUDIT_ENDS.c.end == "first")
    on.execute(moved.values(number=until, hash=newest))
    return on.execute(sa.delete(AUDIT).where(AUDIT.c.number <= until)).rowcount
