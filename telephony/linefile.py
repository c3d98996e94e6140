"""Reads and writes `phone.yaml` in the configuration folder."""

from pathlib import Path

from telephony.line import DEFAULT_LINE, FILE, Line, parse_line
from tools.configfile import load_file, write_example


def load_line(folder: Path | None) -> Line:
    """The line described in `folder`; without a file nobody to pass calls on to, and voicemail.

    Raises ConfigError for a file that cannot be read or used.
    """
    return (load_file(folder / FILE, parse_line) if folder else None) or Line()


def write_default_line(folder: Path) -> Path:
    """Write the example for the operator to change; an existing file is left alone."""
    write_example(folder / FILE, DEFAULT_LINE)
    return folder / FILE
