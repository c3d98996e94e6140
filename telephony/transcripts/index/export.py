"""Calls as lines of CSV or JSON, for other programs, however many there are."""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import structs

from agents.money import usd
from telephony.transcripts.index.asked import Asked
from telephony.transcripts.index.page import Found, Page
from telephony.transcripts.index.row import UNKNOWN_MICROS

BATCH = 500
SCHEMA = 1
"""A number that grows when a field changes its meaning."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection)."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One call."""

    call_id: str
    started_at: str
    """ISO 8601, UTC."""
    caller: str
    called: str
    persona: str
    outcome: str
    engine: str
    duration_s: float
    turns: int
    interruptions: int
    tool_calls: int
    failed_tools: int
    tools: tuple[str, ...]
    owed_silence_ms: int | None
    """null: the caller never waited, or it was not kept."""
    cost_usd: str | None
    """null: no prices were kept."""
    cost_at_least: bool
    """Some of it has no price."""
    config_version: int
    labels: tuple[str, ...]
    notes: int


def line(found: Found) -> Line:
    row = found.row
    return Line(
        call_id=row.call_id,
        started_at=row.started_at.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        caller=row.caller,
        called=row.called,
        persona=row.persona,
        outcome=row.outcome,
        engine=row.engine,
        duration_s=row.duration_ms / 1000,
        turns=row.turns,
        interruptions=row.interruptions,
        tool_calls=row.tool_calls,
        failed_tools=row.failed_tools,
        tools=found.tools,
        owed_silence_ms=None if row.silence_ms < 0 else row.silence_ms,
        cost_usd=None if row.cost_micros == UNKNOWN_MICROS else usd(row.cost_micros),
        cost_at_least=row.cost_unknown,
        config_version=row.config_version,
        labels=found.labels,
        notes=found.notes,
    )


def all_pages(page: Callable[[Asked], Page], asked: Asked) -> Iterator[tuple[Found, ...]]:
    """Everything that is asked for, a batch at a time and never more in memory."""
    here: Asked | None = structs.replace(asked, after=None, before=None, limit=BATCH)
    while here is not None:
        found = page(here)
        yield found.calls
        here = None if found.after is None else structs.replace(here, after=found.after)


def jsonl(pages: Iterable[tuple[Found, ...]]) -> Iterator[bytes]:
    """One JSON object a line."""
    encoder = msgspec.json.Encoder()
    for calls in pages:
        yield b"".join(encoder.encode(line(call)) + b"\n" for call in calls)


def csv_lines(pages: Iterable[tuple[Found, ...]]) -> Iterator[bytes]:
    """RFC 4180 with a heading; no cell is a formula to any spreadsheet."""
    yield _rows([Line.__struct_fields__])
    for calls in pages:
        yield _rows([cell(value) for value in structs.astuple(line(call))] for call in calls)


def cell(value: object) -> str:
    """Text that a spreadsheet takes for text: what could be a formula has an apostrophe before."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return cell("; ".join(value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _rows(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()
