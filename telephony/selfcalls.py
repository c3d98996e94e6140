"""Plays a scenario against this service: a synthetic caller with a voice and ears, no network.

The caller is the simulator's, its phone too; only the socket between phone and service is a pair of
queues in this process. The call is a call like any other: what it books is booked.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from websockets.exceptions import ConnectionClosedOK

from agents.tasks import Tasks
from telephony.cli.errand import free_errand
from telephony.simulator.conversation import ListeningCaller, synthetic
from telephony.simulator.ears import Ears
from telephony.simulator.leg import MediaLeg
from telephony.simulator.scenario import Goal, booking
from telephony.twilio.softphone import Softphones, Ticket
from tools.booking.bookings import Bookings
from tools.booking.shop import Shop
from tools.elapsed import time_after
from tools.store import Store

log = structlog.get_logger()

SCENARIOS = {
    "booking": "Books an appointment.",
    "change": "Books an appointment, and changes the time while the agent reads it back.",
}
_DAY = dt.timedelta(days=1)

Carry = Callable[
    [
        str,
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]


class Busy(Exception):  # noqa: N818 - named for what is the matter
    """Another scenario is being played."""


class SelfCalls:
    """One scenario at a time. `close` at the end."""

    def __init__(
        self,
        phones: Softphones,
        shop: Callable[[], Shop],
        store: Store,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """`clock` gives the time of day in the shop's zone."""
        self._phones = phones
        self._shop = shop
        self._store = store
        self._clock = clock
        self._ears = Ears()
        self._tasks = Tasks(_broke)
        self._busy = False

    async def play(self, scenario: str, owner: str, from_: str, to: str) -> str:
        """The call's id, once the caller's lines are recorded and the phone rings: seconds, the
        first time. Raises Busy, NoLine, or ModelsMissing."""
        if self._busy:
            raise Busy
        self._busy = True
        try:
            goal = await asyncio.to_thread(self._goal)
            await self._ears.load()
            part = booking(goal, interrupts=scenario == "change")
            caller = await synthetic(part, self._ears, _nobody)
            ticket = self._phones.ring(owner, from_, to)
        except BaseException:
            self._busy = False
            raise
        self._tasks.start("call of our own", self._talk(ticket, caller))
        return ticket.call_id

    async def close(self) -> None:
        await self._tasks.cancel_all()
        await self._ears.close()

    def _goal(self) -> Goal:
        """A day and times that are free, where there are any."""
        shop, now = self._shop(), self._clock()
        last = time_after(now, (shop.days_ahead + 2) * _DAY)
        taken = Bookings(self._store, shop).taken(now, last, now)
        errand = free_errand(shop, taken, now)
        return errand.goal if errand is not None else Goal()

    async def _talk(self, ticket: Ticket, caller: ListeningCaller) -> None:
        try:
            leg = MediaLeg(
                ticket.account_id,
                ticket.call_id,
                f"MZ{ticket.call_id[2:]}",
                caller,
                lambda _url, _signature: _plugged(self._phones.carry, ticket.call_id),
            )
            await leg.open("", "")
            await leg.run({"token": ticket.token})
        finally:
            await caller.close()
            self._busy = False


class Plug:
    """A stream's socket without a network: what a leg says is heard by `carry`, and back."""

    def __init__(self) -> None:
        self.close_code: int | None = None
        self._there: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._back: asyncio.Queue[str | None] = asyncio.Queue()
        self._there.put_nowait({"type": "websocket.connect"})
        self._tasks = Tasks(_broke)
        self._carrying: asyncio.Task[None] | None = None

    @property
    def unsent_bytes(self) -> int:
        return 0

    def begin(self, carry: Carry, call_id: str) -> None:
        carried = self._carried(carry, call_id)
        self._carrying = self._tasks.start("socket of our own", carried)

    async def _carried(self, carry: Carry, call_id: str) -> None:
        try:
            await carry(call_id, self._there.get, self._said)
        finally:
            self._over(1006)

    async def _said(self, message: MutableMapping[str, Any]) -> None:
        match message["type"]:
            case "websocket.send":
                self._back.put_nowait(message["text"])
            case "websocket.close":
                self._over(message.get("code", 1000))

    def _over(self, code: int) -> None:
        if self.close_code is None:
            self.close_code = code
            self._back.put_nowait(None)

    async def send(self, text: str) -> None:
        if self.close_code is not None:
            raise ConnectionClosedOK(None, None)
        self._there.put_nowait({"type": "websocket.receive", "text": text})

    async def close(self) -> None:
        self._there.put_nowait({"type": "websocket.disconnect", "code": 1000})
        if self._carrying is not None:
            # It winds up by itself, within its limits.
            await asyncio.wait((self._carrying,))

    async def __aiter__(self) -> AsyncIterator[str]:
        while (text := await self._back.get()) is not None:
            yield text


async def _plugged(carry: Carry, call_id: str) -> Plug:
    plug = Plug()
    plug.begin(carry, call_id)
    return plug


def _nobody(_seen: object) -> None:
    """What the caller makes of it is in the transcript, as far as it was said."""


def _broke(name: str, error: BaseException) -> None:
    log.error("task_failed", task=name, exc_info=error)
