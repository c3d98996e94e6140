"""Which part of a file does a request ask for? RFC 9110, section 14."""

import re
from typing import Final, NamedTuple

_ONE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class Part(NamedTuple):
    """Bytes `first` to `last`, that one not included."""

    first: int
    last: int


class Unsatisfiable(Exception):  # noqa: N818 - an answer, not an error
    """Nothing of what was asked for is there (416)."""


def wanted(header: str | None, length: int) -> Part | None:
    """None: all of it, as also where several parts are asked for, or what makes no sense: a server
    may pass over a Range. Raises Unsatisfiable."""
    found = _ONE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        count = min(int(last), length)
        if count == 0:
            raise Unsatisfiable
        return Part(length - count, length)
    if last and int(last) < int(first):
        return None
    if int(first) >= length:
        raise Unsatisfiable
    return Part(int(first), min(int(last) + 1, length) if last else length)
