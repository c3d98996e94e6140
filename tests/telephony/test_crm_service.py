"""The running service with an outside book of contacts."""

import asyncio
from pathlib import Path

import pytest

from telephony.app import open_service
from telephony.settings import Settings, load
from tests.fakes.crm_server import TOKEN, CrmServer
from tests.tools.desk import CALLER, NOW
from tools.config import ConfigError
from tools.spec import ToolContext

CRM = "backend: hubspot\noutside:\n  base_url: {}\n"


def settings_with(folder: Path, crm: str, **environ: str) -> Settings:
    (folder / "config").mkdir()
    (folder / "config" / "crm.yaml").write_text(crm)
    places = {"FRONTDESK_DATA_DIR": str(folder / "data")}
    places["FRONTDESK_CONFIG_DIR"] = str(folder / "config")
    return load({**places, "OPENAI_API_KEY": "sk-test", **environ}, folder)


async def silent(_models: object, _sentence: str) -> bytes:
    return b""


async def test_the_service_tells_the_outside_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.app.spoken", silent)
    async with CrmServer().serve() as server:
        settings = settings_with(
            tmp_path, CRM.format(server.base_url), FRONTDESK_SECRET_HUBSPOT_TOKEN=TOKEN
        )
        service = await open_service(settings)
        context = ToolContext("CA1", CALLER, NOW, "k1")
        await asyncio.to_thread(service.cast.crm.contacts.add_note, CALLER, "Tea.", context)
        assert server.asked == []
        await service.warm()
        while not server.objects["notes"]:
            await asyncio.sleep(0.01)
        await service.stop()


async def test_a_missing_credential_stops_the_start(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "backend: hubspot\n")
    with pytest.raises(ConfigError, match="FRONTDESK_SECRET_HUBSPOT_TOKEN: is not set"):
        await open_service(settings)


async def test_a_mistake_in_the_file_stops_the_start(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "backend: hubspott\n")
    with pytest.raises(ConfigError, match=r"crm.yaml:1:10"):
        await open_service(settings)
