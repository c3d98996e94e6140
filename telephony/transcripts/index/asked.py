"""What calls are asked for: filters, order and page, read from the text of an address.

The page's form, saved views, the API and exports all speak this one language.
"""

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from telephony.transcripts.discretion import found
from telephony.transcripts.index.words import MOST_ASKED, Sought, sought

PAGE = 50
MOST = 200
NONE = "-"
"""Stands for the withheld number and for the built-in persona."""
_MICROS = 1_000_000
_MOST_NUMBER = 2**52
_MOST_TEXT = 100
_CURSOR = re.compile(r"(-?\d{1,18})\.(\d{1,18})", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_LENGTH = re.compile(r"(?:(\d{1,4}):)?(\d{1,6})", re.ASCII)
_FIGURES = re.compile(r"\d{3}")
"""Less of a number tells of nobody, and `number 21` is a fair question."""
_DIALLED = re.compile(r"[+\d][\d ()./-]*", re.ASCII)


class BadFilter(ValueError):  # noqa: N818 - an answer, not an error
    """A field that makes no sense; `what` is a sentence for people."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(f"{field}: {what}")
        self.field = field
        self.what = what


class Sort(Enum):
    STARTED = "started"
    DURATION = "duration"
    COST = "cost"


class Order(Enum):
    DESC = "desc"
    ASC = "asc"


class Cursor(msgspec.Struct, frozen=True):
    """A place between calls: behind the one with this value of what is sorted by, and number."""

    value: int
    number: int

    def __str__(self) -> str:
        return f"{self.value}.{self.number}"


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Of which calls; what is None is not asked."""

    text: str = ""
    since_ms: int | None = None
    """Included."""
    until_ms: int | None = None
    """Not included."""
    caller: str | None = None
    """The beginning of a number; empty: withheld."""
    called: str | None = None
    persona: str | None = None
    """Empty: the built-in one."""
    outcome: str | None = None
    engine: str | None = None
    tool: str | None = None
    label: str | None = None
    interrupted: bool | None = None
    failed: bool | None = None
    min_cost_micros: int | None = None
    max_cost_micros: int | None = None
    min_duration_ms: int | None = None
    max_duration_ms: int | None = None

    @property
    def sought(self) -> Sought | None:
        return sought(self.text)

    @property
    def any(self) -> bool:
        return self != Filters()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One page of calls."""

    filters: Filters = Filters()
    sort: Sort = Sort.STARTED
    order: Order = Order.DESC
    after: Cursor | None = None
    before: Cursor | None = None
    """The page that ends where this one begins."""
    limit: int = PAGE


FIELDS = (
    *("q", "from", "to", "caller", "called", "persona", "outcome", "engine", "tool", "label"),
    *("interrupted", "failed", "min_cost", "max_cost", "min_duration", "max_duration"),
)
ORDERING = ("sort", "order")
_KNOWN = frozenset({*FIELDS, *ORDERING, "after", "before", "limit"})


def asked(given: Mapping[str, str], zone: dt.tzinfo, *, hears: bool = True) -> Asked:
    """From the fields of an address; empty ones are as good as none. Days without a time are
    days in `zone`. Who may not hear calls (not `hears`) may not find out numbers by asking for
    them. Raises BadFilter."""
    fields = {name: text.strip() for name, text in given.items() if text.strip()}
    if not hears:
        _check_discreet(fields)
    return Asked(
        filters=_filters(fields, zone),
        sort=_choice("sort", fields.get("sort"), Sort.STARTED),
        order=_choice("order", fields.get("order"), Order.DESC),
        after=_cursor("after", fields.get("after")),
        before=_cursor("before", fields.get("before")),
        limit=_limit(fields.get("limit")),
    )


def lenient(
    given: Mapping[str, str], zone: dt.tzinfo, *, hears: bool = True
) -> tuple[Asked, list[BadFilter]]:
    """As `asked`, but what makes no sense is left out and said."""
    fields, problems = dict(given), list[BadFilter]()
    while True:
        try:
            return asked(fields, zone, hears=hears), problems
        except BadFilter as problem:
            problems.append(problem)
            del fields[problem.field]


def address(given: Mapping[str, str], **changes: object) -> str:
    """The same question with some fields changed; None takes one out."""
    fields = {name: given[name] for name in (*FIELDS, *ORDERING, "limit") if given.get(name)}
    changed = {**fields, **changes}
    return urlencode({name: str(value) for name, value in changed.items() if value is not None})


def askable(query: str, zone: dt.tzinfo) -> bool:
    """Whether who may not hear calls may ask this, as it stands in an address. Of a field that
    stands there twice each is looked at: all of it is shown to whom it is told."""
    try:
        for name, text in parse_qsl(query, keep_blank_values=True):
            asked({name: text}, zone, hears=False)
            if name not in _KNOWN:
                return False
    except BadFilter:
        return False
    return True


def _check_discreet(fields: Mapping[str, str]) -> None:
    if fields.get("caller", NONE) != NONE:
        raise BadFilter("caller", "To look for a caller's number takes the right to hear calls.")
    words = fields.get("q", "")
    if _FIGURES.search(words) or found(words):
        raise BadFilter("q", "To look for numbers takes the right to hear calls.")


def _filters(fields: Mapping[str, str], zone: dt.tzinfo) -> Filters:
    return Filters(
        text=fields.get("q", "")[:MOST_ASKED],
        since_ms=_moment("from", fields.get("from"), zone, days=0),
        until_ms=_moment("to", fields.get("to"), zone, days=1),
        caller=_number("caller", fields.get("caller")),
        called=_number("called", fields.get("called")),
        interrupted=_flag("interrupted", fields.get("interrupted")),
        failed=_flag("failed", fields.get("failed")),
        min_cost_micros=_micros("min_cost", fields.get("min_cost")),
        max_cost_micros=_micros("max_cost", fields.get("max_cost")),
        min_duration_ms=_length("min_duration", fields.get("min_duration")),
        max_duration_ms=_length("max_duration", fields.get("max_duration")),
        **dict(_names(fields)),
    )


def _names(fields: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name in ("persona", "outcome", "engine", "tool", "label"):
        if (text := fields.get(name)) is not None:
            yield name, "" if text == NONE else text[:_MOST_TEXT].replace("\0", "")


def _choice(field: str, text: str | None, otherwise: Any) -> Any:
    if text is None:
        return otherwise
    try:
        return type(otherwise)(text)
    except ValueError:
        known = ", ".join(each.value for each in type(otherwise))
        raise BadFilter(field, f"Choose one of {known}.") from None


def _cursor(field: str, text: str | None) -> Cursor | None:
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise BadFilter(field, "This is no place on a page; begin at the first page again.")
    return Cursor(int(found[1]), int(found[2]))


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not _COUNT.fullmatch(text) or not 1 <= int(text) <= MOST:
        raise BadFilter("limit", f"Give a whole number from 1 to {MOST}.")
    return int(text)


def _moment(field: str, text: str | None, zone: dt.tzinfo, days: int) -> int | None:
    """A day counts from its beginning, or with `days` to the end of it."""
    if text is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
        # A blank is what a plus sign in an address turns into.
        if len(text) <= len("2026-11-20"):
            at = (at + dt.timedelta(days=days)).replace(tzinfo=zone)
        aware = at if at.tzinfo else at.replace(tzinfo=zone)
        return max(0, round(aware.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise BadFilter(field, "Give a day such as 2026-11-20, or a time with it.") from None


def _number(field: str, text: str | None) -> str | None:
    if text is None:
        return None
    if text == NONE:
        return ""
    if not _DIALLED.fullmatch(text):
        raise BadFilter(field, f"Give the beginning of a number, or {NONE} for withheld ones.")
    digits = re.sub(r"\D", "", text, flags=re.ASCII)
    # In an address written by hand the plus sign of a number is a blank, and gone by now.
    return f"+{digits[:32]}"


def _flag(field: str, text: str | None) -> bool | None:
    if text is None:
        return None
    if text.lower() not in ("1", "0", "true", "false", "on", "yes", "no"):
        raise BadFilter(field, "Give 1 or 0.")
    return text.lower() in ("1", "true", "on", "yes")


def _micros(field: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        micros = float(text.lstrip("$")) * _MICROS
    except ValueError:
        micros = math.nan
    if not 0 <= micros <= _MOST_NUMBER:
        raise BadFilter(field, "Give an amount in US dollars, such as 0.25.")
    return round(micros)


def _length(field: str, text: str | None) -> int | None:
    if text is None:
        return None
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise BadFilter(field, "Give seconds, such as 90, or minutes and seconds, such as 1:30.")
    return (int(found[1] or 0) * 60 + int(found[2])) * 1000
