"""What the database keeps of a call or a number: every such table is declared here, once."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from telephony.retention.classes import Kept
from tools.approvals import APPROVALS
from tools.booking.tables import BOOKINGS, HOLDS, WAITING
from tools.calls.tables import CALL_BACKS, MESSAGES
from tools.costbook import CALL_COSTS
from tools.crm.tables import CALLS, CHECKS, CONSENTS, DO_NOT_CALL, FOLLOW_UPS, NOTES
from tools.livecalls import LIVE_CALL_LINES, LIVE_CALLS
from tools.receipts import RECEIPTS, REQUESTS, RUNS
from tools.rollout.tables import ROLLOUT_CALLS
from tools.rollups import COUNTED

CHUNK = 400
"""So many ids stand in one statement."""


@dataclass(frozen=True)
class Rows:
    """Rows of one table that tell of callers, and how they are got rid of."""

    table: sa.Table
    kept: Kept
    call: str = "call_id"
    """The column of the call's id; empty: none."""
    numbers: tuple[str, ...] = ()
    """Columns of the numbers calls came from."""
    since: str = ""
    """The column that says from when a row is; empty: rows go with their call only."""
    blank: Mapping[str, Any] = field(default_factory=dict)
    """What their columns become; empty: they are deleted."""
    only: tuple[sa.ColumnElement[bool], ...] = ()
    """Of these rows only."""
    of_receipt: bool = False
    """They are as old as the receipt they belong to."""
    left: tuple[str, ...] = ()
    """Columns of numbers callers left, which may be somebody else's; `mentions` takes them out."""

    @property
    def name(self) -> str:
        """The table's, as receipts count it."""
        return f"{self.table.name}.blanked" if self.blank else self.table.name

    def of_calls(self, calls: Sequence[str]) -> sa.ColumnElement[bool] | None:
        """Rows of these calls; None: the table has none."""
        return self.table.c[self.call].in_(calls) if self.call else None

    def of_number(self, number: str) -> sa.ColumnElement[bool] | None:
        theirs = [self.table.c[name] == number for name in self.numbers]
        return sa.or_(*theirs) if theirs else None

    def before(
        self, moment: dt.datetime, calls: Collection[str], numbers: Collection[str]
    ) -> sa.ColumnElement[bool] | None:
        """Rows from before this moment, but for those of held calls and numbers."""
        if self.of_receipt:
            old = _RECEIPTS.before(moment, calls, numbers)
            assert old is not None
            return self.table.c.receipt_id.in_(sa.select(RECEIPTS.c.id).where(old))
        if not self.since:
            return None
        column = self.table.c[self.since]
        bound: Any = moment.date().isoformat() if isinstance(column.type, sa.Text) else moment
        held: list[sa.ColumnElement[bool]] = []
        if self.call and calls:
            held.append(self.table.c[self.call].not_in(calls))
        held += [
            sa.or_(self.table.c[name].is_(None), self.table.c[name].not_in(numbers))
            for name in (*self.numbers, *self.left)
            if numbers
        ]
        return sa.and_(column < bound, *held)

    def matching(self, wanted: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        """Those of them that tell anything still."""
        telling = [
            self.table.c[name].is_not(None) if value is None else self.table.c[name] != value
            for name, value in self.blank.items()
        ]
        return sa.and_(wanted, *self.only, *([sa.or_(*telling)] if telling else []))

    def count(self, on: sa.Connection, wanted: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(self.table).where(self.matching(wanted))
        return int(on.execute(query).scalar_one())

    def erase(self, on: sa.Connection, wanted: sa.ColumnElement[bool]) -> int:
        change = sa.update(self.table).values(**self.blank) if self.blank else sa.delete(self.table)
        return on.execute(change.where(self.matching(wanted))).rowcount


_RECEIPTS = Rows(RECEIPTS, Kept.METADATA, since="started_at")
_NOBODY = {"name": "", "name_key": "", "caller_number": None, "call_id": ""}
_ID = {"call_id": ""}
_UNTOLD = {"output": None, "unkept": None}
"""Nor is any word kept of what is learned later."""
_CALLER = ("caller_number",)
_TO_CALL = ("call_back_number",)


def rows(now: dt.datetime) -> tuple[Rows, ...]:
    """All of them, in the order in which they can go. `now`: an appointment still to come keeps
    the name it is under."""
    past = (BOOKINGS.c.starts_at < now,)
    return (
        # Words: what tools were told and answered.
        Rows(RECEIPTS, Kept.TRANSCRIPT, since="started_at", blank=_UNTOLD),
        Rows(APPROVALS, Kept.TRANSCRIPT, since="asked_at", blank={"arguments": "{}"}),
        Rows(MESSAGES, Kept.TRANSCRIPT, since="created_at", blank={"text": "", "name": ""}),
        Rows(CALL_BACKS, Kept.TRANSCRIPT, since="created_at", blank={"about": "", "name": ""}),
        Rows(LIVE_CALL_LINES, Kept.TRANSCRIPT),
        # That there was a call at all.
        Rows(RUNS, Kept.METADATA, numbers=("caller",), of_receipt=True),
        Rows(REQUESTS, Kept.METADATA, of_receipt=True),
        _RECEIPTS,
        Rows(APPROVALS, Kept.METADATA, numbers=("caller",), since="asked_at"),
        Rows(MESSAGES, Kept.METADATA, numbers=_CALLER, left=_TO_CALL, since="created_at"),
        Rows(CALL_BACKS, Kept.METADATA, numbers=_CALLER, left=("number",), since="created_at"),
        Rows(WAITING, Kept.METADATA, numbers=_CALLER, since="created_at"),
        Rows(HOLDS, Kept.METADATA, since="created_at"),
        Rows(CHECKS, Kept.METADATA, numbers=("number",), since="at"),
        Rows(CALLS, Kept.METADATA, numbers=("number",), since="started_at"),
        Rows(LIVE_CALLS, Kept.METADATA, since="updated_at"),
        Rows(CALL_COSTS, Kept.METADATA, numbers=("caller",), since="day"),
        Rows(ROLLOUT_CALLS, Kept.METADATA),
        # Of what is counted of all calls together nobody can be told apart.
        Rows(COUNTED, Kept.METADATA, since="counted_at"),
        Rows(NOTES, Kept.METADATA),
        Rows(FOLLOW_UPS, Kept.METADATA),
        Rows(CONSENTS, Kept.METADATA, blank=_ID),
        Rows(DO_NOT_CALL, Kept.METADATA, blank=_ID),
        Rows(BOOKINGS, Kept.METADATA, "call_id", _CALLER, "starts_at", _NOBODY, past),
        Rows(BOOKINGS, Kept.METADATA, blank=_ID),
    )


def without_words(on: sa.Connection, calls: Sequence[str]) -> None:
    """Of callers who have not agreed that their words are kept: which tools ran and how they ended
    stays, not what they were told and answered. What they had done, and left word of, stays."""
    for table, blank in ((RECEIPTS, _UNTOLD), (APPROVALS, {"arguments": "{}"})):
        each = Rows(table, Kept.TRANSCRIPT, blank=blank)
        for ids in chunks(calls):
            each.erase(on, table.c.call_id.in_(ids))


def calls_of(on: sa.Connection, number: str, now: dt.datetime) -> set[str]:
    """The ids of all calls any table knows to have come from this number."""
    found: set[str] = set()
    for each in rows(now):
        theirs = each.of_number(number)
        if theirs is not None and each.call:
            found.update(on.execute(sa.select(each.table.c[each.call]).where(theirs)).scalars())
    return found - {""}


def oldest(on: sa.Connection, kept: Kept, now: dt.datetime) -> dt.datetime | None:
    """When the oldest row of this class is from; None: there is none."""
    found: list[dt.datetime] = []
    for each in rows(now):
        if each.kept is kept and each.since:
            column = each.table.c[each.since]
            query = sa.select(sa.func.min(column)).where(each.matching(sa.true()))
            if (value := on.execute(query).scalar()) is not None:
                found.append(_moment(value))
    return min(found, default=None)


def _moment(value: dt.datetime | str) -> dt.datetime:
    if isinstance(value, str):
        return dt.datetime.combine(dt.date.fromisoformat(value), dt.time(), dt.UTC)
    return value


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), CHUNK):
        yield ids[first : first + CHUNK]
