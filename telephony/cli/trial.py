"""What came of a trial call, put together from what the server wrote and the phone counted."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from telephony.cli.errand import Asked
from telephony.simulator.phone import PhoneReport
from telephony.transcripts.entry import (
    UNKNOWN_MS,
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from telephony.transcripts.text import in_order

MOST_APART_MS = 40
"""Between what the model was told of a cut sentence and what the phone played of it."""
_IN_GOOD_ORDER = frozenset((EndedReason.AGENT_HUNG_UP.value, EndedReason.CALLER_HUNG_UP.value))


class Turn(msgspec.Struct, frozen=True):
    """One spoken line. `text` is all that was generated, `heard` what was heard of it."""

    speaker: str
    text: str
    heard: str
    state: str
    """`heard`, `cut` or `never_played`; what the caller says is `said`."""
    start_ms: int
    end_ms: int


class ToolCall(msgspec.Struct, frozen=True):
    name: str
    arguments: Any
    outcome: str
    output: Any
    ms: int


class Truncation(msgspec.Struct, frozen=True):
    """One interruption: what the model was told, and what the phone counted on its own."""

    item_id: str
    audio_end_ms: int
    played_ms: int
    heard_ms: int = UNKNOWN_MS
    """What the transcript says; the recording holds as much."""
    heard_at_least_ms: int = UNKNOWN_MS
    heard_at_most_ms: int = UNKNOWN_MS


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds. The lists have one figure for each answer of the agent."""

    webhook_ms: int
    first_audio_ms: int | None
    """From the stream's start to the first sound of the agent at the phone."""
    endpointing_ms: list[int]
    """From the caller's last sound to the engine noticing that the turn is over."""
    answer_ms: list[int]
    """From there to the first audio sent."""
    turn_ms: list[int]
    """From the caller's last sound to the answer being played."""
    turn_median_ms: int | None
    barge_in_ms: list[int]
    """From the caller's first sound to the phone falling silent."""


class Trial(msgspec.Struct, frozen=True):
    """One call from both ends."""

    call_id: str
    engine: str
    ended_reason: str
    turns: list[Turn]
    tool_calls: list[ToolCall]
    asked: Asked
    """What the caller asked for, by voice only."""
    booking: dict[str, Any] | None
    """The row as stored; `local` is its beginning on the shop's clock."""
    truncations: list[Truncation]
    latency: Latency
    files: dict[str, str]


def problem(done: Trial) -> str:
    """Why the trial has failed, one sentence; empty when all went as it should."""
    booking, asked = done.booking, done.asked
    if done.ended_reason not in _IN_GOOD_ORDER:
        return f"The call did not end as it should: {done.ended_reason or 'no end'}."
    if booking is None:
        return "Nothing was booked."
    booked = Asked(booking["service"], booking["local"], booking["name"])
    if _loosely(booked) != _loosely(asked):
        return f"The caller asked for {_words(asked)}, but {_words(booked)} was booked."
    for cut in done.truncations:
        if abs(cut.audio_end_ms - cut.played_ms) > MOST_APART_MS:
            return (
                f"The model was told that {cut.audio_end_ms} ms of a cut sentence were heard,"
                f" but the phone had played {cut.played_ms} ms."
            )
    return ""


def _loosely(booking: Asked) -> tuple[str, str, str]:
    return booking.service, booking.local, booking.name.casefold()


def _words(booking: Asked) -> str:
    return f"{booking.service} at {booking.local} for {booking.name}"


def trial(
    report: PhoneReport,
    entries: Sequence[AnyEntry],
    engine: str,
    asked: Asked,
    booking: dict[str, Any] | None,
    files: dict[str, Path],
) -> Trial:
    """Join the server's entries with the phone's own report."""
    ordered = in_order(entries)
    ends = [entry.reason.value for entry in ordered if isinstance(entry, EndLine)]
    return Trial(
        call_id=report.call_sid,
        engine=engine,
        ended_reason=ends[-1] if ends else "",
        turns=[turn for entry in ordered if (turn := _turn(entry))],
        tool_calls=[_tool_call(entry) for entry in ordered if isinstance(entry, ToolLine)],
        asked=asked,
        booking=booking,
        truncations=_truncations(report, ordered),
        latency=_latency(report, ordered),
        files={name: str(path) for name, path in files.items()},
    )


def _turn(entry: AnyEntry) -> Turn | None:
    match entry:
        case AgentLine():
            state, heard = entry.fate.value, entry.heard
            return Turn("agent", entry.text, heard, state, entry.start_ms, entry.end_ms)
        case CallerLine():
            return Turn("caller", entry.text, entry.text, "said", entry.start_ms, entry.end_ms)
        case _:
            return None


def _tool_call(line: ToolLine) -> ToolCall:
    took_ms = line.end_ms - line.start_ms
    return ToolCall(line.name, _json(line.arguments), line.state, _json(line.output), took_ms)


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _truncations(report: PhoneReport, entries: Sequence[AnyEntry]) -> list[Truncation]:
    # A call that was put through and came back has a stream for each part; items are counted on.
    played = {item: ms for each in report.streams for item, ms in each.played_ms_by_item.items()}
    return [
        Truncation(
            item_id=entry.item_id,
            audio_end_ms=entry.audio_end_ms,
            played_ms=played.get(entry.mark_item, 0),
            heard_ms=entry.heard_ms,
            heard_at_least_ms=entry.heard_at_least_ms,
            heard_at_most_ms=entry.heard_at_most_ms,
        )
        for entry in entries
        if isinstance(entry, TruncationLine)
    ]


def _latency(report: PhoneReport, entries: Sequence[AnyEntry]) -> Latency:
    turns = [entry for entry in entries if isinstance(entry, TurnLine)]
    waits = [turn.played_ms - turn.stopped_ms for turn in turns]
    stream = report.stream
    reactions = stream.reactions_ms if stream else ()
    return Latency(
        webhook_ms=report.webhook_ms,
        first_audio_ms=stream.first_audio_ms if stream else None,
        endpointing_ms=[turn.noticed_ms - turn.stopped_ms for turn in turns],
        answer_ms=[turn.audio_ms - turn.noticed_ms for turn in turns],
        turn_ms=waits,
        turn_median_ms=round(median(waits)) if waits else None,
        barge_in_ms=[ms for ms in reactions if ms is not None],
    )
