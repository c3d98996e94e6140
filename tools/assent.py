"""Was that a yes? What a caller answers to a read-back."""

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from typing import Final

from tools.words import MONTHS, WEEKDAYS, Tokens, holds, listed, rank_of, tokens


class Reply(Enum):
    YES = "yes"
    NO = "no"
    OTHER = "other"
    """Neither: a question, a correction, another matter."""
    UNKNOWN = "unknown"
    """Something was said that nobody could make out."""


def _split(*phrases: str) -> tuple[Tokens, ...]:
    return tuple(tokens(phrase) for phrase in phrases)


_STRONG: Final = _split(
    "yes", "yeah", "yep", "yup", "aye", "correct", "that's right", "that is right", "that's it",
    "that's correct", "that is correct", "that's fine", "that's good", "that's perfect",
    "that's great", "that works", "that'd be great", "that would be great", "go ahead", "please do",
    "sounds good", "sounds great", "sounds perfect", "book it", "of course",
    "absolutely", "definitely", "exactly", "you got it", "spot on", "by all means", "affirmative",
    "go for it", "i confirm", "confirmed",
)  # fmt: skip
"""Say yes wherever they stand."""
_WEAK: Final = _split(
    "ok", "okay", "right", "sure", "fine", "great", "perfect", "lovely", "good", "alright",
    "all right", "uh huh", "uhuh", "mm hmm", "mhm", "mm", "do it", "do that", "please book",
    "please confirm", "i would like that", "brilliant", "wonderful", "why not", "no problem",
    "no worries", "not a problem",
)  # fmt: skip
"""Say yes when the answer begins with them."""
_BARE: Final = _split(
    "i do", "i would", "we do", "it is", "please", "that's okay", "that's ok", "that's lovely",
    "that'll do", "that will do", "works for me", "i think so", "i'll take it", "i'll take that",
    "i'll take that one", "take it", "take that", "take that one",
)  # fmt: skip
"""Say yes when nothing but other words of a yes, or of the read-back, stands beside them: `It is.`,
not `It is too expensive.`"""
_AGREED: Final = sorted((*_STRONG, *_WEAK, *_BARE), key=len, reverse=True)
_HARMLESS: Final = _split(
    "no problem", "no worries", "not a problem", "why not", "i don't mind", "can't wait",
    "nothing else", "no more", "not at all", "no doubt",
)  # fmt: skip
"""Hold a word of denial and deny nothing."""
_DENIALS: Final = frozenset(
    listed(
        "no nope nah not don't dont doesn't isn't isnt wasn't won't can't cannot wrong incorrect "
        "never stop cancel neither"
    )
)
_TURNS: Final = frozenset(
    listed(
        "but except actually instead wait change rather unless although however different hold "
        "hang maybe perhaps or"
    )
)
_PUTS_OFF: Final = frozenset(
    listed(
        "if let think thinking ask asking asked wonder moment whether depends depending provided "
        "providing assuming supposing pending doubt"
    )
)
"""Name a condition, or want time, whatever was read back."""
_AMENDS: Final = frozenset(
    listed(
        "once after before until till when later need check 1st too around back other another else "
        "prefer forget leave sleep"
    )
)
"""Do so unless they were read back."""
_STALLS: Final = _split(
    "a second", "one second", "a minute", "one minute", "a sec", "one sec", "in a bit",
    "bear with me", "as soon as", "as long as", "so long as", "in case", "i'll see", "we'll see",
    "i will see", "we will see", "we shall see", "speak to", "speak with", "talk to", "talk with",
)  # fmt: skip
"""Do so unless they were read back with the word that follows."""
_SETTLED: Final = _split(
    "see you later", "i'll see you", "we'll see you", "i will see you", "until then", "till then",
    "speak to you later", "speak to you soon", "speak to you then", "talk to you later",
    "talk to you soon", "talk to you then",
    "at once", "as before", "all i need", "what i need", "all we need", "what we need",
    "i think so", "i think that's right", "i think that's fine", "let's do", "let's go",
    "let's book", "thanks for asking", "thank you for asking", "everything else is",
    "all the other details are", "the other details are", "without a doubt", "without doubt",
    "leave it at that", "leave it like that", "leave it as it is", "leave it to you",
    "i provided", "i've provided",
)  # fmt: skip
"""Hold a word that puts off and put off nothing."""
_SETTLED_LAST: Final = _split(
    "what i asked for", "what we asked for", "as i asked", "as we asked", "need it", "need that",
    "let me have it", "let me have that", "like that too", "love that too", "want that too",
    "suits me too", "works for me too", "fine too", "good too", "great too",
)  # fmt: skip
"""Do so when nothing follows that could name a condition: `I need it`, not `I need it cheaper`."""
_TRAILING: Final = frozenset(listed("please badly really urgently desperately thanks thank you"))
_FIRSTS: Final = frozenset([("the", "1st"), ("1st", "of"), *((month, "1st") for month in MONTHS)])
"""How the first of a month is said, which may have been read back otherwise."""
_CALLS_OFF: Final = frozenset(
    listed("actually instead wait change rather stop cancel don't dont not wrong different hold")
)
_DEEDS: Final = frozenset(listed("cancel change stop hold or instead different"))
_AGAIN: Final = frozenset(listed("again repeat pardon"))
_ASKS: Final = frozenset(listed("what when which how who where why"))
_OPENINGS: Final = _ASKS | frozenset(listed("can could is are does will"))
"""Begin a question."""
_PEOPLE: Final = frozenset(listed("i you we they"))
_SUBJECTS: Final = _PEOPLE | frozenset(listed("he she it there that this my the your"))
_AUXILIARIES: Final = frozenset(
    listed("can could is are does will would should shall did has was were must")
)
_DOUBLE: Final = frozenset(listed("do have may am"))
"""Begin a question only before a person: `do you`, not `do it`."""
_POINTS: Final = frozenset(listed("that this it which who what"))
"""Have their verb behind them: `that is it`."""
_ASKED_OF: Final = (_AUXILIARIES | _DOUBLE | frozenset(listed("about much many long far"))) | {""}
"""After a word that asks they make a question of it: `what does`, not `what I want`."""
_PAUSES: Final = frozenset(listed("yes yeah yep yup ok okay sure fine please and"))
"""Behind them a new sentence begins."""
_DAYS: Final = frozenset({*WEEKDAYS, *MONTHS, "tomorrow", "today"} - {"may", "march"})
_FILLERS: Final = frozenset(listed("um uh er erm oh ah well so and hm hmm then thanks thank you"))


def reply(texts: Sequence[str], read_back: str = "") -> Reply:
    """What the caller's words after `read_back` amount to.

    A yes that comes with a condition, a wish for time, a question, or a number or day that was
    not in the read-back is no yes.
    """
    said = tuple(word for text in texts for word in tokens(text))
    if not said:
        return Reply.UNKNOWN
    plain = _without(said, _HARMLESS)
    strong = any(holds(plain, phrase) for phrase in _STRONG)
    offered = tokens(read_back)
    # Who is asked `Shall I cancel it?` may well say `Yes, cancel it`.
    told = set(plain) - (_DEEDS & set(offered))
    if _DENIALS & told:
        return Reply.OTHER if strong and plain[0] not in _DENIALS else Reply.NO
    if (_TURNS | _AGAIN) & told or _adds(plain, offered):
        return Reply.OTHER
    if _first(plain) in _OPENINGS or _asks(plain) or _puts_off(plain, offered):
        return Reply.OTHER
    if strong or (not _ASKS & told and (_begins(said, _WEAK) or _is_bare(said, offered))):
        return Reply.YES
    return Reply.OTHER


def takes_back(texts: Sequence[str]) -> bool:
    """Whether words that came later call off what was agreed before. A plain no does not: it
    answers another question, such as whether there is anything else."""
    said = tuple(word for text in texts for word in tokens(text))
    return bool(_CALLS_OFF & set(_without(said, _HARMLESS)))


def _asks(said: Tokens) -> bool:
    """Whether a question begins somewhere in it: `yes, can I bring my dog`."""
    beside = zip(("", *said), said, (*said[1:], ""), strict=False)
    return any(
        _inverts(before, word, after)
        or (word in _ASKS and (after in _ASKED_OF or before in _PAUSES or before in _DAYS))
        for before, word, after in beside
    )


def _inverts(before: str, word: str, after: str) -> bool:
    """A verb before its subject."""
    if before in _POINTS:
        return False
    return (word in _AUXILIARIES and after in _SUBJECTS) or (word in _DOUBLE and after in _PEOPLE)


def _puts_off(said: Tokens, read_back: Tokens) -> bool:
    """Whether it names a condition or wants time."""
    rest = _without_last(_without(said, _SETTLED))
    return bool(_PUTS_OFF & set(rest)) or _stalls(rest, read_back) or _amends(rest, read_back)


def _without_last(said: Tokens) -> Tokens:
    end = next((at for at in range(len(said), 0, -1) if said[at - 1] not in _TRAILING), 0)
    settled = next((p for p in _SETTLED_LAST if said[max(0, end - len(p)) : end] == p), ())
    return said[: end - len(settled)]


def _stalls(said: Tokens, read_back: Tokens) -> bool:
    return any(
        said[at : at + len(phrase)] == phrase and not _known(said[at:], phrase, read_back)
        for at in range(len(said))
        for phrase in _STALLS
    )


def _known(said: Tokens, phrase: Tokens, read_back: Tokens) -> bool:
    """Whether the phrase it begins with was read back, with the word that follows."""
    longer = said[: len(phrase) + 1]
    return len(longer) > len(phrase) and holds(read_back, longer)


def _amends(said: Tokens, read_back: Tokens) -> bool:
    """A word that puts off and, with a neighbour of its own, was not read back."""
    # `I call you back` is answered with `Yes, call me back`.
    telling = _AMENDS - ({"back"} & set(read_back))
    known = set(pairwise(read_back))
    if {"1", "1st"} & set(read_back):
        known.update(_FIRSTS)
    beside = zip(("", *said), said, (*said[1:], ""), strict=False)
    return any(
        word in telling and not {(before, word), (word, after)} & known
        for before, word, after in beside
    )


def _first(said: Tokens) -> str:
    """The first word that means anything."""
    return next((word for word in said if word not in _FILLERS), "")


def _begins(said: Tokens, phrases: Sequence[Tokens]) -> bool:
    start = next((at for at, word in enumerate(said) if word not in _FILLERS), len(said))
    # `Uh huh` begins with what is otherwise a filler.
    return any(
        said[at : at + len(phrase)] == phrase for at in range(start + 1) for phrase in phrases
    )


def _is_bare(said: Tokens, read_back: Tokens) -> bool:
    rest = set(_without(said, _AGREED))
    return _begins(said, _BARE) and rest <= {*_FILLERS, *read_back, "me", "it", "that"}


def _adds(said: Tokens, read_back: Tokens) -> bool:
    """A number or a day that was not read back."""
    telling = [word for word in said if word in _DAYS or word[0].isdecimal()]
    if not telling:
        return False
    known = {"1", "100"}  # `that one`, `a hundred per cent`
    known.update(part for word in read_back for part in (word, *_parts(word)))
    return any(word not in known and not _parts(word) <= known for word in telling)


def _parts(word: str) -> set[str]:
    """The numbers in a time or an ordinal, as they may be said one by one."""
    if (rank := rank_of(word)) is not None:
        return {str(rank)}
    hour, _, minute = word.partition(":")
    return {str(int(hour) % 12 or 12), str(int(minute))} if minute else {word}


def _without(said: Tokens, phrases: Sequence[Sequence[str]]) -> Tokens:
    """What is left once these phrases are taken out."""
    left: list[str] = []
    at = 0
    while at < len(said):
        found = next((p for p in phrases if said[at : at + len(p)] == tuple(p)), ())
        if not found:
            left.append(said[at])
        at += len(found) or 1
    return tuple(left)
