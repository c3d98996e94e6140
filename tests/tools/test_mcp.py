"""The tools of an MCP server: a real one on both transports, and one that does not behave."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.tasks import Tasks
from tests.tools.desk import Desk, said
from tests.tools.http_double import (
    CONTEXT,
    Double,
    Reply,
    answer,
    base,
    flood,
    hang_up,
    redirect,
)
from tools.http.door import Door
from tools.mcp import pipe
from tools.mcp.listing import listing
from tools.mcp.offer import mcp_tools
from tools.mcp.section import McpSection, connection, read
from tools.mcp.server import McpServer, Up
from tools.spec import BackendError, OutcomeUnknownError, Result, Risk, Tool, ToolContext

HERE = Path(__file__).parent
SECRETS = {"TOKEN": "s3cr3t"}


ABOUT: dict[McpServer, McpSection] = {}


@asynccontextmanager
async def running(
    section: dict[str, Any], changed: Callable[[], None] = lambda: None
) -> AsyncIterator[McpServer]:
    failures: list[BaseException] = []
    tasks = Tasks(lambda _name, error: failures.append(error))
    door = Door()
    about = read({"include": ["*"], "start_s": 30, **section})
    server = McpServer(
        "tickets",
        connection(about),
        SECRETS,
        door,
        tasks.start,
        changed=changed,
        backoff_s=(0.1,),
    )
    ABOUT[server] = about
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        await tasks.cancel_all()
        await door.close()
    assert failures == []


def real() -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(HERE / "mcp_real.py"), "stdio"]}


def rogue(mode: str, **given: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": ["-S", str(HERE / "mcp_rogue.py"), mode], **given}


def offered(server: McpServer, deadline_s: float = 20.0) -> dict[str, Tool]:
    made = mcp_tools(server, ABOUT[server], base(deadline_s=deadline_s), SECRETS)
    return {tool.name: tool for tool in made}


async def run(tool: Tool, **arguments: Any) -> Result:
    return await tool.handler(arguments, CONTEXT)  # type: ignore[misc, no-any-return]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "GRACE_S", 0.2)


# ---- a real server -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, str(HERE / "mcp_real.py"), "http"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        yield f"http://127.0.0.1:{port}/mcp"
        process.kill()


async def story(server: McpServer) -> None:
    """What must be so on either transport."""
    tools = offered(server)
    assert server.health().state is Up.UP
    assert {name: tool.risk for name, tool in tools.items()} == {
        "t_find_ticket": Risk.READ,
        "open": Risk.WRITE_OTHER,
        "t_drop_ticket": Risk.DELETE,
        "t_variables": Risk.WRITE_OTHER,
        "t_picture": Risk.WRITE_OTHER,
        "t_rest": Risk.READ,
    }
    assert tools["open"].description == "Opens one."
    assert tools["t_find_ticket"].description == "Where a ticket stands."
    assert tools["t_find_ticket"].parameters == {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    }
    assert set((tools["open"].parameters or {})["properties"]) == {"title"}

    found = await run(tools["t_find_ticket"], number=7)
    assert found["message"] == "Here is what I found."
    assert found["untrusted_data"] == {"number": 7, "state": "open"}
    opened = await run(tools["open"], title="Leak")
    assert opened["untrusted_text"].startswith("Leak for +442079460001: key-1,")
    assert opened["message"] == "It is open."
    picture = await run(tools["t_picture"])
    assert picture["untrusted_text"] == "a word"
    assert picture["left_out"] == ["image (image/png)"]
    with pytest.raises(OutcomeUnknownError, match="error_reported"):
        await run(tools["t_drop_ticket"], number=1)
    with pytest.raises(BackendError, match="timeout"):
        await run(with_deadline(server, "t_rest", 0.5), seconds=30)
    assert (await run(tools["t_find_ticket"], number=8))["untrusted_data"]["number"] == 8


STORY = {
    "prefix": "t_",
    "tools": {
        "find_ticket": {"risk": "read"},
        "rest": {"risk": "read"},
        "open_ticket": {
            "name": "open",
            "description": "Opens one.",
            "message": "It is open.",
            "fixed": {"caller": "{context.caller_number}"},
        },
    },
}


def with_deadline(server: McpServer, name: str, deadline_s: float) -> Tool:
    return offered(server, deadline_s)[name]


async def test_a_real_server_over_its_pipes() -> None:
    env = {"TOKEN": "{secret.TOKEN}", "PYTHONDONTWRITEBYTECODE": "1"}
    async with running({**real(), **STORY, "env": env}) as server:
        await story(server)
        seen = await run(offered(server)["t_variables"])
        assert set(seen["untrusted_data"]["result"]) - {"LC_CTYPE"} == set(env)


async def test_a_real_server_over_http(address: str) -> None:
    section = {"url": address, "allow_private": ["127.0.0.1"], **STORY}
    async with running(section) as server:
        await story(server)


async def test_through_the_dispatcher_it_is_done_once(address: str, plain: Any) -> None:
    section = {"url": address, "allow_private": ["127.0.0.1"], "include": ["variables"]}
    async with running(section) as server:
        (tool,) = mcp_tools(server, ABOUT[server], base(), {})

        async def handler(arguments: Any, context: ToolContext) -> Result:
            return await run_as(tool, msgspec.to_builtins(arguments), context)

        desk = Desk([msgspec.structs.replace(tool, handler=handler)], plain)
        first = await desk.ask("variables")
        again = await desk.ask("variables")
    assert said(first)["status"] == "done"
    assert (again.repeated, again.output) == (True, first.output)


async def run_as(tool: Tool, arguments: Any, context: ToolContext) -> Result:
    return await tool.handler(arguments, context)  # type: ignore[misc, no-any-return]


async def test_a_server_at_a_private_address_is_not_asked(address: str) -> None:
    async with running({"url": address}) as server:
        assert server.health().state is Up.DOWN
        assert server.health().reason == "not_reached"


async def test_a_server_that_went_away_is_reached_again() -> None:
    command = [sys.executable, str(HERE / "mcp_real.py"), "http"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        section = {
            "url": f"http://127.0.0.1:{port}/mcp",
            "allow_private": ["127.0.0.1"],
            "include": ["open_ticket"],
        }
        async with running(section) as server:
            (tool,) = offered(server).values()
            await run(tool, title="Leak")
            process.kill()
            process.wait()
            with pytest.raises(BackendError) as failed:
                await run(tool, title="Leak")
            assert not failed.value.permanent


# ---- one that does not behave --------------------------------------------------------------------


async def test_fault_x11_mcp_server_hangs_at_the_greeting() -> None:
    async with running(rogue("mute", start_s=0.3)) as server:
        assert (server.health().state, server.health().reason) == (Up.DOWN, "timeout")
        assert offered(server) == {}


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        (rogue("gone"), "connection_ended"),
        (rogue("garbage"), "connection_ended"),
        ({"command": "/nowhere/at/all"}, "program_not_found"),
        ({"command": "/etc"}, "program_not_allowed"),
        ({"url": "https://192.168.7.7/mcp"}, "not_reached"),
    ],
    ids=["gone", "garbage", "missing", "folder", "private"],
)
async def test_fault_x11_mcp_server_does_not_start(section: dict[str, Any], reason: str) -> None:
    async with running(section) as server:
        assert (server.health().state, server.health().reason) == (Up.DOWN, reason)


async def test_fault_x11_mcp_server_dies_in_a_call() -> None:
    """Nobody knows what came of the write; a read failed; then the server is there again."""
    async with running(rogue("dies", tools={"look": {"risk": "read"}})) as server:
        tools = offered(server)
        with pytest.raises(OutcomeUnknownError):
            await run(tools["write"], n=1)
        with pytest.raises(BackendError, match="server_down") as failed:
            await run(tools["write"], n=1)
        assert not failed.value.permanent
        await until(lambda: server.health().state is Up.DOWN)
        await until(lambda: server.health().state is Up.UP)
        with pytest.raises(BackendError, match=r"connection_lost|no_answer"):
            await run(tools["look"], n=1)


async def test_fault_x11_mcp_server_hangs_in_a_call_and_leaves_nothing_behind() -> None:
    async with running(rogue("hangs", tools={"look": {"risk": "read"}})) as server:
        with pytest.raises(BackendError, match="timeout"):
            await run(offered(server, 0.5)["look"], n=1)
        group = children()
        assert group
    await until(lambda: not any(alive(pid) for pid in group))


async def test_a_server_that_ends_well_leaves_nothing_behind_either() -> None:
    async with running(rogue("litters")) as server:
        await run(offered(server)["write"], n=1)
        group = children()
        assert len(group) == 2
    await until(lambda: not any(alive(pid) for pid in group))


def children() -> list[int]:
    """What we started, and what that started."""
    parents = {int(each.name): parent_of(each) for each in Path("/proc").glob("[0-9]*")}
    own = [pid for pid, above in parents.items() if above == os.getpid()]
    rogues = [pid for pid in own if "mcp_rogue" in command_of(pid)]
    return [*rogues, *(pid for pid, above in parents.items() if above in rogues)]


def parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def test_fault_x5_mcp_answer_of_five_megabytes() -> None:
    async with running(rogue("huge", tools={"look": {"risk": "read"}})) as server:
        with pytest.raises(BackendError):
            await run(offered(server)["look"], n=1)


async def test_fault_x5_mcp_answer_that_is_none() -> None:
    async with running(rogue("unreadable", tools={"look": {"risk": "read"}})) as server:
        with pytest.raises(BackendError, match="no_answer"):
            await run(offered(server)["look"], n=1)
        with pytest.raises(OutcomeUnknownError, match="no_answer"):
            await run(offered(server)["write"], n=1)


async def test_fault_x5_mcp_server_gives_orders(plain: Any) -> None:
    """In its description and in its answer: cut, cleaned, and marked as somebody else's words."""
    async with running(rogue("injects", tools={"look": {"risk": "read"}})) as server:
        tool = offered(server)["look"]
        assert len(tool.description) <= 600
        assert tool.description.isprintable()
        result = await run(tool, n=1)
    assert result["message"] == "Here is what I found."
    assert set(result) == {"message", "untrusted_text", "untrusted_data", "cut"}
    assert len(str(result)) < 6_100


async def test_fault_x12_mcp_schemas_that_are_bombs() -> None:
    async with running(rogue("plain")) as server:
        tools = offered(server)
        refused = listing(ABOUT[server], server.listed or (), base()).refused
    assert set(tools) == {"look", "slow_pattern", "write"}
    assert refused == {
        "bomb": "its schema is nested too deep",
        "deep": "its schema is nested too deep",
        "outside": "its schema refers to another document",
    }
    # Neither its patterns nor a claim on what callers type in confidence.
    assert (tools["slow_pattern"].parameters or {})["properties"] == {"a": {"type": "string"}}


async def test_a_read_that_took_too_long_is_called_off() -> None:
    async with running(rogue("slow", tools={"look": {"risk": "read"}})) as server:
        with pytest.raises(BackendError, match="timeout"):
            await run(offered(server, 0.3)["look"], n=1)
        async with asyncio.timeout(30):
            heard = ""
            while "notifications/cancelled" not in heard:
                heard = (await run(offered(server)["look"], n=1))["untrusted_text"]


async def test_a_write_is_never_called_off() -> None:
    async with running(rogue("slow")) as server:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run(offered(server, 0.3)["write"], n=1), 0.6)
        for _ in range(3):
            heard = (await run(offered(server)["write"], n=1))["untrusted_text"]
            assert "notifications/cancelled" not in heard


async def test_fault_x8_mcp_write_past_its_deadline_is_recorded_when_it_ends(
    address: str, plain: Any
) -> None:
    section = {"url": address, "allow_private": ["127.0.0.1"], "include": ["rest"]}
    async with running(section) as server:
        (tool,) = mcp_tools(server, ABOUT[server], base(deadline_s=0.3), {})

        async def handler(arguments: Any, context: ToolContext) -> Result:
            return await run_as(tool, {"seconds": 0.8}, context)

        bare = msgspec.structs.replace(tool, handler=handler, parameters=NOTHING)
        desk = Desk([bare], plain)
        assert said(await desk.ask("rest"))["status"] == "unknown"
        async with asyncio.timeout(30):
            while said(again := await desk.ask("rest"))["status"] == "unknown":
                await asyncio.sleep(0.05)
        assert again.repeated
        assert "rested" in again.output


NOTHING = {"type": "object", "properties": {}}


async def test_noise_between_the_messages_is_passed_over() -> None:
    async with running(rogue("noisy")) as server:
        assert server.health().state is Up.UP


async def test_a_change_of_the_list_changes_no_tool_that_was_handed_out() -> None:
    changed = asyncio.Event()
    async with running(rogue("changes", tools={"look": {"risk": "read"}})) as server:
        server._changed = changed.set
        before = offered(server)
        answer = await run(before["look"], n=1)
        assert answer["untrusted_text"] == '{"n": 1}'
        await asyncio.wait_for(changed.wait(), 20)
        after = offered(server)
        assert set(after) - set(before) == {"new"}
        assert after["look"].description == "New."
        assert "n" in (before["look"].parameters or {})["properties"]
        await run(before["look"], n=2)


async def test_what_a_server_did_not_take_was_not_done() -> None:
    async with running(rogue("declines")) as server:
        with pytest.raises(BackendError, match="not_accepted") as failed:
            await run(offered(server)["write"], n=1)
        assert failed.value.permanent


async def test_a_server_is_offered_nothing() -> None:
    """It asked for a sampling and was told that there is none."""
    async with running(rogue("asks", tools={"look": {"risk": "read"}})) as server:
        answer = await run(offered(server)["look"], n=1)
    assert "error" in answer["untrusted_text"]
    assert '"id":77' in answer["untrusted_text"]


async def test_a_stopped_server_is_not_asked() -> None:
    async with running(rogue("plain")) as server:
        tool = offered(server)["write"]
    assert server.health().state is Up.STOPPED
    with pytest.raises(BackendError, match="server_down"):
        await run(tool, n=1)


# ---- over HTTP, badly ----------------------------------------------------------------------------


GREETING = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "Double", "version": "1"},
}
LIST = {"tools": [{"name": "write", "inputSchema": {"type": "object"}}]}


def speaking(call: Reply, session: str = "") -> Double:
    """Greets and lists as it should; answers each call with `call`."""
    headers = {"Mcp-Session-Id": session} if session else {}

    async def reply(writer: asyncio.StreamWriter) -> None:
        seen = double.seen[-1]
        asked = seen.json if seen.body else {}
        results = {"initialize": GREETING, "tools/list": LIST}
        if (method := asked.get("method")) in results:
            data = {"jsonrpc": "2.0", "id": asked["id"], "result": results[method]}
            await answer(data=data, headers=headers)(writer)
        elif method == "tools/call":
            await call(writer)
        else:
            await answer(202 if asked else 405, body=b"")(writer)

    double = Double(reply)
    return double


def greetings(double: Double) -> int:
    return sum(b'"initialize"' in each.body for each in double.seen)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (hang_up(), OutcomeUnknownError),
        (answer(500, {}), OutcomeUnknownError),
        (answer(202, body=b""), OutcomeUnknownError),
        (answer(body=b"{"), OutcomeUnknownError),
        (answer(body=b"<html>", kind="text/html"), OutcomeUnknownError),
        (flood(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"), OutcomeUnknownError),
        (answer(body=b"data: x\n\n", kind="text/event-stream"), OutcomeUnknownError),
        (redirect(307, "https://elsewhere.test/"), OutcomeUnknownError),
    ],
    ids=["hang-up", "500", "202", "malformed", "wrong-type", "flood", "stream-ends", "redirect"],
)
async def test_fault_x11_mcp_over_http(reply: Reply, kind: type[Exception]) -> None:
    """A write that was sent is never called failed; and it is sent once."""
    async with speaking(reply) as double:
        section = {
            "url": double.url("/mcp"),
            "allow_private": ["127.0.0.1"],
            "headers": {"Authorization": "Bearer {secret.TOKEN}"},
        }
        async with running(section) as server:
            sent = len(double.seen)
            with pytest.raises(kind):
                await run(offered(server)["write"])
            assert len([each for each in double.seen[sent:] if b"tools/call" in each.body]) == 1
    assert all(seen.headers["authorization"] == "Bearer s3cr3t" for seen in double.seen)


async def test_a_session_that_is_gone_is_begun_anew() -> None:
    """404 means that the message was not taken (Streamable HTTP, Session Management)."""
    async with speaking(answer(404, body=b""), session="one") as double:
        section = {"url": double.url("/mcp"), "allow_private": ["127.0.0.1"]}
        async with running(section) as server:
            with pytest.raises(BackendError, match="not_sent"):
                await run(offered(server)["write"])
            assert greetings(double) == 1
            await until(lambda: greetings(double) == 2 and server.health().state is Up.UP)


async def test_a_write_to_a_server_that_is_not_there_any_more_failed() -> None:
    async with speaking(answer()) as double:
        section = {"url": double.url("/mcp"), "allow_private": ["127.0.0.1"]}
        async with running(section) as server:
            tool = offered(server)["write"]
            await double.__aexit__(None, None, None)
            with pytest.raises(BackendError, match="not_sent") as failed:
                await run(tool)
            assert not failed.value.permanent
            await until(lambda: server.health().state is Up.DOWN)
