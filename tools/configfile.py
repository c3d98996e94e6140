"""Reads and writes the files of the configuration folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tools.config import MAX_BYTES, ConfigError

T = TypeVar("T")


def load_file(path: Path, parse: Callable[[str, str], T]) -> T | None:
    """What `parse(text, path)` makes of the file; None when there is none.

    Raises ConfigError for a file that cannot be read or used.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        return parse(content.decode("utf-8-sig"), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            str(path),
            f"cannot be read ({error.strerror})",
            "Let the user that runs Frontdesk read it and enter the folders above it",
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            str(path), f"is not UTF-8 at byte {error.start}", "Save it as UTF-8"
        ) from None


def write_example(path: Path, text: str) -> bool:
    """Write a file for the operator to change; False when there is one, which is left alone.

    Everybody may read it: it holds nothing secret, and who writes it is seldom who serves.
    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    path.chmod(0o644)
    return True
