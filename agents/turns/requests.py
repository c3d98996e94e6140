"""What is asked of the server: the bodies of requests (OpenAI API reference, chat completions)."""

from collections.abc import Sequence
from typing import Any

from agents.persona import Persona
from agents.realtime.configuration import instructions, recital
from agents.turns import wire
from agents.turns.settings import TurnsSettings
from tools.registry import without_hints
from tools.spec import ToolSpec

_ALOUD = "Always answer aloud."
"""A model whose own past stands there as text was seen to fall back into writing."""
_SLOWER = "Speak a little slower than usual."
_FASTER = "Speak a little faster than usual."
_WRITE_DOWN = (
    "Write down word for word what is said in this recording of a telephone caller, in the "
    "language it is said in. Answer with these words alone; with nothing if there are none."
)


class Requests:
    """The bodies for one call."""

    def __init__(
        self,
        settings: TurnsSettings,
        persona: Persona,
        tools: Sequence[ToolSpec],
        safety_identifier: str = "",
    ) -> None:
        """`safety_identifier`: a stable hash of the caller; empty sends none."""
        self._settings = settings
        self._persona = persona
        self._tools = [_tool(tool) for tool in tools]
        self._safety_identifier = safety_identifier

    def answer(
        self, messages: list[dict[str, Any]], *, plain: bool, may_call: bool
    ) -> dict[str, Any]:
        """A reply to the conversation. `may_call`: False when the model has to speak now."""
        own = "\n\n".join((*self._manner(), instructions(self._persona), _ALOUD))
        body = self._spoken([wire.text_message("system", own), *messages], plain=plain)
        if self._tools:
            body["tools"] = self._tools
            body["tool_choice"] = "auto" if may_call else "none"
        return body

    def recital(self, text: str, *, plain: bool) -> dict[str, Any]:
        """These words and no others. What was said before would only tempt the model."""
        own = "\n\n".join((*self._manner(), recital(self._persona, text)))
        asked = wire.text_message("user", "Say it now.")
        return self._spoken([wire.text_message("system", own), asked], plain=plain)

    def written(self, content: bytes) -> dict[str, Any]:
        """The words of a turn, from the talking model."""
        told = wire.text_message("system", _WRITE_DOWN)
        return {
            "model": self._settings.model,
            "modalities": ["text"],
            "messages": [told, wire.audio_message(content)],
        }

    def _spoken(self, messages: list[dict[str, Any]], *, plain: bool) -> dict[str, Any]:
        voice = self._persona.voice or self._settings.voice
        body: dict[str, Any] = {
            "model": self._settings.model,
            "modalities": ["text", "audio"],
            # Nothing else is taken where the answer is streamed.
            "audio": {"voice": voice, "format": "pcm16"},
            "stream": True,
            "messages": messages,
        }
        if self._settings.max_output_tokens is not None:
            body["max_completion_tokens"] = self._settings.max_output_tokens
        if plain:
            return body
        body["stream_options"] = {"include_usage": True, "include_obfuscation": False}
        if self._safety_identifier:
            body["safety_identifier"] = self._safety_identifier
        return body

    def _manner(self) -> tuple[str, ...]:
        speed = self._settings.speed
        if 0.95 <= speed <= 1.05:
            return ()
        return (_SLOWER if speed < 1 else _FASTER,)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": without_hints(tool.parameters),
    }
    return {"type": "function", "function": function}
