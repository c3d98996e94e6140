"""What of a conversation may not be kept, also where it takes several turns to say?

Each line is read with what was asked before it, and its first number as the end of what the same
speaker began before. Until it is known whether a number goes on, its line is open: it may yet
have to be redacted.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import structs

from tools.redacting import numbers
from tools.redacting.context import asked_by
from tools.redacting.kinds import NOTHING, Kinds, Sensitive, Span, merged, replaced
from tools.redacting.redactor import find, may_tell, redact_json
from tools.redacting.tokens import Run, Symbol, runs_of, tokens_of

PATIENCE: Final = 2
"""So many lines of a speaker without a figure, and their number does not go on."""
MOST_FIGURES: Final = 40
MOST_OPEN: Final = 24
"""Lines that are open at a time."""
_MOST_KNOWN = 50
_ANSWERS = 2
"""So many lines of the other side answer a question."""
_LEAST_OPEN = 3
_LEAST_SAID = 6
"""So many figures in a row may be a number, wherever they are told."""
_LEAST_VEILED = 4
"""So many of a number that may go on are shown to nobody until it is known; and of one that was
asked for none."""
_LEAST_PART = 4
_LAST_FOUR = 4
"""The last four of a card's number may be kept, as they stand on receipts (PCI DSS 3.4.1)."""
_NEAR_EDGE = 5
"""Tokens between a number and the edge of its line at which it may go on."""
_OTHER_TOPIC = re.compile(
    r"\b(?:(?:what|which|the) (?:date|day|time)|when|appointment|(?:your|the) (?:full )?name|phone"
    r"|how many|address|post ?code|zip|e-?mail|order|booking|item|expir\w*)\b",
    re.I,
)
"""A question about these is not one for the rest of a number."""
_JOINABLE = frozenset({Sensitive.CARD, Sensitive.IBAN, Sensitive.SSN})
_BY_PARTS = frozenset({Sensitive.CARD, Sensitive.IBAN})
"""Found before they are whole, where they were asked for."""
_WHOLE = {Sensitive.CARD: 16, Sensitive.IBAN: 22}
"""Signs after which one that was misheard is taken to be whole."""


class Line(msgspec.Struct, frozen=True):
    """One line as far as it is known what may be kept of it."""

    key: str
    speaker: str
    text: str
    spans: tuple[Span, ...] = ()
    asked: Kinds = NOTHING
    open: bool = False

    @property
    def kept(self) -> str:
        return replaced(self.text, self.spans)


class _Piece(msgspec.Struct, frozen=True):
    """One figure and whose line it is of."""

    key: str
    symbol: Symbol


class _Speaker:
    """What one side has begun to say."""

    def __init__(self) -> None:
        self.begun: list[_Piece] = []
        self.hides: Sensitive | None = None
        """What was begun is a number of this kind, for it was asked for, though not all of it yet:
        what goes on with it is of it."""
        self.asked: Kinds = NOTHING
        self.silent = 0
        """Lines without a figure since."""
        self.expects: Kinds = NOTHING
        self.answers = 0

    def forget(self) -> None:
        self.begun = []
        self.hides = None
        self.asked = NOTHING
        self.silent = 0


class Conversation:
    """Both sides of one call. Methods return the lines of which something is new, the one that
    was told last."""

    def __init__(self, kinds: Kinds, region: str | None = None) -> None:
        self.kinds = kinds
        self._region = region
        self._speakers: dict[str, _Speaker] = {}
        self._open: dict[str, Line] = {}
        self._known: list[str] = []

    def take(self, key: str, speaker: str, text: str) -> list[Line]:
        """One more line; its key is its own."""
        side = self._speakers.setdefault(speaker, _Speaker())
        asked = side.expects & self.kinds
        tells = may_tell(text)
        spans = find(text, self.kinds, asked, self._region) if asked or tells else []
        line = Line(key, speaker, text, tuple(spans), asked)
        self._open[key] = line
        runs = runs_of(tokens_of(text)) if tells else []
        self._join(side, line, runs)
        self._question(speaker, text)
        self._part_of_known()
        return self._closed(line)

    def settle(self) -> list[Line]:
        """What was begun does not go on, for it was too long ago or the call is over: no line is
        open any more."""
        for side in self._speakers.values():
            self._give_up(side)
        return self._taken(tuple(self._open))

    def awaits(self, speaker: str) -> bool:
        """Whether something was asked of this side that may not be kept, or was begun by it."""
        side = self._speakers.get(speaker)
        return side is not None and bool(
            len(side.begun) >= _LEAST_SAID or side.expects & self.kinds
        )

    def spans(self, text: str) -> list[Span]:
        """What of a text beside the conversation may not be kept."""
        found = find(text, self.kinds, NOTHING, self._region)
        return merged([*found, *self._known_in(text)])

    def glimpsed(self, text: str) -> list[Span]:
        """The same of a text of which more may come: also every number that is long already."""
        if not may_tell(text):
            return []
        long = (run for run in runs_of(tokens_of(text)) if len(run.digits) >= _LEAST_VEILED)
        return merged([*self.spans(text), *(Span(run.start, run.end, None) for run in long)])

    def veiled(self, text: str) -> str:
        """A text of which more may come, as it may be shown already."""
        spans = self.glimpsed(text)
        return replaced(text, spans) if spans else text

    def scrub(self, text: str) -> str:
        """A text beside the conversation, as it may be kept."""
        spans = self.spans(text)
        return replaced(text, spans) if spans else text

    def scrub_json(self, text: str) -> str:
        return redact_json(text, self.kinds, self.scrub)

    def shown(self, line: Line) -> str:
        """As it may be shown already, though what was begun in it may go on."""
        return replaced(line.text, [*line.spans, *self.unsure(line.key)])

    def unsure(self, key: str) -> list[Span]:
        """What of an open line may be the beginning of a longer number."""
        found: list[Span] = []
        for side in self._speakers.values():
            least = 1 if side.asked & self.kinds else _LEAST_VEILED
            if len(side.begun) < least:
                continue
            own = [piece.symbol for piece in side.begun if piece.key == key]
            if own:
                found.append(Span(own[0].start, own[-1].end, None))
        return found

    # ---- numbers that go on --------------------------------------------------------------------

    def _join(self, side: _Speaker, line: Line, runs: list[Run]) -> None:
        first = runs[0] if runs else None
        goes_on = first is not None and first.first <= _NEAR_EDGE
        ends = side.begun and first is not None and goes_on and self._ends(side, line, first)
        told = [run for run in runs if len(run.digits) > 1]
        if not told:
            side.silent += 1
            if side.silent >= PATIENCE:
                self._give_up(side)
            return
        side.silent = 0
        if ends:
            side.forget()
            if len(runs) == 1:
                return
        side.asked |= line.asked | asked_by(line.text)
        self._begin(side, line, runs, goes_on=goes_on)

    def _ends(self, side: _Speaker, line: Line, first: Run) -> bool:
        """Hide what was begun, if the line's first number is the rest of it; whether it is."""
        own = [_Piece(line.key, each) for each in first.symbols]
        pieces = [*side.begun, *own]
        joined = Run(
            tuple(
                structs.replace(piece.symbol, start=place, end=place + 1)
                for place, piece in enumerate(pieces)
            ),
            0,
            len(pieces),
        )
        found = list(self._numbers(joined, side.asked | line.asked))
        for span in found:
            self._hide(pieces[span.start : span.end], span.kind)
        if side.hides is not None and not found:
            self._hide(own, side.hides)
            return len(pieces) >= _WHOLE[side.hides]
        return bool(found)

    def _numbers(self, joined: Run, asked: Kinds) -> Iterator[Span]:
        if Sensitive.CARD in self.kinds:
            yield from numbers.cards(joined)
        if Sensitive.IBAN in self.kinds:
            yield from numbers.accounts(joined)
        if Sensitive.SSN in self.kinds and Sensitive.SSN in asked:
            yield from numbers.socials(joined)

    def _begin(self, side: _Speaker, line: Line, runs: list[Run], *, goes_on: bool) -> None:
        """The line's last number may go on in the next."""
        spans = self._open[line.key].spans
        last = runs[-1]
        at_end = len(tokens_of(line.text)) - last.last <= _NEAR_EDGE + 1
        hidden = [span for span in spans if span.start < last.end and last.start < span.end]
        kind = next((span.kind for span in hidden if span.kind in _BY_PARTS), side.hides)
        whole = hidden and any(self._numbers(last, NOTHING))
        if not at_end or whole or (hidden and kind is None):
            self._give_up(side)
            return
        own = [_Piece(line.key, each) for each in last.symbols]
        before = side.begun if len(runs) == 1 and goes_on else []
        side.begun = [*before, *own][-MOST_FIGURES:]
        side.hides = kind

    def _give_up(self, side: _Speaker) -> None:
        """What was begun does not go on. Where a number was asked for, it was the beginning."""
        figures = [piece for piece in side.begun if piece.symbol.char.isdigit()]
        asked = side.asked & self.kinds & _JOINABLE
        if asked and len(figures) >= numbers.BEGUN and Sensitive.CARD in asked:
            self._hide(figures, Sensitive.CARD)
        side.forget()

    def _hide(self, pieces: list[_Piece], kind: Sensitive | None) -> None:
        figures = "".join(piece.symbol.char for piece in pieces if piece.symbol.char.isdigit())
        if figures not in self._known:
            self._known = [*self._known, figures][-_MOST_KNOWN:]
        for key in dict.fromkeys(piece.key for piece in pieces):
            own = [piece.symbol for piece in pieces if piece.key == key]
            self._add(key, [Span(own[0].start, own[-1].end, kind)])

    def _add(self, key: str, spans: list[Span]) -> None:
        if (line := self._open.get(key)) is not None:
            self._open[key] = structs.replace(line, spans=tuple(merged([*line.spans, *spans])))

    # ---- what was told before ------------------------------------------------------------------

    def _part_of_known(self) -> None:
        """Learn what was found in the lines that are open, and hide what is a part of it: one
        side repeats what the other says, group by group."""
        for line in self._open.values():
            for span in line.spans:
                self._learn(line.text[span.start : span.end], span.kind)
        if not self._known:
            return
        for line in tuple(self._open.values()):
            if found := self._known_in(line.text):
                self._add(line.key, found)

    def _learn(self, text: str, kind: Sensitive | None) -> None:
        if kind not in _JOINABLE:
            return
        figures = "".join(run.digits for run in runs_of(tokens_of(text)))
        if len(figures) > _LEAST_SAID and figures not in self._known:
            self._known = [*self._known, figures][-_MOST_KNOWN:]

    def _known_in(self, text: str) -> list[Span]:
        if not self._known:
            return []
        return [
            Span(run.start, run.end, Sensitive.CARD if Sensitive.CARD in self.kinds else None)
            for run in runs_of(tokens_of(text))
            if len(run.digits) >= _LEAST_PART and self._is_part(run.digits)
        ]

    def _is_part(self, digits: str) -> bool:
        short = len(digits) == _LAST_FOUR
        return any(
            digits in known and not (short and known.endswith(digits)) for known in self._known
        )

    # ---- who asks what -------------------------------------------------------------------------

    def _question(self, speaker: str, text: str) -> None:
        """What the other side is asked for, and whether it is about something else now."""
        side = self._speakers[speaker]
        if side.answers > 0:
            side.answers -= 1
            if side.answers == 0:
                side.expects = NOTHING
        asked = asked_by(text)
        for name in ("agent", "caller"):
            if name == speaker:
                continue
            other = self._speakers.setdefault(name, _Speaker())
            if asked:
                other.expects, other.answers = asked, _ANSWERS
                other.asked |= asked
            elif _OTHER_TOPIC.search(text):
                other.expects, other.answers = NOTHING, 0
                self._give_up(other)

    # ---- which lines are open ------------------------------------------------------------------

    def _closed(self, last: Line) -> list[Line]:
        begun = {
            piece.key
            for side in self._speakers.values()
            if len(side.begun) >= _LEAST_OPEN
            for piece in side.begun
        }
        if not begun:
            return self._taken(tuple(self._open))
        most = tuple(self._open)[:-MOST_OPEN]
        return [*self._taken(most), structs.replace(self._open[last.key], open=True)]

    def _taken(self, keys: tuple[str, ...]) -> list[Line]:
        return [self._open.pop(key) for key in keys]
