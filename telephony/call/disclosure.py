"""Has the caller heard what they must be told, to its last word?"""

from agents.engine import AudioDelta, Say, TextDelta
from telephony.call.commands import CallCommand, Record
from telephony.transcripts.entry import AgentLine, Fate

MOST_TIMES = 4
"""A caller who talks over it so often does not want to hear it, and has been told that it is."""


class Disclosure:
    """A sentence that is said first, and said again until it was heard in full."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._times = 0
        self._awaited = False
        self._response_id: str | None = None
        self._item_ids: set[str] = set()

    def say(self) -> list[CallCommand]:
        """Ask for it; nothing where nothing must be disclosed."""
        if not self._text or self._times >= MOST_TIMES:
            return []
        self._times += 1
        self._awaited = True
        return [Say(self._text)]

    def reply_began(self, response_id: str) -> None:
        """The first reply after it was asked for is it: an engine says what it is told in order."""
        if self._awaited:
            self._awaited = False
            self._response_id = response_id

    def piece(self, delta: AudioDelta | TextDelta) -> None:
        if delta.response_id == self._response_id:
            self._item_ids.add(delta.item_id)

    def check(self, commands: list[CallCommand]) -> list[CallCommand]:
        """What was just written down may be its fate: cut off, it is said again."""
        for command in commands:
            if isinstance(command, Record) and isinstance(command.entry, AgentLine):
                line = command.entry
                if line.item_id in self._item_ids:
                    self._item_ids.discard(line.item_id)
                    return [] if line.fate is Fate.HEARD else self.say()
        return []
