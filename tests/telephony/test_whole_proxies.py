"""Calls, the console and the API through nginx and Caddy, configured as the manual says.

Debian's packages are enough (nginx-light, caddy); where a program is missing its tests are skipped
loudly. They run on loopback, and without TLS: certificates are the proxy's own affair.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect

from telephony.server import listen
from telephony.simulator.phone import EndedBy
from telephony.transcripts.entry import AgentLine, EndedReason, Fate
from tests.fakes.realtime_script import Reply, Script
from tests.telephony.test_whole_call import House, caller, house_behind
from tests.tree import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

KEY = "0123456789abcdef0123"
WITH_KEY = {"FRONTDESK_API_KEY": KEY}
CLIENT = "127.0.0.2"
"""An address of this machine that is not the proxy's own."""
NAME = "phone.example.com"

Proxy = Callable[[int], AbstractAsyncContextManager[str]]


def found(program: str) -> str:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        reason = f"NO {program.upper()}: the example for it is not tried; install Debian's package"
        warnings.warn(reason, stacklevel=2)
        pytest.skip(reason)
    return path


def example(language: str, beginning: str) -> str:
    """The block of the manual that begins so."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    (block,) = [each for kind, each in blocks if kind == language and each.startswith(beginning)]
    return str(block)


@contextlib.asynccontextmanager
async def running(port: int, *command: str, **env: str) -> AsyncGenerator[str]:
    """The proxy's address, once it answers."""
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **env})
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None, f"{command[0]} has ended"
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def free_port() -> int:
    with listen("127.0.0.1", 0) as free:
        return int(free.getsockname()[1])


def nginx(folder: Path, service: int) -> AbstractAsyncContextManager[str]:
    program, port = found("nginx"), free_port()
    text = example("nginx", "map $http_upgrade").replace("listen 443 ssl", f"listen {port}")
    text = re.sub(r"^ +ssl_certificate.*\n", "", text, flags=re.M)
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{service}").replace(NAME, "_")
    own = "\n".join(
        f"{each}_temp_path {folder}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off; pid {folder}/pid; error_log {folder}/error.log;"
    user = "user root;" if os.getuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user} {head} events {{}}\nhttp {{ access_log off;\n{own}\n{text}\n}}\n", encoding="utf-8"
    )
    told = "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")
    return running(port, program, *told)


def caddy(folder: Path, service: int) -> AbstractAsyncContextManager[str]:
    program, port = found("caddy"), free_port()
    text = example("", NAME).replace(f"{NAME} {{", f"http://:{port} {{")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{service}")
    if "stream_close_delay" in text and not newer(program):
        # It is of a later version than Debian's; nothing is reloaded here.
        text = re.sub(r"^ +stream_close_delay.*\n", "", text, flags=re.M)
    config = folder / "Caddyfile"
    config.write_text(f"{{\n    admin off\n}}\n{text}", encoding="utf-8")
    told = "run", "--adapter", "caddyfile", "--config", str(config)
    places = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    return running(port, program, *told, **places)


def newer(program: str) -> bool:
    """Whether this Caddy knows of stream_close_delay."""
    told = subprocess.run([program, "version"], capture_output=True, text=True, check=True)
    numbers = re.findall(r"\d+", told.stdout)[:2]
    return tuple(map(int, numbers)) >= (2, 7)


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Proxy:
    folder = tmp_path / "proxy"
    folder.mkdir()
    return partial(request.param, folder)


@contextlib.asynccontextmanager
async def client(built: House) -> AsyncGenerator[aiohttp.ClientSession]:
    """A program with a key, somewhere else."""
    async with aiohttp.ClientSession(
        built.service.settings.public_url,
        connector=aiohttp.TCPConnector(local_addr=(CLIENT, 0)),
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=aiohttp.ClientTimeout(total=10),
    ) as session:
        yield session


async def test_a_call_goes_through_both_ways(tmp_path: Path, proxy: Proxy) -> None:
    script = Script(replies=(Reply("Till six.", 600),), caller=("When do you close?",))
    async with house_behind(proxy, tmp_path, script, None, {}) as built:
        report = await built.phone.dial(caller((3_500, 4_300), hang_up_ms=7_000))
        assert (report.ended_by, report.errors) == (EndedBy.CALLER, ())
        said = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert [(line.text, line.fate) for line in said][1:] == [("Till six.", Fate.HEARD)]
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]


async def test_the_api_streams_and_knows_whose_address_it_is(tmp_path: Path, proxy: Proxy) -> None:
    async with (
        house_behind(proxy, tmp_path, None, None, WITH_KEY) as built,
        client(built) as api,
        api.get("/api/v1/live/events") as events,
        asyncio.TaskGroup() as tasks,
    ):
        assert b"event: calls" in await news(events), "told at once: nothing is buffered"
        tasks.create_task(built.phone.dial(caller(hang_up_ms=3_000)))
        assert b"call_id" in await news(events), "while the call is on"
        body = {"kind": "number", "subject": "+12125550123", "reason": "a claim"}
        async with api.post("/api/v1/holds", json=body) as answer:
            assert answer.status == 201, await answer.text()
        (entry,) = [
            each for each in await asyncio.to_thread(audit, built) if each["action"] == "hold.place"
        ]
        assert entry["ip"] == CLIENT


async def news(events: aiohttp.ClientResponse) -> bytes:
    """The next event, signs of life aside."""
    while (found := await events.content.readuntil(b"\n\n")).startswith(b":"):
        pass
    return found


def audit(built: House) -> list[dict[str, str]]:
    """What the audit log of the database has."""
    query = "SELECT action, ip FROM console_audit"

    def work(connection: object) -> list[dict[str, str]]:
        rows = connection.exec_driver_sql(query)  # type: ignore[attr-defined]
        return [{"action": row.action, "ip": row.ip} for row in rows]

    return built.service.store.read(work)


async def test_a_page_rings_by_a_socket_and_nothing_else_is_public(
    tmp_path: Path, proxy: Proxy
) -> None:
    async with house_behind(proxy, tmp_path, None, None, WITH_KEY) as built, client(built) as api:
        async with (
            aiohttp.ClientSession(built.service.settings.public_url) as stranger,
            stranger.get("/console/sign-in") as page,
        ):
            assert (page.status, "Sign in" in await page.text()) == (200, True)
        for path in ("/readyz", "/metrics", "/", "/consoles", "/twilioo"):
            async with api.get(path) as hidden:
                assert hidden.status == 404, path
        async with api.get("/healthz") as health:
            assert await health.json() == {"status": "ok"}
        async with api.post("/api/v1/trial/calls", json={}) as answer:
            ticket = await answer.json()
        address = str(api._base_url).replace("http", "ws", 1).rstrip("/") + ticket["stream"]
        key = {"Authorization": f"Bearer {KEY}"}
        async with connect(address, additional_headers=key) as socket:
            await socket.send(json.dumps({"event": "connected", "version": "1.0.0"}))
            await socket.close()
