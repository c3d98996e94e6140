"""`frontdesk audit`: what was done in the console, and whether the log of it is whole."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec

from telephony.cli.calls import table
from telephony.cli.terminal import CommandFailed
from telephony.console.access.audit import Audit, Entry
from telephony.plain import plain
from telephony.settings import load
from telephony.versioned import utc_now
from tools.migrate import migrate
from tools.store import open_store


@click.group()
def audit() -> None:
    """The audit log: who did what in the console and by the API."""


@audit.command()
def verify() -> None:
    """Check that no entry was changed, taken out or put in; ends with 1 if one was."""
    with _audit() as log:
        broken = log.verify()
        if broken is not None:
            raise CommandFailed(f"the audit log was tampered with: {broken.number} {broken.what}")
        newest = log.entries(1)
    end = f"{newest[0].number} entries, the last with hash {newest[0].hash}" if newest else "empty"
    click.echo(f"The audit log is whole: {end}.")


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--before", type=click.IntRange(1), help="Only entries before this number.")
@click.option("--find", default="", help="Only with these words in name, action, object, address.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_entries(limit: int, before: int | None, find: str, as_json: bool) -> None:
    """Show entries, newest first."""
    with _audit() as log:
        found = log.entries(limit, before=before, containing=find)
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
def _audit() -> Iterator[Audit]:
    store = open_store(load().database_url.reveal())
    try:
        migrate(store)
        yield Audit(store, utc_now)
    finally:
        store.close()
