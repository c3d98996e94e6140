"""Who is told what of one call: its journal, another process that may have to go on, onlookers.

Each is told no more than it may know: nothing that may not be kept, nothing of a caller who has not
agreed. What holds neither words nor figures passes all that by one check.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from agents.engine import AudioDelta
from telephony.call.commands import CallCommand, Record, is_sound
from telephony.call.events import CallerAudio, CallEvent, MarkEchoed
from telephony.custody import Keeping
from telephony.redacting.conversation import Conversation
from telephony.redacting.withheld import Withheld
from telephony.transcripts.entry import AnyEntry
from telephony.transcripts.journal import Journal
from telephony.transcripts.withholding import Withholding

_SOUND = frozenset({CallerAudio, MarkEchoed, AudioDelta})
"""Events that hold no words."""


class Watch(Protocol):
    """Sees what a call does. Must not block or raise."""

    def __call__(
        self, call_id: str, now: float, event: CallEvent, commands: Sequence[CallCommand], /
    ) -> None: ...


class Told(NamedTuple):
    """One event with its answer, as others may know of it."""

    seen: CallEvent
    """Without what may not be kept."""
    shown: Sequence[CallCommand]
    told: Sequence[CallCommand]
    """And without what the caller has not agreed to."""


class Accounts:
    """Of one call."""

    def __init__(
        self, journal: Journal | Withholding, conversation: Conversation, keeping: Keeping
    ) -> None:
        self.keeping = keeping
        self._consented = journal if isinstance(journal, Withholding) else Withholding(journal)
        self.journal = Withheld(self._consented.way, conversation, self._corrected)

    def take(self, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> Told:
        """Write it down, and tell who may have to go on; to be called before it is performed."""
        self.journal.event(now, event, commands)
        if type(event) in _SOUND and is_sound(commands):
            heard = self.journal.audible(commands)
            return Told(event, heard, self._consented.told(heard))
        seen, shown = self.journal.shown(event, commands)
        told = self._consented.told(shown)
        self.keeping.note(told)
        return Told(seen, shown, told)

    @property
    def wordless(self) -> bool:
        """The caller has not agreed that their words are kept, or not yet."""
        return not self._consented.open

    def witnessed(self, event: CallEvent) -> CallEvent:
        """What of it people who look on may know; after it was performed."""
        return self._consented.seen(event)

    def _corrected(self, entry: AnyEntry) -> None:
        """A line of which another process was told too much or too little stands now."""
        self.keeping.note(self._consented.told((Record(entry),)))
