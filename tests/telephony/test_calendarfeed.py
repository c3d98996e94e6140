"""The feed: who gets it, how often the database is asked, what is in it."""

import asyncio
import datetime as dt
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from fastapi import FastAPI
from icalendar import Calendar

from telephony import calendarfeed
from telephony.app import open_service
from telephony.calendarfeed import CalendarFeed
from telephony.settings import load
from tests.telephony.twilio_server import serving_app
from tests.tools.calendar_story import NOW, SHOP, shop_with
from tools.booking.bookings import Bookings, Wish
from tools.booking.caldav.record import appointments_between
from tools.booking.calendar import Slot
from tools.booking.calendars import Appointment
from tools.booking.shop import Shop
from tools.migrate import migrate
from tools.spec import BackendError, ToolContext
from tools.store import Store, open_store

SECRET = "f" * 40


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("feed") / "migrated.db"
    store = open_store(f"sqlite:///{path}")
    migrate(store)
    store.close()
    return path


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{shutil.copy(migrated, tmp_path / 'feed.db')}")
    yield opened
    opened.close()


class Subscriber:
    """A calendar program that asks for the feed."""

    def __init__(self, http: aiohttp.ClientSession, origin: str, store: Store) -> None:
        self.http = http
        self.origin = origin
        self.store = store
        self.now = NOW

    async def asks(
        self, secret: str = SECRET, method: str = "GET", **headers: str
    ) -> tuple[int, aiohttp.ClientResponse, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.origin}/calendar/{secret}.ics"
        async with self.http.request(method, url, headers=named) as answer:
            return answer.status, answer, await answer.read()


@pytest.fixture
async def subscriber(store: Store) -> AsyncGenerator[Subscriber]:
    async with serving(store, shop_with()) as found:
        yield found


@asynccontextmanager
async def serving(store: Store, shop: Shop) -> AsyncIterator[Subscriber]:
    async with aiohttp.ClientSession() as http:
        found = Subscriber(http, "", store)
        app = FastAPI(openapi_url=None)
        app.include_router(CalendarFeed(store, lambda: shop, SECRET, lambda: found.now).router())
        async with serving_app(app) as port:
            found.origin = f"http://127.0.0.1:{port}"
            yield found


def book(store: Store, hour: int, day: int = 4, name: str = "Ann") -> None:
    at = dt.datetime(2026, 3, day, hour, tzinfo=dt.UTC)
    slot = Slot(at.replace(tzinfo=None), at, 45)
    key = f"{name}{day}{hour}".ljust(16, "-")
    context = ToolContext("CA1", "+442079460001", NOW, key)
    assert Bookings(store, shop_with()).book(Wish("haircut", name, slot), context)


async def test_appointments_are_served_to_whoever_knows_the_address(
    subscriber: Subscriber, store: Store
) -> None:
    book(store, 10)
    book(store, 12, name="Bob")
    status, answer, body = await subscriber.asks()
    assert (status, answer.content_type) == (200, "text/calendar")
    assert "private" in answer.headers["Cache-Control"]
    summaries = [str(each["summary"]) for each in Calendar.from_ical(body).events]
    assert summaries == ["Ann: haircut", "Bob: haircut"]
    assert b"+4420" not in body


@pytest.mark.parametrize("secret", ["", "x" * 40, "F" * 40, "f" * 39, "ü", "a%2Fb"])
async def test_a_wrong_address_is_no_address(subscriber: Subscriber, secret: str) -> None:
    status, _, body = await subscriber.asks(secret)
    async with subscriber.http.get(f"{subscriber.origin}/no/such/address") as nothing:
        assert (status, body) == (404, await nothing.read())


async def test_what_has_not_changed_is_not_sent_again(subscriber: Subscriber, store: Store) -> None:
    book(store, 10)
    _, answer, _ = await subscriber.asks()
    etag = answer.headers["ETag"]
    for named in (etag, f'"other", W/{etag}', "*"):
        status, again, body = await subscriber.asks(If_None_Match=named)
        assert (status, body, again.headers["ETag"]) == (304, b"", etag)
    assert (await subscriber.asks(If_None_Match='"other"'))[0] == 200

    book(store, 12, name="Bob")
    subscriber.now += dt.timedelta(minutes=2)
    status, changed, _ = await subscriber.asks(If_None_Match=etag)
    assert status == 200
    assert changed.headers["ETag"] != etag


async def test_the_same_appointments_have_the_same_version_tomorrow(
    subscriber: Subscriber, store: Store
) -> None:
    book(store, 10)
    _, answer, _ = await subscriber.asks()
    subscriber.now += dt.timedelta(hours=10)
    assert (await subscriber.asks(If_None_Match=answer.headers["ETag"]))[0] == 304


async def test_many_programs_ask_the_database_once_a_minute(
    subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dt.datetime] = []

    def look(store: Store, first: dt.datetime, last: dt.datetime, limit: int) -> list[Appointment]:
        asked.append(first)
        return appointments_between(store, first, last, limit)

    monkeypatch.setattr(calendarfeed, "appointments_between", look)
    await asyncio.gather(*(subscriber.asks() for _ in range(10)))
    assert len(asked) == 1
    subscriber.now += dt.timedelta(seconds=61)
    await subscriber.asks()
    assert len(asked) == 2


async def test_head_tells_the_version_without_the_content(subscriber: Subscriber) -> None:
    status, answer, body = await subscriber.asks(method="HEAD")
    assert (status, body) == (200, b"")
    assert answer.headers["ETag"]


async def test_the_feed_is_bounded(
    subscriber: Subscriber, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendarfeed, "MAX_ENTRIES", 2)
    for hour in (10, 12, 14):
        book(store, hour)
    _, _, body = await subscriber.asks()
    assert len(Calendar.from_ical(body).events) == 2


async def test_a_database_that_fails_is_told_to_try_again_later(
    subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise BackendError("down", permanent=False)

    monkeypatch.setattr(calendarfeed, "appointments_between", broken)
    status, answer, body = await subscriber.asks()
    assert (status, answer.headers["Retry-After"], body) == (503, "60", b"")


async def test_the_number_is_shown_when_that_is_configured(store: Store) -> None:
    book(store, 10)
    shop = msgspec.structs.replace(shop_with(), calendar_shows="name_and_number")
    async with serving(store, shop) as subscriber:
        _, _, body = await subscriber.asks()
    assert b"Telephone +442079460001" in body


@pytest.mark.parametrize(("secret", "status"), [("", 404), (SECRET, 200)])
async def test_the_service_serves_it_only_when_it_is_configured(
    tmp_path: Path, secret: str, status: int
) -> None:
    environ = {"FRONTDESK_DATA_DIR": str(tmp_path), "FRONTDESK_CALENDAR_FEED_SECRET": secret}
    service = await open_service(load(environ, tmp_path))
    async with (
        aiohttp.ClientSession() as http,
        serving_app(service.app) as port,
        http.get(f"http://127.0.0.1:{port}/calendar/{SECRET}.ics") as answer,
    ):
        assert answer.status == status
    await service.stop()


async def test_the_service_keeps_calendars_and_lets_go_of_them(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        f"{SHOP}calendars:\n"
        "  - {resource: Anna, url: 'http://127.0.0.1:1/a/', user: a, password: b}\n"
    )
    environ = {"FRONTDESK_CONFIG_DIR": str(tmp_path), "FRONTDESK_SECRET_B": "canary"}
    settings = load({**environ, "FRONTDESK_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    assert "canary" not in repr(settings)
    service = await open_service(settings)
    await service.keep_calendars()
    assert "calendar Anna" in service._tasks.names()
    await service.stop()
    assert service._tasks.names() == []
    assert service.counters["task_failed"] == 0
