"""Calls of the log as somebody finds them who may not hear them: see
telephony.transcripts.discretion.
"""

from collections.abc import Iterator, Sequence

from msgspec import structs

from telephony.transcripts.discretion import found as hidden
from telephony.transcripts.discretion import last_two
from telephony.transcripts.index.page import Found, Page
from telephony.transcripts.index.row import CallRow
from telephony.transcripts.index.words import Piece


def discreet_page(page: Page) -> Page:
    return structs.replace(page, calls=tuple(map(discreet_found, page.calls)))


def discreet_found(found: Found) -> Found:
    highlights = tuple((speaker, _pieces(pieces)) for speaker, pieces in found.highlights)
    return structs.replace(found, row=discreet_row(found.row), highlights=highlights)


def discreet_row(row: CallRow) -> CallRow:
    return structs.replace(row, caller=last_two(row.caller) or "")


def _pieces(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """What is hidden may begin in one piece and end in another: it is a piece of its own."""
    text = "".join(piece.text for piece in pieces)
    told: list[Piece] = []
    at = 0
    for first, last, label in hidden(text):
        told += [*_cut(pieces, at, first), Piece(label)]
        at = last
    return (*told, *_cut(pieces, at, len(text)))


def _cut(pieces: Sequence[Piece], first: int, last: int) -> Iterator[Piece]:
    """What of them lies between these places of the whole text."""
    at = 0
    for piece in pieces:
        text = piece.text[max(0, first - at) : max(0, last - at)]
        if text:
            yield Piece(text, piece.hit)
        at += len(piece.text)
