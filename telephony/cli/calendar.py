"""`frontdesk calendar`: how the outside calendars are, what clashed, and one round by hand."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from telephony import logs
from telephony.cli.opening import opened
from telephony.plain import plain
from telephony.settings import Settings, check_folders, load
from tools.booking.caldav.loop import Calendars
from tools.booking.caldav.outcome import MEANINGS, Outcome
from tools.booking.caldav.record import Conflict, State, conflicts, staff_changes, states
from tools.booking.caldav.sync import Round
from tools.booking.shop import Shop
from tools.booking.shopfile import load_shop
from tools.config import ConfigError
from tools.store import Store

_LIMIT = click.IntRange(1, 10_000)


@click.group()
def calendar() -> None:
    """Show and synchronise the CalDAV calendars of `shop.yaml`."""


@calendar.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def status(as_json: bool) -> None:
    """Show when each calendar was last in step, and what is wrong if it is not."""
    settings = load()
    shop = load_shop(settings.config_dir)
    with _database(settings) as store:
        known = {each.calendar: each for each in states(store)}
    if as_json:
        for each in shop.calendars:
            _json(_state(known, each.resource))
    elif not shop.calendars:
        click.echo("No calendars: shop.yaml has no `calendars:`.")
    else:
        for each in shop.calendars:
            _tell(_state(known, each.resource), shop)


@calendar.command("conflicts")
@click.option("--limit", default=50, show_default=True, type=_LIMIT)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_conflicts(limit: int, as_json: bool) -> None:
    """List what clashed and how it was decided, newest first."""
    settings = load()
    shop = load_shop(settings.config_dir)
    with _database(settings) as store:
        found = conflicts(store, limit)
    for each in found:
        if as_json:
            _json(each)
        else:
            click.echo(_line(each, shop))
    if not found and not as_json:
        click.echo("No conflicts.")


@calendar.command()
@click.option("--limit", default=50, show_default=True, type=_LIMIT)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def changes(limit: int, as_json: bool) -> None:
    """List what the staff has moved or cancelled in their calendars, newest first."""
    settings = load()
    shop = load_shop(settings.config_dir)
    with _database(settings) as store:
        found = staff_changes(store, limit)
    for each in found:
        if as_json:
            _json(each)
            continue
        to = f" to {_local(each.to_at, shop)}" if each.to_at else ""
        what = f"{each.what} {each.booking_id} from {_local(each.from_at, shop)}{to}"
        click.echo(plain(f"{_local(each.at, shop)}  {each.calendar}: {what}"))
    if not found and not as_json:
        click.echo("No changes by the staff.")


@calendar.command()
@click.option("--once", is_flag=True, required=True, help="One round of each calendar, then end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def sync(once: bool, as_json: bool) -> int:
    """Synchronise now; `frontdesk serve` does it by itself. Ends with 1 if a calendar failed."""
    assert once, "there is no other way"
    settings = load()
    shop = load_shop(settings.config_dir)
    if not shop.calendars:
        what = "there is no `calendars:`"
        raise ConfigError("shop.yaml", what, "Add one, as docs/calendars.md shows")
    # A program reads what is printed: what happens on the way goes where logs go.
    sink = logs.set_up(
        level=settings.log_level, form=settings.log_format, caller_data=settings.log_caller_data
    )
    try:
        with _database(settings) as store:
            rounds = asyncio.run(_once(settings, shop, store))
    finally:
        sink.close()
    for each in rounds:
        if as_json:
            _json(each)
        else:
            why = each.detail if each.outcome is Outcome.NO_PASSWORD else MEANINGS[each.outcome]
            click.echo(plain(f"{each.calendar}: {each.outcome.value}. {why}"))
    if len(rounds) < len(shop.calendars):
        click.echo("Another process is at work on the others.", err=as_json)
    return 0 if all(each.outcome is Outcome.OK for each in rounds) else 1


async def _once(settings: Settings, shop: Shop, store: Store) -> list[Round]:
    calendars = Calendars(shop, store, settings.secrets.get, lambda: dt.datetime.now(dt.UTC))
    try:
        return await calendars.once()
    finally:
        await calendars.stop()


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[Store]:
    check_folders(settings)
    with opened(settings) as store:
        yield store


def _state(known: dict[str, State], name: str) -> State:
    never = State(name, None, 0, None, None, None, Outcome.NEVER.value, 0)
    return known.get(name, never)


def _tell(state: State, shop: Shop) -> None:
    click.echo(plain(f"{state.calendar}: {state.outcome}. {MEANINGS[Outcome(state.outcome)]}"))
    click.echo(f"  in step: {_local(state.synced_at, shop)}, tried: {_local(state.tried_at, shop)}")
    if state.failures:
        click.echo(f"  rounds failed since: {state.failures}")


def _line(conflict: Conflict, shop: Shop) -> str:
    parts = [f"{_local(conflict.noticed_at, shop)}  {conflict.calendar}: {conflict.kind}"]
    if conflict.booking_id:
        parts.append(f"booking {conflict.booking_id}")
    if conflict.ours_at:
        parts.append(f"ours {_local(conflict.ours_at, shop)}")
    if conflict.theirs_at:
        parts.append(f"theirs {_local(conflict.theirs_at, shop)}")
    if conflict.detail:
        parts.append(conflict.detail)
    if conflict.href and not conflict.booking_id:
        parts.append(conflict.href)
    return plain(", ".join(parts))


def _local(at: dt.datetime | None, shop: Shop) -> str:
    return f"{at.astimezone(shop.zone):%Y-%m-%d %H:%M}" if at else "never"


def _json(found: Any) -> None:
    click.echo(msgspec.json.encode(found).decode())
