"""The running service with one file for several tools of an MCP server."""

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telephony.app import Service, open_service
from telephony.casting import Part
from telephony.settings import load
from tests.tools.desk import CALLER
from tools.spec import ToolOutcome, ToolRequest, ToolState

ROGUE = str(Path(__file__).parent.parent / "tools/mcp_rogue.py")
OURS = "+442079460000"


def tickets(include: list[str], **more: Any) -> str:
    section = {"command": sys.executable, "args": ["-S", ROGUE, "plain"], "include": include}
    # JSON is YAML.
    return json.dumps({"handler": "mcp", "risk": "write-other", "mcp": {**section, **more}})


async def silent(_models: object, _sentence: str) -> bytes:
    return b""


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Service]:
    monkeypatch.setattr("telephony.app.spoken", silent)
    for folder in ("tools", "personas"):
        (tmp_path / "config" / folder).mkdir(parents=True)
    files = {
        "tools/tickets.yaml": tickets(["*"], tools={"look": {"risk": "read"}, "write": {}}),
        "tools/list_services.yaml": "handler: booking.list_services\n",
        "personas/anna.yaml": "tools: [look, list_services]\n",
        "personas/bob.yaml": "{}\n",
        "numbers.yaml": f'default: bob\nnumbers: {{"{OURS}": anna}}\n',
    }
    for path, text in files.items():
        (tmp_path / "config" / path).write_text(text)
    places = {"FRONTDESK_DATA_DIR": str(tmp_path / "data"), "OPENAI_API_KEY": "sk-test"}
    made = await open_service(
        load({**places, "FRONTDESK_CONFIG_DIR": str(tmp_path / "config")}, tmp_path)
    )
    yield made
    await made.stop()


def part(service: Service, called: str) -> Part:
    return service.cast.part(called, service.clock())


async def ask(service: Service, one: Part, tool: str, number: int) -> ToolOutcome:
    dispatcher = service._around.dispatcher.with_tools(one.registry, service.clock)
    arguments = json.dumps({"n": number})
    return await dispatcher.run(ToolRequest("CA1", f"tc{number}", tool, arguments, CALLER))


async def test_callers_get_the_tools_of_a_server_as_personas_have_them(service: Service) -> None:
    everybody = part(service, "+442079460009").registry.names()
    assert everybody == ("list_services", "look", "slow_pattern", "write")
    assert part(service, OURS).registry.names() == ("list_services", "look")


async def test_they_go_by_the_ledger_like_every_other_tool(service: Service) -> None:
    one = part(service, "+442079460009")
    outcomes = [await ask(service, one, "write", 3) for _ in range(2)]
    assert [each.state for each in outcomes] == [ToolState.DONE, ToolState.DONE]
    assert [each.repeated for each in outcomes] == [False, True]
    assert outcomes[0].output == outcomes[1].output
    assert (await ask(service, part(service, OURS), "write", 4)).state is ToolState.INVALID


async def test_a_change_of_the_file_is_for_calls_that_come(
    service: Service, tmp_path: Path
) -> None:
    before = part(service, "+442079460009")
    (tmp_path / "config/tools/tickets.yaml").write_text(tickets(["write", "look"], prefix="t_"))
    (tmp_path / "config/personas/anna.yaml").write_text("tools: [t_look]\n")
    for _ in range(3):
        await service._follower.look()
    assert service._follower.standing.reasons == ()
    assert part(service, OURS).registry.names() == ("t_look",)
    assert part(service, "+442079460009").registry.names() == ("list_services", "t_write", "t_look")
    assert (await ask(service, before, "write", 5)).state is ToolState.DONE
    assert len(service._backends.outside.health()) == 1, "the same server"


async def test_what_the_server_calls_otherwise_tomorrow_stops_nothing(service: Service) -> None:
    """A persona's tool that its server has not is not offered, and everything else is."""
    (server,) = service._backends.outside._servers.values()
    assert server.listed is not None
    server.listed = tuple(
        msgspec.structs.replace(each, name="list_services") if each.name == "look" else each
        for each in server.listed
    )
    service._follower.again()
    await service._follower.look()
    assert part(service, OURS).registry.names() == ("list_services",)
    tool = part(service, OURS).registry.get("list_services")
    assert tool is not None
    assert tool.tool.description.startswith("Which services")
