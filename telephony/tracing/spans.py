"""A call as a trace: what took how long, and what went wrong. No words and no numbers.

The same call gives the same ids, so one that is sent twice is one trace.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from telephony.transcripts.entry import (
    AlarmLine,
    AnyEntry,
    ClaimLine,
    EndedReason,
    EndLine,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from telephony.transcripts.latency import latency, waterfall
from telephony.transcripts.summary import Summary

Value = str | int | float | bool
Attributes = Mapping[str, Value]

BROKEN = frozenset(
    {
        EndedReason.ENGINE_FAILED.value,
        EndedReason.INTERNAL_ERROR.value,
        EndedReason.PROTOCOL.value,
        EndedReason.STREAM_LOST.value,
        EndedReason.NO_START.value,
    }
)
"""Ends that are a failure of somebody's."""


class Mark(msgspec.Struct, frozen=True):
    """Something that took no time."""

    name: str
    at_ns: int
    attributes: Attributes


class Span(msgspec.Struct, frozen=True):
    """Something that took time. Ids are whole numbers, times Unix nanoseconds."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int
    attributes: Attributes
    failed: str = ""
    """Why it counts as failed."""
    marks: tuple[Mark, ...] = ()


class _Trace:
    def __init__(self, call_id: str, began_at: dt.datetime) -> None:
        self._call_id = call_id
        # Whole microseconds: a float of nanoseconds has not so many digits.
        self._zero_ns = (
            (began_at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
            // dt.timedelta(microseconds=1)
            * 1000
        )
        self.trace_id = self._id(16, "trace")
        self.root_id = self._id(8, "call")

    def _id(self, size: int, *parts: object) -> int:
        text = "\0".join(map(str, ("frontdesk", self._call_id, *parts)))
        digest = hashlib.blake2b(text.encode(), digest_size=size).digest()
        return int.from_bytes(digest, "big") or 1

    def at_ns(self, ms: int) -> int:
        return self._zero_ns + ms * 1_000_000

    def span(
        self,
        name: str,
        which: str,
        start_ms: int,
        end_ms: int,
        attributes: Attributes,
        parent_id: int | None = None,
        failed: str = "",
        marks: tuple[Mark, ...] = (),
    ) -> Span:
        start_ns = self.at_ns(start_ms)
        return Span(
            name=name,
            trace_id=self.trace_id,
            span_id=self._id(8, which),
            parent_id=self.root_id if parent_id is None else parent_id,
            start_ns=start_ns,
            end_ns=max(start_ns, self.at_ns(end_ms)),
            attributes=attributes,
            failed=failed,
            marks=marks,
        )


def spans(summary: Summary, began_at: dt.datetime, entries: Sequence[AnyEntry]) -> tuple[Span, ...]:
    """The call's span first, then those of its turns and tools."""
    trace = _Trace(summary.call_id, began_at)
    reason = summary.ended_reason or "not_ended"
    whole = trace.span(
        "call",
        "call",
        0,
        summary.duration_ms,
        _of_call(summary, reason),
        failed=reason if summary.ended_reason is None or reason in BROKEN else "",
        marks=tuple(_marks(trace, entries)),
    )
    root = msgspec.structs.replace(whole, parent_id=None)
    return (root, *_turns(trace, entries), *_tools(trace, entries))


def _of_call(summary: Summary, reason: str) -> Attributes:
    found: dict[str, Value] = {
        "frontdesk.call.id": summary.call_id,
        "frontdesk.call.engine": summary.engine,
        "frontdesk.call.persona": summary.persona,
        "frontdesk.call.ended_reason": reason,
        "frontdesk.call.config_version": summary.config_version,
        "frontdesk.call.turns": summary.turns,
        "frontdesk.call.interruptions": summary.interruptions,
        "frontdesk.call.tool_calls": summary.tool_calls,
    }
    if summary.cost is not None:
        found["frontdesk.call.cost_usd"] = summary.cost.micros / 1_000_000
    return found


def _turns(trace: _Trace, entries: Sequence[AnyEntry]) -> Iterator[Span]:
    for number, line in enumerate(each for each in entries if isinstance(each, TurnLine)):
        of = latency(line)
        bars = waterfall(of)
        if line.stopped_ms < 0 or not bars:
            continue
        end_ms = line.stopped_ms + bars[-1].from_ms + bars[-1].ms
        waits = {name: ms for name, ms in msgspec.structs.asdict(of).items() if ms is not None}
        told = {f"frontdesk.turn.{name}": ms for name, ms in waits.items()}
        turn = trace.span("turn", f"turn {number}", line.stopped_ms, end_ms, told)
        yield turn
        for bar in bars:
            since_ms = line.stopped_ms + bar.from_ms
            which = f"turn {number} {bar.part}"
            yield trace.span(
                f"turn {bar.part}", which, since_ms, since_ms + bar.ms, {}, turn.span_id
            )


def _tools(trace: _Trace, entries: Sequence[AnyEntry]) -> Iterator[Span]:
    for number, line in enumerate(each for each in entries if isinstance(each, ToolLine)):
        told: dict[str, Value] = {
            "frontdesk.tool.name": line.name,
            "frontdesk.tool.state": line.state,
            "frontdesk.tool.repeated": line.repeated,
        }
        yield trace.span(
            f"tool {line.name}",
            f"tool {number}",
            line.start_ms,
            line.end_ms,
            told,
            failed=line.state if line.state in ("failed", "unknown") else "",
        )


def _marks(trace: _Trace, entries: Sequence[AnyEntry]) -> Iterator[Mark]:
    for entry in entries:
        match entry:
            case TruncationLine():
                told: Attributes = {"heard_ms": entry.heard_ms, "deleted": entry.deleted}
                yield Mark("interruption", trace.at_ns(entry.at_ms), told)
            case SeatLine():
                seated: Attributes = {"engine": entry.engine, "why": entry.why}
                yield Mark("engine", trace.at_ns(entry.at_ms), seated)
            case ClaimLine():
                stopped = {"tools": " ".join(entry.tools), "standing": entry.standing}
                yield Mark("claim stopped", trace.at_ns(entry.at_ms), stopped)
            case AlarmLine():
                raised: Attributes = {"kind": entry.kind.value, "value": entry.value}
                yield Mark("alarm", trace.at_ns(entry.at_ms), raised)
            case EndLine() if entry.silence_ms >= 0:
                waited = {"silence_ms": entry.silence_ms, "wordless_ms": entry.wordless_ms}
                yield Mark("owed silence", trace.at_ns(entry.at_ms), waited)
            case _:
                pass
