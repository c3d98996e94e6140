"""What is known by how it is written or spelled out: e-mail addresses and keys of interfaces."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tools.redacting.kinds import Sensitive, Span, words
from tools.redacting.tokens import NUMBER_WORDS, Token, What

_LOCAL_MOST = 64
_DOMAIN_MOST = 253
_LOCAL = re.compile(r"[\w.+%'-]")
_DOMAIN = re.compile(r"[\w.-]")
_KEY: Final = re.compile(
    r"\b(?:"
    r"(?:sk|pk|rk|whsec)[-_][A-Za-z0-9_-]{16,250}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{22,250}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,250}"
    r"|AIza[A-Za-z0-9_-]{35}"
    r"|glpat-[A-Za-z0-9_-]{20,100}"
    r"|eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}"
    r")|(?i:\bbearer\s)[A-Za-z0-9._~+/=-]{20,4000}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8000}"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_TOP = words(
    "com net org edu gov mil int info biz io co me app dev shop store online email ai tv us "
    "uk ca au nz ie de at ch fr be nl lu es pt it dk se no fi pl cz sk hu ro bg gr tr il in "
    "jp cn kr sg hk tw br mx ar cl za eu"
)
_DOTS = frozenset({"dot", "point", "punkt", "punto", "."})
_WITHIN = frozenset({"dot", "point", "punkt", "punto", "underscore", "dash", "hyphen", "minus"})
_SIGNS = frozenset(".-_+")
_AT = frozenset({"at", "arroba"})
_MOST_PARTS = 40
_NOBODY = words("it's its is it's address email mail e-mail to me at on the")


def keys(text: str) -> list[Span]:
    return [Span(found.start(), found.end(), Sensitive.SECRETS) for found in _KEY.finditer(text)]


def addresses(text: str, tokens: Sequence[Token]) -> list[Span]:
    return [*_written(text), *_spelled(tokens)]


def _written(text: str) -> Iterator[Span]:
    at = text.find("@")
    while at >= 0:
        start, end = at, at + 1
        while start > max(0, at - _LOCAL_MOST) and _LOCAL.match(text[start - 1]):
            start -= 1
        while end < min(len(text), at + _DOMAIN_MOST) and _DOMAIN.match(text[end]):
            end += 1
        while end > at and not text[end - 1].isalnum():
            end -= 1
        if start < at and "." in text[at + 1 : end]:
            yield Span(start, end, Sensitive.EMAIL)
        at = text.find("@", at + 1)


def _spelled(tokens: Sequence[Token]) -> Iterator[Span]:
    """Like "jo at example dot com"; "at" may also be the sign, apart from its neighbours."""
    for place, token in enumerate(tokens):
        if token.text not in _AT and token.text != "@":
            continue
        after = _domain(tokens, place + 1)
        first = _local(tokens, place - 1)
        if after and first < place:
            yield Span(tokens[first].start, tokens[after - 1].end, Sensitive.EMAIL)


def _domain(tokens: Sequence[Token], at: int) -> int:
    """The place after a domain that begins here; 0: none does."""
    end = 0
    dotted = False
    for place in range(at, min(len(tokens), at + _MOST_PARTS)):
        token = tokens[place]
        if token.text in _DOTS:
            if place == at:
                break
            dotted = True
        elif token.what is What.OPAQUE or not (token.sayable or token.text in _SIGNS):
            break
        elif dotted and token.text in _TOP:
            end = place + 1
        elif end and tokens[place - 1].text not in _DOTS:
            break  # the sentence goes on behind the address
    return end


def _local(tokens: Sequence[Token], at: int) -> int:
    """The place of the first token of what stands before "at"; `at + 1`: nothing does."""
    if at < 0 or not tokens[at].sayable or tokens[at].text in _NOBODY:
        return at + 1
    first = at
    while first > 0 and at - first < _MOST_PARTS:
        before, here = tokens[first - 1], tokens[first]
        if before.text in _WITHIN or before.text in _SIGNS:
            joined = first > 1 and tokens[first - 2].sayable
        elif here.text in _WITHIN or here.text in _SIGNS:
            joined = before.sayable
        else:
            joined = before.end == here.start or (_single(before) and _single(here))
            joined = joined and before.sayable
            if not joined and _single(here) and before.sayable and before.text not in _NOBODY:
                # "Sue ninety nine at": the figures are behind a name.
                return first - 1 if len(here.text) > 1 else first
        if not joined:
            break
        first -= 1
    return first


def _single(token: Token) -> bool:
    """Spelled letter by letter, or a figure."""
    if token.what is What.DIGITS or token.text in NUMBER_WORDS:
        return True
    return token.what is What.WORD and len(token.text) == 1
