"""`frontdesk subject`: what is kept about one number, handed out or deleted."""

from pathlib import Path

import click

from telephony.cli.retention import opened, show_receipt, show_would, terminal
from telephony.retention.retention import Asked


@click.group()
def subject() -> None:
    """What is kept about one number: export it, or delete it.

    Numbers are written like +12125550123.
    """


@subject.command()
@click.argument("number")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("subject.zip"),
    show_default=True,
    help="Where the ZIP file goes.",
)
def export(number: str, output: Path) -> None:
    """Write everything about NUMBER into one ZIP file: calls, recordings, bookings, contact."""
    with opened() as keeping:
        data = keeping.export(terminal(), number)
    output.touch(mode=0o600)
    output.write_bytes(data)
    click.echo(f"{output}: {len(data)} bytes.")


@subject.command()
@click.argument("number")
@click.option("--why", default="", help="Kept with the receipt: never whom it is about.")
@click.option("--confirm", is_flag=True, help="Delete; without it only counts are shown.")
def delete(number: str, why: str, confirm: bool) -> None:
    """Delete everything about NUMBER: its calls, contact, messages, past bookings.

    An appointment still to come stays until it is past, and so does the wish not to be called.
    """
    asked = Asked(number=number, why=why)
    with opened() as keeping:
        if confirm:
            show_receipt(keeping.delete(terminal(), asked))
        else:
            show_would([keeping.retention.would(asked)])
