"""The calls of this process, for whoever watches them: told of everything, holding up nothing.

All of it runs on the event loop of the calls and returns at once. Readers take what waits for them
when they can (`Reader.take`); a reader that cannot keep up is let go and disturbs nobody.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from telephony.call.commands import CallCommand, Record, StoreAudio, Track
from telephony.call.events import Act, CallEvent, OperatorActs
from telephony.live.picture import CallView, Head, Peek, Picture
from telephony.live.reader import Reader
from telephony.live.wire import Done, Sound, difference
from telephony.transcripts.entry import AnyEntry, EndedReason, OperatorLine

FLUSH_S = 0.1
"""Readers are told at most so often."""
_HEARD = (Track.CALLER, Track.HEARD)
_IMPOSSIBLE = "impossible"
_GONE = "gone"


@dataclass(slots=True)
class _On:
    """One call that is on."""

    picture: Picture
    deliver: Callable[[CallEvent], None]
    peek: Callable[[], Peek]
    shown: CallView | None = None
    """As readers know it."""
    told_lines: int = 0
    followers: set[Reader] = field(default_factory=set)
    listeners: set[Reader] = field(default_factory=set)


def nothing_rings(_call_id: str) -> bool:
    return False


class Hub:
    """All calls of one process."""

    def __init__(self, ringing: Callable[[str], bool] = nothing_rings) -> None:
        """`ringing`: a call of this id may yet begin. Who asks for it waits till it does."""
        self._ringing = ringing
        self._calls: dict[str, _On] = {}
        self._watchers: set[Reader] = set()
        self._waiting: dict[str, set[Reader]] = {}
        """For calls that ring."""
        self._dirty: dict[str, None] = {}
        self._flushed_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._acted: list[OperatorLine] = []
        """What the call has written down of what was asked of it last."""

    # ---- what the calls tell ---------------------------------------------------------------------

    def begin(
        self,
        head: Head,
        deliver: Callable[[CallEvent], None],
        peek: Callable[[], Peek],
        before: Sequence[AnyEntry] = (),
    ) -> None:
        """A call has its stream; `over` must follow. `before`: lines of a process that had it."""
        self._calls[head.call_id] = _On(Picture(head, before), deliver, peek)
        self._touch(head.call_id)
        for reader in self._waiting.pop(head.call_id, ()):
            self.join(reader)

    def observe(
        self, call_id: str, _now: float, event: CallEvent, commands: Sequence[CallCommand]
    ) -> None:
        """See telephony.session.Watch."""
        if (on := self._calls.get(call_id)) is None:
            return
        if isinstance(event, OperatorActs):
            lines = (each.entry for each in commands if isinstance(each, Record))
            self._acted = [entry for entry in lines if isinstance(entry, OperatorLine)]
        if on.listeners:
            _play(on.listeners, commands)
        if on.picture.take(event, commands):
            self._touch(call_id)

    def over(self, call_id: str, reason: EndedReason | None = None) -> None:
        """Nothing more will come of the call here. One that migrates goes on in another process:
        who follows it is let go without a word, and asks again."""
        if (on := self._calls.get(call_id)) is None:
            return
        self._flush()
        del self._calls[call_id]
        goes_on = reason is EndedReason.MIGRATED
        for reader in (*self._watchers, *on.followers, *on.listeners):
            if goes_on and reader.call_id is not None:
                reader.leave()
            else:
                reader.box.gone(call_id)
                reader.wake()

    # ---- what readers ask ------------------------------------------------------------------------

    def views(self) -> tuple[CallView, ...]:
        """All calls as they stand, in the order in which they began."""
        return tuple(on.picture.view(on.peek()) for on in self._calls.values())

    def join(self, reader: Reader) -> None:
        """Tell it how things stand, and from now on what changes; `leave` must follow."""
        call_id = reader.call_id
        if call_id is None:
            reader.box.begin(self._shown(tuple(self._calls)))
            self._watchers.add(reader)
        elif (on := self._calls.get(call_id)) is not None:
            self._join_call(reader, on)
        elif self._ringing(call_id):
            self._waiting.setdefault(call_id, set()).add(reader)
        else:
            reader.box.gone(call_id)
        reader.wake()

    def _join_call(self, reader: Reader, on: _On) -> None:
        reader.box.begin(self._shown((on.picture.head.call_id,)))
        if reader.hears:
            on.listeners.add(reader)
        else:
            on.followers.add(reader)
            reader.box.lines(on.picture.forgotten, on.picture.entries)

    def _shown(self, call_ids: Sequence[str]) -> list[CallView]:
        """As they stand now; those who watch already are told of what differs."""
        self._dirty.update(dict.fromkeys(call_ids))
        self._flush()
        shown = (self._calls[call_id].shown for call_id in call_ids)
        return [view for view in shown if view is not None]

    def leave(self, reader: Reader) -> None:
        self._watchers.discard(reader)
        call_id = reader.call_id or ""
        if (waiting := self._waiting.get(call_id)) is not None:
            waiting.discard(reader)
            if not waiting:
                del self._waiting[call_id]
        if (on := self._calls.get(call_id)) is not None:
            on.followers.discard(reader)
            on.listeners.discard(reader)

    def do(self, call_id: str, act: Act, by: str, words: str) -> Done:
        """Let the call know what somebody wants of it."""
        if (on := self._calls.get(call_id)) is None:
            return Done(_GONE)
        self._acted.clear()
        on.deliver(OperatorActs(act, by, words))
        if not self._acted:
            return Done(_GONE)  # it has ended, and is only let go
        return Done("" if self._acted[-1].done else _IMPOSSIBLE)

    # ---- telling them ----------------------------------------------------------------------------

    def _touch(self, call_id: str) -> None:
        """The call looks different: say so soon, if anybody wants to know."""
        if not self._watchers and not self._calls[call_id].followers:
            return
        self._dirty[call_id] = None
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait_s = max(0.0, self._flushed_s + FLUSH_S - loop.time())
            self._timer = loop.call_later(wait_s, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._flushed_s = asyncio.get_running_loop().time()
        dirty, self._dirty = self._dirty, {}
        told: set[Reader] = set()
        for call_id in dirty:
            on = self._calls[call_id]
            readers = self._watchers | on.followers
            if fields := self._news(on):
                for reader in readers:
                    reader.box.change(fields)
            self._more_lines(on)
            told |= readers
        for reader in told:
            reader.wake()

    @staticmethod
    def _news(on: _On) -> dict[str, object]:
        before, on.shown = on.shown, on.picture.view(on.peek())
        return difference(before, on.shown)

    @staticmethod
    def _more_lines(on: _On) -> None:
        picture = on.picture
        first = max(on.told_lines, picture.forgotten)
        entries = picture.entries[first - picture.forgotten :]
        on.told_lines = first + len(entries)
        for reader in on.followers if entries else ():
            reader.box.lines(first, entries)


def _play(listeners: set[Reader], commands: Sequence[CallCommand]) -> None:
    for command in commands:
        if isinstance(command, StoreAudio) and command.track in _HEARD:
            sound = Sound(command.track.value, command.at_samples, command.ulaw)
            for reader in listeners:
                reader.box.sound(sound)
                reader.wake()
