"""What the commands share: how they fail, and how they write to a terminal."""

import os
import sys

import click

from telephony.transcripts.text import Style

BAD_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h: process supervisors know that starting again will not help."""


class CommandFailed(Exception):  # noqa: N818 - says what happened to the command
    """The command could not do its work; the message is one clear sentence for people."""


def complain(sentence: str) -> None:
    """One line on standard error."""
    click.echo(f"frontdesk: {sentence}", err=True)


def style() -> Style:
    """Struck-through words in a terminal, signs elsewhere (https://no-color.org)."""
    plain = (
        not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    )
    return Style.PLAIN if plain else Style.ANSI
