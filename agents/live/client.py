"""A GPT-Live session behind the engine port: who connects where, and what it can do."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from agents.engine import AnyEngineCommand, AnyEngineEvent, Capabilities, EngineFailed
from agents.live.protocol import LiveProtocol
from agents.live.settings import LiveSettings, websocket_url
from agents.persona import Persona
from agents.realtime.socket import PromptConnection
from agents.websocket import WebSocketSession, connected, usable_key
from tools.spec import ToolSpec

CONNECT_S = 4.0
"""For both tries together: a caller is listening to silence."""
TRY_S = 2.5
"""For the first of them."""
TRY_PAUSE_S = 0.25


class LiveEngine:
    """One GPT-Live session of one call; implements `agents.engine.Engine`.

    `safety_identifier` is a stable hash of the caller, sent as `OpenAI-Safety-Identifier`; empty
    sends none.
    """

    def __init__(
        self,
        settings: LiveSettings,
        persona: Persona,
        tools: Sequence[ToolSpec],
        *,
        safety_identifier: str = "",
    ) -> None:
        self._settings = settings
        self._safety_identifier = safety_identifier
        protocol = LiveProtocol(settings, persona, tools)
        self._session = WebSocketSession("live", protocol, self._connected)
        self.hear = self._session.hear
        """See `agents.engine.Engine.hear`."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="live",
            input_format=self._settings.audio_format,
            output_format=self._settings.audio_format,
            cancels_on_speech=True,
            # By a note to the model: the API itself has no truncation.
            truncates=True,
            owns_playback=True,
        )

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        """See `agents.engine.Engine.run`. To be awaited once."""
        await self._session.run(deliver)

    def submit(self, command: AnyEngineCommand) -> None:
        """See `agents.engine.Engine.submit`."""
        self._session.submit(command)

    async def _connected(self) -> PromptConnection | EngineFailed:
        try:
            url = websocket_url(self._settings.base_url)
        except ValueError:
            return EngineFailed("bad_base_url", fatal=True)
        if not usable_key(self._settings.api_key):
            return EngineFailed("invalid_api_key", fatal=True)
        headers = {"Authorization": f"Bearer {self._settings.api_key}"}
        if self._safety_identifier:
            headers["OpenAI-Safety-Identifier"] = self._safety_identifier
        return await _in_two_tries(url, headers)


async def _in_two_tries(url: str, headers: Mapping[str, str]) -> PromptConnection | EngineFailed:
    now = asyncio.get_running_loop().time
    ends_at = now() + CONNECT_S
    outcome = await connected(url, headers, TRY_S)
    if isinstance(outcome, EngineFailed) and not outcome.fatal:
        await asyncio.sleep(TRY_PAUSE_S)
        outcome = await connected(url, headers, ends_at - now())
    return outcome
