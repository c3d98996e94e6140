"""Whole calls that outlive their stream, and the process that carried them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from agents.tasks import Tasks
from telephony.app import Service
from telephony.live.desk import LiveDesk
from telephony.live.wire import AnyAnswer, Gone
from telephony.running import serving
from telephony.server import listen
from telephony.settings import load
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy, PhoneReport, Recorded, StreamEnd
from telephony.transcripts.archive import Archive, StoredCall, transcript
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    ChargeLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
)
from telephony.values import Secret
from tests.fakes.realtime_script import Script
from tests.fakes.realtime_server import FakeRealtime
from tests.telephony.router import Router
from tests.telephony.test_whole_handover import Legs
from tests.unasked import UNASKED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

GREETING = "Thanks for calling, this is the automated assistant. How can I help you today?"
SORRY = "Sorry, the line broke off for a moment."


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


class Pair:
    """Two services with one database behind one router; the first is asked first."""

    def __init__(self, router: Router, phone: SimulatedTwilio, model: FakeRealtime) -> None:
        self.router = router
        self.phone = phone
        self.model = model
        self.services: list[Service] = []
        self.ports: list[int] = []
        self.tasks = Tasks(_failed)

    async def drain(self, service: int) -> None:
        """As a balancer sees it: it is not ready, so nothing new goes there."""
        self.router.ports.remove(self.ports[service])
        await self.services[service].drain()

    async def record(self) -> StoredCall:
        """Of the only call, once it is whole."""
        archive = Archive(self.services[0].settings.data_dir)
        async with asyncio.timeout(10):
            while True:
                calls = archive.newest(50)
                if calls and all(call.finished for call in calls):
                    (call,) = calls
                    return call
                await asyncio.sleep(0.05)


def environment(tmp_path: Path, address: str, model: FakeRealtime, **more: str) -> dict[str, str]:
    return {
        **UNASKED,
        "FRONTDESK_ENGINE": "realtime",
        "FRONTDESK_FALLBACKS": "none",
        "FRONTDESK_PUBLIC_URL": address,
        "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
        "FRONTDESK_CONFIG_DIR": str(tmp_path / "config"),
        "FRONTDESK_GREETING": GREETING,
        "FRONTDESK_DRAIN_SECONDS": "0",
        "OPENAI_API_KEY": "sk-test-0123456789",
        "OPENAI_BASE_URL": model.base_url,
        **more,
    }


@contextlib.asynccontextmanager
async def pair(tmp_path: Path, script: Script | None = None, **env: str) -> AsyncGenerator[Pair]:
    (tmp_path / "config").mkdir()
    async with (
        FakeRealtime(script) as model,
        Router([]) as router,
        SimulatedTwilio(router.address) as phone,
        contextlib.AsyncExitStack() as stack,
    ):
        built = Pair(router, phone, model)
        for _ in range(2):
            listener = listen("127.0.0.1", 0)
            built.ports.append(listener.getsockname()[1])
            variables = environment(tmp_path, router.address, model, **env)
            variables |= {"TWILIO_ACCOUNT_SID": phone.account_sid, "TWILIO_API_URL": phone.api_url}
            settings = msgspec.structs.replace(
                load(variables, tmp_path), twilio_auth_tokens=(Secret(phone.auth_token),)
            )
            built.services.append(await stack.enter_async_context(serving(settings, listener)))
        router.ports[:] = built.ports
        yield built


async def live(pair: Pair, service: int) -> None:
    async with asyncio.timeout(10):
        while not pair.services[service].switchboard.live:
            await asyncio.sleep(0.02)


async def followed(desk: LiveDesk, call_id: str) -> list[AnyAnswer]:
    """All that a page is told of a call, until it is let go."""
    return [each async for each in desk.follow(call_id)]


def said(entries: tuple[AnyEntry, ...]) -> list[tuple[str, Fate]]:
    return [(line.text, line.fate) for line in entries if isinstance(line, AgentLine)]


def gap_s(report: PhoneReport) -> float:
    """From the end of the first stream until something is heard on the second."""
    first, second = report.streams
    assert second.first_audio_ms is not None
    ended_s = first.began_s + first.length_ms / 1000
    return second.began_s + second.first_audio_ms / 1000 - ended_s


async def test_fault_t11_a_reset_in_mid_word_leaves_the_same_conversation(tmp_path: Path) -> None:
    async with pair(tmp_path) as built:
        side = Legs(Recorded(b"", 30_000), Recorded(b"", 5_000))
        call = built.tasks.start("call", built.phone.dial(side, time_limit_s=30))
        await live(built, 0)
        await asyncio.sleep(2.0)
        built.router.drop()
        report = await call
        assert [stream.end for stream in report.streams] == [StreamEnd.BROKEN, StreamEnd.CALLER]
        assert gap_s(report) <= 2.0
        assert len(built.model.sessions) == 1
        stored = await built.record()
        entries = transcript(stored).entries
        assert [line.reason for line in entries if isinstance(line, EndLine)] == [
            EndedReason.CALLER_HUNG_UP
        ]
        assert said(entries)[0] == (GREETING, Fate.CUT)
        assert said(entries)[1][0].startswith(SORRY)
        first = report.streams[0]
        cut = next(line for line in entries if isinstance(line, AgentLine))
        assert abs(sum(first.played_ms_by_item.values()) - cut.heard_ms) <= 150


async def test_fault_p1_a_call_left_at_the_drain_limit_goes_on_in_the_other_process(
    tmp_path: Path,
) -> None:
    async with pair(tmp_path) as built:
        side = Legs(Recorded(b"", 60_000), Recorded(b"", 5_000))
        call = built.tasks.start("call", built.phone.dial(side, time_limit_s=40))
        await live(built, 0)
        desk = built.services[1].live.desk
        (shown,) = await desk.calls()
        looking = built.tasks.start("follow", followed(desk, shown.call_id))
        await asyncio.sleep(1.0)
        await built.drain(0)
        assert Gone((shown.call_id,)) not in await looking, "who follows it asks again"
        report = await call
        assert report.ended_by is EndedBy.CALLER
        assert [stream.end for stream in report.streams] == [StreamEnd.CLOSED, StreamEnd.CALLER]
        assert gap_s(report) <= 3.0
        stored = await built.record()
        assert stored.summary.ended_reason == "caller_hung_up"
        entries = transcript(stored).entries
        assert said(entries)[0] == (GREETING, Fate.HEARD)
        assert said(entries)[1][0].startswith(SORRY)
        # The other process's model is told what was heard, before it is asked for anything.
        assert GREETING in json.dumps(built.model.sessions[-1].client_events)
        assert [line.why for line in entries if isinstance(line, SeatLine)] == ["resumed"]
        minutes = [line for line in entries if isinstance(line, ChargeLine)]
        assert [line.at_ms for line in minutes] == [0], "the first minute is paid for once"
        assert built.services[0].switchboard.ended_reason(report.call_sid) is EndedReason.MIGRATED


async def test_fault_s9_a_call_the_other_process_was_asked_about_has_one_voice(
    tmp_path: Path,
) -> None:
    async with pair(tmp_path) as built:
        side = Legs(Recorded(b"", 60_000), Recorded(b"", 6_000))
        call = built.tasks.start("call", built.phone.dial(side, time_limit_s=40))
        await live(built, 0)
        await asyncio.sleep(1.5)
        # The first still has the call and waits for the carrier, which asks the second.
        built.router.ports.reverse()
        built.router.drop()
        report = await call
        assert [stream.end for stream in report.streams] == [StreamEnd.BROKEN, StreamEnd.CALLER]
        assert built.services[0].switchboard.ended_reason(report.call_sid) is EndedReason.MIGRATED
        assert built.services[0].counters["custody.call_lost"] == 1
        stored = await built.record()
        assert stored.folder.name == f"{report.call_sid}+2"
        assert stored.summary.ended_reason == "caller_hung_up"
        entries = transcript(stored).entries
        assert next(fate for _, fate in said(entries)) is Fate.CUT
        assert sum(isinstance(line, EndLine) for line in entries) == 1


async def test_fault_p2_a_second_signal_moves_a_call_in_mid_word(tmp_path: Path) -> None:
    async with pair(tmp_path, FRONTDESK_DRAIN_SECONDS="60") as built:
        side = Legs(Recorded(b"", 60_000), Recorded(b"", 5_000))
        call = built.tasks.start("call", built.phone.dial(side, time_limit_s=40))
        await live(built, 0)
        await asyncio.sleep(1.5)
        draining = built.tasks.start("drain", built.drain(0))
        await asyncio.sleep(0.2)
        built.services[0].hurry()
        report = await call
        await draining
        assert report.ended_by is EndedBy.CALLER
        assert gap_s(report) <= 3.0
        stored = await built.record()
        assert said(transcript(stored).entries)[0] == (GREETING, Fate.CUT)


async def test_a_goodbye_is_said_where_that_is_wanted(tmp_path: Path) -> None:
    async with pair(tmp_path, FRONTDESK_DRAIN_THEN="goodbye") as built:
        call = built.tasks.start("call", built.phone.dial(Recorded(b"", 60_000), time_limit_s=40))
        await live(built, 0)
        await asyncio.sleep(1.0)
        await built.drain(0)
        report = await call
        assert len(report.streams) == 1
        reason = built.services[0].switchboard.ended_reason(report.call_sid)
        assert reason is EndedReason.DRAINED
