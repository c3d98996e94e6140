"""What the lines of a call, and the commands and events that hold words, look like without what
may not be kept.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from agents.engine import (
    AgentSaid,
    AnyRemembered,
    CallerSaid,
    Inform,
    Remember,
    Say,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import CallCommand, Record, RunTool
from telephony.call.events import CallEvent, OperatorActs, ToolFinished, ToolWaits
from telephony.redacting.conversation import Conversation, Line
from telephony.redacting.timing import words_kept
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    ClaimLine,
    OperatorLine,
    ToolLine,
)
from tools.redacting.kinds import Span, blotted, merged, replaced

CALLER: Final = "caller"
AGENT: Final = "agent"
TELLING: Final = frozenset({Record, RunTool, ToolOutput, Remember, TruncateItem, Say, Inform})
"""Commands that hold what was said."""


def key_of(speaker: str, item_id: str) -> str:
    return f"{speaker} {item_id}"


class Lines:
    """All lines of one call, as far as they are known."""

    def __init__(self, conversation: Conversation) -> None:
        self.lines: dict[str, Line] = {}
        self._talk = conversation
        self.scrub = conversation.scrub

    def shown_command(self, command: CallCommand) -> CallCommand:
        scrub = self.scrub
        match command:
            case Record(entry):
                return Record(self.shown_entry(entry))
            case RunTool(arguments=arguments):
                return structs.replace(command, arguments=self._talk.scrub_json(arguments))
            case ToolOutput(output=output):
                return structs.replace(command, output=self._talk.scrub_json(output))
            case Remember(what=what):
                return structs.replace(command, what=tuple(map(self._shown_memory, what)))
            case TruncateItem(heard_text=text):
                return structs.replace(command, heard_text=scrub(text))
            case Say(text) | Inform(text):
                return structs.replace(command, text=scrub(text))
            case _:
                return command

    def _shown_memory(self, what: AnyRemembered) -> AnyRemembered:
        match what:
            case CallerSaid(text) | AgentSaid(text):
                return structs.replace(what, text=self.scrub(text))
            case _:
                scrub = self._talk.scrub_json
                arguments, output = scrub(what.arguments), scrub(what.output)
                return structs.replace(what, arguments=arguments, output=output)

    def shown_entry(self, entry: AnyEntry) -> AnyEntry:
        if isinstance(entry, AgentLine | CallerLine):
            line = self.line(entry)
            return _kept_line(entry, [*line.spans, *self._talk.unsure(line.key)])
        return self.kept_entry(entry)

    def tool_event(self, event: CallEvent) -> CallEvent:
        kept = event
        match event:
            case ToolCalled(arguments=arguments):
                kept = structs.replace(event, arguments=self._talk.scrub_json(arguments))
            case ToolFinished(output=output):
                kept = structs.replace(event, output=self._talk.scrub_json(output))
            case ToolWaits(words=words) | OperatorActs(words=words):
                kept = structs.replace(event, words=self.scrub(words))
        return event if kept is event or kept == event else kept

    def kept_entry(self, entry: AnyEntry) -> AnyEntry:
        match entry:
            case AgentLine() | CallerLine():
                return _kept_line(entry, self.line(entry).spans)
            case ToolLine(arguments=arguments, output=output):
                scrub = self._talk.scrub_json
                return structs.replace(entry, arguments=scrub(arguments), output=scrub(output))
            case ClaimLine(sentence=sentence):
                return structs.replace(entry, sentence=self.scrub(sentence))
            case OperatorLine(words=words):
                return structs.replace(entry, words=self.scrub(words))
            case _:
                return entry

    def line(self, entry: AgentLine | CallerLine) -> Line:
        speaker = AGENT if isinstance(entry, AgentLine) else CALLER
        key = key_of(speaker, entry.item_id)
        line = self.lines.get(key)
        if line is not None and line.text == entry.text:
            return line
        spans = self._talk.spans(entry.text)
        if line is not None and entry.text.startswith(line.text):
            spans = merged([*line.spans, *spans])
        return Line(key, speaker, entry.text, tuple(spans))


def _kept_line(entry: AgentLine | CallerLine, spans: Sequence[Span]) -> AgentLine | CallerLine:
    if not spans:
        return entry
    text = replaced(entry.text, spans)
    if isinstance(entry, CallerLine):
        return structs.replace(entry, text=text)
    heard = len(entry.heard) if entry.text.startswith(entry.heard) else 0
    told = [
        structs.replace(span, end=min(span.end, heard))
        for span in merged(spans)
        if span.start < heard
    ]
    return structs.replace(
        entry,
        text=text,
        heard=replaced(entry.text[:heard], told),
        words=words_kept(entry.text, entry.words, spans),
    )


def part_of(line: Line, at: int, text: str) -> str:
    """A piece of an item's text, as long as it was: a replay reckons with lengths."""
    if not line.spans:
        return text
    return blotted(line.text, line.spans)[at : at + len(text)]
