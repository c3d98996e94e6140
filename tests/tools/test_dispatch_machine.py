"""Many calls at once book, move and cancel through the dispatcher, and the process dies in between.

What a caller was told stands; what nobody was told is known after the restart, by asking again.
"""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.exploring import EXPLORING, examples
from tests.tools.desk import NOW, Desk
from tools import dispatch
from tools.booking.offer import booking_tools
from tools.booking.shop import default_shop
from tools.booking.tables import BOOKINGS, CELLS
from tools.receipts import RECEIPTS, REQUESTS
from tools.spec import ToolOutcome, ToolState
from tools.store import Store

T = TypeVar("T")
SHOP = default_shop()
DAY = "2026-03-04"
CALLS = st.sampled_from(["CA1", "CA2", "CA3", "CA4"])
TIMES = st.sampled_from(["10:00", "11:00", "12:00"])
DEEDS = st.sampled_from(["book_appointment", "reschedule_appointment", "cancel_appointment"])
CELLS_EACH = 9


class _DeadError(Exception):
    """The process is no more: nothing it does from now on reaches the database."""


class Mortal(Store):
    """Dies before or after its n-th commit; whoever shares it is dead with it."""

    def __init__(self, engine: sa.Engine, dies_at: int | None) -> None:
        super().__init__(engine)
        self.dead = False
        self._left = dies_at
        self._lock = threading.Lock()

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        before, after = self._step(), self._step()
        if before:
            raise _DeadError
        found = super().write(work)
        if after or self.dead:
            raise _DeadError
        return found

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        if self.dead:
            raise _DeadError
        return super().read(work)

    def _step(self) -> bool:
        with self._lock:
            if self._left is not None:
                self._left -= 1
                self.dead = self.dead or self._left < 0
            return self.dead


class Wish(msgspec.Struct, frozen=True):
    """One tool call; asked for again it has the same id."""

    call: str
    tool_call_id: str
    tool: str
    arguments: dict[str, str]

    @property
    def number(self) -> str:
        return f"+4420794600{self.call[2:]:>02}"


class Service(RuleBasedStateMachine):
    """The model: for each call the time it was told it has."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.has: dict[str, str] = {}
        self.now = NOW
        self._ids = 0

    @initialize()
    def empty(self) -> None:
        def work(connection: sa.Connection) -> None:
            for table in (CELLS, BOOKINGS, REQUESTS, RECEIPTS):
                connection.execute(sa.delete(table))

        self.store.write(work)

    @rule(
        deeds=st.dictionaries(CALLS, st.tuples(DEEDS, TIMES), min_size=1, max_size=4),
        dies_at=st.none() | st.integers(0, 24),
    )
    def at_once(self, deeds: dict[str, tuple[str, str]], dies_at: int | None) -> None:
        """A wish of each of some calls, all at the same moment; perhaps the process dies."""
        wishes = [self._wish(call, *deed) for call, deed in deeds.items()]
        mortal = Mortal(self.store.engine, dies_at)
        told = asyncio.run(self._ask(mortal, wishes))
        for wish, outcome in told.items():
            self._learn(wishes[wish], outcome)
        self.now += dt.timedelta(minutes=2)
        left = [wish for at, wish in enumerate(wishes) if at not in told]
        again = asyncio.run(self._ask(Mortal(self.store.engine, None), left, recover=True))
        for at, outcome in again.items():
            # Whatever the dead process knew, nothing may be left in doubt.
            assert outcome.state is not ToolState.UNKNOWN, outcome.output
            self._learn(left[at], outcome)

    def _wish(self, call: str, tool: str, time: str) -> Wish:
        self._ids += 1
        had = self.has.get(call, "10:00")
        arguments = {
            "book_appointment": {"service": "haircut", "date": DAY, "time": time, "name": "Ann"},
            "cancel_appointment": {"date": DAY, "time": had, "name": "Ann"},
            "reschedule_appointment": {
                "date": DAY, "time": time, "old_date": DAY, "old_time": had, "name": "Ann"
            },
        }[tool]  # fmt: skip
        if tool == "book_appointment" and call in self.has:
            # One each is enough to quarrel about.
            return self._wish(call, "reschedule_appointment", time)
        return Wish(call, f"t{self._ids}", tool, arguments)

    async def _ask(
        self, store: Store, wishes: list[Wish], *, recover: bool = False
    ) -> dict[int, ToolOutcome]:
        """What callers were told before the process died, by place in `wishes`."""
        desk = Desk(booking_tools(SHOP, store), store, self.now)
        if recover:
            await desk.dispatcher.recover()
        told: dict[int, ToolOutcome] = {}

        async def one(at: int, wish: Wish) -> None:
            outcome = await desk.ask(
                wish.tool,
                dict(wish.arguments),
                tool_call_id=wish.tool_call_id,
                call=wish.call,
                number=wish.number,
            )
            if not getattr(store, "dead", False):
                told[at] = outcome

        await asyncio.gather(*(one(at, wish) for at, wish in enumerate(wishes)))
        await desk.tasks.cancel_all()
        return told

    def _learn(self, wish: Wish, outcome: ToolOutcome) -> None:
        if outcome.state is not ToolState.DONE:
            assert outcome.state in (ToolState.REFUSED, ToolState.FAILED), outcome.output
            return
        if wish.tool == "cancel_appointment":
            # Asked for once more it is answered as it was, though there is nothing left of it.
            self.has.pop(wish.call, None)
        else:
            self.has[wish.call] = wish.arguments["time"]

    @invariant()
    def what_was_told_is_what_there_is(self) -> None:
        def look(connection: sa.Connection) -> tuple[dict[str, str], int]:
            live = sa.select(BOOKINGS.c.caller_number, BOOKINGS.c.starts_at).where(
                BOOKINGS.c.state == "booked"
            )
            rows = connection.execute(live).all()
            cells = connection.execute(sa.select(sa.func.count()).select_from(CELLS)).scalar_one()
            found = {f"CA{row.caller_number[-1]}": f"{row.starts_at:%H:%M}" for row in rows}
            assert len(found) == len(rows), "one caller has two"
            return found, cells

        found, cells = self.store.read(look)
        assert found == self.has
        assert len(set(found.values())) == len(found), "two have one time"
        assert cells == CELLS_EACH * len(found)


def test_fault_x8_x14_many_calls_at_once_and_a_process_that_dies(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "GRACE_S", 0.01)
    machine = type("Machine", (Service,), {"store": store})
    postgres = store.engine.dialect.name == "postgresql"
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(2 if postgres else 5),
            stateful_step_count=12,
            deadline=None,
            phases=tuple(Phase) if EXPLORING else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
