"""`frontdesk serve`: answer calls until told to stop."""

from telephony.cli.terminal import CommandFailed
from telephony.settings import Settings


def run(settings: Settings) -> int:
    """Serve until a signal ends it; the exit code."""
    raise CommandFailed(f"Serving on port {settings.port} is not put together yet.")
