"""A call as its page tells it: who said what, what was heard of it, what was done and how long it
took, in order and ready to be shown."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from agents.money import FREE, Cost
from telephony.plain import plain
from telephony.transcripts.entry import (
    UNKNOWN_MS,
    AgentLine,
    AnyEntry,
    CallerLine,
    ChargeLine,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    TurnLine,
    UsageLine,
    Word,
    WordFate,
)
from telephony.transcripts.latency import Bar, Latency, latency, waterfall
from telephony.transcripts.said import Argument, arguments
from telephony.transcripts.summary import Summary
from telephony.transcripts.text import begins_ms, heard_and_not, remark


class Piece(msgspec.Struct, frozen=True):
    """Words side by side that shared one fate."""

    fate: str
    """`heard`, `cut`, `unheard`."""
    words: tuple[Word, ...]


class Spoken(msgspec.Struct, frozen=True, tag="spoken", kw_only=True):
    """What one side said in one go."""

    place: int
    """Among the transcript's entries; names the line within the page."""
    speaker: str
    """`caller` or `agent`."""
    start_ms: int
    end_ms: int
    pieces: tuple[Piece, ...]
    estimated: bool
    """The times of single words are spread over the line by their letters."""
    fate: str
    """`heard`, `cut`, `never_played`; a caller's words are `heard`, or `unintelligible`."""
    source: str = ""
    """Of the agent's: as `AgentLine.source`."""
    heard_ms: int = UNKNOWN_MS
    heard_at_least_ms: int = UNKNOWN_MS
    heard_at_most_ms: int = UNKNOWN_MS
    sent_ms: int = UNKNOWN_MS


class ReceiptView(msgspec.Struct, frozen=True):
    """What the ledger of effects says of a tool call."""

    id: int
    state: str
    """As it stands now: what was learned after the call counts here. `open`: not ended."""
    idempotency_key: str


class ToolCard(msgspec.Struct, frozen=True, tag="tool", kw_only=True):
    """One tool call."""

    place: int
    tool_call_id: str
    name: str
    start_ms: int
    end_ms: int
    state: str
    repeated: bool
    arguments: tuple[Argument, ...] | None
    """None: they are no JSON object, see `raw`."""
    raw: str
    output: str
    """JSON, laid out for people."""
    receipt: ReceiptView | None


class Aside(msgspec.Struct, frozen=True, tag="aside", kw_only=True):
    """Anything else that happened, in one sentence."""

    place: int
    kind: str
    """The entry's type."""
    start_ms: int
    who: str
    text: str


Part = Spoken | ToolCard | Aside


class Wait(msgspec.Struct, frozen=True):
    """One turn's latency."""

    number: int
    at_ms: int
    latency: Latency
    bars: tuple[Bar, ...]


class CostRow(msgspec.Struct, frozen=True):
    """One thing that cost money."""

    at_ms: int
    what: str
    detail: str
    cost: Cost | None

    @property
    def free(self) -> bool:
        """It is known to cost nothing."""
        return self.cost == FREE


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    parts: tuple[Part, ...]
    waits: tuple[Wait, ...]
    costs: tuple[CostRow, ...]
    seats: tuple[Aside, ...]
    """Sessions and processes that took the call over."""
    silence_ms: int
    """The longest that the caller, waiting for us, heard nothing; -1: not known, or never."""
    wordless_ms: int


Sources = Mapping[int, tuple[Argument, ...] | None]
"""The arguments of each call of a tool by its place; None: they are no JSON object."""


def sources(summary: Summary, entries: Sequence[AnyEntry]) -> Sources:
    """Where every argument was said, as far as the stored words show."""
    began = began_at(summary)
    return {
        place: arguments(
            entry, entries, began + dt.timedelta(milliseconds=entry.start_ms), summary.from_number
        )
        for place, entry in enumerate(entries)
        if isinstance(entry, ToolLine)
    }


def story(
    entries: Sequence[AnyEntry], found: Sources, receipts: Mapping[str, ReceiptView]
) -> Story:
    """`entries` in order of speaking, `receipts` by tool call id."""
    parts = tuple(
        part
        for place, entry in enumerate(entries)
        if (part := _part(place, entry, found, receipts)) is not None
    )
    end = next((entry for entry in entries if isinstance(entry, EndLine)), None)
    return Story(
        parts=parts,
        waits=tuple(_waits(entries)),
        costs=tuple(_costs(entries)),
        seats=tuple(p for p in parts if isinstance(p, Aside) and p.kind == SeatLine.__name__),
        silence_ms=end.silence_ms if end else UNKNOWN_MS,
        wordless_ms=end.wordless_ms if end else UNKNOWN_MS,
    )


def spoken_words(line: AgentLine | CallerLine) -> tuple[tuple[Word, ...], bool]:
    """A line's words with times, and whether the times are an estimate of ours."""
    if isinstance(line, CallerLine):
        return _spread(line.text.split(), line.start_ms, line.end_ms, WordFate.HEARD), True
    if line.words:
        return line.words, False
    heard, unheard = heard_and_not(line.text, line.heard)
    said = _spread(heard.split(), line.start_ms, line.end_ms, WordFate.HEARD)
    lost = _spread(unheard.split(), line.end_ms, line.end_ms, WordFate.UNHEARD)
    return said + lost, True


def _part(
    place: int, entry: AnyEntry, found: Sources, receipts: Mapping[str, ReceiptView]
) -> Part | None:
    match entry:
        case CallerLine():
            return _caller(place, entry)
        case AgentLine():
            return _agent(place, entry)
        case ToolLine():
            return _tool(place, entry, found[place], receipts.get(entry.tool_call_id))
        case _:
            return _aside(place, entry)


def _tool(
    place: int, line: ToolLine, given: tuple[Argument, ...] | None, receipt: ReceiptView | None
) -> ToolCard:
    return ToolCard(
        place=place,
        tool_call_id=line.tool_call_id,
        name=plain(line.name),
        start_ms=line.start_ms,
        end_ms=line.end_ms,
        state=plain(line.state),
        repeated=line.repeated,
        arguments=given,
        raw=plain(line.arguments),
        output=laid_out(line.output),
        receipt=receipt,
    )


def began_at(summary: Summary) -> dt.datetime:
    """When the call began, with its zone; of a call that left no header only the day is known."""
    try:
        at = dt.datetime.fromisoformat(summary.started_at)
    except ValueError:
        return dt.datetime.fromtimestamp(0, dt.UTC)
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def laid_out(document: str) -> str:
    """JSON text on several lines; other text as it is. Nothing in it acts."""
    try:
        lines = msgspec.json.format(document.encode(), indent=2).decode().splitlines()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        lines = document.splitlines()
    return "\n".join(map(plain, lines))


def shown(value: Any) -> str:
    """An argument's value for people: text as it is, everything else as JSON."""
    return plain(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _caller(place: int, line: CallerLine) -> Spoken:
    words, estimated = spoken_words(line)
    return Spoken(
        place=place,
        speaker="caller",
        start_ms=line.start_ms,
        end_ms=line.end_ms,
        pieces=tuple(_pieces(words)),
        estimated=estimated,
        fate="heard" if words else "unintelligible",
    )


def _agent(place: int, line: AgentLine) -> Spoken:
    words, estimated = spoken_words(line)
    return Spoken(
        place=place,
        speaker="agent",
        start_ms=line.start_ms,
        end_ms=line.end_ms,
        pieces=tuple(_pieces(words)),
        estimated=estimated,
        fate=line.fate.value,
        source=plain(line.source),
        heard_ms=line.heard_ms,
        heard_at_least_ms=line.heard_at_least_ms,
        heard_at_most_ms=line.heard_at_most_ms,
        sent_ms=line.sent_ms,
    )


def _pieces(words: Sequence[Word]) -> Iterator[Piece]:
    for fate, run in groupby(words, key=lambda word: word.fate):
        yield Piece(
            fate.value, tuple(msgspec.structs.replace(word, text=plain(word.text)) for word in run)
        )


def _spread(words: Sequence[str], since_ms: int, until_ms: int, fate: WordFate) -> tuple[Word, ...]:
    """Words over a stretch of time, each as long as it has letters."""
    letters = sum(map(len, words))
    length = max(0, until_ms - since_ms)
    at = 0
    found: list[Word] = []
    for word in words:
        begin = since_ms + length * at // letters
        at += len(word)
        found.append(Word(word, begin, since_ms + length * at // letters, fate))
    return tuple(found)


def _aside(place: int, entry: AnyEntry) -> Aside | None:
    said = remark(entry)
    if said is None:
        return None
    who, text = said
    kind = type(entry).__name__
    return Aside(place=place, kind=kind, start_ms=begins_ms(entry), who=who, text=text)


def _waits(entries: Sequence[AnyEntry]) -> Iterator[Wait]:
    turns = (entry for entry in entries if isinstance(entry, TurnLine))
    for number, turn in enumerate(turns, start=1):
        waited = latency(turn)
        yield Wait(number, begins_ms(turn), waited, waterfall(waited))


def _costs(entries: Sequence[AnyEntry]) -> Iterator[CostRow]:
    for entry in entries:
        match entry:
            case UsageLine():
                detail = " ".join(filter(None, (plain(entry.model), plain(entry.status))))
                yield CostRow(entry.at_ms, "response", detail, entry.cost)
            case ChargeLine():
                yield CostRow(entry.at_ms, entry.what.value, "", entry.cost)
            case _:
                pass


def bounds(part: Spoken) -> str:
    """How much of a line was heard and how sure that is, in a sentence; empty where all was."""
    if part.speaker == "caller" or part.fate == Fate.HEARD.value:
        return ""
    if part.heard_ms <= 0 and part.heard_at_most_ms <= 0:
        return "Never played: the caller heard nothing of it."
    said = f"The caller heard {part.heard_ms:,} ms of {part.sent_ms:,} ms that were sent"
    if part.heard_at_most_ms < 0:
        return f"{said}."
    least, most = part.heard_at_least_ms, part.heard_at_most_ms
    return f"{said}: at least {least:,} ms and at most {most:,} ms."
