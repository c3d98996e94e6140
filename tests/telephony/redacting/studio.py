"""A call on a clock of its own, recorded through `Withheld` as a session records it."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    TextDelta,
    ToolCalled,
)
from agents.persona import Persona
from telephony.call.commands import CallCommand, PlaceMark, Record, StoreAudio, Track
from telephony.call.config import CallConfig
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.redacting.conversation import Conversation
from telephony.redacting.withheld import Kept, Withheld
from telephony.transcripts.entry import AgentLine, AnyEntry, CallerLine, EndedReason
from telephony.transcripts.journal import Journal, JournalWriter
from telephony.transcripts.records import CommandDigest, Happened, Seal, frame
from tests.fakes.scripted_engine import CAPABILITIES
from tools.redacting.kinds import DEFAULT, Kinds

VOICE = b"\x10"
"""A sound that is not silence."""
FRAME_S = 0.02
CARD = "4111111111111111"
CONFIG = CallConfig("CA1", Persona(greeting=""), CAPABILITIES)


class Tape:
    """Takes what a journal takes, and keeps it as it came: what it holds, a disk would."""

    def __init__(self) -> None:
        self.frames = bytearray()
        self.entries: list[AnyEntry] = []
        self.tracks: dict[Track, bytearray] = {track: bytearray() for track in Track}
        self.closed: EndedReason | None = None
        self.redactions = 0
        self.plain_events = 0
        self._digest = CommandDigest()

    def event(self, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> None:
        self.plain_events += 1
        self.keep(now, event, self.fingerprint(commands))

    def fingerprint(self, commands: Sequence[CallCommand]) -> Seal:
        return Seal(self._digest.add(commands))

    def keep(self, now: float, event: CallEvent, seal: Seal) -> None:
        self.frames += frame(Happened(now, seal.crc, event))

    def redacted(self) -> None:
        self.redactions += 1

    def record(self, entry: AnyEntry) -> None:
        self.entries.append(entry)

    def passed_over(self) -> None:
        """An event of which nothing is kept."""

    def audio(self, track: Track, at_samples: int, ulaw: bytes) -> None:
        held = self.tracks[track]
        held += b"\xff" * (at_samples - len(held))
        held[at_samples : at_samples + len(ulaw)] = ulaw

    def close(self, reason: EndedReason) -> None:
        self.closed = reason

    @property
    def text(self) -> str:
        """All text of it."""
        return self.frames.decode("latin-1") + msgspec.json.encode(self.entries).decode()

    def said(self) -> list[str]:
        return [e.text for e in self.entries if isinstance(e, AgentLine | CallerLine)]

    def silent_s(self, track: Track) -> list[tuple[float, float]]:
        """Where the recording is silent for more than a tenth of a second."""
        found = []
        began: int | None = None
        samples = bytes(self.tracks[track]) + VOICE
        for at in range(0, len(samples), 80):
            quiet = samples[at : at + 80].strip(b"\xff") == b""
            if quiet and began is None:
                began = at
            if not quiet and began is not None:
                if at - began > 800:
                    found.append((began / 8_000, at / 8_000))
                began = None
        return found


class Studio:
    """One call; every method takes time on its clock."""

    def __init__(self, kept: Kept | None = None, kinds: Kinds = DEFAULT) -> None:
        self.tape = Tape()
        self.call = Call(CONFIG)
        self.conversation = Conversation(kinds, "US")
        self.corrected: list[AnyEntry] = []
        self.withheld = Withheld(
            self.tape if kept is None else kept, self.conversation, self.corrected.append
        )
        self.now = 0.0
        self.shown: list[tuple[CallEvent, Sequence[CallCommand]]] = []
        self.asked: list[CallCommand] = []
        self._marks: list[tuple[float, str]] = []
        self._items = 0
        self.feed(StreamStarted("MZ1"))
        self.feed(EngineReady("s"))

    def feed(self, *events: CallEvent) -> None:
        for event in events:
            commands = self.call.handle(event, self.now)
            self.withheld.event(self.now, event, commands)
            self.shown.append(self.withheld.shown(event, commands))
            for command in commands:
                self._perform(command)

    def _perform(self, command: CallCommand) -> None:
        self.asked.append(command)
        match command:
            case StoreAudio(track, at_samples, ulaw):
                self.withheld.audio(track, at_samples, ulaw)
            case Record(entry):
                self.withheld.record(entry)
            case PlaceMark(name):
                self._marks.append((self.now + 0.05, name))

    def passes(self, seconds: float) -> None:
        """The line is open: the caller's side carries sound all the time."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now = round(self.now + FRAME_S, 3)
            while self._marks and self._marks[0][0] <= self.now:
                self.feed(MarkEchoed(self._marks.pop(0)[1]))
            self.feed(CallerAudio(VOICE * 160, round(self.now * 1000) - 20))

    def caller(self, text: str | None, seconds: float = 3.0, words_after_s: float = 0.5) -> None:
        """Speaks, and is written down a little later; None: never."""
        self._items += 1
        item = f"u{self._items}"
        self.feed(CallerSpeechStarted(item, round(self.now * 1000)))
        self.passes(seconds)
        self.feed(CallerSpeechStopped(item, round(self.now * 1000)))
        self.passes(words_after_s)
        if text is not None:
            self.feed(CallerTranscript(item, text))

    def agent(self, text: str, seconds: float = 2.0) -> None:
        """A reply, its words a little ahead of its sound, heard to its end."""
        self._items += 1
        item, response = f"a{self._items}", f"r{self._items}"
        words = text.split(" ")
        self.feed(ResponseStarted(response))
        share = round(seconds * 8_000 / len(words))
        for number, word in enumerate(words):
            blank = " " if number else ""
            self.feed(TextDelta(response, item, blank + word))
            self.feed(AudioDelta(response, item, 0, VOICE * share))
        self.feed(ItemDone(response, item), ResponseDone(response, ResponseStatus.COMPLETED))
        start = self.now
        while self._marks or self.now < start + seconds:
            self._play()

    def _play(self) -> None:
        """The carrier echoes marks as playback gets to them, one each tenth of a second."""
        waiting, self._marks = self._marks, []
        for _, name in waiting:
            self.passes(0.1)
            self.feed(MarkEchoed(name))
        if not waiting:
            self.passes(0.1)

    def tool(self, arguments: str, output: str) -> None:
        self._items += 1
        call = f"t{self._items}"
        self.feed(
            ToolCalled("r", call, "book", arguments), ToolFinished(call, "book", "done", output)
        )

    def ends(self) -> None:
        self.feed(StreamStopped())
        self.withheld.close(EndedReason.CALLER_HUNG_UP)


def journal_of(writer: JournalWriter) -> Journal:
    return Journal.open(
        writer,
        call_id="CA1",
        started_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
        engine="scripted",
        config=msgspec.msgpack.encode(CONFIG),
        failed=lambda code: None,
    )
