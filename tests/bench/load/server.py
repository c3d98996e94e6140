"""The server under test: `frontdesk serve` in a process of its own, watched from outside."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import aiohttp
import msgspec

from telephony.server import listen
from tests.bench.load.phone import ACCOUNT_SID, AUTH_TOKEN
from tests.unasked import UNASKED

START_S = 60.0
STOP_S = 30.0
_ROOT = Path(__file__).parents[3]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

_EXPECTED = (
    '"event":"public_url_is_loopback"',
    '"event":"example_shop"',
    '"event":"console_without_admin"',
    # Neighbours take the core away; the latencies tell.
    '"event":"loop_stalled"',
    '"event":"loop_blocked"',
)
"""Warnings that are right for a benchmark on one machine."""


class Usage(msgspec.Struct, frozen=True):
    """A process at one moment."""

    at_s: float
    cpu_s: float
    """User and system time of all its threads so far."""
    rss_bytes: int


def usage_of(pid: int) -> Usage:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(stat[11]) + int(stat[12])) / _TICKS
    return Usage(time.monotonic(), cpu_s, int(stat[21]) * _PAGE)


class ServerFailed(Exception):  # noqa: N818 - names the fact
    """It did not start, or it died; with the end of its log."""


class Server:
    """Use with `async with`: started and ready inside, gone after it."""

    def __init__(
        self,
        model_url: str,
        audio: str,
        calls: int,
        core: int | None,
        *arguments: str,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """`audio`: pcm or ulaw. `core`: where to pin it; None leaves it free. `arguments` are those
        of `frontdesk serve`, `more` are settings."""
        self._folder = tempfile.TemporaryDirectory(prefix="frontdesk-bench-")
        self._core = core
        self._process: asyncio.subprocess.Process | None = None
        self._command: tuple[str, ...] = (
            *(sys.executable, "-m", "telephony", "serve"),
            *arguments,
        )
        with listen("127.0.0.1", 0) as free:
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        here = Path(self._folder.name)
        self._log = here / "log.jsonl"
        (here / "config").mkdir()
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(_ROOT),
            **UNASKED,
            "FRONTDESK_ENGINE": "realtime",
            "FRONTDESK_FALLBACKS": "none",
            "FRONTDESK_RECORDING_CONSENT": "none",
            "FRONTDESK_PORT": str(port),
            "FRONTDESK_PUBLIC_URL": self.address,
            "FRONTDESK_DATA_DIR": str(here / "data"),
            "FRONTDESK_CONFIG_DIR": str(here / "config"),
            "FRONTDESK_LOG_FORMAT": "json",
            # What a late server does with further calls is measured by itself.
            "FRONTDESK_LATE_MS": "5000",
            "FRONTDESK_MAX_CALLS": str(calls + 10),
            "FRONTDESK_DRAIN_SECONDS": "1",
            "FRONTDESK_REALTIME_AUDIO": audio,
            "OPENAI_API_KEY": "sk-bench-0123456789",
            "OPENAI_BASE_URL": model_url,
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            # Nobody is there: the agent never hangs up in this benchmark.
            "TWILIO_API_URL": "http://127.0.0.1:9",
            **(more or {}),
        }

    async def __aenter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self._folder.name,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if self._core is not None:
            os.sched_setaffinity(self._process.pid, {self._core})
        try:
            await asyncio.wait_for(self._until_ready(), START_S)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self._environment['FRONTDESK_DATA_DIR']}/frontdesk.db"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def usage(self) -> Usage:
        return usage_of(self.pid)

    def complaints(self) -> list[str]:
        """Log lines of warnings and errors."""
        return [
            line
            for line in self._lines()
            if '"level":"info"' not in line and not any(each in line for each in _EXPECTED)
        ]

    def errors(self) -> list[str]:
        """Log lines of errors alone."""
        return [line for line in self._lines() if '"level":"error"' in line]

    def _lines(self) -> list[str]:
        return self._log.read_text(errors="replace").splitlines()

    async def _until_ready(self) -> None:
        assert self._process is not None
        async with aiohttp.ClientSession(trust_env=False) as http:
            while self._process.returncode is None:
                try:
                    async with http.get(f"{self.address}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.1)
        raise ServerFailed("\n".join(["the server did not start:", *self._lines()[-20:]]))

    async def _stop(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        self._folder.cleanup()
