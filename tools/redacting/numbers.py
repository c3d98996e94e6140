"""Which figures are a card's, an account's, a person's or a telephone's?

Cards by prefix and length of their brand (ISO/IEC 7812-1) and the check digit of Luhn; accounts
by ISO 13616's length and mod 97 (python-stdnum has the registry); social security numbers by
the areas, groups and serials never given out (SSA, "Randomization FAQ"); telephones by
libphonenumber's plans.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException
from stdnum import iban

from tools.redacting.kinds import Sensitive, Span
from tools.redacting.tokens import Run, Symbol

CARD_LEAST: Final = 13
CARD_MOST: Final = 19
_IBAN_LEAST = 15
_IBAN_MOST = 34
_SSN_DIGITS = 9
_SSN = re.compile(r"(?<![\d-])(\d{3})[-\u2013](\d{2})[-\u2013](\d{4})(?![\d-])", re.ASCII)
_AFTER_CARD = 8
"""Figures behind a card's in one breath: month, year and code."""
_MISHEARD = range(12, 24)
"""So many figures, where a card's were asked for, are one misheard."""
BEGUN: Final = 6
"""So many figures, where a card's were asked for, are the beginning of one."""
_BRANDS: Final = (
    (("4",), (13, 16, 19)),
    (tuple(str(each) for each in range(51, 56)), (16,)),
    (tuple(str(each) for each in range(2221, 2721)), (16,)),
    (("34", "37"), (15,)),
    (("30", "36", "38", "39"), (14, 16, 19)),
    (("6011", "644", "645", "646", "647", "648", "649", "65"), (16, 17, 18, 19)),
    (("35", "62", "81"), (16, 17, 18, 19)),
    (("50", "56", "57", "58", "60", "63", "67", "69"), (13, 15, 16, 18, 19)),
    (("2200", "2201", "2202", "2203", "2204", "9792"), (16,)),
)
_LENGTHS = {prefix: lengths for prefixes, lengths in _BRANDS for prefix in prefixes}
_PREFIXES = sorted({len(prefix) for prefix in _LENGTHS}, reverse=True)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (int(each) * 2 for each in digits[-2::-2])
    total = sum(map(int, digits[::-2])) + sum(each - 9 * (each > 9) for each in doubled)
    return total % 10 == 0


def is_card(digits: str) -> bool:
    lengths = next(
        (found for size in _PREFIXES if (found := _LENGTHS.get(digits[:size])) is not None), ()
    )
    return len(digits) in lengths and luhn(digits)


def cards(run: Run, *, asked: bool = False) -> list[Span]:
    """`asked`: it is a card's number that is being told, even if one figure was misheard."""
    found: list[Span] = []
    for part in _figures(run.symbols):
        found += _cards(part)
    if asked and not found:
        whole = [each for each in run.symbols if each.char.isdigit()]
        if len(whole) in _MISHEARD:
            found = [_over(whole, Sensitive.CARD)]
    return found


def _cards(part: Sequence[Symbol]) -> Iterator[Span]:
    """All that begin and end where something that was spoken or written as one does."""
    at = 0
    while at < len(part):
        size = _window(part, at)
        if not size:
            at += 1
            continue
        rest = len(part) - at - size
        if rest <= _AFTER_CARD:
            # What is told in the same breath is when it expires, and its code.
            size += rest
        yield _over(part[at : at + size], Sensitive.CARD)
        at += size


def _window(part: Sequence[Symbol], at: int) -> int:
    """How many figures from here are a card's; 0: none."""
    if not part[at].opens:
        return 0
    digits = "".join(each.char for each in part[at : at + CARD_MOST])
    # What is written in one, and longer than any card's, has its date or another card behind it.
    endless = len(digits) == CARD_MOST and not any(
        each.closes for each in part[at : at + CARD_MOST]
    )
    for size in range(min(CARD_MOST, len(digits)), CARD_LEAST - 1, -1):
        if (endless or part[at + size - 1].closes) and is_card(digits[:size]):
            return size
    return 0


def accounts(run: Run, *, asked: bool = False) -> list[Span]:
    """`asked`: it is an account's number that is being told, even if it was misheard."""
    symbols = run.symbols
    found: list[Span] = []
    at = 0
    while at + _IBAN_LEAST <= len(symbols):
        size = _account(symbols, at)
        if size:
            found.append(_over(symbols[at : at + size], Sensitive.IBAN))
        at += size or 1
    if asked and not found and len(symbols) >= _IBAN_LEAST - 3:
        found.append(_over(symbols, Sensitive.IBAN))
    return found


def _account(symbols: Sequence[Symbol], at: int) -> int:
    if not symbols[at].opens:
        return 0
    text = "".join(each.char for each in symbols[at : at + _IBAN_MOST])
    if not (text[:2].isalpha() and text[2:4].isdigit()):
        return 0
    for size in range(min(len(text), _IBAN_MOST), _IBAN_LEAST - 1, -1):
        if symbols[at + size - 1].closes and iban.is_valid(text[:size], check_country=False):
            return size
    return 0


def socials(run: Run) -> list[Span]:
    """Where they were asked for."""
    parts = (part for part in _figures(run.symbols) if len(part) == _SSN_DIGITS)
    return [_over(part, Sensitive.SSN) for part in parts]


def written_socials(text: str) -> list[Span]:
    """By their form; without it nine figures may be anything."""
    return [
        Span(found.start(), found.end(), Sensitive.SSN)
        for found in _SSN.finditer(text)
        if _possible("".join(found.groups()))
    ]


def _possible(digits: str) -> bool:
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def telephones(run: Run, region: str | None) -> list[Span]:
    """`region`: ISO 3166 code of the country whose numbers are told without their country's."""
    found = [
        _over(part, Sensitive.PHONE)
        for part in _figures(run.symbols)
        if _rings("".join(each.char for each in part), region, plus=run.plus is not None)
    ]
    if found and run.plus is not None and found[0].start == run.start:
        found[0] = Span(run.plus, found[0].end, Sensitive.PHONE)
    return found


def _rings(digits: str, region: str | None, *, plus: bool) -> bool:
    if not 7 <= len(digits) <= 15:
        return False
    international = plus or digits.startswith("00")
    text = f"+{digits.removeprefix('00')}" if international else digits
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return False
    fits = phonenumbers.is_possible_number if international else phonenumbers.is_valid_number
    return bool(fits(number))


def _figures(symbols: Sequence[Symbol]) -> Iterator[list[Symbol]]:
    """The stretches of a run that hold figures only."""
    part: list[Symbol] = []
    for symbol in symbols:
        if symbol.char.isdigit():
            part.append(symbol)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _over(symbols: Sequence[Symbol], kind: Sensitive) -> Span:
    return Span(symbols[0].start, symbols[-1].end, kind)
