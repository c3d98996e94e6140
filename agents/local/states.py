"""Where a conversation of the embedded engine stands."""

from enum import Enum

import msgspec

from agents.local.offers import Frame, Lookup
from agents.local.slots import Slot
from agents.local.text import words


class Said(msgspec.Struct, frozen=True):
    """One turn of the caller."""

    text: str
    constrained: bool

    @property
    def words(self) -> tuple[str, ...]:
        return words(self.text)


class Idle(msgspec.Struct, frozen=True):
    """Nothing was asked for yet."""


class Wrapping(msgspec.Struct, frozen=True):
    """Asked whether there is anything else."""


class Manner(Enum):
    """How the caller was asked to answer."""

    PLAINLY = "plainly"
    SPELLED = "spelled"


class Filling(msgspec.Struct, frozen=True):
    """Asked for the value of one slot."""

    frame: Frame
    slot: Slot
    manner: Manner = Manner.PLAINLY


class Spelled(msgspec.Struct, frozen=True):
    """Read a spelled name back letter by letter and asked whether that is right."""

    frame: Frame
    slot: Slot
    name: str
    letters: str
    """The part of it that was spelled."""


class Standing(Enum):
    """Whether a yes would be an answer to the read-back."""

    ASKED = "asked"
    UNHEARD = "unheard"
    """The caller did not hear all of it, or something else was said since."""


class Confirming(msgspec.Struct, frozen=True):
    """Read the values of a write back and asked whether they are right."""

    frame: Frame
    needed: str
    """What must have been heard before a yes counts."""
    text: str
    standing: Standing = Standing.ASKED


class Mending(msgspec.Struct, frozen=True):
    """The read-back was wrong; asked what to change."""

    frame: Frame


class Closed(msgspec.Struct, frozen=True):
    """Said goodbye."""


Resting = Idle | Wrapping | Filling | Spelled | Confirming | Mending | Closed


class Rehear(msgspec.Struct, frozen=True):
    """Then take the caller's words once more, now that the choices are known."""

    before: Resting
    said: Said


class Advance(msgspec.Struct, frozen=True):
    """Then go on filling in."""

    frame: Frame
    lead: str


class Recite(msgspec.Struct, frozen=True):
    """Then say what there is to choose from."""

    frame: Frame
    slot: Slot


class LookingUp(msgspec.Struct, frozen=True):
    """A read tool is listing choices."""

    tool_call_id: str
    lookup: Lookup
    then: Rehear | Advance | Recite


class Aside(msgspec.Struct, frozen=True):
    """A read tool answers a question in the middle of something else."""

    tool_call_id: str
    before: Resting


class Running(msgspec.Struct, frozen=True):
    """The tool the caller asked for is at work."""

    tool_call_id: str
    frame: Frame


class Typing(msgspec.Struct, frozen=True):
    """The caller types a number that was not made out."""

    tool_call_id: str
    frame: Frame
    slot: Slot


Busy = LookingUp | Aside | Running | Typing
State = Resting | Busy
