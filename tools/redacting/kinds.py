"""What is kept out of records, under which name, and what stands in its place."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec


class Sensitive(Enum):
    """A class of what callers say and nobody else may read. The value is its name in files."""

    CARD = "card"
    CVV = "cvv"
    SSN = "ssn"
    IBAN = "iban"
    SECRETS = "secrets"
    """Passwords, PINs, codes of one use, keys of interfaces."""
    EMAIL = "email"
    PHONE = "phone"
    BIRTH_DATE = "birth_date"


Kinds = frozenset[Sensitive]
NOTHING: Final[Kinds] = frozenset()
DEFAULT: Final[Kinds] = frozenset(
    {Sensitive.CARD, Sensitive.CVV, Sensitive.SSN, Sensitive.IBAN, Sensitive.SECRETS}
)
"""No shop needs these in its log. E-mail, telephone and birth are what shops look callers up by."""

LABELS: Final = {
    Sensitive.CARD: "[card number]",
    Sensitive.CVV: "[security code]",
    Sensitive.SSN: "[social security number]",
    Sensitive.IBAN: "[bank account]",
    Sensitive.SECRETS: "[secret]",
    Sensitive.EMAIL: "[e-mail address]",
    Sensitive.PHONE: "[phone number]",
    Sensitive.BIRTH_DATE: "[date of birth]",
}
OPEN_LABEL: Final = "[number]"
"""Of digits that may turn out to be the beginning of something sensitive."""
ALL_LABELS: Final = (*LABELS.values(), OPEN_LABEL)
LABEL: Final = re.compile("|".join(map(re.escape, ALL_LABELS)))


class Span(msgspec.Struct, frozen=True, order=True):
    """Characters of a text that are not to be kept."""

    start: int
    end: int
    kind: Sensitive | None
    """None: it is not known yet what it is."""


def words(text: str) -> frozenset[str]:
    """A set of words, written as a text."""
    return frozenset(text.split())


def kinds_of(names: Iterable[str]) -> Kinds:
    """Raises ValueError for a name that is none."""
    return frozenset(map(Sensitive, names))


def merged(spans: Iterable[Span]) -> list[Span]:
    """In order, none over another; of two that overlap the first gives its name to both."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if found and span.start < found[-1].end:
            last = found[-1]
            found[-1] = Span(last.start, max(last.end, span.end), last.kind or span.kind)
        else:
            found.append(span)
    return found


def replaced(text: str, spans: Iterable[Span]) -> str:
    """The text with a label in place of each span."""
    parts: list[str] = []
    at = 0
    for span in merged(spans):
        parts += (text[at : span.start], LABELS[span.kind] if span.kind else OPEN_LABEL)
        at = span.end
    return "".join((*parts, text[at:]))


def blotted(text: str, spans: Iterable[Span], ink: str = "#") -> str:
    """The text as long as it was, with every sign of each span made `ink`, blanks excepted."""
    parts: list[str] = []
    at = 0
    for span in merged(spans):
        hidden = text[span.start : span.end]
        parts += (text[at : span.start], "".join(c if c.isspace() else ink for c in hidden))
        at = span.end
    return "".join((*parts, text[at:]))
