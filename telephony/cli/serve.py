"""`frontdesk serve`: answer calls until told to stop."""

import uvloop

from telephony.cli.terminal import CommandFailed
from telephony.running import serve
from telephony.server import listen
from telephony.settings import Settings, check_for_twilio


def run(settings: Settings) -> int:
    """Serve until a signal ends it; the exit code. Raises CommandFailed for a port in use."""
    check_for_twilio(settings)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        cure = "Set FRONTDESK_HOST and FRONTDESK_PORT to an address that is free."
        raise CommandFailed(f"Cannot listen on {where}: {error.strerror}. {cure}") from None
    uvloop.run(serve(settings, listener))
    return 0
