"""A page of the log of calls, as it was found."""

import msgspec

from telephony.transcripts.index.asked import Cursor
from telephony.transcripts.index.row import CallRow
from telephony.transcripts.index.words import Piece


class Found(msgspec.Struct, frozen=True):
    """One call of a page."""

    row: CallRow
    labels: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    notes: int = 0
    highlights: tuple[tuple[str, tuple[Piece, ...]], ...] = ()
    """Where the words were said: by `caller` or `agent`, and the text around."""


class Page(msgspec.Struct, frozen=True):
    calls: tuple[Found, ...]
    after: Cursor | None
    """What to give as `after` for the next page; None at the end."""
    before: Cursor | None
    """What to give as `before` for the page before; None at the beginning."""
    complete: bool = True
    """False: there may be more between these and the next page; the search was cut short."""
