"""Who is right when our booking and its event in somebody's calendar differ?

The rule, in one place: whoever alone has changed something since both sides last agreed is right,
the staff included. Have both changed it, or cannot theirs be had, ours stands, because a caller
was told so; theirs is set back and the conflict is written down. Nothing is overwritten unseen.
"""

import datetime as dt
from enum import Enum

import msgspec


class Span(msgspec.Struct, frozen=True):
    """When an appointment is. `start` is UTC."""

    start: dt.datetime
    minutes: int

    @property
    def end(self) -> dt.datetime:
        return self.start + dt.timedelta(minutes=self.minutes)


class Gone(msgspec.Struct, frozen=True):
    """The event is not there, or is cancelled there."""


class Odd(msgspec.Struct, frozen=True):
    """The event is there, but is no single appointment any more."""

    reason: str


Theirs = Span | Gone | Odd


class Step(Enum):
    """What to do next."""

    AGREE = "agree"
    """Both are the same: write down that they are."""
    WRITE = "write"
    """Ours into their calendar."""
    REMOVE = "remove"
    """Theirs from their calendar."""
    FORGET = "forget"
    """It is on neither side."""
    MOVE_OURS = "move_ours"
    CANCEL_OURS = "cancel_ours"


class Kind(Enum):
    """The conflicts there are, as `frontdesk calendar conflicts` names them."""

    BOTH_CHANGED = "both_changed"
    """Moved here and there, to different times."""
    MOVED_HERE_DELETED_THERE = "moved_here_deleted_there"
    CANCELLED_HERE_CHANGED_THERE = "cancelled_here_changed_there"
    SLOT_TAKEN = "slot_taken"
    """Moved there to a time that is not free here."""
    OFF_GRID = "off_grid"
    """Moved there to a time or length that is no multiple of five minutes, or is too long."""
    IN_THE_PAST = "in_the_past"
    """Moved there to a time that is over."""
    UNUSABLE = "unusable"
    """Made into something that is no single appointment."""
    OVERLAP = "overlap"
    """An event of theirs lies on an appointment that is booked here."""
    UNREADABLE = "unreadable"
    """An event of theirs cannot be read, so it blocks nothing."""
    MANY_DELETED = "many_deleted"
    """Most of our events went at once: taken for an accident, and written again."""


class Decision(msgspec.Struct, frozen=True):
    """One step, and the conflict to write down before it."""

    step: Step
    conflict: Kind | None = None


def decide(ours: Span | None, theirs: Theirs, agreed: Span | None, meant: Span | None) -> Decision:
    """What to do about one appointment.

    `ours` is None when it is cancelled or not this calendar's any more. `agreed` is what both
    sides were last seen to have, None before the first time; `meant` is what we began to write
    since, which may or may not have arrived.
    """
    match theirs:
        case Gone():
            return _without_theirs(ours, agreed)
        case Odd():
            if ours is None:
                return Decision(Step.REMOVE, Kind.CANCELLED_HERE_CHANGED_THERE)
            return Decision(Step.WRITE, Kind.UNUSABLE)
        case Span():
            return _with_theirs(ours, theirs, agreed, meant)


def _without_theirs(ours: Span | None, agreed: Span | None) -> Decision:
    if ours is None:
        return Decision(Step.FORGET)
    if agreed is None:
        return Decision(Step.WRITE)
    if ours == agreed:
        return Decision(Step.CANCEL_OURS)
    return Decision(Step.WRITE, Kind.MOVED_HERE_DELETED_THERE)


def _with_theirs(
    ours: Span | None, theirs: Span, agreed: Span | None, meant: Span | None
) -> Decision:
    untouched = theirs in (agreed, meant)
    if ours is None:
        return Decision(Step.REMOVE, None if untouched else Kind.CANCELLED_HERE_CHANGED_THERE)
    if theirs == ours:
        return Decision(Step.AGREE)
    if untouched:
        return Decision(Step.WRITE)
    if ours == agreed:
        return Decision(Step.MOVE_OURS)
    return Decision(Step.WRITE, Kind.BOTH_CHANGED)


def is_accident(missing: int, ours: int) -> bool:
    """Whether so many of our events went between two looks that nobody can have meant it.

    A calendar that was emptied, or restored from an old copy, must not cancel everything.
    """
    return missing >= 5 and missing * 2 > ours


def pause_s(every_s: float, failures: int, wait_s: float | None, chance: float) -> float:
    """How long to wait for the next round: longer after each failure in a row, up to an hour.

    `wait_s` is what the server asked for, and is kept; `chance` from 0 to 1 spreads many
    processes that failed at one time.
    """
    longest = max(3600.0, every_s)
    pause = min(every_s * 2.0 ** min(failures, 12), longest)
    return max(pause * (0.75 + 0.25 * chance), wait_s or 0.0)
