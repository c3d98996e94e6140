"""`frontdesk waiting`: whom the staff is to call because a time has become free."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
import msgspec

from telephony.cli.calls import table
from telephony.cli.opening import opened
from telephony.cli.terminal import CommandFailed
from telephony.plain import plain
from telephony.settings import load
from tools.booking.shop import Shop
from tools.booking.shopfile import load_shop
from tools.booking.waiting import Entry, Notice, Waiting

_NOTICES = ("no", "call", "name", "for", "free at", "waits for", "since")
_LINE = ("number", "name", "for", "day", "hours", "since")


@click.group(invoke_without_command=True)
@click.option("--line", "line", is_flag=True, help="Everybody who waits, the soonest day first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def waiting(context: click.Context, line: bool, as_json: bool) -> None:
    """List who is to be called: a time they wait for has become free.

    `frontdesk waiting done 3` takes number 3 off the list.
    """
    if context.invoked_subcommand is not None:
        return
    with _waiting() as (own, shop):
        if line:
            _show(_in_line(own, shop), as_json)
        else:
            _show(own.notices(), as_json, shop)


@waiting.command("done")
@click.argument("number", type=click.IntRange(1))
def waiting_done(number: int) -> None:
    """Somebody has called them."""
    with _waiting() as (own, _):
        if not own.seen(number, dt.datetime.now(dt.UTC)):
            raise CommandFailed(f"nobody is to be called by number {number}: `frontdesk waiting`")
    click.echo(f"Number {number} is done.")


@contextmanager
def _waiting() -> Iterator[tuple[Waiting, Shop]]:
    settings = load()
    with opened(settings) as store:
        shop = load_shop(settings.config_dir)
        yield Waiting(store, shop), shop


def _in_line(own: Waiting, shop: Shop) -> list[Entry]:
    today = dt.datetime.now(shop.zone).date()
    return own.in_line(today, today + dt.timedelta(days=shop.days_ahead))


def _show(
    found: Sequence[Entry] | Sequence[Notice], as_json: bool, shop: Shop | None = None
) -> None:
    if as_json:
        for each in found:
            click.echo(msgspec.json.encode(each).decode())
    elif found:
        rows = [_notice(each, shop) if isinstance(each, Notice) else _entry(each) for each in found]
        columns = _NOTICES if shop is not None else _LINE
        click.echo(table([columns, *(tuple(map(plain, row)) for row in rows)]))
    else:
        click.echo("Nobody there.")


def _notice(notice: Notice, shop: Shop | None) -> tuple[str, ...]:
    entry, zone = notice.entry, shop.zone if shop is not None else dt.UTC
    return (
        str(notice.id),
        entry.caller_number or "(withheld)",
        entry.name,
        _what(entry),
        f"{notice.starts_at.astimezone(zone):%Y-%m-%d %H:%M}",
        _hours(entry),
        f"{entry.created_at.astimezone(zone):%Y-%m-%d}",
    )


def _entry(entry: Entry) -> tuple[str, ...]:
    return (
        entry.caller_number or "(withheld)",
        entry.name,
        _what(entry),
        entry.day,
        _hours(entry),
        f"{entry.created_at:%Y-%m-%d}",
    )


def _what(entry: Entry) -> str:
    party = f" for {entry.party}" if entry.party > 1 else ""
    return f"{entry.service}{party}" + (f" with {entry.person}" if entry.person else "")


def _hours(entry: Entry) -> str:
    first, last = (f"{at // 60:02}:{at % 60:02}" for at in (entry.from_minute, entry.to_minute))
    return f"{first}-{last}"
