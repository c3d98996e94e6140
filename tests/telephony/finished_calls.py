"""Calls that are over, on disk as a service leaves them, without a service."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

from telephony.transcripts.entry import (
    AgentLine,
    Alarm,
    AlarmLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from telephony.transcripts.journal import Journal, JournalWriter

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
SECRET_WORDS = "My name is Ann Farthing"
CALLER, OURS = "+442079460001", "+442079460000"
ENTRIES: tuple[AnyEntry, ...] = (
    AgentLine("i1", 1, "Hello there.", "Hello", Fate.CUT, 500, 1_900, 400, 900),
    CallerLine("c1", SECRET_WORDS, 1_700, 3_000),
    TruncationLine("i1", 1, 400, 1_900, False, 400, 380, 420),
    TurnLine(3_000, 3_250, 3_900, 3_960, 3_880),
    ToolLine("t1", "book", f'{{"name": "{SECRET_WORDS}"}}', "done", "{}", 4_000, 4_450),
    ToolLine("t2", "note", "{}", "unknown", "{}", 4_500, 9_500),
    SeatLine(1, "local", "failed", 5_000),
    AlarmLine(Alarm.ECHO, 6_000, 3),
    EndLine(EndedReason.CALLER_HUNG_UP, 61_000, "", 900, 900),
)


class Shelf:
    """A data folder, and the writer that fills it."""

    def __init__(
        self, data_dir: Path, finished: Callable[[Path], None] = lambda folder: None
    ) -> None:
        self.data_dir = data_dir
        self._writer = JournalWriter(data_dir, period_s=0.01, finished=finished)

    async def call(
        self,
        call_id: str,
        began_at: dt.datetime = NOON,
        entries: Sequence[AnyEntry] = ENTRIES,
        persona: str = "desk",
        reason: EndedReason | None = EndedReason.CALLER_HUNG_UP,
        part: int = 1,
    ) -> Path:
        """One call; without a reason its process died."""
        journal = Journal.open(
            self._writer,
            call_id=call_id,
            started_at=began_at,
            engine="realtime",
            from_number=CALLER,
            to_number=OURS,
            config_version=3,
            persona=persona,
            part=part,
            failed=print,
        )
        for entry in entries:
            journal.record(entry)
        if reason is not None:
            journal.close(reason)
            assert await journal.written(10)
        while journal._spool.written != journal._spool.queued:
            await asyncio.sleep(0.005)
        return journal.folder

    async def close(self) -> None:
        await self._writer.shut(5)
