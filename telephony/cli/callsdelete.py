"""`frontdesk calls delete`: one call, or what is older than so many days."""

import click

from telephony.cli.retention import opened, show_receipt, show_would, terminal
from telephony.cli.terminal import CommandFailed
from telephony.retention.classes import OF_CALLS, Kept
from telephony.retention.retention import Asked

_CLASSES = click.Choice([kept.value for kept in OF_CALLS])


@click.command("delete")
@click.argument("call_id", default="")
@click.option("--older-than", type=click.IntRange(0, 36_500), help="Of so many days, instead.")
@click.option(
    "--class",
    "classes",
    type=_CLASSES,
    multiple=True,
    help="With --older-than: only this, several times for several; everything if not said.",
)
@click.option("--why", default="", help="Kept with the receipt: never whom it is about.")
@click.option("--confirm", is_flag=True, help="Delete; without it only counts are shown.")
def delete(
    call_id: str, older_than: int | None, classes: tuple[str, ...], why: str, confirm: bool
) -> None:
    """Delete one call by its whole id, or all older ones, and look that they are gone.

    Files, database, search index and journal; a receipt stays that tells of nobody.
    """
    if classes and older_than is None:
        raise CommandFailed("--class goes with --older-than: one call is deleted whole")
    wanted = tuple(map(Kept, classes)) or (Kept.METADATA,)
    asked = Asked(call=call_id, days=older_than, classes=wanted, why=why)
    with opened() as keeping:
        if confirm:
            show_receipt(keeping.delete(terminal(), asked))
        else:
            show_would([keeping.retention.would(asked)])
