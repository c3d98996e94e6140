"""What did a call come to, for the guard? Read off the lines its transcript gets."""

from collections.abc import Iterable

import msgspec

from telephony.call.commands import CallCommand, Record
from telephony.transcripts.entry import AnyEntry, EndedReason, EndLine, ToolLine
from tools.rollout.spec import Seen

_ERRORS = frozenset({"failed", "unknown", "invalid"})
_PASSED_ON = frozenset({EndedReason.TRANSFERRED, EndedReason.TRANSFER_FAILED})
_BROKE = frozenset({EndedReason.ENGINE_FAILED, EndedReason.INTERNAL_ERROR})


class Watched:
    """One call under way."""

    def __init__(self, silence_ms: int) -> None:
        self.over = False
        self.judged = True
        """False: another process goes on with it, and nobody saw all of it."""
        self.seen = Seen()
        self._silence_ms = silence_ms

    def note(self, commands: Iterable[CallCommand]) -> None:
        for command in commands:
            if isinstance(command, Record):
                self._line(command.entry)

    def _line(self, entry: AnyEntry) -> None:
        match entry:
            case ToolLine(state=state) if state in _ERRORS:
                self.seen = msgspec.structs.replace(self.seen, tool_error=True)
            case EndLine(reason=reason, silence_ms=silence_ms):
                self.over = True
                self.judged = reason is not EndedReason.MIGRATED
                self.seen = msgspec.structs.replace(
                    self.seen,
                    owed_silence=silence_ms >= self._silence_ms,
                    transferred=reason in _PASSED_ON,
                    broke_off=reason in _BROKE,
                )
            case _:
                pass
