"""`frontdesk serve`: answer calls until told to stop."""

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
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        cure = "Set FRONTDESK_HOST and FRONTDESK_PORT to an address that is free."
        raise CommandFailed(f"Cannot listen on {where}: {error.strerror}. {cure}") from None
    uvloop.run(serve(settings, listener, _greet))
    return 0


def _greet(link: str) -> None:
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
