"""`frontdesk serve`: answer calls until told to stop."""

import asyncio
import os
import socket
import sys

import click
import msgspec
import structlog
import uvloop

from telephony.calibration import measured
from telephony.cli.terminal import CommandFailed
from telephony.metrics import MetricsListener, port_refused
from telephony.running import serve
from telephony.server import listen
from telephony.settings import Settings, check_folders, check_for_twilio
from telephony.workers.joining import Joining, joined
from telephony.workers.parent import Parent

log = structlog.get_logger()


def run(settings: Settings, workers: int) -> int:
    """Serve until a signal ends it; the exit code.

    Raises CommandFailed or OSError for a port in use.
    """
    check_for_twilio(settings)
    _try_metrics_port(settings.metrics_port)
    listener = listening(settings.host, settings.port, "FRONTDESK_PORT")
    settings = _with_capacity(settings, workers)
    if workers == 1:
        uvloop.run(serve(settings, listener, greet))
        return 0
    check_folders(settings)
    return asyncio.run(_workers(settings, listener, workers))


def run_worker(settings: Settings, joining: Joining) -> int:
    """Serve as one of several; whoever started it has opened the port and checked what is set."""
    settings = msgspec.structs.replace(settings, max_calls=joining.max_calls, metrics_port=0)
    listener = socket.socket(fileno=joining.listener)
    first = joining.index == 0
    crew = joined(joining)
    uvloop.run(serve(settings, listener, greet if first else _silent, crew, joining.lifeline))
    return 0


async def _workers(settings: Settings, listener: socket.socket, workers: int) -> int:
    command = (sys.executable, "-m", "telephony", "serve", "--joining")
    parent = Parent(command, listener, workers, settings.max_calls)
    figures: MetricsListener | None = None
    if settings.metrics_port:
        figures = MetricsListener(parent.figures.registry(), settings.metrics_port)
    log.info("workers_started", workers=workers, pid=os.getpid())
    try:
        return await parent.run()
    finally:
        if figures is not None:
            await asyncio.to_thread(figures.close)


def _with_capacity(settings: Settings, workers: int) -> Settings:
    if settings.max_calls:
        return settings
    found = measured(settings.realtime_audio, workers)
    log.info("capacity_measured", calls=found.calls, speed=found.speed, cores=found.cores)
    return msgspec.structs.replace(settings, max_calls=found.calls)


def _silent(_link: str) -> None:
    """Another worker has said it."""


def listening(host: str, port: int, name: str) -> socket.socket:
    """Raises CommandFailed with the name of the setting where the port is in use."""
    try:
        return listen(host, port)
    except OSError as error:
        cure = f"Set FRONTDESK_HOST and {name} to an address that is free."
        what = f"Cannot listen on {host}:{port}: {error.strerror}. {cure}"
        raise CommandFailed(what) from None


def greet(link: str) -> None:
    """The link lets an admin in: it is for who sits at the terminal, and not for a log."""
    if sys.stderr.isatty():
        click.echo(f"Choose the first admin's password, within a day:\n{link}", err=True)
    else:
        hint = "frontdesk console users reset-link admin prints a link to choose a password by"
        log.warning("console_without_admin", hint=hint)


def _try_metrics_port(port: int) -> None:
    """Before anything is opened: whoever set it wrongly reads of it at once."""
    if port:
        try:
            listen("127.0.0.1", port).close()
        except OSError as error:
            raise port_refused(port, error) from None
