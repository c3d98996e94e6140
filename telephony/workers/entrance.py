"""Where connections come into a worker: its share of the public port, and what others hand it."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from agents.tasks import Tasks
from telephony.door import DoorProtocol
from telephony.workers.addresses import of_upgrade, only_asks
from telephony.workers.board import State
from telephony.workers.channel import (
    Answered,
    Asked,
    FiguresAsked,
    Handed,
    Inbox,
    Message,
    Unreachable,
    reply,
    waits,
)
from telephony.workers.crew import Crew
from telephony.workers.relay import App, answered

log = structlog.get_logger()

FAILED = Answered(500, (), b"")


def protocol(crew: Crew) -> type[DoorProtocol]:
    """The door's, but a WebSocket that is for another worker leaves with its connection."""

    class Entrance(DoorProtocol):
        def handle_websocket_upgrade(self) -> None:
            worker, target = of_upgrade(self.url.decode("latin-1"), crew.size)
            if worker in (None, crew.index) or not self._left(crew, worker):
                # The worker's segment is known to nobody but us.
                self.url = target.encode("latin-1")
                super().handle_websocket_upgrade()

        def _left(self, crew: Crew, worker: int) -> bool:
            if crew.state(worker) is State.AWAY:
                return False
            connection = self.transport.get_extra_info("socket")
            try:
                crew.channel.hand(worker, Handed(_head(self)), connection.fileno())
            except Unreachable:
                # Its signature names a worker that this one is not: it is refused.
                return False
            self.connections.discard(self)
            # Ours is closed; the other worker's copy keeps the connection.
            self.transport.abort()
            return True

    return Entrance


def _head(upgrade: HttpToolsProtocol) -> bytes:
    """The request again, as it came."""
    lines = [b"GET " + upgrade.url + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in upgrade.scope["headers"]]
    return b"\r\n".join([*lines, b"", b""])


class Reception:
    """Takes what others hand to this worker. `open` on the event loop, `close` at the end."""

    def __init__(
        self,
        own: socket.socket,
        connected: Callable[[], asyncio.Protocol],
        here: App,
        figures: Callable[[], bytes],
    ) -> None:
        """`connected` makes a protocol for a connection, `here` answers webhooks."""
        self._connected = connected
        self._here = here
        self._figures = figures
        self._inbox = Inbox(own, self._received)
        self._tasks = Tasks(_broke)

    def open(self) -> None:
        self._inbox.open()

    async def close(self) -> None:
        self._inbox.close()
        await self._tasks.cancel_all()

    def _received(self, message: Message, connection: socket.socket) -> None:
        match message:
            case Handed(head):
                self._tasks.start("handed connection", self._take(connection, head))
            case Asked():
                self._tasks.start("asked by another worker", self._answer(connection, message))
            case FiguresAsked():
                whole = Answered(200, (), self._figures())
                self._tasks.start("figures", reply(connection, whole))

    async def _take(self, connection: socket.socket, head: bytes) -> None:
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            _, made = await loop.connect_accepted_socket(self._connected, connection)
        except OSError:  # it has left meanwhile
            connection.close()
            return
        taken: Any = made
        taken.data_received(head)

    async def _answer(self, connection: socket.socket, asked: Asked) -> None:
        if only_asks(asked.path, asked.body) and not waits(connection):
            # Another worker has been asked meanwhile: the caller would have two places.
            connection.close()
            return
        answer = FAILED
        try:
            answer = await answered(self._here, asked)
        finally:
            await reply(connection, answer)


def _broke(name: str, error: BaseException) -> None:
    log.error("task_failed", task=name, exc_info=error)
