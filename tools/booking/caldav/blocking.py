"""Which times of a resource are to be blocked, given when its calendar is busy?"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tools.booking.busy import Busy
from tools.booking.caldav.outcome import DavError, Outcome
from tools.booking.calendar import CELL_S

MAX_BLOCKS = 5_000
LONGEST = dt.timedelta(days=90)


class Named(msgspec.Struct, frozen=True):
    """A block under the id it has in the shop's calendar."""

    uid: str
    busy: Busy


class Plan(msgspec.Struct, frozen=True):
    """What to give back first, and what to take then."""

    remove: tuple[str, ...]
    put: tuple[Named, ...]


def merged(busy: Iterable[Busy]) -> list[Busy]:
    """The same time in whole steps of the calendar, in spans that neither overlap nor touch.

    Two events at one time are one block: else, when one is deleted, the other's time is free.
    """
    found: list[Busy] = []
    for each in sorted(map(_on_grid, busy)):
        if found and each.start <= found[-1].end:
            found[-1] = Busy(found[-1].start, max(found[-1].end, each.end))
        else:
            found.append(each)
    parts = [part for each in found for part in _parts(each)]
    if len(parts) > MAX_BLOCKS:
        raise DavError(Outcome.TOO_LARGE, f"more than {MAX_BLOCKS} busy times")
    return parts


def _on_grid(busy: Busy) -> Busy:
    start = int(busy.start.timestamp()) // CELL_S * CELL_S
    end = -(-int(busy.end.timestamp()) // CELL_S) * CELL_S
    return Busy(dt.datetime.fromtimestamp(start, dt.UTC), dt.datetime.fromtimestamp(end, dt.UTC))


def _parts(busy: Busy) -> Iterator[Busy]:
    start = busy.start
    while start < busy.end:
        end = min(start + LONGEST, busy.end)
        yield Busy(start, end)
        start = end


def plan(wanted: Sequence[Busy], present: Sequence[Named], short: set[str]) -> Plan:
    """How to come from the blocks that are there to those that are wanted.

    A block that grows, shrinks or moves a little keeps its id, so that its time is never free in
    between. `short` are blocks that have not got all of their time and ask for it again.
    """
    left = sorted(present, key=lambda each: each.busy)
    used = {each.uid for each in present}
    put: list[Named] = []
    for each in wanted:
        found = next((old for old in left if _touch(old.busy, each)), None)
        if found is None:
            put.append(Named(_new_uid(each, used), each))
            continue
        left.remove(found)
        if found.busy != each or found.uid in short:
            put.append(Named(found.uid, each))
    return Plan(tuple(each.uid for each in left), tuple(put))


def _new_uid(busy: Busy, used: set[str]) -> str:
    """Not one of a block that began at that time once, and has another now."""
    uid = f"{busy.start:%Y%m%dT%H%M}"
    while uid in used:
        uid += "+"
    used.add(uid)
    return uid


def _touch(one: Busy, other: Busy) -> bool:
    return one.start < other.end and other.start < one.end
