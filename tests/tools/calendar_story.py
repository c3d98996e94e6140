"""A shop, a calendar on a real server, and what callers and staff do to both."""

import datetime as dt
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.fakes.radicale import PASSWORD, USER, RadicaleServer
from tests.tools.desk import CALLER
from tools.booking.blocks import Blocks
from tools.booking.bookings import BOOKED, Booking, Bookings, Wish
from tools.booking.caldav.client import CalendarClient
from tools.booking.caldav.record import Conflict, Record, conflicts
from tools.booking.caldav.sync import CalendarSync, Round
from tools.booking.calendar import Slot
from tools.booking.calendars import Calendar
from tools.booking.shop import Shop, parse_shop
from tools.spec import ToolContext
from tools.store import Store

NOW = dt.datetime(2026, 3, 3, 8, 0, tzinfo=dt.UTC)
DAY = "20260304"
SHOP = """\
name: Willow Street Salon
zone: Europe/London
services:
  - {name: haircut, minutes: 45, needs: [stylist]}
resources:
  - {name: Anna, kind: stylist, person: true}
  - {name: Ben, kind: stylist, person: true}
hours: {wednesday: ["08:00-20:00"], thursday: ["08:00-20:00"]}
"""
_names = itertools.count(1)


def shop_with(*calendars: Calendar, **changes: Any) -> Shop:
    return msgspec.structs.replace(parse_shop(SHOP, "shop.yaml"), calendars=calendars, **changes)


def calendar_at(url: str, resource: str = "Anna") -> Calendar:
    return Calendar(resource, url, USER, "front", 5)


class Story:
    """One resource's calendar. Times of day are on 4 March, when London's clock is UTC."""

    def __init__(
        self, store: Store, server: RadicaleServer, http: aiohttp.ClientSession, **changes: Any
    ) -> None:
        self.store = store
        self.server = server
        self.http = http
        self.now = NOW
        self.name = f"cal{next(_names)}"
        server.make(self.name)
        self.calendar = calendar_at(server.url(self.name))
        self.shop = shop_with(self.calendar, **changes)
        self.bookings = Bookings(store, self.shop)
        self.blocks = Blocks(store, self.shop)
        self.record = Record(store, self.calendar)
        self.client = self.client_with(PASSWORD)
        self._keys = itertools.count(1)

    def client_with(self, password: str, request_s: float = 20.0) -> CalendarClient:
        return CalendarClient(self.http, self.calendar.url, USER, password, request_s)

    # ---- callers ----------------------------------------------------------------------------

    def book(self, time: str, name: str = "Ann", resource: str = "Anna") -> Booking:
        """Straight into the database: which resource is had is not this story's subject."""
        made = self.bookings.book(Wish("haircut", name, self.slot(time)), self.context())
        assert made is not None
        assert made.resources == (resource,), made.resources
        return made

    def move(self, booking: Booking, time: str) -> Booking:
        moved = self.bookings.move(booking, self.slot(time), self.context())
        assert moved is not None
        assert moved.resources == booking.resources
        return moved

    def cancel(self, booking: Booking) -> None:
        assert self.bookings.cancel(booking, self.context()) is not None

    def slot(self, time: str) -> Slot:
        return Slot(self.at(time).replace(tzinfo=None), self.at(time), 45)

    def context(self) -> ToolContext:
        return ToolContext("CA1", CALLER, self.now, f"key{next(self._keys)}".ljust(16, "-"))

    def at(self, time: str) -> dt.datetime:
        return dt.datetime.strptime(f"{DAY} {time}", "%Y%m%d %H:%M").replace(tzinfo=dt.UTC)

    def booked_at(self, booking: Booking) -> str | None:
        """When it is now, as `10:00`; None when it is cancelled."""
        found = self.record.appointment(booking.id)
        assert found is not None
        return f"{found.starts_at:%H:%M}" if found.live else None

    def is_free(self, time: str, resource: str = "Anna") -> bool:
        at = self.at(time)
        taken = self.bookings.taken(at, at + dt.timedelta(minutes=5), self.now)
        return not any(each == resource for each, _ in taken)

    # ---- the staff, in a calendar program of their own ----------------------------------------

    def path(self, booking: Booking) -> str:
        return self.client.collection.of_booking(booking.id)

    def seen(self, booking: Booking) -> str | None:
        """When its event is in the calendar, as `10:00`; None when it is not there."""
        text = self.text(booking)
        if text is None:
            return None
        (start,) = (line for line in text.splitlines() if line.startswith("DTSTART"))
        return f"{start[-7:-5]}:{start[-5:-3]}"

    def text(self, booking: Booking) -> str | None:
        status, body = self.server.ask("GET", self.path(booking))
        return body.decode() if status == 200 else None

    def edit(self, booking: Booking, *changes: tuple[str, str]) -> None:
        text = self.text(booking)
        assert text is not None
        for old, new in changes:
            assert old in text, (old, text)
            text = text.replace(old, new)
        status, _ = self.server.ask("PUT", self.path(booking), text.encode())
        assert status in (200, 201, 204), status

    def staff_moves(self, booking: Booking, start: str, end: str) -> None:
        text = self.text(booking)
        assert text is not None
        times = [line for line in text.splitlines() if line.startswith(("DTSTART", "DTEND"))]
        new = [f"DTSTART:{DAY}T{start}00Z", f"DTEND:{DAY}T{end}00Z"]
        self.edit(booking, *zip(times, new, strict=True))

    def staff_deletes(self, booking: Booking) -> None:
        status, _ = self.server.ask("DELETE", self.path(booking))
        assert status in (200, 204), status

    def staff_adds(self, uid: str, *lines: str) -> None:
        """An event of their own, or another version of it."""
        body = "\r\n".join(
            (
                "BEGIN:VCALENDAR",
                "VERSION:2.0",
                "PRODID:-//Staff//EN",
                "BEGIN:VEVENT",
                f"UID:{uid}",
                "DTSTAMP:20260301T000000Z",
                *lines,
                "END:VEVENT",
                "END:VCALENDAR",
                "",
            )
        )
        status, answer = self.server.ask("PUT", self.their_path(uid), body.encode())
        assert status in (200, 201, 204), answer

    def staff_is_busy(self, uid: str, start: str, end: str) -> None:
        self.staff_adds(uid, f"DTSTART:{DAY}T{start}00Z", f"DTEND:{DAY}T{end}00Z")

    def staff_removes(self, uid: str) -> None:
        status, _ = self.server.ask("DELETE", self.their_path(uid))
        assert status in (200, 204), status

    def their_path(self, uid: str) -> str:
        return f"/{USER}/{self.name}/{uid}.ics"

    def events(self) -> int:
        """How many lie in the calendar."""
        folder = self.server.folder / "storage/collection-root" / USER / self.name
        return len(list(folder.glob("*.ics")))

    # ---- the two together -------------------------------------------------------------------

    def sync(self, client: CalendarClient | None = None) -> CalendarSync:
        return CalendarSync(
            self.calendar, self.shop, self.store, client or self.client, lambda: self.now, "test"
        )

    async def once(self, client: CalendarClient | None = None) -> Round:
        done = await self.sync(client).once()
        assert done is not None
        return done

    async def in_step(self) -> None:
        """One round that leaves nothing to do, and a second that finds nothing."""
        done = await self.once()
        assert done.outcome.value == "ok", done
        assert not [each for each in self.record.rows() if each.open]
        assert self.live_rows() == len(self.record.rows())

    def live_rows(self) -> int:
        found = (self.record.appointment(each.booking_id) for each in self.record.rows())
        return sum(each is not None and each.live for each in found)

    def conflicts(self) -> list[Conflict]:
        return conflicts(self.store, 50)

    def kinds(self) -> list[str]:
        """Oldest first."""
        return [each.kind for each in reversed(self.conflicts())]


@asynccontextmanager
async def telling(store: Store, server: RadicaleServer, **changes: Any) -> AsyncIterator[Story]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Story(store, server, http, **changes)


__all__ = ["BOOKED", "NOW", "Story", "calendar_at", "shop_with", "telling"]
