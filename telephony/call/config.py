"""What one call is started with: frozen for its whole life, and kept in its journal."""

from decimal import Decimal
from enum import Enum

import msgspec

from agents.engine import Capabilities, ToolCalled
from agents.models import Tariff
from agents.persona import Persona
from telephony.transcripts.entry import AnyEntry


class Limits(msgspec.Struct, frozen=True):
    """How long a call waits for whom, in seconds."""

    engine_ready_s: float = 7.5
    """From the start of the stream until the engine must be ready to talk."""
    answer_s: float = 4.0
    """From the end of the caller's turn (or of a tool) until the agent must be heard, or another
    session of it is asked instead."""
    give_up_s: float = 7.5
    """From then on somebody else must be heard: our own words, at the last."""
    open_s: float = 1.5
    """How long another session of an engine may take to be ready."""
    mute_s: float = 1.5
    """How long one that was asked for words as soon as it was seated may take to be heard."""
    reopen_s: float = 0.5
    """Between two attempts at the same engine."""
    rung_s: float = 2.5
    """For so long the same engine is tried again, before the next one is."""
    reply_s: float = 90.0
    """The longest reply: what an engine gives beyond that is not heard, and the caller is asked."""
    filler_after_s: float | None = None
    """When the caller, waiting for us, has heard nothing for so long: say something meanwhile."""
    filler_again_s: float = 2.2
    """And when they have heard nothing for so long after that: once more."""
    first_filler_s: float = 2.2
    """Before the first words of a call they are given so long to come."""
    silence_prompt_s: float = 10.0
    """Nobody speaks and nothing runs for so long: ask whether the caller is there."""
    idle_hangup_s: float = 30.0
    """So long after the caller last did anything, with nobody speaking: say goodbye."""
    max_call_s: float = 1800.0
    goodbye_s: float = 8.0
    """The last words must have begun by then, or the call ends without them."""
    last_words_s: float = 30.0
    """How long after that the last words may go on."""
    mark_grace_s: float = 2.0
    """How long after its expected end a clip's echo may still come."""
    hangup_s: float = 5.0
    """From asking the carrier to end the call until the socket is closed instead."""
    handover_s: float = 6.0
    """From asking the carrier to take the caller on until the socket is closed instead, and from
    that until it is given up."""
    away_s: float = 60.0
    """How long beyond the ringing or the message the carrier's word of it is waited for."""
    return_s: float = 15.0
    """For the new stream of a caller who comes back."""
    lost_s: float = 0.0
    """How long a call whose stream broke is kept for the carrier to ask for it; 0: it ends."""
    evidence_s: float = 2.5
    """How long a tool whose rules go by what was said waits for the caller's last words."""
    result_s: float = 3.0
    """For what is still to be heard of a call that is over."""


class Route(msgspec.Struct, frozen=True):
    """A target of transfers, as far as a call has to know it."""

    name: str
    say: str
    """Said to the caller before they are put through."""
    timeout_s: float
    """How long it rings."""


class Rung(msgspec.Struct, frozen=True):
    """One engine on the ladder of a call: the first that works carries it."""

    engine: str
    """`realtime`, `turns`, `local`, ...: its name in settings and personas."""
    capabilities: Capabilities
    tries: int = 2
    """So many further sessions of it are opened in a row before the next engine is."""


class BargeIn(Enum):
    """When the caller's voice stops ours."""

    IMMEDIATE = "immediate"
    """At the first sound of speech."""
    CONFIRMED = "confirmed"
    """We fall silent at the first sound, and go on where we were if it was nothing."""


BACKCHANNELS = frozenset(
    {
        "uh-huh", "uh huh", "mhm", "mm-hmm", "mm hmm", "mm", "hmm", "hm", "mmm", "ah", "aha", "oh",
        "uh", "um", "okay", "ok", "right", "yeah", "yep", "i see", "sure", "got it",
    }
)  # fmt: skip
"""What listeners murmur to say that they are listening (English)."""


class TurnTaking(msgspec.Struct, frozen=True):
    """How the floor changes hands. `confirmed` needs an engine that answers on request."""

    barge_in: BargeIn = BargeIn.CONFIRMED
    confirm_s: float = 0.6
    """So much sound of speech takes the floor, whatever is said."""
    words_s: float = 0.8
    """How long after a shorter sound its words are waited for."""
    shortest_word_s: float = 0.2
    """A sound as long as this is believed when no words come; a shorter one is not."""
    backchannels: frozenset[str] = BACKCHANNELS
    above_noise_db: float = 6.0
    """What stands out less from the line's noise is no sound of speech."""
    early_s: float | None = 0.2
    """Fall silent after so much loud sound without waiting for the engine to call it speech;
    None: the engine alone decides."""


class Claimable(msgspec.Struct, frozen=True):
    """What sentences say once a tool is done, and only then: see tools.claims."""

    tool: str
    claims: tuple[str, ...]
    """Empty for a tool that writes: nobody knows what is said of it, so it may be anything."""
    writes: bool = True
    """False: having looked something up, a sentence may tell how it stands."""


class ToolFiller(msgspec.Struct, frozen=True):
    """What is said while one tool runs, instead of the persona's filler."""

    tool: str
    words: str
    ulaw: bytes


class Terms(msgspec.Struct, frozen=True):
    """What a call costs, by prices it keeps to its end, and how much that may be."""

    tariffs: tuple[Tariff, ...] = ()
    """Of the engines it may come to; of any other nothing is known."""
    carrier_usd_per_minute: Decimal | None = None
    """Charged by the minute begun; None: not known."""
    cap_micros: int | None = None
    """What the call may cost, in micro-dollars."""


class ConsentMode(Enum):
    """What has to come before a call is recorded."""

    ASK = "ask"
    """Everybody on the line has to agree."""
    NOTICE = "notice"
    """Everybody has to be told."""
    NONE = "none"


class ConsentTerms(msgspec.Struct, frozen=True):
    """How this caller is asked whether the call may be recorded."""

    mode: ConsentMode = ConsentMode.ASK
    region: str = ""
    """The prefix of the caller's number that decided the mode; empty: the default did."""
    words: str = ""
    """The question, or the notice."""
    ulaw: bytes = b""
    """The same, recorded; empty: the engine has to say it."""
    refused: str = ""
    """What is said to who does not want to be recorded."""
    yes: tuple[str, ...] = ()
    """What means yes in the persona's language, beside English."""
    no: tuple[str, ...] = ()
    answer_s: float = 6.0
    """How long an answer is waited for when nobody speaks."""
    tries: int = 2
    """So often the question is asked."""


class Resumed(msgspec.Struct, frozen=True):
    """How a call stands that another process began."""

    at_s: float
    """How long it has gone on: its clock goes on from there."""
    seat: int = 1
    """The number of the first engine session here."""
    answer: bool = False
    """The caller waits for a reply."""
    pending: tuple[ToolCalled, ...] = ()
    """Tools that ran when it was last heard of; what came of them the ledger of effects knows."""


class CallConfig(msgspec.Struct, frozen=True):
    """Together with the events and their times this determines every command of a call."""

    call_id: str
    persona: Persona
    capabilities: Capabilities
    limits: Limits = Limits()
    apology_ulaw: bytes = b""
    """Spoken apology for when no engine can speak; empty: the carrier must say it instead."""
    turn_taking: TurnTaking = TurnTaking()
    filler_ulaw: bytes = b""
    """Spoken filler for when an answer takes long; empty: none."""
    tool_fillers: tuple[ToolFiller, ...] = ()
    """Of the tools that have one of their own."""
    own_tools: tuple[str, ...] = ()
    """Tools the call carries out itself: `ToolSpec.by_call`."""
    sorry_ulaw: bytes = b""
    """The persona's `sorry`, spoken: what stands before being passed on."""
    routes: tuple[Route, ...] = ()
    human: str = ""
    """The route to a person; empty: there is none."""
    human_ulaw: bytes = b""
    """What is said before that route, spoken."""
    message_s: float = 0.0
    """The longest message the carrier may record; 0: it takes none."""
    evidence_tools: tuple[str, ...] = ()
    """Tools whose rules go by what was said: `ToolSpec.needs_evidence`."""
    rungs: tuple[Rung, ...] = ()
    """Engines to go on with when a session fails, the one the call begins with first; empty: the
    call ends with its only session."""
    before: tuple[AnyEntry, ...] = ()
    """The transcript so far of a call that another process began."""
    resumed: Resumed | None = None
    """None: the call begins here."""
    claimable: tuple[Claimable, ...] = ()
    """Which tools' doing can be claimed; empty: sentences are not looked at."""
    terms: Terms | None = None
    """None: money is not looked at."""
    consent: ConsentTerms | None = None
    """None: nobody is asked, and nothing is written of it."""
