"""Can this regular expression be shown to take little time on every text?

Python's matcher tries every way a text can be read before it gives up. How many ways there are is
counted here from the pattern alone, by one letter of foresight: a repetition is sure of its end
when what may come after it cannot begin like the repetition itself. What cannot be counted, or has
too many, is refused, whether or not it would do harm.
"""

import re
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_

import msgspec

MAX_PATTERN_CHARS = 200
MAX_REPEAT = 1_000
MAX_NESTING = 10
MAX_STEPS = 1_000_000
"""How many steps a pattern may take on the longest text it is tried on."""

# A set of characters is a number with one bit for each character of ASCII, and one for the rest.
_REST = 128
_EVERY = (1 << (_REST + 1)) - 1


class HarmfulPattern(ValueError):  # noqa: N818 - named for what was found
    """The pattern may take too long, or is not of the plain kind; the message says why."""


class _Letters(msgspec.Struct, frozen=True):
    """One character out of a set."""

    some: int


class _Repeat(msgspec.Struct, frozen=True):
    body: "_Piece"
    least: int
    most: int | None


class _Row(msgspec.Struct, frozen=True):
    """One after the other."""

    pieces: "tuple[_Piece, ...]"


class _Choice(msgspec.Struct, frozen=True):
    branches: "tuple[_Row, ...]"


_Piece = _Letters | _Repeat | _Row | _Choice


def check_pattern(pattern: str, longest: int) -> None:
    """Raise HarmfulPattern unless `pattern`, tried on `longest` characters, is quick."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise HarmfulPattern(f"it is longer than {MAX_PATTERN_CHARS} characters")
    choice, anchored = _Reader(pattern).whole()
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise HarmfulPattern(f"it is no regular expression: {error}") from None
    ways = _ways(choice, 0, longest)
    # Not held to the beginning, it is tried from every character.
    if ways * longest * (1 if anchored else longest) > MAX_STEPS:
        raise HarmfulPattern("there are too many ways to read one text")


# ---- counting ------------------------------------------------------------------------------------


def _ways(piece: _Piece, after: int, longest: int) -> int:
    """In how many ways a text can be read; `after`: what may follow."""
    match piece:
        case _Letters():
            return 1
        case _Row(pieces):
            return _ways_of_row(pieces, after, longest)
        case _Choice(branches):
            counts = [_ways(branch, after, longest) for branch in branches]
            return max(counts) if _apart(branches, after) else sum(counts)
        case _Repeat():
            return _ways_of_repeat(piece, after, longest)


def _ways_of_row(pieces: tuple[_Piece, ...], after: int, longest: int) -> int:
    ways = 1
    for piece in reversed(pieces):
        ways = min(ways * _ways(piece, after, longest), MAX_STEPS + 1)
        after = _first(piece) | (after if _may_be_empty(piece) else 0)
    return ways


def _ways_of_repeat(repeat: _Repeat, after: int, longest: int) -> int:
    first, most = _first(repeat.body), longest if repeat.most is None else repeat.most
    if most > 1 and _may_be_empty(repeat.body):
        raise HarmfulPattern("it repeats what may be empty")
    inside = _ways(repeat.body, first | after if most > 1 else after, longest)
    if most > 1 and inside > 1:
        raise HarmfulPattern("what it repeats can be read in more than one way")
    uncertain = most - repeat.least if first & after else 0
    return inside * (min(uncertain, longest) + 1)


def _apart(branches: tuple[_Row, ...], after: int) -> bool:
    """No two of them can begin alike."""
    seen = 0
    for branch in branches:
        begins = _first(branch) | (after if _may_be_empty(branch) else 0)
        if begins & seen or (_may_be_empty(branch) and not after):
            return False
        seen |= begins
    return True


def _first(piece: _Piece) -> int:
    """What it may begin with."""
    match piece:
        case _Letters(some):
            return some
        case _Repeat(body):
            return _first(body)
        case _Choice(branches):
            return _union(_first(branch) for branch in branches)
        case _Row(pieces):
            found = 0
            for each in pieces:
                found |= _first(each)
                if not _may_be_empty(each):
                    break
            return found


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


def _may_be_empty(piece: _Piece) -> bool:
    match piece:
        case _Letters():
            return False
        case _Repeat(body, least):
            return least == 0 or _may_be_empty(body)
        case _Choice(branches):
            return any(map(_may_be_empty, branches))
        case _Row(pieces):
            return all(map(_may_be_empty, pieces))


# ---- reading -------------------------------------------------------------------------------------


def _set_of(fits: Callable[[str], bool]) -> int:
    return reduce(or_, (1 << code for code in range(_REST) if fits(chr(code))), 0)


_DIGIT = _set_of(str.isdigit) | 1 << _REST
_WORD = _set_of(lambda letter: letter.isalnum() or letter == "_") | 1 << _REST
_SPACE = _set_of(str.isspace) | 1 << _REST
_CLASSES = {
    "d": _DIGIT,
    "w": _WORD,
    "s": _SPACE,
    "D": _EVERY & ~_DIGIT | 1 << _REST,
    "W": _EVERY & ~_WORD | 1 << _REST,
    "S": _EVERY & ~_SPACE | 1 << _REST,
}
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_SIGNS = frozenset("*+?{}[]()|^$")
_TIMES = re.compile(r"\{(\d{0,4})(,?)(\d{0,4})\}", re.ASCII)


def _one(letter: str) -> int:
    return 1 << min(ord(letter), _REST)


class _Reader:
    """Reads plain patterns: letters, sets, groups, choices and repetitions."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def whole(self) -> tuple[_Choice, bool]:
        """The pattern, and whether it can match nowhere but at the beginning of the text."""
        branches, anchored = [], True
        while True:
            anchored = self._takes("^") and anchored
            branches.append(self._row(0))
            self._takes("$")
            if not self._takes("|"):
                break
        if self._at < len(self._text):
            raise HarmfulPattern(f"{self._next()!r} at character {self._at + 1} is not understood")
        return _Choice(tuple(branches)), anchored

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _takes(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _letter(self) -> str:
        letter = self._next()
        if not letter:
            raise HarmfulPattern("it breaks off")
        self._at += 1
        return letter

    def _row(self, depth: int) -> _Row:
        pieces: list[_Piece] = []
        while self._next() and self._next() not in "|)$":
            pieces.append(self._repeated(self._piece(depth)))
        return _Row(tuple(pieces))

    def _piece(self, depth: int) -> _Piece:
        if self._takes("("):
            return self._group(depth + 1)
        if self._takes("["):
            return _Letters(self._set())
        if self._takes("."):
            return _Letters(_EVERY)
        if self._takes("\\"):
            return _Letters(self._escape())
        if self._next() in _SIGNS:
            raise HarmfulPattern(f"{self._next()!r} at character {self._at + 1} is not understood")
        return _Letters(_one(self._letter()))

    def _group(self, depth: int) -> _Choice:
        if depth > MAX_NESTING:
            raise HarmfulPattern(f"groups are nested more than {MAX_NESTING} deep")
        if self._takes("?") and not self._takes(":"):
            raise HarmfulPattern("only plain groups are allowed: ( ) and (?: )")
        branches = [self._row(depth)]
        while self._takes("|"):
            branches.append(self._row(depth))
        if not self._takes(")"):
            raise HarmfulPattern("a group is not closed, or ^ or $ stands within one")
        return _Choice(tuple(branches))

    def _escape(self) -> int:
        letter = self._letter()
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter.isalnum() and letter not in _ESCAPED:
            raise HarmfulPattern(f"\\{letter} is not understood")
        return _one(_ESCAPED.get(letter, letter))

    def _set(self) -> int:
        negated, found = self._takes("^"), 0
        first = True
        while first or not self._takes("]"):
            first = False
            found |= self._range()
        return _EVERY & ~found | 1 << _REST if negated else found

    def _range(self) -> int:
        letter = self._letter()
        if letter == "\\":
            start = self._escape()
            if start.bit_count() > 1:
                return start
        elif letter == "[":
            raise HarmfulPattern("[ within a set must be written \\[")
        else:
            start = _one(letter)
        following = self._text[self._at : self._at + 2]
        if following[:1] != "-" or following in ("-", "-]"):
            return start
        self._at += 1
        end = self._letter()
        stop = self._escape() if end == "\\" else _one(end)
        return ((stop << 1) - 1) & ~(start - 1) & _EVERY

    def _repeated(self, piece: _Piece) -> _Piece:
        bounds = self._bounds()
        if bounds is None:
            return piece
        # A lazy repetition tries the same ways in another order.
        self._takes("?")
        if self._next() and self._next() in "*+?{":
            raise HarmfulPattern("a repetition is repeated")
        least, most = bounds
        if max(least, most or 0) > MAX_REPEAT:
            raise HarmfulPattern(f"it repeats more than {MAX_REPEAT} times")
        return _Repeat(piece, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._takes(sign):
                return bounds
        found = _TIMES.match(self._text, self._at)
        if found is None or found[0] in ("{}", "{,}"):
            return None
        self._at = found.end()
        least = int(found[1] or 0)
        if not found[2]:
            return least, least
        return least, int(found[3]) if found[3] else None
