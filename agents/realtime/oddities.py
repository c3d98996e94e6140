"""Which messages of a server are of no use, how often they came, and when it is too much."""

from collections import Counter

from agents.engine import AnyEngineEvent, EngineFailed, EngineNotice
from agents.realtime.wire import BadMessage

BAD_MESSAGES = 100
"""After so many messages that cannot be used, the peer is not speaking this protocol."""
_KINDS_COUNTED = 64


class Oddities:
    """Of one session."""

    def __init__(self) -> None:
        self.ignored: Counter[str] = Counter()
        """By kind of event."""
        self._bad = 0

    def unused(self, kind: str, code: str) -> list[AnyEngineEvent]:
        """Ignore it; the first of each kind is noticed, if `code` is not empty."""
        first = kind not in self.ignored
        if first and len(self.ignored) >= _KINDS_COUNTED:
            return []
        self.ignored[kind] += 1
        return [EngineNotice(code)] if first and code else []

    def bad(self, fault: BadMessage) -> list[AnyEngineEvent]:
        """EngineFailed at the last."""
        self._bad += 1
        if self._bad > BAD_MESSAGES:
            return [EngineFailed("protocol_error", fatal=False)]
        return [EngineNotice(f"bad_message_{fault}")]
