"""Databases as the store's tests have them, and calls that are over."""

import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agents.engine import CallerTranscript
from telephony.call.commands import Note, Track
from telephony.transcripts.entry import CallerLine, EndedReason
from telephony.transcripts.journal import Journal, JournalWriter
from tests.tools.conftest import (
    migrated_database,
    migrated_file,
    plain,
    postgres_servers,
    postgres_url,
    store,
    store_url,
)

__all__ = [
    "migrated_database",
    "migrated_file",
    "plain",
    "postgres_servers",
    "postgres_url",
    "store",
    "store_url",
]

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
CALLER = "+12125550123"
WORDS = "my knee hurts"

MakeCall = Callable[..., Awaitable[Path]]


@pytest.fixture
def call(tmp_path: Path) -> MakeCall:
    """Makes a finished call with every kind of file; gives its folder."""

    async def make(
        call_id: str = "CA1", days_ago: int = 0, number: str = CALLER, part: int = 1
    ) -> Path:
        writer = JournalWriter(tmp_path, period_s=0.01)
        journal = Journal.open(
            writer,
            call_id=call_id,
            started_at=NOW - dt.timedelta(days=days_ago),
            engine="e",
            from_number=number,
            part=part,
            failed=lambda _code: None,
        )
        for at in range(300):
            journal.event(at / 10, CallerTranscript(f"u{at}", WORDS), [Note("n", at)])
        journal.record(CallerLine("u1", WORDS, 0, 100))
        for track in Track:
            journal.audio(track, 0, b"\x55" * 800)
        journal.close(EndedReason.CALLER_HUNG_UP)
        assert await journal.written(5.0)
        await writer.shut(5.0)
        return journal.folder

    return make
