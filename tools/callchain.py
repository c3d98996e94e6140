"""A chain of fingerprints of all calls there were: nobody can change one unseen.

Each row holds a hash of itself and of the row before it. A call is `sealed` when it is over;
what retention or a deletion takes away of it is `erased` by a row of its own, so that what is
missing can be told from what was taken. No row tells who called.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence

import msgspec
import sqlalchemy as sa

from tools.retained import CALL_CHAIN
from tools.store import Store

BEGINNING = "0" * 64
PAGE = 1_000
_LOOKS = 20
"""So many processes may append at once before one of them gives up."""


class Link(msgspec.Struct, frozen=True):
    """One row."""

    number: int
    kind: str
    name: str
    what: str
    at: str
    link: str


class Addition(msgspec.Struct, frozen=True):
    """What is to be appended."""

    kind: str
    """`sealed` or `erased`."""
    name: str
    what: str
    """JSON text."""


def link_of(before: str, number: int, addition: Addition, at: str) -> str:
    """The hash that ties a row to the one before it."""
    told = msgspec.json.encode([before, number, addition.kind, addition.name, addition.what, at])
    return hashlib.blake2b(told, digest_size=32).hexdigest()


def broken(before: str, number: int, row: Link) -> str | None:
    """What is wrong with a row that should be the `number`th, after `before`."""
    if row.number != number:
        return f"row {number} is missing"
    addition = Addition("sealed" if row.kind == "sealed" else "erased", row.name, row.what)
    if (
        row.kind not in ("sealed", "erased")
        or link_of(before, number, addition, row.at) != row.link
    ):
        return f"row {number} was changed"
    return None


class CallChain:
    """Every method blocks; BackendError when the database cannot be asked."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        """`clock` gives the time with its zone."""
        self._store = store
        self._clock = clock

    def append(self, additions: Sequence[Addition]) -> None:
        """All of them or none; what stands in the chain already is not added again."""
        if additions:
            at = self._clock().astimezone(dt.UTC).isoformat(timespec="milliseconds")
            self._store.contend(lambda on: append(on, additions, at), "call chain", _LOOKS)

    def sealed(self, names: Sequence[str]) -> frozenset[str]:
        """Those of these calls that stand in the chain."""
        query = sa.select(CALL_CHAIN.c.name).where(
            CALL_CHAIN.c.name.in_(names), CALL_CHAIN.c.kind == "sealed"
        )
        return self._store.read(lambda on: frozenset(on.execute(query).scalars()))

    def rows(self) -> Iterator[Link]:
        """All of them, in order, a page at a time."""
        after = 0
        while page := self._page(after):
            yield from page
            after = page[-1].number

    def _page(self, after: int) -> list[Link]:
        query = sa.select(CALL_CHAIN).where(CALL_CHAIN.c.number > after)
        page = query.order_by(CALL_CHAIN.c.number).limit(PAGE)
        return [Link(*row) for row in self._store.read(lambda on: on.execute(page).all())]


def append(on: sa.Connection, additions: Sequence[Addition], at: str) -> None:
    """In a transaction of the caller's. Raises IntegrityError when another was quicker."""
    last = on.execute(
        sa.select(CALL_CHAIN.c.number, CALL_CHAIN.c.link)
        .order_by(CALL_CHAIN.c.number.desc())
        .limit(1)
    ).first()
    number, before = (last.number, last.link) if last is not None else (0, BEGINNING)
    for addition in additions:
        if _stands(on, addition):
            continue
        number += 1
        before = link_of(before, number, addition, at)
        row = {"number": number, "at": at, "link": before, **msgspec.structs.asdict(addition)}
        on.execute(sa.insert(CALL_CHAIN).values(**row))


def _stands(on: sa.Connection, addition: Addition) -> bool:
    """A call is sealed once; the same is erased of it once."""
    same = [CALL_CHAIN.c.name == addition.name, CALL_CHAIN.c.kind == addition.kind]
    if addition.kind == "erased":
        same.append(CALL_CHAIN.c.what == addition.what)
    return on.execute(sa.select(CALL_CHAIN.c.number).where(*same).limit(1)).first() is not None
