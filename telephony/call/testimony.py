"""Who said what, and what of it was heard: what a tool's rules may go by."""

from collections.abc import Collection, Iterable, Sequence

from agents.engine import Dismiss
from telephony.call.commands import CallCommand, Record
from telephony.transcripts.entry import AgentLine, CallerLine, Fate
from tools.spec import Evidence, Heard

MOST_LINES = 400
"""Of the latest: more than anybody says in the longest call."""
LOST_MS = 10_000
"""Words that take longer never come: some engines drop what wants no answer."""

Line = tuple[int, Heard]
"""When it began, in ms of the call, and what it was."""


class Testimony:
    """Lines of both sides, in order of speaking. `*_ms` count from the start of the stream."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._pending: dict[str, int] = {}
        self._turns = 0

    def caller_ended(self, item_id: str, at_ms: int) -> None:
        """The caller has finished saying something; its words may come much later."""
        self._turns += 1
        self._pending[item_id] = at_ms

    def words_came(self, item_id: str, *, failed: bool, at_ms: int) -> None:
        """`failed`: nobody could make the words out, which is not the same as silence."""
        began_ms = self._pending.pop(item_id, at_ms)
        if failed:
            self._keep((began_ms, _UNKNOWN))

    def engine_left(self, heard_again: Collection[str]) -> None:
        """Nobody will write down what the session has heard and not written yet, but the next one
        hears these again."""
        for item_id, began_ms in self._pending.items():
            if item_id not in heard_again:
                self._keep((began_ms, _UNKNOWN))
        self._pending.clear()

    def awaited(self, now_ms: int) -> frozenset[str]:
        """What the caller has finished saying and is not transcribed yet, but may well be."""
        return frozenset(
            item_id for item_id, at_ms in self._pending.items() if now_ms - at_ms < LOST_MS
        )

    def note(self, commands: Iterable[CallCommand]) -> None:
        """Take up the transcript's lines as they are written."""
        for command in commands:
            match command:
                case Record(AgentLine(heard=heard, fate=fate, start_ms=start_ms)) if heard:
                    self._keep((start_ms, Heard("agent", heard, whole=fate is Fate.HEARD)))
                case Dismiss(item_id):
                    # It was decided that nothing was said, and an engine may never transcribe it.
                    self._pending.pop(item_id, None)
                case Record(CallerLine(text=text, start_ms=start_ms)) if text.strip():
                    self._keep((start_ms, Heard("caller", text)))
                case _:
                    pass

    def _keep(self, line: Line) -> None:
        self._lines.append(line)
        del self._lines[:-MOST_LINES]

    def evidence(self, unsettled: Sequence[Line], *, told: bool) -> Evidence:
        """All of it, with what is being heard just now. `told`: the tool's rules ask for it."""
        turn = max(1, self._turns)
        if not told:
            return Evidence(turn=turn)
        missing = [(began_ms, _UNKNOWN) for began_ms in self._pending.values()]
        lines = sorted([*self._lines, *unsettled, *missing], key=lambda line: line[0])
        return Evidence(tuple(heard for _, heard in lines), complete=not missing, turn=turn)


_UNKNOWN = Heard("caller", "", whole=False)
