"""What a short answer may sound like: the pattern a recogniser listens for in each state."""

from collections.abc import Mapping, Sequence
from typing import Final

from agents.local.answers import ANYTIME_PATTERN, YES_NO_PATTERN
from agents.local.choices import Choice
from agents.local.dates import DATE_PATTERN, DAY_PATTERN
from agents.local.expectation import plain
from agents.local.numbers import NUMBER_PATTERN, PHONE_PATTERN
from agents.local.preferences import WHEN_PATTERN
from agents.local.slots import OF_WHEN, Form, Kind, Slot
from agents.local.text import any_of
from agents.local.times import TIME_PATTERN

_HESITATION: Final = any_of(
    ["um", "uh", "yes", "yeah", "no", "okay", "ok", "well", "sure", "sorry", "actually", "oh"]
)
_LEAD: Final = any_of(
    [
        *(
            "i'd like",
            "i would like",
            "i want",
            "i'll take",
            "i'll have",
            "can i have",
            "can i get",
        ),
        *("make it", "make that", "i said", "i meant", "let's say", "let's do", "let's make it"),
        *(
            "how about",
            "what about",
            "do you have",
            "maybe",
            "it's",
            "it is",
            "not",
            "change it to",
        ),
        *("could you make it", "can we do", "can we make it", "i need"),
    ]
)
_ARTICLE: Final = any_of(["on", "at", "for", "a", "an", "the", "around", "about"])
_TAIL: Final = any_of(
    ["please", "thanks", "thank you", "is good", "is fine", "would be good", "works", "instead"]
)
_THANKS: Final = "(?: (?:thanks|thank you)(?: (?:very|so) much| a lot)?)?"
_BYE: Final = any_of(["goodbye", "good bye", "bye", "bye bye", "have a nice day"])
_PLACES: Final = any_of(["the first one", "the second one", "the third one", "the last one"])
_PART_OF_DAY: Final = any_of(["morning", "afternoon", "evening"])
_FIXED: Final = {
    Kind.DATE: DATE_PATTERN,
    Kind.TIME: TIME_PATTERN,
    Kind.PHONE: PHONE_PATTERN,
    Kind.INTEGER: NUMBER_PATTERN,
    Kind.NUMBER: NUMBER_PATTERN,
}
CHOICE_MARGIN: Final = 10.0
"""Names of things are rarer words than open listening expects; other speech loses by more."""
SPELLING_MARGIN: Final = 30.0
"""Letters in a row are hardly ever the likeliest writing; they are read back before they count."""
_MOST_CHOICES: Final = 60
"""Longer lists are listened to openly and matched afterwards."""

Offered = Mapping[str, Sequence[Choice]]


def answer_pattern(slot: Slot, others: Sequence[Slot], offered: Offered) -> str | None:
    """For the answer to this slot's question; None to listen openly (names, free words).

    `others`: slots of the same tool that may be given or corrected in the same breath.
    """
    if slot.kind is Kind.BOOLEAN:
        return f"(?:{YES_NO_PATTERN}|{ANYTIME_PATTERN})"
    own = _core(slot, offered)
    if own is None:
        return None
    cores = [own, *_pairs(slot, others, offered)]
    if slot.kind in OF_WHEN:
        cores.append(WHEN_PATTERN)
    return f"(?:{_framed(cores)}|{ANYTIME_PATTERN})"


def check_pattern(slots: Sequence[Slot], offered: Offered) -> str:
    """For the answer to a read-back: yes, no, or another value for any of these slots."""
    cores = [core for slot in slots if (core := _core(slot, offered)) is not None]
    fields = any_of([plain(slot.label) for slot in slots] or ["it"])
    changes = rf"(?:no )?(?:change )?the {fields}(?: is wrong)?"
    corrected = [_framed(cores)] if cores else []
    answers = [f"{YES_NO_PATTERN}{_THANKS}", *corrected, changes, ANYTIME_PATTERN]
    return f"(?:{'|'.join(answers)})"


def opening_pattern(forms: Sequence[Form], offered: Mapping[str, Offered]) -> str | None:
    """For a request made in one sentence: a tool's phrase, or a choice, then day and time."""
    slots = [(slot, offered.get(form.name, {})) for form in forms for slot in form.slots]
    cores = [_core(slot, known) for slot, known in slots if slot.kind is Kind.CHOICE]
    names = "|".join(dict.fromkeys(filter(None, cores)))
    phrases = [plain(phrase) for form in forms for phrase in form.spec.phrases]
    wishes = [f"(?:{_WISH} )?(?:{_ARTICLE} )?(?:{names})"] * bool(names)
    wishes += [any_of(phrases)] * bool(phrases)
    if not wishes:
        return None
    kinds = {slot.kind for slot, _ in slots}
    day = f"(?: (?:on |for )?{DATE_PATTERN})?" if Kind.DATE in kinds else ""
    time = (
        f"(?: (?:(?:at |around )?{TIME_PATTERN}|(?:in the )?{_PART_OF_DAY}))?"
        if Kind.TIME in kinds
        else ""
    )
    return f"(?:{_HELLO} )?(?:{'|'.join(wishes)}){day}{time}(?: {_TAIL})?"


_HELLO: Final = any_of(["hi", "hello", "good morning", "good afternoon", "yes", "um"])
_WISH: Final = any_of(
    [
        *("i'd like", "i would like", "i need", "i want", "can i have", "can i get", "can i book"),
        *("i'd like to book", "i would like to book", "i want to book", "could i have", "book me"),
        *("could i book", "i'd like to have", "i'd like to make", "do you have", "can i come for"),
    ]
)


def name_pattern(names: Sequence[str]) -> str | None:
    """For a name, when some are known that it may well be; None to listen openly."""
    known = [text for name in names if (text := plain(name))]
    if not known:
        return None
    return f"(?:{_HESITATION} )?(?:{_PRESENTED} )?{any_of(known)}(?: {_TAIL})?"


_PRESENTED: Final = any_of(["my name is", "the name is", "it's", "it is", "this is", "i'm", "i am"])


def spelling_pattern() -> str:
    """For a name spelled letter by letter, after the name itself or without it."""
    return f"(?:{_SPELLED}|{ANYTIME_PATTERN})"


def spelling_check_pattern() -> str:
    """For the answer to a spelled name read back: yes, no, or the letters once more."""
    return f"(?:{YES_NO_PATTERN}{_THANKS}|(?:no )?{_SPELLED}|{ANYTIME_PATTERN})"


_LETTER: Final = "(?:double )?[a-z](?: (?:as in|for|like) [a-z']+)?"
_SPELLED: Final = rf"(?:[a-z']+ ){{0,3}}{_LETTER}(?:[ -]{_LETTER}){{1,15}}"


def more_pattern(requests: str | None) -> str:
    """For the answer to `Is there anything else?`: no, yes, or another request."""
    done = any_of(["that's all", "that's it", "nothing else", "that's everything", "thanks", "bye"])
    tail = f"|{requests}" if requests else ""
    finished = rf"(?:{YES_NO_PATTERN} )?{done}(?: for (?:today|now))?{_THANKS}(?: {_BYE})?"
    return f"(?:{finished}|{YES_NO_PATTERN}{_THANKS}(?: {_BYE})?|{ANYTIME_PATTERN}{tail})"


def _framed(cores: Sequence[str]) -> str:
    return (
        rf"(?:{_HESITATION} )?(?:{_LEAD} )?(?:{_ARTICLE} )?"
        rf"(?:{'|'.join(cores)})(?: {_TAIL})?"
    )


def _core(slot: Slot, offered: Offered) -> str | None:
    choices = offered.get(slot.name, ())
    if slot.kind is not Kind.CHOICE:
        # No places of a list here: `the first one` is taken for `half past ten`.
        return _FIXED.get(slot.kind)
    if not 0 < len(choices) <= _MOST_CHOICES:
        return None
    names = [text for choice in choices if (text := plain(choice.spoken))]
    parts = [word for name in names for word in name.split() if len(word) > 3]
    return f"(?:{any_of([*names, *parts])}|{_PLACES})"


def _pairs(slot: Slot, others: Sequence[Slot], offered: Offered) -> list[str]:
    """Day and time in one breath; a service with its day; or a correction of another slot."""
    kinds = {other.kind for other in others}
    together: list[str] = []
    if slot.kind is Kind.DATE and Kind.TIME in kinds:
        together.append(rf"{DATE_PATTERN}(?:(?: at)? {TIME_PATTERN}| (?:in the )?{_PART_OF_DAY})")
    if slot.kind is Kind.TIME and Kind.DATE in kinds:
        together.append(rf"{TIME_PATTERN}(?: on)? {DAY_PATTERN}|{DAY_PATTERN}")
    if slot.kind is not Kind.TIME and slot.kind is not Kind.DATE and Kind.DATE in kinds:
        together.append(rf"{_core(slot, offered)}(?: on| for)? {DATE_PATTERN}")
    return together
