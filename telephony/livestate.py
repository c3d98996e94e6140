"""What is kept of a call that is on, as text, and how another process goes on from it.

What an older or newer version of the program has written may hold lines that this one does not
know: those are left out.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

import msgspec
from msgspec import structs

from agents.engine import ToolCalled
from telephony.call.config import Resumed
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
)
from telephony.transcripts.text import begins_ms
from telephony.twilio.ports import Offer
from tools.elapsed import time_between

_entries = msgspec.json.Decoder(AnyEntry)
_AFTER_S = 0.1
"""A clock that was set back must not put what comes now before what was said."""


class Head(msgspec.Struct, frozen=True):
    """How a call began."""

    offer: Offer
    started_at: dt.datetime
    """Wall clock, with its zone."""
    version: int
    """Of the configuration."""


class Standing(msgspec.Struct, frozen=True):
    """How it stands between two lines of its transcript."""

    hearing: tuple[tuple[int, str], ...] = ()
    """What is being heard: when it began, in ms of the call, and its words so far."""
    pending: tuple[ToolCalled, ...] = ()
    """Tools that run."""


class Left(msgspec.Struct, frozen=True):
    """What another process left of a call, as it is kept."""

    fence: int
    head: str
    state: str
    lines: tuple[str, ...]
    next_line: int


class Earlier(msgspec.Struct, frozen=True):
    """A call that another process began, ready to go on."""

    head: Head
    fence: int
    next_line: int
    before: tuple[AnyEntry, ...]
    resumed: Resumed


class Unreadable(Exception):  # noqa: N818 - an answer, not an error
    """What was kept is of no use to this version of the program."""


def line(entry: AnyEntry) -> str | None:
    """As it is kept; None for what the next process finds out, or says, by itself."""
    match entry:
        case EndLine() | ToolLine(state="unfinished"):
            return None
        case AgentLine():
            entry = structs.replace(entry, words=())
    return msgspec.json.encode(entry).decode()


def text(kept: Head | Standing) -> str:
    return msgspec.json.encode(kept).decode()


def earlier(left: Left, asked: Iterable[ToolCalled], now: dt.datetime) -> Earlier:
    """`asked`: tool calls of which the ledger of effects knows. Raises Unreadable."""
    try:
        head = msgspec.json.decode(left.head, type=Head)
        standing = msgspec.json.decode(left.state, type=Standing)
    except (msgspec.MsgspecError, UnicodeError):
        raise Unreadable from None
    lines = _lines(left.lines)
    before = (*lines, *_heard(standing, len(lines)))
    at_s = time_between(head.started_at, now).total_seconds()
    last_s = max(map(begins_ms, before), default=0) / 1000
    resumed = Resumed(
        at_s=max(at_s, last_s + _AFTER_S),
        seat=1 + max((each.seat for each in lines if isinstance(each, SeatLine)), default=0),
        answer=_owed(before),
        pending=_pending(lines, [*standing.pending, *asked]),
    )
    return Earlier(head, left.fence, left.next_line, before, resumed)


def _lines(kept: Sequence[str]) -> list[AnyEntry]:
    found: dict[object, AnyEntry] = {}
    for number, each in enumerate(kept):
        try:
            entry = _entries.decode(each)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        # What was said is written again where it turned out what of it may be kept.
        spoken = isinstance(entry, AgentLine | CallerLine)
        found[(type(entry), entry.item_id) if spoken else number] = entry
    return list(found.values())


def _heard(standing: Standing, number: int) -> list[AnyEntry]:
    """What was being heard when the process died: so much of it, and no more for certain."""
    return [
        AgentLine(
            item_id=f"broken_off_{number}_{place}",
            mark_item=0,
            text=words,
            heard=words,
            fate=Fate.CUT,
            start_ms=began_ms,
            end_ms=began_ms,
            heard_ms=0,
            sent_ms=0,
        )
        for place, (began_ms, words) in enumerate(standing.hearing)
    ]


def _owed(before: Collection[AnyEntry]) -> bool:
    """The caller, or a tool, had the last word."""
    said = [each for each in before if _counts(each)]
    return bool(said) and not isinstance(max(said, key=begins_ms), AgentLine)


def _counts(entry: AnyEntry) -> bool:
    match entry:
        case AgentLine(heard=words, source="engine") | CallerLine(text=words):
            return bool(words.strip())
        case _:
            return isinstance(entry, ToolLine)


def _pending(lines: Iterable[AnyEntry], asked: Iterable[ToolCalled]) -> tuple[ToolCalled, ...]:
    told = {each.tool_call_id for each in lines if isinstance(each, ToolLine)}
    wanted: dict[str, ToolCalled] = {}
    for called in asked:
        if called.tool_call_id not in told:
            wanted.setdefault(called.tool_call_id, called)
    return tuple(wanted.values())
