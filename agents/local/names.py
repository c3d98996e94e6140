"""Names of people: cleaned of the words around them, and put together from spelled letters."""

from typing import Final

import regex

from agents.local.text import words

_LEADS: Final = (
    "the name is",
    "my name is",
    "my name's",
    "my full name is",
    "the name's",
    "name is",
    "it is",
    "it's",
    "its",
    "it would be",
    "that's",
    "that is",
    "this is",
    "i am",
    "i'm",
    "call me",
    "put it under",
    "put me down as",
    "make it",
    "i said",
    "under",
    "for",
)
_NOISE: Final = words(
    "um uh er hm okay ok yes yeah yep sure hi hello well so no nope sorry actually oh just like"
)
_TAILS: Final = ("please", "thanks", "thank you", "speaking", "here", "is my name", "by the way")
_NOT_NAMES: Final = frozenset(
    words(
        "a an the what when where who why how which do does did don't doesn't have has can could "
        "would will won't want need is are was i you he she we they me my your our it this that "
        "these those and or but not to of on in at with about because if please thanks thank "
        "appointment booking book cancel time times day date today tomorrow help repeat again "
        "later nothing maybe number phone name goodbye bye rather know say tell said person "
        "human somebody someone monday tuesday wednesday thursday friday saturday sunday "
        "o'clock pm am noon"
    )
)
_GIVEN: Final = frozenset(("will", "an", "can"))
_FAMILY: Final = frozenset(("day", "noon", "person"))
"""Words that are names, too, where they stand first or last and are written as names are."""
_MOST_NAMES: Final = 4
_NAME_WORD: Final = regex.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*")
_TOKEN: Final = regex.compile(r"[^\W_]+(?:['\-][^\W_]+)*")


def introduced(text: str) -> str | None:
    """The name in a sentence that presents one (`my name is`, `this is`), else None."""
    found = _INTRODUCED.search(" ".join(text.replace("\u2019", "'").split()))
    if found is None:
        return None
    words: list[str] = []
    for word in _TOKEN.findall(found["rest"].split(",")[0].split(".")[0]):
        if not _goes_on(word, words):
            break
        words.append(word)
    return name(" ".join(words[:_MOST_NAMES]))


def _goes_on(word: str, before: list[str]) -> bool:
    """Whether a name that begins with the words before it may have this word, too."""
    plain = word.lower()
    if plain not in _NOT_NAMES and plain not in _NOISE:
        return True
    return word[0].isupper() and plain in (_FAMILY if before else _GIVEN)


_INTRODUCED: Final = regex.compile(
    r"\b(?:(?:my|the) (?:full )?name(?: is|'s| should be)|under the name(?: of)?|name of"
    r"|(?:change|correct|set|update|make) (?:my|the) (?:full )?name to)"
    r" (?P<rest>.+)",
    regex.IGNORECASE,
)


def name(text: str) -> str | None:
    """A name as it is to be written, or None when this does not look like one.

    Letters spelled after a name mend the word they spell (`john smith, s m y t h`).
    """
    tokens = _TOKEN.findall(text.replace("\u2019", "'"))
    said, spelled = _split_spelling(_without_frame([token.lower() for token in tokens]))
    whole = _mended(said, spelled)
    written = {token.lower() for token in tokens if token[0].isupper()} | {spelled}
    if not 1 <= len(whole) <= _MOST_NAMES or not _may_be_name(whole, written):
        return None
    return " ".join(map(_capitalised, whole))


def spelled(text: str) -> str | None:
    """The word put together from the letters a sentence ends with, or None without any."""
    said = _without_frame(_TOKEN.findall(text.lower().replace("\u2019", "'")))
    letters = _split_spelling(said)[1]
    return _capitalised(letters) if letters else None


def _may_be_name(words: list[str], written: set[str]) -> bool:
    """`written`: those with a capital, which tell `Will Smith` from `an hour`."""
    if not all(map(_NAME_WORD.fullmatch, words)):
        return False
    doubtful = [at for at, word in enumerate(words) if word in _NOT_NAMES]
    if not doubtful or words == ["will"]:
        return True
    placed = (doubtful == [0] and words[0] in _GIVEN) or (
        doubtful == [len(words) - 1] and words[-1] in _FAMILY
    )
    return placed and len(words) > 1 and written.issuperset(words)


def _without_frame(words: list[str]) -> list[str]:
    while (shorter := _shortened(words)) is not words:
        words = shorter
    return words


def _shortened(words: list[str]) -> list[str]:
    if words and words[0] in _NOISE:
        return words[1:]
    for lead in map(str.split, _LEADS):
        if words[: len(lead)] == lead:
            return words[len(lead) :]
    for tail in map(str.split, _TAILS):
        if len(words) >= len(tail) and words[-len(tail) :] == tail:
            return words[: -len(tail)]
    return words


def _split_spelling(words: list[str]) -> tuple[list[str], str]:
    """The words up to the first run of two or more letters, and the letters of that run."""
    for at in range(len(words)):
        letters, end = _letters(words, at)
        if len(letters) >= 2 and end == len(words):
            return [word for word in words[:at] if word not in _SPELLING_WORDS], letters
    return words, ""


_SPELLING_WORDS: Final = frozenset(words("spelled spelt that's that is as it's"))
_LIKE: Final = (("as", "in"), ("for",), ("like",))


def _letters(words: list[str], at: int) -> tuple[str, int]:
    letters = ""
    while at < len(words):
        times = 2 if words[at] == "double" else 1
        letter = words[at + times - 1] if at + times - 1 < len(words) else ""
        pieces = letter.split("-")
        if not letter.isalpha() and not all(
            len(piece) == 1 and piece.isalpha() for piece in pieces
        ):
            break
        if len(letter) != 1 and len(pieces) == 1:
            break
        likeness = _likeness(words, at + times) if len(letter) == 1 else None
        letters += (likeness[0] if likeness else "".join(pieces)) * times
        at = likeness[1] if likeness else at + times
    return letters, at


def _likeness(words: list[str], at: int) -> tuple[str, int] | None:
    """The letter meant by `as in boy`, and the place after it; heard better than the letter."""
    for like in _LIKE:
        end = at + len(like)
        if tuple(words[at:end]) == like and end < len(words) and len(words[end]) > 1:
            return words[end][0], end + 1
    return None


def _mended(said: list[str], spelled: str) -> list[str]:
    if not spelled:
        return said
    for at in reversed(range(len(said))):
        if said[at][0] == spelled[0]:
            return [*said[:at], spelled, *said[at + 1 :]]
    return [*said, spelled]


def _capitalised(word: str) -> str:
    return str(_INITIAL.sub(lambda found: found[0].upper(), word))


_INITIAL: Final = regex.compile(r"(?:^|(?<=-)|(?<=^[od]'))[^\W\d_]")
