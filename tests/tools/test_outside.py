"""The owner of what lies outside: one server for all files about it, nothing left at the end."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from agents.tasks import Tasks
from tests.tools.http_double import CONTEXT, Double, answer, base
from tools.breaker import Breaker
from tools.mcp import pipe
from tools.mcp.section import read
from tools.mcp.server import Up
from tools.outside import Outside, shown
from tools.spec import BackendError

ROGUE = str(Path(__file__).parent / "mcp_rogue.py")


def about(tool: str, mode: str = "plain") -> dict[str, Any]:
    return {"command": sys.executable, "args": ["-S", ROGUE, mode], "tool": tool}


class Breakers:
    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Breaker:
        self.made += 1
        return Breaker()


@pytest.fixture
async def outside(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    monkeypatch.setattr(pipe, "GRACE_S", 0.2)
    failures: list[BaseException] = []
    tasks = Tasks(lambda _name, error: failures.append(error))
    made = Outside({"KEY": "sesame"}, tasks.start, breaker=Breakers())
    yield made
    await made.stop()
    await tasks.cancel_all()
    assert failures == []


async def test_files_about_one_server_share_it(outside: Outside) -> None:
    sections = [about("look"), about("write"), {"command": "no"}]
    await outside.prepare(sections)
    assert [(each.state, each.tools) for each in outside.health()] == [(Up.UP, 6)]
    look, write = (outside.mcp(base(), each) for each in sections[:2])
    assert (look.name, look.description) == ("ask", "Asks.")
    result = await write.handler({"n": 3}, CONTEXT)  # type: ignore[misc]
    assert result["untrusted_text"] == '{"n": 3}'
    several = {**about(""), "include": ["write", "bomb"], "prefix": "x_"}
    assert [tool.name for tool in outside.mcp_all(base(), several)] == ["x_write"]
    await outside.keep([about("look")])
    assert len(outside.health()) == 1
    await outside.keep([])
    assert outside.health() == ()
    with pytest.raises(BackendError, match="server_down"):
        await look.handler({"n": 1}, CONTEXT)  # type: ignore[misc]


async def test_what_was_asked_for_since_is_not_let_go(outside: Outside) -> None:
    old, building = about("look"), {**about("look"), "env": {"ELSE": "1"}}
    await outside.prepare([old])
    before = outside.preparations
    await outside.prepare([building])
    await outside.keep([old], before)
    assert len(outside.health()) == 2
    await outside.keep([building], before)
    assert len(outside.health()) == 1


@pytest.mark.parametrize(("name", "why"), [("gone", "no such tool"), ("bomb", "nested too deep")])
async def test_a_tool_the_server_has_not_keeps_no_service_from_starting(
    outside: Outside, name: str, why: str
) -> None:
    """What a server lists today says nothing of the file: the tool fails politely meanwhile."""
    await outside.prepare([about(name)])
    with capture_logs() as logged:
        tool = outside.mcp(base(), about(name))
    (told,) = (line for line in logged if line["event"] == "mcp_tool_unfit")
    assert why in told["why"]
    with pytest.raises(BackendError, match="server_down"):
        await tool.handler({}, CONTEXT)  # type: ignore[misc]


async def test_what_a_server_calls_like_another_file_s_tool_is_left_out(outside: Outside) -> None:
    section = {**about(""), "include": ["*"]}
    assert outside.mcp_problems(base(), section) == []
    assert outside.mcp_all(base(), section) == (), "it has never been reached"
    await outside.prepare([section])
    with capture_logs() as logged:
        made = outside.mcp_all(base(), section, {"look"})
    assert [tool.name for tool in made] == ["slow_pattern", "write"]
    told = {line["tool"]: line["reason"] for line in logged}
    assert told["look"] == "another file has a tool look: give it another name"
    assert set(told) == {"look", "bomb", "deep", "outside"}


async def test_a_server_that_is_down_breaks_no_configuration(outside: Outside) -> None:
    await outside.prepare([about("look", "gone")])
    strict = msgspec.structs.replace(base(), confirm=("n",), must_be_said=("n",))
    tool = outside.mcp(strict, about("look", "gone"))
    assert (tool.parameters, tool.confirm, tool.must_be_said) == (None, (), ())
    with pytest.raises(BackendError, match="server_down") as failed:
        await tool.handler({}, CONTEXT)  # type: ignore[misc]
    assert not failed.value.permanent


async def test_a_tool_that_was_made_unseen_stays_out_of_use(outside: Outside) -> None:
    """When its server comes up: nobody has looked at what it takes, or what is to be confirmed."""
    unseen = outside.mcp(msgspec.structs.replace(base(), confirm=("n",)), about("write"))
    await outside.prepare([about("write")])
    with pytest.raises(BackendError, match="server_down"):
        await unseen.handler({"n": 1}, CONTEXT)  # type: ignore[misc]
    seen = outside.mcp(msgspec.structs.replace(base(), confirm=("n",)), about("write"))
    assert seen.confirm == ("n",)


async def test_one_breaker_serves_all_tools_of_a_host(outside: Outside) -> None:
    async with Double(answer(data={})) as double:
        section = {"url": double.url(), "allow_private": ["127.0.0.1"]}
        for name in ("one", "two"):
            tool = outside.http(msgspec.structs.replace(base(), name=name), section)
            assert await tool.handler({}, CONTEXT) == {}  # type: ignore[misc]
    breakers = outside._breaker
    assert isinstance(breakers, Breakers)
    assert breakers.made == 1


async def test_problems_are_told_with_the_names_of_secrets_that_are_set(outside: Outside) -> None:
    section = {"url": "https://api.test/", "headers": {"X": "{secret.GONE}"}}
    (told,) = outside.http_problems(base(), section)
    assert "GONE" in told.what
    over = {**about("x"), "env": {"X": "{secret.GONE}", "Y": "{secret.KEY}"}}
    (told,) = outside.mcp_problems(base(), over)
    assert "GONE" in told.what


def test_a_server_is_called_by_its_program_or_host() -> None:
    assert shown(read({"command": "/usr/bin/tickets"})) == "tickets"
    assert shown(read({"url": "https://tools.test/mcp"})) == "tools.test"
