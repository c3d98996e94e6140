"""The socket of a Realtime session: carries what `agents.realtime.protocol` decides.

One task connects and waits for the end, one timer wakes the protocol; messages are taken and
written as they come. It connects once: whether and when another session is tried is decided by
who knows of all calls. The API key is in the handshake's request and nowhere else: the socket's own
logger is kept from writing headers, and no exception of the handshake is passed on.
"""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    Capabilities,
    CloseEngine,
    EngineFailed,
)
from agents.persona import Persona
from agents.providers import BETA_HEADER, Dialect
from agents.realtime import failures
from agents.realtime.dialects import Spoken
from agents.realtime.protocol import RealtimeProtocol
from agents.realtime.settings import RealtimeSettings
from agents.realtime.socket import PromptConnection
from agents.tasks import Tasks
from agents.websocket import close_socket, os_reason
from tools.spec import ToolSpec

CONNECT_S = 3.0
"""From the name's look-up to the upgraded socket: a caller may be listening to silence."""
CLOSE_S = 0.5
"""How long the server may take over the closing handshake of a call that is over."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
TRUNCATE_MARGIN_MS = 100
"""The server's count of an item's audio was seen up to 85 ms short of the client's."""
_KEY = re.compile(r"[\x21-\x7e]+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class _Connect(connect):
    """Follows no redirect: the API key would go along."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


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
        self._tasks = Tasks(self._broken)
        self._connection: PromptConnection | None = None
        self._receiving = False
        """True after the end of the connection: a bug of ours ended it."""
        self._over = asyncio.Event()
        self._events: deque[AnyEngineEvent] = deque()
        self._deliver: Callable[[AnyEngineEvent], None] | None = None
        self._delivering = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None

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
        self._deliver = deliver
        self._carry([])
        self._tasks.start("realtime-session", self._session())
        try:
            await self._over.wait()
        finally:
            self._cancel_timer()
            await self._tasks.cancel_all()

    def submit(self, command: AnyEngineCommand) -> None:
        """See `agents.engine.Engine.submit`."""
        if isinstance(command, AppendAudio) and self._passes(command.audio):
            return
        self._carry(self._protocol.submit(command, _now()))
        if isinstance(command, CloseEngine):
            self._over.set()

    def _passes(self, audio: bytes) -> bool:
        """Fifty times a second: what is open takes it, without a look at anything else."""
        if self._connection is None or self._connection.paused:
            return False
        message = self._protocol.pass_audio(audio)
        if message is not None:
            self._connection.write(message)
        return message is not None

    # ---- the socket ---------------------------------------------------------------------------

    async def _session(self) -> None:
        await self._one_connection()
        if self._protocol.reopens:
            await self._one_connection()

    async def _one_connection(self) -> None:
        """In the dialect of the moment, to its end."""
        connection = await self._connected()
        if isinstance(connection, EngineFailed):
            self._carry(self._protocol.refused(connection))
            return
        try:
            self._connection = connection
            self._protocol.start(_now(), time.time())
            self._carry([])
            connection.take_over(self._received, self._ready)
            await connection.wait_closed()
            if not self._protocol.reopens:
                self._carry(self._protocol.fail(self._why(connection)))
        finally:
            self._connection = None
            await close_socket(connection)

    def _received(self, raw: bytes) -> None:
        if not self._over.is_set():
            self._receiving = True
            self._carry(self._protocol.receive(raw, _now()))
            self._receiving = False

    def _ready(self) -> None:
        """The server reads again."""
        self._carry([])

    def _why(self, connection: PromptConnection) -> EngineFailed:
        """Why the connection has ended."""
        if self._receiving:
            return EngineFailed("internal_error", fatal=False)
        frame = connection.protocol.close_rcvd
        return failures.of_close(*(None, "") if frame is None else (frame.code, frame.reason))

    async def _connected(self) -> PromptConnection | EngineFailed:
        settings = self._settings
        # A key that cannot stand in a header would be quoted by whatever fails on it.
        if not _KEY.fullmatch(settings.api_key):
            return EngineFailed("invalid_api_key", fatal=True)
        try:
            url = settings.provider.socket_url(settings.base_url, settings.model, settings.api_key)
        except ValueError:
            return EngineFailed("bad_base_url", fatal=True)
        try:
            connection = await _Connect(
                url,
                create_connection=PromptConnection,
                additional_headers=self._headers(),
                # No proxy stands between a machine and itself.
                proxy=None if urlsplit(url).hostname in _LOOPBACK else True,
                compression=None,
                open_timeout=CONNECT_S,
                close_timeout=CLOSE_S,
                max_size=MAX_MESSAGE_BYTES,
                logger=_silent_logger(),
            )
            assert isinstance(connection, PromptConnection)
            return connection
        except InvalidStatus as refused:
            answer = refused.response
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            return failures.of_handshake(answer.status_code, bytes(answer.body), headers)
        except OSError as error:
            return EngineFailed(os_reason(error), fatal=False)
        except (WebSocketException, EOFError):
            return EngineFailed("handshake_failed", fatal=False)

    def _headers(self) -> dict[str, str]:
        provider = self._settings.provider
        headers = provider.request_headers(self._settings.api_key)
        if self._protocol.dialect is Dialect.BETA:
            headers |= BETA_HEADER
        if self._safety_identifier and provider.safety_header:
            headers[provider.safety_header] = self._safety_identifier
        return headers

    # ---- the protocol -------------------------------------------------------------------------

    def _carry(self, events: list[AnyEngineEvent]) -> None:
        """Hand out what the protocol answered: messages to the server, events to the call."""
        self._events.extend(events)
        if self._connection is not None and not self._connection.paused:
            for message in self._protocol.messages_to_send():
                self._connection.write(message)
        if self._connection is not None and self._protocol.reopens:
            self._tasks.start("realtime-close", close_socket(self._connection))
            self._connection = None
        self._deliver_events()
        self._arm_timer()

    def _deliver_events(self) -> None:
        # An event may make the call submit a command, whose events come after those before it.
        if self._deliver is None or self._delivering:
            return
        self._delivering = True
        try:
            while self._events:
                event = self._events.popleft()
                self._deliver(event)
                if isinstance(event, EngineFailed):
                    self._over.set()
        finally:
            self._delivering = False

    def _arm_timer(self) -> None:
        deadline = None if self._deliver is None else self._protocol.next_deadline()
        # A timer that is due must not be put off by what comes before its turn.
        if deadline == self._timer_at:
            return
        self._cancel_timer()
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._wake)
            self._timer_at = deadline

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timer_at = None

    def _wake(self) -> None:
        self._timer = self._timer_at = None
        self._carry(self._protocol.wake(_now()))

    def _broken(self, name: str, error: BaseException) -> None:
        """A task of ours ended in a bug: the call is told, and the log through the loop."""
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": f"{name} failed", "exception": error})
        self._carry(self._protocol.fail(EngineFailed("internal_error", fatal=False)))
        self._over.set()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _silent_logger() -> logging.Logger:
    """At DEBUG the library logs all headers, and with them the API key."""
    logger = logging.getLogger("agents.realtime.socket")
    logger.setLevel(logging.INFO)
    return logger
