"""Everything a call may ask of the world around it; the engine's commands are in agents.engine."""

from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec

from agents.engine import AnyEngineCommand, AppendAudio
from telephony.transcripts.entry import AnyEntry, EndedReason
from tools.spec import Evidence


class Track(Enum):
    """Which side of the line a stored piece of audio belongs to."""

    CALLER = "caller"
    SENT = "sent"
    """What went to the carrier."""
    HEARD = "heard"
    """What the caller heard of it, where on the call's clock it was heard."""


class PhoneCommand(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of what the telephone leg, the tools and the archive are asked to do."""


class PlayAudio(PhoneCommand, frozen=True, tag=True):
    """Queue audio at the carrier."""

    ulaw: bytes


class PlaceMark(PhoneCommand, frozen=True, tag=True):
    """Ask for an echo when playback gets here."""

    name: str


class ClearPlayback(PhoneCommand, frozen=True, tag=True):
    """Throw away all queued audio, here and at the carrier; overtakes what waits in the outbox."""


class RunTool(PhoneCommand, frozen=True, tag=True):
    tool_call_id: str
    name: str
    arguments: str
    evidence: Evidence = Evidence()
    """What was said, as far as the tool's rules go by it."""


class OpenEngine(PhoneCommand, frozen=True, tag=True):
    """Open another engine session beside the one there is; SuccessorReady or SuccessorFailed
    follows."""

    seat: int
    """Its number in this call."""
    rung: int
    """Which engine: its place in `CallConfig.rungs`."""


class SeatEngine(PhoneCommand, frozen=True, tag=True):
    """From now on commands go to this session and its events come; the one before it is closed."""

    seat: int


class LeaveEngine(PhoneCommand, frozen=True, tag=True):
    """Close this session; nothing it still says is wanted."""

    seat: int


class SettleTool(PhoneCommand, frozen=True, tag=True):
    """Find out what came of a tool that another process began; ToolFinished follows."""

    tool_call_id: str
    name: str


class SealDigits(PhoneCommand, frozen=True, tag=True):
    """Put the last `count` hidden digits away; DigitsSealed follows."""

    tool_call_id: str
    count: int


class HangUp(PhoneCommand, frozen=True, tag=True):
    """End the call through the carrier's API; HangUpFailed or StreamStopped follows."""


class Transfer(PhoneCommand, frozen=True, tag=True):
    """Have the carrier connect the caller to a target of the line's configuration.

    HandedOver or HandOverFailed follows, then DialEnded; meanwhile the stream stops.
    """

    target: str
    announce: str = ""
    """What the carrier says first, for want of a voice here."""


class TakeMessage(PhoneCommand, frozen=True, tag=True):
    """Have the carrier record what the caller leaves for us; MessageLeft follows, if they do."""

    announce: str = ""
    asked: bool = False
    """True: the carrier asks just now what to do next, and this is the answer."""


class TakeBack(PhoneCommand, frozen=True, tag=True):
    """Answer the carrier, which asks what to do next, with a new stream for this call."""


class CallBack(PhoneCommand, frozen=True, tag=True):
    """Leave the staff a note that this caller is to be called back."""

    why: str
    """One of few sentences of ours; carries no caller data."""


class CloseStream(PhoneCommand, frozen=True, tag=True):
    """Close the media socket: the last resort, and what follows StreamStopped."""

    code: int
    reason: str


class StoreAudio(PhoneCommand, frozen=True, tag=True):
    """Keep audio in the recording; gaps between pieces are silence."""

    track: Track
    at_samples: int
    """Position on the call's clock, in samples of 8,000 a second."""
    ulaw: bytes


class Record(PhoneCommand, frozen=True, tag=True):
    """Write one transcript entry."""

    entry: AnyEntry


class Note(PhoneCommand, frozen=True, tag=True):
    """Log and count something; carries no caller data."""

    code: str
    value: int = 0
    detail: str = ""


class EndCall(PhoneCommand, frozen=True, tag=True):
    """The call is over: the last command of every call. Release everything."""

    reason: EndedReason


AnyPhoneCommand = (
    PlayAudio
    | PlaceMark
    | ClearPlayback
    | RunTool
    | OpenEngine
    | SeatEngine
    | LeaveEngine
    | SettleTool
    | SealDigits
    | HangUp
    | Transfer
    | TakeMessage
    | TakeBack
    | CallBack
    | CloseStream
    | StoreAudio
    | Record
    | Note
    | EndCall
)

Onward = Transfer | TakeMessage
"""Where a caller goes from here without leaving the line."""

CallCommand = AnyPhoneCommand | AnyEngineCommand

_SOUND: Final = frozenset({StoreAudio, AppendAudio, PlayAudio, PlaceMark})


def is_sound(commands: Iterable[CallCommand]) -> bool:
    """Audio is carried and kept, and that is all that is asked for."""
    return _SOUND.issuperset(map(type, commands))
