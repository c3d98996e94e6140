"""An OpenAI Realtime session behind the engine port: who connects where, and what it can do."""

from collections.abc import Callable, Sequence

from agents.engine import AnyEngineCommand, AnyEngineEvent, Capabilities, EngineFailed
from agents.persona import Persona
from agents.providers import BETA_HEADER, Dialect
from agents.realtime.dialects import Spoken
from agents.realtime.protocol import RealtimeProtocol
from agents.realtime.settings import RealtimeSettings
from agents.realtime.socket import PromptConnection
from agents.websocket import WebSocketSession, connected, usable_key
from tools.spec import ToolSpec

CONNECT_S = 3.0
"""From the name's look-up to the upgraded socket: a caller may be listening to silence."""
TRUNCATE_MARGIN_MS = 100
"""The server's count of an item's audio was seen up to 85 ms short of the client's."""


class RealtimeEngine:
    """One OpenAI Realtime session of one call; implements `agents.engine.Engine`.

    It may run before there is anything to hear or say: an open session costs nothing, and one
    that nobody uses ends by itself after `agents.realtime.protocol.UNUSED_S`.

    `safety_identifier` is a stable hash of the caller, sent where the provider takes one; empty
    sends none. `spoken` is shared by all sessions with one server of unknown dialect.
    """

    def __init__(
        self,
        settings: RealtimeSettings,
        persona: Persona,
        tools: Sequence[ToolSpec],
        *,
        safety_identifier: str = "",
        spoken: Spoken | None = None,
    ) -> None:
        self._settings = settings
        self._safety_identifier = safety_identifier
        self._protocol = RealtimeProtocol(settings, persona, tools, spoken)
        self._session = WebSocketSession("realtime", self._protocol, self._connected)
        self.hear = self._session.hear
        """See `agents.engine.Engine.hear`."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="realtime",
            input_format=self._settings.audio_format,
            output_format=self._settings.audio_format,
            cancels_on_speech=not self._settings.answers_on_request,
            answers_on_request=self._settings.answers_on_request,
            truncates=True,
            truncate_margin_ms=TRUNCATE_MARGIN_MS,
            transcribes=bool(self._settings.transcription_model),
        )

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        """See `agents.engine.Engine.run`. To be awaited once."""
        await self._session.run(deliver)

    def submit(self, command: AnyEngineCommand) -> None:
        """See `agents.engine.Engine.submit`."""
        self._session.submit(command)

    async def _connected(self) -> PromptConnection | EngineFailed:
        settings = self._settings
        if not usable_key(settings.api_key):
            return EngineFailed("invalid_api_key", fatal=True)
        try:
            url = settings.provider.socket_url(settings.base_url, settings.model, settings.api_key)
        except ValueError:
            return EngineFailed("bad_base_url", fatal=True)
        return await connected(url, self._headers(), CONNECT_S)

    def _headers(self) -> dict[str, str]:
        provider = self._settings.provider
        headers = provider.request_headers(self._settings.api_key)
        if self._protocol.dialect is Dialect.BETA:
            headers |= BETA_HEADER
        if self._safety_identifier and provider.safety_header:
            headers[provider.safety_header] = self._safety_identifier
        return headers
