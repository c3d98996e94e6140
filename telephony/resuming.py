"""How a call of another process is taken over, and what is kept for the moment its stream opens."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from telephony.custody import Custody
from telephony.livestate import Earlier, Unreadable
from telephony.opening import Configured
from telephony.switchboard import Whose
from telephony.transcripts.entry import EndedReason
from telephony.twilio.ports import Count, Offer
from tools.config import ConfigError
from tools.livecalls import Over
from tools.spec import BackendError
from tools.store import CommitUnknownError
from tools.versions.current import Current, Live

log = structlog.get_logger()

_BUILT_S = 3.0
"""How long the caller may wait for the configuration their call began with."""

Claimed = tuple[Live[Configured], Earlier]
"""A call that was taken over, and what it goes by."""
Build = Callable[[int], Awaitable[Configured]]
"""What calls that began with this version go by; may raise anything."""


class Resuming:
    """Calls between two processes."""

    def __init__(
        self,
        custody: Custody,
        current: Current[Configured],
        build: Build,
        prewarm: Callable[[Live[Configured], Offer], None],
        count: Count,
    ) -> None:
        """`prewarm` opens an engine's session while the carrier opens its stream."""
        self._custody = custody
        self._current = current
        self._build = build
        self._prewarm = prewarm
        self._count = count
        self._waiting: dict[str, Claimed] = {}

    async def take(self, offer: Offer) -> Whose | EndedReason:
        """See switchboard.Take."""
        try:
            found = await self._custody.take(offer.call_sid)
        except (TimeoutError, BackendError, CommitUnknownError, RuntimeError) as error:
            self._count("call_not_taken")
            log.error("call_not_taken", call_sid=offer.call_sid, error=type(error).__name__)
            return Whose.UNKNOWN
        except Unreadable:
            self._count("call_unreadable")
            log.error("call_unreadable", call_sid=offer.call_sid)
            return EndedReason.INTERNAL_ERROR
        match found:
            case None:
                return Whose.NOBODYS
            case Over(ended):
                return _reason(ended)
            case Earlier():
                live = await self._live(found.head.version)
                self._waiting[offer.call_sid] = (live, found)
                self._prewarm(live, offer)
                log.info("call_taken_over", call_sid=offer.call_sid, fence=found.fence)
                return Whose.OURS

    def claim(self, call_sid: str) -> Claimed | None:
        """Its stream is open, or will never be; None: it is a call of this process."""
        return self._waiting.pop(call_sid, None)

    async def _live(self, version: int) -> Live[Configured]:
        """A call keeps the configuration it began with, if that can be had in time."""
        current = self._current.live
        if version == current.version:
            return current
        try:
            async with asyncio.timeout(_BUILT_S):
                return Live(version, await self._build(version))
        except (ConfigError, BackendError, CommitUnknownError, OSError, RuntimeError) as error:
            self._count("call_resumed_on_another_version")
            log.warning("version_not_built", version=version, error=type(error).__name__)
            return current


def _reason(ended: str) -> EndedReason:
    """As a newer version of the program may have written it."""
    try:
        return EndedReason(ended)
    except ValueError:
        return EndedReason.INTERNAL_ERROR
