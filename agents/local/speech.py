"""How values are said aloud."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from agents.local.choices import Choice
from agents.local.dates import spoken_date
from agents.local.numbers import ONES, spoken_number, spoken_phone
from agents.local.slots import Kind, Slot
from agents.local.text import Value, joined
from agents.local.times import spoken_time

MOST_LISTED: Final = 6
"""More than this nobody keeps in mind."""


def say(slot: Slot, value: Value, today: dt.date, choices: Sequence[Choice] = ()) -> str:
    """One value of this slot in words; what is no canonical value is said as it stands."""
    named = next((choice.spoken for choice in choices if choice.value == value), None)
    match slot.kind, value:
        case Kind.DATE, str():
            return said_date(value, today)
        case Kind.TIME, str():
            return said_time(value)
        case Kind.PHONE, str():
            return spoken_phone(value) if value.removeprefix("+").isdecimal() else value
        case Kind.BOOLEAN, bool():
            return "yes" if value else "no"
        case _ if named is not None:
            return named
        case _, int():
            return spoken_number(value)
        case _, float():
            return spoken_decimal(value)
    return str(value)


def said_date(iso: str, today: dt.date) -> str:
    """An ISO date in words; text of another form as it stands."""
    try:
        return spoken_date(dt.date.fromisoformat(iso), today)
    except ValueError:
        return iso


def said_time(iso: str) -> str:
    """`15:30` in words; text of another form as it stands."""
    try:
        return spoken_time(dt.time.fromisoformat(iso))
    except ValueError:
        return iso


def spoken_decimal(value: float) -> str:
    """`12.5` as twelve point five."""
    whole, _, fraction = f"{value:.6f}".rstrip("0").partition(".")
    head = spoken_number(int(whole)) if int(whole) or not whole.startswith("-") else "minus zero"
    return f"{head} point {' '.join(ONES[int(digit)] for digit in fraction)}" if fraction else head


def spelled_out(word: str) -> str:
    """`Baker` as B as in boy, A, K, E, R: letters that sound alike with a word of their own."""
    letters = [letter for letter in word.upper() if letter.isalpha()]
    return ", ".join(
        f"{letter} as in {_AS_IN[letter]}" if letter in _AS_IN else letter for letter in letters
    )


_AS_IN: Final = {
    "B": "boy",
    "C": "cat",
    "D": "dog",
    "F": "Frank",
    "G": "George",
    "M": "Mary",
    "N": "Nancy",
    "P": "Peter",
    "S": "sugar",
    "T": "Tom",
    "V": "Victor",
    "Z": "zebra",
}


def listed(slot: Slot, choices: Sequence[Choice], today: dt.date, last: str = "or") -> str:
    """Some of the choices as one would offer them: `a, b or c`."""
    said = [say(slot, choice.value, today, choices) for choice in choices[:MOST_LISTED]]
    rest = len(choices) - len(said)
    return joined(said, last if not rest else "or") + (
        f", and {spoken_number(rest)} more" if rest else ""
    )


def read_back(slot: Slot, value: Value, today: dt.date, choices: Sequence[Choice] = ()) -> str:
    """One value with as much of its name as it takes to know what it is."""
    said = say(slot, value, today, choices)
    label = slot.label.lower()
    match slot.kind:
        case Kind.BOOLEAN:
            return f"{label}: {said}"
        case Kind.DATE:
            return f"on {said}" if label in {"date", "day"} else f"{label} {said}"
        case Kind.TIME:
            return f"at {said}" if label == "time" else f"{label} {said}"
        case Kind.INTEGER if label.endswith("s") and " " not in label:
            return f"{said} {label[:-1] if value == 1 else label}"
        case Kind.CHOICE if isinstance(value, str):
            return said
        case Kind.TEXT if label in {"text", "message", "note"}:
            return said
    return f"{label} {said}"
