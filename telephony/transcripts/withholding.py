"""What of a call may reach the disk, and when: nothing of what was said before that is allowed.

While it is not known whether the caller agrees, everything is held in memory. Once they do, it
is written as if it had been all along; if they do not, what was held is let go of, and from
then on only metadata passes: that there was a call, how long, what it cost, which tools ran.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from msgspec import structs

from agents.engine import (
    AudioDelta,
    CallerTranscript,
    Inform,
    Remember,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import CallCommand, PlayAudio, Record, RunTool, StoreAudio, Track
from telephony.call.config import ConsentMode, ConsentTerms
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DtmfPressed,
    OperatorActs,
    ToolFinished,
    ToolWaits,
)
from telephony.redacting.timing import SILENCE
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    ClaimLine,
    ConsentLine,
    DtmfLine,
    EndedReason,
    OperatorLine,
    ToolLine,
)
from telephony.transcripts.records import Seal
from tools.spec import Evidence

MOST_HELD = 60_000
"""Events, pieces of audio and lines of one call: minutes more than anybody is asked for."""


class Way(Protocol):
    """To a call's journal."""

    def event(self, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> None: ...

    def fingerprint(self, commands: Sequence[CallCommand]) -> Seal: ...

    def keep(self, now: float, event: CallEvent, seal: Seal) -> None: ...

    def redacted(self) -> None: ...

    def record(self, entry: AnyEntry) -> None: ...

    def audio(self, track: Track, at_samples: int, ulaw: bytes) -> None: ...

    def close(self, reason: EndedReason) -> None: ...


class Sink(Way, Protocol):
    """A call's journal, as `telephony.transcripts.journal.Journal`."""

    def passed_over(self) -> None:
        """An event that is not kept."""


class Standing(Enum):
    """What passes."""

    OPEN = "open"
    WAITING = "waiting"
    METADATA = "metadata"


_OPEN: Final = Standing.OPEN
"""To ask the class for it takes longer than most of what depends on it."""


@dataclass(frozen=True, slots=True)
class _Event:
    now: float
    event: CallEvent
    seal: Seal


@dataclass(frozen=True, slots=True)
class _Redacted:
    """From here on events are not kept as they were."""


@dataclass(frozen=True, slots=True)
class _Audio:
    track: Track
    at_samples: int
    ulaw: bytes


_Piece = _Event | _Audio | _Redacted | AnyEntry


class Withholding:
    """Stands before the journal of one call; it goes by the ConsentLine the call itself writes."""

    def __init__(self, journal: Sink, standing: Standing = Standing.OPEN) -> None:
        self._journal = journal
        self._standing = standing
        self._held: list[_Piece] = []
        self._untold: list[CallCommand] = []
        """Lines others may know of once the caller agrees."""

    @property
    def way(self) -> Way:
        """Where events and lines are to go: past this where all may be kept in any case."""
        if self.open:
            return self._journal
        return self

    # ---- what a session calls ------------------------------------------------------------------

    def event(self, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> None:
        """One event and its answer."""
        self.keep(now, event, self.fingerprint(commands))

    def fingerprint(self, commands: Sequence[CallCommand]) -> Seal:
        """Of an event's answer; a ConsentLine in it decides at once, also about what comes late."""
        if self._standing is not _OPEN and self._standing is Standing.WAITING:
            self._decide(each.entry for each in commands if isinstance(each, Record))
        return self._journal.fingerprint(commands)

    def keep(self, now: float, event: CallEvent, seal: Seal) -> None:
        if self._standing is _OPEN:
            self._journal.keep(now, event, seal)
        else:
            self._put(_Event(now, event, seal))

    def redacted(self) -> None:
        self._put(_Redacted())

    def record(self, entry: AnyEntry) -> None:
        self._decide([entry])
        self._put(entry)

    def audio(self, track: Track, at_samples: int, ulaw: bytes) -> None:
        if self._standing is _OPEN:
            self._journal.audio(track, at_samples, ulaw)
        else:
            self._put(_Audio(track, at_samples, ulaw))

    def close(self, reason: EndedReason) -> None:
        """A call that ends without an answer has not agreed."""
        if self._standing is Standing.WAITING:
            self._settle(Standing.METADATA)
        self._journal.close(reason)

    def told(self, commands: Sequence[CallCommand]) -> Sequence[CallCommand]:
        """What of these others may know: another process that goes on with it, those who look on;
        after `event`."""
        if self._standing is _OPEN:
            if not self._untold:
                return commands
            untold, self._untold = self._untold, []
            return [*untold, *commands]
        if self._standing is Standing.METADATA:
            untold, self._untold = self._untold, []
            return _all_without_content([*untold, *commands])
        self._untold += [each for each in commands if _content(each)]
        return _all_without_content([each for each in commands if not _content(each)])

    def seen(self, event: CallEvent) -> CallEvent:
        """What of it those who look on may know; after it was kept."""
        return event if self.open else _nothing_said(event)

    @property
    def open(self) -> bool:
        """Words may be kept now."""
        return self._standing is Standing.OPEN

    # ---- deciding ------------------------------------------------------------------------------

    def _decide(self, entries: Iterable[AnyEntry]) -> None:
        for entry in entries:
            if isinstance(entry, ConsentLine) and self._standing is Standing.WAITING:
                self._settle(Standing.OPEN if entry.answer.allows else Standing.METADATA)

    def _settle(self, standing: Standing) -> None:
        """Write what was held, or let go of it."""
        self._standing = standing
        held, self._held = self._held, []
        for each in held:
            self._put(each)

    def _put(self, what: _Piece) -> None:
        match self._standing:
            case Standing.OPEN:
                self._write(what)
            case Standing.METADATA:
                self._write_bare(what)
            case Standing.WAITING:
                if len(self._held) < MOST_HELD:
                    self._held.append(what)

    def _write(self, what: _Piece) -> None:
        match what:
            case _Event(now, event, seal):
                self._journal.keep(now, event, seal)
            case _Redacted():
                self._journal.redacted()
            case _Audio(track, at_samples, ulaw):
                self._journal.audio(track, at_samples, ulaw)
            case _:
                self._journal.record(what)

    def _write_bare(self, what: _Piece) -> None:
        match what:
            case _Event():
                self._journal.passed_over()
            case _Audio() | _Redacted():
                """Nobody wants it kept."""
            case _:
                if (bare := metadata(what)) is not None:
                    self._journal.record(bare)


def standing(terms: ConsentTerms | None, before: Iterable[AnyEntry]) -> Standing:
    """How a call begins that goes by these terms, and had these lines in another process."""
    answers = [entry.answer for entry in before if isinstance(entry, ConsentLine)]
    if answers:
        return Standing.OPEN if answers[-1].allows else Standing.METADATA
    asks = terms is not None and terms.mode is not ConsentMode.NONE
    return Standing.WAITING if asks else Standing.OPEN


def metadata(entry: AnyEntry) -> AnyEntry | None:
    """The entry without what anybody said or typed; None: there is nothing else to it."""
    match entry:
        case AgentLine() | CallerLine() | DtmfLine() | ClaimLine():
            return None
        case ToolLine():
            return structs.replace(entry, arguments="{}", output="")
        case OperatorLine():
            return structs.replace(entry, words="")
        case _:
            return entry


def _content(command: CallCommand) -> bool:
    """Told later, where it may be told at all. What the staff does is told at once: they wait."""
    match command:
        case Record(entry=OperatorLine()):
            return False
        case Record(entry):
            return metadata(entry) != entry
        case _:
            return False


def _all_without_content(commands: Iterable[CallCommand]) -> list[CallCommand]:
    bare = (_without_content(each) for each in commands)
    return [each for each in bare if each is not None]


def _without_content(command: CallCommand) -> CallCommand | None:
    match command:
        case Record(entry):
            bare = metadata(entry)
            return None if bare is None else Record(bare)
        case RunTool():
            return structs.replace(command, arguments="{}", evidence=Evidence())
        case StoreAudio(ulaw=ulaw):
            return structs.replace(command, ulaw=SILENCE * len(ulaw))
        case PlayAudio() | Say() | Inform() | Remember() | ToolOutput() | TruncateItem():
            return None
        case _:
            return command


def _nothing_said(event: CallEvent) -> CallEvent:
    """That it happened, when, and nothing else."""
    match event:
        case CallerAudio():
            return structs.replace(event, ulaw=b"")
        case AudioDelta():
            return structs.replace(event, audio=b"")
        case CallerTranscript() | TextDelta():
            return structs.replace(event, text="")
        case DtmfPressed():
            return structs.replace(event, digit="")
        case ToolCalled():
            return structs.replace(event, arguments="{}")
        case ToolFinished():
            return structs.replace(event, output="")
        case ToolWaits() | OperatorActs():
            return structs.replace(event, words="")
        case _:
            return event
