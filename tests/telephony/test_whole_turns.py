"""Whole calls with the turn-based engine: a simulated phone, the real server, a strict chat server.

Nothing in `telephony` knows which engine runs: these are the calls of `test_whole_call`.
"""

import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

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
from telephony.simulator.phone import Recorded
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
    UsageLine,
)
from telephony.values import Secret
from tests.callers import Pcm, resampled, says
from tests.fakes.chat_server import FakeChat, Fault
from tests.fakes.realtime_script import FunctionCall, Reply, Script
from tests.telephony.test_whole_call import (
    GREETING,
    bookable_day,
    level,
    read_back,
)
from tests.unasked import UNASKED
from tools.booking.bookings import Bookings

Line = TypeVar("Line", bound=AnyEntry)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


class House:
    """A service with a simulated phone before it and a strict chat server behind it."""

    def __init__(self, service: Service, phone: SimulatedTwilio, entries: list[AnyEntry]) -> None:
        self.service = service
        self.phone = phone
        self.entries = entries

    def of(self, kind: type[Line]) -> list[Line]:
        return [entry for entry in self.entries if isinstance(entry, kind)]


@contextlib.asynccontextmanager
async def house(
    tmp_path: Path, script: Script | None = None, faults: Sequence[Fault] = (), **env: str
) -> AsyncGenerator[tuple[House, FakeChat]]:
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    entries: list[AnyEntry] = []

    def watch(_id: str, _now: float, _event: CallEvent, commands: Sequence[CallCommand]) -> None:
        entries.extend(command.entry for command in commands if isinstance(command, Record))

    async with FakeChat(script, faults) as model, SimulatedTwilio(address) as phone:
        environment = {
            **UNASKED,
            "FRONTDESK_ENGINE": "turns",
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
            yield House(service, phone, entries), model


ASKS = "A haircut for Ann Lee, please."


@cache
def spoken(text: str) -> Pcm:
    """The words at 8 kHz, as a telephone carries them."""
    return resampled(says(text), 16_000, 8_000, band=(300, 3_400))


def caller(*said: tuple[int, str], hang_up_ms: int) -> Recorded:
    """A caller on a line with a little noise, who says things at moments and hangs up."""
    track = np.random.default_rng(1).normal(0, 12, hang_up_ms * 8)
    for begin_ms, text in said:
        words = spoken(text)
        track[begin_ms * 8 : begin_ms * 8 + len(words)] += words
    return Recorded(ulaw.encode(np.clip(track, -32_768, 32_767).astype(np.int16)), hang_up_ms)


@pytest.mark.parametrize("barge_in", ["immediate", "confirmed"])
async def test_an_interrupted_greeting_is_cut_alike_for_phone_model_and_transcript(
    tmp_path: Path, barge_in: str
) -> None:
    script = Script(
        replies=(Reply("We are open until six.", 1_500),), caller=("When do you close?",)
    )
    async with house(tmp_path, script, FRONTDESK_BARGE_IN=barge_in) as (built, model):
        rude = caller((2_000, ASKS), hang_up_ms=8_500)
        report = await built.phone.dial(rude)
        (cut,) = built.of(TruncationLine)
        assert report.stream is not None
        played_ms = report.stream.played_ms_by_item[cut.mark_item]
        assert abs(cut.audio_end_ms - played_ms) <= 40
        lines = built.of(AgentLine)
        assert [line.fate for line in lines] == [Fate.CUT, Fate.HEARD]
        assert GREETING.startswith(lines[0].heard)
        assert 0 < len(lines[0].heard) < len(GREETING)
        # The model is told exactly what was heard, and asked with what the caller said.
        told = model.bodies[-1]["messages"]
        assert [each["content"] for each in told if each["role"] == "assistant"] == [lines[0].heard]
        assert told[-1]["content"][0]["type"] == "input_audio"
        assert len(model.sounds[-1]) == 1
        assert level(report.stream.heard_ulaw, 500, 1_900) > 500
        assert report.stream.warnings == ()
        (said,) = built.of(CallerLine)
        assert said.text == "When do you close?"
        assert abs(said.start_ms - 2_000) < 350
        assert model.refused == []


async def test_a_booking_by_tool_is_in_the_database_once_and_its_tokens_are_known(
    tmp_path: Path,
) -> None:
    call = {"service": "haircut", "date": "2026-11-26", "time": "10:00", "name": "Ann Lee"}
    async with house(tmp_path) as (built, model):
        call["date"] = bookable_day(built.service)
        book = FunctionCall("book_appointment", json.dumps(call))
        model.play(
            Script(
                replies=(
                    read_back(call),
                    Reply("", calls=(book, book)),
                    Reply("You are booked.", 800),
                ),
                caller=("A haircut for Ann Lee.", "Yes, please."),
            )
        )
        # What they say is the script's; that they speak is for the detector to hear.
        agrees = caller((5_500, ASKS), (11_000, ASKS), hang_up_ms=16_500)
        report = await built.phone.dial(agrees)
        rows = Bookings(built.service.store, built.service.shop).of_call(report.call_sid)
        assert [row.name for row in rows] == ["Ann Lee"]
        tools = built.of(ToolLine)
        assert [line.state for line in tools] == ["done", "done"]
        assert [line.repeated for line in tools].count(False) == 1
        assert built.of(AgentLine)[-1].text == "You are booked."
        last = model.bodies[-1]["messages"]
        assert [each["role"] for each in last][-3:] == ["assistant", "tool", "tool"]
        usage = [line.usage for line in built.of(UsageLine)]
        assert all(each is not None and each.input_audio_tokens == 20 for each in usage)
        assert model.refused == []


async def test_fault_m23_a_stream_cut_in_the_middle_is_gone_on_with_and_the_turn_counts_once(
    tmp_path: Path,
) -> None:
    script = Script(
        replies=(Reply("We are open until six, and on Saturdays", 3_000), Reply("until four.")),
        caller=("When do you close?",),
    )
    faults = (Fault(), Fault(pieces=3, cut=True))
    async with house(tmp_path, script, faults) as (built, model):
        await built.phone.dial(caller((5_500, ASKS), hang_up_ms=12_000))
        lines = built.of(AgentLine)
        assert [line.fate for line in lines] == [Fate.HEARD] * 3
        assert lines[0].text == GREETING
        assert (lines[1].text + "|" + lines[2].text).endswith("|until four.")
        assert len(built.of(CallerLine)) == 1
        told = [each["role"] for each in model.bodies[-1]["messages"]]
        assert told.count("user") == 1
    assert [line.reason for line in built.of(EndLine)] == [EndedReason.CALLER_HUNG_UP]


async def test_a_model_that_refuses_every_request_ends_in_the_spoken_apology(
    tmp_path: Path,
) -> None:
    faults = (Fault(), Fault(status=401, code="invalid_api_key"))
    async with house(tmp_path, faults=faults) as (built, _):
        await built.phone.dial(caller((5_500, ASKS), hang_up_ms=14_000))
        assert built.of(AgentLine)[-1].text == built.service.persona.sorry
    assert [line.reason for line in built.of(EndLine)] == [EndedReason.ENGINE_FAILED]


async def test_fault_m3_the_embedded_engine_takes_over_a_call_whose_key_is_refused(
    tmp_path: Path,
) -> None:
    faults = (Fault(), Fault(status=401, code="invalid_api_key"))
    script = Script(caller=("A haircut, please.",))
    async with house(tmp_path, script, faults, FRONTDESK_FALLBACKS="local") as (built, _):
        await built.phone.dial(caller((5_500, ASKS), hang_up_ms=14_000))
        greeting, answer = built.of(AgentLine)[:2]
        assert (greeting.text, greeting.fate) == (GREETING, Fate.HEARD)
        assert answer.text != built.service.persona.sorry
        assert answer.heard_ms > 0
    assert [line.reason for line in built.of(EndLine)] == [EndedReason.CALLER_HUNG_UP]
