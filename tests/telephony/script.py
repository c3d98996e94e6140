"""Tells a call as a story: at this time this happens, and these commands must follow."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

from agents.engine import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    Capabilities,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
)
from agents.persona import Persona
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    Note,
    PlaceMark,
    PlayAudio,
    Record,
    StoreAudio,
)
from telephony.call.config import CallConfig, Limits, TurnTaking
from telephony.call.events import CallEvent, DeadlineReached, MarkEchoed, StreamStarted
from telephony.call.machine import Call
from telephony.transcripts.entry import AnyEntry

ONE_SECOND = b"\x55" * 8_000
APOLOGY = b"\x2a" * 4_000

CAPABILITIES = Capabilities(
    name="scripted",
    input_format=AudioFormat.ULAW_8K,
    output_format=AudioFormat.ULAW_8K,
    cancels_on_speech=True,
    truncates=True,
)

# What most stories are not about: they are told apart by their own assertions.
QUIET = (StoreAudio, AppendAudio, Record, Note, PlayAudio, PlaceMark)


def seconds(duration_s: float) -> bytes:
    return b"\x55" * round(8_000 * duration_s)


class Script:
    """A call under test and its clock. `when` checks commands, `entries` what was written."""

    def __init__(
        self,
        capabilities: Capabilities = CAPABILITIES,
        limits: Limits = Limits(),  # noqa: B008, frozen
        apology: bytes = APOLOGY,
        turn_taking: TurnTaking = TurnTaking(),  # noqa: B008, frozen
    ) -> None:
        persona = Persona(greeting="Hello.")
        self.config = CallConfig("CA1", persona, capabilities, limits, apology, turn_taking)
        self.call = Call(self.config)
        self.now = 0.0
        self.prompt = True
        """The carrier tells of a `clear` at once; False: the story says when it does."""
        self.said: list[CallCommand] = []
        self.last: list[CallCommand] = []

    # ---- telling -------------------------------------------------------------------------------

    def happens(self, *events: CallEvent) -> Self:
        """Events without a claim about what follows; `last` has the commands of all of them."""
        self.last = []
        for event in events:
            self.last += self._answers(event)
        self.said += self.last
        return self

    def _answers(self, event: CallEvent) -> list[CallCommand]:
        """What follows from it, and on a prompt line from the echo behind a `clear`."""
        commands = self.call.handle(event, self.now)
        if self.prompt:
            for before, command in list(pairwise(commands)):
                if isinstance(before, ClearPlayback) and isinstance(command, PlaceMark):
                    commands += self.call.handle(MarkEchoed(command.name), self.now)
        return commands

    def when(self, event: CallEvent, *expected: CallCommand | type) -> Self:
        """One event, and everything that must follow but bookkeeping and playback."""
        self.happens(event)
        wanted = [command for command in self.last if self._told(command, expected)]
        assert len(wanted) == len(expected), f"{event} gave {wanted}"
        for command, want in zip(wanted, expected, strict=True):
            matches = isinstance(command, want) if isinstance(want, type) else command == want
            assert matches, f"{event} gave {command}, not {want}"
        return self

    @staticmethod
    def _told(command: CallCommand, expected: Sequence[CallCommand | type]) -> bool:
        named = tuple(want if isinstance(want, type) else type(want) for want in expected)
        return isinstance(command, named) or not isinstance(command, QUIET)

    def wait(self, duration_s: float) -> Self:
        """Let time pass, waking the call at its deadlines like the session's timer would."""
        end_s = self.now + duration_s
        while (deadline := self.call.next_deadline()) is not None and deadline <= end_s:
            before = self.now
            self.now = max(self.now, deadline)
            self.said += (commands := self.call.handle(DeadlineReached(), self.now))
            self.last = commands
            again = self.call.next_deadline()
            assert commands or self.now > before or again != deadline, "deadline does not move"
        self.now = end_s
        return self

    def until_s(self, moment_s: float) -> Self:
        return self.wait(moment_s - self.now)

    # ---- common beginnings ---------------------------------------------------------------------

    def begins(self) -> Self:
        self.when(StreamStarted("MZ1"), PlaceMark("0:0:0"))
        self.happens(MarkEchoed("0:0:0"))
        return self.when(EngineReady("s1"), Say("Hello."))

    def speaks(self, audio: bytes, item: str = "item_1", text: str = "", reply: str = "r1") -> Self:
        """The engine begins a reply and delivers this much of it."""
        self.happens(ResponseStarted(reply))
        return self.more(audio, item, text, reply)

    def more(self, audio: bytes, item: str = "item_1", text: str = "", reply: str = "r1") -> Self:
        if text:
            self.happens(TextDelta(reply, item, text))
        return self.happens(AudioDelta(reply, item, 0, audio))

    def finishes(self, item: str = "item_1", reply: str = "r1") -> Self:
        done = ResponseDone(reply, ResponseStatus.COMPLETED)
        return self.happens(ItemDone(reply, item), done)

    def echoes(self, *names: str) -> Self:
        return self.happens(*(MarkEchoed(name) for name in names))

    # ---- asking --------------------------------------------------------------------------------

    def entries(self, *kinds: type) -> list[Any]:
        written: list[AnyEntry] = [c.entry for c in self.said if isinstance(c, Record)]
        return [entry for entry in written if not kinds or isinstance(entry, kinds)]

    def notes(self) -> list[str]:
        return [command.code for command in self.said if isinstance(command, Note)]

    def marks(self) -> list[str]:
        return [command.name for command in self.said if isinstance(command, PlaceMark)]


def live(
    capabilities: Capabilities = CAPABILITIES,
    limits: Limits = Limits(),  # noqa: B008, frozen
    apology: bytes = APOLOGY,
) -> Script:
    """A call that is up, on a line without delay, whose greeting was asked for and not begun."""
    return Script(capabilities, limits, apology).begins()
