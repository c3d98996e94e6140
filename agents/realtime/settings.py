"""What a deployment may choose about the Realtime session."""

import msgspec

from agents.engine import AudioFormat
from agents.providers import OPENAI, Provider

TOOL_CHOICES = ("auto", "none", "required")


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


class Truncation(msgspec.Struct, frozen=True):
    """What the server does with a conversation that has grown long."""

    strategy: str = "retention_ratio"
    """`auto` drops as little as it must, `disabled` fails instead, `retention_ratio` drops more
    at once and so keeps the cache."""
    retention_ratio: float = 0.8
    """How much is kept when the beginning is dropped."""
    post_instructions_tokens: int = 8000
    """How long it may grow before that."""


class RealtimeSettings(msgspec.Struct, frozen=True):
    """Everything about the model session that is not the persona or the tools."""

    api_key: str = ""
    provider: Provider = OPENAI
    base_url: str = OPENAI.base_url
    """As the vendor's own clients take it; the WebSocket URL is derived from it."""
    model: str = OPENAI.model
    voice: str = "marin"
    """Used when the persona names none."""
    speed: float = 1.0
    """0.25 to 1.5. Set once, with the session: it cannot change within a reply."""
    transcription_model: str = "gpt-transcribe"
    """Writes down what the caller said; empty means no transcription."""
    transcription_prompt: str = ""
    """Words that are likely to come; empty sends none."""
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
    reasons: bool = False
    """The model takes what only reasoning models take; others refuse the whole configuration."""
    reasoning_effort: str = "low"
    """Sent only to models that reason."""
    parallel_tool_calls: bool | None = None
    """Several tools in one response; None leaves it to the model. As above."""
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of a tool."""
    truncation: Truncation = Truncation()
    tracing: bool = False
    """Whether the vendor's dashboard may show the conversation."""

    def __repr__(self) -> str:
        """The API key is left out: settings end up in logs and tracebacks."""
        return f"RealtimeSettings(model={self.model!r}, base_url={self.base_url!r})"
