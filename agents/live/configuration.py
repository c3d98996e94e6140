"""What a GPT-Live session is asked to be, and whether the server's echo says it became that.

The model that speaks and the backend that thinks have instructions of their own. The endpoint
refuses unknown fields, and the session with them (OpenAI API reference, Live session object).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from agents.engine import AgentSaid, AnyRemembered, AudioFormat, CallerSaid
from agents.live import wire
from agents.live.settings import LiveSettings
from agents.persona import Persona
from agents.realtime.configuration import instructions as task
from tools.registry import without_hints
from tools.spec import ToolSpec

APPEND_BYTES = 800
"""An append holds at most 500 tokens. Nobody here can count those; no language needs more than
one for two bytes, and the sentence around the text wants some too."""

_MANNERS = (
    "You are on the telephone. When the caller speaks over you, stop and listen; a murmur of "
    "assent is no reason to stop. Whatever needs a fact, a look-up, an availability or a record "
    "is the backend's: hand it over, and never say that something is done before the backend "
    "says so."
)
_BACKEND = (
    "You work for the assistant who speaks with the caller. Call the tools the task needs, go by "
    "their answers alone, and tell the assistant shortly what to say."
)


def session(settings: LiveSettings, persona: Persona, tools: Sequence[ToolSpec]) -> dict[str, Any]:
    """The `session` of our session.start."""
    return {
        "model": settings.model,
        "instructions": f"{task(persona)}\n\n{_MANNERS}",
        "audio": {
            "format": audio_format(settings),
            "output": {"voice": persona.voice or settings.voice},
        },
        "delegation": {"type": "responses", "responses": _backend(settings, persona, tools)},
        "store": False,
    }


def _backend(settings: LiveSettings, persona: Persona, tools: Sequence[ToolSpec]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "model": settings.backend_model,
        "instructions": f"{task(persona)}\n\n{_BACKEND}",
    }
    if tools:
        asked["tools"] = [_tool(tool) for tool in tools]
        asked["tool_choice"] = "auto"
    return asked


def audio_format(settings: LiveSettings) -> dict[str, Any]:
    """Here mu-law needs its rate, which the Realtime API refuses."""
    match settings.audio_format:
        case AudioFormat.PCM16_24K:
            return {"type": "audio/pcm", "rate": 24_000}
        case AudioFormat.ULAW_8K:
            return {"type": "audio/pcmu", "rate": 8_000}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": without_hints(tool.parameters),
        # Ours have optional fields, which the strict form does not know.
        "strict": False,
    }


def differences(
    echo: wire.Session, settings: LiveSettings, tools: Sequence[ToolSpec]
) -> tuple[str, ...]:
    """Names of what is not as asked. What the echo leaves out is not known to differ."""
    asked = audio_format(settings)
    found = []
    shown = echo.audio.format if echo.audio is not None else None
    if shown is not None and (shown.type, shown.rate) != (asked["type"], asked["rate"]):
        found.append("audio_format")
    delegation = echo.delegation
    if delegation is not None and delegation.type != "responses":
        found.append("delegation")
    responses = delegation.responses if delegation is not None else None
    named = responses.tools if responses is not None else None
    if named is not None and sorted(str(each.name) for each in named) != sorted(
        tool.name for tool in tools
    ):
        found.append("tools")
    return tuple(found)


# ---- what it is told later ----------------------------------------------------------------------


def recitals(text: str) -> Iterator[str]:
    """What makes the model say these words: a bare text would only be something to know."""
    for part in parts(text):
        yield f"Say this to the caller now, word for word, and nothing else:\n{part}"


def memories(what: Sequence[AnyRemembered], *, first: bool) -> Iterator[str]:
    """What was said and done before this session; `first`: the session knows nothing yet."""
    head = _TAKE_OVER if first else "Of what was said and done before, this is known now:"
    told = "\n".join(_memory(each) for each in what)
    return (f"{head}\n{part}" for part in parts(told))


_TAKE_OVER = (
    "This call has been going on for a while; you take it over now, with the same voice. Never "
    "greet again, repeat nothing, and do nothing twice. Of what was said and done before:"
)


def _memory(each: AnyRemembered) -> str:
    match each:
        case CallerSaid(text):
            return f"The caller said: {text}"
        case AgentSaid(text):
            return f"You said, and the caller heard: {text}"
        case _:
            return f"The tool {each.name} was called with {each.arguments}: {each.output}"


REPLY_NOW = (
    "The caller waits for an answer to what they said last. Give it now, without a greeting and "
    "without asking them to say it again."
)
STOP = "Stop speaking at once: the caller does not hear the rest of this reply."


def heard_only(text: str) -> Iterator[str]:
    return parts(f"The line cut you off. Of your last reply the caller heard only this: {text}")


def heard_nothing(text: str) -> Iterator[str]:
    lost = text or "your last reply"
    return parts(f"The line cut you off. The caller heard nothing of this: {lost}")


def parts(text: str, most_bytes: int = APPEND_BYTES) -> Iterator[str]:
    """The text in pieces an append can hold, cut between words where it has any."""
    rest = text.strip()
    while len(rest.encode()) > most_bytes:
        piece = rest.encode()[:most_bytes].decode(errors="ignore")
        end = max(piece.rfind("\n"), piece.rfind(" "))
        piece = piece[:end] if end > 0 else piece
        yield piece.rstrip()
        rest = rest[len(piece) :].lstrip()
    if rest:
        yield rest
