"""What did a call come to, for the guard? Read off the lines its transcript gets."""

from collections.abc import Iterable

import msgspec

from telephony.call.commands import CallCommand, Record
from tools.rollout.spec import Seen
from telephony.transcripts.entry import EndedReason, EndLine, ToolLine

_ERRORS = frozenset({"failed", "unknown", "invalid"})
_PASSED_ON = frozenset({EndedReason.TRANSFERRED, EndedReason.TRANSFER_FAILED})
_BROKE = frozenset({EndedReason.ENGINE_FAILED, EndedReason.INTERNAL_ERROR})


class Watched:
    """One call under way."""

    def __init__(self, silence_ms: int) -> None:
        self._silence_ms = silence_ms
        self._seen = Seen()

    def note(self, commands: Iterable[CallCommand]) -> Seen | None:
        """What it came to, once it is over. One that goes on in another process is not judged:
        nothing is returned for it, and nothing more comes."""
        for command in commands:
            if not isinstance(command, Record):
                continue
            match command.entry:
                case ToolLine(state=state) if state in _ERRORS:
                    self._seen = msgspec.structs.replace(self._seen, tool_error=True)
                case EndLine(reason=reason, silence_ms=silence_ms):
                    if reason is EndedReason.MIGRATED:
                        return None
                    return msgspec.structs.replace(
                        self._seen,
                        owed_silence=silence_ms >= self._silence_ms,
                        transferred=reason in _PASSED_ON,
                        broke_off=reason in _BROKE,
                    )
                case _:
                    pass
        return None
