"""What do the texts of a configuration come to, and what is wrong with them?"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from telephony.line import FILE as LINE_FILE
from telephony.line import Line, LineFile, parse_line
from tools.booking.shop import FILE as SHOP_FILE
from tools.booking.shop import Shop, ShopFile, default_shop, parse_shop
from tools.config import ConfigError
from tools.versions.files import Files

T = TypeVar("T")

SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "shop": lambda: msgspec.json.schema(ShopFile),
    "phone": lambda: msgspec.json.schema(LineFile),
}
"""The JSON Schema of each kind of file."""


def shop_of(files: Files) -> Shop:
    """The shop, or the built-in one; raises ConfigError."""
    text = files.get(SHOP_FILE)
    return default_shop() if text is None else parse_shop(text, SHOP_FILE)


def line_of(files: Files) -> Line:
    """Who calls are passed on to; raises ConfigError."""
    text = files.get(LINE_FILE)
    return Line() if text is None else parse_line(text, LINE_FILE)


def errors_of(files: Files) -> list[ConfigError]:
    """Everything that keeps these files from being published."""
    return [error for read in (shop_of, line_of) if (error := _error(read, files)) is not None]


def _error(read: Callable[[Files], object], files: Files) -> ConfigError | None:
    try:
        read(files)
    except ConfigError as error:
        return error
    return None
