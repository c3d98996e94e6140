"""How does a call that is on look to somebody who watches it?

Made from what the call does (`take`) and from two answers of the call itself (`Peek`), so that it
costs next to nothing while nobody watches.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

import msgspec

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    ResponseDone,
    TextDelta,
    ToolCalled,
)
from agents.money import FREE
from telephony.call.commands import CallCommand, Record, StoreAudio, Track
from telephony.call.ending import Phase
from telephony.call.events import CallerAudio, CallEvent, ToolFinished, ToolWaits
from telephony.call.money import cost_of
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    ChargeLine,
    SeatLine,
    UsageLine,
)

MOST_LINES = 4_000
"""Of one call's transcript, the latest: more than the longest call has."""
MOST_CHARS = 2_000
"""Of what is being said: more than the longest reply has."""


MOST_ITEMS = 8
"""Being said at a time; more are not kept."""


class Head(msgspec.Struct, frozen=True):
    """What is known of a call when its stream opens."""

    call_id: str
    caller: str
    """As the carrier gave it: a number, `anonymous`, or empty."""
    called: str
    persona: str
    engine: str
    started_at: dt.datetime
    """Wall clock, with its zone."""
    targets: tuple[str, ...] = ()
    """Whom the caller can be put through to, by name."""


class Peek(msgspec.Struct, frozen=True):
    """What only the call itself can say."""

    phase: Phase
    heard: str = ""
    """The words heard so far of what is being said."""
    withheld: bool = False
    """The caller has not agreed, or not yet, that any words are kept."""


class ToolView(msgspec.Struct, frozen=True):
    """A tool that runs."""

    id: str
    name: str
    waits: bool
    """A person has to decide about it."""


class CallView(msgspec.Struct, frozen=True):
    """A call as a line of the list of live calls."""

    call_id: str
    caller: str
    called: str
    persona: str
    engine: str
    """Which carries the call now."""
    seat: int
    """How many sessions of engines it has had before this one."""
    phase: str
    floor: str
    """Who speaks: `caller`, `agent`, or `nobody`."""
    speaker: str
    """Whose the words are: `caller`, `agent`, or nobody's yet."""
    heard: str
    """The last words, as far as they were heard."""
    unheard: str
    """What the agent has made of the sentence besides, and nobody has heard yet."""
    tools: tuple[ToolView, ...]
    cost_micros: int
    cost_unknown: bool
    """Some of it has no price: it was at least so much."""
    started_at: dt.datetime
    targets: tuple[str, ...]
    lines: int
    """Lines of the transcript so far."""
    withheld: bool = False
    """No words are shown: the caller has not agreed, or not yet, that any are kept."""


class Picture:
    """One call, as it looks."""

    def __init__(self, head: Head, before: Iterable[AnyEntry] = ()) -> None:
        """`before`: lines of another process, which had the call first."""
        self.head = head
        self.entries: list[AnyEntry] = []
        """The transcript so far, but for what fell off its beginning."""
        self.forgotten = 0
        """So many lines fell off."""
        self._engine = ""
        self._seat = 0
        self._floor = "nobody"
        self._speaker = ""
        self._heard = ""
        self._saying: dict[str, str] = {}
        """What the agent is saying, by item: the words that have come."""
        self._tools: dict[str, ToolView] = {}
        self._spent = FREE
        for entry in before:
            self._written(entry)
        self._engine = head.engine

    def take(self, event: CallEvent, commands: Sequence[CallCommand]) -> bool:
        """Something happened, and this followed; whether the picture has changed."""
        changed = not isinstance(event, CallerAudio | AudioDelta) and self._happened(event)
        for command in commands:
            match command:
                case Record(entry):
                    self._written(entry)
                    changed = True
                case StoreAudio(track=Track.HEARD):
                    self._floor = "agent"
                    changed = True
                case _:
                    pass
        return changed

    def view(self, peek: Peek) -> CallView:
        head, heard, unheard = self.head, self._heard, ""
        if self._saying or peek.heard:
            heard, unheard = _split(list(self._saying.values()), peek.heard)
        silent = self._floor == "agent" and not self._saying and not peek.heard
        return CallView(
            call_id=head.call_id,
            caller=head.caller,
            called=head.called,
            persona=head.persona,
            engine=self._engine,
            seat=self._seat,
            phase=peek.phase.value,
            floor="nobody" if silent else self._floor,
            speaker="agent" if self._saying or peek.heard else self._speaker,
            heard=heard[-MOST_CHARS:],
            unheard=unheard[:MOST_CHARS],
            tools=tuple(self._tools.values()),
            cost_micros=self._spent.micros,
            cost_unknown=self._spent.unknown,
            started_at=head.started_at,
            targets=head.targets,
            lines=self.forgotten + len(self.entries),
            withheld=peek.withheld,
        )

    def _happened(self, event: CallEvent) -> bool:
        match event:
            case CallerSpeechStarted():
                self._floor = "caller"
            case CallerSpeechStopped():
                self._floor = "nobody"
            case TextDelta(_, item_id, text):
                self._says(item_id, text)
            case ToolCalled():
                called = ToolView(event.tool_call_id, event.name, waits=False)
                self._tools[event.tool_call_id] = called
            case ToolWaits(tool_call_id) if tool_call_id in self._tools:
                waits = msgspec.structs.replace(self._tools[tool_call_id], waits=True)
                self._tools[tool_call_id] = waits
            case ToolFinished():
                self._tools.pop(event.tool_call_id, None)
            case ResponseDone():
                """Its cost is written down."""
            case _:
                return False
        return True

    def _says(self, item_id: str, text: str) -> None:
        self._saying[item_id] = (self._saying.get(item_id, "") + text)[:MOST_CHARS]
        while len(self._saying) > MOST_ITEMS:
            del self._saying[next(iter(self._saying))]

    def _written(self, entry: AnyEntry) -> None:
        self.entries.append(entry)
        if len(self.entries) > MOST_LINES:
            del self.entries[0]
            self.forgotten += 1
        match entry:
            case AgentLine():
                self._saying.pop(entry.item_id, None)
                if entry.heard:
                    self._speaker, self._heard = "agent", entry.heard
                if self._floor == "agent":
                    self._floor = "nobody"
            case CallerLine(text=text) if text:
                self._speaker, self._heard = "caller", text
            case SeatLine(seat=seat, engine=engine):
                self._seat, self._engine = seat, engine
                self._saying.clear()
            case UsageLine() | ChargeLine():
                self._spent += cost_of(entry)
            case _:
                pass


def _split(saying: Sequence[str], heard: str) -> tuple[str, str]:
    """The words heard of what is being said, and the rest of it."""
    mine = next((text for text in saying if heard and text.startswith(heard)), None)
    if heard:
        return heard, mine[len(heard) :] if mine else ""
    return "", saying[0]
