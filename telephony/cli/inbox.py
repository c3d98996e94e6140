"""`frontdesk messages` and `frontdesk callbacks`: what callers left for the staff."""

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import click
import msgspec

from telephony.cli.calls import table
from telephony.cli.opening import opened
from telephony.cli.terminal import CommandFailed
from telephony.plain import plain
from telephony.settings import load
from tools.booking.shopfile import load_shop
from tools.calls.inbox import CallBack, Inbox, Message

_MESSAGES = ("no", "taken", "from", "call back", "urgent", "message")
_CALL_BACKS = ("no", "when", "number", "name", "about")


@click.group(invoke_without_command=True)
@click.option("--done", "done", is_flag=True, help="Those that were seen to, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def messages(context: click.Context, done: bool, as_json: bool) -> None:
    """List the messages callers left, urgent ones first.

    `frontdesk messages done 3` takes number 3 off the list.
    """
    if context.invoked_subcommand is None:
        with _inbox() as (inbox, zone):
            found = inbox.messages(done=done)
            _show(found, _MESSAGES, (_message(each, zone) for each in found), as_json)


@messages.command("done")
@click.argument("number", type=click.IntRange(1))
def message_done(number: int) -> None:
    """Somebody has seen to this message."""
    with _inbox() as (inbox, _):
        if inbox.close_message(number, dt.datetime.now(dt.UTC)) is None:
            raise CommandFailed(f"there is no message {number}: see `frontdesk messages`")
    click.echo(f"Message {number} is done.")


@click.group(invoke_without_command=True)
@click.option("--done", "done", is_flag=True, help="Those that were made, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def callbacks(context: click.Context, done: bool, as_json: bool) -> None:
    """List the calls back that were promised, the soonest first, on the shop's clock.

    `frontdesk callbacks done 3` takes number 3 off the list.
    """
    if context.invoked_subcommand is None:
        with _inbox() as (inbox, _):
            found = inbox.call_backs(done=done)
            _show(found, _CALL_BACKS, map(_call_back, found), as_json)


@callbacks.command("done")
@click.argument("number", type=click.IntRange(1))
def call_back_done(number: int) -> None:
    """Somebody has called back."""
    with _inbox() as (inbox, _):
        if inbox.close_call_back(number, dt.datetime.now(dt.UTC)) is None:
            raise CommandFailed(f"there is no call back {number}: see `frontdesk callbacks`")
    click.echo(f"Call back {number} is done.")


@contextmanager
def _inbox() -> Iterator[tuple[Inbox, zoneinfo.ZoneInfo]]:
    settings = load()
    with opened(settings) as store:
        yield Inbox(store), load_shop(settings.config_dir).zone


def _show(
    found: Sequence[Message] | Sequence[CallBack],
    columns: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    as_json: bool,
) -> None:
    if as_json:
        for each in found:
            click.echo(msgspec.json.encode(each).decode())
    elif found:
        click.echo(table([columns, *(tuple(map(plain, row)) for row in rows)]))
    else:
        click.echo("Nothing there.")


def _message(message: Message, zone: zoneinfo.ZoneInfo) -> tuple[str, ...]:
    return (
        str(message.id),
        f"{message.created_at.astimezone(zone):%Y-%m-%d %H:%M}",
        f"{message.name} {message.caller_number or '(withheld)'}",
        message.call_back_number or "-",
        "urgent" if message.urgent else "-",
        " ".join(message.text.split()),
    )


def _call_back(promised: CallBack) -> tuple[str, ...]:
    zone = zoneinfo.ZoneInfo(promised.zone)
    begin, end = promised.starts_at.astimezone(zone), promised.ends_at.astimezone(zone)
    return (
        str(promised.id),
        f"{begin:%Y-%m-%d %H:%M}-{end:%H:%M}",
        promised.number,
        promised.name,
        promised.about or "-",
    )
