"""`frontdesk audit`: what was done in the console, and whether the log of it is whole."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec

from telephony.cli.calls import table
from telephony.cli.opening import opened
from telephony.cli.terminal import CommandFailed
from telephony.console.access.audit import Audit, Entry
from telephony.plain import plain
from telephony.retention.verifying import Verified, verify_calls
from telephony.settings import Settings, load
from telephony.versioned import utc_now
from tools.store import Store


@click.group()
def audit() -> None:
    """The audit log: who did what in the console and by the API."""


@audit.command()
@click.option("--head", default="", help="A link printed before: the chain must still hold it.")
def verify(head: str) -> None:
    """Check that no entry of the log and no call was changed, taken out or put in; ends with 1 if
    one was.

    Journals, transcripts and recordings are chained by their fingerprints when a call is over.
    What a deletion took is not missed.
    """
    with _opened() as (settings, store):
        log = Audit(store, utc_now)
        broken = log.verify()
        newest = log.entries(1)
        calls = verify_calls(store, settings.data_dir, head=head)
    _tell(calls)
    if broken is not None:
        raise CommandFailed(f"the audit log was tampered with: {broken.number} {broken.what}")
    end = f"{newest[0].number} entries, the last with hash {newest[0].hash}" if newest else "empty"
    click.echo(f"The audit log is whole: {end}.")
    if calls.problems:
        raise CommandFailed("not all calls are as they were")


def _tell(calls: Verified) -> None:
    for problem in calls.problems:
        click.echo(f"! {problem}")
    click.echo(
        f"{calls.calls} calls are as they were, {calls.erased} were deleted in whole or in part,"
        f" {calls.unsealed} are not sealed yet."
    )
    click.echo(f"The chain of calls has {calls.rows} rows and ends with {calls.head}.")


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--before", type=click.IntRange(1), help="Only entries before this number.")
@click.option("--find", default="", help="Only with these words in name, action, object, address.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_entries(limit: int, before: int | None, find: str, as_json: bool) -> None:
    """Show entries, newest first."""
    with _opened() as (_, store):
        found = Audit(store, utc_now).entries(limit, before=before, containing=find)
    if as_json:
        for entry in found:
            click.echo(json.dumps(msgspec.to_builtins(entry)))
    else:
        click.echo(table([("no", "when", "who", "did", "to", "from"), *map(_row, found)]))


def _row(entry: Entry) -> tuple[str, ...]:
    at = entry.at.isoformat(sep=" ", timespec="seconds")
    told = entry.who or "a stranger", entry.action, entry.object, entry.ip
    return (str(entry.number), at, *map(plain, told))


@contextmanager
def _opened() -> Iterator[tuple[Settings, Store]]:
    settings = load()
    with opened(settings) as store:
        yield settings, store
