"""Does an event have the shape the vendor's own package knows? No unknown field is let pass."""

from typing import Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, ValidationError

_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"}
)


class Refused(Exception):  # noqa: N818 - what the server answers, not its failure
    """The client event is not acceptable; becomes an `error` event."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


def by_type(union: Any) -> dict[str, type[BaseModel]]:
    models = get_args(get_args(union)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


CLIENT_EVENTS = by_type(RealtimeClientEvent)
SERVER_EVENTS = by_type(RealtimeServerEvent)


def check_client(kind: str, raw: bytes) -> None:
    """Raises Refused."""
    event = check_shape(CLIENT_EVENTS, kind, raw)
    if kind == "session.update":
        _check_session(event.model_dump(exclude_unset=True)["session"])


def check_shape(known: dict[str, type[BaseModel]], kind: str, raw: bytes) -> BaseModel:
    """An event of one interface; raises Refused."""
    model = known.get(kind)
    if model is None:
        raise Refused("invalid_value", f"Invalid value: '{kind}'.", "type")
    try:
        event = model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise _refusal(error) from None
    unknown = unknown_fields(event)
    if unknown:
        raise Refused("unknown_parameter", f"Unknown parameter: '{unknown[0]}'.", unknown[0])
    return event


def check_server(kind: str, raw: bytes) -> None:
    """Raises AssertionError: the fake itself is at fault."""
    event = SERVER_EVENTS[kind].model_validate_json(raw, strict=True)
    # Sessions and function calls carry a few fields the package's request types do not name.
    unknown = [name for name in unknown_fields(event) if name not in _ECHO_ONLY]
    assert not unknown, f"{kind} has {unknown}"


_ECHO_ONLY = frozenset({"session.id", "session.object", "session.expires_at"})


def _refusal(error: ValidationError) -> Refused:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"] if not str(part)[:1].isupper())
    if first["type"] == "missing":
        return Refused("missing_required_parameter", f"Missing required parameter: '{path}'.", path)
    return Refused("invalid_value", f"Invalid value for '{path}'.", path)


def unknown_fields(model: BaseModel, path: str = "") -> list[str]:
    """Dotted names of everything the package's types do not know."""
    found = [f"{path}{name}" for name in (model.model_extra or {})]
    for name in model.model_fields_set:
        found += _in_value(getattr(model, name, None), f"{path}{name}")
    return found


def _in_value(value: Any, path: str) -> list[str]:
    if isinstance(value, BaseModel):
        return unknown_fields(value, f"{path}.")
    if isinstance(value, list):
        return [name for part in value for name in _in_value(part, path)]
    return []


def _check_session(session: dict[str, Any]) -> None:
    """Rules the types do not express (API reference, realtime session object)."""
    audio = session.get("audio") or {}
    given, made = audio.get("input") or {}, audio.get("output") or {}
    for side, part in (("input", given), ("output", made)):
        audio_format = part.get("format") or {}
        if audio_format.get("type") == "audio/pcm" and audio_format.get("rate") != 24_000:
            refuse(f"session.audio.{side}.format.rate")
    if "voice" in made and made["voice"] not in _VOICES:
        refuse("session.audio.output.voice")
    if not 0.25 <= made.get("speed", 1.0) <= 1.5:
        refuse("session.audio.output.speed")
    if len(session.get("output_modalities", ["audio"])) != 1:
        refuse("session.output_modalities")
    tokens = session.get("max_output_tokens", "inf")
    if tokens != "inf" and not 1 <= tokens <= 4096:
        refuse("session.max_output_tokens")
    _check_turns(given.get("turn_detection") or {})
    _check_transcription(given.get("transcription") or {})
    for tool in session.get("tools", []):
        if not tool.get("name"):
            raise Refused("missing_required_parameter", "Missing name.", "session.tools[0].name")
        if any(key.startswith("x-") for key in _keys(tool.get("parameters"))):
            refuse("session.tools[0].parameters")


def _check_turns(turns: dict[str, Any]) -> None:
    if not 0.0 <= turns.get("threshold", 0.5) <= 1.0:
        refuse("session.audio.input.turn_detection.threshold")
    idle = turns.get("idle_timeout_ms")
    if idle is not None and not 5_000 <= idle <= 30_000:
        refuse("session.audio.input.turn_detection.idle_timeout_ms")


def _check_transcription(transcription: dict[str, Any]) -> None:
    model = transcription.get("model", "gpt-transcribe")
    takes_list = model in {"gpt-transcribe", "gpt-live-transcribe"}
    wrong = "language" if takes_list else "languages"
    if transcription.get(wrong) is not None:
        raise Refused("unknown_parameter", f"'{wrong}' is not for {model}.", wrong)


def check_reasoning(session: dict[str, Any], *, reasons: bool) -> None:
    """Only reasoning models take these; others refuse the whole update for them."""
    for name in ("reasoning", "parallel_tool_calls"):
        if session.get(name) is not None and not reasons:
            raise Refused("unknown_parameter", f"Unknown parameter: 'session.{name}'.", name)


def refuse(param: str) -> None:
    """Raises Refused."""
    raise Refused("invalid_value", f"Invalid value for '{param}'.", param)


def _keys(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        return [*schema, *(key for part in schema.values() for key in _keys(part))]
    if isinstance(schema, list):
        return [key for part in schema for key in _keys(part)]
    return []
