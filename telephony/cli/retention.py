"""`frontdesk retention`: how long what is kept, what is held, and what has run out."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click
import msgspec

from telephony.cli import opening
from telephony.cli.calls import table
from telephony.cli.terminal import CommandFailed
from telephony.console.access.roles import Role, Who, program
from telephony.console.keeping import Keeping
from telephony.frontoffice import open_access
from telephony.plain import plain
from telephony.retention.classes import Kept
from telephony.retention.deletion import NotGone
from telephony.retention.holds import BadHold, Hold
from telephony.retention.plan import Receipt
from telephony.retention.retention import Refused, Would, open_retention
from telephony.settings import load
from telephony.transcripts.archive import Archive, NotFound
from telephony.versioned import utc_now
from tools.store import CommitUnknownError

TERMINAL = "terminal"
_HOLDS = ("no", "on", "reason", "placed by", "state")


@contextmanager
def opened() -> Iterator[Keeping]:
    """What is kept by these settings; what a person has to mend is one sentence."""
    settings = load()
    try:
        with opening.opened(settings) as store:
            retention = open_retention(settings, store, utc_now)
            yield Keeping(retention, open_access(settings, store).audit, utc_now)
    except (BadHold, Refused) as error:
        raise CommandFailed(str(error)) from None
    except NotGone as error:
        raise CommandFailed(f"Still there, and tried again at the next run: {error}") from None
    except CommitUnknownError:
        raise CommandFailed("The database broke off: ask again, nothing is done twice") from None


def terminal() -> Who:
    """Whoever has the server has all rights already."""
    return program(TERMINAL, TERMINAL, Role.ADMIN, ip="")


@click.group()
def retention() -> None:
    """How long what is kept; legal holds; delete what has run out.

    `frontdesk serve` deletes by itself, every hour, what FRONTDESK_KEEP_..._DAYS say.
    """


@retention.command()
@click.option("--confirm", is_flag=True, help="Delete; without it only counts are shown.")
def run(confirm: bool) -> None:
    """Delete what is kept no longer, and take up what was broken off."""
    with opened() as keeping:
        if confirm:
            receipts = keeping.run(terminal())
            _told(receipts, "Nothing has run out.")
        else:
            show_would(keeping.retention.expired())


@retention.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """Show the periods, what has run out, what is held, and the latest deletions."""
    with opened() as keeping:
        standing = keeping.retention.standing()
        holds, receipts = keeping.retention.holds.all(), keeping.retention.receipts()
    if as_json:
        told = {"standing": standing, "holds": holds, "deletions": receipts}
        click.echo(msgspec.json.encode(told).decode())
        return
    for kept in Kept:
        days = standing.periods.days(kept)
        click.echo(f"{kept.value:<11} {f'{days} days' if days else 'for ever'}")
    click.echo(f"Run out: {standing.due} calls; held among them: {standing.held}.")
    if standing.unfinished:
        click.echo(f"Broken off, and taken up at the next run: {standing.unfinished}.")
    if holds:
        click.echo(table([_HOLDS, *map(_row, holds)]))
    _told(receipts[:10], "Nothing was deleted yet.")


@retention.command()
@click.argument("kind", type=click.Choice(["call", "number"]))
@click.argument("subject")
@click.option("--reason", required=True, help="Why; it is kept with the hold.")
def hold(kind: str, subject: str, reason: str) -> None:
    """Keep a call, or everything under a number, from being deleted.

    A call may be named by the beginning of its id, as long as only one stored call begins so.
    """
    with opened() as keeping:
        if kind == "call":
            subject = _whole(Archive(keeping.retention.data_dir), subject.strip())
        placed = keeping.place(terminal(), kind, subject, reason)
        click.echo(f"Hold {placed.id} stands on {placed.kind} {placed.subject}.")


def _whole(archive: Archive, named: str) -> str:
    """The call's whole id: a hold on less would hold nothing. Raises NotFound."""
    try:
        # Parts of one call may lie in the folders of two days, which `find` takes for two calls.
        return archive.exactly(named).call_id
    except NotFound:
        return archive.find(named).call_id


@retention.command()
@click.argument("hold_id", type=click.IntRange(1))
def release(hold_id: int) -> None:
    """Let go of a hold, by its number; whom it was about is forgotten."""
    with opened() as keeping:
        keeping.release(terminal(), hold_id)
        click.echo(f"Hold {hold_id} is released.")


def _row(hold: Hold) -> tuple[str, ...]:
    state = "released" if hold.released_at else "held"
    cells = (str(hold.id), f"{hold.kind} {hold.subject}", hold.reason, hold.placed_by, state)
    return tuple(map(plain, cells))


def show_would(parts: Iterable[Would]) -> None:
    """What would be deleted, in all."""
    counts: dict[str, int] = {}
    held = on = 0
    for part in parts:
        held, on = held + part.held, on + part.on
        for name, count in part.counts.items():
            counts[name] = counts.get(name, 0) + count
    told = [f"{count} {name}" for name, count in counts.items() if count]
    click.echo(f"Would delete: {', '.join(told) or 'nothing'}.")
    if held or on:
        click.echo(f"Stays: {held} calls that are held, {on} that are not over.")
    if told:
        click.echo("Nothing was deleted: add --confirm to do it.")


def show_receipt(receipt: Receipt) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in receipt.counts.items() if count)
    state = "" if receipt.finished_at else " NOT FINISHED"
    at = receipt.asked_at.isoformat(timespec="seconds")
    click.echo(f"Deletion {receipt.id}{state}, {at}, by {plain(receipt.by)}: {counts or 'nothing'}")
    click.echo(f"  {receipt.scope}; {plain(receipt.why) or 'no reason given'}; {receipt.digest}")


def _told(receipts: Iterable[Receipt], otherwise: str) -> None:
    found = list(receipts)
    for receipt in found:
        show_receipt(receipt)
    if not found:
        click.echo(otherwise)
