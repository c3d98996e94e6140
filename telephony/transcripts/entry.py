"""What one line of a call's transcript is, and how sure we are that the caller heard it."""

from enum import Enum

import msgspec

from agents.engine import Usage
from agents.money import Cost


class Fate(Enum):
    """What became of words the agent generated."""

    HEARD = "heard"
    CUT = "cut"
    """Heard in part: the caller interrupted, or the line ended."""
    NEVER_PLAYED = "never_played"


class WordFate(Enum):
    """What became of one word."""

    HEARD = "heard"
    CUT = "cut"
    """The caller spoke, or the line ended, in the middle of it: it does not count as heard."""
    UNHEARD = "unheard"


class Word(msgspec.Struct, frozen=True, gc=False):
    """One word of the agent and when it sounded, or would have."""

    text: str
    start_ms: int
    end_ms: int
    fate: WordFate


UNKNOWN_MS = -1
"""Stands where a transcript was written before the figure was kept."""


class EndedReason(Enum):
    """Why a call ended: a closed list, exactly one for each call."""

    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    IDLE = "idle"
    MAX_LENGTH = "max_length"
    ENGINE_FAILED = "engine_failed"
    STREAM_LOST = "stream_lost"
    NO_START = "no_start"
    PROTOCOL = "protocol"
    DRAINED = "drained"
    TRANSFERRED = "transferred"
    """The caller was put through to somebody."""
    VOICEMAIL = "voicemail"
    """The caller left a message."""
    TRANSFER_FAILED = "transfer_failed"
    """The caller was to be passed on, and nobody took them or gave them back."""
    BUDGET = "budget"
    """A cap on money was reached."""
    OPERATOR = "operator"
    """Somebody of the staff ended it."""
    INTERNAL_ERROR = "internal_error"
    MIGRATED = "migrated"
    """Another process goes on with the call."""


class Charge(Enum):
    """What costs money besides responses."""

    CARRIER = "carrier"
    """A minute of the call, begun."""
    SESSION = "session"
    """A minute of an engine that is sold by time, begun."""
    TRANSCRIPTION = "transcription"
    """One utterance of the caller, written down."""
    TRANSFER = "transfer"
    """The leg to somebody the caller was put through to: how long it lasts is not told here."""


class Entry(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of all transcript entries. All `*_ms` count from the start of the stream."""


class AgentLine(Entry, frozen=True, tag=True):
    """One spoken item of the agent, written once its fate is known."""

    item_id: str
    mark_item: int
    """The item's number in mark names, so that a carrier's own log can be matched."""
    text: str
    """All that was generated."""
    heard: str
    """The part of `text` the caller heard, ending on a word."""
    fate: Fate
    start_ms: int
    """When the caller began to hear it (estimated when nothing was heard)."""
    end_ms: int
    """When it fell silent for the caller."""
    heard_ms: int
    """How much of the item's audio was heard."""
    sent_ms: int
    """How much of it went to the carrier."""
    source: str = "engine"
    """`engine`, `own` for clips of ours (the apology), `filler` for those that bridge a wait,
    `repeat`: a sentence heard before, or `tones`: keys sent, one word each."""
    heard_at_least_ms: int = UNKNOWN_MS
    """No less of its audio was heard, whatever the network did."""
    heard_at_most_ms: int = UNKNOWN_MS
    words: tuple[Word, ...] = ()


class CallerLine(Entry, frozen=True, tag=True):
    """One utterance of the caller."""

    item_id: str
    text: str
    start_ms: int
    end_ms: int
    transcribed: bool = True
    """False: something was said, but no words could be made out."""


class ToolLine(Entry, frozen=True, tag=True):
    """One tool call with its outcome."""

    tool_call_id: str
    name: str
    arguments: str
    state: str
    output: str
    start_ms: int
    end_ms: int
    repeated: bool = False


class TruncationLine(Entry, frozen=True, tag=True):
    """An interruption, as the model was told of it."""

    item_id: str
    mark_item: int
    audio_end_ms: int
    at_ms: int
    deleted: bool = False
    """True: nothing had been heard, the item was deleted instead."""
    heard_ms: int = UNKNOWN_MS
    """What was heard: more than `audio_end_ms` where the engine takes no truncation so near the
    end of what it has sent."""
    heard_at_least_ms: int = UNKNOWN_MS
    heard_at_most_ms: int = UNKNOWN_MS


class ClaimLine(Entry, frozen=True, tag=True):
    """A sentence that was stopped: it claimed that something was done which was not."""

    item_id: str
    tools: tuple[str, ...]
    """Of which one would have had to be done."""
    standing: str
    """`never` (asked for), `running`, `failed` or `unknown`."""
    sentence: str
    """As far as it had come."""
    at_ms: int


class TurnLine(Entry, frozen=True, tag=True):
    """How long the caller waited for one answer; -1 where a step did not happen."""

    stopped_ms: int
    """When the caller really stopped speaking, by the engine's own account."""
    noticed_ms: int
    """When the engine reported it (endpointing = noticed - stopped)."""
    audio_ms: int
    """When the first audio of the answer was sent to the carrier."""
    played_ms: int
    """When the carrier is known to have begun to play it."""
    model_ms: int = -1
    """When the engine delivered the first audio of the answer."""


class DtmfLine(Entry, frozen=True, tag=True):
    digit: str
    """`x`: one of a sensitive entry."""
    at_ms: int


class UsageLine(Entry, frozen=True, tag=True, omit_defaults=True):
    """One response. What it costs is left out where no prices were kept: older journals, which
    hold fingerprints of their lines, stay as they are."""

    response_id: str
    status: str
    usage: Usage | None
    at_ms: int
    cost: Cost | None = None
    model: str = ""
    """Whose price that is; empty for an engine of our own."""


class ChargeLine(Entry, frozen=True, tag=True):
    """Money besides responses; with all `UsageLine.cost` this is what the call cost."""

    what: Charge
    cost: Cost
    at_ms: int


class SeatLine(Entry, frozen=True, tag=True):
    """Another engine session took the call over."""

    seat: int
    """Its number; the one the call began with is 0."""
    engine: str
    """Its name on the ladder: `realtime`, `turns`, `local`, ..."""
    why: str
    """`failed`, `mute`, `expiring`, or `resumed`: it goes on with a call of another process."""
    at_ms: int


class OperatorLine(Entry, frozen=True, tag=True):
    """Somebody of the staff did something to the call while it was on. The caller heard none of
    what it says."""

    act: str
    """`hang_up`, `transfer`, `take_over` or `whisper`."""
    by: str
    words: str
    """What was whispered to the agent, or the target's name."""
    at_ms: int
    done: bool = True
    """False: it could not be done in the state the call was in."""


class Alarm(Enum):
    """What can be wrong with the line itself: a closed list."""

    ONE_WAY = "one_way"
    """Nothing at all has come from the caller, not even the noise of a line."""
    CLIPPING = "clipping"
    """The caller's side is louder than the line can carry."""
    ECHO = "echo"
    """Our own voice comes back on the caller's side."""
    STARVED_IN = "starved_in"
    """The caller's side stopped coming for a while."""
    STARVED_OUT = "starved_out"
    """Our side ran dry in the middle of what was being said."""


class AlarmLine(Entry, frozen=True, tag=True):
    """The line itself is not well: told once for each kind and call."""

    kind: Alarm
    at_ms: int
    value: int = 0
    """How bad: ms of silence or of a gap, clipped samples in a thousand, or echoes so far."""


class DisclosureLine(Entry, frozen=True, tag=True):
    """What callers must be told before anything else was said, and this became of it."""

    version: str
    """Of its wording: `telephony.call.disclosure.version_of`."""
    heard: bool
    """To its last word; if not it is said again."""
    times: int
    """So often it had been said by then."""
    at_ms: int
    heard_ms: int


class Agreement(Enum):
    """What a caller answered when asked whether the call may be recorded."""

    GRANTED = "granted"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    """Asked, and no clear answer came: kept as if refused."""
    TOLD = "told"
    """Told of the recording to the end, and stayed: enough where a notice is."""
    NOT_ASKED = "not_asked"
    """The rules of the caller's region ask for nothing."""

    @property
    def allows(self) -> bool:
        """The call may be kept: audio, words and journal."""
        return self in (Agreement.GRANTED, Agreement.TOLD, Agreement.NOT_ASKED)


class ConsentLine(Entry, frozen=True, tag=True):
    """Whether the call may be recorded; from here on it is, or nothing but metadata is kept."""

    answer: Agreement
    by: str
    """`voice`, `key`, `silence` (nothing clear was said in time), `end` (the call ended first),
    `notice` or `rule`."""
    version: str
    """Of the words that asked, as `DisclosureLine.version`; empty where nothing was said."""
    region: str
    """The prefix of the caller's number that decided what is asked; empty: the default did."""
    asked: int
    """So often it was."""
    at_ms: int


class EndLine(Entry, frozen=True, tag=True):
    """The last entry of every call."""

    reason: EndedReason
    at_ms: int
    detail: str = ""
    silence_ms: int = UNKNOWN_MS
    """The longest that the caller, waiting for us, heard nothing at all."""
    wordless_ms: int = UNKNOWN_MS
    """The longest that they heard nothing but fillers."""


AnyEntry = (
    AgentLine
    | CallerLine
    | ToolLine
    | TruncationLine
    | ClaimLine
    | TurnLine
    | DtmfLine
    | UsageLine
    | ChargeLine
    | SeatLine
    | OperatorLine
    | AlarmLine
    | DisclosureLine
    | ConsentLine
    | EndLine
)
