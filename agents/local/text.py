"""How recognised speech becomes words that the readers of values can walk along."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
import regex

Words = Sequence[str]
"""Lower-case words and figures in the order said, without punctuation."""

Value = str | int | float | bool
"""A slot's value in its canonical JSON form."""

T = TypeVar("T")

_MERIDIEM = regex.compile(r"(?<![\w'])([ap])(?:\. ?|\s)?m\b\.?")
_WORD = regex.compile(
    r"""\d{4}-\d{2}-\d{2}            # 2026-11-24
      | \d{1,2}/\d{1,2}(?:/\d{2,4})? # 11/24
      | \d{1,2}[:.]\d{2}(?!\d)       # 3:30
      | \d+(?:st|nd|rd|th)\b         # 24th
      | \+?\d+
      | [^\W\d_]+(?:'[^\W\d_]+)*     # o'clock, josé
    """,
    regex.VERBOSE,
)


def words(text: str) -> tuple[str, ...]:
    """Split a sentence; `p.m.` and `p m` become `pm`, hyphens part words, case goes."""
    lowered = text.lower().replace("\u2019", "'")
    return tuple(_WORD.findall(_MERIDIEM.sub(r"\1m ", lowered)))


class Impossible(msgspec.Struct, frozen=True):
    """What words mean that name a value there is none of: nothing else is to be read in them."""

    why: str = ""
    """As a sentence for the caller; empty where nothing can be said of it."""


class Span(msgspec.Struct, frozen=True):
    """Words `start` up to, not including, `end` that were read as `value`."""

    start: int
    end: int
    value: Value | Impossible


Reader = Callable[[Words, int], tuple[T, int] | None]
"""Reads a value that begins at the given word; answers it and where it ends."""


def starts_with(sentence: Words, at: int, phrase: Words) -> bool:
    return tuple(sentence[at : at + len(phrase)]) == tuple(phrase)


def contains(sentence: Words, phrase: str) -> bool:
    """Whether the phrase, itself plain lower-case words, is said in one piece."""
    wanted = phrase.split()
    return any(starts_with(sentence, at, wanted) for at in range(len(sentence) - len(wanted) + 1))


def contains_any(sentence: Words, phrases: Iterable[str]) -> bool:
    return any(contains(sentence, phrase) for phrase in phrases)


def skip(sentence: Words, at: int, *fillers: str) -> int:
    """The place after one of these words, or the same place when none of them is there."""
    return at + 1 if at < len(sentence) and sentence[at] in fillers else at


def word_at(sentence: Words, at: int) -> str:
    """The word there, or nothing beyond the end."""
    return sentence[at] if 0 <= at < len(sentence) else ""


def any_of(alternatives: Iterable[str]) -> str:
    """A pattern for exactly these texts, longest first so that full matches win."""
    unique = sorted(set(alternatives), key=lambda text: (-len(text), text))
    return f"(?:{'|'.join(regex.escape(text, literal_spaces=True) for text in unique)})"


def joined(items: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
