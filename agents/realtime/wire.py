"""Realtime messages as types: the server events we use, and the client events we send.

Names and fields follow the GA interface (OpenAI API reference, Realtime server and client events).
The beta interface, which gateways still speak, has other names for six of the events we use; they
are read as what they are called now. Everything the server sends is hostile until `decode` has
typed it.
"""

from typing import Any

import msgspec

_LONGEST_TURN_S = 3_600


class BadMessage(Exception):  # noqa: N818 - the peer's error, not ours
    """The server sent what cannot be used. The message names the fault, never the content."""


class UnusedEvent(msgspec.Struct, frozen=True):
    """A server event we do not use. New kinds appear often and must do no harm."""

    kind: str
    known: bool
    """Documented; we merely do without it."""


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class ErrorBody(msgspec.Struct, frozen=True):
    message: str | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    event_id: str | None = None
    """Ours, if the server says; often null even where we sent one."""


class ErrorEvent(_Event, frozen=True, tag="error"):
    error: ErrorBody


class SessionShown(msgspec.Struct, frozen=True):
    """What a session says of itself before it was configured."""

    id: str = ""
    expires_at: Any = None
    """Unix seconds, if the server keeps to its documents."""
    audio: Any = None
    input_audio_format: Any = None

    @property
    def beta(self) -> bool:
        """Of the beta interface: its audio formats stand at the top."""
        return self.audio is None and self.input_audio_format is not None


class SessionCreated(_Event, frozen=True, tag="session.created"):
    session: SessionShown


class SessionUpdated(_Event, frozen=True, tag="session.updated"):
    session: msgspec.Raw
    """The whole effective configuration; `agents.realtime.configuration` reads it."""


class SpeechStarted(_Event, frozen=True, tag="input_audio_buffer.speech_started"):
    item_id: str
    audio_start_ms: int


class SpeechStopped(_Event, frozen=True, tag="input_audio_buffer.speech_stopped"):
    item_id: str
    audio_end_ms: int


class IdleTimeout(_Event, frozen=True, tag="input_audio_buffer.timeout_triggered"):
    item_id: str


class _TranscriptionUsage(msgspec.Struct, frozen=True):
    seconds: float | None = None
    """Of `type` `duration`; models that charge by tokens give none."""


class TranscriptionCompleted(
    _Event, frozen=True, tag="conversation.item.input_audio_transcription.completed"
):
    item_id: str
    transcript: str
    usage: _TranscriptionUsage | None = None

    @property
    def billed_ms(self) -> int | None:
        """How much speech is charged for; None: it is not told, or cannot be true."""
        seconds = self.usage.seconds if self.usage else None
        if seconds is None or not 0 <= seconds <= _LONGEST_TURN_S:
            return None
        return round(seconds * 1000)


class TranscriptionFailed(
    _Event, frozen=True, tag="conversation.item.input_audio_transcription.failed"
):
    item_id: str


class Item(msgspec.Struct, frozen=True):
    """A conversation item, whatever its type: the fields we look at."""

    id: str | None = None
    type: str | None = None
    status: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None


class ItemAdded(_Event, frozen=True, tag="conversation.item.added"):
    item: Item


class _BetaItemAdded(ItemAdded, frozen=True, tag="conversation.item.created"):
    pass


class ItemTruncated(_Event, frozen=True, tag="conversation.item.truncated"):
    item_id: str


class OutputItemDone(_Event, frozen=True, tag="response.output_item.done"):
    response_id: str
    item: Item


class AudioPiece(_Event, frozen=True, tag="response.output_audio.delta"):
    response_id: str
    item_id: str
    delta: bytes
    """msgspec decodes the base64 while it parses, three times as fast as a step of its own."""
    content_index: int = 0


class _BetaAudioPiece(AudioPiece, frozen=True, tag="response.audio.delta"):
    pass


class TranscriptPiece(_Event, frozen=True, tag="response.output_audio_transcript.delta"):
    response_id: str
    item_id: str
    delta: str


class _BetaTranscriptPiece(TranscriptPiece, frozen=True, tag="response.audio_transcript.delta"):
    pass


class TranscriptDone(_Event, frozen=True, tag="response.output_audio_transcript.done"):
    response_id: str
    item_id: str
    transcript: str


class _BetaTranscriptDone(TranscriptDone, frozen=True, tag="response.audio_transcript.done"):
    pass


class TextPiece(_Event, frozen=True, tag="response.output_text.delta"):
    response_id: str
    item_id: str


class _BetaTextPiece(TextPiece, frozen=True, tag="response.text.delta"):
    pass


class _CachedDetails(msgspec.Struct, frozen=True):
    text_tokens: int | None = None
    audio_tokens: int | None = None


class _InputDetails(msgspec.Struct, frozen=True):
    text_tokens: int | None = None
    audio_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: _CachedDetails | None = None


class _OutputDetails(msgspec.Struct, frozen=True):
    text_tokens: int | None = None
    audio_tokens: int | None = None


class UsageCount(msgspec.Struct, frozen=True):
    input_token_details: _InputDetails | None = None
    output_token_details: _OutputDetails | None = None


class _StatusDetails(msgspec.Struct, frozen=True):
    reason: str | None = None
    error: ErrorBody | None = None


class Response(msgspec.Struct, frozen=True):
    id: str
    status: str | None = None
    status_details: _StatusDetails | None = None
    usage: UsageCount | None = None
    metadata: dict[str, str] | None = None


class ResponseCreated(_Event, frozen=True, tag="response.created"):
    response: Response


class ResponseEnded(_Event, frozen=True, tag="response.done"):
    response: Response


class RateLimit(msgspec.Struct, frozen=True):
    # These two are only told on: a gateway that writes them oddly must not be cut off for it.
    name: Any = None
    limit: Any = None
    remaining: float | None = None
    reset_seconds: float | None = None


class RateLimits(_Event, frozen=True, tag="rate_limits.updated"):
    rate_limits: tuple[RateLimit, ...] = ()


ServerEvent = (
    ErrorEvent
    | SessionCreated
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | IdleTimeout
    | TranscriptionCompleted
    | TranscriptionFailed
    | ItemAdded
    | _BetaItemAdded
    | ItemTruncated
    | OutputItemDone
    | AudioPiece
    | _BetaAudioPiece
    | TranscriptPiece
    | _BetaTranscriptPiece
    | TranscriptDone
    | _BetaTranscriptDone
    | TextPiece
    | _BetaTextPiece
    | ResponseCreated
    | ResponseEnded
    | RateLimits
)


class _Envelope(msgspec.Struct, frozen=True):
    type: str


_decoder: msgspec.json.Decoder[ServerEvent] = msgspec.json.Decoder(ServerEvent)
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_KIND_LENGTH = 64
_USED = frozenset(str(event.__struct_config__.tag) for event in ServerEvent.__args__)

# Documented, and of no use on a telephone: duplicates of what the used ones say, and other
# transports' affairs.
_UNUSED = frozenset(
    {
        "conversation.created",
        "conversation.item.deleted",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.retrieved",
        "input_audio_buffer.cleared",
        "input_audio_buffer.committed",
        "input_audio_buffer.dtmf_event_received",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "mcp_list_tools.in_progress",
        "output_audio_buffer.cleared",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "response.audio.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.output_audio.done",
        "response.output_item.added",
        "response.output_text.done",
        "response.text.done",
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


def session_update(session: dict[str, Any], event_id: str) -> bytes:
    return _encode({"type": "session.update", "event_id": event_id, "session": session})


def append(audio: bytes) -> bytes:
    """Joined by hand: fifty of these a second and call. The encoder's base64 is the fastest."""
    return b'{"type":"input_audio_buffer.append","audio":' + _encode(audio) + b"}"


def response_create(event_id: str, response: dict[str, Any]) -> bytes:
    return _encode({"type": "response.create", "event_id": event_id, "response": response})


def response_cancel(response_id: str) -> bytes:
    return _encode({"type": "response.cancel", "response_id": response_id})


def item_truncate(item_id: str, content_index: int, audio_end_ms: int, event_id: str) -> bytes:
    return _encode(
        {
            "type": "conversation.item.truncate",
            "event_id": event_id,
            "item_id": item_id,
            "content_index": content_index,
            "audio_end_ms": audio_end_ms,
        }
    )


def item_delete(item_id: str) -> bytes:
    return _encode({"type": "conversation.item.delete", "item_id": item_id})


def item_create(item: dict[str, Any], after: str | None = None) -> bytes:
    """`after`: the item it is put behind; None: at the end."""
    where = {} if after is None else {"previous_item_id": after}
    return _encode({"type": "conversation.item.create", **where, "item": item})


def system_text(text: str) -> dict[str, Any]:
    return _message("system", "input_text", text)


def caller_text(text: str) -> dict[str, Any]:
    return _message("user", "input_text", text)


def agent_text(text: str, *, beta: bool) -> dict[str, Any]:
    return _message("assistant", "text" if beta else "output_text", text)


def tool_call(tool_call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {
        "type": "function_call",
        "call_id": tool_call_id,
        "name": name,
        "arguments": arguments,
    }


def tool_output(tool_call_id: str, output: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": tool_call_id, "output": output}


def _message(role: str, kind: str, text: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
