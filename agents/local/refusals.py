"""What does not suit a caller: `not on Friday`, `any day but Friday`, `Friday is no good`."""

from typing import Final

from agents.local.text import Words, starts_with, word_at, words

_BETWEEN: Final = frozenset(
    words(
        "a an the on at in for to of do make it that there by work come go have get be been book "
        "want like use need take free available able call me my i'm from number phone reach really"
    )
)
"""May stand between the refusal and what is refused: `I can't make it on Friday`."""
_REFUSALS: Final = frozenset(
    words(
        "not neither isn't aren't can't cannot couldn't don't doesn't won't wouldn't never except "
        "excepting excluding without besides"
    )
)
_REFUSING: Final = tuple(
    phrase.split()
    for phrase in (
        "other than",
        "rather than",
        "different than",
        "different from",
        "number than",
        "apart from",
        "aside from",
        "instead of",
        "busy",
        "away",
    )
)
_ALL_BUT: Final = frozenset(words("any anything anytime all every everything"))
_NO_GOOD: Final = tuple(
    phrase.split()
    for phrase in (
        *("doesn't work", "does not work", "won't work", "will not work", "wouldn't work"),
        *("isn't going to work", "is not going to work", "can't work", "doesn't suit"),
        *("does not suit", "won't suit", "won't do", "will not do", "isn't good", "is not good"),
        *("is no good", "isn't great", "isn't possible", "is not possible", "is impossible"),
        *("are no good", "aren't good", "are not good", "don't work", "do not work", "are out"),
        *("not good", "no good", "not great", "not possible", "not going to work"),
        *("i can't", "i cannot", "i'm busy", "i'm away", "i'm working", "i'm not free"),
        *(
            "i'm not available",
            "i won't be there",
            "isn't an option",
            "is not an option",
            "is out",
            "is bad",
            "is wrong",
            "is full",
        ),
    )
)
_BACK: Final = 6
"""Words before a value in which it may be refused; further away it is another matter."""


def ruled_out(sentence: Words, start: int, end: int) -> bool:
    """Whether the words from `start` up to `end` name what the caller does not want."""
    return any(starts_with(sentence, end, phrase) for phrase in _NO_GOOD) or _refused(
        sentence, start
    )


def _refused(sentence: Words, start: int) -> bool:
    for at in range(start - 1, max(-1, start - 1 - _BACK), -1):
        word = sentence[at]
        if word in _REFUSALS:
            return word_at(sentence, at - 1) != "why"  # `why not Friday` is a wish
        if word == "but":
            return bool(_ALL_BUT & set(sentence[max(0, at - 3) : at]))
        if any(starts_with(sentence, at + 1 - len(each), each) for each in _REFUSING):
            return True
        if word not in _BETWEEN:
            return False
    return False
