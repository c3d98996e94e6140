"""What a deployment may choose about a GPT-Live session."""

from urllib.parse import urlsplit, urlunsplit

import msgspec

from agents.engine import AudioFormat
from agents.realtime.settings import DEFAULT_BASE_URL

DEFAULT_MODEL = "gpt-live-1"
DEFAULT_BACKEND = "gpt-6-luna"
_SOCKET_SCHEMES = {"https": "wss", "http": "ws", "wss": "wss", "ws": "ws"}


class LiveSettings(msgspec.Struct, frozen=True):
    """Everything about the model session that is not the persona or the tools."""

    api_key: str = ""
    base_url: str = DEFAULT_BASE_URL
    """As the vendor's own clients take it; the WebSocket URL is derived from it."""
    model: str = DEFAULT_MODEL
    """Hears and speaks."""
    backend_model: str = DEFAULT_BACKEND
    """Thinks and calls the tools, whenever the model that speaks hands work over to it."""
    voice: str = "marin"
    """Used when the persona names none."""
    audio_format: AudioFormat = AudioFormat.ULAW_8K
    """Both ways. The telephone's own bytes pass through."""

    def __repr__(self) -> str:
        """The API key is left out: settings end up in logs and tracebacks."""
        return f"LiveSettings(model={self.model!r}, base_url={self.base_url!r})"


def websocket_url(base_url: str) -> str:
    """The endpoint below an API's base URL; raises ValueError naming what is wrong.

    The model stands in `session.start`, never in the URL (OpenAI API reference, Live).
    """
    parts = urlsplit(base_url.strip())
    scheme = _SOCKET_SCHEMES.get(parts.scheme)
    # Reading the port raises ValueError where it is none.
    if scheme is None or not parts.hostname or parts.port == 0:
        raise ValueError("the base URL must look like https://host/v1")
    path = f"{parts.path.rstrip('/')}/live/sessions"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))
