"""What is kept of a call, held back until it is known what of it may be kept.

Words come after their sound, and a number may take several turns to say. So everything on its
way to the disk waits in one queue, in order, until nothing before it is in question: the
utterance whose words have not come, the reply of which not all has come, the number that may go
on. What is told to others at once (the onlookers, the state kept for another process) goes
without whatever may turn out to be sensitive.

What waits is lost in a crash, and never written as it was: that is the price.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec
from msgspec import structs

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    ItemDone,
    TextDelta,
    ToolCalled,
)
from telephony.call.commands import CallCommand, Record, StoreAudio, Track
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    MarkEchoed,
    OperatorActs,
    ToolFinished,
    ToolWaits,
)
from telephony.redacting.conversation import Conversation, Line
from telephony.redacting.lines import AGENT, CALLER, TELLING, Lines, key_of, part_of
from telephony.redacting.timing import (
    RATE,
    SILENCE,
    Stretch,
    of_agent,
    of_caller,
    silenced,
    whole,
)
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
)
from telephony.transcripts.records import Seal
from tools.redacting.kinds import blotted

LEAST_S: Final = 3.0
"""Everything waits so long: it takes an engine a moment to notice that somebody speaks."""
LATEST_S: Final = 10.0
"""Or, of an engine that is slower to notice it, longer; but not longer than this."""
LOOK_S: Final = 0.1
WORDS_S: Final = 10.0
"""Words of an utterance that take longer never come (`telephony.call.testimony.LOST_MS`)."""
GOES_ON_S: Final = 30.0
"""A number that was begun is waited for so long."""
LONGEST_S: Final = 60.0
"""Nothing waits longer; the caller's voice without words is then not kept."""
MOST_BYTES: Final = 8 << 20
"""What has waited longest is then treated as if it had waited too long."""
_LOOK_BACK = 160
_CALLER: Final = Track.CALLER
_SENT: Final = Track.SENT
"""To ask the class for them takes longer than what depends on it."""
_EVENT_BYTES = 400
_ENTRY_BYTES = 600
"""Of memory, near enough."""


class Kept(Protocol):
    """Where it goes: `telephony.transcripts.journal.Journal`."""

    def event(self, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> None: ...

    def fingerprint(self, commands: Sequence[CallCommand]) -> Seal: ...

    def keep(self, now: float, event: CallEvent, seal: Seal) -> None: ...

    def redacted(self) -> None: ...

    def record(self, entry: AnyEntry) -> None: ...

    def audio(self, track: Track, at_samples: int, ulaw: bytes) -> None: ...

    def close(self, reason: EndedReason) -> None: ...


class _Event(msgspec.Struct, frozen=True, gc=False):
    now: float
    event: CallEvent
    seal: Seal
    at: int
    """Of audio its place in the recording, of text its place in the item."""
    size: int


class _Entry(msgspec.Struct, frozen=True, gc=False):
    now: float
    entry: AnyEntry
    shown: AnyEntry


class _Audio(msgspec.Struct, frozen=True, gc=False):
    now: float
    track: Track
    at_samples: int
    ulaw: bytes
    item: str = ""
    """Which of the agent's items it was sent for, where that is known."""


class _Open:
    """Something of which it is not known yet what may be kept."""

    def __init__(self, since: float, noticed: float) -> None:
        self.since = since
        self.noticed = noticed
        self.stopped: float | None = None
        """When the caller fell silent."""
        self.text = ""

    def add(self, text: str) -> int:
        """Words of the agent; where they begin."""
        at = len(self.text)
        self.text += text
        return at


class Withheld:
    """One call's way to its journal. Methods are those of the journal, and as quick."""

    def __init__(
        self,
        kept: Kept,
        conversation: Conversation,
        corrected: Callable[[AnyEntry], None] = lambda entry: None,
    ) -> None:
        """`corrected(entry)` is told what a line is at last, where `shown` had hidden more or
        less of it."""
        self._kept = kept
        self._talk = conversation
        self._corrected = corrected
        self._queue: deque[_Event | _Entry | _Audio] = deque()
        self._bytes = 0
        self._now = self._look_s = 0.0
        self._least_s = LEAST_S
        self._open: dict[str, _Open] = {}
        self._known = Lines(conversation)
        self._lines = self._known.lines
        self._entries: dict[str, AgentLine | CallerLine] = {}
        """Those of lines that are open."""
        self._told_s: float | None = None
        """When a number was begun, or went on, that may go on further."""
        self._stretches: dict[Track, list[Stretch]] = {}
        """What is silenced of each; mostly nothing of any."""
        self._dirty: set[str] = set()
        """Items of the agent that hold what is not kept."""
        self._item = ""
        """The one audio came of last: what is sent again is most likely of it."""
        self._telling: set[str] = set()
        """Items of the agent with what may be sensitive, which somebody may be hearing now."""
        self._muted: frozenset[Track] = frozenset()
        """Of these nothing is to be heard by those who listen in."""

    # ---- what the journal is given ---------------------------------------------------------------

    def event(self, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> None:
        if not self._talk.kinds:
            self._kept.event(now, event, commands)
            return
        self._now = now
        if now >= self._look_s:
            self._release()
        seal = self._kept.fingerprint(commands)
        at = self._listen(event, commands)
        size = _EVENT_BYTES
        if isinstance(event, AudioDelta):
            size += len(event.audio)
        elif isinstance(event, CallerAudio):
            size += _EVENT_BYTES * len(event.echoes)
        self._queue.append(_Event(now, event, seal, at, size))
        self._bytes += size

    def record(self, entry: AnyEntry) -> None:
        if not self._talk.kinds:
            self._kept.record(entry)
            return
        if isinstance(entry, AgentLine | CallerLine):
            self._spoken(entry)
        self._queue.append(_Entry(self._now, entry, self._known.shown_entry(entry)))
        self._bytes += _ENTRY_BYTES

    def audio(self, track: Track, at_samples: int, ulaw: bytes) -> None:
        if not self._talk.kinds:
            self._kept.audio(track, at_samples, ulaw)
            return
        item = self._item if track is _SENT else ""
        self._queue.append(_Audio(self._now, track, at_samples, ulaw, item))
        self._bytes += len(ulaw)

    def close(self, reason: EndedReason) -> None:
        """All that waits is given out, and the journal closed."""
        for key in tuple(self._open):
            self._finish(key)
        self._resolve(self._talk.settle())
        while self._queue:
            self._give(self._queue.popleft())
        self._kept.close(reason)

    # ---- what others are told at once ------------------------------------------------------------

    def shown(
        self, event: CallEvent, commands: Sequence[CallCommand]
    ) -> tuple[CallEvent, Sequence[CallCommand]]:
        """For those who cannot wait: without all that may be sensitive. After `event`."""
        if not self._talk.kinds:
            return event, commands
        if any(type(command) in TELLING for command in commands):
            commands = [self._known.shown_command(command) for command in commands]
        return self._shown_event(event), self.audible(commands)

    def audible(self, commands: Sequence[CallCommand]) -> Sequence[CallCommand]:
        """For those who listen in. Sound goes out before its words are known: while something that
        may not be kept is to be expected of a side, that side is silent."""
        if not self._muted:
            return commands
        return [
            structs.replace(command, ulaw=SILENCE * len(command.ulaw))
            if isinstance(command, StoreAudio) and command.track in self._muted
            else command
            for command in commands
        ]

    def _mute(self) -> None:
        """Something was said: who may be heard now?"""
        tracks = {Track.HEARD} if self._telling else set()
        if self._talk.awaits(CALLER):
            tracks.add(Track.CALLER)
        self._muted = frozenset(tracks)

    def scrub(self, text: str) -> str:
        """Any other text of the call, without what may not be kept."""
        return self._talk.scrub(text)

    def _shown_event(self, event: CallEvent) -> CallEvent:
        match event:
            case CallerTranscript(item_id=item_id, text=text):
                line = self._lines.get(key_of(CALLER, item_id))
                shown = self._talk.shown(line) if line else self.scrub(text)
                return structs.replace(event, text=shown)
            case TextDelta(item_id=item_id, text=text):
                return structs.replace(event, text=self._shown_piece(item_id, text))
            case ToolCalled() | ToolFinished() | ToolWaits() | OperatorActs():
                return self._known.tool_event(event)
            case _:
                return event

    def _shown_piece(self, item_id: str, text: str) -> str:
        """Pieces come one by one: whatever is a number already in them is blotted out."""
        opened = self._open.get(key_of(AGENT, item_id))
        so_far = opened.text[-_LOOK_BACK:] if opened else text
        spans = self._talk.glimpsed(so_far)
        if spans and opened and item_id not in self._telling:
            self._telling.add(item_id)
            self._mute()
        return blotted(so_far, spans)[-len(text) :] if spans and text else text

    # ---- what is heard of the conversation -------------------------------------------------------

    def _listen(self, event: CallEvent, commands: Sequence[CallCommand]) -> int:
        """Take up what is said; the place of the event's own audio or text."""
        match event:
            case MarkEchoed():
                return 0
            case CallerAudio():
                return _place(commands)
            case CallerSpeechStarted(item_id=item_id):
                self._begin(key_of(CALLER, item_id))
            case CallerSpeechStopped(item_id=item_id):
                self._begin(key_of(CALLER, item_id)).stopped = self._now
            case CallerTranscript(item_id=item_id, text=text):
                self._words(key_of(CALLER, item_id), text, commands)
            case TextDelta(item_id=item_id, text=text):
                return self._begin(key_of(AGENT, item_id)).add(text)
            case AudioDelta(item_id=item_id):
                self._begin(key_of(AGENT, item_id))
                self._item = item_id
            case ItemDone(item_id=item_id):
                self._said(key_of(AGENT, item_id))
        return 0

    def _begin(self, key: str) -> _Open:
        """What is open by this key; of what is closed nothing is kept."""
        if key in self._lines:
            return self._open.get(key) or _Open(self._now, self._now)
        return self._open.setdefault(key, _Open(self._now - self._least_s, self._now))

    def _words(self, key: str, text: str, commands: Sequence[CallCommand]) -> None:
        """Of the caller; a line of the transcript follows, or nothing comes of them."""
        if key in self._lines:
            return
        self._begin(key)
        self._resolve(self._talk.take(key, CALLER, text))
        recorded = (c.entry for c in commands if isinstance(c, Record))
        if not any(isinstance(entry, CallerLine) for entry in recorded):
            self._open.pop(key, None)

    def _said(self, key: str) -> None:
        """All words of a reply are known."""
        opened = self._open.get(key)
        if opened is not None and key not in self._lines:
            self._resolve(self._talk.take(key, AGENT, opened.text))

    def _spoken(self, entry: AgentLine | CallerLine) -> None:
        """A line of the transcript: its times are known now."""
        speaker = AGENT if isinstance(entry, AgentLine) else CALLER
        key = key_of(speaker, entry.item_id)
        if isinstance(entry, CallerLine) and not entry.text and self._talk.awaits(CALLER):
            # Something was said that nobody could write down, where a number was asked for.
            self._silence(Track.CALLER, whole(entry))
        if isinstance(entry, CallerLine) and (opened := self._open.get(key)) is not None:
            late_s = opened.noticed - entry.start_ms / 1000
            self._least_s = min(max(self._least_s, late_s + 1), LATEST_S)
        self._entries[key] = entry
        if key in self._lines:
            self._settle(key)
        else:
            self._begin(key)
            self._resolve(self._talk.take(key, speaker, entry.text))
        if speaker == AGENT:
            # What is to be heard of it was heard.
            self._telling.discard(entry.item_id)
            self._mute()

    def _resolve(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self._lines[line.key] = line
            self._settle(line.key)
        if any(line.open for line in lines):
            self._told_s = self._now
        elif lines:
            self._told_s = None
        for line in lines:
            if line.speaker == AGENT:
                self._tells(line.key.partition(" ")[2], line.open or bool(line.spans))
        self._mute()

    def _tells(self, item_id: str, sensitive: bool) -> None:
        """All words of an item are known; it is heard until its line is written."""
        if sensitive and key_of(AGENT, item_id) in self._open:
            self._telling.add(item_id)
        else:
            self._telling.discard(item_id)

    def _settle(self, key: str) -> None:
        """Let go of what is known by now."""
        line, entry = self._lines[key], self._entries.get(key)
        if line.open:
            return
        if line.spans and line.speaker == AGENT:
            self._dirty.add(key.partition(" ")[2])
        if not line.spans and line.speaker == AGENT:
            self._open.pop(key, None)
        if entry is None:
            return
        del self._entries[key]
        self._open.pop(key, None)
        match entry:
            case CallerLine():
                self._silence(Track.CALLER, of_caller(line, entry))
            case AgentLine():
                self._silence(Track.HEARD, of_agent(line, entry))

    def _silence(self, track: Track, stretches: Sequence[Stretch]) -> None:
        """What is held is silenced on its way out; what is out already is written over."""
        if not stretches:
            return
        self._stretches.setdefault(track, []).extend(stretches)
        for stretch in stretches:
            held = (p.at_samples for p in self._queue if isinstance(p, _Audio) and p.track is track)
            end = min(stretch.end, min(held, default=round(self._now * RATE)))
            if stretch.start < end:
                self._kept.audio(track, stretch.start, SILENCE * (end - stretch.start))

    # ---- what may go to the disk -----------------------------------------------------------------

    def _release(self) -> None:
        """Give out what lies before everything in question; a few times a second is enough."""
        self._look_s = self._now + LOOK_S
        if self._told_s is not None and self._now - self._told_s > GOES_ON_S:
            self._resolve(self._talk.settle())
        full = self._bytes > MOST_BYTES
        for key, opened in tuple(self._open.items()):
            if full or self._overdue(key, opened):
                self._finish(key)
        if full:
            self._resolve(self._talk.settle())
        since = min((opened.since for opened in self._open.values()), default=self._now)
        until = min(since, self._now - self._least_s)
        queue = self._queue
        while queue and queue[0].now < until:
            self._give(queue.popleft())

    def _overdue(self, key: str, opened: _Open) -> bool:
        if key in self._lines and self._lines[key].open:
            return False
        if opened.stopped is not None and self._now - opened.stopped > WORDS_S:
            return True
        return self._now - opened.since > LONGEST_S

    def _finish(self, key: str) -> None:
        """What is known of it now has to do; of what is not known no sound is kept."""
        opened = self._open.pop(key)
        speaker, _, item_id = key.partition(" ")
        if speaker == AGENT and key not in self._lines:
            self._resolve(self._talk.take(key, AGENT, opened.text))
            self._open.pop(key, None)
        self._telling.discard(item_id)
        over = Stretch(round(max(0.0, opened.since) * RATE), round(self._now * RATE))
        if speaker == AGENT:
            if item_id in self._dirty:
                self._silence(Track.HEARD, [over])
        elif key not in self._lines and (opened.stopped is None or self._talk.awaits(CALLER)):
            self._silence(Track.CALLER, [over])
            if opened.stopped is None:
                self._open[key] = _Open(self._now, self._now)

    def _give(self, piece: _Event | _Entry | _Audio) -> None:
        if isinstance(piece, _Audio):
            self._give_audio(piece)
        elif isinstance(piece, _Event):
            self._bytes -= piece.size
            kept = self._kept_event(piece.event, piece.at)
            if kept is not piece.event:
                self._kept.redacted()
            self._kept.keep(piece.now, kept, piece.seal)
        else:
            self._bytes -= _ENTRY_BYTES
            final = self._known.kept_entry(piece.entry)
            self._kept.record(final)
            if final != piece.shown:
                self._corrected(final)

    def _give_audio(self, piece: _Audio) -> None:
        ulaw = piece.ulaw
        self._bytes -= len(ulaw)
        if piece.item in self._dirty:
            ulaw = SILENCE * len(ulaw)
        if self._stretches:
            ulaw = silenced(piece.at_samples, ulaw, self._stretches.get(piece.track, ()))
        self._kept.audio(piece.track, piece.at_samples, ulaw)

    def _kept_event(self, event: CallEvent, at: int) -> CallEvent:
        """The same object where there is nothing to hide."""
        match event:
            case MarkEchoed():
                return event
            case CallerAudio(ulaw=ulaw):
                if not self._stretches:
                    return event
                kept = silenced(at, ulaw, self._stretches.get(Track.CALLER, ()))
                return event if kept is ulaw else structs.replace(event, ulaw=kept)
            case AudioDelta(item_id=item_id, audio=audio):
                if item_id not in self._dirty:
                    return event
                return structs.replace(event, audio=SILENCE * len(audio))
            case TextDelta(item_id=item_id, text=text):
                line = self._lines.get(key_of(AGENT, item_id))
                kept_text = part_of(line, at, text) if line else self.scrub(text)
                return event if kept_text == text else structs.replace(event, text=kept_text)
            case CallerTranscript(item_id=item_id, text=text):
                line = self._lines.get(key_of(CALLER, item_id))
                kept_text = line.kept if line and line.text == text else self.scrub(text)
                return event if kept_text == text else structs.replace(event, text=kept_text)
            case _:
                return self._known.tool_event(event)


def _place(commands: Sequence[CallCommand]) -> int:
    """Where in the recording the caller's audio goes; 0 where it is not kept."""
    for command in commands:
        if isinstance(command, StoreAudio) and command.track is _CALLER:
            return command.at_samples
    return 0
