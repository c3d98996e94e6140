"""Whole calls over loopback with GPT-Live: a simulated phone, the real server, a strict fake that
owns turns and playback and speaks at the pace of the caller's audio."""

import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import msgspec
import pytest

from telephony.app import Service
from telephony.call.commands import CallCommand, ClearPlayback, Note, Record
from telephony.call.events import CallEvent
from telephony.running import serving
from telephony.server import listen
from telephony.settings import load
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from telephony.values import Secret
from tests.fakes.live_script import LiveFaults
from tests.fakes.live_server import FakeLive
from tests.fakes.realtime_script import FunctionCall, Reply, Script
from tests.telephony.test_whole_call import (
    GREETING,
    bookable_day,
    caller,
    level,
    read_back,
    without_voicemail,
)
from tests.unasked import UNASKED
from tools.booking.bookings import Bookings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


SHORT = "Good morning."


class House:
    """A service with a simulated phone before it and a fake GPT-Live behind it."""

    def __init__(self, service: Service, phone: SimulatedTwilio, model: FakeLive) -> None:
        self.service = service
        self.phone = phone
        self.model = model
        self.entries: list[AnyEntry] = []
        self.commands: list[CallCommand] = []

    @property
    def agent(self) -> list[AgentLine]:
        return [entry for entry in self.entries if isinstance(entry, AgentLine)]

    @property
    def reasons(self) -> list[EndedReason]:
        return [entry.reason for entry in self.entries if isinstance(entry, EndLine)]

    @property
    def notes(self) -> list[str]:
        return [each.detail for each in self.commands if isinstance(each, Note)]


@contextlib.asynccontextmanager
async def house(
    tmp_path: Path, script: Script | None = None, faults: LiveFaults | None = None, **env: str
) -> AsyncGenerator[House]:
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    told: list[CallCommand] = []

    def watch(_id: str, _now: float, _event: CallEvent, commands: Sequence[CallCommand]) -> None:
        told.extend(commands)
        built.entries += [each.entry for each in commands if isinstance(each, Record)]

    async with FakeLive(script, faults) as model, SimulatedTwilio(address) as phone:
        environment = {
            **UNASKED,
            "FRONTDESK_ENGINE": "live",
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
            built.commands = told
            yield built


async def test_an_interrupted_greeting_stands_in_the_transcript_as_far_as_it_was_spoken(
    tmp_path: Path,
) -> None:
    """The server hears the caller and falls silent by itself: what it had said was heard."""
    script = Script(
        replies=(Reply("We are open until six.", 1_500),), caller=("When do you close?",)
    )
    async with house(tmp_path, script) as built:
        report = await built.phone.dial(caller((2_500, 3_600), hang_up_ms=8_500))
        session = await built.model.session()
        greeting, answer = session.said
        assert not greeting.whole
        assert report.stream is not None
        lines = built.agent
        assert [line.fate for line in lines] == [Fate.HEARD, Fate.HEARD]
        assert lines[0].text == lines[0].heard == greeting.spoken
        assert 0 < len(greeting.spoken) < len(GREETING)
        assert lines[1].heard == answer.spoken == "We are open until six."
        for line, said in zip(lines, session.said, strict=True):
            played_ms = report.stream.played_ms_by_item[line.mark_item]
            assert abs(line.heard_ms - played_ms) <= 40
            # Silence around it counts as audio of the reply.
            assert said.said_ms - 20 <= played_ms <= said.said_ms + 300
        assert level(report.stream.heard_ulaw, 1_000, 2_300) > 500
        assert level(report.stream.heard_ulaw, 3_400, 3_900) < 50
        assert report.stream.warnings == ()
        (said_by_caller,) = [each for each in built.entries if isinstance(each, CallerLine)]
        assert said_by_caller.text == "When do you close?"
        assert abs(said_by_caller.start_ms - 2_500) < 200
        assert session.errors == []


async def test_what_a_late_network_brought_is_cleared_and_the_model_told_so(
    tmp_path: Path,
) -> None:
    """Two seconds of audio come at once. When the caller cuts in the server is silent already,
    while the carrier still has much of them: that is thrown away, and nobody believes it heard."""
    script = Script(replies=(Reply("We are open until six.", 1_500),), caller=("Stop, please!",))
    faults = LiveFaults(late_from_delta=10, late_deltas=25)
    async with house(tmp_path, script, faults) as built:
        report = await built.phone.dial(caller((3_600, 4_600), hang_up_ms=9_000))
        session = await built.model.session()
        assert report.stream is not None
        assert any(isinstance(each, ClearPlayback) for each in built.commands)
        (cut,) = [each for each in built.entries if isinstance(each, TruncationLine)]
        first = built.agent[0]
        assert first.fate is Fate.CUT
        played_ms = report.stream.played_ms_by_item[cut.mark_item]
        assert abs(first.heard_ms - played_ms) <= 40
        assert played_ms < session.said[0].said_ms
        assert session.said[0].spoken.startswith(first.heard)
        assert len(first.heard) < len(session.said[0].spoken)
        ((kind, told),) = [each for each in session.told if "The line cut you off" in each[1]]
        assert kind == "thinking"
        assert told.endswith(f"the caller heard only this: {first.heard}")
        assert built.agent[-1].heard == "We are open until six."
        assert session.errors == []


async def test_a_murmur_the_server_talks_over_costs_nothing_of_the_reply(tmp_path: Path) -> None:
    script = Script(caller=("Uh-huh.",))
    async with house(tmp_path, script, LiveFaults(talks_on=True)) as built:
        report = await built.phone.dial(caller((2_000, 2_400), hang_up_ms=8_500))
        session = await built.model.session()
        assert report.stream is not None
        assert session.said[0].whole
        assert built.agent[0].heard == GREETING
        assert not any(isinstance(each, ClearPlayback) for each in built.commands)
        played_ms = report.stream.played_ms_by_item[built.agent[0].mark_item]
        assert played_ms >= session.said[0].duration_ms - 20


async def test_a_booking_by_the_backend_is_in_the_database_once(tmp_path: Path) -> None:
    call = {"service": "haircut", "time": "10:00", "name": "Ann Lee"}
    faults = LiveFaults(repeated_calls=True)
    async with house(tmp_path, faults=faults, FRONTDESK_GREETING=SHORT) as built:
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
        agrees = caller((2_600, 3_400), (6_700, 7_400), hang_up_ms=11_500)
        report = await built.phone.dial(agrees)
        rows = Bookings(built.service.store, built.service.shop).of_call(report.call_sid)
        assert [row.name for row in rows] == ["Ann Lee"]
        tools = [line for line in built.entries if isinstance(line, ToolLine)]
        assert [(line.state, line.repeated) for line in tools] == [("done", False), ("done", True)]
        session = await built.model.session()
        assert [call_id for call_id, _ in session.backend.outputs] == ["call_a", "call_b"]
        assert session.backend.outputs[0][1] == session.backend.outputs[1][1]
        assert built.agent[-1].heard == "You are booked."
        assert session.errors == []
        assert [each for each in built.entries if isinstance(each, TurnLine)]


async def test_the_agent_s_goodbye_is_heard_before_it_hangs_up(tmp_path: Path) -> None:
    bye = Reply("Goodbye then, and thank you!", 1_200, calls=(FunctionCall("end_call"),))
    script = Script(replies=(bye, Reply("", calls=())), caller=("That is all.",))
    async with house(tmp_path, script, FRONTDESK_GREETING=SHORT) as built:
        report = await built.phone.dial(caller((2_600, 3_200), hang_up_ms=60_000), time_limit_s=25)
        assert built.reasons == [EndedReason.AGENT_HUNG_UP]
        assert report.ended_by is EndedBy.API
        said = [line for line in built.agent if line.text == "Goodbye then, and thank you!"]
        assert [line.fate for line in said] == [Fate.HEARD]


async def test_a_session_that_is_lost_is_followed_by_one_that_knows_what_was_heard(
    tmp_path: Path,
) -> None:
    script = Script(replies=(Reply("We are open until six.", 1_500),), caller=("Until when?",))
    faults = LiveFaults(cut_after_deltas=70, only_first=True)
    async with house(tmp_path, script, faults, FRONTDESK_GREETING=SHORT) as built:
        twice = caller((2_600, 3_300), (8_500, 9_200), hang_up_ms=13_500)
        report = await built.phone.dial(twice)
        assert report.ended_by is EndedBy.CALLER
        # One that was opened ahead and is not needed is told nothing.
        first, second = (each for each in built.model.sessions if each.told)
        assert [kind for kind, _ in second.told] == ["instructions"]
        known = second.told[0][1].splitlines()
        assert known[1:] == [
            f"You said, and the caller heard: {SHORT}",
            "The caller said: Until when?",
            "You said, and the caller heard: We are open until six.",
        ]
        assert [each.spoken for each in second.said] == ["We are open until six."]
        assert first.errors == second.errors == []
        assert [line.fate for line in built.agent] == [Fate.HEARD] * 3
        assert len({line.item_id for line in built.agent}) == 3


async def test_a_session_cut_in_mid_speech_ends_in_speech(tmp_path: Path) -> None:
    without_voicemail(tmp_path)
    faults = LiveFaults(cut_after_deltas=12)
    async with house(tmp_path, faults=faults, FRONTDESK_FALLBACKS="none") as built:
        report = await built.phone.dial(caller(hang_up_ms=60_000), time_limit_s=30)
        assert built.reasons == [EndedReason.ENGINE_FAILED]
        apology = built.agent[-1]
        assert (apology.source, apology.fate) == ("own", Fate.HEARD)
        assert report.ended_by is EndedBy.API


async def test_a_model_that_says_nothing_ends_in_speech(tmp_path: Path) -> None:
    without_voicemail(tmp_path)
    faults = LiveFaults(silent=True)
    async with house(tmp_path, faults=faults, FRONTDESK_FALLBACKS="none") as built:
        report = await built.phone.dial(caller(hang_up_ms=60_000), time_limit_s=40)
        assert built.reasons == [EndedReason.ENGINE_FAILED]
        assert built.agent[-1].source == "own"
        assert report.ended_by is EndedBy.API
