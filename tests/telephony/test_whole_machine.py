"""Whole calls on a machine that is not well: full and slow disks, stalls, leaks, no files left."""

import asyncio
import os
import resource
import signal
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from agents.tasks import Tasks
from telephony import callweight
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy, PhoneReport, Recorded
from telephony.transcripts.archive import Archive, transcript
from telephony.transcripts.entry import AgentLine, EndedReason, Fate
from tests.fakes.realtime_server import FakeRealtime
from tests.telephony.served import Served, served
from tests.telephony.test_whole_call import GREETING, House, house

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
async def model() -> AsyncGenerator[FakeRealtime]:
    async with FakeRealtime() as model:
        yield model


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


def dialled(phone: SimulatedTwilio, ms: int) -> asyncio.Task[PhoneReport]:
    return Tasks(_failed).start("call", phone.dial(Recorded(b"", ms), time_limit_s=60))


async def heard_something(server: Served, calls: int = 1) -> None:
    """So many calls are on, and the first words are being said."""
    async with asyncio.timeout(20):
        while (await server.readiness())[1]["live_calls"] < calls:
            await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)


async def until_ready(server: Served, *problems: str) -> None:
    """It says that no call is to come, for these reasons; without any, that calls may come."""
    async with asyncio.timeout(20):
        while (await server.readiness())[1]["problems"] != list(problems):
            await asyncio.sleep(0.05)


async def test_fault_p4_a_full_disk_takes_no_call_away_and_is_made_up_for(
    tmp_path: Path, model: FakeRealtime
) -> None:
    async with served(tmp_path, model) as (server, phone):
        call = dialled(phone, 9_000)
        await heard_something(server)
        pid = server.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        # No file grows beyond: the call's own, the database, its log.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (60_000, before[1]))
        await until_ready(server, "disk_full")
        assert (await server.readiness())[0] == 503
        await asyncio.sleep(1.0)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        await until_ready(server)
        report = await call
        assert (report.ended_by, report.errors, len(report.streams)) == (EndedBy.CALLER, (), 1)
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended() == 0
        (kept,) = Archive(server.data).newest(5)
        assert kept.finished
        assert (kept.summary.ended_reason, kept.summary.dropped) == ("caller_hung_up", 0)
        assert kept.summary.storage_trouble == "disk_full"
        said = [line for line in transcript(kept).entries if isinstance(line, AgentLine)]
        assert [line.fate for line in said] == [Fate.HEARD]


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing reaches the disk until it is set: no fsync returns, no transaction ends."""
    let_go = threading.Event()
    let_go.set()

    def waits(*_: object) -> None:
        assert let_go.wait(60)

    monkeypatch.setattr(os, "fsync", waits)
    monkeypatch.setattr(os, "fdatasync", waits)
    yield let_go
    let_go.set()


async def test_fault_p5_no_word_of_a_call_waits_for_the_disk(
    tmp_path: Path, stuck: threading.Event
) -> None:
    async with house(tmp_path) as built:
        engine = built.service.store.engine
        sa.event.listen(engine, "commit", lambda _: _waited(stuck))
        stuck.clear()
        report = await built.phone.dial(Recorded(b"", 6_000))
        assert report.ended_by is EndedBy.CALLER
        assert report.stream is not None
        assert sum(report.stream.played_ms_by_item.values()) > 2_000
        stuck.set()
        async with asyncio.timeout(20):
            while built.service.switchboard.live:
                await asyncio.sleep(0.05)
    (kept,) = Archive(tmp_path / "data").newest(5)
    assert (kept.finished, kept.summary.ended_reason) == (True, "caller_hung_up")


def _waited(let_go: threading.Event) -> None:
    assert threading.current_thread() is not threading.main_thread(), "the loop waits for the disk"
    assert let_go.wait(60)


async def test_fault_p6_stalls_are_told_with_their_place_and_the_call_goes_on(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as built:
        with capture_logs() as logs:
            loop = asyncio.get_running_loop()
            loop.call_later(1.5, _for_50_ms)
            # The thread that looks has some 10 ms for it: a busy machine may take them from it.
            for at_s in (2.0, 2.5, 3.0):
                loop.call_later(at_s, _for_200_ms)
            loop.call_later(4.0, _for_1000_ms)
            report = await built.phone.dial(Recorded(b"", 7_000))
        assert (report.ended_by, report.errors, len(report.streams)) == (EndedBy.CALLER, (), 1)
        places = [place for line in logs for place in line.get("calls", ())]
        for name in ("_for_200_ms", "_for_1000_ms"):
            assert any(name in place for place in places)
        assert built.service.counters["loop_stalled"] >= 2
        assert _late(built) >= 1.0
        await _once_and_whole(built, report)


def _for_50_ms() -> None:
    time.sleep(0.05)


def _for_200_ms() -> None:
    time.sleep(0.2)


def _for_1000_ms() -> None:
    time.sleep(1.0)


def _late(built: House) -> float:
    """The sum of all lateness that was measured."""
    registry = built.service.metrics.registry
    return registry.get_sample_value("frontdesk_loop_late_seconds_sum") or 0.0


async def _once_and_whole(built: House, report: PhoneReport) -> None:
    """What piled up meanwhile was neither said twice nor thrown at anybody late."""
    assert report.stream is not None
    (session,) = built.model.sessions
    assert abs(session.heard_ms - report.stream.length_ms) <= 300
    (line,) = [each for each in built.entries if isinstance(each, AgentLine)]
    assert (line.text, line.fate) == (GREETING, Fate.HEARD)
    assert abs(sum(report.stream.played_ms_by_item.values()) - line.heard_ms) <= 40


async def test_fault_p7_a_call_that_grows_is_found_told_of_and_ended_alone(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, FRONTDESK_MAX_CALL_MB="8") as built:
        calls = [dialled(built.phone, 20_000), dialled(built.phone, 5_000)]
        async with asyncio.timeout(10):
            while built.service.switchboard.live < 2:
                await asyncio.sleep(0.05)
        first, _ = built.service.switchboard.sessions
        vars(first)["hoard"] = [bytes(1_000) for _ in range(12_000)]
        weights = callweight.CallWeights(
            8 * 2**20, lambda: built.service.switchboard.sessions, built.service.count
        )
        with capture_logs() as logs:
            await weights.look()
        (told,) = [line for line in logs if line["event"] == "call_too_heavy"]
        assert told["call_sid"] == first.call_id
        assert max(told["of"], key=told["of"].get) == "Session"
        reports = {report.call_sid: report.ended_by for report in await asyncio.gather(*calls)}
        assert reports.pop(first.call_id) is EndedBy.API
        assert list(reports.values()) == [EndedBy.CALLER]
        assert first.ended is EndedReason.INTERNAL_ERROR


@pytest.fixture
def many_files() -> Iterator[None]:
    """So many that a fifth of all is more than one call and its webhooks need: a process that may
    open no more than forty has none left while its recordings are begun."""
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(200)]
    for each in opened:
        os.set_inheritable(each, True)
    yield
    for each in opened:
        os.close(each)


@pytest.mark.usefixtures("many_files")
async def test_fault_p8_without_files_left_calls_go_on_and_no_more_come(
    tmp_path: Path, model: FakeRealtime
) -> None:
    async with served(tmp_path, model) as (server, phone):
        pid = server.process.pid
        call = dialled(phone, 8_000)
        await heard_something(server)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        # A fifth is left for what calls that are on may need.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (int(used / 0.8) - 2, before[1]))
        await until_ready(server, "not_accepting", "files_exhausted")
        refused = await phone.dial(Recorded(b"", 500))
        assert "lines are busy" in " ".join(refused.said)
        report = await call
        assert (report.ended_by, report.errors, len(report.streams)) == (EndedBy.CALLER, (), 1)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        await until_ready(server)


async def test_fault_p13_a_frozen_process_goes_on_with_its_calls(
    tmp_path: Path, model: FakeRealtime
) -> None:
    async with served(tmp_path, model) as (server, phone):
        call = dialled(phone, 9_000)
        await heard_something(server)
        server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2.0)
        server.process.send_signal(signal.SIGCONT)
        report = await call
        assert (report.ended_by, report.errors, len(report.streams)) == (EndedBy.CALLER, (), 1)
        (session,) = model.sessions
        assert report.stream is not None
        # Sound of before is not heard late: the model is in step with the caller at the end.
        assert abs(session.heard_ms - report.stream.length_ms) <= 300
        stalls = [line for line in server.log() if line["event"] == "loop_stalled"]
        frozen = max(stalls, key=lambda line: line["late_ms"])
        assert frozen["late_ms"] >= 1_500
        assert frozen["cpu_ms"] < 500
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended() == 0
        (kept,) = Archive(server.data).newest(5)
        assert (kept.finished, kept.summary.ended_reason) == (True, "caller_hung_up")
        assert not [line for line in server.log() if "lost_to_another" in line["event"]]
