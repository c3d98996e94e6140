"""Does a GPT-Live event have the shape the vendor's own package knows?"""

from typing import Any, get_args

from openai.types.live import ServerEvent
from openai.types.live.built_in_voice import BuiltInVoice
from openai.types.live.client_event import ClientEvent
from pydantic import BaseModel, ValidationError

from tests.fakes.realtime_schema import Refused, unknown_fields

MOST_INPUT = 128
MOST_APPEND_TOKENS = 500
MOST_INSTRUCTION_TOKENS = 16_384
_APPENDS = frozenset(
    {"session.commentary.append", "session.thinking.append", "session.instructions.append"}
)


def _by_type(union: Any) -> dict[str, type[BaseModel]]:
    models = get_args(get_args(union)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


CLIENT_EVENTS = _by_type(ClientEvent)
SERVER_EVENTS = _by_type(ServerEvent)


def tokens(text: str) -> int:
    """More than there are in any language: four letters of ASCII, or one of any other."""
    plain = sum(1 for letter in text if letter.isascii())
    return -(-plain // 4) + len(text) - plain


def check_client(kind: str, raw: bytes, event: dict[str, Any]) -> None:
    """Raises Refused."""
    model = CLIENT_EVENTS.get(kind)
    if model is None:
        known = ", ".join(sorted(CLIENT_EVENTS))
        raise Refused("invalid_value", f"Invalid value: '{kind}'. Supported: {known}.", "type")
    try:
        parsed = model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        path = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Refused("invalid_value", f"Invalid value for '{path}'.", path) from None
    unknown = unknown_fields(parsed)
    # JSON Schemas are theirs who write them.
    unknown = [name for name in unknown if ".parameters." not in name]
    if unknown:
        raise Refused("unknown_parameter", f"Unknown parameter: '{unknown[0]}'.", unknown[0])
    if kind in _APPENDS:
        _check_append(event)
    if kind == "session.start":
        _check_session(event["session"])


def check_server(kind: str, raw: bytes) -> None:
    """Raises AssertionError: the fake itself is at fault."""
    event = SERVER_EVENTS[kind].model_validate_json(raw, strict=True)
    unknown = [name for name in unknown_fields(event) if ".parameters." not in name]
    assert not unknown, f"{kind} has {unknown}"


def _check_append(event: dict[str, Any]) -> None:
    if "delegation_id" not in event:
        raise Refused("missing_required_parameter", "Missing 'delegation_id'.", "delegation_id")
    if event["delegation_id"] is not None:
        raise Refused("invalid_value", "Not with Responses delegation.", "delegation_id")
    if not event["content"].strip() or tokens(event["content"]) > MOST_APPEND_TOKENS:
        raise Refused("invalid_value", "Content of 1 to 500 tokens.", "content")


def _check_session(session: dict[str, Any]) -> None:
    """Rules the types do not express (API reference, Live session object)."""
    audio = session.get("audio") or {}
    kind = audio.get("format") or {"type": "audio/pcm", "rate": 24_000}
    rates = {"audio/pcm": {16_000, 24_000}, "audio/pcmu": {8_000}, "audio/pcma": {8_000}}
    if kind.get("rate") not in rates[kind["type"]]:
        raise Refused("invalid_value", "Invalid rate.", "session.audio.format.rate")
    voice = (audio.get("output") or {}).get("voice", "marin")
    if voice not in get_args(BuiltInVoice):
        raise Refused("forbidden", "No such voice.", "session.audio.output.voice")
    if tokens(session.get("instructions", "")) > MOST_INSTRUCTION_TOKENS:
        raise Refused("invalid_value", "Too long.", "session.instructions")
    if len(session.get("input") or []) > MOST_INPUT:
        raise Refused("invalid_value", "Too many messages.", "session.input")
    delegation = session.get("delegation") or {"type": "client"}
    tools = (delegation.get("responses") or {}).get("tools") or []
    names = [tool.get("name") for tool in tools]
    if len(names) != len(set(names)):
        raise Refused("invalid_value", "Two tools of one name.", "session.delegation")
    for tool in tools:
        if any(key.startswith("x-") for key in _keys(tool.get("parameters"))):
            raise Refused("invalid_value", "Invalid schema.", "session.delegation")


def _keys(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        return [*schema, *(key for part in schema.values() for key in _keys(part))]
    if isinstance(schema, list):
        return [key for part in schema for key in _keys(part)]
    return []
