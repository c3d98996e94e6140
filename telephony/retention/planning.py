"""What is there to be deleted: of one call, under one number, or because its time has run out?"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from telephony.retention import people
from telephony.retention.classes import OF_CALLS, Kept, Periods, cutoff, expired, files_of
from telephony.retention.holds import Held, Holds
from telephony.retention.plan import Plan, call_of, named
from telephony.retention.rows import calls_of, oldest
from telephony.retention.sealing import folders, over
from telephony.transcripts.archive import NotFound, stored
from tools.phone import e164
from tools.store import Store

BATCH = 100
"""So many calls go in one deletion."""
_ROWS = dt.timedelta(days=7)
"""So much time's rows go in one transaction: others write to the database, too."""


class Planner:
    """Every method blocks and changes nothing. Raises BackendError, OSError."""

    def __init__(
        self,
        data_dir: Path,
        store: Store,
        clock: Callable[[], dt.datetime],
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        """`breathe` is called after each folder that was looked at."""
        self._calls = data_dir / "calls"
        self._store = store
        self._clock = clock
        self._holds = Holds(store, clock)
        self._breathe = breathe

    @property
    def _today(self) -> dt.date:
        return self._clock().astimezone(dt.UTC).date()

    def of_call(self, call_id: str) -> Plan:
        """All of one call, by its whole id. Raises NotFound."""
        mine = {place: OF_CALLS for place in self._places() if _is(place, call_id)}
        if not mine:
            raise NotFound(f"There is no call {call_id!r}; give the whole id.")
        return self._plan(mine)

    def of_number(self, number: str) -> Plan:
        """Everything under a number, in E.164: its calls, contact, bookings that are past. Where
        anything of that is held, nothing: a contact cannot go in part."""
        mine = {place: OF_CALLS for place in self._places() if self._number(place) == number}
        plan = self._plan(mine)
        known = self._store.read(lambda on: calls_of(on, number, self._clock()))
        told = {call_of(place) for place in mine}
        if holds := self._held_of(number, known | told):
            return Plan(held=max(1, plan.held), holds=tuple(sorted(holds)), on=plan.on)
        return Plan(plan.places, plan.files, tuple(sorted(known - told)), number, on=plan.on)

    def _held_of(self, number: str, calls: set[str]) -> frozenset[int]:
        """The holds on these calls, or on what else goes with the contact of this number."""
        held = self._holds.held()
        numbers, told = self._store.read(lambda on: people.around(on, number))
        kept = [held.calls[each] for each in (calls | told) & held.calls.keys()]
        kept += [held.numbers[each] for each in (numbers | {number}) & held.numbers.keys()]
        return frozenset[int]().union(*kept)

    def of_age(self, days: int, classes: Iterable[Kept]) -> Plan:
        """What is older than so many days, the day of the call not counted, of these classes."""
        wanted = tuple(map(Kept, named(classes)))
        found: dict[str, tuple[Kept, ...]] = {}
        for day in self._days():
            if (self._today - day).days > days:
                found.update(dict.fromkeys(self._of_day(day), wanted))
        return self._plan(found)

    def expired(self, periods: Periods) -> Iterator[Plan]:
        """What is kept no longer, a part at a time: each is to be deleted before the next is
        asked for."""
        for day in sorted(self._days()):
            classes = expired(day, self._today, periods)
            if classes:
                yield from self._expired_of(day, classes)
        for kept in (Kept.TRANSCRIPT, Kept.METADATA):
            if periods.days(kept):
                yield from self._rows(kept, cutoff(self._today, periods.days(kept)))

    def held(self) -> Held:
        return self._holds.held()

    # ---- folders -------------------------------------------------------------------------------

    def _expired_of(self, day: dt.date, classes: frozenset[Kept]) -> Iterator[Plan]:
        wanted = tuple(kept for kept in Kept if kept in classes)
        batch: dict[str, tuple[Kept, ...]] = {}
        for place in self._of_day(day):
            self._breathe()
            if self._files(place, wanted) or Kept.METADATA in classes:
                batch[place] = wanted
            if len(batch) >= BATCH:
                yield self._plan(batch)
                batch = {}
        if batch:
            yield self._plan(batch)

    def _plan(self, wanted: Mapping[str, tuple[Kept, ...]]) -> Plan:
        """Without what is held, and without calls that are on."""
        held = self._holds.held()
        on = {call_of(place) for place in wanted if not over(self._calls / place, self._clock())}
        kept_by = {
            place: held.by(call_of(place), self._number(place) if held.numbers else None)
            for place in wanted
        }
        kept_back = {call_of(place) for place, holds in kept_by.items() if holds}
        free = {
            place: classes
            for place, classes in wanted.items()
            if call_of(place) not in on | kept_back
        }
        return Plan(
            places={place: named(classes) for place, classes in free.items()},
            files={place: self._files(place, classes) for place, classes in free.items()},
            held=len(kept_back),
            holds=tuple(sorted(frozenset[int]().union(*kept_by.values()))),
            on=len(on),
        )

    def _files(self, place: str, classes: Iterable[Kept]) -> dict[str, int]:
        there = {each.name: each for each in (self._calls / place).iterdir() if each.is_file()}
        going = files_of(frozenset(classes), tuple(sorted(there)))
        return {name: there[name].stat().st_size for name in going}

    def _number(self, place: str) -> str | None:
        return e164(stored(self._calls / place).summary.from_number or "")

    def _days(self) -> Iterator[dt.date]:
        for each in folders(self._calls):
            try:
                yield dt.date.fromisoformat(each.name)
            except ValueError:
                continue

    def _of_day(self, day: dt.date) -> list[str]:
        return [f"{day}/{each.name}" for each in sorted(folders(self._calls / day.isoformat()))]

    def _places(self) -> Iterator[str]:
        for day in sorted(self._days()):
            yield from self._of_day(day)

    # ---- rows ----------------------------------------------------------------------------------

    def _rows(self, kept: Kept, before: dt.datetime) -> Iterator[Plan]:
        """A week's rows at a time. Those of held calls stay, and are not come back to."""
        after = self._store.read(lambda on: oldest(on, kept, self._clock()))
        while after is not None and after < before:
            after = min(before, after + _ROWS)
            yield Plan(before={kept.value: after.isoformat()})
            self._breathe()


def _is(place: str, call_id: str) -> bool:
    """Also a call whose id the carrier has used again: it is the same id to whoever asks."""
    folder = call_of(place)
    rest = folder.removeprefix(call_id)
    return folder.startswith(call_id) and (not rest or (rest[0] == "-" and rest[1:].isdecimal()))
