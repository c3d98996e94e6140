"""The recogniser's tokens as text, and which of them may come next under a pattern."""

from collections.abc import Iterator

import msgspec
import numpy as np
import regex
from numpy.typing import NDArray

from agents.local.expectation import unpunctuated

START, END = 1, 2
_FIRST_PIECE = 259
"""Below are the control tokens and single bytes, which spell nothing a pattern could want."""
_WRITABLE = regex.compile(r"[A-Za-z0-9 ,.!?;:'&/+-]+")
_SPACES = regex.compile(" +")
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"

Ids = NDArray[np.int64]
LogProbs = NDArray[np.float32]


class Node(msgspec.Struct):
    """One character of a trie over the plain forms of tokens."""

    ids: list[int]
    next: dict[str, "Node"]


def records(packed: bytes) -> Iterator[bytes]:
    """The entries of a Moonshine `tokenizer.bin`, in order of token id.

    Each is a length and so many bytes of UTF-8; a length of 128 or more takes two bytes: the
    second times 128 plus the first less 128.
    """
    at = 0
    while at < len(packed):
        length, at = packed[at], at + 1
        if length >= 128:
            length, at = packed[at] * 128 + length - 128, at + 1
        yield packed[at : at + length]
        at += length


class Vocabulary:
    """What every token stands for."""

    def __init__(self, packed: bytes) -> None:
        self._bytes = list(records(packed))
        self._texts = [_text(entry) for entry in self._bytes]
        self.writable = np.zeros(len(self._texts), np.bool_)
        self.mute = np.zeros(len(self._texts), np.bool_)
        """Tokens that add nothing a pattern sees: the start, spaces, punctuation."""
        self.mute[START] = True
        self.trie = Node([], {})
        for token, text in enumerate(self._texts):
            if token >= _FIRST_PIECE and _WRITABLE.fullmatch(text):
                letters = follow("", text, lead=True)
                self.writable[token] = True
                self.mute[token] = not letters.strip()
                _node(self.trie, letters).ids.append(token)

    def __len__(self) -> int:
        return len(self._texts)

    def text(self, token: int) -> str:
        """With the space a token may begin with; a lone byte of a longer character is lost."""
        return self._texts[token]

    def join(self, tokens: list[int]) -> str:
        spoken = b"".join(self._bytes[token] for token in tokens if token > END)
        return _text(spoken).strip()


def _text(entry: bytes) -> str:
    return entry.decode("utf-8", "ignore").replace(_SPACE, " ")


def _node(trie: Node, text: str) -> Node:
    for letter in text:
        trie = trie.next.setdefault(letter, Node([], {}))
    return trie


def follow(before: str, text: str, *, lead: bool = False) -> str:
    """`before` with `text` written after it, plain but for one space kept at the end.

    With `lead` a space at the beginning is kept as well: it is a piece from the middle.
    """
    joined: str = _SPACES.sub(" ", before + unpunctuated(text))
    return joined if lead else joined.lstrip()


class Grammar:
    """Which tokens may follow a text so that it can still become a full match of one pattern.

    Tight patterns (yes or no, a time) are walked through a trie of all tokens once per text and
    remembered. Loose ones (a name) allow nearly everything, so likely tokens are tried in turn.
    """

    _WALK = 1_500
    """Matches tried on the trie before a pattern counts as loose after this text."""
    _TRIES = 300

    def __init__(self, pattern: str, vocabulary: Vocabulary) -> None:
        self._pattern = regex.compile(pattern)
        self._vocabulary = vocabulary
        self._after: dict[str, Ids | None] = {}

    def complete(self, text: str) -> bool:
        """`text` as `follow` makes it."""
        return self._pattern.fullmatch(text.rstrip()) is not None

    def begun(self, text: str) -> bool:
        return self._pattern.fullmatch(text, partial=True) is not None

    def best(self, text: str, last: int, logprobs: LogProbs, count: int) -> list[int]:
        """The most likely `count` tokens that may follow `text`, best first.

        `last` is the token it ends in: one comma may stand before a word, not a row of them.
        """
        if self._vocabulary.mute[last]:
            logprobs = np.where(self._vocabulary.mute, -np.inf, logprobs)
        if text not in self._after:
            self._after[text] = self._walk(text)
        allowed = self._after[text]
        if allowed is None:
            return self._try(text, logprobs, count)
        order = np.argsort(-logprobs[allowed])[:count]
        return [int(token) for token in allowed[order] if np.isfinite(logprobs[token])]

    def _walk(self, text: str) -> Ids | None:
        found: list[int] = []
        tried, waiting = 0, [("", self._vocabulary.trie)]
        while waiting:
            piece, node = waiting.pop()
            found += node.ids
            for letter, child in node.next.items():
                tried += 1
                if self.begun(_beside(text, piece + letter)):
                    waiting.append((piece + letter, child))
            if tried > self._WALK:
                return None
        return np.array(sorted(found), np.int64)

    def _try(self, text: str, logprobs: LogProbs, count: int) -> list[int]:
        likely = np.where(self._vocabulary.writable, logprobs, -np.inf)
        top = np.argpartition(-likely, self._TRIES)[: self._TRIES]
        found: list[int] = []
        for token in top[np.argsort(-likely[top])]:
            if np.isfinite(likely[token]) and self.begun(
                follow(text, self._vocabulary.text(int(token)))
            ):
                found.append(int(token))
                if len(found) == count:
                    break
        return found


def _beside(text: str, piece: str) -> str:
    """`follow` for a piece that is plain already."""
    if piece[0] == " " and (not text or text[-1] == " "):
        piece = piece[1:]
    return text + piece


class Grammars:
    """The grammars in use, the least lately used forgotten first. For use by several threads:
    each step is one operation on a dictionary, and what two find out at once is the same."""

    def __init__(self, vocabulary: Vocabulary, limit: int = 64) -> None:
        self._vocabulary = vocabulary
        self._limit = limit
        self._known: dict[str, Grammar] = {}

    def of(self, pattern: str) -> Grammar:
        """Raises regex.error when `pattern` is none."""
        grammar = self._known.pop(pattern, None) or Grammar(pattern, self._vocabulary)
        self._known[pattern] = grammar
        for old in list(self._known)[: -self._limit]:
            self._known.pop(old, None)
        return grammar
