"""What leaves the calls of this process: figures, webhooks and traces. Put together, run, ended."""

import asyncio
import datetime as dt
import random
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog

from telephony.afterwards import Afterwards, Untraced
from telephony.call.commands import CallCommand, Record
from telephony.health.facts import Measure
from telephony.health.spans import day_of, hour_of
from telephony.health.state import ProcessState
from telephony.metrics import Metrics
from telephony.settings import Settings
from telephony.telling import alarm, of_head
from telephony.tracing.export import OtlpTraces, headers_of
from telephony.transcripts.entry import AlarmLine
from tools.counts import Row
from tools.elapsed import time_before
from tools.hooks.endpoints import Endpoints
from tools.hooks.outbox import KEPT, Outbox, put
from tools.hooks.sender import Sender
from tools.hooks.spec import Event
from tools.http.door import Door
from tools.livecalls import LiveCall
from tools.rollups import Rollups
from tools.spec import BackendError
from tools.store import CommitUnknownError, Store
from tools.threads import Threads

log = structlog.get_logger()

BEAT_S = 5.0
"""How often a process says how it fares, and what it has noted is written down."""
FORGOTTEN = dt.timedelta(minutes=1)
"""A process that has said nothing for so long is gone."""
HOURS_KEPT = dt.timedelta(days=800)
CALLS_KEPT = dt.timedelta(days=30)
"""Longer than the disk is looked through."""
PURGE_S = 6 * 3600.0
_TRACES_S = 3.0
_REFUSED = "webhook.refused."
_MOST_ALARMS = 1_000
_TROUBLE = (BackendError, CommitUnknownError, RuntimeError)


def began(connection: sa.Connection, call: LiveCall, now: dt.datetime) -> None:
    """See tools.livecalls.Began."""
    put(connection, of_head(call.call_id, call.head), now)


class Outward:
    """One for a process; made on the event loop."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Callable[[], dt.datetime],
        count: Callable[[str], None],
        state: Callable[[], ProcessState],
        metrics: Metrics,
    ) -> None:
        """`clock` gives the time in the shop's zone; `count` may be called from any thread."""
        self.rollups = Rollups(store)
        self.outbox = Outbox(store)
        self.endpoints = Endpoints(store, settings.webhook_private)
        self._clock = clock
        self._count = count
        self._state = state
        self._metrics = metrics
        self._owner = secrets.token_hex(8)
        self._threads = Threads("outward", 1)
        self._refused: Counter[str] = Counter()
        self._alarms: list[Event] = []
        self._private = settings.webhook_private
        self._door: Door | None = None
        self._traces: OtlpTraces | None = None
        if settings.otlp_url is not None:
            headers = headers_of(settings.otlp_headers.reveal() if settings.otlp_headers else "")
            self._traces = OtlpTraces(settings.otlp_url, headers, self._owner, count)
        self.afterwards = Afterwards(
            settings.data_dir,
            self.rollups,
            clock,
            self._traces or Untraced(),
            metrics,
            count,
            dt.timedelta(seconds=settings.max_call_seconds),
        )

    # ---- the calls' side -----------------------------------------------------------------------

    def noted(self, code: str) -> None:
        """Something was counted; callers who were turned away are of interest."""
        if code.startswith(_REFUSED):
            self._refused[code.removeprefix(_REFUSED)] += 1

    def observe(self, call_id: str, commands: Sequence[CallCommand]) -> None:
        """Everything a call asks for; alarms are told at once, and again when it is over."""
        for command in commands:
            if isinstance(command, Record) and isinstance(command.entry, AlarmLine):
                self._alarms.append(alarm(call_id, self._clock(), command.entry))
                # Each of them is found again when its call is over.
                del self._alarms[_MOST_ALARMS:]

    # ---- what runs beside them -----------------------------------------------------------------

    def start(self, start: Callable[[str, Coroutine[Any, Any, None]], object]) -> None:
        """What goes on as long as the process."""
        self._door = Door()
        sender = Sender(
            self.outbox,
            self._door,
            self._private,
            self._clock,
            random.random,
            start,
            self._count,
        )
        start("afterwards", self.afterwards.run())
        start("webhooks", sender.run())
        start("old webhooks", sender.purge(KEPT))
        start("state", self._beat())
        start("old figures", self._purge())

    async def close(self) -> None:
        """Count what has just ended and let go of everything; what cannot be written down now is
        found on disk at the next start."""
        await self._try(self.afterwards.drain)
        await self._try(self._flush)
        await self._try(lambda: self._threads.ask(partial(self.rollups.leave, self._owner)))
        if self._door is not None:
            await self._door.close()
        if self._traces is not None:
            await asyncio.to_thread(self._traces.close, _TRACES_S)

    async def _try(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        try:
            await work()
        except _TROUBLE as error:
            log.warning("outward_not_kept", error=type(error).__name__)

    async def _beat(self) -> None:
        while True:
            await self._try(self._flush)
            await self._try(self._say)
            await asyncio.sleep(BEAT_S)

    async def _flush(self) -> None:
        refused, self._refused = self._refused, Counter()
        alarms, self._alarms = self._alarms, []
        now = self._clock()
        try:
            await self._threads.ask(partial(self._keep, refused, alarms, now))
        except BackendError:
            # Nothing was changed. Of a commit in doubt some may be lost rather than told twice.
            self._refused.update(refused)
            self._alarms = [*alarms, *self._alarms][:_MOST_ALARMS]
            raise

    def _keep(self, refused: Counter[str], alarms: Sequence[Event], now: dt.datetime) -> None:
        self.outbox.put(alarms, now)
        if refused:
            measure = Measure.REFUSED.value
            self.rollups.more(
                [
                    Row(span, "", measure, why, number, 0, {0: number})
                    for span in (hour_of(now), day_of(now, now))
                    for why, number in refused.items()
                ]
            )

    async def _say(self) -> None:
        now = self._clock()
        state = self._state()
        self._metrics.engines(state.engines)
        text = msgspec.json.encode(state).decode()
        say = partial(self.rollups.say, self._owner, text, now, time_before(now, FORGOTTEN))
        await self._threads.ask(say)

    async def _purge(self) -> None:
        while True:
            await self._try(self._purged)
            await asyncio.sleep(PURGE_S)

    async def _purged(self) -> None:
        now = self._clock()
        spans_before = time_before(now, HOURS_KEPT).date().isoformat()
        calls_before = time_before(now, CALLS_KEPT)
        await self._threads.ask(partial(self.rollups.purge, spans_before, calls_before))
