"""What is kept of a call, in classes that are kept for different times; and what has run out."""

import datetime as dt
import hashlib
from enum import Enum

import msgspec

from telephony.transcripts.names import JOURNAL, RECORDINGS, SUMMARY, TRANSCRIPT, VOICEMAIL


class Kept(Enum):
    """A class of what is kept, by what it tells of a caller."""

    AUDIO = "audio"
    """Voices: recordings, and the journal, which holds them, too."""
    TRANSCRIPT = "transcript"
    """Words: what was said, what tools were asked and answered, messages."""
    METADATA = "metadata"
    """That there was a call: from whom, when, how long, what it cost."""
    AUDIT = "audit"
    """Who did what in the console, and what was deleted."""


OF_CALLS = (Kept.AUDIO, Kept.TRANSCRIPT, Kept.METADATA)
"""All there is of one call."""
_FILES: dict[Kept, tuple[str, ...]] = {
    Kept.AUDIO: (JOURNAL, *RECORDINGS),
    Kept.TRANSCRIPT: (JOURNAL, TRANSCRIPT, VOICEMAIL),
}
SEALED = (JOURNAL, TRANSCRIPT, SUMMARY, *RECORDINGS)
"""Files that never change once the call is over."""


class Periods(msgspec.Struct, frozen=True):
    """For how many days each class is kept, the day of the call not counted; 0: for ever."""

    audio: int = 90
    transcript: int = 365
    metadata: int = 730
    audit: int = 2555

    def days(self, kept: Kept) -> int:
        return int(getattr(self, kept.value))


def complete(classes: frozenset[Kept]) -> frozenset[Kept]:
    """Without its metadata nothing of a call can be found, so all of it goes."""
    return frozenset(OF_CALLS) if Kept.METADATA in classes else classes


def expired(day: dt.date, today: dt.date, periods: Periods) -> frozenset[Kept]:
    """The classes of a call of that day that are kept no longer; both days in UTC."""
    age = (today - day).days
    over = (kept for kept in OF_CALLS if periods.days(kept) and age > periods.days(kept))
    return complete(frozenset(over))


def cutoff(today: dt.date, days: int) -> dt.datetime:
    """What is from before this moment has been kept for so many whole days."""
    return dt.datetime.combine(today - dt.timedelta(days=days), dt.time(), dt.UTC)


def files_of(classes: frozenset[Kept], there: tuple[str, ...]) -> tuple[str, ...]:
    """Which of the files in a call's folder belong to these classes."""
    if Kept.METADATA in classes:
        return there
    wanted = {name for kept in classes for name in _FILES.get(kept, ())}
    return tuple(name for name in there if name in wanted)


def name_of(place: str) -> str:
    """The name of a call's folder (`2026-11-20/CA123`) in the chain: it cannot be turned back."""
    return hashlib.blake2b(place.encode(), digest_size=16).hexdigest()
