"""What the agent says and is told, with places for what is known only when a call comes in.

`{business}` stands for a value, `{house_rules}` for a snippet, `{{` and `}}` for a brace. Values
are data: whatever stands in them is said as it is. Snippets hold no snippets, so none can hold
itself.
"""

import re
from collections.abc import Collection, Iterator, Mapping

import msgspec

from tools.validation import choose

_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]{0,63})\}|[{}]")

BUSINESS = "business"
HOURS = "opening_hours"
TODAY = "today"
CALLER = "caller_name"
VARIABLES = (BUSINESS, HOURS, TODAY, CALLER)


class Place(msgspec.Struct, frozen=True):
    """Where a variable goes."""

    name: str


Words = tuple[str | Place, ...]
"""A text in pieces."""


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with a text."""

    what: str
    hint: str


def compiled(text: str, snippets: Mapping[str, str], variables: Collection[str]) -> Words:
    """The text with its snippets in it; to be asked for only what `mistakes` finds good."""
    pieces: list[str | Place] = []
    for piece in _pieces(text):
        if isinstance(piece, Place) and piece.name not in variables and piece.name in snippets:
            pieces.extend(_pieces(snippets[piece.name]))
        else:
            pieces.append(piece)
    return tuple(pieces)


def mistakes(
    text: str, snippets: Mapping[str, str], variables: Collection[str]
) -> Iterator[Mistake]:
    """Everything wrong with a text that may use these variables and snippets."""
    yield from braces(text)
    known = [*variables, *snippets]
    for name in _names(text):
        if name in variables:
            continue
        if name not in snippets:
            yield _unknown(name, known)
            continue
        for inner in _names(snippets[name]):
            if inner not in variables:
                hint = f"Take {{{inner}}} out of the snippet, or the snippet out of here"
                yield Mistake(f"{{{name}}} uses {{{inner}}}, which does not go here", hint)


def braces(text: str) -> Iterator[Mistake]:
    """Braces that are neither a place nor doubled."""
    for found in _PLACE.finditer(text):
        if found[0] in "{}":
            line = text.count("\n", 0, found.start()) + 1
            what = f"has a single {found[0]} in its line {line}"
            yield Mistake(what, "Write {{ or }} for a brace, {name} for a value")


def snippet_mistakes(text: str, snippets: Mapping[str, str]) -> Iterator[Mistake]:
    """What is wrong with a snippet wherever it is used."""
    yield from braces(text)
    for name in _names(text):
        if name in snippets:
            yield Mistake(f"uses the snippet {{{name}}}", "Write its text out: snippets hold none")
        elif name not in VARIABLES:
            yield _unknown(name, VARIABLES)


def filled(words: Words, values: Mapping[str, str]) -> str:
    """The text for one call. Values are never looked into."""
    return "".join(piece if isinstance(piece, str) else values[piece.name] for piece in words)


def _unknown(name: str, known: Collection[str]) -> Mistake:
    if name in VARIABLES:
        return Mistake(f"{{{name}}} cannot stand here", choose(name, sorted(known)))
    what = f"there is no variable or snippet {{{name}}}"
    return Mistake(what, choose(name, sorted(known)))


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(piece.name for piece in _pieces(text) if isinstance(piece, Place)))


def _pieces(text: str) -> Iterator[str | Place]:
    at = 0
    for found in _PLACE.finditer(text):
        if text[at : found.start()]:
            yield text[at : found.start()]
        yield Place(found[1]) if found[1] else found[0][0]
        at = found.end()
    if text[at:]:
        yield text[at:]
