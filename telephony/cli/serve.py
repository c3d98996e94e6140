"""`frontdesk serve`: answer calls until told to stop."""

import uvloop

from telephony.cli.terminal import CommandFailed
from telephony.metrics import port_refused
from telephony.running import serve
from telephony.server import listen
from telephony.settings import Settings, check_for_twilio


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
    uvloop.run(serve(settings, listener))
    return 0


def _try_metrics_port(port: int) -> None:
    """Before anything is opened: whoever set it wrongly reads of it at once."""
    if port:
        try:
            listen("127.0.0.1", port).close()
        except OSError as error:
            raise port_refused(port, error) from None
