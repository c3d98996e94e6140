"""The HTTP server, set up for telephone calls instead of web pages."""

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence

import uvicorn
from fastapi import FastAPI

from agents.tasks import Tasks
from telephony import stopping
from telephony.door import Count, Door, DoorProtocol
from telephony.doorstep import PATIENCE_S, Doorstep, most_waiting
from telephony.twilio.direct import DirectProtocol
from telephony.workers.relay import App

MAX_FRAME_BYTES = 64 * 1024
"""Of one WebSocket message; Twilio's are below 1 KiB."""
_BACKLOG = 2_048


class PhoneServer(uvicorn.Server):
    """uvicorn, but a signal lets live calls finish first.

    uvicorn itself closes every WebSocket within 0.1 s of SIGTERM, which on a telephone is a
    dropped call. Here the first signal starts `drain()`, during which the server goes on
    serving, and a further one calls `hurry()`.
    """

    def __init__(
        self,
        app: FastAPI | App,
        drain: Callable[[], Awaitable[None]],
        hurry: Callable[[], None],
        signals: Sequence[signal.Signals] | None = None,
        count: Count = lambda _: None,
        entrance: type[DoorProtocol] = DoorProtocol,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`signals` that end it; those of `telephony.stopping` if not given. `entrance` is what
        speaks HTTP on each connection; `patience_s`: how long one may take to say what it wants."""
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        door = Door(Doorstep(most_waiting(descriptors)), count, patience_s, entrance)
        super().__init__(
            uvicorn.Config(
                app,
                http=door,  # type: ignore[arg-type]  # uvicorn only calls it
                ws=DirectProtocol,
                loop="uvloop",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws_max_size=MAX_FRAME_BYTES,
                ws_per_message_deflate=False,
                ws_ping_interval=10.0,
                ws_ping_timeout=10.0,
                timeout_graceful_shutdown=5,
            )
        )
        self._drain = drain
        self._hurry = hurry
        self._signals = stopping.signals() if signals is None else signals
        self._tasks = Tasks(self._drain_failed)
        self._draining = False

    def connection(self) -> asyncio.Protocol:
        """For a connection that was not accepted here."""
        if not self.config.loaded:
            self.config.load()
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}
        )

    def stop(self) -> None:
        """What a signal does: drain first, then exit; the second time, hurry."""
        if self._draining:
            self._hurry()
            return
        self._draining = True
        self._tasks.start("drain", self._drain_and_exit())

    async def _drain_and_exit(self) -> None:
        await self._drain()
        self.should_exit = True

    def _drain_failed(self, _name: str, _error: BaseException) -> None:
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        stopping.heed(self._signals, self.stop, lambda: self._draining)
        try:
            yield
        finally:
            for number in self._signals:
                loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """A listening address; raises OSError when it cannot be had.

    Who connects before the server runs waits, and is not refused.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
