"""Callers and staff change the same appointments, rounds are killed: at last both sides agree."""

import asyncio
import datetime as dt
import functools
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.exploring import examples
from tests.tools.calendar_story import NOW, calendar_at, shop_with
from tests.tools.desk import CALLER
from tests.tools.test_booking_caldav_sync import Countdown, DyingStore, KilledError
from tools.booking.bookings import BOOKED, Booking, Bookings, Wish
from tools.booking.busy import busy
from tools.booking.caldav.client import CalendarClient, Changes, Resource
from tools.booking.caldav.dav import Collection
from tools.booking.caldav.outcome import DavError, Outcome
from tools.booking.caldav.record import Record
from tools.booking.caldav.sync import CalendarSync
from tools.booking.calendar import CELL_S, Slot
from tools.booking.ical import placed
from tools.migrate import migrate
from tools.spec import ToolContext
from tools.store import Store, open_store

DAY = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
HOURS = st.integers(8, 14)
TURNS = st.integers(1, 12)


class Memory(CalendarClient):
    """A calendar server with versions, guards and sync tokens, in memory."""

    def __init__(self) -> None:
        self.collection = Collection("http://127.0.0.1/a/b/")
        self.events: dict[str, tuple[str, str]] = {}
        self.log: list[str] = []
        self.countdown = Countdown(0)
        self.meanwhile: list[Callable[[], None]] = []

    def store(self, path: str, text: str) -> str:
        self.log.append(path)
        self.events[path] = (f'"{len(self.log)}"', text)
        return self.events[path][0]

    def drop(self, path: str) -> None:
        if self.events.pop(path, None) is not None:
            self.log.append(path)

    async def changes(self, token: str | None) -> Changes:
        touched = self.log[int(token) :] if token else list(self.events)
        found = Changes(
            {path: self.events[path][0] for path in touched if path in self.events},
            frozenset(path for path in touched if path not in self.events),
            str(len(self.log)),
            complete=token is None,
        )
        self.countdown.turn()
        return found

    async def fetch(self, paths: Iterable[str]) -> dict[str, Resource]:
        found = {path: Resource(*self.events[path]) for path in paths if path in self.events}
        self.countdown.turn()
        return found

    async def get(self, path: str) -> Resource | None:
        found = Resource(*self.events[path]) if path in self.events else None
        self.countdown.turn()
        return found

    async def put(self, path: str, content: bytes, etag: str | None) -> str | None:
        self._check(path, etag)
        made = self.store(path, content.decode())
        self.countdown.turn()
        return made

    async def delete(self, path: str, etag: str | None) -> None:
        if path in self.events:
            self._check(path, etag)
            self.drop(path)
        self.countdown.turn()

    def _check(self, path: str, etag: str | None) -> None:
        while self.meanwhile:
            self.meanwhile.pop()()
        if (self.events[path][0] if path in self.events else None) != etag:
            raise DavError(Outcome.CHANGED_MEANWHILE)


@functools.cache
def migrated() -> Path:
    path = Path(tempfile.mkdtemp()) / "migrated.db"
    store = open_store(f"sqlite:///{path}")
    migrate(store)
    store.close()
    return path


class TwoSides(RuleBasedStateMachine):
    """One resource, one day, appointments of 45 minutes that begin on the hour."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(f"sqlite:///{shutil.copy(migrated(), self.folder / 'a.db')}")
        sa.event.listen(self.store.engine, "connect", _hurry)
        self.calendar = calendar_at("http://127.0.0.1/a/b/")
        shop = shop_with(self.calendar)
        self.shop = msgspec.structs.replace(shop, resources=shop.resources[:1])
        self.bookings = Bookings(self.store, self.shop)
        self.record = Record(self.store, self.calendar)
        self.server = Memory()
        self.now = NOW
        self.keys = itertools.count(1)
        self.runner = asyncio.Runner()
        self.in_step = True

    def teardown(self) -> None:
        self.round()
        self.agree()
        self.runner.close()
        self.store.close()
        shutil.rmtree(self.folder)

    # ---- callers ----------------------------------------------------------------------------

    @rule(hour=HOURS)
    def book(self, hour: int) -> None:
        self.bookings.book(Wish("haircut", f"A{next(self.keys)}", slot(hour)), self.context())
        self.in_step = False

    @precondition(lambda self: self.live())
    @rule(data=st.data(), hour=HOURS)
    def caller_moves(self, data: st.DataObject, hour: int) -> None:
        self.bookings.move(data.draw(st.sampled_from(self.live())), slot(hour), self.context())
        self.in_step = False

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def caller_cancels(self, data: st.DataObject) -> None:
        self.bookings.cancel(data.draw(st.sampled_from(self.live())), self.context())
        self.in_step = False

    # ---- staff ------------------------------------------------------------------------------

    @precondition(lambda self: self.server.events)
    @rule(data=st.data(), hour=HOURS, minute=st.sampled_from([0, 30, 2]))
    def staff_moves(self, data: st.DataObject, hour: int, minute: int) -> None:
        path = data.draw(st.sampled_from(sorted(self.server.events)))
        lines = self.server.events[path][1].splitlines()
        start = DAY.replace(hour=hour, minute=minute)
        times = {"DTSTART": start, "DTEND": start + dt.timedelta(minutes=45)}
        new = [
            f"{line[: line.index(':')]}:{times[line[: line.index(':')]]:%Y%m%dT%H%M%SZ}"
            if line.startswith(("DTSTART:", "DTEND:"))
            else line
            for line in lines
        ]
        self.server.store(path, "\r\n".join([*new, ""]))
        self.in_step = False

    @precondition(lambda self: self.server.events)
    @rule(data=st.data())
    def staff_deletes(self, data: st.DataObject) -> None:
        self.server.drop(data.draw(st.sampled_from(sorted(self.server.events))))
        self.in_step = False

    @rule(hour=HOURS, name=st.sampled_from("xyz"))
    def staff_is_busy(self, hour: int, name: str) -> None:
        self.server.store(
            f"/a/b/{name}.ics",
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
            f"UID:{name}\r\nDTSTART:20260304T{hour:02}0000Z\r\nDTEND:20260304T{hour:02}4500Z\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n",
        )
        self.in_step = False

    # ---- rounds -----------------------------------------------------------------------------

    @rule()
    def round(self) -> None:
        self.server.countdown = Countdown(0)
        done = self.runner.run(self.sync(self.store).once())
        assert done is not None
        assert done.outcome is Outcome.OK, done
        # A booking that the staff has moved is brought to the calendar by the next round.
        self.in_step = True

    @rule(turn=TURNS, in_store=st.booleans())
    def round_is_killed(self, turn: int, in_store: bool) -> None:
        countdown = Countdown(turn)
        self.server.countdown = Countdown(0) if in_store else countdown
        store = DyingStore(self.store, countdown) if in_store else self.store
        try:
            self.runner.run(self.sync(store).once())
        except KilledError:
            self.now += dt.timedelta(minutes=1)
        self.in_step = False

    @precondition(lambda self: self.server.events)
    @rule(data=st.data(), hour=HOURS)
    def staff_is_quicker_than_a_request(self, data: st.DataObject, hour: int) -> None:
        path = data.draw(st.sampled_from(sorted(self.server.events)))
        text = self.server.events[path][1]
        self.server.meanwhile.append(lambda: _nothing(self.server.store(path, text + "\r\n")))
        self.round()
        self.server.meanwhile.clear()
        self.in_step = False

    # ---- what must hold ---------------------------------------------------------------------

    @invariant()
    def agree(self) -> None:
        if not self.in_step:
            return
        shown = {}
        for path, (_, text) in self.server.events.items():
            if "@frontdesk" in text:
                booking_id = path.removeprefix("/a/b/frontdesk-").removesuffix(".ics")
                shown[booking_id] = placed(text, f"{booking_id}@frontdesk", self.shop.zone)
        booked = {each.id: each for each in self.live()}
        assert {key: each.start for key, each in shown.items() if each} == {
            key: each.starts_at for key, each in booked.items()
        }
        assert not [row for row in self.record.rows() if row.open]
        self.check_blocked()

    def check_blocked(self) -> None:
        taken = self.bookings.taken(DAY, DAY + dt.timedelta(days=1), self.now)
        busy_cells = set[int]()
        for text in (t for _, t in self.server.events.values() if "@frontdesk" not in t):
            for each in busy(text, DAY, DAY + dt.timedelta(days=1), self.shop.zone):
                first, last = int(each.start.timestamp()), int(each.end.timestamp())
                busy_cells |= set(range(first // CELL_S, -(-last // CELL_S)))
        booked = {cell for each in self.live() for cell in slot_of(each).cells}
        assert {cell for _, cell in taken} == busy_cells | booked

    @invariant()
    def no_two_at_once(self) -> None:
        cells = [cell for each in self.live() for cell in slot_of(each).cells]
        assert len(cells) == len(set(cells))

    def live(self) -> list[Booking]:
        changes = self.bookings.changed_since(0)
        return [each.booking for each in changes if each.booking.state == BOOKED]

    def sync(self, store: Store) -> CalendarSync:
        return CalendarSync(self.calendar, self.shop, store, self.server, lambda: self.now, "test")

    def context(self) -> ToolContext:
        return ToolContext("CA1", CALLER, self.now, f"key{next(self.keys)}".ljust(16, "-"))


def slot(hour: int) -> Slot:
    at = DAY.replace(hour=hour)
    return Slot(at.replace(tzinfo=None), at, 45)


def slot_of(booking: Booking) -> Slot:
    return Slot(booking.starts_at.replace(tzinfo=None), booking.starts_at, booking.minutes)


def _hurry(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _nothing(_: object) -> None:
    return None


TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = settings(max_examples=examples(16), stateful_step_count=15)
