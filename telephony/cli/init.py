"""`frontdesk init`: a working set of configuration files to start from."""

from pathlib import Path

import click
import msgspec

from telephony.configuring.published import SHAPES, published, with_schema
from telephony.configuring.starters import KINDS, starter
from telephony.settings import load
from tools.config import ConfigError
from tools.configfile import write_example

SCHEMA_FOLDER = ".schemas"


@click.command()
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    help="What the examples are about: a hair salon or a dental clinic.",
)
def init(kind: str) -> None:
    """Write a working set of files, to be changed, into the configuration folder.

    What can be booked (shop.yaml), who calls are passed on to (phone.yaml), how contacts are kept
    (crm.yaml), what the agent can do (tools/), who it is (personas/, snippets.yaml) and which
    number it answers (numbers.yaml).
    Files that are there are left as they are.
    """
    folder = load().config_dir
    for path, text in starter(kind).items():
        written = _write(folder, path, with_schema(path, text, SCHEMA_FOLDER))
        click.echo(f"{folder / path}: {'written' if written else 'is there, left as it is'}")
    write_schemas(folder / SCHEMA_FOLDER)
    click.echo("Next: frontdesk tools check, then frontdesk tools test.")


def write_schemas(folder: Path) -> None:
    """The JSON Schema of each kind of file; older ones are replaced."""
    for kind in SHAPES:
        path = folder / f"{kind}.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.format(msgspec.json.encode(published(kind))) + b"\n")
        except OSError as error:
            raise _unwritable(path, error) from None


def _write(folder: Path, path: str, text: str) -> bool:
    try:
        return write_example(folder / path, text)
    except OSError as error:
        raise _unwritable(folder / path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    what = f"{path} cannot be written ({error.strerror})"
    hint = "Set it to a folder that this user may write"
    return ConfigError("FRONTDESK_CONFIG_DIR", what, hint)
