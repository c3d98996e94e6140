"""`frontdesk try`: the real server, a simulated phone, one call."""

from pathlib import Path

from telephony.cli.terminal import CommandFailed
from telephony.settings import Settings


def run(settings: Settings, *, once: bool, as_json: bool, record: Path | None) -> int:
    """Carry one call; the exit code."""
    raise CommandFailed(f"Trying with engine {settings.engine} is not put together yet.")
