"""`frontdesk replay`: run a stored call again and prove that it decides the same."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from telephony.call.commands import CallCommand
from telephony.call.config import CallConfig
from telephony.call.events import CallEvent
from telephony.call.machine import Call
from telephony.cli.terminal import CommandFailed
from telephony.settings import load
from telephony.transcripts.archive import Archive, journal
from telephony.transcripts.replay import Verdict, replay
from telephony.transcripts.text import clock


@click.command("replay")
@click.argument("file", metavar="FILE")
@click.option("--events", is_flag=True, help="Also list each event with what the call answered.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
def replay_call(file: str, events: bool, as_json: bool) -> int:
    """Run a call's journal again and compare every command.

    FILE is a journal.bin, a call's folder, or the beginning of a call's id. Ends with 0 when the
    call asks for exactly the same commands as it did, with 1 and the first difference otherwise.
    """
    path = Path(file) if Path(file).exists() else Archive(load().data_dir).find(file).journal
    try:
        reading = journal(path)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
    verdict = replay(reading, make_call, _list if events and not as_json else _quiet)
    click.echo(msgspec.json.encode(_fields(verdict)).decode() if as_json else _sentence(verdict))
    return 0 if verdict.ok else 1


def make_call(config: bytes) -> Call:
    """The call a journal's header describes; raises ValueError."""
    try:
        return Call(msgspec.msgpack.decode(config, type=CallConfig))
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def _sentence(verdict: Verdict) -> str:
    counts = f"{verdict.events} events, {verdict.commands} commands"
    if verdict.problem is None:
        return f"The same: {counts}, {verdict.checkpoints} checkpoints agree{_redacted(verdict)}."
    return f"Not the same: {verdict.problem} (after {counts})."


def _redacted(verdict: Verdict) -> str:
    if verdict.redacted_from is None:
        return ""
    since = verdict.redacted_from
    return f"; from event {since} on the journal is redacted, and was run but not compared"


def _fields(verdict: Verdict) -> dict[str, object]:
    return {"ok": verdict.ok, **msgspec.structs.asdict(verdict)}


def _quiet(_number: int, _now: float, _event: CallEvent, _commands: Sequence[CallCommand]) -> None:
    pass


def _list(number: int, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> None:
    answers = ", ".join(type(command).__name__ for command in commands) or "-"
    click.echo(f"{number:6}  {clock(round(now * 1000))}  {type(event).__name__:<20}  {answers}")
