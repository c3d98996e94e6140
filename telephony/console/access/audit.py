"""What was done in the console, by whom: entries are only added, each chained to the last."""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from telephony.console.access.roles import Who
from telephony.console.access.tables import AUDIT, AUDIT_ENDS
from tools.store import Store

LONGEST_FACTS = 2_000
_LONGEST_OBJECT = 300
_BATCH = 1_000

Facts = Mapping[str, object]


class Entry(msgspec.Struct, frozen=True):
    number: int
    at: dt.datetime
    who_id: str
    who: str
    role: str
    action: str
    object: str
    before: str
    """JSON, or empty."""
    after: str
    ip: str
    hash: str


class Broken(msgspec.Struct, frozen=True):
    """The log is not what was written."""

    number: int
    """The first entry that is wrong, or is missing."""
    what: str


class Audit:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def record(
        self,
        who: Who,
        action: str,
        object: str,  # noqa: A002, what the field is called everywhere
        before: Facts | None = None,
        after: Facts | None = None,
        ip: str = "",
    ) -> None:
        """Add an entry: `action` is a word or two with a dot ("call.read"), `object` what it was
        done to ("call CA12"), `before` and `after` plain facts, never callers' words or secrets.

        More than LONGEST_FACTS bytes of facts are kept as their digest. `ip` is that of `who` if
        not given.
        """
        facts = _facts(before), _facts(after)
        self._store.write(lambda at: self._append(at, who, action, object, facts, ip or who.ip))

    def _append(
        self,
        connection: sa.Connection,
        who: Who,
        action: str,
        named: str,
        facts: tuple[str, str],
        ip: str,
    ) -> None:
        # Locks the row, and with it the end of the chain, until this is committed.
        step = sa.update(AUDIT_ENDS).where(AUDIT_ENDS.c.end == "last")
        connection.execute(step.values(number=AUDIT_ENDS.c.number + 1))
        last = connection.execute(sa.select(AUDIT_ENDS).where(AUDIT_ENDS.c.end == "last")).one()
        entry = Entry(
            number=last.number,
            at=self._clock().astimezone(dt.UTC),
            who_id=who.id,
            who=who.name,
            role=who.role.value if who.id else "",
            action=action,
            object=named[:_LONGEST_OBJECT],
            before=facts[0],
            after=facts[1],
            ip=ip,
            hash="",
        )
        entry = msgspec.structs.replace(entry, hash=chained(entry, last.hash))
        connection.execute(sa.insert(AUDIT).values(msgspec.structs.asdict(entry)))
        connection.execute(step.values(hash=entry.hash))

    def entries(
        self, limit: int, *, before: int | None = None, containing: str = ""
    ) -> list[Entry]:
        """Newest first, those with a smaller number than `before`; with these words, if any."""
        query = sa.select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(AUDIT.c.number < before)
        if containing:
            columns = AUDIT.c.who, AUDIT.c.action, AUDIT.c.object, AUDIT.c.ip
            said = [column.icontains(containing, autoescape=True) for column in columns]
            query = query.where(sa.or_(*said))
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [Entry(*row) for row in rows]

    def verify(self) -> Broken | None:
        """The first thing that was changed, taken out or put in; None when all is as written."""
        ends = self._store.read(
            lambda connection: {
                row.end: (row.number, row.hash) for row in connection.execute(sa.select(AUDIT_ENDS))
            }
        )
        number, hash_ = ends["first"]
        while batch := self._after(number, ends["last"][0]):
            for entry in batch:
                number += 1
                if entry.number != number:
                    return Broken(number, "is missing")
                hash_ = chained(entry, hash_)
                if entry.hash != hash_:
                    return Broken(number, "is not what was written")
        if number != ends["last"][0]:
            return Broken(number + 1, "is missing")
        if hash_ != ends["last"][1]:
            return Broken(number, "is not the last that was written")
        return None

    def _after(self, number: int, last: int) -> Sequence[Entry]:
        # What is added meanwhile belongs to the next time.
        query = (
            sa.select(AUDIT)
            .where(AUDIT.c.number > number, AUDIT.c.number <= last)
            .order_by(AUDIT.c.number)
            .limit(_BATCH)
        )
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [Entry(*row) for row in rows]


def chained(entry: Entry, previous: str) -> str:
    """The hash of an entry: over all that it says, and over the hash of the one before it."""
    said = [getattr(entry, name) for name in Entry.__struct_fields__ if name != "hash"]
    return hashlib.sha256(msgspec.json.encode([previous, *said])).hexdigest()


def _facts(facts: Facts | None) -> str:
    if facts is None:
        return ""
    text = msgspec.json.encode(facts, order="deterministic")
    if len(text) > LONGEST_FACTS:
        text = msgspec.json.encode({"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()})
    return text.decode()
