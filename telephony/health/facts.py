"""What does one call add to the figures? Read off its transcript once it is over."""

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec

from telephony.health.histogram import Histogram, histogram
from telephony.transcripts.entry import (
    AgentLine,
    AlarmLine,
    AnyEntry,
    CallerLine,
    ClaimLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from telephony.transcripts.latency import latency
from telephony.transcripts.summary import Summary

LONGEST_REACTION_MS = 5_000
"""A cut so long after a caller began to speak was not made for that."""
_BY_RULE = (EndedReason.TRANSFERRED.value, EndedReason.VOICEMAIL.value)
NOT_ENDED = "not_ended"
"""Stands where a call's process died and nobody went on with it."""


class Measure(Enum):
    """What is counted. A label tells its kinds apart; durations are in ms."""

    CALLS = "calls"
    ANSWERED = "answered"
    """Calls in which the caller heard words of ours."""
    DIVERTED = "diverted"
    """Calls that were passed on, or to voicemail, by the rules: no agent was asked for."""
    REFUSED = "refused"
    """Callers who were turned away with a sentence, by why; they are not calls."""
    OUTCOME = "outcome"
    """By ended reason."""
    DURATION = "duration"
    ENGINE = "engine"
    """Calls by the engine they began with."""
    TURN = "turn"
    """What a caller waits for an answer, by part: see telephony.transcripts.latency."""
    BARGE_IN = "barge_in"
    """From the caller's first sound until our voice was silent for them."""
    TRUNCATION = "truncation"
    """How far apart the bounds are of what was heard of a cut reply."""
    SILENCE = "silence"
    """A call's longest wait in which the caller heard nothing."""
    WORDLESS = "wordless"
    """The same in which they heard nothing but fillers."""
    TOOL = "tool"
    """By name and state: `book done`."""
    TOOL_TIME = "tool_time"
    """By name; of those that ran."""
    SEAT = "seat"
    """Sessions that took a call over, by engine and why: `local failed`."""
    CLAIM = "claim"
    """Sentences that were stopped, by standing."""
    ALARM = "alarm"
    """Calls whose line was not well, by kind."""


Key = tuple[Measure, str]
"""A measure and its label; empty where there is one kind only."""


class CallFacts(msgspec.Struct, frozen=True):
    """What one call adds."""

    call_id: str
    began_at: dt.datetime
    persona: str
    found: dict[Key, Histogram]


def facts(summary: Summary, entries: Sequence[AnyEntry]) -> CallFacts | None:
    """None for a call whose beginning is not known: it belongs to no hour."""
    try:
        began_at = dt.datetime.fromisoformat(summary.started_at)
    except ValueError:
        return None
    if began_at.tzinfo is None:
        return None
    values: dict[Key, list[int]] = {}
    for key, value in _all(summary, entries):
        values.setdefault(key, []).append(value)
    found = {key: histogram(each) for key, each in values.items()}
    return CallFacts(summary.call_id, began_at, summary.persona, found)


def _all(summary: Summary, entries: Sequence[AnyEntry]) -> Iterable[tuple[Key, int]]:
    yield (Measure.CALLS, ""), 0
    yield (Measure.OUTCOME, summary.ended_reason or NOT_ENDED), 0
    yield (Measure.DURATION, ""), summary.duration_ms
    if summary.engine:
        yield (Measure.ENGINE, summary.engine), 0
    elif summary.ended_reason in _BY_RULE:
        yield (Measure.DIVERTED, ""), 0
    if any(isinstance(each, AgentLine) and each.heard for each in entries):
        yield (Measure.ANSWERED, ""), 0
    for reaction_ms in reactions(entries):
        yield (Measure.BARGE_IN, ""), reaction_ms
    for entry in entries:
        yield from _of(entry)


def _of(entry: AnyEntry) -> Iterable[tuple[Key, int]]:
    match entry:
        case TurnLine():
            yield from _turn(entry)
        case TruncationLine(heard_at_least_ms=least, heard_at_most_ms=most) if least >= 0:
            yield (Measure.TRUNCATION, ""), most - least
        case ToolLine():
            yield (Measure.TOOL, f"{entry.name} {entry.state}"), 0
            if not entry.repeated:
                yield (Measure.TOOL_TIME, entry.name), entry.end_ms - entry.start_ms
        case SeatLine():
            yield (Measure.SEAT, f"{entry.engine} {entry.why}"), 0
        case ClaimLine():
            yield (Measure.CLAIM, entry.standing), 0
        case AlarmLine():
            yield (Measure.ALARM, entry.kind.value), entry.value
        case EndLine():
            yield from _waits(entry)
        case _:
            pass


def _turn(entry: TurnLine) -> Iterable[tuple[Key, int]]:
    took = latency(entry)
    for part in ("endpointing", "model", "queue", "carrier", "answer", "turn"):
        if (ms := getattr(took, f"{part}_ms")) is not None:
            yield (Measure.TURN, part), ms


def _waits(entry: EndLine) -> Iterable[tuple[Key, int]]:
    if entry.silence_ms >= 0:
        yield (Measure.SILENCE, ""), entry.silence_ms
    if entry.wordless_ms >= 0:
        yield (Measure.WORDLESS, ""), entry.wordless_ms


def reactions(entries: Sequence[AnyEntry]) -> Iterable[int]:
    """From a caller's first sound until our voice was silent for them, of each reply they cut."""
    began = [each.start_ms for each in entries if isinstance(each, CallerLine)]
    for entry in entries:
        if not (isinstance(entry, AgentLine) and entry.fate is Fate.CUT):
            continue
        during = [ms for ms in began if entry.start_ms <= ms <= entry.end_ms]
        if during and entry.end_ms - max(during) <= LONGEST_REACTION_MS:
            yield entry.end_ms - max(during)
