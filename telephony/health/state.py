"""How does a process fare just now? What each of them says of itself, for whoever asks any."""

import datetime as dt
from dataclasses import dataclass
from enum import Enum

import msgspec


class EngineState(Enum):
    READY = "ready"
    RESTING = "resting"
    """It failed again and again, and is left alone for a while."""
    FULL = "full"
    """The provider's limits would not carry one more call."""


@dataclass(frozen=True)
class EngineView:
    name: str
    state: EngineState
    model: str = ""
    """What a session that begins now is opened with; empty for an engine of our own."""


@dataclass(frozen=True)
class ModelEnd:
    """A model that is to be shut down, or has been."""

    setting: str
    """The variable that names it."""
    model: str
    on: str
    """The day, ISO 8601."""
    days_left: int
    used: str
    """What calls are opened with now."""
    successor: str = ""


@dataclass(frozen=True)
class ProcessState:
    live_calls: int
    max_calls: int
    accepting: bool
    engines: tuple[EngineView, ...] = ()
    models: tuple[ModelEnd, ...] = ()
    trouble: tuple[str, ...] = ()
    """Codes, as `/readyz` has them."""
    version: str = ""


@dataclass(frozen=True)
class Process:
    """One process, as it said last."""

    id: str
    seen_at: dt.datetime
    state: ProcessState


def read(text: str) -> ProcessState | None:
    """None for what another version of the program has said."""
    try:
        return msgspec.json.decode(text, type=ProcessState)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def ends(processes: list[Process]) -> list[ModelEnd]:
    """The models of all processes that are to go, the soonest first."""
    found = {(each.setting, each.model): each for one in processes for each in one.state.models}
    return sorted(found.values(), key=lambda each: (each.days_left, each.setting))
