"""Many calls book, hold, wait, move and cancel while things break: nothing is had twice or lost."""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.exploring import EXPLORING, examples
from tests.tools.desk import NOW
from tests.tools.salon import SHOP, slot
from tools.booking import cells
from tools.booking.blocks import Block, Blocks
from tools.booking.bookings import Booking, Bookings, Wish, cells_of, party_of, service_of
from tools.booking.calendar import Slot, find
from tools.booking.freed import free_for
from tools.booking.holds import Holds
from tools.booking.seating import Party
from tools.booking.tables import BLOCKS, BOOKINGS, CELLS, HOLDS, NOTICES, REVISION, WAITING
from tools.booking.waiting import Waiting, Wanted
from tools.spec import BackendError, ToolContext, ToolRefusal
from tools.store import CommitUnknownError, Store

DAY = "2026-03-04"
T = TypeVar("T")
Owned = dict[tuple[str, int], Any]


class _CrashError(Exception):
    """What a process that dies in the middle of a transaction leaves: nothing."""


class Faulty(Store):
    """Breaks the next write in a given way."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.fault: str | None = None

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        fault, self.fault = self.fault, None
        if fault == "down":
            raise BackendError("down", permanent=False)
        if fault == "crash":
            return super().write(lambda connection: _died(work(connection)))
        found = super().write(work)
        if fault == "no answer":
            raise CommitUnknownError("connection lost")
        return found


def _died(_found: T) -> T:
    raise _CrashError


FAULTS = st.sampled_from([None, None, None, "down", "crash", "no answer"])
CALLS = st.integers(1, 4).map(lambda number: f"CA{number}")
TIMES = st.sampled_from(["12:00", "12:30", "13:00"])
WISHES = st.sampled_from(
    [
        ("cut", Party()),
        ("cut", Party(1, "Anna")),
        ("massage", Party()),
        ("tea", Party(2)),
        ("tea", Party(7)),
        ("drink", Party(3)),
    ]
)


class Calls(RuleBasedStateMachine):
    """The model: what has been acknowledged to whom."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.faulty = Faulty(self.store.engine)
        self.bookings = Bookings(self.faulty, SHOP)
        self.holds = Holds(self.faulty, SHOP)
        self.blocks = Blocks(self.faulty, SHOP)
        self.waiting = Waiting(self.faulty, SHOP)
        self.now = NOW
        self.live: dict[str, Booking] = {}
        self.undone: set[str] = set()
        self.told = 0
        self._keys = 0

    @initialize()
    def empty(self) -> None:
        def work(connection: sa.Connection) -> None:
            for table in (CELLS, NOTICES, WAITING, HOLDS, BLOCKS, BOOKINGS):
                connection.execute(sa.delete(table))
            connection.execute(sa.update(REVISION).values(revision=0))

        self.store.write(work)
        # Little room, so that calls meet: in the first hours only Anna is there.
        begins = slot("cut", "12:00", DAY).start
        away = Block("outside", "c", "Bo", begins, begins + dt.timedelta(hours=2))
        self.blocks.put(away, self.now)

    def context(self, call: str) -> ToolContext:
        self._keys += 1
        return ToolContext(call, f"+44{call[2:]:>010}", self.now, f"key{self._keys}".ljust(16, "-"))

    def attempt(self, work: Callable[[], T], fault: str | None) -> T | None:
        """What came of it; None also when nobody can tell."""
        self.faulty.fault = fault
        try:
            return work()
        except (BackendError, CommitUnknownError, _CrashError, ToolRefusal):
            return None
        finally:
            self.faulty.fault = None

    def once(
        self, work: Callable[[], T], made: Callable[[], T | None], fault: str | None, retry: bool
    ) -> T | None:
        """As the dispatcher does it: the answer, or what the calendar says came of it."""
        found = self.attempt(work, fault)
        if found is None and fault and retry:
            found = self.attempt(work, None)
        return found or made()

    # ---- what calls do ------------------------------------------------------------------------

    @rule(call=CALLS, wanted=WISHES, time=TIMES, fault=FAULTS, retry=st.booleans())
    def book(
        self, call: str, wanted: tuple[str, Party], time: str, fault: str | None, retry: bool
    ) -> None:
        service, party = wanted
        wish = Wish(service, call, slot(service, time, DAY), party)
        context = self.context(call)
        key = context.idempotency_key
        found = self.once(
            lambda: self.bookings.book(wish, context),
            lambda: self.bookings.made_with(key),
            fault,
            retry,
        )
        if found is not None:
            assert found.starts_at == wish.slot.start
            self.live[found.id] = found

    @precondition(lambda self: self.live)
    @rule(data=st.data(), time=TIMES, fault=FAULTS, retry=st.booleans())
    def move(self, data: st.DataObject, time: str, fault: str | None, retry: bool) -> None:
        booking = data.draw(st.sampled_from(sorted(self.live.values(), key=lambda one: one.id)))
        local = dt.datetime.fromisoformat(f"{DAY} {time}")
        to = find(SHOP, service_of(SHOP, booking), local, self.now)
        assert isinstance(to, Slot)
        context = self.context(booking.call_id)
        key = context.idempotency_key
        found = self.once(
            lambda: self.bookings.move(booking, to, context),
            lambda: self.bookings.made_with(key),
            fault,
            retry,
        )
        if found is not None:
            assert (found.starts_at, found.id) == (to.start, booking.id)
            self.live[found.id] = found

    @precondition(lambda self: self.live)
    @rule(data=st.data(), fault=FAULTS, retry=st.booleans())
    def cancel(self, data: st.DataObject, fault: str | None, retry: bool) -> None:
        booking = data.draw(st.sampled_from(sorted(self.live.values(), key=lambda one: one.id)))
        context = self.context(booking.call_id)
        key = context.idempotency_key
        found = self.once(
            lambda: self.bookings.cancel(booking, context),
            lambda: self.bookings.cancelled_with(key),
            fault,
            retry,
        )
        if found is not None:
            del self.live[found.id]
            self.undone.add(found.id)

    @rule(call=CALLS, wanted=WISHES, time=TIMES, fault=FAULTS)
    def hold(self, call: str, wanted: tuple[str, Party], time: str, fault: str | None) -> None:
        service, party = wanted
        when = slot(service, time, DAY)
        context = self.context(call)
        self.attempt(lambda: self.holds.hold(SHOP.service(service), party, when, context), fault)

    @rule(call=CALLS, wanted=WISHES, time=TIMES, fault=FAULTS)
    def wait(self, call: str, wanted: tuple[str, Party], time: str, fault: str | None) -> None:
        service, party = wanted
        minute = slot(service, time, DAY).local.hour * 60 + slot(service, time, DAY).local.minute
        hours = (minute, minute + 30)
        wish = Wanted(service, call, dt.date.fromisoformat(DAY), *hours, party)
        context = self.context(call)
        self.attempt(lambda: self.waiting.join(wish, context), fault)

    @rule(minutes=st.integers(1, 6))
    def time_passes(self, minutes: int) -> None:
        self.now += dt.timedelta(minutes=minutes)
        self.holds.sweep(self.now)

    # ---- what calendars outside do ------------------------------------------------------------

    @rule(
        uid=st.sampled_from("ab"),
        resource=st.sampled_from(["Anna", "Anna", "bar", "front room"]),
        first=st.integers(0, 6),
        fives=st.integers(6, 30),
        fault=FAULTS,
    )
    def block(self, uid: str, resource: str, first: int, fives: int, fault: str | None) -> None:
        begins = slot("cut", "12:00", DAY).start + dt.timedelta(minutes=5 * first)
        ends = begins + dt.timedelta(minutes=5 * fives)
        wanted = Block("outside", uid, resource, begins, ends)
        put = self.attempt(lambda: self.blocks.put(wanted, self.now), fault)
        if put is not None:
            assert set(put.conflicts) <= self.live.keys()

    @rule(uid=st.sampled_from("ab"), fault=FAULTS)
    def unblock(self, uid: str, fault: str | None) -> None:
        self.attempt(lambda: self.blocks.remove("outside", uid, self.now), fault)

    # ---- what must hold after each ------------------------------------------------------------

    @invariant()
    def nothing_acknowledged_is_lost_and_nothing_is_there_besides(self) -> None:
        stored = {each.booking.id: each.booking for each in self.bookings.changed_since(0)}
        live = {each for each, booking in stored.items() if booking.state == "booked"}
        assert live == self.live.keys()
        for each, booking in self.live.items():
            # A later change of somebody else's may not have touched it.
            assert stored[each] == booking
        assert {each for each in stored if each not in live} >= self.undone - live

    @invariant()
    def every_cell_is_of_exactly_what_stands_in_the_calendar(self) -> None:
        owners = self._owners()
        expected: Owned = {}
        for booking in self.live.values():
            _claim(expected, booking.resources, cells_of(booking), ("booking_id", booking.id))
            party, service = party_of(SHOP, booking), service_of(SHOP, booking)
            assert _room(booking.resources, service.name) >= party.size
        for row in self._all(HOLDS):
            resources = row.resources.strip("[]").replace('"', "").split(", ")
            when = Slot(
                row.starts_at, row.starts_at, row.minutes, row.before_minutes, row.after_minutes
            )
            _claim(expected, tuple(resources), when.cells, ("hold_id", row.call_id))
        blocked: dict[tuple[str, int], set[int]] = {}
        for row in self._all(BLOCKS):
            for seat in SHOP.seats_of(row.resource):
                for cell in cells.cell_range(row.starts_at, row.ends_at):
                    blocked.setdefault((seat, cell), set()).add(row.id)
        assert owners.keys() == expected.keys() | blocked.keys()
        for key, owner in owners.items():
            if key in expected:
                assert owner == expected[key]
            else:
                assert owner[0] == "block_id"
                assert owner[1] in blocked[key]

    @invariant()
    def whoever_waits_and_could_come_has_been_told(self) -> None:
        told = {row.waiting_id for row in self._all(NOTICES)}
        for row in self._all(WAITING):
            if row.state == "waiting" and row.id not in told:
                free = self.store.read(
                    lambda connection, row=row: free_for(connection, SHOP, row, self.now)  # type: ignore[misc]
                )
                assert not free

    @invariant()
    def revisions_rise(self) -> None:
        changes = self.bookings.changed_since(self.told)
        revisions = [each.revision for each in changes]
        assert revisions == sorted(set(revisions))
        self.told = revisions[-1] if revisions else self.told

    def _owners(self) -> Owned:
        return {
            (row.resource, row.cell): next(
                (name, getattr(row, name))
                for name in ("booking_id", "hold_id", "block_id")
                if getattr(row, name) is not None
            )
            for row in self._all(CELLS)
        }

    def _all(self, table: sa.Table) -> Any:
        return self.store.read(lambda connection: connection.execute(sa.select(table)).all())


def _claim(expected: Owned, resources: tuple[str, ...], span: range, owner: Any) -> None:
    for resource in resources:
        for cell in span:
            assert (resource, cell) not in expected, "two have one cell"
            expected[resource, cell] = owner


def _room(resources: tuple[str, ...], service: str) -> int:
    """How many people have a seat in what a booking has."""
    seats = {"long table": 6, "small table": 2}
    return sum(seats.get(each, 1) for each in resources) if service != "massage" else 1


def test_fault_x14_s5_many_calls_one_calendar_and_whatever_breaks(store: Store) -> None:
    machine = type("Machine", (Calls,), {"store": store})
    postgres = store.engine.dialect.name == "postgresql"
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(6 if postgres else 20),
            stateful_step_count=40,
            deadline=None,
            # To make a failure smaller takes minutes with a database: only where there is time.
            phases=tuple(Phase) if EXPLORING else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
