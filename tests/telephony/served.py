"""`frontdesk serve` as a process of its own, with a phone before it and a model behind it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import aiohttp

from telephony.server import listen
from telephony.simulator.dial import SimulatedTwilio
from tests.fakes.realtime_server import FakeRealtime
from tests.unasked import UNASKED

START_S = 60.0


class Served:
    """A process that answers calls."""

    def __init__(self, process: asyncio.subprocess.Process, address: str, data: Path) -> None:
        self.process = process
        self.address = address
        self.data = data

    async def ready(self, enough: Callable[[dict[str, Any]], bool] = lambda _: True) -> None:
        """Until it takes calls, and what `/readyz` says is enough."""
        async with aiohttp.ClientSession() as http, asyncio.timeout(START_S):
            while (found := await self._asked(http)) is None or not enough(found):
                assert self.process.returncode is None, "the server ended at its start"
                await asyncio.sleep(0.1)

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self.address}/readyz") as answer,
        ):
            return answer.status, await answer.json()

    async def _asked(self, http: aiohttp.ClientSession) -> dict[str, Any] | None:
        try:
            async with http.get(f"{self.address}/readyz") as answer:
                found: dict[str, Any] = await answer.json()
                return found if answer.status == 200 else None
        except aiohttp.ClientError:
            return None

    async def ended(self) -> int:
        async with asyncio.timeout(START_S):
            return await self.process.wait()

    def log(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        lines = (self.data.parent / "log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def free_port() -> int:
    with listen("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        return port


async def start(
    tmp_path: Path,
    model: FakeRealtime,
    phone: SimulatedTwilio,
    port: int,
    *arguments: str,
    **env: str,
) -> Served:
    address = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "FRONTDESK_PORT": str(port),
        **UNASKED,
        "FRONTDESK_ENGINE": "realtime",
        "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
        "FRONTDESK_DRAIN_SECONDS": "20",
        "FRONTDESK_DRAIN_THEN": "goodbye",
        "FRONTDESK_LOG_FORMAT": "json",
        "OPENAI_API_KEY": "sk-test-0123456789",
        "OPENAI_BASE_URL": model.base_url,
        "TWILIO_ACCOUNT_SID": phone.account_sid,
        "TWILIO_AUTH_TOKEN": phone.auth_token,
        "TWILIO_API_URL": phone.api_url,
        **env,
    }
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "telephony",
            "serve",
            *arguments,
            cwd=Path(__file__).parent.parent.parent,
            env=environment,
            stdout=log,
            stderr=log,
            # What a test has made inheritable is open there too.
            close_fds=False,
        )
    return Served(process, address, tmp_path / "data")


@contextlib.asynccontextmanager
async def served(
    tmp_path: Path, model: FakeRealtime, *arguments: str, **env: str
) -> AsyncGenerator[tuple[Served, SimulatedTwilio]]:
    """Ready, with a phone; whatever still runs at the end is killed."""
    port = free_port()
    async with SimulatedTwilio(f"http://127.0.0.1:{port}") as phone:
        process = await start(tmp_path, model, phone, port, *arguments, **env)
        try:
            await process.ready()
            yield process, phone
        finally:
            if process.process.returncode is None:
                process.process.kill()
                await process.process.wait()
