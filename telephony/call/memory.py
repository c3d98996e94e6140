"""What of a call another session has to be told: who said what, what was heard, what was done."""

from collections.abc import Iterable

from agents.engine import AgentSaid, AnyRemembered, CallerSaid, ToolAnswered
from telephony.call.commands import CallCommand, Record
from telephony.transcripts.entry import AgentLine, AnyEntry, CallerLine, ToolLine

MOST = 400
"""Of the latest: more than is said in the longest call."""


class Memory:
    """Grows with the transcript; times count from the start of the call."""

    def __init__(self, before: Iterable[AnyEntry] = ()) -> None:
        """`before`: the transcript of the call so far, from another process."""
        self._kept: list[tuple[int, AnyRemembered]] = []
        for entry in before:
            self._keep(entry)

    def note(self, commands: Iterable[CallCommand]) -> None:
        """Take up the transcript's lines as they are written."""
        for command in commands:
            if isinstance(command, Record):
                self._keep(command.entry)

    def whole(self) -> tuple[AnyRemembered, ...]:
        """All of it, in the order in which it began."""
        return tuple(each for _, each in sorted(self._kept, key=lambda kept: kept[0]))

    def answer_of(self, tool_call_id: str) -> ToolAnswered | None:
        """What came of that tool call, if it is over."""
        for _, each in reversed(self._kept):
            if isinstance(each, ToolAnswered) and each.tool_call_id == tool_call_id:
                return each
        return None

    def _keep(self, entry: AnyEntry) -> None:
        if (found := remembered(entry)) is not None:
            self._kept.append(found)
            del self._kept[:-MOST]


def remembered(entry: AnyEntry) -> tuple[int, AnyRemembered] | None:
    """When it began, in ms of the call, and what a model is told of it; None: nothing.

    Clips of our own (fillers, apologies) are no part of what the model and the caller said.
    """
    match entry:
        case CallerLine(text=text, start_ms=start_ms) if text.strip():
            return start_ms, CallerSaid(text)
        case AgentLine(heard=heard, start_ms=start_ms, source="engine") if heard.strip():
            return start_ms, AgentSaid(heard)
        case ToolLine() if entry.state != "unfinished":
            told = ToolAnswered(entry.tool_call_id, entry.name, entry.arguments, entry.output)
            return entry.start_ms, told
        case _:
            return None
