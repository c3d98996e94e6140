"""`frontdesk tools`: check the configuration files, run their examples, print their schemas."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from agents.persona import Persona
from telephony import logs
from telephony.backends import unopened
from telephony.casting import Cast, check_secrets, engines_of, handlers_for, tried
from telephony.cli.init import write_schemas
from telephony.configuring.configuration import Configuration, load_configuration
from telephony.configuring.folder import read_folder
from telephony.configuring.published import SHAPES, published
from telephony.plain import plain
from telephony.settings import Settings, has_config_folder, load
from tools.config import ConfigError
from tools.store import Store, open_store


@click.group()
def tools() -> None:
    """Check, try and describe the files in the configuration folder."""


@tools.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, nothing else.")
def check(as_json: bool) -> int:
    """Tell everything that is wrong with the configuration files; 1 if anything is."""
    settings = _settings(quiet=as_json)
    try:
        configuration = read(settings)
    except ConfigError as error:
        return _tell(error.problems, {}, as_json)
    return _tell((), _counts(configuration), as_json)


@tools.command("test")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, nothing else.")
def test_(as_json: bool) -> int:
    """Run the examples of all tools, each in an empty shop of its own; 1 if one fails.

    Nothing outside is called: of http and mcp tools only the arguments are compared with the
    parameters.
    """
    settings = _settings(quiet=as_json)
    # What breaks in a tool is logged: the report has to stay readable.
    sink = logs.set_up(level="error", form="console", caller_data=False)
    try:
        done = tried(read(settings))
    except ConfigError as error:
        return _tell(error.problems, {}, as_json)
    finally:
        sink.close()
    return _tell(done.problems, {"ran": done.ran, "looked_at": done.looked_at}, as_json)


@tools.command()
@click.argument("kind", type=click.Choice(tuple(SHAPES)), required=False)
@click.option(
    "--write",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write all of them into this folder instead.",
)
def schema(kind: str | None, folder: Path | None) -> int:
    """Print the JSON Schema of one kind of file, or of all, for editors."""
    if folder is not None:
        write_schemas(folder)
        click.echo("\n".join(str(folder / f"{each}.json") for each in SHAPES))
        return 0
    found: Any = published(kind) if kind else {each: published(each) for each in SHAPES}
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    return 0


def _settings(*, quiet: bool) -> Settings:
    """Raises ConfigError for a folder that is set and not there: nothing in it would be checked."""
    settings = load()
    if not has_config_folder(settings) and not quiet:
        click.echo(f"{settings.config_dir} is not there: the built-in defaults hold.")
    return settings


def read(settings: Settings) -> Configuration:
    """The configuration folder as it is; raises ConfigError with all problems."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-check-") as folder:
        # The tools in code are asked for their declarations only: nothing connects to it.
        store = open_store(f"sqlite:///{folder}/never.db")
        try:
            return _fitting(settings, store)
        finally:
            store.close()


def _fitting(settings: Settings, store: Store) -> Configuration:
    sections = unopened(settings)
    configuration = load_configuration(
        read_folder(settings.config_dir),
        handlers_for(store, sections),
        engines=engines_of(settings),
        root=str(settings.config_dir),
    )
    check_secrets(configuration.crm, settings)
    # What only making the tools shows.
    Cast(settings, configuration, store, Persona(), sections)
    return configuration


def _counts(configuration: Configuration) -> dict[str, int]:
    return {
        "tools": len(configuration.toolset.sheets),
        "personas": len(configuration.roles),
        "numbers": len(configuration.numbers),
        "examples": sum(len(each.file.examples) for each in configuration.toolset.sheets),
    }


def _tell(problems: Iterable[ConfigError], counts: dict[str, int], as_json: bool) -> int:
    found = [{"where": each.where, "what": each.what, "hint": each.hint} for each in problems]
    if as_json:
        click.echo(
            msgspec.json.encode({"ok": not found, "problems": found, "counts": counts}).decode()
        )
        return 1 if found else 0
    for each in found:
        click.echo(plain(f"{each['where']}: {each['what']}. {each['hint']}."))
    said = [_number(number, name) for name, number in {**counts, "problems": len(found)}.items()]
    click.echo(", ".join(said) + ".")
    return 1 if found else 0


_SAID = {"ran": "examples run", "looked_at": "compared with their parameters only"}


def _number(number: int, name: str) -> str:
    plural = _SAID.get(name, name)
    return f"{number} {plural.removesuffix('s') if number == 1 and name not in _SAID else plural}"
