"""GPT-Live messages as types: the server events we use, and the client events we send.

Names and fields follow the OpenAI API reference (Live client and server events) and the types of
the `openai` package. Everything the server sends is hostile until `decode` has typed it.
"""

from typing import Any

import msgspec

from agents.realtime.wire import BadMessage, ErrorBody, UnusedEvent


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class LiveError(ErrorBody, frozen=True):
    client_event_id: str | None = None
    """Ours: which of our messages it is about, if the server says."""


class ErrorEvent(_Event, frozen=True, tag="error"):
    error: LiveError
    client_event_id: str | None = None


class EchoFormat(msgspec.Struct, frozen=True):
    type: str | None = None
    rate: int | None = None


class _EchoAudio(msgspec.Struct, frozen=True):
    format: EchoFormat | None = None


class _EchoTool(msgspec.Struct, frozen=True):
    name: str | None = None


class _EchoResponses(msgspec.Struct, frozen=True):
    tools: tuple[_EchoTool, ...] | None = None


class _EchoDelegation(msgspec.Struct, frozen=True):
    type: str | None = None
    responses: _EchoResponses | None = None


class Session(msgspec.Struct, frozen=True):
    """The effective configuration, as far as it can be told apart from another than ours."""

    id: str
    expires_at: float | None = None
    """Unix seconds."""
    audio: _EchoAudio | None = None
    delegation: _EchoDelegation | None = None


class SessionStarted(_Event, frozen=True, tag="session.started"):
    session: Session


class SessionClosed(_Event, frozen=True, tag="session.closed"):
    reason: str | None = None
    """`close_requested`, `expired`, `content`, `remote_hangup` or `connection_lost`."""


class AudioPiece(_Event, frozen=True, tag="session.output_audio.delta"):
    delta: bytes
    """Any length, at the pace of the audio we append, silence included."""


class CallerWords(_Event, frozen=True, tag="session.input_transcript.delta"):
    delta: str
    start_ms: int
    """On the session's timeline, which the audio we append drives."""
    end_ms: int


class AgentWords(_Event, frozen=True, tag="session.output_transcript.delta"):
    delta: str


class Delegated(msgspec.Struct, frozen=True):
    id: str
    target: str | None = None


class DelegationCreated(_Event, frozen=True, tag="session.delegation.created"):
    delegation: Delegated


class BackendItem(msgspec.Struct, frozen=True):
    """An output item of the backend's response: the fields we look at."""

    type: str | None = None
    status: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None


class _CachedDetails(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class BackendUsage(msgspec.Struct, frozen=True):
    input_tokens: int | None = None
    input_tokens_details: _CachedDetails | None = None
    output_tokens: int | None = None


class _Incomplete(msgspec.Struct, frozen=True):
    reason: str | None = None


class BackendResponse(msgspec.Struct, frozen=True):
    id: str
    error: ErrorBody | None = None
    incomplete_details: _Incomplete | None = None
    usage: BackendUsage | None = None


class BackendEvent(msgspec.Struct, frozen=True):
    """An event of the Responses API; which fields it has depends on its type."""

    type: str
    item: BackendItem | None = None
    response: BackendResponse | None = None


class ResponseEvent(_Event, frozen=True, tag="response.event"):
    event: BackendEvent
    delegation_id: str | None = None


ServerEvent = (
    ErrorEvent
    | SessionStarted
    | SessionClosed
    | AudioPiece
    | CallerWords
    | AgentWords
    | DelegationCreated
    | ResponseEvent
)


class _Envelope(msgspec.Struct, frozen=True):
    type: str


_decoder: msgspec.json.Decoder[ServerEvent] = msgspec.json.Decoder(ServerEvent)
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_KIND_LENGTH = 64
_USED = frozenset(str(event.__struct_config__.tag) for event in ServerEvent.__args__)

# Documented, and of no use here: acknowledgements, and what other transports or modes are told.
_UNUSED = frozenset(
    {
        "info",
        "session.commentary.appended",
        "session.input_audio.append",
        "session.input_audio.muted",
        "session.input_audio.unmuted",
        "session.instructions.appended",
        "session.output_audio.fixture.played",
        "session.output_audio.fixture.playing",
        "session.thinking.appended",
        "session.updated",
        "session.usage.updated",
    }
)


def decode(raw: bytes | str) -> ServerEvent | UnusedEvent:
    """Type one server message; raises BadMessage."""
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _unused(raw)


def _unused(raw: bytes | str) -> UnusedEvent:
    try:
        kind = _envelope_decoder.decode(raw).type
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadMessage("not_an_event") from None
    if kind in _USED:
        raise BadMessage("wrong_fields")
    return UnusedEvent(kind[:_KIND_LENGTH], kind in _UNUSED)


# ---- client events ----------------------------------------------------------------------------

_encode = msgspec.json.encode


def session_start(session: dict[str, Any], event_id: str) -> bytes:
    return _encode({"type": "session.start", "event_id": event_id, "session": session})


def append(audio: bytes) -> bytes:
    """Joined by hand: fifty of these a second and call. The encoder's base64 is the fastest."""
    return b'{"type":"session.input_audio.append","audio":' + _encode(audio) + b"}"


def commentary(text: str, event_id: str) -> bytes:
    """Something to be spoken now."""
    return _context("session.commentary.append", text, event_id)


def thinking(text: str, event_id: str) -> bytes:
    """Something to know, and not to speak of by itself."""
    return _context("session.thinking.append", text, event_id)


def instructions(text: str, event_id: str) -> bytes:
    """Something that stays for the whole session, and that the backend is told as well."""
    return _context("session.instructions.append", text, event_id)


def _context(kind: str, text: str, event_id: str) -> bytes:
    # The field is required, and only null is taken where the backend is theirs.
    return _encode({"type": kind, "event_id": event_id, "content": text, "delegation_id": None})


def tool_output(tool_call_id: str, output: str, event_id: str) -> bytes:
    item = {"type": "function_call_output", "call_id": tool_call_id, "output": output}
    return _encode({"type": "response.item.create", "event_id": event_id, "item": item})


def response_create(event_id: str) -> bytes:
    return _encode({"type": "response.create", "event_id": event_id})


def session_close() -> bytes:
    return _encode({"type": "session.close"})
