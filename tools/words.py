"""What was said as plain tokens: small letters, and numbers as figures however they were spoken."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Tokens = tuple[str, ...]
"""Words in small letters; numbers as `24`, ordinals as `24th`, times written so as `15:30`."""


def listed(text: str) -> Tokens:
    """The words of a list of ours."""
    return tuple(text.split())


WEEKDAYS: Final = listed("monday tuesday wednesday thursday friday saturday sunday")
MONTHS: Final = listed(
    "january february march april may june july august september october november december"
)
_ONES: Final = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS: Final = listed("twenty thirty forty fifty sixty seventy eighty ninety")
_RANKS: Final = listed(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_ROUND_RANKS: Final = listed(
    "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
)
_SMALL: Final = {word: number for number, word in enumerate(_ONES)}
_TENFOLD: Final = {word: 10 * (place + 2) for place, word in enumerate(_TENS)}
_RANKED: Final = {word: number for number, word in enumerate(_RANKS)}
_RANKED_TENS: Final = {word: 10 * (place + 2) for place, word in enumerate(_ROUND_RANKS)}
_SCALES: Final = {"hundred": 100, "thousand": 1_000}
_FIGURES: Final = frozenset((*_SMALL, *_TENFOLD, *_RANKED, *_RANKED_TENS))
"""With one of them a spoken number begins."""
_SHORT: Final = {
    **{month[:3]: month for month in MONTHS},
    "sept": "september",
    **{day[:3]: day for day in WEEKDAYS},
    "tues": "tuesday",
    "thur": "thursday",
    "thurs": "thursday",
}
"""Days and months as they are often written."""
_HALF_OF_DAY: Final = re.compile(r"\b([ap])\.? ?m\b\.?")
_DOTTED_TIME: Final = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2})(?![\d.])")
"""`3.30` is how many write a time."""
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}\b)")
"""`1,200` is one number."""
_TOKEN: Final = re.compile(r"\d{1,2}:\d{2}|\d+(?:st|nd|rd|th)\b|\d+|[^\W\d_]+(?:'[^\W\d_]+)?")


_ORDINAL: Final = re.compile(r"(\d+)(?:st|nd|rd|th)")


@lru_cache(maxsize=1_024)
def tokens(text: str) -> Tokens:
    """The words of a text; never raises, whatever the text is."""
    plain = text.lower() if text.isascii() else _without_marks(text)
    plain = _HALF_OF_DAY.sub(r"\1m", plain)
    plain = _DOTTED_TIME.sub(r"\1:\2", plain)
    plain = _THOUSANDS.sub("", plain)
    found = [_whole(word) for word in _TOKEN.findall(plain)]
    return _figured(found)


def _without_marks(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).replace("\u2019", "'").lower()
    return "".join(each for each in plain if not unicodedata.combining(each))


def _whole(word: str) -> str:
    word = word.removesuffix("'s")
    return _SHORT.get(word, word)


def _figured(words: Sequence[str]) -> Tokens:
    """The same with spoken numbers as figures."""
    figured: list[str] = []
    at = 0
    while at < len(words):
        read = _number(words, at) if words[at] in _FIGURES else None
        if read is None:
            figured.append(words[at])
            at += 1
        else:
            figured.append(read[0])
            at = read[1]
    return tuple(figured)


def _number(words: Sequence[str], at: int) -> tuple[str, int] | None:
    """The number that begins here, and where it ends."""
    small = _below_hundred(words, at)
    if small is None:
        return None
    text, end = small
    if not text.isdecimal():
        return small
    total, part, last = 0, int(text), end
    while last < len(words) and words[last] in _SCALES:
        part, last = part * _SCALES[words[last]], last + 1
        if part % 1_000 == 0:
            total, part = total + part, 0
        following = last + 1 if last < len(words) and words[last] == "and" else last
        more = _below_hundred(words, following)
        if more is not None and more[0].isdecimal():
            part, last = part + int(more[0]), more[1]
    return str(total + part), last


def _below_hundred(words: Sequence[str], at: int) -> tuple[str, int] | None:
    word = words[at] if at < len(words) else ""
    after = words[at + 1] if at + 1 < len(words) else ""
    if word in _TENFOLD:
        tens = _TENFOLD[word]
        if 0 < _SMALL.get(after, 0) < 10:
            return str(tens + _SMALL[after]), at + 2
        if 0 < _RANKED.get(after, 0) < 10:
            return ranked(tens + _RANKED[after]), at + 2
        return str(tens), at + 1
    if word in _SMALL:
        return str(_SMALL[word]), at + 1
    rank = _RANKED.get(word, _RANKED_TENS.get(word))
    return None if rank is None else (ranked(rank), at + 1)


def ranked(number: int) -> str:
    """`1st`, `22nd`, `13th`."""
    teen = 10 <= number % 100 <= 20
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def rank_of(token: str) -> int | None:
    """The number of an ordinal; None for anything else."""
    found = _ORDINAL.fullmatch(token)
    return int(found[1]) if found else None


def holds(said: Tokens, phrase: Sequence[str]) -> bool:
    """Whether the phrase stands somewhere in it, word by word."""
    return f" {' '.join(phrase)} " in f" {' '.join(said)} "
