"""`frontdesk contacts` and `frontdesk tasks`: who callers are, and what is to be done for them."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec

from telephony.cli.opening import opened
from telephony.cli.terminal import CommandFailed
from telephony.plain import plain
from telephony.settings import load
from tools.crm.consents import BY_STAFF
from tools.crm.contacts import PAGE
from tools.crm.crmfile import load_crm
from tools.crm.desk import CrmDesk, outside_book, own_desk
from tools.crm.followups import Task
from tools.crm.outside.handover import Handed, Handover
from tools.crm.port import BookError
from tools.crm.records import Contact, TaskState
from tools.phone import e164
from tools.spec import ToolContext, ToolRefusal
from tools.store import CommitUnknownError

_COLUMNS = ("id", "name", "numbers", "e-mail", "language")
_TASK_COLUMNS = ("id", "due", "for", "numbers", "task")
_EVERYTHING = 10_000
"""Of each kind, in an export or a look at one contact."""


class _Book(msgspec.Struct, frozen=True):
    desk: CrmDesk
    region: str


@contextmanager
def _open() -> Iterator[_Book]:
    settings = load()
    config = load_crm(settings.config_dir)
    try:
        with opened(settings) as store:
            yield _Book(own_desk(store, config), config.region)
    except ToolRefusal as refusal:
        raise CommandFailed(refusal.message) from None
    except CommitUnknownError:
        raise CommandFailed("The database broke off: look whether it was changed") from None


@click.group()
def contacts() -> None:
    """List, show, merge and export the people callers are.

    A contact is named by its id, a telephone number or an e-mail address.
    """


@contacts.command("list")
@click.argument("text", default="")
@click.option("--limit", default=PAGE, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--after", default="", help="Page on: the last id of the page before.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_contacts(text: str, limit: int, after: str, as_json: bool) -> None:
    """List contacts whose number, e-mail address or name fits TEXT; all without it."""
    with _open() as book:
        page = book.desk.contacts.search(text, after, book.region, limit)
        if as_json:
            for each in page.contacts:
                click.echo(_json(_shown(each)))
        else:
            _table(_COLUMNS, [_row(each) for each in page.contacts], "No contacts.")
        if page.after:
            click.echo(f"More: --after {page.after}", err=True)


@contacts.command()
@click.argument("contact")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(contact: str, as_json: bool) -> None:
    """Show one contact with everything that is kept of them."""
    with _open() as book:
        everything = _everything(book.desk, _named(book, contact))
    click.echo(_json(everything) if as_json else _page(everything))


@contacts.command()
@click.argument("contact")
@click.option("--name")
@click.option("--email", help="Counts as known to be theirs.")
@click.option("--language", help="A tag such as en or de-AT.")
@click.option("--add-number", help="One more number of theirs.")
@click.option("--remove-number", help="A number that is theirs no more.")
def change(
    contact: str,
    name: str | None,
    email: str | None,
    language: str | None,
    add_number: str | None,
    remove_number: str | None,
) -> None:
    """Change what is kept of one contact."""
    given = {"name": name, "email": email, "language": language}
    values = {field: value for field, value in given.items() if value is not None}
    with _open() as book:
        desk, found = book.desk, _named(book, contact)
        if add_number is not None:
            desk.contacts.add_number(found.id, _number(book, add_number), _now())
        if remove_number is not None:
            desk.contacts.remove_number(found.id, _number(book, remove_number), _now())
        click.echo(_json(_shown(desk.contacts.change(found.id, _now(), **values))))


@contacts.command()
@click.argument("kept")
@click.argument("merged")
@click.option("--by", default="staff", show_default=True, help="Who says that they are one.")
def merge(kept: str, merged: str, by: str) -> None:
    """Make two contacts one: everything of MERGED goes to KEPT.

    Its id leads to KEPT from then on. What either of them has withdrawn stays withdrawn, and a
    closed number closes all. `frontdesk contacts unmerge` takes it back.
    """
    with _open() as book:
        pair = _named(book, kept).id, _named(book, merged).id
        done = book.desk.merging.merge(*pair, by, _now())
        click.echo(f"Contact {done.merged_id} is contact {done.kept.id} now: merge {done.id}.")


@contacts.command()
@click.argument("merge_id", type=int)
def unmerge(merge_id: int) -> None:
    """Take a merge back. What was added since stays with the contact that was kept."""
    with _open() as book:
        kept, restored = book.desk.merging.undo(merge_id, _now())
        click.echo(f"Contacts {kept.id} and {restored.id} are two again.")


@contacts.command()
@click.argument("number")
@click.option("--lift", is_flag=True, help="The person wants to be called again.")
def close(number: str, lift: bool) -> None:
    """Never call or message NUMBER, nor any other number of the same person."""
    with _open() as book:
        found = _number(book, number)
        context = ToolContext("", found, _now(), "")
        book.desk.consents.close(found, context, closed=not lift, how=BY_STAFF)
        click.echo(f"{found} is {'open to' if lift else 'closed to'} calls and messages.")


@contacts.command()
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of stdout."
)
def export(output: Path | None) -> None:
    """Export everything that is kept of everybody, one JSON object a line."""
    with _open() as book:
        lines = (_json(_everything(book.desk, each)) for each in _everybody(book.desk))
        if output is None:
            for line in lines:
                click.echo(line)
        else:
            with output.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)


@contacts.command()
@click.option("--retry", is_flag=True, help="Try once more what the other system refused.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def outside(retry: bool, as_json: bool) -> None:
    """Show what another system is still to be told, and what it refused."""
    with _open() as book:
        outbox = book.desk.outbox
        if outbox is None:
            raise CommandFailed("No other system is configured: see crm.yaml")
        if retry:
            outbox.revive(_now())
        standing, refused = outbox.standing(), outbox.refused()
    if as_json:
        click.echo(_json({"standing": standing, "refused": refused}))
        return
    since = f", the oldest since {standing.oldest:%Y-%m-%d %H:%M} UTC" if standing.oldest else ""
    why = f" ({standing.trouble})" if standing.trouble else ""
    click.echo(f"{standing.pending} waiting{since}{why}; {standing.dead} refused.")
    for each in refused:
        click.echo(f"  {each.kind.value} of contact {each.contact_id}: {each.trouble}")


@contacts.command()
def push() -> None:
    """Give another system, newly configured, everybody it has not been told of.

    People it has already are found by e-mail address and number. May be repeated.
    """
    with _open() as book:
        if book.desk.outbox is None:
            raise CommandFailed("No other system is configured: see crm.yaml")
        try:
            handed = asyncio.run(_hand_over(book))
        except BookError as error:
            raise CommandFailed(f"It stopped ({error}); run it again to go on") from None
    click.echo(f"{handed.taken} handed over, {len(handed.refused)} refused.")
    for contact_id, why in handed.refused.items():
        click.echo(f"  contact {contact_id}: {why}")


async def _hand_over(book: _Book) -> Handed:
    settings = load()
    config = load_crm(settings.config_dir)
    assert config.outside is not None
    assert book.desk.outbox is not None
    async with aiohttp.ClientSession() as session:
        there = outside_book(config, config.outside, settings.secrets, session, _now)
        return await Handover(book.desk.contacts, book.desk.outbox, there).run()


@click.command()
@click.option("--done", "done_id", type=int, help="This task is done.")
@click.option("--drop", "drop_id", type=int, help="This task is not needed any more.")
@click.option("--by", default="staff", show_default=True, help="Who says so.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def tasks(done_id: int | None, drop_id: int | None, by: str, as_json: bool) -> None:
    """List what is to be done for callers, by the day it is due."""
    with _open() as book:
        for task_id, state in ((done_id, TaskState.DONE), (drop_id, TaskState.DROPPED)):
            if task_id is not None:
                book.desk.follow_ups.end(task_id, state, by, _now())
        found = book.desk.follow_ups.open()
    if as_json:
        for each in found:
            click.echo(_json(each))
    else:
        _table(_TASK_COLUMNS, [_task_row(each) for each in found], "Nothing is to be done.")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _json(data: object) -> str:
    return msgspec.json.encode(data).decode()


def _number(book: _Book, text: str) -> str:
    found = e164(text, book.region)
    if found is None:
        raise CommandFailed(f"{text!r} is not a telephone number; write it in full")
    return found


def _named(book: _Book, text: str) -> Contact:
    """The one contact that `text` names."""
    desk = book.desk
    found = desk.contacts.get(int(text)) if text.isdecimal() and len(text) < 10 else None
    if found is not None:
        return found
    page = desk.contacts.search(text, region=book.region)
    if len(page.contacts) == 1:
        return page.contacts[0]
    if not page.contacts:
        raise CommandFailed(f"There is no contact {text!r}")
    ids = ", ".join(str(each.id) for each in page.contacts[:10])
    raise CommandFailed(f"{text!r} may be several: contacts {ids}")


def _everybody(desk: CrmDesk) -> Iterator[Contact]:
    after = ""
    while True:
        page = desk.contacts.search("", after)
        yield from page.contacts
        after = page.after
        if not after:
            return


def _shown(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "name": contact.name,
        "numbers": contact.numbers,
        "email": contact.email,
        "email_proven": contact.email_proven,
        "language": contact.language,
    }


def _everything(desk: CrmDesk, contact: Contact) -> dict[str, Any]:
    past = desk.contacts.history(contact, _EVERYTHING)
    closings = [each for number in contact.numbers for each in desk.consents.closings(number)]
    return {
        **_shown(contact),
        "bookings": past.visits,
        "notes": past.notes,
        "follow_ups": past.follow_ups,
        "calls": past.calls,
        "consents": desk.consents.log(contact),
        "do_not_call": closings,
    }


def _page(everything: dict[str, Any]) -> str:
    """As lines; lists are indented. Callers' words are made harmless to terminals."""
    lines: list[str] = []
    for name, value in msgspec.to_builtins(everything).items():
        if not isinstance(value, list | tuple):
            lines.append(f"{name}: {plain(str(value))}")
            continue
        lines.append(f"{name}: {len(value)}")
        lines += [f"  {plain(_line(each))}" for each in value]
    return "\n".join(lines)


def _line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    return "  ".join(f"{name}={value}" for name, value in entry.items() if value not in ("", None))


def _row(contact: Contact) -> tuple[str, ...]:
    numbers = " ".join(contact.numbers)
    return str(contact.id), contact.name, numbers, contact.email, contact.language


def _task_row(task: Task) -> tuple[str, ...]:
    todo = task.todo
    due = todo.due.isoformat() if todo.due else "-"
    return str(todo.id), due, task.name, " ".join(task.numbers), todo.text


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]], nothing: str) -> None:
    if not rows:
        click.echo(nothing)
        return
    every = [columns, *(tuple(map(plain, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for row in every:
        click.echo("  ".join(map(str.ljust, row, widths)).rstrip())
