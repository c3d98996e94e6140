"""Tells receivers what is in the outbox until they have taken it, or will not."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import structlog
from yarl import URL

from tools.elapsed import time_after, time_before
from tools.hooks.outbox import Outbox, Sending
from tools.hooks.spec import Verdict, asked_s, headers, verdict, wait_s
from tools.http.addresses import listed
from tools.http.door import Door, NoAnswerError, NotSentError
from tools.http.plan import Request
from tools.spec import BackendError
from tools.store import CommitUnknownError
from tools.threads import Threads

log = structlog.get_logger()

ANSWER_S = 10.0
LEASE = dt.timedelta(seconds=60)
"""Longer than a try: nobody else has it meanwhile."""
IDLE_S = 1.0
AT_ONCE = 8
"""Receivers that are told at the same time; each of them one thing after another."""
PURGE_S = 3_600.0

T = TypeVar("T")
_TROUBLE = (BackendError, CommitUnknownError, RuntimeError)


class Sender:
    """One consumer of the outbox. Several, in several processes, do each other no harm: what was
    sent and not marked is sent again under the same id."""

    def __init__(
        self,
        outbox: Outbox,
        door: Door,
        private: tuple[str, ...],
        clock: Callable[[], dt.datetime],
        chance: Callable[[], float],
        start: Callable[[str, Coroutine[Any, Any, None]], object],
        count: Callable[[str], None],
    ) -> None:
        """`private`: see `checked_url`; `chance` gives numbers from 0 to 1."""
        self._outbox = outbox
        self._door = door
        self._private = private
        self._clock = clock
        self._chance = chance
        self._start = start
        self._count = count
        self._threads = Threads("webhooks", 2)
        self._busy: set[int] = set()
        self._free = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. What is being sent then is sent again by whoever comes next."""
        while True:
            self._free.clear()
            try:
                while len(self._busy) < AT_ONCE and await self.once():
                    pass
            except _TROUBLE as error:
                log.warning("webhooks_unreadable", error=type(error).__name__)
            await self._pause()

    async def _pause(self) -> None:
        """Until a receiver is free, or for a while."""
        try:
            async with asyncio.timeout(IDLE_S):
                await self._free.wait()
        except TimeoutError:
            return

    async def once(self) -> bool:
        """Begin to send what is due next; False: there is nothing. Raises BackendError,
        CommitUnknownError."""
        now = self._clock()
        if not await self._threads.ask(lambda: self._outbox.is_due(now)):
            return False
        busy = tuple(self._busy)
        sending = await self._threads.ask(lambda: self._outbox.claim(now, LEASE, busy))
        if sending is None:
            return False
        self._busy.add(sending.endpoint_id)
        self._start(f"webhook {sending.id}", self._send(sending))
        return True

    async def purge(self, kept: dt.timedelta) -> None:
        """Forget what is old, again and again. Never returns."""
        while True:
            try:
                old = time_before(self._clock(), kept)
                await self._threads.ask(partial(self._outbox.purge, old))
            except _TROUBLE as error:
                log.warning("webhooks_not_purged", error=type(error).__name__)
            await asyncio.sleep(PURGE_S)

    async def _send(self, sending: Sending) -> None:
        try:
            await self._told(sending)
        except _TROUBLE as error:
            # The lease runs out, and it is sent once more under the same id.
            log.warning("webhook_not_marked", error=type(error).__name__)
        finally:
            self._busy.discard(sending.endpoint_id)
            self._free.set()

    async def _told(self, sending: Sending) -> None:
        try:
            answer = await self._door.fetch(self._request(sending))
        except NotSentError as error:
            if error.permanent:
                await self._never(sending, 0, error.reason)
            else:
                await self._again(sending, 0, error.reason)
        except NoAnswerError as error:
            await self._again(sending, 0, error.reason)
        else:
            asked = asked_s(answer.headers.get("retry-after", ""))
            await self._judge(sending, answer.status, asked)

    async def _judge(self, sending: Sending, status: int, asked: float) -> None:
        match verdict(status):
            case Verdict.TAKEN:
                self._count("webhooks.taken")
                now = self._clock()
                await self._threads.ask(lambda: self._outbox.taken(sending, status, now))
            case Verdict.GONE:
                self._count("webhooks.gone")
                why = "answered 410 Gone"
                await self._threads.ask(lambda: self._outbox.switch_off(sending.endpoint_id, why))
                await self._never(sending, status, "gone")
            case Verdict.AGAIN:
                await self._again(sending, status, f"status_{status}", asked)

    async def _again(self, sending: Sending, status: int, why: str, asked: float = 0.0) -> None:
        pause_s = wait_s(sending.tries, self._chance(), asked)
        if pause_s is None:
            await self._never(sending, status, why)
            return
        self._count("webhooks.not_taken")
        log.info("webhook_not_taken", endpoint=sending.endpoint_id, tries=sending.tries, why=why)
        at = time_after(self._clock(), dt.timedelta(seconds=pause_s))
        await self._threads.ask(lambda: self._outbox.later(sending, at, status, why))

    async def _never(self, sending: Sending, status: int, why: str) -> None:
        self._count("webhooks.dead")
        log.warning("webhook_dead", endpoint=sending.endpoint_id, tries=sending.tries, why=why)
        now = self._clock()
        await self._threads.ask(lambda: self._outbox.dead(sending, status, why, now))

    def _request(self, sending: Sending) -> Request:
        timestamp = int(self._clock().timestamp())
        return Request(
            method="POST",
            url=sending.url,
            headers=headers(sending.secrets, sending.event_id, timestamp, sending.body),
            body=sending.body,
            writes=True,
            reads_body=False,
            hosts=frozenset({listed(URL(sending.url, encoded=True))}),
            private=self._private,
            timeout_s=ANSWER_S,
        )
