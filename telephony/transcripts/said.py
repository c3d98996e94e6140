"""Where was it said? For each argument of a tool call, the words it can have come from."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec

from telephony.transcripts.entry import AgentLine, AnyEntry, CallerLine, ToolLine
from tools.saying import says

MOST_LINES = 40
"""So many of the latest lines before the call of the tool are looked at."""
_LEAST_DIGITS = 7


class Source(Enum):
    """Who said an argument's value."""

    CALLER = "caller"
    AGENT = "agent"
    """The caller did not, but they heard the agent say it."""
    NUMBER = "number"
    """It is the number they called from."""
    NOBODY = "nobody"
    NONE_NEEDED = "none_needed"
    """It has no words of its own: true, false or nothing."""


class Argument(msgspec.Struct, frozen=True):
    """One argument and the lines its value was said in, in order of speaking."""

    name: str
    value: Any
    source: Source
    lines: tuple[int, ...] = ()
    """Places among the entries that were given."""


def arguments(
    tool: ToolLine, entries: Sequence[AnyEntry], now: dt.datetime, caller_number: str | None
) -> tuple[Argument, ...] | None:
    """Each argument with its source; None where the text is no JSON object.

    `entries` are in order of speaking, `now` is the caller's now, with its zone. This is the
    comparison the rule `must_be_said` makes, shown for every argument, whatever its rules are:
    words that leave two readings open say either of them.
    """
    try:
        given = msgspec.json.decode(tool.arguments, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    search = _Search(tool, entries, now, caller_number)
    return tuple(search.argument(name, value) for name, value in given.items())


class _Search:
    def __init__(
        self, tool: ToolLine, entries: Sequence[AnyEntry], now: dt.datetime, number: str | None
    ) -> None:
        before = [place for place, entry in enumerate(entries) if _began_before(entry, tool)]
        self._caller = list(_texts(before, entries, CallerLine))[-MOST_LINES:]
        self._agent = list(_texts(before, entries, AgentLine))[-MOST_LINES:]
        self._now = now
        self._number = number

    def argument(self, name: str, value: Any) -> Argument:
        if _wordless(value):
            return Argument(name, value, Source.NONE_NEEDED)
        if found := self._found(self._caller, value):
            return Argument(name, value, Source.CALLER, found)
        if self._is_own_number(value):
            return Argument(name, value, Source.NUMBER)
        found = self._found(self._agent, value)
        return Argument(name, value, Source.AGENT if found else Source.NOBODY, found)

    def _found(self, lines: Sequence[tuple[int, str]], value: Any) -> tuple[int, ...]:
        """The latest line that says it by itself, or as few as say it together."""
        # More words never say less: most of what is looked for in vain is out at once.
        if not says([text for _, text in lines], value, self._now):
            return ()
        for place, text in reversed(lines):
            if says([text], value, self._now):
                return (place,)
        needed = list(lines)
        for line in lines:
            rest = [each for each in needed if each is not line]
            if says([text for _, text in rest], value, self._now):
                needed = rest
        return tuple(place for place, _ in needed)

    def _is_own_number(self, value: Any) -> bool:
        if self._number is None or not isinstance(value, str):
            return False
        enough = sum(char.isdecimal() for char in value) >= _LEAST_DIGITS
        return enough and says([self._number], value, self._now)


def _wordless(value: Any) -> bool:
    """As `says` has it: such a value counts as said, so there is nothing to look for."""
    if isinstance(value, Mapping):
        return all(map(_wordless, value.values()))
    if isinstance(value, list):
        return all(map(_wordless, value))
    return isinstance(value, bool) or value is None or value == ""


def _began_before(entry: AnyEntry, tool: ToolLine) -> bool:
    return isinstance(entry, CallerLine | AgentLine) and entry.start_ms <= tool.start_ms


def _texts(
    places: Sequence[int], entries: Sequence[AnyEntry], kind: type[CallerLine] | type[AgentLine]
) -> Iterator[tuple[int, str]]:
    for place in places:
        entry = entries[place]
        if isinstance(entry, kind):
            text = entry.heard if isinstance(entry, AgentLine) else entry.text
            if text.strip():
                yield place, text
