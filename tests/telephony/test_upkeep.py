"""Calendars and the outside book follow what is published; calls keep what they began with."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from telephony.app import Service, open_service
from telephony.settings import load
from tests.fakes.crm_server import TOKEN, CrmServer
from tests.tools.desk import CALLER, NOW
from tools.booking.shop import DEFAULT_SHOP
from tools.spec import ToolContext

BOOK = "backend: hubspot\noutside:\n  base_url: {}\n"
CALENDAR = """\
calendars:
  - {{resource: chair 1, url: "http://127.0.0.1:1/{}/", user: a, password: front}}
"""
SOON_S = 20.0


async def silent(_models: object, _sentence: str) -> bytes:
    return b""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("telephony.app.spoken", silent)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/shop.yaml").write_text(DEFAULT_SHOP)
    return tmp_path


@pytest.fixture
async def service(place: Path) -> AsyncGenerator[Service]:
    places = {
        "FRONTDESK_DATA_DIR": str(place / "data"),
        "FRONTDESK_CONFIG_DIR": str(place / "config"),
    }
    secrets = {"FRONTDESK_SECRET_FRONT": "x", "FRONTDESK_SECRET_HUBSPOT_TOKEN": TOKEN}
    made = await open_service(load({**places, **secrets, "OPENAI_API_KEY": "sk-test"}, place))
    await made.warm()
    yield made
    await made.stop()
    assert made.counters["task_failed"] == 0
    assert made._tasks.names() == []


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not true():
            await asyncio.sleep(0.01)


async def written(service: Service, path: Path, text: str) -> int:
    """A change in the folder, taken over; the version that is published now."""
    before = service._current.live.version
    path.write_text(text)
    for _ in range(3):
        await service._follower.look()
    assert service._current.live.version > before
    return service._current.live.version


async def test_a_calendar_that_is_entered_is_kept_in_step_at_once(
    service: Service, place: Path
) -> None:
    def kept() -> list[str]:
        return [name for name in service._tasks.names() if name.startswith("calendar chair")]

    await service.keep_calendars()
    first = service._upkeep._calendars
    assert (first is not None, kept()) == (True, [])
    await written(service, place / "config/shop.yaml", DEFAULT_SHOP + CALENDAR.format("one"))
    await until(lambda: kept() == ["calendar chair 1"])
    second = service._upkeep._calendars
    assert second is not first

    # What has nothing to do with the shop leaves them alone.
    await written(service, place / "config/snippets.yaml", "snippets: {rules: Be kind.}\n")
    assert service._upkeep._calendars is second
    await written(service, place / "config/shop.yaml", DEFAULT_SHOP)
    await until(lambda: kept() == [])


async def test_where_no_calls_are_taken_no_calendar_is_kept(service: Service, place: Path) -> None:
    await written(service, place / "config/shop.yaml", DEFAULT_SHOP + CALENDAR.format("one"))
    await service._upkeep.follow(service.shop, service.cast.crm)
    assert service._upkeep._calendars is None


async def test_another_book_is_told_from_the_next_call_on(service: Service, place: Path) -> None:
    before = service.cast
    assert before.crm.outbox is None
    async with CrmServer().serve() as server:
        await written(service, place / "config/crm.yaml", BOOK.format(server.base_url))
        assert service.cast.crm.outbox is not None
        assert before.crm.outbox is None, "calls that run keep theirs"
        context = ToolContext("CA1", CALLER, NOW, "k1")
        await asyncio.to_thread(service.cast.crm.contacts.add_note, CALLER, "Tea.", context)
        await until(lambda: bool(server.objects["notes"]))
        assert service._tasks.names().count("crm outbox") == 1

        # The same book again is the same: what it knows of its server is kept.
        desk = service.cast.crm
        await written(service, place / "config/snippets.yaml", "snippets: {rules: Be kind.}\n")
        assert service.cast.crm is desk

        await written(service, place / "config/crm.yaml", "backend: own\n")
        await until(lambda: "crm outbox" not in service._tasks.names())
        assert service.cast.crm.outbox is None


async def test_a_book_whose_secret_is_missing_replaces_nothing(
    service: Service, place: Path
) -> None:
    version = service._current.live.version
    credential = "backend: hubspot\noutside: {credential: other-token}\n"
    (place / "config/crm.yaml").write_text(credential)
    for _ in range(3):
        await service._follower.look()
    assert service._current.live.version == version
    assert "FRONTDESK_SECRET_OTHER_TOKEN: is not set" in service._follower.standing.reasons[0]


async def test_how_callers_are_checked_follows_too(service: Service, place: Path) -> None:
    await written(service, place / "config/crm.yaml", "check: {needed: 2}\n")
    assert service.cast.crm.rules.needed == 2


async def test_what_comes_after_the_end_begins_nothing(service: Service, place: Path) -> None:
    await service._upkeep.stop()
    await service._upkeep.keep_calendars(service.shop, service.cast.crm)
    assert service._upkeep._calendars is None
