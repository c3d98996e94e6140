"""When can what a model writes be spoken? Sentence by sentence, and the first phrase at once."""

import re
from typing import Final

from agents.local.speakable import sentences

_FIRST_LETTERS: Final = 30
"""A first clause at least so long is spoken before its sentence is whole."""
_MOST_LETTERS: Final = 240
"""A sentence longer than this is cut at a word: nobody waits for its end."""
_CLAUSE: Final = re.compile(r"[,;:]\s")
_OPEN, _CLOSE = "<think>", "</think>"
_MARKUP: Final = re.compile(r"[*#`_~|>]+|^\s*[-\u2022]\s+", re.MULTILINE)
_END: Final = re.compile(r"[.!?][\"')\]]*\s+$")


class Phrases:
    """Takes what comes, gives what can be spoken. Thoughts between `<think>` tags never can."""

    def __init__(self) -> None:
        self._raw = ""
        self._thinking = False
        self._text = ""
        self._begun = False

    def push(self, written: str) -> list[str]:
        """The phrases that are whole now."""
        self._text += self._aloud(written)
        whole = sentences(_plain(self._text))
        rest = whole.pop() if whole else ""
        if rest and _END.search(self._text):
            whole, rest = [*whole, rest], ""
        elif not whole and (cut := self._cut(rest)):
            whole, rest = [rest[:cut].strip()], rest[cut:]
        if whole:
            # A blank at the end parts the last word from the next one.
            self._text = rest + (" " if rest and self._text[-1:].isspace() else "")
            self._begun = True
        return [phrase for phrase in whole if _words(phrase)]

    def flush(self) -> list[str]:
        """Nothing more comes: what is left."""
        left = "" if self._thinking else self._raw
        found = sentences(_plain(self._text + left))
        self._raw = self._text = ""
        return [phrase for phrase in found if _words(phrase)]

    def _cut(self, rest: str) -> int:
        """Where an unfinished sentence may be cut; 0 for nowhere."""
        if not self._begun:
            clauses = [found.end() for found in _CLAUSE.finditer(rest)]
            first = next((end for end in clauses if end >= _FIRST_LETTERS), 0)
            if first:
                return first
        return rest.rfind(" ", 0, _MOST_LETTERS) + 1 if len(rest) > _MOST_LETTERS else 0

    def _aloud(self, written: str) -> str:
        """What is no thought; a tag may come in pieces."""
        self._raw += written
        spoken = ""
        while True:
            tag = _CLOSE if self._thinking else _OPEN
            at = self._raw.find(tag)
            if at < 0:
                break
            spoken += "" if self._thinking else self._raw[:at]
            self._raw = self._raw[at + len(tag) :]
            self._thinking = not self._thinking
        kept = _begun_tag(self._raw, tag)
        spoken += "" if self._thinking else self._raw[: len(self._raw) - kept]
        self._raw = self._raw[len(self._raw) - kept :]
        return spoken


def _begun_tag(text: str, tag: str) -> int:
    """How many of the last letters may be the beginning of the tag."""
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)


def _plain(text: str) -> str:
    return _MARKUP.sub("", text)


def _words(phrase: str) -> bool:
    return any(letter.isalnum() for letter in phrase)
