"""Reads and writes `shop.yaml` in the configuration folder."""

from pathlib import Path

from tools.booking.shop import DEFAULT_SHOP, FILE, Shop, default_shop, parse_shop
from tools.configfile import load_file, write_example


def find_shop(folder: Path) -> Shop | None:
    """The shop described in `folder`, None when there is no file; raises as `load_shop`."""
    return load_file(folder / FILE, parse_shop)


def load_shop(folder: Path | None) -> Shop:
    """The shop described in `folder`, or the built-in one when there is no file.

    Raises ConfigError for a file that cannot be read or used.
    """
    return (find_shop(folder) if folder else None) or default_shop()


def write_default_shop(folder: Path) -> Path:
    """Write the example for the operator to change; an existing file is left alone."""
    write_example(folder / FILE, DEFAULT_SHOP)
    return folder / FILE
