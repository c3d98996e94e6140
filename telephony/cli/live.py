"""A trial call on the screen while it is on: who speaks, what was heard, what was cut, what ran."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from agents.engine import CallerSpeechStarted, TextDelta, ToolCalled
from telephony.call.events import CallEvent
from telephony.plain import plain
from telephony.simulator.caller import Interrupted, Observation, Said
from telephony.transcripts.entry import (
    AgentLine,
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
from telephony.transcripts.text import claim, heard_and_not, operator, outcome, remark, seat

WIDEST = 110
WITHOUT_TERMINAL = 100
"""Columns, where nobody can say how many there are."""
_TOOL_COLUMNS = 100
_WORDS_AT = 17
"""Columns before the words: the clock, who speaks, and blanks."""
_COLOURS = {"agent": "cyan", "caller": "green", "tool": "yellow", "cut": "red", "end": "bold"}
_WIPE = "\r\x1b[2K"


def screen_console(*, styled: bool) -> Console:
    """Standard output; `styled`: it is a terminal that takes colours and struck-through words."""
    console = Console(highlight=False, color_system="auto" if styled else None)
    if not console.is_terminal:
        return Console(highlight=False, color_system=None, width=WITHOUT_TERMINAL)
    return console


class Live:
    """Prints each line of the conversation when it is certain, and below what is going on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._styled = console.color_system is not None
        self._width = min(console.width, WIDEST)
        self._going_on = GoingOn(console) if self._styled else None
        self._cut: TruncationLine | None = None
        self._talked_ms: int | None = None
        self._said = ""

    def say(self, line: str = "", style: str = "") -> None:
        self._wipe()
        self._console.print(Text(line, style), soft_wrap=True)

    def event(self, event: CallEvent) -> None:
        """For what is going on at this moment."""
        if self._going_on is not None:
            self._going_on.event(event)

    def observation(self, seen: Observation) -> None:
        match seen:
            case Interrupted():
                self._talked_ms = seen.talked_ms
            case Said(_, text, _):
                self._said = text
            case _:
                pass

    def entry(self, entry: AnyEntry) -> None:  # noqa: C901, one flat table
        match entry:
            case TruncationLine():
                self._cut = entry
            case AgentLine():
                self._row(entry.start_ms, "agent", self._agent(entry))
                self._print_cut()
            case CallerLine():
                self._row(entry.start_ms, "caller", self._caller(entry))
            case ToolLine():
                self._row(entry.start_ms, "tool", self._tool(entry))
            case ClaimLine():
                self._row(entry.at_ms, "claim", Text(claim(entry), "dim"))
            case TurnLine():
                self._wait(entry)
            case DtmfLine():
                self._row(entry.at_ms, "caller", Text(f"pressed {plain(entry.digit)}"))
            case EndLine():
                self._print_cut()
                self._row(entry.at_ms, "end", Text(_ending(entry), "bold"))
            case SeatLine():
                self._row(entry.at_ms, "engine", Text(seat(entry), "dim"))
            case OperatorLine():
                self._row(entry.at_ms, "staff", Text(operator(entry), "dim"))
            case DisclosureLine() | ConsentLine() | AlarmLine():
                if said := remark(entry):
                    self._row(entry.at_ms, said[0], Text(said[1], "dim"))
            case UsageLine() | ChargeLine():
                pass

    # ---- lines ---------------------------------------------------------------------------------

    def _row(self, at_ms: int | None, who: str, words: Text) -> None:
        self._wipe()
        clock = "" if at_ms is None else seconds(at_ms)
        lead = Text.assemble((f"{clock:>7}  ", "dim"), (f"{who:<6}", _COLOURS.get(who, "")), "  ")
        for line in words.wrap(self._console, self._width - _WORDS_AT):
            line.rstrip()
            self._console.print(lead + line, soft_wrap=True)
            lead = Text(" " * _WORDS_AT)

    def _wipe(self) -> None:
        if self._going_on is not None:
            self._going_on.wipe()

    def _agent(self, line: AgentLine) -> Text:
        heard, unheard = map(plain, heard_and_not(line.text, line.heard))
        words = Text(heard)
        if unheard:
            struck = Text(unheard, "strike dim") if self._styled else Text(f"~~{unheard}~~")
            words.append(" " * bool(heard)).append(struck)
        if line.source != "engine":
            words.append(f"  [{plain(line.source)} recording]", "dim")
        if line.fate is Fate.CUT:
            words.append(f"  [cut after {seconds(line.heard_ms)} s]", "dim")
        if line.fate is Fate.NEVER_PLAYED:
            words.append("  [never played]", "dim")
        return words

    def _caller(self, line: CallerLine) -> Text:
        heard = plain(line.text)
        words = Text(heard) if heard else Text("(no words could be made out)", "dim")
        if self._said and not _within(heard, self._said):
            words.append(f"  [said: {self._said}]", "dim")
        return words

    def _print_cut(self) -> None:
        line, self._cut = self._cut, None
        if line is None:
            return
        talked_ms, self._talked_ms = self._talked_ms, None
        who = "the agent was cut off"
        if talked_ms is not None:
            who = f"the caller spoke up after {seconds(talked_ms)} s"
        told = "nothing was heard" if line.deleted else f"{line.audio_end_ms} ms were heard"
        self._row(line.at_ms, "cut", Text(f"{who}; the model was told that {told}", "dim"))

    def _tool(self, line: ToolLine) -> Text:
        """On one line, whatever the tool returned."""
        took_ms = line.end_ms - line.start_ms
        again = ", the first answer again" if line.repeated else ""
        words = Text(f"{plain(line.name)}({_arguments(line.arguments)}) -> ")
        words.append(plain(line.state), "green" if line.state == "done" else "red")
        words.append(f"{again} in {took_ms} ms: {_message(line.output)}", "dim")
        return _short_of(min(self._width, _TOOL_COLUMNS) - _WORDS_AT, words)

    def _wait(self, line: TurnLine) -> None:
        """How long the caller waited for the answer, and for what."""
        noticing_ms, answering_ms = (
            line.noticed_ms - line.stopped_ms,
            line.audio_ms - line.noticed_ms,
        )
        waited_ms = line.played_ms - line.stopped_ms
        if min(noticing_ms, answering_ms, waited_ms, line.stopped_ms) < 0:
            return
        words = (
            f"after {waited_ms} ms: {noticing_ms} to notice the end of the turn,"
            f" {answering_ms} to answer"
        )
        self._row(None, "", Text(words, "dim"))


class GoingOn:
    """The last line of the terminal: rewritten all the time, never left behind."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._item_id = ""
        self._words = ""
        self._shown = False

    def event(self, event: CallEvent) -> None:
        match event:
            case TextDelta(_, item_id, text):
                self._words = text if item_id != self._item_id else self._words + text
                self._item_id = item_id
                self._show(f"agent: {self._words}")
            case CallerSpeechStarted():
                self._show("the caller is speaking")
            case ToolCalled():
                self._show(f"running {event.name}")
            case _:
                pass

    def _show(self, words: str) -> None:
        line = Text(f"         ... {plain(words)}", "dim")
        self.wipe()
        self._console.print(_short_of(self._console.width - 1, line), end="")
        self._console.file.flush()
        self._shown = True

    def wipe(self) -> None:
        if self._shown:
            self._console.file.write(_WIPE)
            self._shown = False


def _short_of(columns: int, words: Text) -> Text:
    if words.cell_len > columns:
        words.truncate(columns - 3, overflow="crop")
        words.append("...", "dim")
    return words


def seconds(ms: int) -> str:
    """`1:02.3` or `2.3`."""
    minutes, rest = divmod(max(0, ms) // 100, 600)
    return f"{minutes}:{rest // 10:02}.{rest % 10}" if minutes else f"{rest // 10}.{rest % 10}"


def _ending(line: EndLine) -> str:
    detail = f" ({plain(line.detail)})" if line.detail else ""
    return outcome(line.reason.value) + detail


def _within(heard: str, said: str) -> bool:
    """Whether these are words of what was said: a sentence may be heard in parts."""
    return _bare(heard) in _bare(said)


def _bare(words: str) -> str:
    return "".join(letter for letter in words.casefold() if letter.isalnum())


def _arguments(text: str) -> str:
    match _json(text):
        case dict() as arguments:
            return ", ".join(f"{plain(name)}={_short(value)}" for name, value in arguments.items())
        case _:
            return plain(text)


def _short(value: object) -> str:
    return plain(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _message(text: str) -> str:
    """What the tool has to say; all of its answer where that is no message."""
    found = _json(text)
    if isinstance(found, Mapping) and isinstance(found.get("message"), str):
        return plain(found["message"])
    return plain(text)


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
