"""Several workers on one port: calls find theirs, and outlive it."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

from agents.tasks import Tasks
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy, PhoneReport, Recorded
from telephony.transcripts.archive import Archive
from tests.fakes.realtime_server import FakeRealtime
from tests.telephony.served import Served, free_port, served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

KEY = "test-key-0123456789abcdef"


@pytest.fixture
async def model() -> AsyncGenerator[FakeRealtime]:
    async with FakeRealtime() as model:
        yield model


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


def dialled(phone: SimulatedTwilio, calls: int, ms: int) -> list[asyncio.Task[PhoneReport]]:
    tasks = Tasks(_failed)
    return [
        tasks.start("call", phone.dial(Recorded(b"", ms), time_limit_s=45)) for _ in range(calls)
    ]


async def all_up(server: Served, workers: int = 2) -> None:
    await server.ready(
        lambda found: [each["state"] for each in found["workers"]] == ["taking"] * workers
    )


async def carriers(server: Served, calls: int) -> dict[str, int]:
    """The workers of so many calls, once all have their stream."""
    async with asyncio.timeout(30):
        while True:
            started = [line for line in server.log() if line["event"] == "call_started"]
            # One that was taken over has started twice.
            found = {line["call_sid"]: line["worker"] for line in started}
            if len(found) >= calls:
                return found
            await asyncio.sleep(0.05)


def pid_of(server: Served, worker: int) -> int:
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    mark = f'"index":{worker},'.encode()
    return next(int(pid) for pid in children if mark in Path(f"/proc/{pid}/cmdline").read_bytes())


async def ended(server: Served) -> set[str | None]:
    """Told to end; why its calls did."""
    server.process.send_signal(signal.SIGTERM)
    assert await server.ended() == 0
    calls = Archive(server.data).newest(99)
    assert all(call.finished for call in calls)
    return {call.summary.ended_reason for call in calls}


async def test_workers_share_a_port_and_limits_figures_and_what_is_live(
    tmp_path: Path, model: FakeRealtime
) -> None:
    port = free_port()
    env = {
        "FRONTDESK_MAX_CALLS": "6",
        "FRONTDESK_METRICS_PORT": str(port),
        "FRONTDESK_API_KEY": KEY,
    }
    async with (
        served(tmp_path, model, "--workers", "2", **env) as (server, phone),
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http,
    ):
        await all_up(server)
        calls = dialled(phone, 6, 8_000)
        found = await carriers(server, 6)
        # Whichever worker takes the connection.
        for _ in range(4):
            assert "lines are busy" in " ".join((await phone.dial(Recorded(b"", 500))).said)
        code, body = await server.readiness()
        assert (code, body["live_calls"], body["capacity"]) == (503, 6, 6)
        assert body["problems"] == ["not_accepting", "at_capacity"]
        async with http.get(f"{server.address}/api/v1/live") as answer:
            assert {each["call_id"] for each in await answer.json()} == set(found)
        async with http.get(f"http://127.0.0.1:{port}/metrics") as answer:
            live = _live(await answer.text())
        assert live == [sum(w == worker for w in found.values()) for worker in (0, 1)]
        reports = await asyncio.gather(*calls)
        assert [(each.ended_by, each.errors) for each in reports] == [(EndedBy.CALLER, ())] * 6
        for _ in range(3):
            await _talks(http, server)
        assert await ended(server) == {"caller_hung_up"}


def _live(figures: str) -> list[float]:
    lines = [line for line in figures.splitlines() if line.startswith("frontdesk_live_calls{")]
    return [float(line.split()[-1]) for line in sorted(lines)]


async def _talks(http: aiohttp.ClientSession, server: Served) -> None:
    """A phone in a page: whoever rang for it has its stream."""
    async with http.post(f"{server.address}/api/v1/trial/calls", json={}) as rung:
        ticket = await rung.json()
    call_sid, account_sid = ticket["call_id"], ticket["account_id"]
    stream_sid = f"MZ{call_sid[2:]}"
    began = {
        "accountSid": account_sid,
        "streamSid": stream_sid,
        "callSid": call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": ticket["token"]},
    }
    message = {"event": "start", "sequenceNumber": "1", "streamSid": stream_sid, "start": began}
    async with http.ws_connect(f"{server.address}{ticket['stream']}") as socket:
        await socket.send_json({"event": "connected", "protocol": "Call"})
        await socket.send_json(message)
        async with asyncio.timeout(10):
            while (await socket.receive_json())["event"] != "media":
                pass
        stop = {"accountSid": account_sid, "callSid": call_sid}
        said = {"event": "stop", "sequenceNumber": "2", "streamSid": stream_sid, "stop": stop}
        await socket.send_json(said)


async def test_fault_p3_a_worker_that_dies_loses_no_call_and_is_started_again(
    tmp_path: Path, model: FakeRealtime
) -> None:
    # Migration is on: at the end no worker may count on another that ends as well.
    env = {"FRONTDESK_DRAIN_THEN": "migrate"}
    async with served(tmp_path, model, "--workers", "2", **env) as (server, phone):
        await all_up(server)
        calls = dialled(phone, 6, 9_000)
        found = await carriers(server, 6)
        await asyncio.sleep(1.0)
        dead = next(iter(found.values()))
        os.kill(pid_of(server, dead), signal.SIGKILL)
        for report in await asyncio.gather(*calls):
            assert report.ended_by is EndedBy.CALLER
            assert len(report.streams) == (2 if found[report.call_sid] == dead else 1)
        await all_up(server)
        (told,) = [line for line in server.log() if line["event"] == "worker_ended"]
        assert (told["worker"], told["code"]) == (dead, -signal.SIGKILL)
        calls = dialled(phone, 4, 5_000)
        await carriers(server, 6 + 4)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert "restarting" in " ".join((await phone.dial(Recorded(b"", 500))).said)
        for report in await asyncio.gather(*calls):
            assert (report.ended_by, len(report.streams)) == (EndedBy.CALLER, 1)
        assert await server.ended() == 0


async def test_fault_p3_workers_whose_parent_is_killed_say_goodbye_and_end(
    tmp_path: Path, model: FakeRealtime
) -> None:
    # None of them may count on another to go on with its calls.
    env = {"FRONTDESK_DRAIN_THEN": "migrate", "FRONTDESK_DRAIN_SECONDS": "1"}
    async with served(tmp_path, model, "--workers", "2", **env) as (server, phone):
        await all_up(server)
        pids = [pid_of(server, worker) for worker in range(2)]
        calls = dialled(phone, 3, 60_000)
        await carriers(server, 3)
        server.process.kill()
        assert {(await call).ended_by for call in calls} == {EndedBy.API}
        async with asyncio.timeout(30):
            while any(Path(f"/proc/{pid}").exists() for pid in pids):
                await asyncio.sleep(0.1)
        kept = Archive(server.data).newest(9)
        assert {call.summary.ended_reason for call in kept} == {"drained"}
