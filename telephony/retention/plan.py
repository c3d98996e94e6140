"""What one deletion is to take away, and what it has taken: as data that outlives a crash."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from telephony.retention.classes import Kept, complete

Scope = Literal["call", "number", "age", "retention"]


class Plan(msgspec.Struct, frozen=True):
    """By name; kept in the database until nothing of it is left."""

    places: dict[str, tuple[str, ...]] = {}
    """Folders of calls (`2026-11-20/CA123`), and the classes that go of each."""
    files: dict[str, dict[str, int]] = {}
    """The files that go, by folder: their sizes in bytes."""
    others: tuple[str, ...] = ()
    """Ids of calls of which only the database knows: everything of them goes."""
    number: str = ""
    """Everything under this number goes, E.164; empty: that is not asked."""
    before: dict[str, str] = {}
    """Rows of these classes from before these moments (ISO 8601) go, whatever call they are of."""
    held: int = 0
    """Calls that would have gone, but are held."""
    holds: tuple[int, ...] = ()
    """The holds that keep them."""
    on: int = 0
    """Calls that would have gone, but are not over."""

    @property
    def calls(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*map(call_of, self.places), *self.others]))

    def of_class(self, kept: Kept) -> tuple[str, ...]:
        """The ids of the calls whose rows of this class go."""
        found = [call_of(place) for place, classes in self.places.items() if kept.value in classes]
        return tuple(dict.fromkeys([*found, *self.others]))

    @property
    def empty(self) -> bool:
        return not (self.places or self.others or self.number or self.before)


class Receipt(msgspec.Struct, frozen=True):
    """What was deleted, when, by whom and why; nothing of whom it was about."""

    id: int
    scope: str
    classes: tuple[str, ...]
    why: str
    by: str
    asked_at: dt.datetime
    finished_at: dt.datetime | None
    """None: it is under way, or was broken off and will be taken up again."""
    counts: dict[str, int]
    """Calls, files, bytes, and rows by table."""
    digest: str
    """BLAKE2b-256 over the names and sizes of all files and the counts of all rows there were."""


def call_of(place: str) -> str:
    """The id of the call a folder belongs to."""
    folder = place.partition("/")[2]
    return folder.partition("+")[0]


def named(classes: Iterable[Kept]) -> tuple[str, ...]:
    """Their names, in one order."""
    wanted = complete(frozenset(classes))
    return tuple(kept.value for kept in Kept if kept in wanted)


def digest_of(plan: Plan, counts: Mapping[str, int]) -> str:
    """Names the plan without telling anything of it."""
    told = msgspec.json.encode([plan, dict(counts)], order="sorted")
    return hashlib.blake2b(told, digest_size=32).hexdigest()
