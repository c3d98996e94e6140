"""What is tried on a target: what the model says, what the caller does, and over which network."""

from enum import Enum

import msgspec


class Sound(Enum):
    """What the caller's telephone sends, besides silence."""

    HELLO = "hello"
    """To a target that waits to be spoken to."""
    INTERRUPTION = "interruption"
    QUESTION = "question"
    NOISE = "noise"
    COUGH = "cough"
    BACKCHANNEL = "backchannel"


class When(Enum):
    """What a caller waits for before the next sound."""

    TALKING = "talking"
    """A reply that has not been disturbed yet has been heard for so long."""
    AFTER_SOUND = "after_sound"
    """Its own last sound has been over for so long."""
    QUIET = "quiet"
    """The agent has been silent for so long, after a reply."""


class Part(msgspec.Struct, frozen=True):
    """One thing the caller does."""

    sound: Sound
    when: When
    after_ms: int


class Leave(Enum):
    """When the caller hangs up, after its last part."""

    ANSWERED = "answered"
    """As soon as the next reply is heard."""
    QUIET = "quiet"
    """When the agent has finished."""
    NEVER = "never"
    """It leaves that to the agent."""


class Kind(Enum):
    """What is measured."""

    INTERRUPTION = "interruption"
    FALSE_STOP = "false_stop"
    GOODBYE = "goodbye"


class Reply(msgspec.Struct, frozen=True):
    """One response of the lab's model."""

    items_ms: tuple[int, ...]
    """The spoken items in it, one after the other."""
    halt_at_ms: int = -1
    """The model stalls once so much of the reply has been sent; -1: it does not."""
    halt_ms: int = 0
    hangs_up: bool = False
    """It ends with a call of the target's tool that ends calls."""


class Echo(msgspec.Struct, frozen=True):
    """The caller's telephone returns what it plays."""

    delay_ms: int
    gain_db: float


class Scenario(msgspec.Struct, frozen=True):
    """One kind of call."""

    name: str
    about: str
    kind: Kind
    replies: tuple[Reply, ...]
    parts: tuple[Part, ...]
    leave: Leave = Leave.ANSWERED
    echo: Echo | None = None
    delay_ms: int = 0
    """Of the network, each way."""
    jitter_ms: int = 0
    """Mean of what comes on top of it: anything up to twice as much, for each message anew."""
    most_ms: int = 60_000

    @property
    def false_stop(self) -> str:
        """Which false stop is tried: `noise`, `cough`, `backchannel`, `echo`, or none."""
        if self.kind is not Kind.FALSE_STOP:
            return ""
        return "echo" if self.echo else self.parts[0].sound.value


ONE = Reply((7_000,))
QUEUED = Reply((1_800, 5_000))
DRY = Reply((6_000,), halt_at_ms=1_500, halt_ms=2_700)
UNDISTURBED_MS = 4_500
"""A reply in which a false stop is tried; all of it has been sent before the disturbance."""


def interruptions(*after_ms: int) -> tuple[Part, ...]:
    """Interrupt a reply each, after so much of it has been heard."""
    return tuple(Part(Sound.INTERRUPTION, When.TALKING, ms) for ms in after_ms)


def _disturbances(sound: Sound, times: int) -> tuple[Part, ...]:
    """Make a sound in a reply, hear it out, ask for another."""
    pair = (Part(sound, When.TALKING, 2_000), Part(Sound.QUESTION, When.QUIET, 1_200))
    return (pair * times)[:-1]


def _false_stop(sound: Sound, about: str) -> Scenario:
    return Scenario(
        sound.value,
        about,
        Kind.FALSE_STOP,
        (Reply((UNDISTURBED_MS,)),) * 7,
        _disturbances(sound, 3),
        Leave.QUIET,
    )


NETWORK_DELAY_MS = 40
NETWORK_JITTER_MS = 25


def scenarios(jitter_ms: int = NETWORK_JITTER_MS) -> tuple[Scenario, ...]:
    """All there are; `jitter_ms` is that of the scenarios with a network."""
    return (
        _ONE_ITEM,
        _QUEUED,
        _UNDERRUN,
        _TWICE,
        _distant(_ONE_ITEM, "network", "One item, over a slow and unsteady network.", jitter_ms),
        _distant(
            _QUEUED, "network-queued", "Two items, over a slow and unsteady network.", jitter_ms
        ),
        _false_stop(Sound.NOISE, "A lorry passes: 1.5 s of noise, 10 dB below speech."),
        _false_stop(Sound.COUGH, "The caller coughs."),
        _false_stop(Sound.BACKCHANNEL, "The caller says uh-huh, and goes on listening."),
        _ECHO,
        _GOODBYE,
    )


def _distant(scenario: Scenario, name: str, about: str, jitter_ms: int) -> Scenario:
    return msgspec.structs.replace(
        scenario, name=name, about=about, delay_ms=NETWORK_DELAY_MS, jitter_ms=jitter_ms
    )


_ONE_ITEM = Scenario(
    "one-item",
    "One spoken item, interrupted anywhere.",
    Kind.INTERRUPTION,
    (ONE,) * 6,
    interruptions(120, 700, 1_450, 2_300, 4_100),
)
_QUEUED = Scenario(
    "queued",
    "A second item queued behind the first; interrupted in either.",
    Kind.INTERRUPTION,
    (QUEUED,) * 6,
    interruptions(600, 1_500, 2_100, 3_200, 4_600),
)
_UNDERRUN = Scenario(
    "underrun",
    "The model stalls in mid-reply; interrupted before, meanwhile and after.",
    Kind.INTERRUPTION,
    (DRY,) * 5,
    interruptions(900, 2_200, 4_200, 5_500),
)
_TWICE = Scenario(
    "twice",
    "The caller speaks up, draws breath and goes on: two interruptions of one reply.",
    Kind.INTERRUPTION,
    (ONE,) * 8,
    tuple(
        part
        for first_ms, second_ms in ((700, 60), (1_800, 350), (3_000, 700))
        for part in (
            Part(Sound.INTERRUPTION, When.TALKING, first_ms),
            Part(Sound.INTERRUPTION, When.AFTER_SOUND, second_ms),
        )
    ),
)
_ECHO = Scenario(
    "echo",
    "The agent's own voice comes back after 180 ms, 12 dB weaker; nobody speaks.",
    Kind.FALSE_STOP,
    (Reply((UNDISTURBED_MS,)),) * 4,
    (Part(Sound.QUESTION, When.QUIET, 1_200),) * 2,
    Leave.QUIET,
    Echo(180, -12.0),
    most_ms=30_000,
)
_GOODBYE = Scenario(
    "goodbye",
    "The model says goodbye and ends the call with the target's own tool.",
    Kind.GOODBYE,
    (Reply((1_500,)), Reply((3_500,), hangs_up=True)),
    (Part(Sound.QUESTION, When.QUIET, 700),),
    Leave.NEVER,
    most_ms=25_000,
)
