"""The shell of an engine whose session is a WebSocket: carries what a protocol decides.

One task connects and waits for the end, one timer wakes the protocol; messages are taken and
written as they come. Whether and when another session is tried is decided by who knows of all
calls. The API key is in the handshake's request and nowhere else: the socket's own logger is kept
from writing headers, no redirect is followed, and no exception of the handshake is passed on.
"""

import asyncio
import logging
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    CloseEngine,
    EngineFailed,
)
from agents.realtime import failures
from agents.realtime.socket import PromptConnection
from agents.tasks import TICK_S, Tasks

CLOSE_S = 0.5
"""How long the server may take over the closing handshake of a call that is over."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_KEY = re.compile(r"[\x21-\x7e]+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SessionProtocol(Protocol):
    """A session as a state machine, without I/O. All times are the event loop's."""

    def start(self, now: float, unix_s: float) -> None:
        """The socket is open; `unix_s` is the time of day."""

    def receive(self, raw: bytes | str, now: float) -> list[AnyEngineEvent]: ...

    def submit(self, command: AnyEngineCommand, now: float) -> list[AnyEngineEvent]: ...

    def pass_audio(self, audio: bytes) -> bytes | None:
        """The message for audio that is sent at once; None: it has to be submitted."""

    def wake(self, now: float) -> list[AnyEngineEvent]: ...

    def fail(self, failure: EngineFailed) -> list[AnyEngineEvent]: ...

    def refused(self, failure: EngineFailed) -> list[AnyEngineEvent]:
        """There is no socket; `reopens` tells whether another try is worth it."""

    @property
    def reopens(self) -> bool:
        """This connection is of no use, but one more may be."""

    def messages_to_send(self) -> list[bytes]:
        """Asked for only while the socket takes them: what a server does not read waits here."""

    def next_deadline(self) -> float | None: ...


Connected = Callable[[], Awaitable[PromptConnection | EngineFailed]]


class WebSocketSession:
    """One session of one call: `run` and `submit` of `agents.engine.Engine`."""

    def __init__(self, name: str, protocol: SessionProtocol, connected: Connected) -> None:
        """`connected` opens a socket; it is called by `run`, a second time if `reopens`."""
        self._name = name
        self._protocol = protocol
        self._connected = connected
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

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        """See `agents.engine.Engine.run`. To be awaited once."""
        self._deliver = deliver
        self._carry([])
        self._tasks.start(f"{self._name}-session", self._session())
        try:
            await self._over.wait()
        finally:
            self._cancel_timer()
            await self._tasks.cancel_all()

    def submit(self, command: AnyEngineCommand) -> None:
        """See `agents.engine.Engine.submit`."""
        self._carry(self._protocol.submit(command, _now()))
        if isinstance(command, CloseEngine):
            self._over.set()

    def hear(self, audio: bytes) -> None:
        """See `agents.engine.Engine.hear`. What is open takes it, without a look at anything
        else; whatever is unusual is submitted."""
        connection = self._connection
        if connection is not None and not connection.paused:
            message = self._protocol.pass_audio(audio)
            if message is not None:
                connection.write(message)
                return
        self.submit(AppendAudio(audio))

    # ---- the socket ---------------------------------------------------------------------------

    async def _session(self) -> None:
        await self._one_connection()
        if self._protocol.reopens:
            await self._one_connection()

    async def _one_connection(self) -> None:
        """To its end."""
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
            await _close(connection)

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

    # ---- the protocol -------------------------------------------------------------------------

    def _carry(self, events: list[AnyEngineEvent]) -> None:
        """Hand out what the protocol answered: messages to the server, events to the call."""
        self._events.extend(events)
        if self._connection is not None and not self._connection.paused:
            for message in self._protocol.messages_to_send():
                self._connection.write(message)
        if self._connection is not None and self._protocol.reopens:
            self._tasks.start(f"{self._name}-close", _close(self._connection))
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
            self._timer = asyncio.get_running_loop().call_at(deadline + TICK_S, self._wake)
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


# ---- connecting ---------------------------------------------------------------------------------


class _Connect(connect):
    """Follows no redirect: the API key would go along."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


def usable_key(key: str) -> bool:
    """A key that cannot stand in a header would be quoted by whatever fails on it."""
    return _KEY.fullmatch(key) is not None


async def connected(
    url: str, headers: Mapping[str, str], timeout_s: float
) -> PromptConnection | EngineFailed:
    """The open socket; `timeout_s` from the name's look-up on. Nothing is raised."""
    try:
        connection = await _Connect(
            url,
            create_connection=PromptConnection,
            additional_headers=headers,
            # No proxy stands between a machine and itself.
            proxy=None if urlsplit(url).hostname in _LOOPBACK else True,
            compression=None,
            open_timeout=timeout_s,
            close_timeout=CLOSE_S,
            max_size=MAX_MESSAGE_BYTES,
            logger=_silent_logger(),
        )
        assert isinstance(connection, PromptConnection)
        return connection
    except InvalidStatus as refused:
        answer = refused.response
        told = {name.lower(): value for name, value in answer.headers.raw_items()}
        return failures.of_handshake(answer.status_code, bytes(answer.body), told)
    except OSError as error:
        return EngineFailed(_os_reason(error), fatal=False)
    except (WebSocketException, EOFError):
        return EngineFailed("handshake_failed", fatal=False)


async def _close(connection: PromptConnection) -> None:
    """Bounded: the close frame waits behind everything a server that reads no more has left."""
    try:
        await asyncio.wait_for(connection.close(), CLOSE_S)
    except TimeoutError:
        connection.transport.abort()


def _os_reason(error: OSError) -> str:
    match error:
        case TimeoutError():
            return "connect_timeout"
        case ssl.SSLError():
            return "tls_failed"
        case socket.gaierror():
            return "name_not_resolved"
        case _:
            return "connect_refused"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _silent_logger() -> logging.Logger:
    """At DEBUG the library logs all headers, and with them the API key."""
    logger = logging.getLogger("agents.websocket")
    logger.setLevel(logging.INFO)
    return logger
