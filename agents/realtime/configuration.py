"""What the session is asked to be, and whether the server's echo says it became that.

One field the server does not know makes it refuse the whole `session.update`; the session then
runs on with its default prompt, no tools and 24 kHz PCM, which a telephone plays as noise. So
the echo is compared before anything else happens.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from agents.engine import AudioFormat
from agents.persona import Persona
from agents.providers import Dialect
from agents.realtime.dialects import beta_session, ga_echo
from agents.realtime.settings import TOOL_CHOICES, RealtimeSettings, Truncation
from agents.realtime.wire import BadMessage
from tools.registry import without_hints
from tools.spec import ToolSpec


def instructions(persona: Persona) -> str:
    """What the model is told about its task. The same for every call of one persona, because
    the server caches by prefix; without any, the server's own prompt would rule."""
    if persona.instructions.strip():
        return persona.instructions
    return (
        f"You are the telephone assistant of {persona.business}. Speak {persona.language}. "
        "Answer in one or two short sentences, the way people talk on the phone. "
        "Use the tools for facts and for anything that must be recorded; never invent "
        "an availability, a price or a confirmation. Before you record something, read it back "
        "and wait for a yes. Ask for one thing at a time."
    )


def recital(persona: Persona, text: str) -> str:
    """Instructions for a response that says exactly `text`. Instructions of a response replace
    the session's, so these stand in front: the persona stays, and so does the cached prefix."""
    return (
        f"{instructions(persona)}\n\n# This reply\n"
        "Say the following text aloud, word for word, once, in its own language, and say "
        f"nothing before or after it:\n{text}"
    )


def going_on(persona: Persona, said: str) -> str:
    """Instructions for the reply to a tool's output after `said`: a model that speaks and calls in
    one response says the same again when it is merely asked for the next one."""
    return (
        f"{instructions(persona)}\n\n# This reply\n"
        "In this turn you have already said the following. Go on from there with what the tool"
        f" has answered, and do not say any of it again:\n{said}"
    )


def session(
    settings: RealtimeSettings,
    persona: Persona,
    tools: Sequence[ToolSpec],
    dialect: Dialect = Dialect.GA,
) -> dict[str, Any]:
    """The `session` of our session.update (OpenAI API reference, realtime session object)."""
    asked = _ga_session(settings, persona, tools)
    return beta_session(asked) if dialect is Dialect.BETA else asked


def _ga_session(
    settings: RealtimeSettings, persona: Persona, tools: Sequence[ToolSpec]
) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": instructions(persona),
        "max_output_tokens": settings.max_output_tokens or "inf",
        "audio": {"input": _input(settings, persona), "output": _output(settings, persona)},
        "tools": [_tool(tool) for tool in tools],
        "tool_choice": _tool_choice(settings.tool_choice),
        "truncation": _truncation(settings.truncation),
    }
    if settings.tracing:
        asked["tracing"] = "auto"
    if settings.reasons:
        asked["reasoning"] = {"effort": settings.reasoning_effort}
        if settings.parallel_tool_calls is not None:
            asked["parallel_tool_calls"] = settings.parallel_tool_calls
    return asked


def _tool_choice(choice: str) -> str | dict[str, Any]:
    return choice if choice in TOOL_CHOICES else {"type": "function", "name": choice}


def _truncation(truncation: Truncation) -> str | dict[str, Any]:
    if truncation.strategy != "retention_ratio":
        return truncation.strategy
    return {
        "type": "retention_ratio",
        "retention_ratio": truncation.retention_ratio,
        "token_limits": {"post_instructions": truncation.post_instructions_tokens},
    }


def _input(settings: RealtimeSettings, persona: Persona) -> dict[str, Any]:
    noise = settings.noise_reduction
    return {
        "format": _format(settings.audio_format),
        "noise_reduction": {"type": noise} if noise else None,
        "transcription": _transcription(settings, persona),
        "turn_detection": _turn_detection(settings),
    }


def _output(settings: RealtimeSettings, persona: Persona) -> dict[str, Any]:
    return {
        "format": _format(settings.audio_format),
        "voice": _voice(settings, persona),
        "speed": settings.speed,
    }


def _voice(settings: RealtimeSettings, persona: Persona) -> str:
    return persona.voice or settings.voice


def _format(audio_format: AudioFormat) -> dict[str, Any]:
    match audio_format:
        case AudioFormat.PCM16_24K:
            return {"type": "audio/pcm", "rate": 24_000}
        case AudioFormat.ULAW_8K:
            # A `rate` here is refused, although the sibling Live API demands it.
            return {"type": "audio/pcmu"}


def _transcription(settings: RealtimeSettings, persona: Persona) -> dict[str, Any] | None:
    model = settings.transcription_model
    tags = settings.languages or (persona.language,)
    # ISO 639 only: `en-GB` would have the whole configuration refused.
    languages = list(dict.fromkeys(tag.partition("-")[0].lower() for tag in tags))
    if not model:
        return None
    prompt = settings.transcription_prompt
    asked: dict[str, Any] = {"model": model, **({"prompt": prompt} if prompt else {})}
    if model.startswith("gpt-transcribe"):
        return asked | {"languages": languages}
    return asked | {"language": languages[0]}


def _turn_detection(settings: RealtimeSettings) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(settings.turn_detection)
    # Either both or neither: a server that interrupts but does not answer falls silent on noise.
    return fields | dict.fromkeys(_RESPONSE_FLAGS, not settings.answers_on_request)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": without_hints(tool.parameters),
    }


# ---- the echo ---------------------------------------------------------------------------------


class _EchoFormat(msgspec.Struct, frozen=True):
    type: str | None = None


class _EchoTurnDetection(msgspec.Struct, frozen=True):
    type: str | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None
    threshold: float | None = None
    prefix_padding_ms: float | None = None
    silence_duration_ms: float | None = None
    eagerness: str | None = None


class _EchoTranscription(msgspec.Struct, frozen=True):
    model: str | None = None


class _EchoInput(msgspec.Struct, frozen=True):
    format: _EchoFormat | None = None
    turn_detection: _EchoTurnDetection | None = None
    transcription: _EchoTranscription | None = None


class _EchoOutput(msgspec.Struct, frozen=True):
    format: _EchoFormat | None = None
    voice: Any = None
    """A name, or an object for a voice of one's own."""


class _EchoAudio(msgspec.Struct, frozen=True):
    input: _EchoInput = _EchoInput()
    output: _EchoOutput = _EchoOutput()


class _EchoTool(msgspec.Struct, frozen=True):
    name: str | None = None


class Echo(msgspec.Struct, frozen=True):
    """The parts of the effective configuration that can be told apart from a refusal."""

    model: str | None = None
    instructions: str | None = None
    audio: _EchoAudio = _EchoAudio()
    tools: tuple[_EchoTool, ...] = ()
    expires_at: Any = None


class Differences(msgspec.Struct, frozen=True):
    """How the session differs from what was asked; names of fields, never their content."""

    grave: tuple[str, ...]
    """The call could not work like this."""
    slight: tuple[str, ...]


def read_echo(raw: msgspec.Raw, dialect: Dialect = Dialect.GA) -> Echo:
    """Type the `session` of a session.updated; raises BadMessage."""
    try:
        if dialect is Dialect.BETA:
            return msgspec.convert(ga_echo(raw), Echo)
        return msgspec.json.decode(raw, type=Echo)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadMessage("wrong_fields") from None


def differences(
    echo: Echo, settings: RealtimeSettings, persona: Persona, tools: Sequence[ToolSpec]
) -> Differences:
    """Compare the server's echo with what was asked of it."""
    asked_turns = _turn_detection(settings)
    turns = echo.audio.input.turn_detection or _EchoTurnDetection()
    kind = _format(settings.audio_format)["type"]
    grave = {
        "input_format": _kind(echo.audio.input.format) != kind,
        "output_format": _kind(echo.audio.output.format) != kind,
        "instructions": (echo.instructions or "").strip() != instructions(persona).strip(),
        "tools": sorted(str(tool.name) for tool in echo.tools) != sorted(t.name for t in tools),
        "turn_detection": _differ(turns, asked_turns, ("type", *_RESPONSE_FLAGS)),
    }
    slight = {
        "model": echo.model is not None and not echo.model.startswith(settings.model),
        "voice": echo.audio.output.voice != _voice(settings, persona),
        "turn_detection_values": _differ(turns, asked_turns, _TURN_VALUES),
        "transcription": _transcriber(echo) != settings.transcription_model,
    }
    return Differences(_true(grave), _true(slight))


_RESPONSE_FLAGS = ("create_response", "interrupt_response")
_TURN_VALUES = ("threshold", "prefix_padding_ms", "silence_duration_ms", "eagerness")


def _kind(audio_format: _EchoFormat | None) -> str | None:
    return audio_format.type if audio_format is not None else None


def _transcriber(echo: Echo) -> str:
    transcription = echo.audio.input.transcription
    return (transcription.model or "") if transcription is not None else ""


def _differ(turns: _EchoTurnDetection, asked: dict[str, Any], names: tuple[str, ...]) -> bool:
    return any(name in asked and getattr(turns, name) != asked[name] for name in names)


def _true(found: dict[str, bool]) -> tuple[str, ...]:
    return tuple(name for name, differs in found.items() if differs)
