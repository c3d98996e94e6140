"""What a call, a day and a number have cost: whole micro-dollars, as far as they are known."""

import datetime as dt
from enum import Enum

import msgspec


class CallCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one call has cost up to now, in micro-dollars."""

    call_id: str
    day: dt.date
    persona: str
    caller: str
    called: str
    engine_micros: int = 0
    transcription_micros: int = 0
    carrier_micros: int = 0
    unknown: bool = False

    @property
    def micros(self) -> int:
        return self.engine_micros + self.transcription_micros + self.carrier_micros


class Spent(msgspec.Struct, frozen=True):
    """What one number has cost one persona on a day, in micro-dollars."""

    persona: str
    caller: str
    micros: int


class By(Enum):
    """How days are told apart."""

    DAY = "day"
    PERSONA = "persona"
    NUMBER = "number"
    """By our number and the persona."""


class DayCost(msgspec.Struct, frozen=True, kw_only=True):
    """What calls have cost on one day."""

    day: dt.date
    persona: str | None = None
    """None: of all of them."""
    called: str | None = None
    """Our number; None: of all of them."""
    calls: int
    engine_micros: int
    transcription_micros: int
    carrier_micros: int
    unknown: bool

    @property
    def micros(self) -> int:
        return self.engine_micros + self.transcription_micros + self.carrier_micros


class CallerCost(msgspec.Struct, frozen=True, kw_only=True):
    caller: str
    calls: int
    micros: int
    unknown: bool
