"""How a session becomes what was asked for: its dialect, its configuration, and when it ends.

It does not know what else is said on the connection; `agents.realtime.protocol` asks it.
"""

from collections.abc import Sequence

import msgspec

from agents.engine import AnyEngineEvent, EngineExpires, EngineFailed
from agents.persona import Persona
from agents.providers import Dialect
from agents.realtime import configuration, failures, wire
from agents.realtime.dialects import Choice, Spoken, tells_other
from agents.realtime.expiry import Expiry
from agents.realtime.settings import RealtimeSettings
from tools.spec import ToolSpec

_CONFIG_ID = "config"


class Opening:
    """Of one session, which may take two connections."""

    def __init__(
        self,
        settings: RealtimeSettings,
        persona: Persona,
        tools: Sequence[ToolSpec],
        spoken: Spoken,
    ) -> None:
        self._settings = settings
        self._persona = persona
        self._tools = tuple(tools)
        self._choice = Choice(settings.provider.dialect, spoken)
        self._expiry = Expiry(settings.provider.session_limit_s)

    @property
    def dialect(self) -> Dialect:
        return self._choice.dialect

    @property
    def beta(self) -> bool:
        return self._choice.beta

    def connected(self, now: float, unix_s: float) -> None:
        """`unix_s` is what the clock on the wall shows."""
        self._expiry.opened(now, unix_s)

    def update(self, session: wire.SessionShown, now: float) -> bytes:
        """The session.update that answers the server's first words."""
        self._choice.shown(session)
        self._expiry.told(session.expires_at, now)
        asked = configuration.session(self._settings, self._persona, self._tools, self.dialect)
        return wire.session_update(asked, _CONFIG_ID)

    def echo(self, session: msgspec.Raw, now: float) -> configuration.Differences:
        """How the session.updated differs from what was asked; raises BadMessage."""
        echo = configuration.read_echo(session, self.dialect)
        self._expiry.told(echo.expires_at, now)
        return configuration.differences(echo, self._settings, self._persona, self._tools)

    def done(self) -> None:
        """It is configured."""
        self._choice.proved()

    # ---- the other dialect ----------------------------------------------------------------------

    def refused(self, error: wire.ErrorBody) -> bool:
        """Before it was configured: whether another connection, in the other dialect, is worth
        it. True at most once."""
        return tells_other(error, self.dialect) and self._choice.change()

    def refused_handshake(self, failure: EngineFailed) -> bool:
        """As above, where there was no connection yet."""
        return failure.reason == failures.WANTS_BETA and self._choice.change()

    # ---- the end --------------------------------------------------------------------------------

    def warned(self, now: float) -> None:
        """The server says that the end of the session is near."""
        self._expiry.warned(now)

    def expires(self, now: float) -> list[AnyEngineEvent]:
        """Nothing where nobody knows."""
        left_s = self._expiry.left_s(now)
        return [] if left_s is None else [EngineExpires(left_s)]
