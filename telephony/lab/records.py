"""What was seen of one call, at the telephone and at the model: facts without a verdict.

`*_s` is the time of the lab's event loop, the same at both ends; `*_samples` and `at` count 8 kHz
samples, at the telephone since the stream's `start`.
"""

import msgspec

from agents.pcm import Pcm
from telephony.lab.scenarios import Scenario, Sound


class Spoke(msgspec.Struct, frozen=True):
    """A sound of the caller."""

    sound: Sound
    reply: int
    """The newest reply the model had begun; -1: none."""
    onset: int
    """Where the sound itself begins, without the silence in front of it."""
    end: int


class SentItem(msgspec.Struct, frozen=True):
    """A spoken item, as the model sent it."""

    item_id: str
    reply: int
    """In the order in which the model's replies were begun."""
    wanted: bool
    """It is one of the scenario's replies, not one the target asked for beyond them."""
    speech: Pcm
    """All of it at 8 kHz, sent or not."""
    sent_samples: int

    @property
    def sent_ms(self) -> float:
        return self.sent_samples / 8

    @property
    def whole_ms(self) -> float:
        return len(self.speech) / 8


class Told(msgspec.Struct, frozen=True):
    """What the model was told of an item: a truncation, or a deletion (heard: nothing)."""

    item_id: str
    audio_end_ms: int
    at_s: float
    accepted: bool
    deletion: bool = False


class SessionSeen(msgspec.Struct, frozen=True):
    """One session of the model."""

    opened_s: float
    configured: bool
    items: tuple[SentItem, ...] = ()
    told: tuple[Told, ...] = ()
    speech_started_s: tuple[float, ...] = ()
    errors: tuple[str, ...] = ()
    """Codes of the errors it answered with."""
    goodbye_asked: bool = False
    """The target's tool that ends calls was called."""


class PhoneSeen(msgspec.Struct, frozen=True):
    """One call at the telephone."""

    began_s: float
    heard_ulaw: bytes
    clears: tuple[int, ...]
    spoke: tuple[Spoke, ...]
    ended_by_target: bool


class CallSeen(msgspec.Struct, frozen=True):
    """One call at both ends."""

    scenario: Scenario
    phone: PhoneSeen
    session: SessionSeen
