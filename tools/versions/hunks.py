"""Where do two changes of one text agree, where do they not? A merge in three texts, by lines.

The lines all three have in common are the pegs; between two pegs stand the lines of each side. A
part that only one side has changed is theirs or yours; one that both have changed, differently, is
a conflict and is for a person to decide. Nothing is left out: the parts' own texts, put together,
are each of the three texts again.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from enum import Enum

import msgspec

from tools.versions.files import MAX_DIFF_LINES, lines


class Side(Enum):
    """Who has changed a part."""

    NOBODY = "nobody"
    THEIRS = "theirs"
    YOURS = "yours"
    SAME = "same"
    """Both, in the same way."""
    CONFLICT = "conflict"


class Hunk(msgspec.Struct, frozen=True):
    """One part of the texts."""

    side: Side
    base: str
    theirs: str
    yours: str

    @property
    def merged(self) -> str | None:
        """None: somebody has to decide."""
        match self.side:
            case Side.CONFLICT:
                return None
            case Side.THEIRS:
                return self.theirs
            case _:
                return self.yours


def hunks(base: str | None, theirs: str | None, yours: str | None) -> tuple[Hunk, ...]:
    """All parts, in order; a text that is not there has no lines. Pure.

    Texts of more than MAX_DIFF_LINES are one part: comparing long ones takes too long.
    """
    was, other, own = lines(base), lines(theirs), lines(yours)
    if max(len(was), len(other), len(own)) > MAX_DIFF_LINES:
        return (_hunk(was, other, own),)
    return tuple(_joined(_parts(was, other, own)))


def merged(parts: Sequence[Hunk]) -> str | None:
    """The merge, where nobody has to decide anything."""
    texts = [each.merged for each in parts]
    return None if None in texts else "".join(text for text in texts if text is not None)


def _parts(base: Sequence[str], theirs: Sequence[str], yours: Sequence[str]) -> Iterator[Hunk]:
    to_theirs, to_yours = _same(base, theirs), _same(base, yours)
    at = other = own = 0
    for line in range(len(base)):
        if line not in to_theirs or line not in to_yours:
            continue
        yield _hunk(base[at:line], theirs[other : to_theirs[line]], yours[own : to_yours[line]])
        yield _hunk(base[line : line + 1], base[line : line + 1], base[line : line + 1])
        at, other, own = line + 1, to_theirs[line] + 1, to_yours[line] + 1
    yield _hunk(base[at:], theirs[other:], yours[own:])


def _same(base: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """Lines of the base that stand in the other, with their places there."""
    matcher = SequenceMatcher(None, base, other, autojunk=False)
    return {
        block.a + step: block.b + step
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    }


def _hunk(base: Sequence[str], theirs: Sequence[str], yours: Sequence[str]) -> Hunk:
    return Hunk(_side(base, theirs, yours), "".join(base), "".join(theirs), "".join(yours))


def _side(base: Sequence[str], theirs: Sequence[str], yours: Sequence[str]) -> Side:
    if theirs == yours:
        return Side.NOBODY if yours == base else Side.SAME
    if theirs == base:
        return Side.YOURS
    return Side.THEIRS if yours == base else Side.CONFLICT


def _joined(parts: Iterator[Hunk]) -> Iterator[Hunk]:
    """Parts without lines left out, neighbours that nobody has changed put together."""
    last: Hunk | None = None
    for part in parts:
        if not (part.base or part.theirs or part.yours):
            continue
        if last is not None and last.side is part.side is Side.NOBODY:
            joined = last.base + part.base
            last = Hunk(Side.NOBODY, joined, joined, joined)
            continue
        if last is not None:
            yield last
        last = part
    if last is not None:
        yield last
