"""What a deployment and a persona may choose about the turn-based engine."""

from urllib.parse import parse_qsl, urlsplit, urlunsplit

import msgspec

from agents.local.endpointing import Endpoints
from agents.realtime.settings import DEFAULT_BASE_URL

DEFAULT_MODEL = "gpt-audio-1.5"
ENDPOINTS = Endpoints(end_silence_ms=600, patient_silence_ms=1_400)
"""An answer costs a request here, so a caller is given longer to draw breath."""

_HTTP_SCHEMES = {"https": "https", "http": "http", "wss": "https", "ws": "http"}


class TurnsSettings(msgspec.Struct, frozen=True):
    """Everything about the engine that is not the persona or the tools."""

    api_key: str = ""
    base_url: str = DEFAULT_BASE_URL
    model: str = DEFAULT_MODEL
    voice: str = "marin"
    """Used when the persona names none."""
    speed: float = 1.0
    """The API takes none (openai-openapi, CreateChatCompletionRequest): the model is asked in
    words to speak slower or faster."""
    transcription_model: str = "gpt-transcribe"
    """Writes down what the caller said, beside the reply. The same as `model`: the talking model
    is asked to do it, where a gateway has nothing else. Empty: nobody does."""
    answers_on_request: bool = False
    """The call decides what is an interruption and which turn is answered."""
    endpoints: Endpoints = ENDPOINTS
    """When the caller's turn begins and ends."""
    max_output_tokens: int | None = 1024
    """Of one response, words, audio and tool calls together; None means no limit."""
    tool_rounds: int = 8
    """Responses in a row that only call tools; after them the model must speak."""

    def __repr__(self) -> str:
        """The API key is left out: settings end up in logs and tracebacks."""
        return f"TurnsSettings(model={self.model!r}, base_url={self.base_url!r})"


class Address(msgspec.Struct, frozen=True):
    """Where the API is, as an HTTP client takes it."""

    url: str
    query: dict[str, str]
    host: str


def http_address(base_url: str) -> Address:
    """An API's base URL, which may be written as that of its sockets.

    Raises ValueError naming what is wrong.
    """
    parts = urlsplit(base_url.strip())
    scheme = _HTTP_SCHEMES.get(parts.scheme)
    # Reading the port raises ValueError where it is none.
    if scheme is None or not parts.hostname or parts.port == 0:
        raise ValueError("the base URL must look like https://host/v1")
    url = urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return Address(url, dict(parse_qsl(parts.query, keep_blank_values=True)), parts.hostname)
