"""Whole calls over loopback that are passed on: put through, given back, left to voicemail."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from telephony.simulator.phone import Callee, EndedBy, PhoneReport, Recorded, StreamEnd
from telephony.transcripts.entry import AgentLine, EndedReason, EndLine, Fate, ToolLine
from telephony.twilio.ports import Message
from tests.fakes.realtime_script import Faults, FunctionCall, Reply, Script
from tests.telephony.test_whole_call import House, bookable_day, caller, house, read_back
from tools.booking.bookings import Bookings
from tools.crm.contacts import Contacts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(40)]

SALES, DESK = "+442079460001", "+442079460002"
LINE = """\
transfers:
  sales: {number: "+442079460001", say: "I'll put you through to sales.", timeout_s: 5}
  front desk: {number: "+442079460002", say: "I'll get somebody.", timeout_s: 5}
human: front desk
"""
NO_VOICEMAIL = "voicemail: {enabled: false}\n"
TO_SALES = FunctionCall("transfer_call", '{"target": "sales"}', "call_t")
ASKED = Reply("I'll put you through to sales.", 700, calls=(TO_SALES,))


class Legs:
    """A caller on one stream after the other: the clock of each begins at 0."""

    def __init__(self, *legs: Recorded) -> None:
        self._legs = list(legs)
        self._last_ms = -1

    @property
    def _now(self) -> Recorded:
        return self._legs[0]

    def heard(self, now_ms: int, ulaw: bytes) -> None:
        if now_ms < self._last_ms and len(self._legs) > 1:
            del self._legs[0]
        self._last_ms = now_ms
        self._now.heard(now_ms, ulaw)

    def frame(self, now_ms: int) -> bytes:
        return self._now.frame(now_ms)

    def keys(self, now_ms: int) -> str:
        return self._now.keys(now_ms)

    @property
    def hang_up(self) -> bool:
        return self._now.hang_up


def line(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "phone.yaml").write_text(text, encoding="utf-8")


def asks() -> Recorded:
    return caller((600, 1_200), hang_up_ms=30_000)


async def dialled(built: House, side: Recorded | Legs) -> PhoneReport:
    return await built.phone.dial(side, time_limit_s=30)


def ending(built: House) -> EndLine:
    (line,) = built.of(EndLine)
    assert isinstance(line, EndLine)
    return line


def said(built: House) -> list[tuple[str, Fate]]:
    lines = [entry for entry in built.of(AgentLine) if isinstance(entry, AgentLine)]
    return [(line.text, line.fate) for line in lines]


async def notes(built: House, count: int = 1) -> Sequence[str]:
    """What the staff is told about the caller, once it is."""
    contacts = Contacts(built.service.store)
    async with asyncio.timeout(5.0):
        while True:
            contact = await asyncio.to_thread(contacts.find, "+14155550100")
            found = await asyncio.to_thread(contacts.notes, contact) if contact else []
            if len(found) >= count:
                return [note.text for note in found]
            await asyncio.sleep(0.02)


async def test_a_caller_is_put_through_and_the_model_told_no_number(tmp_path: Path) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path, Script(replies=(ASKED,))) as built:
        built.phone.callees[SALES] = Callee("completed", after_s=0.5)
        report = await dialled(built, asks())
        assert report.dialled == (SALES,)
        assert [stream.end for stream in report.streams] == [StreamEnd.REDIRECTED]
        assert report.ended_by is EndedBy.HANGUP_VERB
        assert (ending(built).reason, ending(built).detail) == (EndedReason.TRANSFERRED, "sales")
        # The hand-off was heard to its end before the line went elsewhere.
        assert said(built)[-1] == ("I'll put you through to sales.", Fate.HEARD)
        session = await built.model.session()
        assert SALES not in json.dumps(session.client_events)
        assert session.errors == []
        assert report.errors == ()
        assert report.twiml_warnings == ()


@pytest.mark.parametrize("result", ["busy", "no-answer", "failed"])
async def test_a_caller_nobody_took_is_back_with_the_agent_and_can_still_book(
    tmp_path: Path, result: str
) -> None:
    line(tmp_path, LINE)
    call = {"service": "haircut", "time": "10:00", "name": "Ann Lee"}
    async with house(tmp_path) as built:
        call["date"] = bookable_day(built.service)
        booking = Reply("", calls=(FunctionCall("book_appointment", json.dumps(call), "call_b"),))
        replies = (ASKED, read_back(call), booking, Reply("You are booked.", 400))
        told = ("Sales, please.", "Then a haircut.", "Yes, please.")
        built.model.script = Script(replies=replies, caller=told)
        built.phone.callees[SALES] = Callee(result, after_s=0.3)
        back = caller((6_500, 7_000), (10_500, 11_000), hang_up_ms=15_000)
        report = await dialled(built, Legs(asks(), back))
        assert [stream.end for stream in report.streams] == [
            StreamEnd.REDIRECTED,
            StreamEnd.CALLER,
        ]
        session = await built.model.session()
        assert len(built.model.sessions) == 1
        known = [text for role, text in session.conversation.context() if role == "system"]
        assert known == ["Nobody answered at sales: the caller is back with you."]
        assert (built.service.persona.nobody_free, Fate.HEARD) in said(built)
        rows = Bookings(built.service.store, built.service.shop).of_call(report.call_sid)
        assert [row.name for row in rows] == ["Ann Lee"]
        assert [entry.name for entry in built.of(ToolLine) if isinstance(entry, ToolLine)] == [
            "transfer_call",
            "book_appointment",
        ]
        assert ending(built).reason is EndedReason.CALLER_HUNG_UP
        assert session.errors == []


async def test_the_recordings_go_on_through_a_transfer(tmp_path: Path) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path, Script(replies=(ASKED,))) as built:
        built.phone.callees[SALES] = Callee("busy", after_s=0.5)
        back = caller((500, 900), hang_up_ms=3_000)
        report = await dialled(built, Legs(asks(), back))
        call = await built.kept()
        first, second = report.streams
        pause_s = second.began_s - first.began_s - first.length_ms / 1000
        length_ms = (call.recordings["caller.wav"].stat().st_size - 44) // 8
        whole_ms = first.length_ms + second.length_ms + pause_s * 1000
        assert abs(length_ms - whole_ms) < 150


async def test_fault_t22_an_api_that_fails_does_not_keep_a_caller(tmp_path: Path) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path, Script(replies=(ASKED,))) as built:
        built.phone.api_refusal = 500
        built.phone.callees[SALES] = Callee("completed", after_s=0.2)
        report = await dialled(built, asks())
        assert report.dialled == (SALES,)
        assert [stream.end for stream in report.streams] == [StreamEnd.CLOSED]
        assert [error.code for error in report.errors] == [31921]
        assert ending(built).reason is EndedReason.TRANSFERRED
        assert built.service.counters["handover_failed"] == 1


async def test_fault_t22_and_one_that_was_busy_then_comes_back_by_the_same_way(
    tmp_path: Path,
) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path, Script(replies=(ASKED,))) as built:
        built.phone.api_refusal = 429
        built.phone.callees[SALES] = Callee("busy", after_s=0.2)
        report = await dialled(built, Legs(asks(), caller(hang_up_ms=10_000)))
        assert [stream.end for stream in report.streams] == [StreamEnd.CLOSED, StreamEnd.CALLER]
        assert (built.service.persona.nobody_free, Fate.HEARD) in said(built)


async def test_a_caller_who_wants_a_person_gets_one_though_the_model_is_dead(
    tmp_path: Path,
) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path, faults=Faults(close_after_deltas=3, close_code=1006)) as built:
        built.phone.callees[DESK] = Callee("completed", after_s=0.2)
        report = await dialled(built, caller(hang_up_ms=60_000))
        assert report.dialled == (DESK,)
        assert ending(built).reason is EndedReason.TRANSFERRED
        persona = built.service.persona
        assert said(built)[-2:] == [
            (persona.sorry, Fate.HEARD),
            ("I'll get somebody.", Fate.HEARD),
        ]


async def test_key_0_s_way_needs_no_model(tmp_path: Path) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path) as built:
        built.phone.callees[DESK] = Callee("completed", after_s=0.2)
        report = await dialled(built, Recorded(b"", 20_000, {1_500: "0"}))
        session = await built.model.session()
        assert report.dialled == (DESK,)
        assert ending(built).reason is EndedReason.TRANSFERRED
        # All the model was asked to say is the greeting.
        assert len(session.sent("response.create")) == 1


async def test_a_dead_model_and_a_busy_person_leave_voicemail(tmp_path: Path) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path, faults=Faults(close_after_deltas=3, close_code=1006)) as built:
        built.phone.callees[DESK] = Callee("busy")
        built.phone.message_s = 12
        report = await dialled(built, caller(hang_up_ms=60_000))
        assert report.dialled == (DESK,)
        assert report.messages_s == (12,)
        assert report.said == ("Please leave a message after the tone, and we will call you back.",)
        assert ending(built).reason is EndedReason.VOICEMAIL
        (note,) = await notes(built)
        assert note.startswith("Please call back. Left a message of 12 s: recording RE")
        call = await built.kept()
        kept = msgspec.json.decode((call.folder / "voicemail.json").read_bytes(), type=Message)
        assert kept.length_s == 12
        assert kept.recording_sid in note


async def test_voicemail_through_the_socket_when_the_api_is_down_too(tmp_path: Path) -> None:
    line(tmp_path, 'human: ""\n')
    async with house(tmp_path, faults=Faults(handshake_status=500)) as built:
        built.phone.api_refusal = 503
        built.phone.message_s = 5
        report = await dialled(built, caller(hang_up_ms=60_000))
        assert report.messages_s == (5,)
        assert ending(built).reason is EndedReason.VOICEMAIL


async def test_a_caller_who_leaves_no_message_is_to_be_called_back(tmp_path: Path) -> None:
    async with house(tmp_path, faults=Faults(handshake_status=500)) as built:
        report = await dialled(built, caller(hang_up_ms=60_000))
        assert report.messages_s == ()
        (note,) = await notes(built)
        assert note == "Please call back. The caller was asked for a message and left none."
        assert ending(built).reason is EndedReason.ENGINE_FAILED


async def test_when_nothing_else_works_there_is_an_apology_and_a_note(tmp_path: Path) -> None:
    line(tmp_path, NO_VOICEMAIL)
    async with house(tmp_path, faults=Faults(handshake_status=500)) as built:
        report = await dialled(built, caller(hang_up_ms=60_000))
        assert report.stream is not None
        assert sum(report.stream.played_ms_by_item.values()) > 4_000
        (note,) = await notes(built)
        assert note == "Please call back. The call broke off for a fault of ours."
        assert ending(built).reason is EndedReason.ENGINE_FAILED


async def test_a_caller_who_hangs_up_while_it_rings_is_gone(tmp_path: Path) -> None:
    line(tmp_path, LINE)
    async with house(tmp_path, Script(replies=(ASKED,))) as built:
        built.phone.callees[SALES] = Callee("no-answer", after_s=0.3, caller_leaves=True)
        report = await dialled(built, asks())
        assert report.ended_by is EndedBy.CALLER
        async with asyncio.timeout(5.0):
            while built.service.switchboard.live:
                await asyncio.sleep(0.02)
        assert ending(built).reason is EndedReason.CALLER_HUNG_UP
