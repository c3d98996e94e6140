"""`frontdesk console`: who may use the console, for whoever has a terminal on the server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
import uvloop

from telephony import logs
from telephony.aside import serve_console
from telephony.cli.calls import table
from telephony.cli.opening import opened, refuse_lost
from telephony.cli.serve import greet, listening
from telephony.cli.terminal import CommandFailed
from telephony.console.access.access import Access
from telephony.console.access.firstrun import link_for
from telephony.console.access.reception import Reception
from telephony.console.access.roles import Role, Who, program
from telephony.console.access.users import NameTaken, User
from telephony.frontoffice import console_address, open_access
from telephony.settings import Settings, load
from telephony.versioned import told

TERMINAL = "terminal"


@click.group(invoke_without_command=True)
@click.pass_context
def console(context: click.Context) -> None:
    """Serve the console as a process of its own, until told to stop.

    It works on the database and the data folder of these settings, beside the processes that carry
    calls; those are then started with FRONTDESK_CONSOLE=off. It listens on FRONTDESK_CONSOLE_PORT.
    """
    if context.invoked_subcommand is not None:
        return
    settings = load()
    sink = logs.set_up(
        level=settings.log_level,
        form=settings.log_format,
        caller_data=settings.log_caller_data,
    )
    try:
        refuse_lost(settings)
        listener = listening(settings.host, settings.console_port, "FRONTDESK_CONSOLE_PORT")
        with told(settings):
            uvloop.run(serve_console(settings, listener, greet))
    finally:
        sink.close()


@console.group()
def users() -> None:
    """People who may sign in, and links by which they choose a password."""


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_users(as_json: bool) -> None:
    """Everybody who may sign in."""
    with _access() as (access, _):
        found = access.users.all()
    if as_json:
        for user in found:
            click.echo(json.dumps(_plain(user)))
    else:
        rows = [tuple(_plain(user).values()) for user in found]
        click.echo(table([("name", "role", "state", "since"), *rows]))


@users.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.VIEWER.value)
def add_user(name: str, role: str) -> None:
    """Let somebody in: prints a link by which they choose a password, once, within a day."""
    with _access() as (access, settings):
        try:
            user = access.users.add(name, Role(role))
        except (ValueError, NameTaken) as error:
            raise CommandFailed(str(error)) from None
        access.audit.record(_terminal(), "user.add", f"user {user.name}", after={"role": role})
        click.echo(console_address(settings) + link_for(access, user))


@users.command("reset-link")
@click.argument("name")
def reset_link(name: str) -> None:
    """Print a link by which somebody chooses a new password, once, within a day.

    The old password works until then.
    """
    with _access() as (access, settings):
        user = _named(access, name)
        access.audit.record(_terminal(), "user.link", f"user {user.name}")
        click.echo(console_address(settings) + link_for(access, user))


@users.command("drop-code")
@click.argument("name")
def drop_code(name: str) -> None:
    """Ask for no code of an app any more, for somebody who has lost app and recovery codes.

    Their password stays. Where a second step is demanded they set up another one.
    """
    with _access() as (access, _):
        user = _named(access, name)
        Reception(access).drop_code(_terminal(), user.id)
        click.echo(f"No code is asked of {user.name} any more.")


def _named(access: Access, name: str) -> User:
    user = access.users.named(name)
    if user is None:
        raise CommandFailed(f"There is no user {name}: `frontdesk console users list`.")
    return user


def _terminal() -> Who:
    """Whoever has the server has all rights already."""
    return program(TERMINAL, TERMINAL, Role.ADMIN, ip="")


def _plain(user: User) -> dict[str, str]:
    state = "disabled" if user.disabled_at else "active" if user.password else "no password"
    since = user.created_at.date().isoformat()
    return {"name": user.name, "role": user.role.value, "state": state, "since": since}


@contextmanager
def _access() -> Iterator[tuple[Access, Settings]]:
    settings = load()
    with opened(settings) as store:
        yield open_access(settings, store), settings
