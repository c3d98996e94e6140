"""A call on disk as the running service leaves it: written by the real journal, read by tests."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agents.engine import Usage
from agents.money import UNKNOWN, Cost
from telephony.call.commands import Track
from telephony.call.events import CallerAudio, CallEvent, DtmfPressed, MarkEchoed
from telephony.media import ulaw
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    Charge,
    ChargeLine,
    ClaimLine,
    DtmfLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
    UsageLine,
    Word,
    WordFate,
)
from telephony.transcripts.journal import Journal, JournalWriter
from tests.fakes.realtime_script import hum

MONDAY = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
CALL = "CA0123456789abcdef"
CALLER = "+442079460123"
WANTED = {
    "service": "haircut",
    "date": "2026-11-24",
    "time": "10:00",
    "name": "Ann Lee",
    "phone": CALLER,
    "guest": "Zebedee",
    "remind": True,
}


def words(text: str, start_ms: int, end_ms: int, heard: int) -> tuple[Word, ...]:
    """Of equal length; the one behind the `heard` ones is cut."""
    each = text.split()
    length = (end_ms - start_ms) // len(each)
    fates = [WordFate.HEARD] * heard + [WordFate.CUT] + [WordFate.UNHEARD] * len(each)
    return tuple(
        Word(word, start_ms + at * length, start_ms + (at + 1) * length, fates[at])
        for at, word in enumerate(each)
    )


GREETING = "Thanks for calling, how may I help you?"
ENTRIES: tuple[AnyEntry, ...] = (
    ChargeLine(Charge.CARRIER, Cost(8_500), 0),
    AgentLine(
        "i1", 1, GREETING, "Thanks for calling, how", Fate.CUT, 500, 2_000, 1_500, 2_800,
        heard_at_least_ms=1_480, heard_at_most_ms=1_540, words=words(GREETING, 500, 3_300, 4),
    ),
    TruncationLine(
        "i1", 1, 1_500, 2_000, heard_ms=1_500, heard_at_least_ms=1_480, heard_at_most_ms=1_540
    ),
    CallerLine("i2", "A haircut tomorrow at ten, for Ann Lee.", 2_000, 3_500),
    TurnLine(3_500, 4_000, 4_300, 4_350, model_ms=4_250),
    ToolLine(
        "call_a", "book_appointment", msgspec.json.encode(WANTED).decode(), "done",
        '{"message":"Booked.","id":7}', 4_010, 4_200,
    ),
    UsageLine("r1", "completed", Usage(10, 20, 0, 0, 30, 40), 4_300, Cost(1_234), "gpt-realtime"),
    AgentLine(
        "i3", 2, "You are booked.", "You are booked.", Fate.HEARD, 4_350, 5_400, 1_050, 1_050,
        words=tuple(
            Word(text, 4_350 + 350 * at, 4_700 + 350 * at, WordFate.HEARD)
            for at, text in enumerate(("You", "are", "booked."))
        ),
    ),
    SeatLine(1, "turns", "failed", 5_450),
    DtmfLine("5", 5_500),
    ClaimLine("i4", ("send_text",), "never", "I have sent you", 5_600),
    AgentLine("i4", 3, "I have sent you a text.", "", Fate.NEVER_PLAYED, 5_600, 5_600, 0, 600),
    UsageLine("r2", "cancelled", None, 5_700, UNKNOWN, "gpt-next"),
    EndLine(EndedReason.CALLER_HUNG_UP, 6_000, silence_ms=850, wordless_ms=850),
)  # fmt: skip


def sound(ms: int, name: str = "agent") -> bytes:
    return ulaw.encode(hum(name, ms, 8_000))


GREETING_ULAW = sound(2_800)
ANSWER_ULAW = sound(1_050, "answer")
LOST_ULAW = sound(600, "lost")
CALLER_ULAW = sound(1_500, "caller")


def store(
    data_dir: Path,
    entries: Sequence[AnyEntry] = ENTRIES,
    *,
    call_id: str = CALL,
    close: bool = True,
    audio: bool = True,
    from_number: str | None = CALLER,
) -> Path:
    """The call's folder. Not closed, it stays as a call that is on, or was broken off."""

    async def run() -> Path:
        writer = JournalWriter(data_dir, period_s=0.01)
        journal = Journal.open(
            writer,
            call_id=call_id,
            started_at=MONDAY,
            engine="realtime",
            from_number=from_number,
            to_number="+442079460999",
            config_version=3,
            failed=print,
        )
        write(journal, entries, audio=audio)
        if close:
            journal.close(EndedReason.CALLER_HUNG_UP)
        while journal._spool.written != journal._spool.queued:
            await asyncio.sleep(0.01)
        await writer.shut(5)
        return journal.folder

    return asyncio.run(run())


def write(journal: Journal, entries: Sequence[AnyEntry], *, audio: bool = True) -> None:
    events: tuple[CallEvent, ...] = (
        CallerAudio(b"\xff" * 160, 20),
        MarkEchoed("1:1"),
        DtmfPressed("5"),
    )
    for number, event in enumerate(events):
        journal.event(number * 0.5, event, [])
    if audio:
        for track, at_ms, ulaw_ in (
            (Track.CALLER, 2_000, CALLER_ULAW),
            (Track.HEARD, 500, GREETING_ULAW[: 1_500 * 8]),
            (Track.HEARD, 4_350, ANSWER_ULAW),
            (Track.SENT, 450, GREETING_ULAW),
            (Track.SENT, 4_300, ANSWER_ULAW),
            (Track.SENT, 5_360, LOST_ULAW),
            (Track.CALLER, 5_900, b"\xff" * 800),
        ):
            journal.audio(track, at_ms * 8, ulaw_)
    for entry in entries:
        journal.record(entry)
