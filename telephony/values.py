"""What a setting's text may be, and what is wrong with it when it may not.

Each parser takes the text of one value and returns it as the type used inside, or raises
ValueError saying what is wrong in words that fit after "NAME: ". No parser repeats the text of
a value that may be secret.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tools.http.addresses import overlaps_never

Parse = Callable[[str], object]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")


class Secret:
    """A value that no log, repr or error shows."""

    __slots__ = ("_shown", "_value")

    def __init__(self, value: str, shown: str = "hidden") -> None:
        self._value = value
        self._shown = shown

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return self._shown

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def text(value: str) -> str:
    return value


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", value):
            raise ValueError(f"{_quoted(value)} is not a whole number")
        _check_range(int(value), low, high)
        return int(value)

    return parse


def calls_or_auto(value: str) -> int:
    """A number of calls; 0 stands for `auto`."""
    return 0 if value == "auto" else whole(1, 10_000)(value)


def number(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?", value):
            raise ValueError(f"{_quoted(value)} is not a number")
        _check_range(float(value), low, high)
        return float(value)

    return parse


def usd(low: float, high: float) -> Callable[[str], Decimal]:
    """An amount of money, exact to a millionth."""

    def parse(value: str) -> Decimal:
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", value):
            raise ValueError(f"{_quoted(value)} is not an amount")
        _check_range(float(value), low, high)
        return Decimal(value)

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"{_quoted(value)} is not one of {', '.join(allowed)}")
        return value.lower()

    return parse


def several(*allowed: str) -> Callable[[str], tuple[str, ...]]:
    """Some of these, with commas between; `none` for none of them."""

    def parse(value: str) -> tuple[str, ...]:
        names = [] if value.strip() == "none" else [name.strip() for name in value.split(",")]
        if wrong := [name for name in names if name not in allowed]:
            raise ValueError(f"{_quoted(wrong[0])} is none of {', '.join(allowed)}")
        return tuple(dict.fromkeys(names))

    return parse


def networks(value: str) -> tuple[str, ...]:
    """Addresses and networks with commas between; `none` for none of them."""
    written = [] if value.strip() == "none" else [part.strip() for part in value.split(",")]
    for each in written:
        try:
            network = ip_network(each)
        except ValueError:
            raise ValueError(f"{_quoted(each)} is no address and no network") from None
        if overlaps_never(network):
            raise ValueError(f"{_quoted(each)} holds addresses nothing may ever be sent to")
    return tuple(written)


def yes_or_no(value: str) -> bool:
    if value.lower() in ("yes", "true", "on", "1"):
        return True
    if value.lower() in ("no", "false", "off", "0"):
        return False
    raise ValueError(f"{_quoted(value)} is neither yes nor no")


def matching(pattern: str, what: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{_quoted(value)} is not {what}")
        return value

    return parse


def path(value: str) -> Path:
    if not value.isprintable() or "?" in value:
        raise ValueError("it holds a control character or a question mark")
    if value.startswith("~"):
        raise ValueError("~ is not understood here; write the whole path")
    return Path(value)


def public_url(value: str) -> str:
    """Scheme, host and port only, without a slash at the end."""
    parts = _url(value)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it may hold a host and a port only, no path and no query")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("it must start with https:// (Twilio opens wss:// streams only)")
    return f"{parts.scheme}://{parts.netloc}"


def issuer(value: str) -> str:
    """Of OpenID Connect: a path is allowed, and a slash at the end belongs to it."""
    parts = _url(value)
    if parts.query or parts.fragment:
        raise ValueError("it may hold no ?query and no #fragment")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("it must start with https://")
    return value


def api_url(value: str) -> str:
    """An API's base, path and query allowed, without a slash at the end."""
    if _url(value, ("http", "https", "ws", "wss")).fragment:
        raise ValueError("it may hold no #fragment")
    return value.rstrip("/")


def chat_url(value: str) -> str:
    """The base of a chat API, or all of its path, without a slash at the end."""
    if (parts := _url(value)).fragment or parts.query:
        raise ValueError("it may hold no ?query and no #fragment")
    return value.rstrip("/")


def secret(value: str) -> Secret:
    if re.search(r"\s", value):
        raise ValueError("it holds a blank or a line break in the middle")
    return Secret(value)


def api_key(value: str) -> Secret:
    if not re.fullmatch(r"[!-~]{16,200}", value):
        raise ValueError("it is not 16 to 200 letters, digits and signs without blanks")
    return Secret(value)


def secrets(value: str) -> tuple[Secret, ...]:
    """One or more, separated by commas."""
    parts = [part.strip() for part in value.split(",")]
    if not all(parts):
        raise ValueError("there is nothing between two commas")
    return tuple(secret(part) for part in parts)


def address_secret(value: str) -> Secret:
    """A secret that is part of a URL: long enough that nobody guesses it."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{32,128}", value):
        raise ValueError("it is not 32 to 128 letters, digits, hyphens and underscores")
    return Secret(value)


def database_url(value: str) -> Secret:
    scheme, colon, rest = value.partition("://")
    if not colon or scheme not in DATABASES:
        raise ValueError("it must start with sqlite:/// or postgresql://")
    if scheme.startswith("sqlite") and rest.strip("/") == "":
        raise ValueError("a database in memory is gone when the program ends; name a file")
    if not value.isprintable():
        raise ValueError("it holds a line break or another control character")
    # A password may hold any sign, even @: everything up to the last one goes.
    shown = re.sub(r"^([^/@:]*):.*@", r"\1:***@", rest.partition("?")[0])
    return Secret(value, shown=f"{scheme}://{shown}")


def _url(value: str, schemes: tuple[str, ...] = ("http", "https")) -> SplitResult:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("it is not a URL that can be read") from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise ValueError("it is not a URL of the form https://host or https://host:port")
    if parts.username is not None or re.search(r"\s", value):
        raise ValueError("it may hold no user name, password or blank")
    return parts


def _check_range(value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{value} is outside {low} to {high}")


def _quoted(value: str) -> str:
    return repr(value if len(value) <= 60 else f"{value[:57]}...")
