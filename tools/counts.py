"""What is counted of calls by hour and day, and how it is put together."""

import datetime as dt
from collections.abc import Iterable

import msgspec


class Row(msgspec.Struct, frozen=True):
    """What was counted in one span."""

    span: str
    persona: str
    measure: str
    label: str
    count: int
    total: int
    buckets: dict[int, int]

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.span, self.persona, self.measure, self.label


class Counted(msgspec.Struct, frozen=True):
    """One call, and what it adds."""

    call_id: str
    rows: tuple[Row, ...]


class Said(msgspec.Struct, frozen=True):
    """What a process last said of itself."""

    owner: str
    seen_at: dt.datetime
    state: str


def merged(rows: Iterable[Row]) -> list[Row]:
    """One for each key, in an order all processes share: they lock one another's rows."""
    found: dict[tuple[str, str, str, str], Row] = {}
    for row in rows:
        found[row.key] = summed(found[row.key], row) if row.key in found else row
    return [found[key] for key in sorted(found)]


def summed(one: Row, other: Row) -> Row:
    buckets = dict(one.buckets)
    for bucket, count in other.buckets.items():
        buckets[bucket] = buckets.get(bucket, 0) + count
    count, total = one.count + other.count, one.total + other.total
    return msgspec.structs.replace(one, count=count, total=total, buckets=buckets)
