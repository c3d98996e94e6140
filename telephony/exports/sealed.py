"""A call's transcript as something that can be handed on: what it holds, and a digest of it."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from telephony.transcripts.entry import AnyEntry
from telephony.transcripts.summary import Summary

SCHEMA: Final = "frontdesk.transcript"
VERSION: Final = 1
"""Grows when a field changes its meaning, in any of the forms."""
FULL: Final = "full"
DISCREET: Final = "discreet"
_TAKEN_OUT: Final = re.compile(r"\[([a-z][a-z -]{1,30})\]")


class BadExport(Exception):  # noqa: N818 - an answer, not an error
    """A file that is no export of ours, or was changed since; the message is a sentence."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export holds."""

    call: Summary
    finished: bool
    view: str
    """`full`: all that was stored; `discreet`: without what could tell who the caller is."""
    entries: tuple[AnyEntry, ...]
    """In order of speaking."""
    problems: tuple[str, ...] = ()
    """Lines of the stored transcript that made no sense."""


class Head(msgspec.Struct, frozen=True, tag="Transcript", kw_only=True):
    """The first line of the whole."""

    schema: str = SCHEMA
    version: int = VERSION
    view: str
    finished: bool
    call: Summary
    problems: tuple[str, ...]


def lines(exported: Exported) -> Iterator[bytes]:
    """The head and every entry as JSON, a line each: what the digest is of."""
    head = Head(
        view=exported.view,
        finished=exported.finished,
        call=exported.call,
        problems=exported.problems,
    )
    yield msgspec.json.encode(head)
    yield from map(_line, exported.entries)


def digest(written: Iterable[bytes]) -> str:
    """SHA-256 of lines, each with its line feed, in hex: one figure for all forms of a transcript,
    and whoever has the JSON Lines can work it out without this program."""
    whole = hashlib.sha256()
    for line in written:
        whole.update(line + b"\n")
    return whole.hexdigest()


def digest_of(exported: Exported) -> str:
    return digest(lines(exported))


def taken_out(entry: AnyEntry) -> tuple[str, ...]:
    """Which kinds of things stand as `[kind]` where they were said, each once and in order."""
    found = (kind for text in _texts(entry) for kind in _TAKEN_OUT.findall(text))
    return tuple(dict.fromkeys(found))


def _texts(entry: AnyEntry) -> Sequence[str]:
    values = (getattr(entry, name) for name in entry.__struct_fields__)
    return [value for value in values if isinstance(value, str)]


def _line(entry: AnyEntry) -> bytes:
    """With what was taken out of it named beside it; a reader of entries passes over that."""
    kinds = taken_out(entry)
    if not kinds:
        return msgspec.json.encode(entry)
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return msgspec.json.encode({**fields, "redacted": kinds})
