"""How a story's parts are put in words where a call is shown."""

from collections.abc import Sequence
from typing import Any

from telephony.transcripts.entry import AnyEntry
from telephony.transcripts.said import Source
from telephony.transcripts.story import Aside, Part, Spoken, ToolCard, bounds, shown
from telephony.transcripts.text import begins_ms, clock

_SOURCES = {
    "own": "own recording",
    "filler": "filler",
    "repeat": "said again",
    "tones": "keys sent",
}
_ORIGINS = {
    Source.CALLER: "said by the caller at",
    Source.AGENT: "not said by the caller; read out to them at",
    Source.NUMBER: "the number they called from",
    Source.NOBODY: "said by nobody, as far as the words show",
    Source.NONE_NEEDED: "",
}


class Telling:
    """What templates call `tell`."""

    clock = staticmethod(clock)
    bounds = staticmethod(bounds)

    def __init__(self, entries: Sequence[AnyEntry]) -> None:
        self._entries = entries

    def at(self, place: int) -> int:
        """When the line at this place began, in ms."""
        return begins_ms(self._entries[place])

    @staticmethod
    def shown(value: Any) -> str:
        return shown(value)

    @staticmethod
    def source(name: str) -> str:
        return _SOURCES.get(name, name)

    @staticmethod
    def origin(source: Source) -> str:
        return _ORIGINS[source]

    @staticmethod
    def kind(part: Part) -> str:
        match part:
            case Spoken():
                return "spoken"
            case ToolCard():
                return "tool"
            case Aside():
                return "aside"
