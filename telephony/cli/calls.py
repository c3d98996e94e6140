"""`frontdesk calls`: what calls there were and what was said."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from telephony.cli.opening import opened
from telephony.cli.terminal import CommandFailed, style
from telephony.exports import jsonl, sheet, vtt
from telephony.exports.sealed import FULL, BadExport, Exported
from telephony.plain import plain
from telephony.settings import load
from telephony.transcripts.archive import (
    Archive,
    StoredCall,
    export_json,
    export_text,
    journal_problem,
    transcript,
)
from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.keeping import Keeping
from telephony.transcripts.text import clock

_WRITERS: dict[str, Callable[[StoredCall], bytes]] = {
    "json": export_json,
    "txt": lambda call: export_text(call).encode(),
    "jsonl": lambda call: jsonl.written(exported(call)),
    "vtt": lambda call: vtt.written(exported(call)),
    "csv": lambda call: sheet.written(exported(call)),
}
_COLUMNS = ("call", "started", "length", "engine", "from", "turns", "cost", "ended")


@click.group()
def calls() -> None:
    """List, show and export stored calls.

    A call may be named by the beginning of its id, as long as only one call begins so.
    """


@calls.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--skip", default=0, show_default=True, type=click.IntRange(0), help="Page on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_calls(limit: int, skip: int, as_json: bool) -> None:
    """List calls, newest first."""
    found = _archive().newest(limit, skip)
    if as_json:
        for call in found:
            click.echo(msgspec.json.encode(call.summary).decode())
    elif found:
        click.echo(table([_COLUMNS, *map(_row, found)]))
    else:
        click.echo("No calls yet.")


@calls.command()
@click.argument("call_id")
def show(call_id: str) -> None:
    """Show one call: who said what, and what of it was heard."""
    call = _archive().find(call_id)
    click.echo(export_text(call, style()), nl=False)
    for path in (*call.recordings.values(), call.journal):
        click.echo(f"  {path}")
    if problem := journal_problem(call):
        click.echo(f"! {problem}")


@calls.command()
@click.argument("call_id")
@click.option("--format", "form", type=click.Choice([*_WRITERS]), default="json")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of stdout."
)
def export(call_id: str, form: str, output: Path | None) -> None:
    """Export one call.

    json and txt tell all of it; jsonl (the one to read back), vtt and csv hold the transcript, its
    schema and a digest of it.
    """
    content = _WRITERS[form](_archive().find(call_id))
    if output is None:
        click.echo(content, nl=False)
    else:
        output.write_bytes(content)


@calls.command()
@click.option("--missing", is_flag=True, help="Only calls that are not in the index yet.")
def reindex(missing: bool) -> None:
    """Read all stored calls into the index that lists and searches them.

    Labels and notes stay. The server itself finds what is missing, a minute later at the latest;
    this is for a database that is new, and after an update that says so.
    """
    settings = load()
    with opened(settings) as store:
        keeping = Keeping(CallIndex(store), settings.data_dir)
        done, total = 0, keeping.stored()
        for batch in keeping.put_missing() if missing else keeping.reindex():
            done += batch
            click.echo(f"{done} of {total} calls", err=True)
        click.echo(f"{done} calls were read into the index, which has {keeping.indexed()}.")


@calls.command()
@click.argument("file", type=click.File("rb"))
def verify(file: BinaryIO) -> None:
    """Check that an exported transcript (jsonl) is as it was written."""
    try:
        found = jsonl.read(file.read())
    except BadExport as error:
        raise CommandFailed(str(error)) from None
    lines = len(found.entries)
    click.echo(f"Whole and unchanged: call {found.call.call_id}, {lines} lines, {found.view} view.")


def exported(call: StoredCall) -> Exported:
    """All of the call, as whoever has the files may hand it on."""
    lines = transcript(call)
    return Exported(
        call=call.summary,
        finished=call.finished,
        view=FULL,
        entries=lines.entries,
        problems=lines.problems,
    )


def _archive() -> Archive:
    return Archive(load().data_dir)


def _row(call: StoredCall) -> tuple[str, ...]:
    summary = call.summary
    ended = summary.ended_reason or "unfinished"
    return tuple(
        plain(cell)
        for cell in (
            summary.call_id,
            summary.started_at[:19].replace("T", " "),
            clock(summary.duration_ms),
            summary.engine,
            summary.from_number or "-",
            str(summary.turns),
            "-" if summary.cost is None else str(summary.cost),
            ended + (" (incomplete)" if summary.dropped or summary.storage_trouble else ""),
        )
    )


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns side by side."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
