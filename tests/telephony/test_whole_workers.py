"""Several workers on one port: calls find theirs, and outlive it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from telephony.simulator.phone import EndedBy, Recorded
from telephony.transcripts.archive import Archive
from tests.fakes.realtime_server import FakeRealtime
from tests.telephony.served import Served, served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


@pytest.fixture
async def model() -> AsyncGenerator[FakeRealtime]:
    async with FakeRealtime() as model:
        yield model


async def all_up(server: Served, workers: int = 2) -> None:
    await server.ready(
        lambda found: [each["state"] for each in found["workers"]] == ["taking"] * workers
    )


async def test_calls_find_their_worker_whoever_takes_the_connection(
    tmp_path: Path, model: FakeRealtime
) -> None:
    async with served(tmp_path, model, "--workers", "2") as (server, phone):
        await all_up(server)
        reports = await asyncio.gather(*(phone.dial(Recorded(b"", 2_000)) for _ in range(8)))
        assert [(each.ended_by, each.errors) for each in reports] == [(EndedBy.CALLER, ())] * 8
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended() == 0
        calls = Archive(server.data).newest(20)
        assert [call.summary.ended_reason for call in calls] == ["caller_hung_up"] * 8
        started = Counter(
            line["worker"] for line in server.log() if line["event"] == "call_started"
        )
        assert sum(started.values()) == 8
