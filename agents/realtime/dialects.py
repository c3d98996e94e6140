"""The beta interface of Realtime, as gateways still speak it, in terms of the GA one.

The names of its events are `agents.realtime.wire`'s matter; here is the shape of a session, which
is flat (OpenAI Realtime migration guide, beta to GA; the beta types of the `openai` package).
"""

from typing import Any

import msgspec

from agents.providers import Dialect
from agents.realtime import wire
from agents.realtime.failures import plain

_FORMATS = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw"}
_GA_FORMATS = {beta: ga for ga, beta in _FORMATS.items()}
_GA_ONLY = frozenset(
    f"session.{name}"
    for name in ("type", "audio", "output_modalities", "max_output_tokens", "truncation")
)
"""Fields that a server of the beta interface does not know."""
BETA_IS_OVER = "beta_api_shape_disabled"
_WANTS_GA = ("missing_required_parameter", "session.type")
_REFUSALS = frozenset({"unknown_parameter", "invalid_value", "invalid_type"})


def beta_session(ga: dict[str, Any]) -> dict[str, Any]:
    """The `session` of a session.update, in the beta shape."""
    given, made = ga["audio"]["input"], ga["audio"]["output"]
    session = {
        "modalities": ["text", "audio"],
        "instructions": ga["instructions"],
        "voice": made["voice"],
        "input_audio_format": _FORMATS[given["format"]["type"]],
        "output_audio_format": _FORMATS[made["format"]["type"]],
        "input_audio_transcription": _transcription(given["transcription"]),
        "turn_detection": _turns(given["turn_detection"]),
        "tools": ga["tools"],
        "tool_choice": _tool_choice(ga["tool_choice"]),
        "max_response_output_tokens": ga["max_output_tokens"],
    }
    # Later additions, which older servers do not know: only where they say something.
    later = {
        "input_audio_noise_reduction": given["noise_reduction"],
        "speed": None if made["speed"] == 1.0 else made["speed"],
        "tracing": ga.get("tracing"),
    }
    return session | {name: value for name, value in later.items() if value is not None}


def _tool_choice(choice: str | dict[str, Any]) -> str:
    return choice if isinstance(choice, str) else str(choice["name"])


def _transcription(ga: dict[str, Any] | None) -> dict[str, Any] | None:
    if ga is None:
        return None
    languages = ga.get("languages") or [ga.get("language")]
    beta = {"model": ga["model"], "language": languages[0], "prompt": ga.get("prompt")}
    return {name: value for name, value in beta.items() if value is not None}


def _turns(ga: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in ga.items() if name != "idle_timeout_ms"}


class _FlatEcho(msgspec.Struct, frozen=True):
    model: str | None = None
    instructions: str | None = None
    voice: Any = None
    input_audio_format: str | None = None
    output_audio_format: str | None = None
    input_audio_transcription: dict[str, Any] | None = None
    turn_detection: dict[str, Any] | None = None
    tools: list[Any] = []
    expires_at: Any = None


def ga_echo(raw: msgspec.Raw) -> dict[str, Any]:
    """The `session` of a beta session.updated, in the GA shape; raises BadMessage."""
    try:
        flat = msgspec.json.decode(raw, type=_FlatEcho)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise wire.BadMessage("wrong_fields") from None
    return {
        "model": flat.model,
        "instructions": flat.instructions,
        "expires_at": flat.expires_at,
        "tools": flat.tools,
        "audio": {
            "input": {
                "format": _format(flat.input_audio_format),
                "transcription": flat.input_audio_transcription,
                "turn_detection": flat.turn_detection,
            },
            "output": {"format": _format(flat.output_audio_format), "voice": flat.voice},
        },
    }


def _format(name: str | None) -> dict[str, Any]:
    return {"type": _GA_FORMATS.get(name or "")}


def tells_other(error: wire.ErrorBody, tried: Dialect) -> bool:
    """Whether a server that refused us would have understood the other dialect."""
    code = plain(error.code, "")
    if tried is Dialect.BETA:
        return code == BETA_IS_OVER or (code, error.param) == _WANTS_GA
    if "beta" in code:
        return code != BETA_IS_OVER
    if error.param is None:
        return code == "unknown_parameter"
    return code in _REFUSALS and error.param in _GA_ONLY


class Spoken:
    """Which dialect a server of unknown kind was found to speak; shared by all its sessions."""

    def __init__(self) -> None:
        self.dialect: Dialect | None = None


class Choice:
    """The dialect of one session, and the other one if that may still be tried."""

    def __init__(self, dialect: Dialect, spoken: Spoken) -> None:
        self._spoken = spoken
        self._open = dialect is Dialect.AUTO
        self.dialect = (spoken.dialect or Dialect.GA) if self._open else dialect

    @property
    def beta(self) -> bool:
        return self.dialect is Dialect.BETA

    def shown(self, session: wire.SessionShown) -> None:
        """The server's first words: no second connection is needed to speak like it."""
        if session.beta and self.dialect is Dialect.GA:
            self.change()

    def change(self) -> bool:
        """Go over to the other one; False: that was tried, or is not to be."""
        if not self._open:
            return False
        self._open = False
        self.dialect = Dialect.GA if self.beta else Dialect.BETA
        return True

    def proved(self) -> None:
        """A session was configured in it."""
        self._spoken.dialect = self.dialect
