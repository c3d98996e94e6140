"""What others are told of a call: that it began, that its line is not well, how it ended.

Numbers are kept apart, and so are words, for who has asked for them; of words only what somebody
may read who may not hear the call.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from agents.money import usd
from telephony.health.facts import NOT_ENDED, CallFacts, Measure
from telephony.livestate import Head
from telephony.transcripts.discretion import discreet_entry
from telephony.transcripts.entry import AgentLine, AlarmLine, AnyEntry, CallerLine
from telephony.transcripts.summary import Summary
from tools.hooks.spec import Event, EventType, event_id

LONGEST_WORDS = 200_000
"""Longer than anybody talks to us in an hour."""


def of_head(call_id: str, head: str) -> list[Event]:
    """That a call began, by what is kept of its beginning; nothing of one that was over before it
    could be written down: that is told when it is counted."""
    try:
        found = msgspec.json.decode(head, type=Head)
    except (msgspec.MsgspecError, UnicodeError):
        return []
    offer = found.offer
    return [started(call_id, found.started_at, found.version, offer.from_, offer.to)]


def started(
    call_id: str,
    at: dt.datetime,
    version: int,
    from_number: str | None,
    to_number: str | None,
) -> Event:
    return Event(
        id=event_id("started", call_id),
        type=EventType.CALL_STARTED,
        at=at,
        call_id=call_id,
        data={"call_id": call_id, "started_at": _text(at), "config_version": version},
        numbers=_numbers(from_number, to_number),
    )


def alarm(call_id: str, at: dt.datetime, line: AlarmLine) -> Event:
    """`at`: when it was raised."""
    return Event(
        id=event_id("alarm", call_id, line.kind.value),
        type=EventType.ALARM,
        at=at,
        call_id=call_id,
        data={
            "call_id": call_id,
            "kind": line.kind.value,
            "at_ms": line.at_ms,
            "value": line.value,
        },
    )


def events(summary: Summary, facts: CallFacts, entries: Sequence[AnyEntry]) -> list[Event]:
    """All that is to be told of a call that is over, in order; some of it may have been."""
    call_id, at = facts.call_id, facts.began_at
    alarms = [each for each in entries if isinstance(each, AlarmLine)]
    numbers = summary.from_number, summary.to_number
    ended_at = at + dt.timedelta(milliseconds=summary.duration_ms)
    return [
        started(call_id, at, summary.config_version, *numbers),
        *(alarm(call_id, at + dt.timedelta(milliseconds=each.at_ms), each) for each in alarms),
        Event(
            id=event_id("ended", call_id),
            type=EventType.CALL_ENDED,
            at=ended_at,
            call_id=call_id,
            data={
                "call_id": call_id,
                "started_at": _text(at),
                "ended_at": _text(ended_at),
                "duration_ms": summary.duration_ms,
                "reason": summary.ended_reason or NOT_ENDED,
                "answered": (Measure.ANSWERED, "") in facts.found,
                "engine": summary.engine,
                "persona": summary.persona,
                "config_version": summary.config_version,
                "turns": summary.turns,
                "interruptions": summary.interruptions,
                "tool_calls": summary.tool_calls,
                "alarms": sorted(each.kind.value for each in alarms),
                "cost": _cost(summary),
            },
            numbers=_numbers(*numbers),
            words=partial(said, entries),
        ),
    ]


def said(entries: Sequence[AnyEntry]) -> dict[str, object]:
    """What both said and what of it was heard, up to LONGEST_WORDS characters: by the transcript,
    with what could tell who the caller is taken out, whatever their persona keeps."""
    lines: list[dict[str, object]] = []
    left = LONGEST_WORDS
    for speaker, at_ms, text in _spoken(entries):
        left -= len(text)
        if left < 0:
            return {"transcript": lines, "transcript_cut": True}
        lines.append({"speaker": speaker, "at_ms": at_ms, "text": text})
    return {"transcript": lines, "transcript_cut": False}


def _spoken(entries: Sequence[AnyEntry]) -> Iterator[tuple[str, int, str]]:
    for entry in entries:
        match discreet_entry(entry) if isinstance(entry, AgentLine | CallerLine) else entry:
            case AgentLine(heard=text, start_ms=at_ms) if text:
                yield "agent", at_ms, text
            case CallerLine(text=text, start_ms=at_ms) if text:
                yield "caller", at_ms, text
            case _:
                pass


def _cost(summary: Summary) -> dict[str, object] | None:
    if summary.cost is None:
        return None
    return {"usd": usd(summary.cost.micros), "at_least": bool(summary.cost.unknown)}


def _numbers(from_number: str | None, to_number: str | None) -> dict[str, str]:
    return {name: text for name, text in (("from", from_number), ("to", to_number)) if text}


def _text(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds")
