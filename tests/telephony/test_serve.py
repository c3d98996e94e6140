"""`frontdesk serve` as a process: signals, live calls, exit codes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from telephony.server import listen
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy, Recorded
from telephony.transcripts.archive import Archive
from tests.fakes.realtime_server import FakeRealtime
from tests.telephony.served import free_port, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture
async def model() -> AsyncGenerator[FakeRealtime]:
    async with FakeRealtime() as model:
        yield model


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["told", "hung-up"])
async def test_fault_p1_a_signal_lets_the_live_call_finish(
    tmp_path: Path, model: FakeRealtime, number: signal.Signals
) -> None:
    port = free_port()
    async with SimulatedTwilio(f"http://127.0.0.1:{port}") as phone:
        served = await start(tmp_path, model, phone, port)
        await served.ready()
        async with asyncio.TaskGroup() as group:
            live = group.create_task(phone.dial(Recorded(b"", 4_000)))
            await model.session()
            served.process.send_signal(number)
            await asyncio.sleep(0.5)
            if number is signal.SIGHUP:
                # The shell says so, and the kernel: that is no second signal, which would hurry.
                served.process.send_signal(number)
            refused = group.create_task(phone.dial(Recorded(b"", 500)))
        assert live.result().ended_by is EndedBy.CALLER
        assert live.result().errors == ()
        assert "restarting" in live_said(refused.result().said)
        assert await served.ended() == 0
        calls = Archive(served.data).newest(5)
        assert [call.summary.ended_reason for call in calls] == ["caller_hung_up"]
        assert calls[0].finished


async def test_what_nohup_started_outlives_its_terminal(
    tmp_path: Path, model: FakeRealtime
) -> None:
    port = free_port()
    async with SimulatedTwilio(f"http://127.0.0.1:{port}") as phone:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            served = await start(tmp_path, model, phone, port)
        finally:
            signal.signal(signal.SIGHUP, before)
        await served.ready()
        served.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(0.3)
        await served.ready()
        served.process.send_signal(signal.SIGTERM)
        assert await served.ended() == 0


def live_said(said: tuple[str, ...]) -> str:
    return " ".join(said)


async def test_a_start_says_where_it_listens_and_keeps_what_it_writes_to_itself(
    tmp_path: Path, model: FakeRealtime
) -> None:
    port = free_port()
    async with SimulatedTwilio(f"http://127.0.0.1:{port}") as phone:
        served = await start(tmp_path, model, phone, port)
        await served.ready()
        served.process.send_signal(signal.SIGTERM)
        assert await served.ended() == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    said = {line["event"]: line for line in lines}
    assert (said["listening"]["host"], said["listening"]["port"]) == ("127.0.0.1", port)
    assert "no request of Twilio's can match" in said["public_url_is_loopback"]["hint"]
    assert "the built-in example shop answers" in said["example_shop"]["hint"]
    assert served.data.stat().st_mode & 0o777 == 0o700
    assert (served.data / "frontdesk.db").stat().st_mode & 0o777 == 0o600


async def test_fault_p2_a_second_signal_says_goodbye_at_once(
    tmp_path: Path, model: FakeRealtime
) -> None:
    port = free_port()
    async with SimulatedTwilio(f"http://127.0.0.1:{port}") as phone:
        served = await start(tmp_path, model, phone, port)
        await served.ready()
        async with asyncio.TaskGroup() as group:
            live = group.create_task(phone.dial(Recorded(b"", 60_000), time_limit_s=40))
            await model.session()
            served.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
            served.process.send_signal(signal.SIGTERM)
        assert live.result().ended_by is EndedBy.API
        assert await served.ended() == 0
        (call,) = Archive(served.data).newest(5)
        assert call.summary.ended_reason == "drained"


async def test_fault_p11_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "telephony",
            "serve",
            cwd=Path(__file__).parent.parent.parent,
            env={
                "PATH": os.environ["PATH"],
                "FRONTDESK_PORT": str(taken.getsockname()[1]),
                "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
                "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
                "TWILIO_AUTH_TOKEN": "0" * 32,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 1
        assert out == b""
        (sentence,) = err.decode().splitlines()
        assert "Cannot listen on 127.0.0.1" in sentence
        assert "FRONTDESK_PORT" in sentence
