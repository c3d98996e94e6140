"""Two texts side by side: which lines belong together, and which of them differ?"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

import msgspec

from tools.versions.files import MAX_DIFF_LINES, lines

CONTEXT = 3
Pieces = tuple[tuple[str, bool], ...]
"""A line in pieces; True: blanks at its edges, tabs, or several blanks: easily overlooked."""
_BLANKS = re.compile(r"^[ \t\r]+|[ \t\r]+$|\t+| {2,}")


class Row(msgspec.Struct, frozen=True):
    """One line of the picture."""

    kind: str
    """`same`, `changed`, `added`, `removed`, or `gap`: lines that are the same were left out."""
    left_number: int | None = None
    left: Pieces = ()
    right_number: int | None = None
    right: Pieces = ()


def beside(before: str | None, after: str | None) -> tuple[Row, ...]:
    """All lines that differ, with CONTEXT around them. A text that is not there has no lines.

    Texts of more than MAX_DIFF_LINES are shown as replaced whole: comparing long ones takes long.
    """
    left, right = lines(before), lines(after)
    if max(len(left), len(right)) > MAX_DIFF_LINES:
        return tuple(_block((0, len(left)), (0, len(right)), left, right))
    groups = SequenceMatcher(None, left, right, autojunk=False).get_grouped_opcodes(CONTEXT)
    found: list[Row] = []
    for group in groups:
        if group[0][1] or group[0][3]:
            found.append(Row("gap"))
        for tag, a, b, c, d in group:
            found += _same(a, b, c, left) if tag == "equal" else _block((a, b), (c, d), left, right)
    return tuple(found)


def _same(begin: int, end: int, other: int, left: Sequence[str]) -> Iterator[Row]:
    for step in range(end - begin):
        line = pieces(left[begin + step])
        yield Row("same", begin + step + 1, line, other + step + 1, line)


def _block(
    ours: tuple[int, int], theirs: tuple[int, int], left: Sequence[str], right: Sequence[str]
) -> Iterator[Row]:
    for one, other in zip_longest(range(*ours), range(*theirs)):
        kind = "changed" if None not in (one, other) else "added" if one is None else "removed"
        yield Row(
            kind,
            None if one is None else one + 1,
            () if one is None else pieces(left[one]),
            None if other is None else other + 1,
            () if other is None else pieces(right[other]),
        )


def pieces(line: str) -> Pieces:
    """The line without its line feed; put together the pieces are it again."""
    text, at = line.removesuffix("\n"), 0
    found: list[tuple[str, bool]] = []
    for blank in _BLANKS.finditer(text):
        if blank.start() > at:
            found.append((text[at : blank.start()], False))
        found.append((blank[0], True))
        at = blank.end()
    if at < len(text):
        found.append((text[at:], False))
    return tuple(found)
