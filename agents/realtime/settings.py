"""What a deployment may choose about the Realtime session."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from agents.engine import AudioFormat

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-realtime-2.1"
# `gpt-realtime-2025-08-28` is a snapshot of the first model, not of the second generation.
_REASONING_MODEL = re.compile(r"gpt-realtime-2(\.\d+)?(-mini)?(-20\d\d-\d\d-\d\d)?")
_SOCKET_SCHEMES = {"https": "wss", "http": "ws", "wss": "wss", "ws": "ws"}


class ServerVad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="server_vad"):
    """Turns end after so much silence. Each value is always sent: the documented default of
    `silence_duration_ms` differs between the guide (500) and the API's own example (200)."""

    threshold: float = 0.5
    """0 to 1; 0.6 to 0.8 for noisy lines."""
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    idle_timeout_ms: int | None = None
    """Let the server ask "are you there?"; 5,000 to 30,000. Off, because the call has its own."""


class SemanticVad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="semantic_vad"):
    """Turns end when the words sound finished."""

    eagerness: str = "auto"
    """`low`, `medium`, `high` or `auto`."""


class RealtimeSettings(msgspec.Struct, frozen=True):
    """Everything about the model session that is not the persona or the tools."""

    api_key: str = ""
    base_url: str = DEFAULT_BASE_URL
    """As the vendor's own clients take it; the WebSocket URL is derived from it."""
    model: str = DEFAULT_MODEL
    voice: str = "marin"
    """Used when the persona names none."""
    speed: float = 1.0
    transcription_model: str = "gpt-transcribe"
    """Writes down what the caller said; empty means no transcription."""
    languages: tuple[str, ...] = ()
    """What callers may speak; empty means the persona's language."""
    turn_detection: ServerVad | SemanticVad = ServerVad()
    answers_on_request: bool = False
    """The call decides what is an interruption and which turn is answered, not the server."""
    noise_reduction: str = "far_field"
    """`near_field`, `far_field`, or empty for none."""
    audio_format: AudioFormat = AudioFormat.PCM16_24K
    """Both ways. ULAW_8K passes the telephone's own bytes through."""
    max_output_tokens: int | None = 1024
    """Of one response, tool calls and reasoning included; None means no limit."""
    reasoning_effort: str = "low"
    """Sent only to models that reason."""
    retention_ratio: float = 0.8
    """How much of an overlong conversation is kept when the server drops its beginning."""
    post_instructions_tokens: int = 8000
    """How long the conversation may grow before that."""

    def __repr__(self) -> str:
        """The API key is left out: settings end up in logs and tracebacks."""
        return f"RealtimeSettings(model={self.model!r}, base_url={self.base_url!r})"


def takes_reasoning(model: str) -> bool:
    """Whether `reasoning` may be sent: other models refuse the whole session.update for it."""
    return _REASONING_MODEL.fullmatch(model) is not None


def websocket_url(base_url: str, model: str) -> str:
    """The Realtime endpoint below an API's base URL; raises ValueError naming what is wrong."""
    parts = urlsplit(base_url.strip())
    scheme = _SOCKET_SCHEMES.get(parts.scheme)
    # Reading the port raises ValueError where it is none.
    if scheme is None or not parts.hostname or parts.port == 0:
        raise ValueError("the base URL must look like https://host/v1")
    query = f"{parts.query}&" if parts.query else ""
    path = f"{parts.path.rstrip('/')}/realtime"
    return urlunsplit((scheme, parts.netloc, path, f"{query}model={quote(model, safe='')}", ""))
