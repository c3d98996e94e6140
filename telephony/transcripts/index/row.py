"""What of a stored call can be searched and sorted: one row, made of its summary and its lines."""

import datetime as dt
from collections.abc import Iterable, Sequence

import msgspec

from telephony.transcripts.entry import (
    UNKNOWN_MS,
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    ToolLine,
)
from telephony.transcripts.index.words import kept
from telephony.transcripts.summary import Summary
from tools.phone import e164

UNFINISHED = "unfinished"
"""The outcome of a call whose program ended before it did."""
UNKNOWN_MICROS = -1
"""Stands where no prices were kept."""
SAMPLE = "sample"
"""The id of a call that we have brought along begins so."""
FAILED_TOOLS = frozenset({"failed", "unknown", "unfinished"})
BAD_ENDS = frozenset(
    {
        UNFINISHED,
        EndedReason.ENGINE_FAILED.value,
        EndedReason.STREAM_LOST.value,
        EndedReason.NO_START.value,
        EndedReason.PROTOCOL.value,
        EndedReason.TRANSFER_FAILED.value,
        EndedReason.INTERNAL_ERROR.value,
    }
)
OUTCOMES = (*sorted(reason.value for reason in EndedReason), UNFINISHED)
MOST_NAME = 200
MOST_TOOLS = 50


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """One call as lists show it."""

    call_id: str
    started_ms: int
    """Since 1970, UTC."""
    folder: str
    """Below the archive: `2026-11-20/CA123`, with `+2` for the second process that carried it."""
    part: int = 1
    caller: str = ""
    """E.164, or a SIP address; empty for a withheld number."""
    called: str = ""
    persona: str = ""
    """Empty for the built-in one."""
    outcome: str
    engine: str
    duration_ms: int = 0
    turns: int = 0
    interruptions: int = 0
    tool_calls: int = 0
    failed_tools: int = 0
    silence_ms: int = UNKNOWN_MS
    """The longest that the caller, waiting for us, heard nothing."""
    cost_micros: int = UNKNOWN_MICROS
    cost_unknown: bool = False
    config_version: int = 0

    @property
    def interrupted(self) -> bool:
        return self.interruptions > 0

    @property
    def failed(self) -> bool:
        """A tool failed, or the call did not end as calls should."""
        return self.failed_tools > 0 or self.outcome in BAD_ENDS

    @property
    def finished(self) -> bool:
        return self.outcome != UNFINISHED

    @property
    def sample(self) -> bool:
        return self.call_id.startswith(SAMPLE)

    @property
    def started_at(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.started_ms / 1000, dt.UTC)


class Indexed(msgspec.Struct, frozen=True):
    """A call with all that finds it."""

    row: CallRow
    tools: tuple[str, ...]
    caller: str
    """What the caller said, a line for each utterance."""
    agent: str
    """What of the agent the caller heard: what was never played cannot be found as said."""


def indexed(
    folder: str, call_id: str, part: int, summary: Summary, entries: Sequence[AnyEntry]
) -> Indexed:
    """`folder` as in CallRow; call and part as its name says. An id that came twice has two
    folders and one name in both summaries."""
    day = folder.partition("/")[0]
    tools = [entry for entry in entries if isinstance(entry, ToolLine)]
    row = CallRow(
        call_id=_name(call_id),
        started_ms=_started_ms(summary.started_at, day),
        folder=_name(folder),
        part=part,
        caller=_dialled(summary.from_number or ""),
        called=_dialled(summary.to_number or ""),
        persona=_name(summary.persona),
        outcome=_name(summary.ended_reason) or UNFINISHED,
        engine=_name(summary.engine),
        duration_ms=summary.duration_ms,
        turns=summary.turns,
        interruptions=summary.interruptions,
        tool_calls=summary.tool_calls,
        failed_tools=sum(tool.state in FAILED_TOOLS for tool in tools),
        silence_ms=_silence_ms(entries),
        cost_micros=UNKNOWN_MICROS if summary.cost is None else summary.cost.micros,
        cost_unknown=summary.cost is not None and summary.cost.unknown,
        config_version=summary.config_version,
    )
    names = tuple(dict.fromkeys(_name(tool.name) for tool in tools))[:MOST_TOOLS]
    said = _lines(entry.text for entry in entries if isinstance(entry, CallerLine))
    heard = _lines(entry.heard for entry in entries if isinstance(entry, AgentLine))
    return Indexed(row, names, said, heard)


def _lines(texts: Iterable[str]) -> str:
    return kept("\n".join(filter(None, texts)))


def _name(text: str | None) -> str:
    return kept((text or "")[:MOST_NAME])


def _dialled(text: str) -> str:
    """A number or a SIP address; empty for what carriers send in place of a withheld one."""
    return e164(text) or (_name(text) if "@" in text else "")


def _silence_ms(entries: Sequence[AnyEntry]) -> int:
    ends = [entry.silence_ms for entry in entries if isinstance(entry, EndLine)]
    return ends[-1] if ends else UNKNOWN_MS


def _started_ms(started_at: str, day: str) -> int:
    """A call of which only the folder is left began on that day; nobody knows more."""
    for text in (started_at, day):
        try:
            at = dt.datetime.fromisoformat(text)
        except ValueError:
            continue
        aware = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        return max(0, round(aware.timestamp() * 1000))
    return 0
