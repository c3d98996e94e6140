"""Which tool a free sentence asks for, and which of its slots a question is about."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from agents.local.choices import Choice
from agents.local.slots import Form, Kind, Slot
from agents.local.text import Words, contains, words
from agents.local.values import Readings, Setting, read

CLEAR: Final = 0.7
"""Share of a phrase's telling words that makes a request certain, 0 to 1."""
LEAST: Final = 0.25
"""Below this a sentence asks for no tool."""
_NAME_WORTH: Final = 0.8
_DESCRIPTION_WORTH: Final = 0.3
_VALUE_WORTH: Final = 0.25
_ASIDE: Final = 0.3
_COVER_WORTH: Final = 0.25
"""`cancel my appointment` asks rather for the tool that knows both words than for one that knows
`appointment`, be that all its phrase holds."""

_EMPTY: Final = frozenset(
    words(
        "a an the i i'd i'm i've we it to for of on in at and or with is are be was would like "
        "want need can could may please you your me my do does have has get got some any "
        "there this that if so just hi hello hey help let us let's by from as will should am "
        "going caller caller's callers when what which how"
    )
)

Offered = Mapping[str, Sequence[Choice]]


class Request(msgspec.Struct, frozen=True):
    """The tool a sentence asks for."""

    form: Form
    likeness: float
    """Of the sentence to the tool's own phrases, 0 to 1."""
    readings: Readings


def request(
    text: str, forms: Sequence[Form], setting: Setting, offered: Mapping[str, Offered]
) -> Request | None:
    """The tool this sentence asks for, if any; of equals the one listed first.

    `offered`: for each tool by name, the choices known for its slots.
    """
    said = {_stem(word) for word in words(text)} - _STEMMED_EMPTY
    vocabularies = [_vocabulary(form) for form in forms]
    scored: list[tuple[float, Request]] = []
    for form in forms:
        readings = read(text, form.slots, setting, offered=offered.get(form.name, {}))
        likeness = _likeness(said, form, vocabularies, asking=is_question(words(text)))
        told = len(readings.values) + len(readings.unclear)
        by_values = _VALUE_WORTH * told * bool(likeness or form.spec.risk.writes)
        score = likeness + by_values * (1 - likeness)
        score += _COVER_WORTH * _covered(said, form, vocabularies) * bool(likeness)
        scored.append((score, Request(form, likeness, readings)))
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= LEAST else None


def is_question(sentence: Words) -> bool:
    """Whether it asks to be told something, as `when is my appointment` does."""
    return bool(_ASKING & set(sentence) or _ASKED_FIRST & set(sentence[:1]))


_ASKING: Final = frozenset(
    words("what what's when when's how where where's which who who's why tell list")
)
_ASKED_FIRST: Final = frozenset(words("do does did have is are am was"))


def _likeness(
    said: set[str], form: Form, vocabularies: Sequence[set[str]], *, asking: bool
) -> float:
    """How much of the best of its phrases, its name or its description was said.

    A word that many tools share (`appointment`) tells less than one that is this tool's own. A
    phrase that asks is little like a sentence that does not, nearly all its words being small.
    """

    def share(text: str) -> float:
        telling = {_stem(word) for word in words(text)} - _STEMMED_EMPTY
        weights = {
            word: 1 / max(1, sum(word in known for known in vocabularies)) for word in telling
        }
        return sum(weights[word] for word in telling & said) / (sum(weights.values()) or 1.0)

    def as_meant(phrase: str) -> float:
        return share(phrase) * (_ASIDE if is_question(words(phrase)) and not asking else 1.0)

    by_phrase = max((as_meant(phrase) for phrase in form.spec.phrases), default=0.0)
    by_name = share(form.name.replace("_", " ")) * _NAME_WORTH
    if not (asking or form.spec.risk.writes):
        by_name *= _ASIDE
    return max(by_phrase, by_name, share(form.spec.description) * _DESCRIPTION_WORTH)


def _covered(said: set[str], form: Form, vocabularies: Sequence[set[str]]) -> float:
    """How much of what was said, as far as any tool knows the words, this tool's words cover."""
    known = {word: sum(word in known for known in vocabularies) for word in said}
    weights = {word: 1 / count for word, count in known.items() if count}
    covered = sum(weights[word] for word in _vocabulary(form) & weights.keys())
    return covered / (sum(weights.values()) or 1.0)


def _vocabulary(form: Form) -> set[str]:
    texts = (*form.spec.phrases, form.name.replace("_", " "))
    return {_stem(word) for text in texts for word in words(text)} - _STEMMED_EMPTY


def _stem(word: str) -> str:
    """`bookings`, `booked` and `booking` as one; crude, but the same on both sides."""
    for ending in ("'s", "ings", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4 - (ending == "s"):
            word = word.removesuffix(ending)
            break
    plain = (word.removesuffix("e") if len(word) > 3 else word)[:7]
    return "book" if plain in _BOOKS else plain


_BOOKS: Final = frozenset(("mak", "schedul", "reserv", "arrang"))
"""As in `make an appointment`, on both sides of a comparison."""


_STEMMED_EMPTY: Final = _EMPTY | {_stem(word) for word in _EMPTY}

_KIND_WORDS: Final = {
    Kind.TIME: frozenset(words("time times when slot slots opening openings hours")),
    Kind.DATE: frozenset(words("day days date dates")),
    Kind.PHONE: frozenset(words("phone number telephone")),
    Kind.NAME: frozenset(words("name")),
}


def slot_meant(sentence: Words, slots: Sequence[Slot]) -> Slot | None:
    """The slot a sentence names: `the time`, `what services`, `the number of passengers`."""
    for slot in slots:
        if contains(sentence, slot.label.lower()):
            return slot
    said = {_stem(word) for word in sentence}
    for slot in slots:
        own = {_stem(word) for word in words(slot.label)} - _STEMMED_EMPTY
        if own & said:
            return slot
    for slot in slots:
        if _KIND_WORDS.get(slot.kind, frozenset()) & set(sentence):
            return slot
    return None
