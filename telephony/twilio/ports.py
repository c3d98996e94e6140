"""What the Twilio edge asks of the service behind it, and what it offers in return.

Every method here is called on the event loop and must not block (`resume` says how it waits): no
database, no model, no network. Answers to Twilio have to leave within milliseconds.
"""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

import msgspec

from telephony.call.commands import Onward, TakeBack
from telephony.call.events import AnyPhoneEvent

Deliver = Callable[[AnyPhoneEvent], None]
"""Takes one event of a call, in order, without awaiting: `Session.deliver`."""

Count = Callable[[str], None]
"""Adds one to the counter of that name. Names are static; docs/wire.md lists them."""


CONNECTED = frozenset({"completed", "answered"})
"""`DialCallStatus` values of a caller who has spoken with somebody."""


class Offer(msgspec.Struct, frozen=True):
    """A call as the voice webhook described it; signed by Twilio, so the ids are genuine."""

    call_sid: str
    account_sid: str
    from_: str
    """As Twilio sent it: E.164, `anonymous`, `sip:...` or empty. A hint, never an identity."""
    to: str
    verstat: str = ""
    """What the networks say of `from_` (STIR/SHAKEN), as Twilio's `StirVerstat`. A hint too."""


class Admitted(msgspec.Struct, frozen=True):
    """The call may have a stream; a slot is kept for it until the stream opens or ends."""


class Refused(msgspec.Struct, frozen=True):
    """No agent for this call: the caller hears the sentence and the call ends."""

    sentence: str
    code: str
    """`at_capacity`, `draining`, ...: counted, never spoken."""


class Diverted(msgspec.Struct, frozen=True):
    """No agent for this call: it goes on to somebody else, or to voicemail, at once."""

    onward: Onward


Admission = Admitted | Refused | Diverted


class AskAgain(msgspec.Struct, frozen=True):
    """Somebody else may know by then."""

    after_s: int


Next = str | Onward | TakeBack | AskAgain | None
"""What Twilio is to do with a call it asks about: say a sentence and hang up, pass the caller on,
bring them back on a new stream, ask again later, or (None) hang up."""


class Message(msgspec.Struct, frozen=True):
    """A recording Twilio made of what a caller had to say; it is kept there."""

    recording_sid: str
    recording_url: str
    length_s: int


class StreamEvent(Enum):
    """`StreamEvent` of Twilio's stream status callback."""

    STARTED = "stream-started"
    STOPPED = "stream-stopped"
    ERROR = "stream-error"


class LostReason(Enum):
    """Why a stream ended without `stop`: all values of `StreamLost.reason` from this side."""

    CLOSED = "closed"
    """The socket was closed or broke."""
    SILENT = "silent"
    """No caller audio for too long: Twilio sends 50 frames a second even in silence."""
    BACKPRESSURE = "backpressure"
    """Twilio does not take what we send."""
    PROTOCOL = "protocol"
    """Too many bad frames, or one that broke the WebSocket protocol itself."""
    FLOOD = "flood"
    """Far more frames than a telephone call has."""
    SERVER_STOPPING = "server_stopping"
    INTERNAL = "internal"
    """A task of this stream failed: our bug."""


class Leg(Protocol):
    """The carrier's side of one call. No method blocks or raises; after the end all do nothing."""

    def play(self, ulaw: bytes) -> None:
        """Queue mu-law audio of any length behind what is queued."""

    def mark(self, name: str) -> None:
        """Ask for an echo when playback gets behind the audio queued so far."""

    def clear(self) -> None:
        """Drop all audio and marks waiting here, and Twilio's queue, ahead of anything else."""

    def flush(self) -> None:
        """Everything an event of the call brings has been queued: send it."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket at once; what waits is dropped. StreamStopped or StreamLost follows
        unless one was delivered already."""


class CallsPort(Protocol):
    """What the webhooks need to know and tell."""

    def offer(self, offer: Offer) -> Admission:
        """A new call rings. Asked once for each CallSid, however often Twilio asks."""

    def knows(self, call_sid: str) -> bool:
        """Whether what becomes of the call is decided here. If not, and the caller is still on
        the line, `resume` is to be asked."""

    async def resume(self, offer: Offer) -> Next:
        """Twilio asks about a call that another process began. Bounded to a few seconds; the one
        method here that may wait for the database, as the caller hears nothing anyway."""

    def repeated(self, call_sid: str) -> None:
        """Twilio asked again about an offered call and was given a new token."""

    def after_stream(self, call_sid: str, over: bool) -> Next:
        """The stream is over. Unless `over` the caller is still on the line: it died, no engine
        could speak, or it was closed for the caller to be passed on."""

    def dial_result(self, call_sid: str, result: str, over: bool) -> Next:
        """The leg to a transfer's target is over; `result` is Twilio's DialCallStatus. `over`:
        the caller is gone too."""

    def message_left(self, call_sid: str, caller: str, message: Message) -> Next:
        """A message was recorded; told up to twice for one. `caller` is as in an Offer."""

    def call_status(self, call_sid: str, status: str, sequence: int | None) -> None:
        """The call moved forward. Never called twice for one step, never backwards."""

    def stream_status(
        self, call_sid: str, stream_sid: str, event: StreamEvent, error: int | None
    ) -> None:
        """Twilio's view of the stream; `error` is its error code, if it gave one."""


class StreamPort(Protocol):
    """What the media socket needs."""

    def expects(self, call_sid: str) -> bool:
        """A live call has left its stream behind and waits for a new one."""

    def open_call(self, offer: Offer, stream_sid: str, leg: Leg) -> Deliver | None:
        """An authenticated stream is open; from here on a model may be paid for.

        Returns where its events go; the first is StreamStarted, the last is exactly one
        StreamStopped or StreamLost. None refuses the stream (the call is live or over already).
        """
