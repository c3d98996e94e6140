"""`frontdesk doctor`: what is set, what is wrong, and how to mend it."""

from collections.abc import Iterator

import click
import msgspec

from telephony.cli import checks, databasechecks, enginechecks, online
from telephony.cli.checks import Finding, Level
from telephony.plain import plain
from telephony.settings import Row, Settings, describe, load
from tools.config import ConfigError

_SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}


@click.command()
@click.option("--online", "ask_network", is_flag=True, help="Also ask OpenAI, Twilio and the URL.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def doctor(ask_network: bool, as_json: bool) -> int:
    """Check settings, keys, database, models and URLs, and say how to cure what is wrong.

    Works without a network unless --online is given. Ends with 1 when there is a problem;
    warnings do not count.
    """
    rows, findings = examine(ask_network)
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    if as_json:
        report = {"ok": not problems, "findings": findings, "settings": rows}
        click.echo(msgspec.json.encode(report).decode())
    else:
        _print(rows, findings, problems)
    return 1 if problems else 0


def examine(ask_network: bool) -> tuple[list[Row], list[Finding]]:
    """All settings, none of them secret, and all findings."""
    findings = [*checks.python(), *checks.packages()]
    try:
        settings = load()
    except ConfigError as error:
        return [], [*findings, checks.broken(error.where, error.what, error.hint)]
    return describe(settings), [*findings, *_look(settings, ask_network)]


def _look(settings: Settings, ask_network: bool) -> Iterator[Finding]:
    told: set[str] = set()
    offline = (*enginechecks.CHECKS, *databasechecks.CHECKS, *checks.CHECKS)
    for check in (*offline, *(online.CHECKS if ask_network else ())):
        try:
            for finding in check(settings):
                if not finding.place or finding.place not in told:
                    yield finding
                told.add(finding.place)
        except OSError as error:
            file = f"{error.filename}: " if error.filename else ""
            what = f"{file}{error.strerror or error}"
            cure = "Let the user that runs Frontdesk in, or see whether the disk is well"
            yield checks.broken(check.__name__.replace("_", " "), what, cure)


def _print(rows: list[Row], findings: list[Finding], problems: int) -> None:
    for row in rows:
        click.echo(f"{row.name} = {plain(row.value)}  ({plain(row.source)})")
        click.echo(f"    {row.meaning}")
    click.echo()
    for finding in findings:
        click.echo(f"{_SIGNS[finding.level]}  {finding.subject}: {plain(finding.what)}")
        if finding.cure:
            click.echo(f"         {plain(finding.cure)}.")
    click.echo()
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    click.echo(f"{_number(problems, 'problem')}, {_number(warnings, 'warning')}.")


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
