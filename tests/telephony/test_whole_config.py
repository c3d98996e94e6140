"""The configuration changes while calls are on: each call keeps what it began with."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from telephony.transcripts.archive import Archive
from telephony.transcripts.entry import AgentLine
from telephony.twilio.ports import Offer
from tests.telephony.api_client import KEY
from tests.telephony.test_whole_call import House, caller, house
from tools.booking.shop import DEFAULT_SHOP

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

HEADERS = {"Authorization": f"Bearer {KEY}"}


def shop(name: str) -> str:
    return DEFAULT_SHOP.replace("name: Willow Street Salon", f"name: {name}")


class Api:
    """The service's API over its own port."""

    def __init__(self, built: House, http: aiohttp.ClientSession) -> None:
        self._base = f"{built.service.settings.public_url}/api/v1"
        self._http = http

    async def ask(self, method: str, path: str, **how: Any) -> Any:
        async with self._http.request(method, f"{self._base}/{path}", **how) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def publish(self, name: str) -> None:
        """A new shop.yaml, live."""
        etag = (await self.ask("GET", "config/files/shop.yaml"))["etag"]
        body = {"text": shop(name), "why": "a new name"}
        saved = await self.ask(
            "PUT", "config/files/shop.yaml", json=body, headers={"If-Match": etag}
        )
        await self.ask("POST", f"config/versions/{saved['version']}/publish", json={})

    async def greeted(self, built: House, name: str) -> None:
        """Wait until a call that rings would get this shop."""
        offer = Offer("CA0", "AC0", "+15550002222", "+15550001111")
        while built.service.rollout.live_for(offer).built.cast.configuration.shop.name != name:
            await asyncio.sleep(0.05)

    async def running(self, version: int, folder: str = "taken") -> dict[str, Any]:
        """Wait until the service goes by this version and stands so to its folder."""
        while True:
            found: dict[str, Any] = await self.ask("GET", "config/status")
            if (found["running"], found["folder"]) == (version, folder):
                return found
            await asyncio.sleep(0.05)


async def test_fault_c7_a_running_call_keeps_its_version_and_the_next_one_has_the_new(
    tmp_path: Path,
) -> None:
    (tmp_path / "config").mkdir()
    file = tmp_path / "config" / "shop.yaml"
    file.write_text(shop("First"))
    opened = house(tmp_path, FRONTDESK_GREETING="", FRONTDESK_API_KEY=KEY)
    async with opened as built, aiohttp.ClientSession(headers=HEADERS) as http:
        api = Api(built, http)
        async with asyncio.TaskGroup() as calls:
            first = calls.create_task(built.phone.dial(caller(hang_up_ms=4_000)))
            await built.model.session()
            await api.publish("Second")
            await api.running(2)
            second = await built.phone.dial(caller(hang_up_ms=2_000))
            # In the folder: broken for a moment, then mended, with a file that nobody else has.
            file.write_text("services: [")
            told = await api.running(2, "broken")
            file.write_text(shop("First"))
            (tmp_path / "config" / "phone.yaml").write_text("voicemail: {enabled: false}")
            await api.running(4)  # 3 is what the folder holds, 4 that with what was published
    assert {first.result().errors, second.errors} == {()}
    assert "shop.yaml:1:12" in told["reasons"][0]
    assert (built.service.shop.name, built.service.line.voicemail.enabled) == ("Second", False)
    archive = Archive(tmp_path / "data")
    versions = [call.summary.config_version for call in archive.newest(5)]
    assert sorted(versions) == [1, 2]
    greetings = {line.text for line in built.of(AgentLine) if isinstance(line, AgentLine)}
    assert {text.split(",")[0] for text in greetings} == {
        "Thanks for calling First",
        "Thanks for calling Second",
    }


async def test_fault_c7_a_call_keeps_the_version_that_is_rolled_out_and_the_next_has_the_old(
    tmp_path: Path,
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "shop.yaml").write_text(shop("First"))
    opened = house(tmp_path, FRONTDESK_GREETING="", FRONTDESK_API_KEY=KEY)
    async with opened as built, aiohttp.ClientSession(headers=HEADERS) as http:
        api = Api(built, http)
        etag = (await api.ask("GET", "config/files/shop.yaml"))["etag"]
        body = {"text": shop("Second"), "why": "to be tried"}
        await api.ask("PUT", "config/files/shop.yaml", json=body, headers={"If-Match": etag})
        await api.ask("POST", "rollouts", json={"version": 2, "percent": 100})
        await api.greeted(built, "Second")
        async with asyncio.TaskGroup() as calls:
            first = calls.create_task(built.phone.dial(caller(hang_up_ms=4_000)))
            await built.model.session()
            await api.ask("POST", "rollouts/1/stop", json={"why": "no"})
            await api.greeted(built, "First")
        second = await built.phone.dial(caller(hang_up_ms=2_000))
    assert {first.result().errors, second.errors} == {()}
    archive = Archive(tmp_path / "data")
    assert [call.summary.config_version for call in archive.newest(5)] == [1, 2]
