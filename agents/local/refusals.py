"""What does not suit a caller: `not on Friday`, `any day but Friday`, `Friday is no good`."""

from collections.abc import Sequence
from typing import Final

from agents.local.numbers import read_below_hundred
from agents.local.text import Span, Words, skip, starts_with, word_at, words

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
        "excepting excluding without besides avoid avoiding"
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
        "different number from",
        "other number from",
        "another number from",
        "no longer",
        "please no",
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
        *("isn't an option", "is not an option", "is out", "is bad", "is wrong", "is full"),
        *(f"{lead}too {far}" for lead in ("is ", "") for far in ("early", "late", "soon", "far")),
    )
)
"""Said of the value before it."""
_CANNOT: Final = tuple(
    phrase.split()
    for phrase in (
        *("i can't", "i cannot", "i'm busy", "i'm away", "i'm working", "i'm not free"),
        *("i'm not available", "i won't be there"),
    )
)
"""Said of the value before it, unless it has one of its own: `Monday, I can't do Friday`."""
_TRAILING: Final = frozenset(
    words("make it do that come then be there at all sorry either unfortunately though")
)
_NEW_CLAUSE: Final = frozenset(words("because as since so but and or i i'm i'd"))
_PARTS: Final = ("morning", "afternoon", "evening", "night")
_MODALS: Final = frozenset(words("can could would will should may might do does is are"))
_SUBJECTS: Final = frozenset(words("i you we he she it they that there"))
_TAKEN: Final = "|"
"""In a sentence: a word that belongs to another value."""
_BACK: Final = 6
"""Words before a value in which it may be refused; further away it is another matter."""


def left_open(sentence: Words, at: int) -> bool:
    """Whether what begins there is only a bound: `before three`, `later than Friday`."""
    than = word_at(sentence, at - 1) == "than" and word_at(sentence, at - 2) in _COMPARED
    return than or word_at(sentence, at - 1) in _BOUNDS


_COMPARED: Final = frozenset(("earlier", "later", "sooner"))
_BOUNDS: Final = frozenset(("before", "after", "until", "since"))


def ruled_out(sentence: Words, start: int, end: int, spans: Sequence[Span] | None = None) -> bool:
    """Whether the words from `start` up to `end` name what the caller does not want.

    `spans`: all values of the sentence, where they are known; then one refusal refuses one.
    """
    own = _whole_end(sentence, end)
    if any(starts_with(sentence, own, phrase) for phrase in _NO_GOOD):
        return True
    return _cannot(sentence, own, spans) or _refused(sentence, start, spans)


def _cannot(sentence: Words, at: int, spans: Sequence[Span] | None) -> bool:
    """Whether `I can't` stands there and is said of what is before it."""
    phrase = next((each for each in _CANNOT if starts_with(sentence, at, each)), None)
    if phrase is None or spans is None:
        return phrase is not None
    following = {span.start: span.end for span in spans}
    end = at + len(phrase)
    if end in following:
        return True
    while word_at(sentence, end) in _TRAILING:
        end += 1
    if end in following:  # `Monday I can't do, Tuesday I can`
        return word_at(sentence, following[end]) in {"i", "does", "works"}
    return word_at(sentence, end) in {"", *_NEW_CLAUSE}


def _whole_end(sentence: Words, end: int) -> int:
    """Behind the part of the day or the time that belongs to a day."""
    end = skip(sentence, end, *_PARTS)
    hour = read_below_hundred(sentence, end + 1) if word_at(sentence, end) == "at" else None
    if hour is not None:
        minute = read_below_hundred(sentence, hour[1]) or hour
        end = skip(sentence, minute[1], "am", "pm", "o'clock")
    return end


def _refused(sentence: Words, start: int, spans: Sequence[Span] | None) -> bool:
    for at in range(start - 1, max(-1, start - 1 - _BACK), -1):
        word = sentence[at]
        if spans is not None and _is_spent(sentence, at, spans):
            return False
        if word in _REFUSALS:
            return not _asks(sentence, at)
        if word == "but":
            return bool(_ALL_BUT & set(sentence[max(0, at - 3) : at]))
        if any(starts_with(sentence, at + 1 - len(each), each) for each in _REFUSING):
            return True
        if word not in _BETWEEN:
            return False
    return False


def _asks(sentence: Words, at: int) -> bool:
    """`why not Friday`, `can I not come on Friday` are wishes."""
    inverted = word_at(sentence, at - 1) in _SUBJECTS and word_at(sentence, at - 2) in _MODALS
    return word_at(sentence, at - 1) == "why" or (inverted and sentence[at] == "not")


def _is_spent(sentence: Words, at: int, spans: Sequence[Span]) -> bool:
    """Whether the word refuses a value before it, as in `Monday won't work, Tuesday does`."""
    ends = {_whole_end(sentence, span.end) for span in spans}
    return any(
        (begin in ends or _ends_another(sentence, begin - 1))
        and _refuses_before(sentence, begin, at, spans)
        for begin in range(max(0, at - _LONGEST), at + 1)
    )


def _ends_another(sentence: Words, at: int) -> bool:
    """Whether a value of another kind may end with this word, read already or not yet."""
    named = word_at(sentence, at) in {_TAKEN, "am", "pm", "o'clock", *_PARTS}
    return named or read_below_hundred(sentence, at) is not None


def _refuses_before(sentence: Words, begin: int, at: int, spans: Sequence[Span]) -> bool:
    if any(at < begin + len(each) and starts_with(sentence, begin, each) for each in _NO_GOOD):
        return True
    cannot = any(at < begin + len(each) and starts_with(sentence, begin, each) for each in _CANNOT)
    return cannot and _cannot(sentence, begin, spans)


_LONGEST: Final = 5
"""Words of a refusal."""
