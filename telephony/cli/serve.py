"""`frontdesk serve`: answer calls until told to stop."""

import socket
import sys

import click
import structlog
import uvloop

from telephony.cli.terminal import CommandFailed
from telephony.metrics import port_refused
from telephony.running import serve
from telephony.server import listen
from telephony.settings import Settings, check_for_twilio

log = structlog.get_logger()


def run(settings: Settings) -> int:
    """Serve until a signal ends it; the exit code.

    Raises CommandFailed or OSError for a port in use.
    """
    check_for_twilio(settings)
    _try_metrics_port(settings.metrics_port)
    listener = listening(settings.host, settings.port, "FRONTDESK_PORT")
    uvloop.run(serve(settings, listener, greet))
    return 0


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
