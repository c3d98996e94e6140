"""A call's journal a page at a time, as people read it: what happened, when, and no audio."""

from typing import Any, Final

import msgspec

from telephony.call.events import CallerAudio, CallEvent, MarkEchoed
from telephony.transcripts.records import (
    MAX_FRAME_BYTES,
    Damage,
    Happened,
    Record,
    records_from,
)

PAGE: Final = 100
PART_BYTES: Final = 2 * MAX_FRAME_BYTES
"""Read at once for a page: at least one whole record is always in it."""
_FREQUENT: Final = (CallerAudio, MarkEchoed)
_LONGEST: Final = 4_000


class Place(msgspec.Struct, frozen=True):
    """Where a page begins."""

    offset: int = 0
    number: int = 0
    """How many events stand before it."""

    def __str__(self) -> str:
        return f"{self.offset}.{self.number}"


class Row(msgspec.Struct, frozen=True):
    """One record."""

    number: int
    """The event's, from 1, as `frontdesk replay --events` counts; 0: no event."""
    kind: str
    now_ms: int | None
    fields: dict[str, Any]
    """Audio is told by its length only."""


class Page(msgspec.Struct, frozen=True):
    rows: tuple[Row, ...]
    next: str | None
    """Where the next page begins; None at the end."""
    damage: str | None
    """Why nothing more can be read."""


def place(text: str) -> Place:
    """Read what `str(place)` has written; raises ValueError."""
    offset, dot, number = text.partition(".")
    plain = offset.isascii() and number.isascii() and offset.isdecimal() and number.isdecimal()
    if not dot or not plain or len(text) > 40:
        raise ValueError("no place in a journal")
    return Place(int(offset), int(number))


def page(part: bytes, begins: Place, *, last: bool, everything: bool) -> Page:
    """The records from `begins` on; `part` is what stands there, `last` says that it is the rest of
    the file. Without `everything` the caller's audio and returned marks are left out: they are nine
    events of ten."""
    rows: list[Row] = []
    number, offset = begins.number, 0
    for found in records_from(part, first=begins.offset == 0):
        if isinstance(found, Damage):
            return _ended(rows, Place(begins.offset + offset, number), found, offset, last=last)
        record, offset = found
        number += isinstance(record, Happened)
        if everything or not (isinstance(record, Happened) and _frequent(record.event)):
            rows.append(_row(record, number))
        if len(rows) == PAGE and (offset < len(part) or not last):
            return Page(tuple(rows), str(Place(begins.offset + offset, number)), None)
    following = None if last else str(Place(begins.offset + offset, number))
    return Page(tuple(rows), following, None)


def _ended(rows: list[Row], at: Place, damage: Damage, offset: int, *, last: bool) -> Page:
    """Torn where the part ends is no damage while more follows, if there was anything to read."""
    if not last and offset > 0:
        return Page(tuple(rows), str(at), None)
    return Page(tuple(rows), None, f"damaged at byte {at.offset}: {damage.what}")


def _frequent(event: CallEvent) -> bool:
    return isinstance(event, _FREQUENT)


def _row(record: Record, number: int) -> Row:
    if isinstance(record, Happened):
        kind = type(record.event).__name__
        return Row(number, kind, round(record.now * 1000), _fields(record.event))
    return Row(0, str(record.__struct_config__.tag), None, _fields(record))


def _fields(of: msgspec.Struct) -> dict[str, Any]:
    return {name: _shown(getattr(of, name)) for name in of.__struct_fields__}


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    if isinstance(value, msgspec.Struct):
        return {"type": type(value).__name__, **_fields(value)}
    return msgspec.to_builtins(value)
