"""Which words does a text hold, which were asked for, and where do they stand?

Text and question go through the same two steps, so that both databases find the same: case and
accents are taken off (`folded`), then runs of letters and digits are words (`words_of`). Scripts
that write no blanks (Chinese, Japanese) are taken letter by letter. What is asked is never passed
on as it is: a query is built of words alone, so no character of it can be an operator.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import regex

MOST_TEXT = 200_000
"""Characters of one speaker that can be found: an hour and a half of talk without a pause."""
MOST_ASKED = 300
"""Characters of a question that are read."""
MOST_TERMS = 12
MOST_WORD = 100
"""Characters of a word that count."""
SPEAKERS = ("caller", "agent")
AROUND = 50
"""Characters shown before the first place found."""
SHOWN = 180
"""Characters shown in all."""

_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}"
_LETTER = r"\p{L}\p{N}\p{M}"
_SPACED = rf"[[{_LETTER}]--[{_CJK}]]"
_WORD = regex.compile(rf"[{_CJK}]|{_SPACED}+", regex.V1)
_IDEOGRAPH = regex.compile(rf"[{_CJK}]")
_ASKED = regex.compile(r'(-?)(?:(caller|agent):)?(?:"([^"]*)"?|(\S+))', regex.I)
_QUOTES = str.maketrans("“”„«»", '"' * 5)
_MOST_FOLDED = 20_000
_LAST_PLACE = 16_383
"""PostgreSQL counts no further in a text:
https://www.postgresql.org/docs/current/textsearch-limitations.html"""
_MOST_PLACES = 256
_WEIGHTS = {"": "", "caller": "A", "agent": "B"}


class Term(msgspec.Struct, frozen=True):
    """Words that stand one after the other."""

    words: tuple[str, ...]
    prefix: bool = False
    """The last of them is only the beginning of a word."""
    speaker: str = ""
    """`caller`, `agent`, or empty for either."""


class Sought(msgspec.Struct, frozen=True):
    """Calls with all of `wanted` and none of `unwanted`."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...] = ()


class Piece(msgspec.Struct, frozen=True):
    """Part of a text, and whether it is what was sought."""

    text: str
    hit: bool = False


# ---- words --------------------------------------------------------------------------------------


class _Folding(dict[int, int]):
    """One character for one, so that places in the folded text are places in the text."""

    def __missing__(self, code: int) -> int:
        apart = unicodedata.normalize("NFD", chr(code))
        # Of a letter with accents the letter; what is made of several letters stays whole.
        alone = all(unicodedata.combining(mark) for mark in apart[1:])
        found = ord((apart if alone else chr(code)).lower()[0])
        if len(self) < _MOST_FOLDED:
            self[code] = found
        return found


_FOLDING = _Folding()


def kept(text: str) -> str:
    """As it is stored: composed, no more than can be found, nothing a database refuses."""
    whole = text[:MOST_TEXT].replace("\0", " ").encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFC", whole)[:MOST_TEXT]


def folded(text: str) -> str:
    """Without case and accents; as long as the text."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


def words_of(text: str) -> list[str]:
    """Its words in order, folded."""
    return [word[:MOST_WORD] for word in _WORD.findall(folded(text))]


# ---- questions ----------------------------------------------------------------------------------


def sought(asked: str) -> Sought | None:
    """What somebody typed: words, "words in a row", beginn*, -without, caller:word, agent:word.

    None where no word is wanted: what is only unwanted says nothing of where to look.
    """
    wanted: list[Term] = []
    unwanted: list[Term] = []
    text = unicodedata.normalize("NFC", asked[:MOST_ASKED].translate(_QUOTES))
    for found in _ASKED.finditer(text):
        term = _term(found)
        if term is not None and len(wanted) + len(unwanted) < MOST_TERMS:
            (unwanted if found[1] else wanted).append(term)
    return Sought(tuple(wanted), tuple(unwanted)) if wanted else None


def _term(found: "regex.Match[str]") -> Term | None:
    quoted, bare = found[3], found[4] or ""
    words = tuple(words_of(bare if quoted is None else quoted))
    prefix = bare.endswith("*")
    return Term(words, prefix, (found[2] or "").lower()) if words else None


# ---- for the databases --------------------------------------------------------------------------


def fts5_text(text: str) -> str:
    """The words of one speaker, as FTS5 is to keep them."""
    return " ".join(words_of(text))


def fts5_query(asked: Sought) -> str:
    """https://www.sqlite.org/fts5.html#full_text_query_syntax"""
    query = " AND ".join(map(_fts5, asked.wanted))
    without = " OR ".join(map(_fts5, asked.unwanted))
    return f"({query}) NOT ({without})" if without else query


def _fts5(term: Term) -> str:
    column = f"{term.speaker} : " if term.speaker else ""
    return f'({column}"{" ".join(term.words)}"{" *" if term.prefix else ""})'


def tsvector(caller: str, agent: str) -> str:
    """Both speakers as PostgreSQL's text search keeps them: the caller's words weigh A, the
    agent's B. https://www.postgresql.org/docs/current/datatype-textsearch.html"""
    said, heard = words_of(caller), words_of(agent)
    places: dict[str, list[str]] = {}
    # Between the two a place is left out: nothing stands in a row across them.
    for first, weight, words in ((1, "A", said), (len(said) + 2, "B", heard)):
        for place, word in enumerate(words, start=first):
            of_word = places.setdefault(word, [])
            if len(of_word) < _MOST_PLACES:
                of_word.append(f"{min(place, _LAST_PLACE)}{weight}")
    return " ".join(f"'{word}':{','.join(of_word)}" for word, of_word in places.items())


def tsquery(asked: Sought) -> str:
    """As `fts5_query`, for PostgreSQL."""
    query = " & ".join(map(_tsquery, asked.wanted))
    return query + "".join(f" & !{_tsquery(term)}" for term in asked.unwanted)


def _tsquery(term: Term) -> str:
    weight = _WEIGHTS[term.speaker]
    last = len(term.words) - 1
    marks = ("*" * (term.prefix and place == last) + weight for place in range(last + 1))
    marked = zip(term.words, marks, strict=True)
    parts = (f"'{word}'" + (f":{mark}" if mark else "") for word, mark in marked)
    return f"({' <-> '.join(parts)})"


# ---- where it stands ----------------------------------------------------------------------------


def highlights(texts: Sequence[tuple[str, str]], asked: Sought) -> list[tuple[str, list[Piece]]]:
    """For each (speaker, text) in which something sought stands: a piece of the text around it."""
    found = []
    for speaker, text in texts:
        pattern = _pattern(term for term in asked.wanted if term.speaker in ("", speaker))
        pieces = _around(text, pattern) if pattern is not None else []
        if pieces:
            found.append((speaker, pieces))
    return found


def _around(text: str, pattern: "regex.Pattern[str]") -> list[Piece]:
    plain = folded(text)
    first = pattern.search(plain)
    if first is None:
        return []
    start = _word_begin(text, first.start() - AROUND)
    end = min(len(text), max(start + SHOWN, first.end()))
    pieces = [Piece("… ")] if start else []
    at = start
    for hit in pattern.finditer(plain, start, end):
        if hit.start() > at:
            pieces.append(Piece(text[at : hit.start()]))
        pieces.append(Piece(text[hit.start() : hit.end()], hit=True))
        at = hit.end()
    if at < end:
        pieces.append(Piece(text[at:end]))
    return [*pieces, Piece(" …")] if end < len(text) else pieces


def _word_begin(text: str, at: int) -> int:
    """The next beginning of a word, a few characters on at most."""
    if at <= 0:
        return 0
    blank = text.find(" ", at, at + AROUND // 2)
    return at if blank < 0 else blank + 1


def _pattern(terms: Iterable[Term]) -> "regex.Pattern[str] | None":
    patterns = [_term_pattern(term) for term in terms]
    return regex.compile("|".join(patterns), regex.V1) if patterns else None


def _term_pattern(term: Term) -> str:
    first, last = _alone(term.words[0]), _alone(term.words[-1])
    before = "" if first else rf"(?<!{_SPACED})"
    after = "" if last or term.prefix else rf"(?!{_SPACED})"
    return before + "".join(_joined(term.words)) + after


def _joined(words: tuple[str, ...]) -> Iterator[str]:
    for place, word in enumerate(words):
        if place:
            close = _alone(word) or _alone(words[place - 1])
            yield rf"[^{_LETTER}]{'*' if close else '+'}"
        yield regex.escape(word)


def _alone(word: str) -> bool:
    return _IDEOGRAPH.fullmatch(word) is not None
