"""Picking one of a list: by name, by part of its name, or by its place in the list."""

import difflib
from collections.abc import Sequence
from typing import Final

import msgspec

from agents.local.numbers import read_ordinal
from agents.local.text import Span, Value, Words, starts_with, words

CLOSE: Final = 0.8
"""Likeness, 0 to 1, from which a misheard word still counts as the word (`hair cuts`)."""
_EMPTY: Final = frozenset(words("a an the and or of for with to in on at my your some"))


class Choice(msgspec.Struct, frozen=True):
    """One allowed value and how it is said."""

    value: Value
    spoken: str

    @property
    def words(self) -> tuple[str, ...]:
        return words(self.spoken)


def whole(sentence: Words, choices: Sequence[Choice]) -> list[tuple[Choice, Span]]:
    """The choices said in one piece, all their words; `hair cut` is `haircut`.

    One entry means it is clear; several, that what was said fits each of them alike.
    """
    found = []
    for choice in choices:
        wanted = _bare("".join(choice.words))
        places = [
            Span(start, end, choice.value)
            for start in range(len(sentence))
            for end in range(start + 1, min(start + len(choice.words) + 2, len(sentence)) + 1)
            if wanted and _same(_bare("".join(sentence[start:end])), wanted)
        ]
        if places:
            found.append((choice, min(places, key=lambda span: span.end - span.start)))
    return _longest(found)


def _longest(found: list[tuple[Choice, Span]]) -> list[tuple[Choice, Span]]:
    """`full colour` is not also `colour`: the choices that explain the most words."""
    most = max((span.end - span.start for _, span in found), default=0)
    return [pair for pair in found if pair[1].end - pair[1].start == most]


def partial(sentence: Words, choices: Sequence[Choice]) -> list[tuple[Choice, Span]]:
    """The choices of which some telling word was said: `colour` for `full colour`."""
    scored: list[tuple[int, Choice, Span]] = []
    for choice in choices:
        telling = {_bare(word) for word in choice.words} - _EMPTY
        places = [
            at for at, word in enumerate(sentence) if any(_same(_bare(word), w) for w in telling)
        ]
        if places:
            count = len({_bare(sentence[at]) for at in places})
            scored.append((count, choice, Span(places[0], places[-1] + 1, choice.value)))
    best = max((count for count, _, _ in scored), default=0)
    return [(choice, span) for count, choice, span in scored if count == best]


def _bare(word: str) -> str:
    plain = word.replace("'", "").replace("-", "")
    return (
        plain[:-1] if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss") else plain
    )


def _same(said: str, wanted: str) -> bool:
    if said == wanted:
        return True
    if min(len(said), len(wanted)) < 5 or said[0] != wanted[0]:
        return False
    matcher = difflib.SequenceMatcher(None, said, wanted, autojunk=False)
    return matcher.real_quick_ratio() >= CLOSE and matcher.ratio() >= CLOSE


def by_place(sentence: Words, choices: Sequence[Choice], *, strict: bool = False) -> Choice | None:
    """`the first one`, `the last one`, `the latest`: a place in the list as it was spoken.

    `strict`: only with `one` after it, where `the first` alone may be something else misheard.
    """
    for at, word in enumerate(sentence):
        rank = read_ordinal(sentence, at)
        end = rank[1] if rank else at + 1
        clear = len(sentence) <= _SHORT and not (strict and rank)
        if not (clear or starts_with(sentence, end, ("one",))):
            continue
        place = _ENDS.get(word, rank[0] - 1 if rank else len(choices))
        if place < len(choices) and choices:
            return choices[place]
    return None


_ENDS: Final = {"last": -1, "latest": -1}
_SHORT: Final = 3
"""Longer sentences must say `one`: `Tuesday the second` names a day."""
