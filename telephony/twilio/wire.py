"""Which message is this, and is it one Twilio could have sent?

Twilio, Media Streams WebSocket messages: JSON text frames both ways. Every number from Twilio is
a decimal string, except those inside `mediaFormat`. Parsing raises BadFrame and nothing else, and
what it raises holds a code, never a piece of the frame.
"""

import re
from base64 import b64encode
from enum import Enum
from typing import Annotated, Literal

import msgspec

MAX_FRAME_BYTES = 65_536
MAX_DEPTH = 8
DTMF_DIGITS = frozenset("0123456789*#ABCD")

_MAX_NUMBER_DIGITS = 15
_MAX_PARAMETERS = 100
_EVENT_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,32}")
# A string always matches to its end, or to the end of the text, so that scanning stays linear.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class BadKind(Enum):
    """All the ways a frame can be unusable."""

    BINARY = "binary"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    NO_EVENT = "no_event"
    BAD_SHAPE = "bad_shape"
    """A known event with a field missing, of the wrong type, or too long."""
    BAD_NUMBER = "bad_number"
    BAD_BASE64 = "bad_base64"
    EMPTY_AUDIO = "empty_audio"
    BAD_DIGIT = "bad_digit"
    BAD_SEQUENCE = "bad_sequence"
    """A sequence number no loss could explain."""
    WRONG_STREAM = "wrong_stream"
    SECOND_START = "second_start"
    BEFORE_START = "before_start"


class BadFrame(ValueError):  # noqa: N818 - the peer's error, not ours
    """A peer sent nonsense; `kind` is all that may be told of it."""

    def __init__(self, kind: BadKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


# ---- Twilio -> us -----------------------------------------------------------------------------


class MediaFormat(msgspec.Struct, frozen=True):
    encoding: str
    rate: int
    channels: int


class Connected(msgspec.Struct, frozen=True):
    """First message of a socket; carries nothing we need."""


class Start(msgspec.Struct, frozen=True):
    stream_sid: str
    sequence: int
    account_sid: str
    call_sid: str
    parameters: dict[str, str]
    """The `<Parameter>` pairs of our TwiML."""
    format: MediaFormat


class Media(msgspec.Struct, frozen=True, gc=False):
    stream_sid: str
    sequence: int
    timestamp_ms: int
    """Presentation time of the first sample; not a wall clock."""
    ulaw: bytes
    """Never empty."""


class Dtmf(msgspec.Struct, frozen=True):
    stream_sid: str
    sequence: int
    digit: str


class Mark(msgspec.Struct, frozen=True, gc=False):
    stream_sid: str
    sequence: int
    name: str


class Stop(msgspec.Struct, frozen=True):
    stream_sid: str
    sequence: int


class Ignored(msgspec.Struct, frozen=True):
    """A lawful frame of no use to us: an event of a later protocol, or another audio track."""

    kind: str
    """`event:<name>` or `track:<name>`; `?` for a name that is no plain word."""
    sequence: int | None = None


Frame = Connected | Start | Media | Dtmf | Mark | Stop | Ignored

_Sid = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Short = Annotated[str, msgspec.Meta(max_length=64)]
_Number = str | int


class _MediaFormat(msgspec.Struct, rename="camel"):
    encoding: _Short
    sample_rate: _Number
    channels: _Number


class _StartBody(msgspec.Struct, rename="camel"):
    stream_sid: _Sid
    account_sid: _Sid
    call_sid: _Sid
    media_format: _MediaFormat
    custom_parameters: Annotated[dict[str, str], msgspec.Meta(max_length=_MAX_PARAMETERS)] = {}


class _MediaBody(msgspec.Struct, rename="camel"):
    timestamp: _Number
    payload: str
    track: _Short = "inbound"


class _DtmfBody(msgspec.Struct, rename="camel"):
    digit: _Short


class _MarkBody(msgspec.Struct, rename="camel"):
    name: Annotated[str, msgspec.Meta(max_length=256)]


class _Connected(msgspec.Struct, tag_field="event", tag="connected"):
    pass


class _Start(msgspec.Struct, rename="camel", tag_field="event", tag="start"):
    stream_sid: _Sid
    sequence_number: _Number
    start: _StartBody


class _Media(msgspec.Struct, rename="camel", tag_field="event", tag="media"):
    stream_sid: _Sid
    sequence_number: _Number
    media: _MediaBody


class _Dtmf(msgspec.Struct, rename="camel", tag_field="event", tag="dtmf"):
    stream_sid: _Sid
    sequence_number: _Number
    dtmf: _DtmfBody


class _Mark(msgspec.Struct, rename="camel", tag_field="event", tag="mark"):
    stream_sid: _Sid
    sequence_number: _Number
    mark: _MarkBody


class _Stop(msgspec.Struct, rename="camel", tag_field="event", tag="stop"):
    stream_sid: _Sid
    sequence_number: _Number


_Digits = Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_NUMBER_DIGITS)]


# Of what comes by the thousand the collector need not know: there are no cycles in it.
class _UsualMediaBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    timestamp: _Digits
    payload: Annotated[bytes, msgspec.Meta(min_length=1)]
    track: Literal["inbound"] = "inbound"
    chunk: str = ""


class _UsualMarkBody(_MarkBody, forbid_unknown_fields=True, gc=False):
    pass


class _Usual(
    msgspec.Struct, rename="camel", tag_field="event", forbid_unknown_fields=True, gc=False
):
    """No field but the documented ones, and all numbers as strings."""

    stream_sid: _Sid
    sequence_number: _Digits


class _UsualMedia(_Usual, tag="media"):
    media: _UsualMediaBody


class _UsualMark(_Usual, tag="mark"):
    mark: _UsualMarkBody


class _Any(msgspec.Struct, rename="camel"):
    event: str
    sequence_number: object = None


_Known = _Connected | _Start | _Media | _Dtmf | _Mark | _Stop
_KNOWN_EVENTS = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})
_decoder: msgspec.json.Decoder[_Known] = msgspec.json.Decoder(_Known)
_usual_decoder: msgspec.json.Decoder[_UsualMedia | _UsualMark] = msgspec.json.Decoder(
    _UsualMedia | _UsualMark
)
_any_decoder = msgspec.json.Decoder(_Any)
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def usual(message: bytes) -> Media | Mark | None:
    """The short way of `parse` for nearly all that comes, audio and marks as Twilio writes them.
    What this reads `parse` reads alike. None tells nothing: `parse` it.

    `message` may be no UTF-8, and of any size and depth. Where no field is unknown, no value is
    skipped but before the event's name is found: each string was decoded.
    """
    if len(message) > MAX_FRAME_BYTES:
        return None
    try:
        frame = _usual_decoder.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    sequence = frame.sequence_number
    if isinstance(frame, _UsualMedia):
        timestamp = frame.media.timestamp
        digits = sequence + timestamp
        if digits.isascii() and digits.isdigit():
            return Media(frame.stream_sid, int(sequence), int(timestamp), frame.media.payload)
    elif sequence.isascii() and sequence.isdigit():
        return Mark(frame.stream_sid, int(sequence), frame.mark.name)
    return None


def parse(text: str) -> Frame:
    """One text frame. Raises BadFrame."""
    _check_size(text)
    known = _typed(text)
    match known:
        case _Media():
            return _media(known)
        case _Mark():
            return Mark(known.stream_sid, _int(known.sequence_number), known.mark.name)
        case _Dtmf():
            return _dtmf(known)
        case _Stop():
            return Stop(known.stream_sid, _int(known.sequence_number))
        case _Start():
            return _start(known)
        case _Connected():
            return Connected()
        case None:
            return _explain(text)


def _typed(text: str) -> _Known | None:
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _check_size(text: str) -> None:
    if len(text) > MAX_FRAME_BYTES:
        raise BadFrame(BadKind.TOO_LARGE)
    if not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > MAX_FRAME_BYTES:
        raise BadFrame(BadKind.TOO_LARGE)
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise BadFrame(BadKind.TOO_DEEP)


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in "]}":
            depth -= 1
    return deepest


def _explain(text: str) -> Ignored:
    """Why the typed decoder refused: an event we do not know, or a bad frame."""
    frame = _any(text)
    if frame.event in _KNOWN_EVENTS:
        raise BadFrame(BadKind.BAD_SHAPE)
    number = frame.sequence_number
    sequence = _int(number) if isinstance(number, str | int) else None
    return Ignored(f"event:{_plain(frame.event)}", sequence)


def _any(text: str) -> _Any:
    try:
        return _any_decoder.decode(text)
    except msgspec.ValidationError:
        raise BadFrame(_wrong_shape(text)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadFrame(BadKind.NOT_JSON) from None


def _wrong_shape(text: str) -> BadKind:
    try:
        _object_decoder.decode(text)
    except msgspec.ValidationError:
        return BadKind.NOT_OBJECT
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return BadKind.NOT_JSON
    return BadKind.NO_EVENT


def _plain(name: str) -> str:
    return name if _EVENT_NAME.fullmatch(name) else "?"


def _int(number: str | int) -> int:
    """A count or a time: decimal digits and nothing else."""
    if isinstance(number, str):
        if not (number.isascii() and number.isdigit() and len(number) <= _MAX_NUMBER_DIGITS):
            raise BadFrame(BadKind.BAD_NUMBER)
        return int(number)
    if not 0 <= number < 10**_MAX_NUMBER_DIGITS:
        raise BadFrame(BadKind.BAD_NUMBER)
    return number


def _media(frame: _Media) -> Media | Ignored:
    sequence, timestamp_ms = _int(frame.sequence_number), _int(frame.media.timestamp)
    if frame.media.track != "inbound":
        return Ignored(f"track:{_plain(frame.media.track)}", sequence)
    return Media(frame.stream_sid, sequence, timestamp_ms, _audio(frame.media.payload))


def _audio(payload: str) -> bytes:
    if not payload:
        raise BadFrame(BadKind.EMPTY_AUDIO)
    try:
        return msgspec.convert(payload, bytes)
    except (msgspec.ValidationError, UnicodeError):
        raise BadFrame(BadKind.BAD_BASE64) from None


def _dtmf(frame: _Dtmf) -> Dtmf:
    if frame.dtmf.digit not in DTMF_DIGITS:
        raise BadFrame(BadKind.BAD_DIGIT)
    return Dtmf(frame.stream_sid, _int(frame.sequence_number), frame.dtmf.digit)


def _start(frame: _Start) -> Start:
    body = frame.start
    if body.stream_sid != frame.stream_sid:
        raise BadFrame(BadKind.WRONG_STREAM)
    return Start(
        stream_sid=frame.stream_sid,
        sequence=_int(frame.sequence_number),
        account_sid=body.account_sid,
        call_sid=body.call_sid,
        parameters=body.custom_parameters,
        format=MediaFormat(
            body.media_format.encoding,
            _int(body.media_format.sample_rate),
            _int(body.media_format.channels),
        ),
    )


# ---- us -> Twilio -----------------------------------------------------------------------------
# Exactly the documented fields: Twilio answers an extra one with warning 31951 and drops the rest.


class Envelopes:
    """Writes the three messages Twilio understands, for one stream."""

    def __init__(self, stream_sid: str) -> None:
        sid = _quoted(stream_sid)
        self._media = f'{{"event":"media","streamSid":{sid},"media":{{"payload":"'
        self._mark = f'{{"event":"mark","streamSid":{sid},"mark":{{"name":'
        self._clear = f'{{"event":"clear","streamSid":{sid}}}'

    def media(self, ulaw: bytes) -> str:
        """Play mu-law audio, 8,000 samples a second, any length, no header."""
        return f'{self._media}{b64encode(ulaw).decode("ascii")}"}}}}'

    def mark(self, name: str) -> str:
        """Echo `name` when playback has come this far, or when it is cleared."""
        return f"{self._mark}{_quoted(name)}}}}}"

    def clear(self) -> str:
        """Throw away everything queued; all outstanding marks come back at once."""
        return self._clear


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode("utf-8")
