"""The beta interface at the edge of a fake session that thinks in the GA one.

Written from the beta types of the vendor's package and its migration guide, sharing no code with
`agents.realtime.dialects`: two readings that work together.
"""

from enum import Enum
from typing import Any

from openai.types.beta.realtime import RealtimeClientEvent, RealtimeServerEvent

from tests.fakes.realtime_schema import Refused, by_type, check_shape, refuse, unknown_fields

HEADER = ("OpenAI-Beta", "realtime=v1")
CLIENT_EVENTS = by_type(RealtimeClientEvent)
SERVER_EVENTS = by_type(RealtimeServerEvent)
_NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
}
_FORMATS: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
}
_CONTENT = {"output_audio": "audio", "output_text": "text"}


class Manner(Enum):
    """How a server of the beta interface meets a client that did not ask for it."""

    SHOWS = "shows"
    """It does not care, and shows its session as it is."""
    REFUSES = "refuses"
    """It shows little, and refuses the configuration."""
    COMPLAINS = "complains"
    """It sends an error before anything else, and closes."""
    CLOSED_DOOR = "closed_door"
    """It refuses the handshake."""


def check_client(kind: str, raw: bytes) -> None:
    """Raises Refused."""
    event = check_shape(CLIENT_EVENTS, kind, raw)
    if kind != "session.update":
        return
    session = event.model_dump(exclude_unset=True)["session"]
    for name in ("input_audio_format", "output_audio_format"):
        if session.get(name) not in _FORMATS:
            refuse(f"session.{name}")
    tokens = session.get("max_response_output_tokens", "inf")
    if tokens != "inf" and not 1 <= tokens <= 4096:
        refuse("session.max_response_output_tokens")
    if sorted(session.get("modalities", [])) != ["audio", "text"]:
        refuse("session.modalities")


def check_server(kind: str, raw: bytes) -> None:
    """Raises AssertionError: the fake itself is at fault."""
    event = SERVER_EVENTS[kind].model_validate_json(raw, strict=True)
    unknown = set(unknown_fields(event)) - {"session.object", "session.expires_at"}
    assert not unknown, f"{kind} has {unknown}"


# ---- from the client --------------------------------------------------------------------------


def incoming(event: dict[str, Any]) -> dict[str, Any]:
    """A client event that was found right, as the GA one that says the same."""
    if event["type"] == "session.update":
        return {**event, "session": _ga_session(event["session"])}
    if event["type"] == "conversation.item.create" and event["item"].get("role") == "assistant":
        parts = event["item"]["content"]
        if any(part["type"] != "text" for part in parts):
            raise Refused("invalid_value", "Assistant items support text only.", "item.content")
    return event


def _ga_session(beta: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "realtime",
        "instructions": beta["instructions"],
        "tools": beta["tools"],
        "tool_choice": beta["tool_choice"],
        "max_output_tokens": beta["max_response_output_tokens"],
        "audio": {
            "input": {
                "format": _FORMATS[beta["input_audio_format"]],
                "turn_detection": beta["turn_detection"],
                "transcription": beta["input_audio_transcription"],
                "noise_reduction": beta.get("input_audio_noise_reduction"),
            },
            "output": {
                "format": _FORMATS[beta["output_audio_format"]],
                "voice": beta["voice"],
                "speed": beta.get("speed", 1.0),
            },
        },
    }


# ---- to the client ----------------------------------------------------------------------------


def outgoing(kind: str, fields: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """A GA server event as the beta one that says the same; None: there is none."""
    if kind == "conversation.item.done":
        return None
    said = dict(fields)
    if kind.startswith("session."):
        said["session"] = _flat_session(said["session"])
    if "item" in said:
        said["item"] = _item(said["item"])
    if "response" in said:
        said["response"] = _response(said["response"])
    if kind == "response.function_call_arguments.done":
        del said["name"]
    return _NAMES.get(kind, kind), said


def _flat_session(ga: dict[str, Any]) -> dict[str, Any]:
    if "audio" not in ga:
        return ga
    given, made = ga["audio"]["input"], ga["audio"]["output"]
    names = {shape["type"]: name for name, shape in _FORMATS.items()}
    flat = {
        "modalities": ["text", "audio"],
        "instructions": ga["instructions"],
        "voice": made["voice"],
        "speed": made["speed"],
        "input_audio_format": names[given["format"]["type"]],
        "output_audio_format": names[made["format"]["type"]],
        "turn_detection": given["turn_detection"],
        "input_audio_transcription": given.get("transcription"),
        "tools": ga["tools"],
        "tool_choice": ga["tool_choice"],
        "max_response_output_tokens": ga["max_output_tokens"],
        "model": ga["model"],
    }
    return flat | {name: ga[name] for name in ("id", "expires_at") if name in ga}


def _item(ga: dict[str, Any]) -> dict[str, Any]:
    if "content" not in ga:
        return ga
    content = [{**part, "type": _CONTENT.get(part["type"], part["type"])} for part in ga["content"]]
    return {**ga, "content": content}


def _response(ga: dict[str, Any]) -> dict[str, Any]:
    beta = {name: value for name, value in ga.items() if name != "output_modalities"}
    beta["output"] = [_item(item) for item in ga["output"]]
    if ga["usage"] is not None:
        given = dict(ga["usage"]["input_token_details"])
        del given["cached_tokens_details"]
        beta["usage"] = ga["usage"] | {"input_token_details": given}
    return beta
