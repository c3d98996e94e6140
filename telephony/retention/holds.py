"""What may not be deleted, because somebody has to be able to look at it: legal holds."""

import datetime as dt
from collections.abc import Callable, Mapping

import msgspec
import sqlalchemy as sa

from tools.crm.tables import CALLS
from tools.phone import e164
from tools.retained import LEGAL_HOLDS
from tools.store import Store

MOST = 1_000
"""So many are listed."""


class BadHold(Exception):  # noqa: N818 - an answer, not an error
    """No hold can be placed so, or there is none to release; a sentence for people."""


class Hold(msgspec.Struct, frozen=True):
    """One legal hold. `subject` is the call's id or the number; empty once it is released."""

    id: int
    kind: str
    subject: str
    reason: str
    placed_by: str
    placed_at: dt.datetime
    released_by: str | None = None
    released_at: dt.datetime | None = None


class Held(msgspec.Struct, frozen=True):
    """Everything that is held now, each with the ids of its holds."""

    calls: Mapping[str, frozenset[int]] = {}
    numbers: Mapping[str, frozenset[int]] = {}

    def by(self, call_id: str, number: str | None) -> frozenset[int]:
        """The holds that keep this call, which came from this number; empty: it is free."""
        return self.calls.get(call_id, frozenset()) | self.numbers.get(number or "", frozenset())


class Holds:
    """Every method blocks; BackendError when the database cannot be asked."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def place(self, kind: str, subject: str, reason: str, by: str) -> Hold:
        """`kind` is `call` or `number`. Raises BadHold."""
        if kind not in ("call", "number"):
            raise BadHold("A hold is on a call or on a number.")
        wanted = subject.strip() if kind == "call" else e164(subject)
        if not wanted:
            raise BadHold(f"{subject!r} is no {kind}: numbers are written like +12125550123.")
        if not reason.strip():
            raise BadHold("Say why: a hold without a reason cannot be released by anybody else.")
        hold = Hold(0, kind, wanted, reason.strip(), by, self._clock())
        values = {key: getattr(hold, key) for key in Hold.__struct_fields__ if key != "id"}
        insert = sa.insert(LEGAL_HOLDS).values(**values).returning(LEGAL_HOLDS.c.id)
        placed = self._store.write(lambda on: int(on.execute(insert).scalar_one()))
        return msgspec.structs.replace(hold, id=placed)

    def release(self, hold_id: int, by: str) -> Hold:
        """It does not hold any more; whom it was about is forgotten. Raises BadHold."""
        mine = (LEGAL_HOLDS.c.id == hold_id, LEGAL_HOLDS.c.released_at.is_(None))
        change = sa.update(LEGAL_HOLDS).where(*mine)
        values = {"released_by": by, "released_at": self._clock(), "subject": ""}
        if not self._store.write(lambda on: on.execute(change.values(**values)).rowcount):
            raise BadHold(f"There is no hold {hold_id}, or it was released before.")
        return next(hold for hold in self._read(LEGAL_HOLDS.c.id == hold_id))

    def all(self) -> list[Hold]:
        """The newest first, released ones, too."""
        return self._read(sa.true())

    def held(self) -> Held:
        """What is held now, with all calls of the numbers that are."""
        return self._store.read(held_now)

    def _read(self, *where: sa.ColumnElement[bool]) -> list[Hold]:
        query = sa.select(LEGAL_HOLDS).where(*where).order_by(LEGAL_HOLDS.c.id.desc()).limit(MOST)
        rows = self._store.read(lambda on: on.execute(query).all())
        return [Hold(*row) for row in rows]


def held_now(on: sa.Connection) -> Held:
    """In a transaction of the caller's."""
    query = sa.select(LEGAL_HOLDS.c.kind, LEGAL_HOLDS.c.subject, LEGAL_HOLDS.c.id)
    held: dict[str, dict[str, frozenset[int]]] = {"call": {}, "number": {}}
    for kind, subject, hold in on.execute(query.where(LEGAL_HOLDS.c.released_at.is_(None))):
        held[kind][subject] = held[kind].get(subject, frozenset()) | {hold}
    calls, numbers = held["call"], held["number"]
    theirs = sa.select(CALLS.c.call_id, CALLS.c.number).where(CALLS.c.number.in_(list(numbers)))
    for call_id, number in on.execute(theirs):
        calls[call_id] = calls.get(call_id, frozenset()) | numbers[number]
    return Held(calls, numbers)
