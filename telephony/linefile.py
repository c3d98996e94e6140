"""Reads and writes `phone.yaml` in the configuration folder."""

from pathlib import Path

from telephony.line import DEFAULT_LINE, FILE, Line, parse_line
from tools.config import MAX_BYTES, ConfigError


def load_line(folder: Path | None) -> Line:
    """The line described in `folder`; without a file nobody to pass calls on to, and voicemail.

    Raises ConfigError for a file that cannot be read or used.
    """
    path = folder / FILE if folder else None
    if path is None or not path.exists():
        return Line()
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        return parse_line(content.decode("utf-8-sig"), str(path))
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read ({error.strerror})", "Check its permissions"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            str(path), f"is not UTF-8 at byte {error.start}", "Save it as UTF-8"
        ) from None


def write_default_line(folder: Path) -> Path:
    """Write the example for the operator to change; an existing file is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    if not path.exists():
        path.write_text(DEFAULT_LINE, encoding="utf-8")
    return path
