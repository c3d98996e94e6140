"""Everything that can happen to a call: the phone's events here, the engine's in agents.engine."""

from enum import Enum

import msgspec

from agents.engine import AnyEngineEvent


class Act(Enum):
    """What somebody of the staff may do to a call that is on."""

    HANG_UP = "hang_up"
    """Say goodbye and end it."""
    TRANSFER = "transfer"
    """Put the caller through to a target of the configuration."""
    TAKE_OVER = "take_over"
    """Put the caller through to a person, or have them leave a message."""
    WHISPER = "whisper"
    """Tell the agent something that the caller does not hear."""


class PhoneEvent(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of what the telephone leg, the tools, the operator and the clock report."""


class StreamStarted(PhoneEvent, frozen=True, tag=True):
    """The carrier's media stream is authenticated and open; audio may be sent."""

    stream_id: str


class Echo(msgspec.Struct, frozen=True, gc=False):
    """A mark that came back amid a piece of the caller's audio: see MarkEchoed."""

    name: str
    came_s: float
    """When, on the call's clock."""
    samples: int
    """Of the piece, so many had come before it."""
    behind_s: float
    """When the last of those had come."""


class CallerAudio(PhoneEvent, frozen=True, tag=True, omit_defaults=True):
    """One piece of the caller's side of the line, any length; empty if only marks came back."""

    ulaw: bytes
    timestamp_ms: int
    """Presentation time of its first sample, ms since the stream started."""
    echoes: tuple[Echo, ...] = ()
    """Marks that came back meanwhile, in order."""
    first_s: float | None = None
    """When the first of it came, on the call's clock, if that is not when the call is told: it came
    in pieces, none of which kept the next one waiting."""
    last_s: float = 0.0
    """When the last of them came; meaningful with `first_s`."""


class DtmfPressed(PhoneEvent, frozen=True, tag=True):
    digit: str
    """One of 0-9 * # A-D, or `x` for a digit that was hidden before the call was told of it."""


class MarkEchoed(PhoneEvent, frozen=True, tag=True):
    """The carrier says that playback reached the mark, or that `clear` threw it away."""

    name: str


class StreamStopped(PhoneEvent, frozen=True, tag=True):
    """The carrier ended the stream in good order: hang-up, ours or theirs."""


class StreamLost(PhoneEvent, frozen=True, tag=True):
    """The socket died or fell silent without a stop."""

    reason: str


class PeerMisbehaved(PhoneEvent, frozen=True, tag=True):
    """A frame that could not be used was dropped."""

    kind: str
    """A code of `telephony.twilio.wire`, never the frame's content."""


class ToolFinished(PhoneEvent, frozen=True, tag=True):
    """The dispatcher's answer to RunTool."""

    tool_call_id: str
    name: str
    state: str
    """`done`, `refused`, `invalid`, `failed`, `unknown`: see tools.spec.ToolState."""
    output: str
    """JSON text for the model."""
    ends_call: bool = False
    repeated: bool = False
    """True: this is the first answer again; nothing was done a second time."""
    transfer_to: str = ""
    """The target the caller is to be put through to, by its name in the configuration."""
    gives_up: bool = False
    """The model calls tools without end: see tools.spec.ToolOutcome."""


class ToolWaits(PhoneEvent, frozen=True, tag=True):
    """A person has to decide before the tool may run: the caller is told so."""

    tool_call_id: str
    words: str


class SuccessorReady(PhoneEvent, frozen=True, tag=True):
    """The session that was opened could be seated now."""

    seat: int


class SuccessorFailed(PhoneEvent, frozen=True, tag=True):
    """It could not be opened, or broke before it was seated."""

    seat: int
    reason: str
    fatal: bool
    """The same engine would fail again."""
    after_s: float | None = None
    """So long its server asks to be left alone."""


class DigitsSealed(PhoneEvent, frozen=True, tag=True):
    """The answer to SealDigits."""

    tool_call_id: str
    reference: str
    """Stands for the digits, once; tells nothing of them."""


class HangUpAsked(PhoneEvent, frozen=True, tag=True):
    """The server or an operator wants this call ended politely."""

    reason: str
    """A value of EndedReason."""


class MigrateAsked(PhoneEvent, frozen=True, tag=True):
    """Another process is to go on with this call, from the next moment in which nobody speaks."""

    within_s: float
    """From then on at any moment."""


class HangUpFailed(PhoneEvent, frozen=True, tag=True):
    """The carrier's API would not end the call."""

    reason: str


class HumanWanted(PhoneEvent, frozen=True, tag=True):
    """The caller is to reach a person without the model's help."""


class OperatorActs(PhoneEvent, frozen=True, tag=True):
    """Somebody of the staff looks on, and wants something done."""

    act: Act
    by: str
    """Who it is."""
    words: str = ""
    """What is whispered, or the target's name."""


class HandedOver(PhoneEvent, frozen=True, tag=True):
    """The carrier has taken the caller on, as Transfer or TakeMessage wanted."""


class HandOverFailed(PhoneEvent, frozen=True, tag=True):
    """The carrier's API would not take the caller on."""

    reason: str
    over: bool = False
    """There is no such call any more."""


class DialEnded(PhoneEvent, frozen=True, tag=True):
    """The leg to the transfer's target is over, or never came to be."""

    result: str
    """`completed`, `answered`, `busy`, `no-answer`, `failed`, `canceled`."""
    over: bool = False
    """The caller is gone, too."""


class MessageLeft(PhoneEvent, frozen=True, tag=True):
    """The carrier has recorded a message."""

    length_s: int


class CallOver(PhoneEvent, frozen=True, tag=True):
    """The carrier says that the whole call is over, whatever became of its stream."""


class BudgetNews(PhoneEvent, frozen=True, tag=True):
    """A cap that other calls count against, too, is nearly or wholly used up."""

    cap: str
    """`caller`, `persona` or `day`."""
    spent: bool
    """False: nearly."""


class DeadlineReached(PhoneEvent, frozen=True, tag=True):
    """The clock passed `Call.next_deadline()`."""


CarrierNews = HandedOver | HandOverFailed | DialEnded | MessageLeft | CallOver
"""Of a caller the carrier has taken on."""

AnyPhoneEvent = (
    StreamStarted
    | CallerAudio
    | DtmfPressed
    | MarkEchoed
    | StreamStopped
    | StreamLost
    | PeerMisbehaved
    | ToolFinished
    | ToolWaits
    | SuccessorReady
    | SuccessorFailed
    | DigitsSealed
    | HangUpAsked
    | MigrateAsked
    | HangUpFailed
    | HumanWanted
    | OperatorActs
    | HandedOver
    | HandOverFailed
    | DialEnded
    | MessageLeft
    | CallOver
    | BudgetNews
    | DeadlineReached
)

CallEvent = AnyPhoneEvent | AnyEngineEvent
