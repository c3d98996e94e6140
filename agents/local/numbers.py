"""Whole numbers and telephone numbers: from words, and back into words."""

from typing import Final

from agents.local.text import Impossible, Words, any_of, starts_with, word_at, words

ONES: Final = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
TENS: Final = words("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS: Final = words(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)

_UNITS: Final = {word: value for value, word in enumerate(ONES)}
_TENS: Final = {word: 10 * (place + 2) for place, word in enumerate(TENS)}
_DIGITS: Final = {**{word: str(value) for value, word in enumerate(ONES[:10])}, "oh": "0", "o": "0"}
_REPEATS: Final = {"double": 2, "triple": 3}
_SCALES: Final = {"thousand": 1_000, "million": 1_000_000}
LARGEST: Final = 999_999_999
MAX_PHONE_DIGITS: Final = 15
"""ITU-T E.164: country code and number together."""
MIN_PHONE_DIGITS: Final = 7


def spoken_number(value: int) -> str:
    """`-12`, `120` and `2026` as said: minus twelve, one hundred and twenty, two thousand ..."""
    if value < 0:
        return f"minus {spoken_number(-value)}"
    if value < 20:
        return ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")
    if value < 1_000:
        return _scaled(value, 100, "hundred")
    if value < 1_000_000:
        return _scaled(value, 1_000, "thousand")
    if value <= LARGEST:
        return _scaled(value, 1_000_000, "million")
    return " ".join(ONES[int(digit)] for digit in str(value))


def _scaled(value: int, scale: int, name: str) -> str:
    count, rest = divmod(value, scale)
    tail = (
        ""
        if not rest
        else f" and {spoken_number(rest)}"
        if rest < 100
        else f" {spoken_number(rest)}"
    )
    return f"{spoken_number(count)} {name}{tail}"


def spoken_ordinal(value: int) -> str:
    """1 to 99 as a rank: first, twenty-fourth."""
    if value < 20:
        return ORDINALS[value]
    tens, ones = divmod(value, 10)
    if not ones:
        return f"{TENS[tens - 2][:-1]}ieth"
    return f"{TENS[tens - 2]}-{ORDINALS[ones]}"


_RANKS: Final = {spoken_ordinal(value): value for value in range(1, 100)}
_MOST_DAYS: Final = 31
_RANKS_SPLIT: Final = {tuple(name.split("-")): value for name, value in _RANKS.items()}


def read_ordinal(words: Words, at: int, most: int = _MOST_DAYS) -> tuple[int, int] | None:
    """`twenty fourth`, `24th`: 1 to `most`, 99 at the utmost."""
    two = _RANKS_SPLIT.get((word_at(words, at), word_at(words, at + 1)))
    if two is not None:
        return (two, at + 2) if two <= most else None
    one = _RANKS_SPLIT.get((word_at(words, at),))
    if one is not None:
        return (one, at + 1) if one <= most else None
    figures = word_at(words, at)[:-2]
    if word_at(words, at)[-2:] in {"st", "nd", "rd", "th"} and figures.isdecimal():
        return (int(figures), at + 1) if 1 <= int(figures) <= most else None
    return None


def read_below_hundred(words: Words, at: int) -> tuple[int, int] | None:
    """`seven`, `seventeen`, `seventy seven`, or one or two figures."""
    word = word_at(words, at)
    if word.isdecimal():
        return (int(word), at + 1) if len(word) <= 2 else None
    if word in _UNITS:
        return _UNITS[word], at + 1
    if word not in _TENS:
        return None
    ones = _UNITS.get(word_at(words, at + 1), 0)
    return (_TENS[word] + ones, at + 2) if 0 < ones < 10 else (_TENS[word], at + 1)


def _read_below_thousand(words: Words, at: int) -> tuple[int, int] | None:
    start = (1, at + 1) if _says_a_scale(words, at) else read_below_hundred(words, at)
    if start is None or word_at(words, start[1]) != "hundred":
        return start
    value, end = start[0] * 100, start[1] + 1
    tail = read_below_hundred(words, end + 1 if word_at(words, end) == "and" else end)
    return (value + tail[0], tail[1]) if tail and 0 < tail[0] < 100 else (value, end)


def _says_a_scale(words: Words, at: int) -> bool:
    return word_at(words, at) == "a" and word_at(words, at + 1) in {"hundred", *_SCALES}


def read_integer(words: Words, at: int) -> tuple[int, int] | None:
    """A whole number in words or figures, up to 999,999,999; `minus` before it negates."""
    if word_at(words, at) in {"minus", "negative"}:
        found = read_integer(words, at + 1)
        return (-found[0], found[1]) if found and found[0] > 0 else None
    figures = word_at(words, at)
    if figures.isdecimal() and len(figures) > 2:
        return (int(figures), at + 1) if len(figures) <= 9 else None
    return _read_scaled(words, at)


def read_number(words: Words, at: int) -> tuple[int | float | Impossible, int] | None:
    """A whole number, or one with a fraction: `two point five`, `point five`, `two and a half`."""
    negative = word_at(words, at) in {"minus", "negative"}
    found = _pointed(words, at + negative) or read_integer(words, at + negative)
    if found is None:
        return None
    whole, end = found
    if starts_with(words, end, ("and", "a", "half")):
        value, end = whole + 0.5, end + 3
    elif digits := _fraction(words, end):
        value, end = float(f"{whole}.{digits}"), end + 1 + len(digits)
    else:
        return read_integer(words, at)
    if again := _fraction(words, end):  # `two point five point six`
        return Impossible(), end + 1 + len(again)
    return (-value if negative else value), end


def _pointed(words: Words, at: int) -> tuple[int, int] | None:
    """The nothing before `point five`; `at this point five` counts five."""
    begins = bool(_fraction(words, at)) and word_at(words, at - 1) not in _TO_A_POINT
    return (0, at) if begins else None


_TO_A_POINT: Final = frozenset(words("a the this that some any which what one"))


def _fraction(words: Words, at: int) -> str:
    """The digits said after `point`."""
    digits = ""
    while word_at(words, at) == "point" and len(digits) < _MOST_PLACES:
        digit = word_at(words, at + 1 + len(digits))
        digit = _DIGITS.get(digit, digit)
        if len(digit) != 1 or not digit.isdecimal():
            break
        digits += digit
    return digits


_MOST_PLACES: Final = 6
"""After the point: as many as are said again."""


def _read_scaled(words: Words, at: int) -> tuple[int, int] | None:
    total, ceiling, end = 0, LARGEST + 1, at
    while (part := _read_below_thousand(words, end + _joins(words, end, at))) is not None:
        scale = _SCALES.get(word_at(words, part[1]), 1)
        if scale >= ceiling:
            break
        total, ceiling = total + part[0] * scale, scale
        end = part[1] + (scale > 1)
        if scale == 1:
            break
    return (total, end) if end > at else None


def _joins(words: Words, end: int, start: int) -> bool:
    return end > start and word_at(words, end) == "and"


def read_phone(words: Words, at: int) -> tuple[str | Impossible, int] | None:
    """A telephone number said digit by digit, in pairs, with `double`, `oh` and `plus`.

    Answers digits only, with a leading `+` when it was said. 7 to 15 digits (ITU-T E.164): of
    more the last fifteen are no number, either.
    """
    plus = word_at(words, at) == "plus"
    digits, end = "", at + plus
    while (piece := _digits_at(words, end)) is not None:
        digits, end = digits + piece[0], piece[1]
    if digits.startswith("+"):
        plus, digits = True, digits[1:]
    if not digits.isdecimal() or len(digits) < MIN_PHONE_DIGITS:
        return None
    if len(digits) > MAX_PHONE_DIGITS:
        return _TOO_LONG, end
    return ("+" if plus else "") + digits, end


_TOO_LONG: Final = Impossible("A telephone number has at most fifteen digits.")


def _digits_at(words: Words, at: int) -> tuple[str, int] | None:
    word = word_at(words, at)
    if word.lstrip("+").isdecimal():
        return word, at + 1
    if word in _REPEATS:
        digit = _DIGITS.get(word_at(words, at + 1), word_at(words, at + 1))
        return (digit * _REPEATS[word], at + 2) if len(digit) == 1 and digit.isdecimal() else None
    if word in _DIGITS:
        hundred = word_at(words, at + 1) == "hundred"
        return _DIGITS[word] + "00" * hundred, at + 1 + hundred
    pair = read_below_hundred(words, at)
    return (str(pair[0]), pair[1]) if pair else None


def spoken_phone(number: str) -> str:
    """Digits in groups with short breaks: three, three, then four as most callers say them."""
    digits = number.removeprefix("+")
    groups = [digits[i : i + 3] for i in range(0, max(len(digits) - 4, 0), 3)]
    tail = digits[3 * len(groups) :] if len(groups) * 3 <= len(digits) else ""
    head = ["plus"] if number.startswith("+") else []
    said = [" ".join(ONES[int(digit)] for digit in group) for group in (*groups, tail) if group]
    return " ".join((*head, ", ".join(said)))


_DIGIT_WORDS: Final = any_of([*ONES[:10], "oh"])
_TENS_WORDS: Final = f"{any_of(TENS)}(?:[ -]{any_of(ONES[1:10])})?"
NUMBER_PATTERN: Final = (
    rf"(?:\d{{1,3}}|(?:a|{any_of(ONES[1:10])}) hundred"
    rf"(?: (?:and )?(?:{_TENS_WORDS}|{any_of(ONES)}))?"
    rf"|{_TENS_WORDS}|{any_of(ONES)})"
)
"""Up to 999 in words or figures, which is as far as callers count aloud."""
_SHORTEST_SAID: Final = 4
"""`triple five double one ...` says seven digits in as few pieces as this."""
PHONE_PATTERN: Final = (
    r"(?:(?:plus |\+)?(?:(?:(?:double|triple) )?"
    rf"(?:{_DIGIT_WORDS}|\d)(?: |-)?){{{_SHORTEST_SAID},{MAX_PHONE_DIGITS}}})"
)
