"""Does one call take up more memory than a call may? Weighed only while the process grows.

All that a session leads to counts, as far as it is of that call: state of the call and of its
engine, what is queued and withheld. What all calls share (models, stores, the dispatcher) does not.
What a tool keeps for itself outside of calls cannot be told from the process as a whole.
"""

import asyncio
import gc
import sys
from collections import Counter, deque
from collections.abc import Callable, Collection
from pathlib import Path
from resource import getpagesize

import msgspec
import structlog

from telephony.call.events import HangUpAsked
from telephony.session import Session
from telephony.transcripts.entry import EndedReason

log = structlog.get_logger()

LOOK_S = 5.0
GROWN = 0.25
"""Of a call's cap: the process must have grown so much for calls to be weighed."""
MOST_OBJECTS = 500_000
OWN = (
    "agents.engine",
    "agents.live.",
    "agents.local.chat.",
    "agents.local.replies",
    "agents.realtime.",
    "agents.turns.",
    "agents.websocket",
    "telephony.call.",
    "telephony.media.",
    "telephony.redacting.",
    "telephony.seats",
    "telephony.session",
    "telephony.transcripts.entry",
    "telephony.twilio.leg",
    "telephony.twilio.outbox",
    "telephony.warm",
)
"""Where the classes are defined whose objects belong to one call."""
_CONTAINERS = (dict, list, tuple, set, frozenset, deque)


class Weight(msgspec.Struct, frozen=True):
    bytes_: int
    of: dict[str, int]
    """The heaviest parts, by the class that holds them."""


def weigh(root: object, own: tuple[str, ...] = OWN, most: int = MOST_OBJECTS) -> Weight:
    """What `root` and all that belongs to it take up, as Python tells it. May run in a thread."""
    seen: set[int] = {id(root)}
    parts: Counter[str] = Counter()
    waiting: list[tuple[object, str]] = [(root, type(root).__name__)]
    while waiting and len(seen) < most:
        found, holder = waiting.pop()
        if _is_own(found, own):
            holder = type(found).__name__
        parts[holder] += sys.getsizeof(found)
        if found is root or isinstance(found, _CONTAINERS) or _is_own(found, own):
            for each in gc.get_referents(found):
                if id(each) not in seen and not isinstance(each, type):
                    seen.add(id(each))
                    waiting.append((each, holder))
    return Weight(sum(parts.values()), dict(parts.most_common(5)))


def _is_own(found: object, own: tuple[str, ...]) -> bool:
    return type(found).__module__.startswith(own)


class CallWeights:
    """All calls of a process."""

    def __init__(
        self,
        cap_bytes: int,
        sessions: Callable[[], Collection[Session]],
        count: Callable[[str], None],
        resident: Callable[[], int] | None = None,
    ) -> None:
        """`resident` tells the memory of the process, in bytes."""
        self._cap_bytes = cap_bytes
        self._sessions = sessions
        self._count = count
        self._resident = resident or _resident
        self._weighed_at = 0

    async def run(self) -> None:
        """For as long as the process."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Weigh, if there is reason to, and end a call that is too heavy."""
        resident = self._resident()
        if resident < self._weighed_at + GROWN * self._cap_bytes:
            self._weighed_at = min(self._weighed_at, resident)
            return
        self._weighed_at = resident
        for session in tuple(self._sessions()):
            weight = await asyncio.to_thread(weigh, session)
            if weight.bytes_ > self._cap_bytes and session.ended is None:
                self._end(session, weight)

    def _end(self, session: Session, weight: Weight) -> None:
        self._count("call_too_heavy")
        log.error("call_too_heavy", call_sid=session.call_id, bytes=weight.bytes_, of=weight.of)
        session.deliver(HangUpAsked(EndedReason.INTERNAL_ERROR.value))


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * getpagesize()
