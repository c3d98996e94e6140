"""Calls in an archive, written by the journal itself."""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
)
from telephony.transcripts.files import TRANSCRIPT
from telephony.transcripts.journal import Journal, JournalWriter
from tests.telephony.callindex.made import ANNA, NOON, OURS


def caller(text: str, at_ms: int = 0) -> CallerLine:
    return CallerLine(f"c{at_ms}", text, at_ms, at_ms + 900)


def agent(text: str, heard: str | None = None, at_ms: int = 1_000) -> AgentLine:
    whole = text if heard is None else heard
    fate = Fate.HEARD if whole == text else Fate.CUT if whole else Fate.NEVER_PLAYED
    return AgentLine(f"a{at_ms}", 1, text, whole, fate, at_ms, at_ms + 900, 900, 900)


def tool(name: str, state: str = "done") -> ToolLine:
    return ToolLine(f"t-{name}", name, "{}", state, "{}", 2_000, 2_100)


SAID: tuple[AnyEntry, ...] = (
    caller("I want a haircut"),
    agent("Certainly. Which day would you like?", "Certainly. Which"),
    tool("book"),
    EndLine(EndedReason.CALLER_HUNG_UP, 4_000, silence_ms=700),
)


async def written(
    data_dir: Path,
    call_id: str,
    entries: Sequence[AnyEntry] = SAID,
    *,
    minutes: float = 0,
    part: int = 1,
    persona: str = "",
    finished: Callable[[Path], None] = lambda folder: None,
    ended: bool = True,
) -> Path:
    """The folder of a call that is whole on disk; or that the program has left, unless `ended`."""
    told = threading.Event()

    def tell(folder: Path) -> None:
        finished(folder)
        told.set()

    writer = JournalWriter(data_dir, finished=tell)
    journal = Journal.open(
        writer,
        call_id=call_id,
        started_at=NOON + dt.timedelta(minutes=minutes),
        engine="realtime",
        from_number=ANNA,
        to_number=OURS,
        part=part,
        persona=persona,
        failed=lambda code: None,
    )
    for entry in entries:
        journal.record(entry)
    if ended:
        journal.close(EndedReason.CALLER_HUNG_UP)
        assert await journal.written(10)
        # It is whole a moment before that is told.
        assert await asyncio.to_thread(told.wait, 10)
    async with asyncio.timeout(10):
        while not (journal.folder / TRANSCRIPT).is_file():
            await asyncio.sleep(0.01)
    await writer.shut(10)
    return journal.folder
