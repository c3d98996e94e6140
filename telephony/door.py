"""The HTTP side of the server, for connections that take their time: see `telephony.doorstep`.

uvicorn waits for ever for the first request of a connection, and for the rest of one that was
begun. A WebSocket of the media endpoint is through the door when its upgrade has been read; from
there on `telephony.twilio.stream` has limits of its own.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from telephony.doorstep import SPEAKS_S, Doorstep

_READ_S = 0.01

Count = Callable[[str], None]
"""Adds one to the counter of that name; docs/wire.md lists them."""

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Door:
    """Makes the protocols of one server: `uvicorn.Config(http=...)`."""

    def __init__(
        self,
        doorstep: Doorstep["DoorProtocol"],
        count: Count,
        patience_s: float,
        kind: type["DoorProtocol"],
    ) -> None:
        self.doorstep = doorstep
        self.count = count
        self.patience_s = patience_s
        self._kind = kind
        self._looking = False

    def came(self, who: "DoorProtocol", address: str) -> None:
        loop = asyncio.get_running_loop()
        if (other := self.doorstep.came(address, who, loop.time())) is not None:
            other.make_room()
        self._look_later(loop)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.doorstep.crowded and not self._looking:
            self._looking = True
            # When a loop that stood still goes on, timers come before what has arrived.
            loop.call_later(SPEAKS_S, loop.call_later, _READ_S, self._look)

    def _look(self) -> None:
        self._looking = False
        loop = asyncio.get_running_loop()
        for other in self.doorstep.silent(loop.time()):
            other.make_room()
        self._look_later(loop)

    def __call__(self, *args: Any, **kwargs: Any) -> "DoorProtocol":
        protocol = self._kind(*args, **kwargs)
        protocol.door = self
        return protocol


class DoorProtocol(HttpToolsProtocol):
    """One connection; made by `Door`."""

    door: Door
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._let_in()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_in()
        super().connection_lost(exc)

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _wait(self) -> None:
        if self._patience is not None or self.transport.is_closing():
            return
        self._patience = self.loop.call_later(self.door.patience_s, self._too_slow)
        self.door.came(self, self._address)

    def _let_in(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
            self.door.doorstep.gone(self._address, self)

    def _too_slow(self) -> None:
        self._let_in()
        self.door.count("door.too_slow")
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()

    def make_room(self) -> None:
        """Others need the place."""
        self._let_in()
        self.door.count("door.made_room")
        self.transport.abort()
