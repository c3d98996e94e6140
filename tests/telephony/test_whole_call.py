"""Whole calls over loopback: a simulated phone, the real server, a strict fake Realtime API."""

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from telephony.app import Service
from telephony.call.commands import CallCommand, Record
from telephony.call.events import CallEvent
from telephony.media import ulaw
from telephony.running import serving
from telephony.server import listen
from telephony.settings import load
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy, PhoneReport, Recorded
from telephony.transcripts.archive import Archive, StoredCall
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
)
from telephony.values import Secret
from tests.fakes.realtime_script import Faults, FunctionCall, Reply, Script, hum
from tests.fakes.realtime_server import FakeRealtime
from tests.fakes.realtime_session import RealtimeSession
from tests.unasked import UNASKED
from tools.booking.bookings import Bookings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(40)]

UNSURE_TAIL_MS = 60
GREETING = "Thanks for calling, this is the automated assistant. How can I help you today?"


class House:
    """A service with a simulated phone before it and a fake model behind it."""

    def __init__(self, service: Service, phone: SimulatedTwilio, model: FakeRealtime) -> None:
        self.service = service
        self.phone = phone
        self.model = model
        self.entries: list[AnyEntry] = []

    def of(self, *kinds: type) -> list[AnyEntry]:
        return [entry for entry in self.entries if isinstance(entry, kinds)]

    async def kept(self) -> StoredCall:
        """The only call, once all of it is on disk: until its end the last seconds wait in memory
        for what of them may be kept, and then for the thread that writes."""
        archive = Archive(self.service.settings.data_dir)
        async with asyncio.timeout(10):
            while not ((calls := archive.newest(2)) and all(call.finished for call in calls)):
                await asyncio.sleep(0.02)
        (call,) = calls
        return call

    @property
    def reasons(self) -> list[EndedReason]:
        return [entry.reason for entry in self.entries if isinstance(entry, EndLine)]


def house(
    tmp_path: Path, script: Script | None = None, faults: Faults | None = None, **env: str
) -> AbstractAsyncContextManager[House]:
    return house_behind(_nothing, tmp_path, script, faults, env)


def _nothing(port: int) -> AbstractAsyncContextManager[str]:
    return contextlib.nullcontext(f"http://127.0.0.1:{port}")


@contextlib.asynccontextmanager
async def house_behind(
    before: Callable[[int], AbstractAsyncContextManager[str]],
    tmp_path: Path,
    script: Script | None,
    faults: Faults | None,
    env: Mapping[str, str],
) -> AsyncGenerator[House]:
    """`before(port)` gives the address of what stands before the service at this port."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    entries: list[AnyEntry] = []

    def watch(_id: str, _now: float, _event: CallEvent, commands: Sequence[CallCommand]) -> None:
        entries.extend(command.entry for command in commands if isinstance(command, Record))

    async with (
        before(port) as address,
        FakeRealtime(script, faults) as model,
        SimulatedTwilio(address) as phone,
    ):
        environment = {
            **UNASKED,
            "FRONTDESK_ENGINE": "realtime",
            "FRONTDESK_FALLBACKS": "none",
            "FRONTDESK_PUBLIC_URL": address,
            "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
            "FRONTDESK_CONFIG_DIR": str(tmp_path / "config"),
            "FRONTDESK_GREETING": GREETING,
            "FRONTDESK_DRAIN_SECONDS": "1",
            "OPENAI_API_KEY": "sk-test-0123456789",
            "OPENAI_BASE_URL": model.base_url,
            "TWILIO_ACCOUNT_SID": phone.account_sid,
            "TWILIO_API_URL": phone.api_url,
            **env,
        }
        settings = msgspec.structs.replace(
            load(environment, tmp_path), twilio_auth_tokens=(Secret(phone.auth_token),)
        )
        (tmp_path / "config").mkdir(exist_ok=True)
        async with serving(settings, listener, watch) as service:
            built = House(service, phone, model)
            built.entries = entries
            yield built


def caller(*speech_ms: tuple[int, int], hang_up_ms: int) -> Recorded:
    """A caller who hums from one moment to another, and hangs up."""
    track = np.zeros(hang_up_ms * 8, dtype=np.int16)
    for begin_ms, end_ms in speech_ms:
        track[begin_ms * 8 : end_ms * 8] = hum("caller", end_ms - begin_ms, 8_000)
    return Recorded(ulaw.encode(track), hang_up_ms)


def level(heard_ulaw: bytes, begin_ms: int, end_ms: int) -> float:
    """Mean amplitude the caller's ear got in a stretch of time."""
    return float(np.abs(ulaw.decode(heard_ulaw[begin_ms * 8 : end_ms * 8]).astype(int)).mean())


@pytest.mark.parametrize("audio", ["pcm", "ulaw"])
async def test_an_interrupted_greeting_is_cut_alike_for_phone_model_and_transcript(
    tmp_path: Path, audio: str
) -> None:
    script = Script(
        replies=(Reply("We are open until six.", 1_500),), caller=("When do you close?",)
    )
    async with house(tmp_path, script, FRONTDESK_REALTIME_AUDIO=audio) as built:
        report = await built.phone.dial(caller((2_000, 2_900), hang_up_ms=6_500))
        session = await built.model.session()
        (told,) = session.conversation.truncations
        (cut,) = built.of(TruncationLine)
        assert isinstance(cut, TruncationLine)
        assert report.stream is not None
        played_ms = report.stream.played_ms_by_item[cut.mark_item]
        assert told.accepted
        assert told.audio_end_ms == cut.audio_end_ms
        assert abs(told.audio_end_ms - played_ms) <= 40
        lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert [line.fate for line in lines] == [Fate.CUT, Fate.HEARD]
        assert lines[0].text == GREETING
        assert GREETING.startswith(lines[0].heard)
        assert 0 < len(lines[0].heard) < len(GREETING)
        assert abs(lines[0].heard_ms - played_ms) <= 40
        # The phone fell silent, stayed so while the caller spoke, and then heard the answer.
        assert level(report.stream.heard_ulaw, 500, 1_900) > 500
        assert level(report.stream.heard_ulaw, 2_400, 2_900) < 50
        assert report.stream.warnings == ()
        (said,) = built.of(CallerLine)
        assert isinstance(said, CallerLine)
        assert said.text == "When do you close?"
        assert abs(said.start_ms - 2_000) < 350  # the server's VAD includes its padding
        assert session.errors == []


async def test_the_recording_of_what_was_heard_is_what_the_phone_played(tmp_path: Path) -> None:
    """A greeting cut short and an answer heard whole: the same samples, and between the two
    replies as much silence, within 20 ms. (The two clocks do not begin at the same moment.)"""
    script = Script(replies=(Reply("We are open until six.", 1_500),))
    async with house(tmp_path, script) as built:
        report = await built.phone.dial(caller((2_000, 2_600), hang_up_ms=6_000))
        assert report.stream is not None
        phone = report.stream.heard_ulaw
        (call,) = _calls(built)
        recorded = samples_of(call.folder / "agent.wav")
        cut, answer = (line for line in built.of(AgentLine) if isinstance(line, AgentLine))
        assert (cut.fate, answer.fate) == (Fate.CUT, Fate.HEARD)
        shifts = []
        for line, tail_ms in ((cut, UNSURE_TAIL_MS), (answer, 5)):
            begin, end = (line.start_ms + 5) * 8, (line.end_ms - tail_ms) * 8
            assert end - begin > 1_000 * 8
            assert recorded[begin:end] in phone, line
            shifts.append(phone.index(recorded[begin:end]) - begin)
        assert abs(shifts[0] - shifts[1]) <= 20 * 8
        assert abs(shifts[0]) <= 100 * 8
        silence = recorded[(cut.end_ms + 20) * 8 : (answer.start_ms - 20) * 8]
        assert set(silence) == {0xFF}


def samples_of(wav: Path) -> bytes:
    data = wav.read_bytes()
    return data[data.index(b"data") + 8 :]


async def test_a_booking_by_tool_is_in_the_database_once(tmp_path: Path) -> None:
    call = {"service": "haircut", "date": "2026-11-26", "time": "10:00", "name": "Ann Lee"}
    async with house(tmp_path, faults=Faults(repeated_calls=True)) as built:
        call["date"] = bookable_day(built.service)
        arguments = json.dumps(call)
        built.model.script = Script(
            replies=(
                read_back(call),
                Reply("", calls=(FunctionCall("book_appointment", arguments, "call_a"),)),
                Reply("", calls=(FunctionCall("book_appointment", arguments, "call_b"),)),
                Reply("You are booked."),
            ),
            caller=("A haircut for Ann Lee.", "Yes, please."),
        )
        agrees = caller((800, 1_400), (4_500, 5_000), hang_up_ms=9_500)
        report = await built.phone.dial(agrees)
        rows = Bookings(built.service.store, built.service.shop).of_call(report.call_sid)
        assert [row.name for row in rows] == ["Ann Lee"]
        tools = [line for line in built.of(ToolLine) if isinstance(line, ToolLine)]
        assert [(line.state, line.repeated) for line in tools] == [("done", False), ("done", True)]
        assert tools[0].output == tools[1].output


async def test_fault_x17_a_model_that_calls_tools_in_circles_gets_a_person(
    tmp_path: Path,
) -> None:
    """Whatever it is told, it asks again; only at the end it says what it was told to say."""
    circles = [Reply("", calls=(FunctionCall("list_services", "{}", f"c{n}"),)) for n in range(8)]
    script = Script(replies=(*circles, Reply("I'm sorry, let me get a person.", 1_000)))
    async with house(tmp_path, script) as built:
        await built.phone.dial(caller((800, 1_400), hang_up_ms=6_000))
        tools = [line for line in built.of(ToolLine) if isinstance(line, ToolLine)]
        assert [line.state for line in tools] == ["done"] * 5 + ["refused"] * 3
        assert "person" in json.loads(tools[5].output)["mend"]
        assert said_last(built) == "I'm sorry, let me get a person."


async def test_fault_x17_a_model_that_never_stops_calling_tools_is_taken_off_the_line(
    tmp_path: Path,
) -> None:
    calls = [Reply("", calls=(FunctionCall("list_services", "{}", f"c{n}"),)) for n in range(40)]
    async with house(tmp_path, Script(replies=tuple(calls))) as built:
        await built.phone.dial(caller((800, 1_400), hang_up_ms=8_000))
        tools = [line for line in built.of(ToolLine) if isinstance(line, ToolLine)]
        assert [line.state for line in tools] == ["done"] * 5 + ["refused"] * 6
        assert "tools_in_circles" in built.service.counters
        assert said_last(built) == built.service.persona.sorry


async def test_a_booking_nobody_agreed_to_is_not_made(tmp_path: Path) -> None:
    call = {"service": "haircut", "time": "10:00", "name": "Ann Lee"}
    async with house(tmp_path) as built:
        call["date"] = bookable_day(built.service)
        booking = FunctionCall("book_appointment", json.dumps(call), "call_a")
        built.model.script = Script(
            replies=(read_back(call), Reply("", calls=(booking,)), Reply("Which time, please?")),
            caller=("A haircut for Ann Lee.", "Yes, but make it eleven."),
        )
        corrects = caller((800, 1_400), (4_500, 5_000), hang_up_ms=8_500)
        report = await built.phone.dial(corrects)
        rows = Bookings(built.service.store, built.service.shop).of_call(report.call_sid)
        assert rows == []
        (line,) = built.of(ToolLine)
        assert isinstance(line, ToolLine)
        assert line.state == "refused"


def said_last(built: House) -> str:
    lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
    return lines[-1].text


def read_back(call: dict[str, str]) -> Reply:
    """What the caller has to hear, and agree to, before anything is booked."""
    told = f"A {call['service']} on {call['date']} at {call['time']} for {call['name']}. Right?"
    return Reply(told, 1_500)


def bookable_day(service: Service) -> str:
    """The next day the shop is open, after today: no test must depend on when it is run."""
    days = (service.clock().date() + dt.timedelta(days=ahead) for ahead in range(1, 8))
    return next(f"{day:%Y-%m-%d}" for day in days if service.shop.week[day.weekday()])


async def test_the_agent_s_goodbye_is_heard_before_it_hangs_up(tmp_path: Path) -> None:
    script = Script(
        replies=(Reply("Goodbye then, and thank you!", 1_200, calls=(FunctionCall("end_call"),)),)
    )
    async with house(tmp_path, script) as built:
        report = await built.phone.dial(caller((6_000, 6_500), hang_up_ms=60_000), time_limit_s=20)
        assert built.reasons == [EndedReason.AGENT_HUNG_UP]
        assert report.ended_by is EndedBy.API
        last = built.of(AgentLine)[-1]
        assert isinstance(last, AgentLine)
        assert (last.fate, last.text) == (Fate.HEARD, "Goodbye then, and thank you!")
        assert report.stream is not None
        assert report.stream.played_ms_by_item[last.mark_item] >= 1_200


def without_voicemail(tmp_path: Path) -> None:
    """Nobody takes the call over when the engine fails."""
    (tmp_path / "config").mkdir()
    content = "voicemail: {enabled: false}\n"
    (tmp_path / "config" / "phone.yaml").write_text(content, encoding="utf-8")


async def test_a_model_socket_killed_in_mid_call_ends_in_speech(tmp_path: Path) -> None:
    without_voicemail(tmp_path)
    faults = Faults(close_after_deltas=3, close_code=1006)
    async with house(tmp_path, faults=faults) as built:
        report = await built.phone.dial(caller(hang_up_ms=60_000), time_limit_s=30)
        assert built.reasons == [EndedReason.ENGINE_FAILED]
        apology = built.of(AgentLine)[-1]
        assert isinstance(apology, AgentLine)
        assert (apology.source, apology.fate) == ("own", Fate.HEARD)
        assert report.ended_by is EndedBy.API
        assert report.stream is not None
        played_ms = report.stream.played_ms_by_item[apology.mark_item]
        assert played_ms > 4_000
        end_ms = report.stream.length_ms
        assert level(report.stream.heard_ulaw, end_ms - played_ms, end_ms - 500) > 300


@pytest.mark.parametrize("status", [401, 500])
async def test_a_model_that_cannot_be_had_ends_in_speech(tmp_path: Path, status: int) -> None:
    without_voicemail(tmp_path)
    async with house(tmp_path, faults=Faults(handshake_status=status)) as built:
        report = await built.phone.dial(caller(hang_up_ms=60_000), time_limit_s=30)
        assert built.reasons == [EndedReason.ENGINE_FAILED]
        assert report.stream is not None
        assert sum(report.stream.played_ms_by_item.values()) > 4_000
        assert built.model.sessions == []


async def test_calls_beyond_the_limit_hear_so_and_disturb_nobody(tmp_path: Path) -> None:
    async with house(tmp_path, FRONTDESK_MAX_CALLS="1") as built:
        first = asyncio.create_task(built.phone.dial(caller(hang_up_ms=1_500)))  # noqa: TID251
        await built.model.session()
        second = await built.phone.dial(caller(hang_up_ms=1_500))
        assert second.said == (
            "All our lines are busy right now. Please call again in a few minutes.",
        )
        assert second.streams == ()
        report = await first
        assert report.ended_by is EndedBy.CALLER
        third = await built.phone.dial(caller(hang_up_ms=500))
        assert third.stream is not None


async def test_fault_p1_a_stopping_server_lets_calls_finish_and_takes_no_more(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, FRONTDESK_DRAIN_SECONDS="10") as built:
        live = asyncio.create_task(built.phone.dial(caller(hang_up_ms=2_500)))  # noqa: TID251
        await built.model.session()
        draining = asyncio.create_task(built.service.drain())  # noqa: TID251
        await asyncio.sleep(0)
        refused = await built.phone.dial(caller(hang_up_ms=500))
        assert refused.said == (
            "We are just restarting our phone system. Please call again in a minute.",
        )
        report = await live
        await draining
        assert report.ended_by is EndedBy.CALLER
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]


async def test_fault_p1_calls_left_at_the_drain_limit_hear_a_goodbye(tmp_path: Path) -> None:
    async with house(tmp_path, FRONTDESK_DRAIN_THEN="goodbye") as built:
        live = asyncio.create_task(  # noqa: TID251
            built.phone.dial(caller(hang_up_ms=60_000), time_limit_s=30)
        )
        await built.model.session()
        await built.service.drain()
        report = await live
        assert built.reasons == [EndedReason.DRAINED]
        assert report.ended_by is EndedBy.API
        last = built.of(AgentLine)[-1]
        assert isinstance(last, AgentLine)
        assert (last.text, last.fate) == (built.service.persona.drain_goodbye, Fate.HEARD)


async def test_fault_t13_after_each_call_nothing_of_it_is_left(tmp_path: Path) -> None:
    async with house(tmp_path) as built:
        await built.phone.dial(caller(hang_up_ms=600))
        await asyncio.sleep(0.3)
        before = len(asyncio.all_tasks())
        for _ in range(3):
            await built.phone.dial(caller(hang_up_ms=400))
        async with asyncio.timeout(2.0):
            while built.service.switchboard.live or _open(built.model.sessions):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert len(asyncio.all_tasks()) <= before
        assert len(built.model.sessions) == 4
        assert [call.summary.ended_reason for call in _calls(built)] == ["caller_hung_up"] * 4


def _open(sessions: list[RealtimeSession]) -> list[RealtimeSession]:
    return [session for session in sessions if not session.closed.is_set()]


def _calls(built: House) -> list[StoredCall]:
    return Archive(built.service.settings.data_dir).newest(10)


async def test_twenty_calls_at_once_are_all_carried(tmp_path: Path) -> None:
    async with house(tmp_path) as built:
        calls: list[PhoneReport] = await asyncio.gather(
            *(built.phone.dial(caller((1_500, 2_000), hang_up_ms=3_500)) for _ in range(20))
        )
        assert {call.ended_by for call in calls} == {EndedBy.CALLER}
        for number in range(20):
            session = await built.model.session(number)
            assert [cut.accepted for cut in session.conversation.truncations] == [True]
        assert len(built.of(TruncationLine)) == 20


async def test_a_cough_does_not_cut_a_confirmed_greeting_and_speech_does(tmp_path: Path) -> None:
    """The model is told nothing of the cough; the caller hears the greeting with a pause in it."""
    script = Script(replies=(Reply("We are open until six.", 800),), caller=("", "Hello there"))
    async with house(tmp_path, script, FRONTDESK_BARGE_IN="confirmed") as built:
        report = await built.phone.dial(caller((1_500, 1_620), (4_000, 4_900), hang_up_ms=7_500))
        session = await built.model.session()
        assert report.stream is not None
        assert level(report.stream.heard_ulaw, 1_800, 2_100) < 50
        assert level(report.stream.heard_ulaw, 3_200, 3_900) > 500
        (told,) = session.conversation.truncations
        (cut,) = built.of(TruncationLine)
        assert isinstance(cut, TruncationLine)
        assert told.accepted
        assert abs(told.audio_end_ms - report.stream.played_ms_by_item[cut.mark_item]) <= 40
        lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert [line.fate for line in lines] == [Fate.CUT, Fate.HEARD]
        assert len(session.sent("response.create")) == 2  # the greeting, and one answer
        assert session.errors == []
