"""`frontdesk webhooks`: who is told of calls, and what has become of it."""

import datetime as dt
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec

from telephony.cli.calls import table
from telephony.cli.opening import opened
from telephony.cli.terminal import CommandFailed
from telephony.plain import plain
from telephony.settings import load
from telephony.versioned import utc_now
from tools.hooks.endpoints import Change, Endpoint, Endpoints, NoEndpoint
from tools.hooks.outbox import DEAD, PENDING, TAKEN, Delivery, NoDelivery, Outbox
from tools.hooks.spec import BadEndpoint, Event, EventType, event_id

_BY = "command line"
_ENDPOINTS = ("no", "on", "address", "events", "taken", "waiting", "dead", "for")
_DELIVERIES = ("no", "happened", "event", "call", "to", "state", "tries", "trouble")
_NUMBER = click.IntRange(1, 2**31 - 1)
_EVENT = click.Choice([each.value for each in EventType if each is not EventType.TEST])


@click.group()
def webhooks() -> None:
    """Tell addresses of your own what happens in calls.

    A change works at once, also in services that run. What is told, and how to check who told it:
    docs/webhooks.md.
    """


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_webhooks(as_json: bool) -> None:
    """List who is told."""
    with _desk() as (endpoints, _):
        found = endpoints.all()
    if as_json:
        _lines(found)
    elif found:
        click.echo(table([_ENDPOINTS, *map(_endpoint, found)]))
    else:
        click.echo("Nobody is told. `frontdesk webhooks add URL` changes that.")


@webhooks.command("add")
@click.argument("url")
@click.option("--event", "events", type=_EVENT, multiple=True, help="Only these; else all.")
@click.option("--numbers", is_flag=True, help="Tell telephone numbers, too.")
@click.option("--words", is_flag=True, help="Tell what was said, too, when a call has ended.")
@click.option("--for", "description", default="", help="What it is for.")
def add_webhook(
    url: str, events: tuple[str, ...], numbers: bool, words: bool, description: str
) -> None:
    """Tell this address; prints the secret it is signed with, which is not shown again."""
    with _desk() as (endpoints, _):
        wanted = Change(url, description, events, numbers, words)
        made, secret = endpoints.add(wanted, _BY, utc_now())
    click.echo(f"Number {made.id} is told from now on. Its secret:", err=True)
    click.echo(secret)


@webhooks.command("remove")
@click.argument("number", type=_NUMBER)
def remove_webhook(number: int) -> None:
    """Tell it no more; what was still to be told to it is dropped."""
    with _desk() as (endpoints, _):
        endpoints.remove(number)
    click.echo(f"Number {number} is told no more.")


@webhooks.command("enable")
@click.argument("number", type=_NUMBER)
def enable_webhook(number: int) -> None:
    """Go on telling it, what waited included."""
    _switch(number, on=True)


@webhooks.command("disable")
@click.argument("number", type=_NUMBER)
def disable_webhook(number: int) -> None:
    """Tell it nothing until it is enabled again."""
    _switch(number, on=False)


@webhooks.command("secret")
@click.argument("number", type=_NUMBER)
def rotate_secret(number: int) -> None:
    """Print a new secret; for a day the old one signs beside it."""
    with _desk() as (endpoints, _):
        click.echo(endpoints.rotate(number, utc_now()))


@webhooks.command("test")
@click.argument("number", type=_NUMBER)
def test_webhook(number: int) -> None:
    """Send it a test; a service that runs does."""
    now = utc_now()
    with _desk() as (endpoints, outbox):
        endpoints.find(number)
        id_ = event_id("test", secrets.token_hex(8))
        outbox.test(number, Event(id_, EventType.TEST, now, "", {"asked_by": _BY}), now)
    click.echo(f"{id_} is on its way: see `frontdesk webhooks deliveries`.")


@webhooks.command("deliveries")
@click.option("--to", "number", type=_NUMBER, help="To this number only.")
@click.option("--state", type=click.Choice([PENDING, TAKEN, DEAD]), help="Those only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def deliveries(number: int | None, state: str | None, limit: int, as_json: bool) -> None:
    """List what was, or is still to be, told, the newest first."""
    with _desk() as (_, outbox):
        found = outbox.deliveries(number, state, limit=limit)
    if as_json:
        _lines(found)
    elif found:
        click.echo(table([_DELIVERIES, *map(_delivery, found)]))
    else:
        click.echo("Nothing there.")


@webhooks.command("replay")
@click.argument("delivery", type=_NUMBER, required=False)
@click.option("--to", "number", type=_NUMBER, help="Everything this number never took.")
def replay(delivery: int | None, number: int | None) -> None:
    """Tell a delivery once more, under the same id."""
    if (delivery is None) == (number is None):
        raise click.UsageError("Give the number of a delivery, or --to.")
    now = utc_now()
    with _desk() as (endpoints, outbox):
        if delivery is not None:
            outbox.replay(delivery, now)
            click.echo(f"Delivery {delivery} is told once more.")
        elif number is not None:
            endpoints.find(number)
            click.echo(f"{outbox.replay_dead(number, now)} are told once more.")


def _switch(number: int, *, on: bool) -> None:
    with _desk() as (endpoints, _):
        endpoints.change(number, Change(enabled=on))
    click.echo(f"Number {number} is {'on' if on else 'off'}.")


@contextmanager
def _desk() -> Iterator[tuple[Endpoints, Outbox]]:
    settings = load()
    try:
        with opened(settings) as store:
            yield Endpoints(store, settings.webhook_private), Outbox(store)
    except (BadEndpoint, NoEndpoint, NoDelivery) as error:
        raise CommandFailed(str(error)) from None


def _lines(found: list[Endpoint] | list[Delivery]) -> None:
    for each in found:
        click.echo(msgspec.json.encode(each).decode())


def _endpoint(each: Endpoint) -> tuple[str, ...]:
    counts = (each.taken, each.pending, each.dead)
    return (
        str(each.id),
        "yes" if each.enabled else "no",
        plain(each.url),
        ",".join(each.events) or "all",
        *map(str, counts),
        plain(each.description),
    )


def _delivery(each: Delivery) -> tuple[str, ...]:
    return (
        str(each.id),
        f"{each.at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}Z",
        each.type,
        plain(each.call_id),
        str(each.endpoint_id),
        each.state,
        str(each.tries),
        each.trouble,
    )
