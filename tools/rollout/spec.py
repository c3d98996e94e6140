"""What a gradual roll-out is: a version that some calls go by, beside the one all others go by."""

import datetime as dt
from enum import Enum

import msgspec

MEASURES = ("tool_error", "owed_silence", "transferred", "broke_off")
"""What may get worse in a call; each call has it or has it not."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When the guard takes a version back."""

    least_calls: int = 30
    """No fewer of its calls are judged."""
    doubt: float = 0.05
    """The chance, over all looks together, that a version that is as good is taken back."""
    margin: float = 0.02
    """By how much more of its calls it must be worse, besides: as a share of calls."""
    silence_ms: int = 4_000
    """A caller who waited so long for us and heard nothing was owed an answer."""


class State(Enum):
    """How a roll-out stands."""

    RUNNING = "running"
    ROLLED_BACK = "rolled-back"
    """By the guard."""
    STOPPED = "stopped"
    """By a person."""
    PUBLISHED = "published"
    """Everybody has the version now."""
    SUPERSEDED = "superseded"
    """Something else was published meanwhile."""


class Arm(Enum):
    """Which of the two versions a call goes by."""

    OLD = "old"
    NEW = "new"


class Seen(msgspec.Struct, frozen=True):
    """What one call came to."""

    tool_error: bool = False
    """A tool failed, was called wrongly, or may or may not have done it."""
    owed_silence: bool = False
    transferred: bool = False
    """It was passed on to a person, or was to be."""
    broke_off: bool = False
    """The engine or the program failed."""


class Counts(msgspec.Struct, frozen=True):
    """All calls of one arm, and how many of them had each of the MEASURES."""

    calls: int = 0
    tool_error: int = 0
    owed_silence: int = 0
    transferred: int = 0
    broke_off: int = 0

    def of(self, measure: str) -> int:
        found: int = getattr(self, measure)
        return found


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """One roll-out, as it is kept."""

    id: int
    version: int
    base: int
    """The version all other calls go by."""
    percent: float
    """Of callers; 0 to 100."""
    numbers: tuple[str, ...] = ()
    """In E.164. Calls to these numbers of ours, and from these of callers, have it in any case."""
    rule: Rule = Rule()
    state: State = State.RUNNING
    looks: int = 0
    """How often the guard has judged."""
    who: str
    why: str
    started_at: dt.datetime
    ended_at: dt.datetime | None = None
    ended_by: str = ""
    ended_because: str = ""
