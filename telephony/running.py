"""A service with its HTTP server: from a bound port to the last call's last byte on disk."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from functools import partial
from urllib.parse import urlsplit

import structlog

from agents.tasks import Tasks
from telephony.accounts import Watch
from telephony.app import Service, open_service, unwatched
from telephony.frontoffice import welcome
from telephony.server import PhoneServer
from telephony.settings import Settings
from telephony.values import LOOPBACK
from telephony.workers.crew import Crew
from telephony.workers.entrance import Reception, protocol
from telephony.workers.relay import Relay
from tools.booking.shop import default_shop
from tools.spec import BackendError

log = structlog.get_logger()

SWITCH_S = 0.0005


async def serve(
    settings: Settings,
    listener: socket.socket,
    greet: Callable[[str], None],
    crew: Crew | None = None,
    lifeline: int | None = None,
) -> None:
    """Serve until a signal, then let live calls finish. Raises what `open_service` raises.

    `greet` is told where the first admin chooses a password, as long as there is none. `crew`: the
    workers this process is one of; `lifeline` a file descriptor whose end is like a signal.
    """
    crew = crew or Crew()
    service = await open_service(settings, crew=crew)
    try:
        await service.warm()
        # Some 150,000 objects live as long as the process. Looking through them for garbage
        # takes the collector a tenth of a second, in which every caller hears nothing.
        gc.collect()
        gc.freeze()
        # Each round of the collector stops every call, for as long as there are objects to look
        # at: some 1.3 ms for a thousand. What calls leave behind is for `telephony.tidying`.
        gc.set_threshold(1_000, 2, 2_500)
        # A thread that writes journals or renders speech hands over within this time when the
        # event loop has something to do; Python's own 5 ms would be heard in every interruption.
        sys.setswitchinterval(SWITCH_S)
        _tell(settings, service, listener)
        await _greet(settings, service, greet)
        await service.keep_calendars()
        await _answer(service, listener, crew, lifeline)
    finally:
        await service.stop()


async def _answer(
    service: Service, listener: socket.socket, crew: Crew, lifeline: int | None
) -> None:
    """Until a signal, and until the last call is over."""
    leaves = partial(leave, service)
    if crew.own is None:
        server = PhoneServer(service.app, leaves, service.hurry, count=service.count)
        await server.serve(sockets=[listener])
        return
    app = Relay(service.app, crew, service.count)
    server = PhoneServer(app, leaves, service.hurry, count=service.count, entrance=protocol(crew))
    figures = service.metrics.text
    reception = Reception(crew.own, server.connection, service.app, figures)
    reception.open()
    crew.opens()
    if lifeline is not None:
        asyncio.get_running_loop().add_reader(lifeline, _orphaned, server, crew, lifeline)
    try:
        await server.serve(sockets=[listener])
    finally:
        crew.closes()
        await reception.close()


async def leave(service: Service) -> None:
    """What a signal begins; the server answers until this returns. Raises as `Service.drain`."""
    await service.drain()
    await service.switchboard.linger()


def _orphaned(server: PhoneServer, crew: Crew, lifeline: int) -> None:
    """The parent is gone: nobody would tell this process to end, nor any of its kind."""
    asyncio.get_running_loop().remove_reader(lifeline)
    log.error("parent_gone")
    crew.board.stop()
    server.stop()


def _tell(settings: Settings, service: Service, listener: socket.socket) -> None:
    """What a person who looks at the log of a start wants to know."""
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port)
    if urlsplit(settings.public_url).hostname in LOOPBACK:
        hint = "no request of Twilio's can match: set FRONTDESK_PUBLIC_URL"
        log.warning("public_url_is_loopback", public_url=settings.public_url, hint=hint)
    if service.shop == default_shop():
        hint = "the built-in example shop answers: frontdesk init writes a shop.yaml to change"
        log.warning("example_shop", config_dir=str(settings.config_dir), hint=hint)


async def _greet(settings: Settings, service: Service, greet: Callable[[str], None]) -> None:
    try:
        on = settings.console == "on"
        link = await asyncio.to_thread(welcome, settings, service.store) if on else None
    except BackendError as error:
        log.warning("first_admin_not_made", error=str(error))
    else:
        if link is not None:
            greet(link)


@contextlib.asynccontextmanager
async def serving(
    settings: Settings, listener: socket.socket, watch: Watch = unwatched
) -> AsyncGenerator[Service]:
    """A running service for as long as the block lasts; calls still live then are drained.

    Signals are left to whoever runs the loop: here they end the block, and so the service.
    """
    service = await open_service(settings, watch)
    tasks = Tasks(service.failed)
    try:
        await service.warm()
        server = PhoneServer(
            service.app, service.drain, service.hurry, signals=(), count=service.count
        )
        task = tasks.start("http server", server.serve(sockets=[listener]))
        yield service
        server.stop()
        await task
    finally:
        await service.drain()
        await tasks.cancel_all()
        await service.stop()
