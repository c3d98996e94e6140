"""A call in virtual time with models that die, freeze, slow down or talk nonsense when told to."""

import heapq
from collections.abc import Callable
from enum import Enum
from itertools import count

import msgspec

from agents.engine import (
    Answer,
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    EngineFailed,
    EngineNotice,
    EngineReady,
    ItemDone,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
)
from agents.persona import Persona
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    CloseStream,
    EndCall,
    HangUp,
    LeaveEngine,
    OpenEngine,
    PlaceMark,
    PlayAudio,
    Record,
    RunTool,
    SeatEngine,
)
from telephony.call.config import CallConfig, Limits, Rung
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DeadlineReached,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
    SuccessorFailed,
    SuccessorReady,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.seatids import SeatIds
from telephony.transcripts.entry import AnyEntry, EndLine
from tests.telephony.script import APOLOGY, CAPABILITIES, seconds

READY_S = 0.3
"""A session is ready so long after it was opened."""
THINKS_S = 0.6
TOOL_S = 1.0
FRAME_S = 0.02
QUIET = b"\xff" * 160
LOUD, SOFT = b"\x10" * 160, b"\x28" * 160
"""A voice rises and falls."""
ASKED = msgspec.structs.replace(CAPABILITIES, answers_on_request=True, cancels_on_speech=False)


class Harm(Enum):
    """What is done to a model."""

    NONE = "none"
    KILLED = "killed"
    FROZEN = "frozen"
    SLOWED = "slowed"
    CORRUPTED = "corrupted"


class Model:
    """One session: answers each of the caller's turns, calls a tool in the second one."""

    def __init__(self, bed: "Deathbed", seat: int, harm: Harm) -> None:
        self.bed = bed
        self.ids = SeatIds(seat)
        self.seat = seat
        self.harm = harm
        self._numbers = count(1)
        self._speaking = False
        self._quiet_frames = 0
        self._appended_ms = 0
        self._item = ""

    def tell(self, after_s: float, *events: AnyEngineEvent) -> None:
        """Say this in a while, in whatever state the model then is."""
        self.bed.later(after_s, lambda: self._told(*events))

    def _told(self, *events: AnyEngineEvent) -> None:
        if self.harm is Harm.FROZEN:
            return
        if self.harm is Harm.SLOWED:
            self.bed.later(5.0, lambda: self._heard(*events))
        elif self.harm is Harm.CORRUPTED:
            self._heard(EngineNotice("bad_message_no_json"))
        else:
            self._heard(*events)

    def _heard(self, *events: AnyEngineEvent) -> None:
        for event in events:
            self.bed.from_engine(self.seat, self.ids.event(event))

    def harmed(self, harm: Harm) -> None:
        self.harm = harm
        if harm is Harm.KILLED:
            self._heard(EngineFailed("connection_lost", fatal=False))

    def obey(self, command: AnyEngineCommand) -> None:
        match command:
            case AppendAudio(audio):
                self._hear(audio)
            case Say(text):
                self._speak(text, 0.1)
            case Answer():
                self._answer()
            case Remember(answer=True) | ToolOutput(respond=True):
                self._speak("Here is your answer, dear caller.", THINKS_S)
            case _:
                pass

    def _hear(self, audio: bytes) -> None:
        for at in range(0, len(audio), 160):
            loud = audio[at : at + 160] != QUIET
            self._appended_ms += 20
            self._quiet_frames = 0 if loud else self._quiet_frames + 1
            if loud and not self._speaking:
                self._speaking, self._item = True, f"u{next(self._numbers)}"
                self.tell(0.0, CallerSpeechStarted(self._item, self._appended_ms - 20))
            elif self._speaking and self._quiet_frames == 25:
                self._speaking = False
                self._turn()

    def _turn(self) -> None:
        self.tell(0.0, CallerSpeechStopped(self._item, self._appended_ms - 500))
        self.tell(0.3, CallerTranscript(self._item, "At three, please."))

    def _answer(self) -> None:
        self.bed.turns += 1
        if self.bed.turns == 2:
            reply = f"r{next(self._numbers)}"
            called = ToolCalled(reply, f"c{reply}", "book", '{"day": 1}')
            done = ResponseDone(reply, ResponseStatus.COMPLETED)
            self.tell(THINKS_S, ResponseStarted(reply), called, done)
        else:
            self._speak("That is a good question, dear caller.", THINKS_S)

    def _speak(self, text: str, after_s: float) -> None:
        number = next(self._numbers)
        reply, item = f"r{number}", f"i{number}"
        pieces = [seconds(0.5)] * 4
        self.tell(after_s, ResponseStarted(reply), TextDelta(reply, item, text))
        for index, piece in enumerate(pieces):
            self.tell(after_s + 0.15 * index, AudioDelta(reply, item, 0, piece))
        done = ResponseDone(reply, ResponseStatus.COMPLETED)
        self.tell(after_s + 0.15 * len(pieces), ItemDone(reply, item), done)


class Deathbed:
    """Carrier, caller and tools of one call, and its sessions one after another."""

    def __init__(self, rungs: tuple[str, ...], later_harm: Callable[[str], Harm]) -> None:
        """`later_harm` says what is wrong with each further session of an engine."""
        limits = Limits(filler_after_s=1.2)
        config = CallConfig("CA1", Persona(greeting="Hello."), ASKED, limits, APOLOGY)
        self.config = msgspec.structs.replace(
            config,
            rungs=tuple(Rung(name, ASKED) for name in rungs),
            filler_ulaw=seconds(0.6),
        )
        self.call = Call(self.config)
        self.now = 0.0
        self.turns = 0
        self.entries: list[AnyEntry] = []
        self.ended = False
        self.ran: list[str] = []
        self.first = Model(self, 0, Harm.NONE)
        self._rungs = rungs
        self._later_harm = later_harm
        self._seated: Model | None = self.first
        self._next: Model | None = None
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._playing_until_s = 0.0
        self._voice_until_s = 0.0

    # ---- time -----------------------------------------------------------------------------------

    def later(self, after_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + after_s, next(self._order), act))

    def until(self, moment_s: float) -> None:
        while not self.ended:
            due_s = self.call.next_deadline()
            next_s = min(self._queue[0][0], moment_s if due_s is None else due_s)
            if next_s > moment_s:
                break
            self.now = max(self.now, next_s)
            if self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            else:
                self.deliver(DeadlineReached())
        self.now = max(self.now, moment_s)

    # ---- what happens ---------------------------------------------------------------------------

    def begin(self) -> "Deathbed":
        self._frame()
        self.deliver(StreamStarted("MZ1"))
        self.first.tell(READY_S, EngineReady("s"))
        return self

    def speaks(self, from_s: float, lasts_s: float) -> None:
        """The caller will."""
        self.later(from_s - self.now, lambda: self._voice(lasts_s))

    def _voice(self, lasts_s: float) -> None:
        self._voice_until_s = self.now + lasts_s

    def _frame(self) -> None:
        voice = LOUD if round(self.now / 0.1) % 2 else SOFT
        sound = voice if self.now < self._voice_until_s else QUIET
        self.deliver(CallerAudio(sound, round(self.now * 1000)))
        self.later(FRAME_S, self._frame)

    def from_engine(self, seat: int, event: AnyEngineEvent) -> None:
        if self._seated is not None and self._seated.seat == seat:
            self.deliver(event)
        elif self._next is not None and self._next.seat == seat:
            if isinstance(event, EngineReady):
                self.deliver(SuccessorReady(seat))
            elif isinstance(event, EngineFailed):
                self.deliver(SuccessorFailed(seat, event.reason, event.fatal))

    def deliver(self, event: CallEvent) -> None:
        if self.ended:
            return
        for command in self.call.handle(event, self.now):
            self._perform(command)

    def _perform(self, command: CallCommand) -> None:  # noqa: C901, one flat table
        match command:
            case PlayAudio(ulaw):
                self._playing_until_s = max(self._playing_until_s, self.now) + len(ulaw) / 8_000
            case PlaceMark(name):
                at_s = max(0.0, self._playing_until_s - self.now) + 0.05
                self.later(at_s, lambda: self.deliver(MarkEchoed(name)))
            case ClearPlayback():
                self._playing_until_s = self.now
            case RunTool(tool_call_id, name):
                self.ran.append(name)
                done = ToolFinished(tool_call_id, name, "done", '{"message": "Booked."}')
                self.later(TOOL_S, lambda: self.deliver(done))
            case OpenEngine(seat, rung):
                self._open(seat, rung)
            case SeatEngine():
                self._seated, self._next = self._next, None
            case LeaveEngine(seat):
                self._seated = None if self._seated and self._seated.seat == seat else self._seated
                self._next = None if self._next and self._next.seat == seat else self._next
            case Record(entry):
                self.entries.append(entry)
            case HangUp() | CloseStream():
                self.later(0.1, lambda: self.deliver(StreamStopped()))
            case EndCall():
                self.ended = True
            case _ if isinstance(command, AnyEngineCommand) and self._seated is not None:
                self._seated.obey(command)
            case _:
                pass

    def _open(self, seat: int, rung: int) -> None:
        harm = self._later_harm(self._rungs[rung])
        model = self._next = Model(self, seat, harm)
        if harm is Harm.KILLED:
            gone = EngineFailed("connect_refused", fatal=False)
            self.later(0.02, lambda: self.from_engine(seat, gone))
        else:
            model.tell(READY_S, EngineReady("s"))

    # ---- what became of it ----------------------------------------------------------------------

    def hang_up(self) -> EndLine:
        self.deliver(StreamStopped())
        (line,) = [entry for entry in self.entries if isinstance(entry, EndLine)]
        return line
