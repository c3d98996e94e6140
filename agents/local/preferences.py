"""When it would suit, said without naming a time: `in the afternoon`, `as soon as possible`."""

import datetime as dt
from collections.abc import Sequence
from enum import Enum
from typing import Final

from agents.local.choices import Choice
from agents.local.refusals import ruled_out
from agents.local.text import Words, any_of, contains_any


class When(Enum):
    """What a caller would like of a day or a time that is still to be chosen."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    SOONEST = "soonest"
    """The first there is, or any."""
    LISTED = "listed"
    """To hear what there is."""


_PARTS: Final = {
    When.MORNING: range(12),
    When.AFTERNOON: range(12, 17),
    When.EVENING: range(17, 24),
}
"""The hours in which a time of this part of the day begins."""
_NAMED: Final = {
    "morning": When.MORNING,
    "mornings": When.MORNING,
    "afternoon": When.AFTERNOON,
    "afternoons": When.AFTERNOON,
    "evening": When.EVENING,
    "evenings": When.EVENING,
    "tonight": When.EVENING,
}
SOONEST_PHRASES: Final = (
    "any time",
    "anytime",
    "any day",
    "as soon as possible",
    "as soon as you can",
    "as early as possible",
    "the earliest",
    "the soonest",
    "first available",
    "next available",
    "earliest available",
    "whenever",
    "whatever you have",
    "you choose",
    "i don't mind",
    "doesn't matter",
    "does not matter",
    "don't care",
)
_BUT: Final = frozenset(("but", "except", "excepting", "excluding", "besides", "apart", "aside"))
"""Behind it comes what would not do, be it read or not: `any time but three`."""
_ELSE: Final = (
    *(
        f"{what} {how}"
        for what in ("something", "anything")
        for how in ("else", "earlier", "later")
    ),
    *("another time", "other times"),
)


def when(sentence: Words) -> When | None:
    """What it says of when. `good morning` says nothing, nor does more than one part of a day."""
    parts = [
        at
        for at, word in enumerate(sentence)
        if word in _NAMED and "good" not in sentence[max(0, at - 1) : at]
    ]
    suiting = [at for at in parts if not ruled_out(sentence, at, at + 1)]
    if contains_any(sentence, SOONEST_PHRASES):
        # Of `any time but the morning` the first may be in the morning.
        any_will_do = suiting == parts and not _BUT & set(sentence)
        return When.SOONEST if any_will_do else When.LISTED
    if contains_any(sentence, _ELSE):
        return When.LISTED
    named = {_NAMED[sentence[at]] for at in suiting}
    return named.pop() if len(named) == 1 else None


WHEN_PATTERN: Final = any_of(
    [
        *(each for each in SOONEST_PHRASES if " " in each and each != "don't care"),
        *("it doesn't matter", "when's the earliest", "anything later", "anything earlier"),
        *(f"{lead}{part}" for lead in ("", "in the ") for part in ("morning", "afternoon")),
        "in the evening",
    ]
)
"""As an answer to `what day` and `what time`. Without words that sound like an hour (`evening`)."""


def part_of(wanted: When | None) -> str:
    """`morning`; nothing where no part of the day is wanted."""
    return wanted.value if wanted in _PARTS else ""


def within(wanted: When | None, times: Sequence[Choice]) -> tuple[Choice, ...]:
    """Those of that part of the day; all of them where none is wanted."""
    hours = _PARTS.get(wanted) if wanted else None
    return tuple(each for each in times if hours is None or _hour(each) in hours)


def _hour(choice: Choice) -> int:
    """-1: it is no time."""
    try:
        return dt.time.fromisoformat(str(choice.value)).hour
    except ValueError:
        return -1
