"""Had these calls gone by the edited files, what would have come out otherwise?

What was recorded is judged twice, once by the files as they were and once as they are after the
edit, by the very rules that calls go by. Both judgements see the same words and the same tool
calls, so every difference comes from the edit. What a model would have said, called or left out
after it was told something else cannot be known, and is never guessed: it is said so.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from telephony.call.config import Claimable
from telephony.call.honesty import Reader
from telephony.transcripts.entry import AgentLine, AnyEntry, CallerLine, Fate, ToolLine, WordFate
from tools.policy import Allow, History, NeedsApproval, Refused, Runs, Steps, decide
from tools.redacting.kinds import ALL_LABELS
from tools.redaction import HIDDEN, redacted
from tools.registry import Entry, Registry
from tools.spec import DIGITS_REFERENCE, Evidence, Heard, ToolRequest

_RAN = frozenset({"done", "failed", "unknown"})
NEVER_KNOWN = (
    "What the model would have said, and which tools it would have called, had it been told"
    " something else.",
    "What a tool would have answered: nothing is run, and nothing outside is asked.",
    "Limits for a day: other calls of the same number are not counted.",
    "Tools of MCP servers: what they take is known only while they are connected.",
)


class Side(msgspec.Struct, frozen=True):
    """What one call would have gone by."""

    persona: str
    """Who would have answered; empty for the built-in one."""
    answered: bool
    """False: it came outside the persona's hours."""
    registry: Registry
    """The tools it would have been offered."""
    claimable: tuple[Claimable, ...] = ()
    unsure: frozenset[str] = frozenset()
    """Tools whose arguments are known only while something outside is connected."""


class Recorded(msgspec.Struct, frozen=True):
    """One call as it was kept."""

    call_id: str
    started_at: dt.datetime
    """With the shop's zone."""
    caller: str | None
    called: str | None
    entries: tuple[AnyEntry, ...]


class Difference(msgspec.Struct, frozen=True):
    """One thing that would have come out otherwise."""

    kind: str
    """`routing`, `offer`, `verdict`, `arguments`, `claim` or `record`."""
    what: str
    """The tool, or the sentence."""
    before: str
    after: str
    at_ms: int = 0


class Preview(msgspec.Struct, frozen=True):
    """Of one call."""

    call_id: str
    started_at: dt.datetime
    tool_calls: int
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...] = ()
    """What of this call cannot be known, and why."""


class Told(msgspec.Struct, frozen=True):
    """What a model is told of the tools otherwise: what follows from that cannot be known."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def told(before: Registry, after: Registry) -> Told:
    was = {spec.name: spec for spec in before.specs()}
    now = {spec.name: spec for spec in after.specs()}
    return Told(
        added=tuple(name for name in now if name not in was),
        removed=tuple(name for name in was if name not in now),
        changed=tuple(name for name in now if name in was and now[name] != was[name]),
    )


def preview(call: Recorded, before: Side, after: Side) -> Preview:
    """Every difference the edit makes to what was recorded of this call. Pure."""
    lines = [each for each in call.entries if isinstance(each, ToolLine)]
    found = [
        *_routing(before, after),
        *_offers(before, after, {line.name for line in lines}),
        *_claims(call.entries, before, after),
    ]
    unknown: list[str] = []
    for line in lines:
        if (why := _unknowable(call, line, before, after)) is not None:
            unknown.append(f"{line.name}: {why}")
            continue
        history = _history(call, line)
        found += _verdicts(call, line, history, before, after)
        found += _records(line, before, after)
    ordered = sorted(found, key=lambda each: each.at_ms)
    unknowns = tuple(dict.fromkeys(unknown))
    return Preview(call.call_id, call.started_at, len(lines), tuple(ordered), unknowns)


# ---- who answers, with what ----------------------------------------------------------------------


def _routing(before: Side, after: Side) -> Iterator[Difference]:
    was, now = _answers(before), _answers(after)
    if was != now:
        yield Difference("routing", "who answers", was, now)


def _answers(side: Side) -> str:
    name = side.persona or "the built-in persona"
    return name if side.answered else f"{name}, outside its hours"


def _offers(before: Side, after: Side, used: set[str]) -> Iterator[Difference]:
    was, now = set(before.registry.names()), set(after.registry.names())
    for name in sorted(was ^ now):
        # That a tool that was called is not there any more is told where it was called.
        if name not in used or name in now:
            offered = ("offered", "not offered")
            yield Difference("offer", name, *(offered if name in was else reversed(offered)))


# ---- tool calls ----------------------------------------------------------------------------------


def _unknowable(call: Recorded, line: ToolLine, before: Side, after: Side) -> str | None:
    if _is_hidden(line.arguments):
        return "its arguments were kept out of the record"
    entries = [side.registry.get(line.name) for side in (before, after)]
    goes_by_words = any(entry is not None and entry.spec.needs_evidence for entry in entries)
    said = _said(call.entries, line.start_ms) if goes_by_words else ()
    if any(_is_hidden(heard.text) for _, heard in said):
        return "words that its rules go by were kept out of the record"
    if DIGITS_REFERENCE in line.arguments:
        return "it was given digits that are kept nowhere"
    if line.name in before.unsure | after.unsure:
        return "what it takes is known only while its server is connected"
    return None


def _is_hidden(text: str) -> bool:
    """Whether something stands in for what was kept out of the record."""
    return any(label in text for label in (HIDDEN, *ALL_LABELS))


def _verdicts(
    call: Recorded, line: ToolLine, history: History, before: Side, after: Side
) -> Iterator[Difference]:
    was, now = (_verdict(call, line, history, side) for side in (before, after))
    if was != now:
        yield Difference("verdict", line.name, was, now, line.start_ms)
        return
    given = [_given(line, side.registry.get(line.name)) for side in (before, after)]
    if given[0] != given[1]:
        texts = [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in given]
        yield Difference("arguments", line.name, texts[0], texts[1], line.start_ms)


def _verdict(call: Recorded, line: ToolLine, history: History, side: Side) -> str:
    entry = side.registry.get(line.name)
    if entry is None:
        return "not offered"
    given = entry.parse(line.arguments)
    if isinstance(given, list):
        return "invalid: " + "; ".join(_problem(each.path, each.what) for each in given)
    plain: Mapping[str, Any] = msgspec.to_builtins(given)
    match decide(entry.tool, plain, _request(call, line, side), history):
        case Refused(rule=rule, mend=mend):
            return f"refused ({rule.replace('_', ' ')}): {mend}"
        case NeedsApproval():
            return "waits for a person"
        case Allow():
            pass
    if line.state in _RAN and line.end_ms - line.start_ms > entry.tool.deadline_s * 1000:
        return "runs, but past its deadline"
    return "runs"


def _problem(path: Sequence[str | int], what: str) -> str:
    name = ".".join(map(str, path))
    return f"{name} {what}" if name else what


def _given(line: ToolLine, entry: Entry | None) -> Any:
    """What the handler would be given: defaults and fixed values are in it."""
    parsed = None if entry is None else entry.parse(line.arguments)
    if entry is None or isinstance(parsed, list):
        return None
    try:
        settled = entry.tool.settled(parsed) if entry.tool.settled else parsed
    except msgspec.ValidationError as error:
        return str(error)
    return msgspec.to_builtins(settled)


def _request(call: Recorded, line: ToolLine, side: Side) -> ToolRequest:
    return ToolRequest(
        call_id=call.call_id,
        tool_call_id=line.tool_call_id,
        name=line.name,
        arguments=line.arguments,
        caller_number=call.caller,
        called_number=call.called,
        persona=side.persona,
        evidence=_evidence(call.entries, line.start_ms),
    )


def _evidence(entries: Sequence[AnyEntry], at_ms: int) -> Evidence:
    """What had been said, and heard, by then."""
    said = sorted(_said(entries, at_ms), key=lambda each: each[0])
    turns = sum(heard.speaker == "caller" for _, heard in said)
    return Evidence(tuple(heard for _, heard in said), turn=max(1, turns))


def _said(entries: Sequence[AnyEntry], at_ms: int) -> Iterator[tuple[int, Heard]]:
    for entry in entries:
        match entry:
            case CallerLine(start_ms=start_ms, text=text) if start_ms < at_ms:
                yield start_ms, Heard("caller", text, whole=bool(text.strip()))
            case AgentLine(start_ms=start_ms, heard=heard) if start_ms < at_ms and heard:
                whole = entry.fate is Fate.HEARD and entry.end_ms <= at_ms
                yield start_ms, Heard("agent", heard if whole else _by(entry, at_ms), whole=whole)
            case _:
                pass


def _by(line: AgentLine, at_ms: int) -> str:
    """What of it was heard by then, where the words' times were kept."""
    words = [word for word in line.words if word.fate is WordFate.HEARD]
    if not words:
        return line.heard
    return " ".join(word.text for word in words if word.end_ms <= at_ms)


def _history(call: Recorded, line: ToolLine) -> History:
    """What had happened in the call by then, as it was recorded."""
    earlier = [
        each
        for each in call.entries
        if isinstance(each, ToolLine) and each is not line and each.start_ms <= line.start_ms
    ]
    spoke_ms = max(
        (
            each.start_ms
            for each in call.entries
            if isinstance(each, CallerLine) and each.start_ms < line.start_ms
        ),
        default=0,
    )
    ran = [each for each in earlier if each.name == line.name and each.state in _RAN]
    return History(
        now=call.started_at + dt.timedelta(milliseconds=line.start_ms),
        done=frozenset(each.name for each in earlier if each.state == "done"),
        runs=Runs(
            in_turn=sum(each.start_ms >= spoke_ms for each in ran),
            in_call=len(ran),
        ),
        steps=Steps(
            in_turn=sum(each.start_ms >= spoke_ms for each in earlier), in_call=len(earlier)
        ),
    )


# ---- what is said, what is kept ------------------------------------------------------------------


def _claims(entries: Sequence[AnyEntry], before: Side, after: Side) -> Iterator[Difference]:
    if before.claimable == after.claimable:
        return
    readers = [Reader(side.claimable) for side in (before, after)]
    for entry in entries:
        match entry:
            case ToolLine():
                for reader in readers:
                    reader.deeds.ended(entry)
            case AgentLine(source="engine", text=text, start_ms=at_ms):
                stopped = [reader.false_claim(text, 0, whole=True) for reader in readers]
                if (stopped[0] is None) != (stopped[1] is None):
                    sentence = next(each.sentence for each in stopped if each is not None)
                    fates = ["heard" if each is None else "stopped" for each in stopped]
                    yield Difference("claim", sentence, fates[0], fates[1], at_ms)
            case _:
                pass


def _records(line: ToolLine, before: Side, after: Side) -> Iterator[Difference]:
    entries = [side.registry.get(line.name) for side in (before, after)]
    if entries[0] is None or entries[1] is None:
        return
    kept = [_kept(line, entry.tool.redact) for entry in entries if entry is not None]
    if kept[0] != kept[1]:
        yield Difference("record", line.name, kept[0], kept[1], line.start_ms)


def _kept(line: ToolLine, names: Sequence[str]) -> str:
    """What the record would hold of it."""
    return " -> ".join(redacted(text, names) for text in (line.arguments, line.output))
