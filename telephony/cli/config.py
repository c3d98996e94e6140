"""`frontdesk config`: versions of the configuration, and which of them calls go by."""

import contextlib
import getpass
from collections.abc import Iterator, Sequence

import click
import msgspec

from telephony.cli.opening import opened
from telephony.cli.terminal import CommandFailed
from telephony.plain import plain
from telephony.settings import Settings, load
from telephony.versioned import versions_of
from tools.config import ConfigError
from tools.store import CommitUnknownError
from tools.versions.files import changes_between, diff_files
from tools.versions.folder import look
from tools.versions.spec import (
    Behind,
    Broken,
    Conflict,
    Moved,
    NoVersion,
    Unchanged,
    Unread,
    Version,
    Waiting,
)
from tools.versions.versions import Versions

_COLUMNS = ("", "version", "saved", "by", "from", "why")
_MAX_WHO = 100

as_json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
why_option = click.option("--why", default="", help="The reason, for whoever reads the history.")
who_option = click.option("--who", help="Who does it; your user name by default.")


@click.group()
def config() -> None:
    """Versions of the configuration: list, compare, publish, roll back.

    \b
    frontdesk config list              every state that was ever saved
    frontdesk config diff 3 4          what changed between two
    frontdesk config diff published folder
    frontdesk config publish 4         calls that begin from now on go by it
    frontdesk config rollback          back to what was published before

    A version is named by its number, or as `published`, `newest` or `folder` (what the
    configuration folder holds now). Calls that are on keep the version they began with.
    """


@config.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--before", type=click.IntRange(1), help="Page on: only versions before this one.")
@as_json_option
def list_versions(limit: int, before: int | None, as_json: bool) -> None:
    """List versions, newest first; `*` is published, `+` the newest draft."""
    with _versions() as (versions, _):
        found, at = versions.history(limit, before), versions.pointers()
        if as_json:
            for version in found:
                click.echo(msgspec.json.encode(version).decode())
        elif found:
            marks = {at.head: "+", at.published: "*"}
            click.echo(_table([_COLUMNS, *(_row(each, marks) for each in found)]))
        else:
            click.echo("No versions yet: the first start of the service makes one.")


@config.command()
@click.argument("version")
@click.option("--file", "path", help="Only the text of this file.")
@as_json_option
def show(version: str, path: str | None, as_json: bool) -> None:
    """Show one version: who saved it, and its files."""
    with _versions() as (versions, settings):
        files = _files(versions, settings, version)
        if path is not None:
            if path not in files:
                raise CommandFailed(f"There is no {path} in {version}; it has {_names(files)}.")
            click.echo(files[path], nl=False)
            return
        known = _known(versions, version)
        if as_json:
            click.echo(msgspec.json.encode({"version": known, "files": files}).decode())
            return
        click.echo(_head(known) if known else "The configuration folder as it is now")
        for name, text in files.items():
            click.echo(f"  {plain(name)}  {len(text.encode())} bytes")


@config.command()
@click.argument("before")
@click.argument("after")
@as_json_option
def diff(before: str, after: str, as_json: bool) -> None:
    """Show what changed from one version to another."""
    with _versions() as (versions, settings):
        found = diff_files(*(_files(versions, settings, name) for name in (before, after)))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    elif found:
        click.echo("\n".join(each.diff.rstrip("\n") for each in found))
    else:
        click.echo("No difference.")


@config.command()
@click.argument("version", type=click.IntRange(1))
@why_option
@who_option
@click.option("--anyway", is_flag=True, help="Even if changes published by others are undone.")
@as_json_option
def publish(version: int, why: str, who: str | None, anyway: bool, as_json: bool) -> None:
    """Let calls that begin from now on go by VERSION; an earlier one is a roll-back."""
    with _versions() as (versions, _):
        _tell(versions.publish(version, _who(who), why, anyway=anyway), as_json)


@config.command()
@why_option
@who_option
@as_json_option
def rollback(why: str, who: str | None, as_json: bool) -> None:
    """Go back to what was published before; done twice, two steps back."""
    with _versions() as (versions, _):
        _tell(versions.roll_back(_who(who), why), as_json)


@config.command()
@click.option("--why", required=True, help="The reason, for whoever reads the history.")
@who_option
@click.option("--publish", "live", is_flag=True, help="Publish it, too.")
@as_json_option
def save(why: str, who: str | None, live: bool, as_json: bool) -> None:
    """Save what the configuration folder holds as a version, broken or not.

    A running service takes over a folder that has changed by itself; this gives a reason, and
    works without one.
    """
    with _versions() as (versions, settings):
        files = _folder(settings)
        if live:
            _tell(versions.take_folder(files, why, _who(who)), as_json)
            return
        base = versions.pointers().folder
        changes = changes_between(versions.files(base), files)
        found = versions.save(base, changes, _who(who), why)
        if isinstance(found, Conflict):
            raise _clash(found)
        if as_json:
            click.echo(msgspec.json.encode(found).decode())
        elif found.new:
            click.echo(f"Saved as version {found.version.id}; not published.")
        else:
            click.echo(f"Nothing to save: version {found.version.id} holds the same.")


# ---- what they share ----------------------------------------------------------------------------


@contextlib.contextmanager
def _versions() -> Iterator[tuple[Versions, Settings]]:
    settings = load()
    try:
        with opened(settings) as store:
            yield versions_of(settings, store), settings
    except CommitUnknownError:
        what = "The database broke off; frontdesk config list says whether the change was made."
        raise CommandFailed(what) from None


def _who(given: str | None) -> str:
    if given is None:
        try:
            given = getpass.getuser()
        except (KeyError, OSError):  # a user without a name: containers have them
            given = "unknown"
    return plain(given)[:_MAX_WHO]


def _folder(settings: Settings) -> dict[str, str]:
    seen = look(settings.config_dir)
    if not seen.there:
        raise CommandFailed(f"There is no folder {settings.config_dir}.")
    _complain(seen.errors)
    if seen.errors:
        raise CommandFailed(f"{settings.config_dir} cannot be read whole.")
    return seen.files


def _files(versions: Versions, settings: Settings, name: str) -> dict[str, str]:
    return _folder(settings) if name == "folder" else versions.files(_id(versions, name))


def _known(versions: Versions, name: str) -> Version | None:
    return None if name == "folder" else versions.version(_id(versions, name))


def _id(versions: Versions, name: str) -> int:
    at = versions.pointers()
    named = {"published": at.published, "newest": at.head}
    if name in named:
        found = named[name]
        if found is None:
            raise NoVersion(f"Nothing is {name} yet.")
        return found
    if not (name.isascii() and name.isdigit() and len(name) < 10):
        raise click.UsageError(f"{name!r} is no version: give a number, published, newest, folder.")
    return int(name)


def _tell(
    found: Moved | Unchanged | Broken | Behind | Unread | Waiting | Conflict, as_json: bool
) -> None:
    match found:
        case Moved(event, new):
            if as_json:
                click.echo(msgspec.json.encode(event).decode())
            else:
                again = "" if new else " already"
                click.echo(f"Version {event.version} is{again} published.")
        case Unchanged():
            click.echo("null" if as_json else "Nothing to publish: the folder has not changed.")
        case Broken(errors):
            _complain(errors)
            raise CommandFailed("That cannot be published; what is published stays.")
        case Behind(version, published):
            raise CommandFailed(
                f"Version {version} does not hold what others have changed (version {published} is"
                f" published). See frontdesk config diff {published} {version}; --anyway undoes it."
            )
        case Unread(version, authors):
            who = " and ".join(map(plain, authors))
            raise CommandFailed(
                f"Version {version} has changes by {who} that were never live, and nobody knows who"
                " types here: somebody who has written none of them has to publish it in the"
                " console (FRONTDESK_FOUR_EYES)."
            )
        case Waiting(draft):
            raise CommandFailed(
                f"Saved as version {draft}; somebody has to publish it in the console"
                " (FRONTDESK_FOUR_EYES)."
            )
        case Conflict():
            raise _clash(found)


def _complain(errors: Sequence[ConfigError]) -> None:
    for error in errors:
        click.echo(plain(str(error)), err=True)


def _clash(conflict: Conflict) -> CommandFailed:
    names = ", ".join(file.path for file in conflict.files)
    return CommandFailed(
        f"{names} was changed by others since (version {conflict.theirs}). Yours is kept as version"
        f" {conflict.draft}: see frontdesk config diff {conflict.theirs} {conflict.draft}."
    )


def _names(files: dict[str, str]) -> str:
    return ", ".join(files) or "no files"


def _head(version: Version) -> str:
    made = f"from {version.parent}" if version.parent else "the first"
    clash = f", in conflict with {version.conflicts_with}" if version.conflicts_with else ""
    why = f": {plain(version.why)}" if version.why else ""
    saved = f"{version.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"Version {version.id} ({made}{clash}), {saved}, {plain(version.author)}{why}"


def _row(version: Version, marks: dict[int | None, str]) -> tuple[str, ...]:
    clash = f" (conflict with {version.conflicts_with})" if version.conflicts_with else ""
    return (
        marks.get(version.id, ""),
        str(version.id),
        f"{version.at:%Y-%m-%d %H:%M:%S}",
        plain(version.author),
        f"{version.parent or '-'}{clash}",
        plain(version.why),
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
