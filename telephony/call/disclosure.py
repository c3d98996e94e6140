"""Has the caller heard what they must be told, to its last word?"""

import re
from collections.abc import Iterable

from agents.engine import Say
from telephony.call.commands import CallCommand, Record
from telephony.transcripts.entry import AgentLine, AnyEntry, Fate

MOST_TIMES = 4
"""A caller who talks over it so often does not want to hear it, and has been told that it is."""
_ALIKE = 0.8
"""So many of its words must be the same: models say things almost word for word."""
_WORD = re.compile(r"\w+")


class Disclosure:
    """A sentence that is said first, and said again until it was heard in full.

    Which reply it is shows in its words: with its own turn detection a server may answer the
    caller before it says what it was asked to.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = _words(text)
        self._times = 0
        self._awaited = False

    def say(self) -> list[CallCommand]:
        """Ask for it; nothing where nothing must be disclosed."""
        if not self._words or self._times >= MOST_TIMES:
            self._awaited = False
            return []
        self._times += 1
        self._awaited = True
        return [Say(self._text)]

    def told(self, before: Iterable[AnyEntry]) -> None:
        """Of a call that another process began: what was heard in full is not said again."""
        lines = (entry for entry in before if isinstance(entry, AgentLine))
        if any(self._is_it(line.text) and self._whole(line) for line in lines):
            self._times = MOST_TIMES

    def check(self, commands: list[CallCommand]) -> list[CallCommand]:
        """What was just written down may be its fate.

        Cut off, it is said again; so it is when something else was heard to its end meanwhile.
        """
        for command in commands:
            if self._awaited and isinstance(command, Record):
                entry = command.entry
                if isinstance(entry, AgentLine) and entry.source == "engine":
                    return self._judge(entry)
        return []

    def _judge(self, line: AgentLine) -> list[CallCommand]:
        heard = line.fate is Fate.HEARD
        if not self._is_it(line.text):
            return self.say() if heard else []
        whole = self._whole(line)
        self._awaited = not whole
        return [] if whole else self.say()

    def _whole(self, line: AgentLine) -> bool:
        said = len(_words(line.text)) >= _ALIKE * len(self._words)
        return line.fate is Fate.HEARD and said

    def _is_it(self, text: str) -> bool:
        """A reply that was cut has its beginning only."""
        said = _words(text)[: len(self._words)]
        same = sum(a == b for a, b in zip(said, self._words, strict=False))
        return bool(said) and same >= _ALIKE * len(said)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
