"""Has the caller heard what they must be told, to its last word?"""

import hashlib
import re
from collections.abc import Iterable

from agents.engine import Say
from telephony.call.commands import CallCommand, Record
from telephony.transcripts.entry import AgentLine, AnyEntry, DisclosureLine, Fate

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
        self._version = version_of(text)
        self.heard = not self._words
        """All of it was, or there is nothing to be told."""

    @property
    def given_up(self) -> bool:
        """It was said as often as it is, and not heard in full."""
        return not self.heard and not self._awaited and self._times >= MOST_TIMES

    def insist(self) -> list[CallCommand]:
        """Once more, however often it was said: something hangs on it."""
        self._times = min(self._times, MOST_TIMES - 1)
        return [] if self._awaited else self.say()

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
        if any(self._proves(entry) for entry in before):
            self._times = MOST_TIMES
            self.heard = True

    def _proves(self, entry: AnyEntry) -> bool:
        match entry:
            case DisclosureLine(version=version, heard=heard):
                return heard and version == self._version
            case AgentLine():
                return self.is_whole(entry)
            case _:
                return False

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
        self.heard = self.heard or whole
        told = DisclosureLine(self._version, whole, self._times, line.end_ms, line.heard_ms)
        return [Record(told), *([] if whole else self.say())]

    def is_whole(self, line: AgentLine) -> bool:
        """It was said in this line, and heard to its last word."""
        return self._is_it(line.text) and self._whole(line)

    def _whole(self, line: AgentLine) -> bool:
        said = len(_words(line.text)) >= _ALIKE * len(self._words)
        return line.fate is Fate.HEARD and said

    def _is_it(self, text: str) -> bool:
        """A reply that was cut has its beginning only."""
        said = _words(text)[: len(self._words)]
        same = sum(a == b for a, b in zip(said, self._words, strict=False))
        return bool(said) and same >= _ALIKE * len(said)


def version_of(words: str) -> str:
    """Names a wording: the same words, the same twelve digits."""
    return hashlib.blake2b(words.encode(), digest_size=6).hexdigest()


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
