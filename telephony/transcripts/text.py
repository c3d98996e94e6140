"""How a transcript looks as text: what was heard plain, what was not struck through."""

from collections.abc import Iterable, Sequence
from enum import Enum

from telephony.plain import plain
from telephony.transcripts.entry import (
    AgentLine,
    Alarm,
    AlarmLine,
    AnyEntry,
    CallerLine,
    ChargeLine,
    ClaimLine,
    ConsentLine,
    DisclosureLine,
    DtmfLine,
    EndLine,
    Fate,
    OperatorLine,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
    UsageLine,
)

OUTCOMES = {
    "operator": "ended by staff",
    "idle": "nobody spoke",
    "drained": "server stopped",
    "budget": "out of budget",
    "protocol": "broken protocol",
    "no_start": "no audio came",
}


def outcome(reason: str) -> str:
    """Why a call ended, for people: an `EndedReason`, or whatever else stands in its place."""
    return OUTCOMES.get(reason) or reason.replace("_", " ")


class Style(Enum):
    """How words are struck through and side remarks set apart."""

    PLAIN = ("~~", "~~", "", "")
    ANSI = ("\x1b[9m", "\x1b[29m", "\x1b[2m", "\x1b[22m")

    def strike(self, words: str) -> str:
        return f"{self.value[0]}{words}{self.value[1]}" if words else ""

    def aside(self, words: str) -> str:
        return f"{self.value[2]}{words}{self.value[3]}"


def begins_ms(entry: AnyEntry) -> int:
    """When what the entry tells began, ms since the start of the stream."""
    match entry:
        case AgentLine() | CallerLine() | ToolLine():
            return entry.start_ms
        case TurnLine():
            # Beside the answer it measures, not beside the question.
            return max(entry.stopped_ms, entry.noticed_ms, entry.audio_ms, entry.played_ms)
        case TruncationLine() | ClaimLine() | DtmfLine() | EndLine():
            return entry.at_ms
        case UsageLine() | ChargeLine() | SeatLine() | OperatorLine() | AlarmLine():
            return entry.at_ms
        case DisclosureLine() | ConsentLine():
            return entry.at_ms


def in_order(entries: Iterable[AnyEntry]) -> list[AnyEntry]:
    """In order of speaking; they were written in the order in which they became certain."""
    return sorted(entries, key=lambda entry: (isinstance(entry, EndLine), begins_ms(entry)))


def render(entries: Iterable[AnyEntry], style: Style = Style.PLAIN) -> str:
    """A whole transcript, one line each, ending in a line break."""
    lines = (line(entry, style) for entry in in_order(entries))
    return "".join(f"{text}\n" for text in lines if text)


def remark(entry: AnyEntry) -> tuple[str, str] | None:
    """Who or what one entry is of, and what it says; None for entries that are only counted."""
    return _said(entry, Style.PLAIN)


def line(entry: AnyEntry, style: Style = Style.PLAIN) -> str:
    """One entry on one line; empty for entries that are only counted."""
    said = _said(entry, style)
    if said is None:
        return ""
    who, words = said
    return f"{clock(begins_ms(entry))}  {who:<6}  {words}"


def clock(ms: int) -> str:
    """`mm:ss.mmm`; minutes may have more digits."""
    seconds, rest = divmod(max(0, ms), 1000)
    return f"{seconds // 60:02}:{seconds % 60:02}.{rest:03}"


def _said(  # noqa: C901, one flat table
    entry: AnyEntry, style: Style
) -> tuple[str, str] | None:
    match entry:
        case AgentLine():
            return "agent", _agent(entry, style)
        case CallerLine():
            words = plain(entry.text)
            return "caller", words if words else style.aside("(no words could be made out)")
        case ToolLine():
            return "tool", _tool(entry, style)
        case TruncationLine():
            return "cut", style.aside(_truncation(entry))
        case ClaimLine():
            return "claim", style.aside(claim(entry))
        case TurnLine():
            waited = _latency(entry)
            return ("wait", style.aside(waited)) if waited else None
        case DtmfLine():
            return "caller", f"pressed {plain(entry.digit)}"
        case EndLine():
            detail = f" ({plain(entry.detail)})" if entry.detail else ""
            return "end", outcome(entry.reason.value) + detail
        case SeatLine():
            return "engine", style.aside(seat(entry))
        case OperatorLine():
            return "staff", style.aside(operator(entry))
        case AlarmLine():
            return "line", style.aside(alarm(entry))
        case DisclosureLine():
            heard = "heard in full" if entry.heard else "not heard in full"
            return "told", style.aside(f"disclosure {entry.version}, {heard}")
        case ConsentLine():
            told = f"recording: {entry.answer.value.replace('_', ' ')}, by {entry.by}"
            return "asked", style.aside(told)
        case UsageLine() | ChargeLine():
            return None


_ACTS = {
    "hang_up": "ended the call",
    "transfer": "put the caller through to",
    "take_over": "took the call over",
    "whisper": "told the agent:",
}


def operator(entry: OperatorLine) -> str:
    """Who of the staff did what to the call."""
    what = _ACTS.get(entry.act, entry.act)
    told = plain(f"{entry.by} {what} {entry.words}").strip()
    return told if entry.done else f"{told} (it could not be done)"


_ALARMS = {
    Alarm.ONE_WAY: "nothing has come from the caller for {} ms",
    Alarm.CLIPPING: "the caller is too loud for the line ({} samples in 1,000 clipped)",
    Alarm.ECHO: "our own voice comes back ({} times)",
    Alarm.STARVED_IN: "the caller's side stopped coming for {} ms",
    Alarm.STARVED_OUT: "what we said ran dry for {} ms",
}


def alarm(entry: AlarmLine) -> str:
    """What is wrong with the line."""
    return _ALARMS[entry.kind].format(entry.value)


_SEATS = {
    "failed": "the session before it failed",
    "mute": "the session before it did not answer",
    "expiring": "the session before it was about to expire",
    "resumed": "the process before it was gone",
}


def seat(entry: SeatLine) -> str:
    """That another engine session took the call over, and why."""
    why = _SEATS.get(entry.why, plain(entry.why))
    return f"session {entry.seat + 1}, {plain(entry.engine)}: {why}"


_SOURCES = {
    "own": "own recording",
    "filler": "filler",
    "repeat": "said again",
    "tones": "keys sent",
}


def _agent(entry: AgentLine, style: Style) -> str:
    heard, unheard = map(plain, heard_and_not(entry.text, entry.heard))
    words = " ".join(part for part in (heard, style.strike(unheard)) if part) or "(no words)"
    if entry.source != "engine":
        words += style.aside(f"  [{_SOURCES.get(entry.source, plain(entry.source))}]")
    match entry.fate:
        case Fate.HEARD:
            return words
        case Fate.CUT:
            bounds = _bounds(entry.heard_at_least_ms, entry.heard_at_most_ms)
            return words + style.aside(f"  [cut after {entry.heard_ms} ms{bounds}]")
        case Fate.NEVER_PLAYED:
            return words + style.aside("  [never played]")


def _bounds(least_ms: int, most_ms: int) -> str:
    return f", surely {least_ms} to {most_ms}" if most_ms >= 0 else ""


def heard_and_not(text: str, heard: str) -> tuple[str, str]:
    """The words heard and the rest; words are compared, blanks are not."""
    words, heard_words = text.split(), heard.split()
    if words[: len(heard_words)] == heard_words:
        return " ".join(heard_words), " ".join(words[len(heard_words) :])
    return " ".join(heard_words), " ".join(words)


def _tool(entry: ToolLine, style: Style) -> str:
    again = ", the first answer again" if entry.repeated else ""
    took = entry.end_ms - entry.start_ms
    call = f"{plain(entry.name)} {plain(entry.arguments)}"
    return f"{call} -> {plain(entry.state)}{again} {style.aside(plain(entry.output))}  [{took} ms]"


def _truncation(entry: TruncationLine) -> str:
    if entry.deleted:
        return f"{_little(entry.heard_ms)} of the reply had been heard; the model was told so"
    told = f"the agent was cut off; the model was told that {entry.audio_end_ms} ms were heard"
    return told + (f" of {entry.heard_ms}" if entry.heard_ms > entry.audio_end_ms else "")


_STANDINGS = {
    "never": "was not asked for",
    "running": "still runs",
    "failed": "did not work",
    "unknown": "may have failed",
}


def claim(entry: ClaimLine) -> str:
    """Why a sentence was stopped, and as much of it as had come."""
    standing = _STANDINGS.get(entry.standing, entry.standing)
    return plain(f"stopped, as {' or '.join(entry.tools)} {standing}: {entry.sentence}")


def _little(heard_ms: int) -> str:
    """Too little for the engine to keep."""
    return f"only {heard_ms} ms" if heard_ms > 0 else "nothing"


def _latency(entry: TurnLine) -> str:
    steps = (
        ("turn end noticed", entry.stopped_ms, entry.noticed_ms),
        ("answered", entry.noticed_ms, entry.audio_ms),
        ("played", entry.audio_ms, entry.played_ms),
    )
    parts = [f"{name} +{to - since} ms" for name, since, to in steps if min(since, to) >= 0]
    return ", ".join([*_total(entry), *parts])


def _total(entry: TurnLine) -> Sequence[str]:
    reached = entry.played_ms if entry.played_ms >= 0 else entry.audio_ms
    if min(entry.stopped_ms, reached) < 0:
        return ()
    return (f"the caller waited {reached - entry.stopped_ms} ms",)
