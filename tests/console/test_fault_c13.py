"""Fault C13: whatever becomes of the console, calls do not notice."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

from telephony.console.access.sessions import Sessions
from telephony.transcripts.entry import AgentLine, EndedReason, Fate
from tests.telephony.test_whole_call import House, caller, house
from tests.tree import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

ASKING = 60
"""More than there are threads for, and than may wait."""


async def test_fault_c13_a_call_goes_on_beside_a_console_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every thread of the console is stuck in the database, and more ask, while a call is on."""
    stuck, entered = threading.Event(), threading.Event()

    def hangs(*_: object, **__: object) -> None:
        entered.set()
        stuck.wait(30)

    monkeypatch.setattr(Sessions, "find", hangs)
    async with house(tmp_path) as built, aiohttp.ClientSession() as browser:
        address = built.service.settings.public_url
        cookie = {"Cookie": "frontdesk=anything"}
        asking = [
            asyncio.ensure_future(browser.get(f"{address}{path}", headers=cookie))  # noqa: TID251
            for path in ("/console/account", "/api/v1/me")
            for _ in range(ASKING // 2)
        ]
        try:
            while not entered.is_set():
                await asyncio.sleep(0.01)
            await a_call(built)
            async with browser.get(f"{address}/healthz") as answer:
                assert answer.status == 200
        finally:
            stuck.set()
            answers = await asyncio.gather(*asking)
        assert {answer.status for answer in answers} <= {200, 303, 401, 503}


async def test_fault_c13_the_console_can_be_a_process_that_is_stopped_and_killed(
    tmp_path: Path,
) -> None:
    async with (
        house(tmp_path, FRONTDESK_CONSOLE="off") as built,
        console_process(tmp_path) as (process, address),
        aiohttp.ClientSession() as browser,
    ):
        async with browser.get(f"{built.service.settings.public_url}/console/sign-in") as answer:
            assert answer.status == 404, "it is served by the other process only"
        async with browser.get(f"{address}/console/sign-in") as answer:
            assert answer.status == 200
        key = {"Authorization": "Bearer 0123456789abcdef"}
        async with browser.get(f"{address}/api/v1/config/status", headers=key) as answer:
            assert answer.status == 200, await answer.text()
            assert (await answer.json())["running"] == 1
        process.send_signal(signal.SIGSTOP)
        await a_call(built)
        process.kill()
        await a_call(built)


async def a_call(built: House) -> None:
    """Answered, greeted, heard to the end."""
    built.entries.clear()
    await built.phone.dial(caller(hang_up_ms=2_500))
    lines = [entry for entry in built.of(AgentLine) if isinstance(entry, AgentLine)]
    assert lines, built.entries
    assert lines[0].fate is not Fate.NEVER_PLAYED
    assert built.reasons == [EndedReason.CALLER_HUNG_UP]


@contextlib.asynccontextmanager
async def console_process(
    tmp_path: Path,
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
    """`frontdesk console` on the same data as the house."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK_")},
        "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
        "FRONTDESK_CONFIG_DIR": str(tmp_path / "config"),
        "FRONTDESK_CONSOLE_PORT": "0",
        "FRONTDESK_API_KEY": "0123456789abcdef",
        "FRONTDESK_LOG_FORMAT": "json",
        "PYTHONPATH": str(ROOT),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "telephony", "console"),
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if b"console_listening" in line:
                port = line.partition(b'"port":')[2].strip().partition(b",")[0].strip(b" }\n")
                break
        else:
            pytest.fail("the console ended before it listened")
        yield process, f"http://127.0.0.1:{int(port)}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
