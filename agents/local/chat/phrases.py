"""When can what a model writes be spoken? Sentence by sentence, and the first phrase at once."""

import re
from typing import Final

from agents.local.speakable import NO_END

_FIRST_LETTERS: Final = 30
"""A first clause at least so long is spoken before its sentence is whole."""
_MOST_LETTERS: Final = 240
"""A sentence longer than this is cut at a word: nobody waits for its end."""
_END: Final = re.compile(r"[.!?][\"')\]*_]*\s+|\n\s*")
_CLAUSE: Final = re.compile(r"[,;:]\s+")
_OPEN, _CLOSE = "<think>", "</think>"
_MARKUP: Final = re.compile(r"[*#`_~|>]+|^\s*[-\u2022]\s+")


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
        found: list[str] = []
        while end := self._boundary():
            found += self._taken(end)
        return found

    def flush(self) -> list[str]:
        """Nothing more comes: what is left."""
        self._text += "" if self._thinking else self._raw
        self._raw = ""
        return self._taken(len(self._text))

    def _taken(self, end: int) -> list[str]:
        """The next so many letters as a phrase, if there is a word in them."""
        phrase = " ".join(_MARKUP.sub("", self._text[:end]).split())
        self._text = self._text[end:]
        spoken = any(letter.isalnum() for letter in phrase)
        self._begun = self._begun or spoken
        return [phrase] if spoken else []

    def _boundary(self) -> int:
        """Where the next phrase ends; 0 when that is not known yet."""
        for found in _END.finditer(self._text):
            if not NO_END.search(self._text[: found.end()].rstrip()):
                return found.end()
        if not self._begun:
            clauses = (found.end() for found in _CLAUSE.finditer(self._text))
            if first := next((end for end in clauses if end >= _FIRST_LETTERS), 0):
                return first
        long = len(self._text) > _MOST_LETTERS
        return self._text.rfind(" ", 0, _MOST_LETTERS) + 1 if long else 0

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
