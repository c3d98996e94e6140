"""What a call, a day and a number have cost: whole micro-dollars, as far as they are known."""

import datetime as dt

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


class DayCost(msgspec.Struct, frozen=True, kw_only=True):
    """What calls to one of our numbers have cost one persona on one day."""

    day: dt.date
    persona: str
    called: str
    calls: int
    engine_micros: int
    transcription_micros: int
    carrier_micros: int
    unknown: bool


class CallerCost(msgspec.Struct, frozen=True, kw_only=True):
    caller: str
    calls: int
    micros: int
    unknown: bool
