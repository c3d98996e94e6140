"""Words, figures and signs of a text, and the numbers that its words and figures speak.

Numbers are read as people say them over a telephone: figure by figure, in groups, as "double
four", "oh", "forty-two" or "nineteen eighty", with "um" and "then" between the groups.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

import msgspec

from tools.redacting.kinds import LABEL, words

INK: Final = "\ue000"
"""Stands for what was found already; a sign for private use, so no text needs it."""
_TOKEN = re.compile(
    rf"(?P<opaque>{LABEL.pattern}|{INK}+)|(?P<digits>\d+)"
    r"|(?P<word>[^\W\d_]+(?:['\u2019][^\W\d_]+)?)|(?P<mark>\S)"
)


class What(Enum):
    WORD = "word"
    DIGITS = "digits"
    MARK = "mark"
    OPAQUE = "opaque"


class Token(msgspec.Struct, frozen=True):
    what: What
    text: str
    """In small letters; figures of any script as those of ASCII."""
    start: int
    end: int
    capitals: bool = False

    @property
    def sayable(self) -> bool:
        """A word or a figure."""
        return self.what in (What.WORD, What.DIGITS)


class Symbol(msgspec.Struct, frozen=True):
    """One figure or letter of a number, and the signs of the text that spoke it."""

    char: str
    start: int
    end: int
    opens: bool
    """It is the first of what was spoken or written as one."""
    closes: bool


class Run(msgspec.Struct, frozen=True):
    """Figures and letters that belong together."""

    symbols: tuple[Symbol, ...]
    first: int
    """Places of its first and last token."""
    last: int
    plus: int | None = None
    """Where a plus sign before it begins."""

    @property
    def start(self) -> int:
        return self.symbols[0].start

    @property
    def end(self) -> int:
        return self.symbols[-1].end

    @property
    def digits(self) -> str:
        return "".join(each.char for each in self.symbols if each.char.isdigit())


_UNITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0",
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "niner": "9",
    # German, French, Spanish: figure by figure.
    "null": "0", "eins": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fünf": "5",
    "sechs": "6", "sieben": "7", "acht": "8", "neun": "9",
    "zéro": "0", "deux": "2", "trois": "3", "quatre": "4", "cinq": "5", "sept": "7",
    "huit": "8", "neuf": "9",
    "cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6",
    "siete": "7", "ocho": "8", "nueve": "9",
}  # fmt: skip
_TEENS = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14",
    "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
_TENS = {
    "twenty": "2", "thirty": "3", "forty": "4", "fourty": "4", "fifty": "5", "sixty": "6",
    "seventy": "7", "eighty": "8", "ninety": "9",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_LETTERS = {
    "alpha": "A", "alfa": "A", "bravo": "B", "charlie": "C", "delta": "D", "echo": "E",
    "foxtrot": "F", "golf": "G", "hotel": "H", "india": "I", "juliet": "J", "kilo": "K",
    "lima": "L", "mike": "M", "november": "N", "oscar": "O", "papa": "P", "quebec": "Q",
    "romeo": "R", "sierra": "S", "tango": "T", "uniform": "U", "victor": "V", "whiskey": "W",
    "xray": "X", "yankee": "Y", "zulu": "Z",
}  # fmt: skip
NUMBER_WORDS: Final = frozenset({*_UNITS, *_TEENS, *_TENS, *_TIMES} - {"o"})

_FILLERS = words(
    "um uh er erm ah hmm eh and then dash hyphen space comma ok okay so well followed by next "
    "again yeah yes right"
)
"""What people say between the groups of one number."""
_ORDER = frozenset({"first", "second", "third", "next", "last", "other", "final", "middle"})
_LINKS = (
    _FILLERS
    | _ORDER
    | words("the are is part half group digits numbers rest it's starts ends with")
)
_JOINS = frozenset("-\u2013\u2014.,/()\u00b7_\u2026 ")
"""Signs within a number. A colon is one of a time, so it parts them."""
_MOST_LINKS = 6


def tokens_of(text: str) -> list[Token]:
    return [
        Token(
            What(str(found.lastgroup)),
            _plain(found[0]),
            found.start(),
            found.end(),
            capitals=found[0].isupper(),
        )
        for found in _TOKEN.finditer(text)
    ]


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    if text.isdecimal():
        return "".join(str(unicodedata.decimal(char)) for char in text)
    return text.lower()


def runs_of(tokens: Sequence[Token], *, breath: bool = False) -> list[Run]:
    """All numbers in these tokens, in order; letters stand in them where they may be of an
    account's. `breath`: figures only, and words between two groups part them."""
    return list(_runs(tokens, breath=breath))


def _runs(tokens: Sequence[Token], *, breath: bool) -> Iterator[Run]:
    at = 0
    while at < len(tokens):
        symbols, after = _spoken(tokens, at, letters=not breath)
        if not symbols:
            at += 1
            continue
        first = at
        while symbols:
            last, at = after, _past_links(tokens, after, signs_only=breath)
            more, after = _spoken(tokens, at, letters=not breath)
            if not more:
                break
            symbols += more
        at = last
        if any(each.char.isdigit() for each in symbols):
            before = tokens[first - 1] if first else None
            plus = before.start if before and before.text in ("+", "plus") else None
            yield Run(tuple(symbols), first, last - 1, plus)


def _past_links(tokens: Sequence[Token], at: int, *, signs_only: bool) -> int:
    """The place after what may stand between two groups; the same where nothing may."""
    limit = min(len(tokens), at + _MOST_LINKS)
    while at < limit:
        token = tokens[at]
        if token.what is What.MARK and token.text in _JOINS:
            at += 1
        elif signs_only:
            break
        elif token.what is What.WORD and token.text in _ORDER and _counts(tokens, at + 1):
            at += 2
        elif token.what is What.WORD and token.text in _LINKS:
            at += 1
        else:
            break
    return at


def _counts(tokens: Sequence[Token], at: int) -> bool:
    """ "The first four are ...": how many figures follow, and none of them. One written as a figure
    stands alone."""
    if at + 1 >= len(tokens) or tokens[at].text not in ("two", "three", "four", "2", "3", "4"):
        return False
    return tokens[at + 1].text in ("are", "is", "digits", "numbers")


def _spoken(tokens: Sequence[Token], at: int, *, letters: bool) -> tuple[list[Symbol], int]:
    """What the token here says as a part of a number, and the place after it."""
    if at >= len(tokens):
        return [], at
    token = tokens[at]
    if token.what is What.DIGITS:
        return _symbols(token.text, token.start, token.end), at + 1
    if token.what is not What.WORD:
        return [], at
    if token.text in _TIMES:
        return _repeated(tokens, at)
    if token.text in _TENS:
        return _tens(tokens, at)
    chars = _UNITS.get(token.text) or _TEENS.get(token.text)
    if not chars and letters:
        chars = _letters(token)
    if not chars:
        return [], at
    if chars.isdigit():
        return _hundreds(tokens, chars, token.start, at + 1)
    return _symbols(chars, token.start, token.end), at + 1


def _letters(token: Token) -> str:
    if token.text in _LETTERS:
        return _LETTERS[token.text]
    short = len(token.text) == 1 or (token.capitals and len(token.text) <= 6)
    return token.text.upper() if short and token.text.isascii() else ""


def _repeated(tokens: Sequence[Token], at: int) -> tuple[list[Symbol], int]:
    if at + 1 < len(tokens):
        after = tokens[at + 1]
        digit = _UNITS.get(after.text, after.text)
        if len(digit) == 1 and digit.isdigit():
            times = _TIMES[tokens[at].text]
            return _symbols(digit * times, tokens[at].start, after.end), at + 2
    return [], at


def _tens(tokens: Sequence[Token], at: int) -> tuple[list[Symbol], int]:
    token, ten = tokens[at], _TENS[tokens[at].text]
    unit_at = at + 1 + (at + 1 < len(tokens) and tokens[at + 1].text == "-")
    if unit_at < len(tokens):
        unit = _UNITS.get(tokens[unit_at].text, "0")
        if unit != "0":
            return _hundreds(tokens, ten + unit, token.start, unit_at + 1)
    return _hundreds(tokens, ten + "0", token.start, at + 1)


def _hundreds(
    tokens: Sequence[Token], digits: str, start: int, at: int
) -> tuple[list[Symbol], int]:
    if at < len(tokens) and tokens[at].text == "hundred":
        digits, at = digits + "00", at + 1
    return _symbols(digits, start, tokens[at - 1].end), at


def _symbols(chars: str, start: int, end: int) -> list[Symbol]:
    """One for each; where text and figures are as long, each at its own place."""
    same = end - start == len(chars)
    last = len(chars) - 1
    return [
        Symbol(
            char,
            start + place if same else start,
            start + place + 1 if same else end,
            opens=place == 0,
            closes=place == last,
        )
        for place, char in enumerate(chars)
    ]
