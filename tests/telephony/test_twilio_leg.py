"""The writer of a socket: nobody waits for it, and it waits for nobody for long."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from agents.tasks import Tasks
from telephony.twilio.leg import TwilioLeg
from telephony.twilio.outbox import Closing
from telephony.twilio.ports import LostReason
from tests.telephony.virtual_time import run_virtually


class Wire:
    """A socket that takes a message when `open` is set, or breaks."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False
        self.sent: list[str | Closing] = []
        self.lost: list[LostReason] = []
        self.failed: list[str] = []
        self.leg = TwilioLeg("MZ1", self.send, self.lost.append, send_s=5.0, max_samples=8_000)
        self.tasks = Tasks(lambda name, _error: self.failed.append(name))

    async def send(self, message: str | Closing) -> None:
        await self.open.wait()
        if self.broken:
            raise ConnectionResetError
        self.sent.append(message)

    @property
    def events(self) -> list[str]:
        return [
            "close" if isinstance(message, Closing) else json.loads(message)["event"]
            for message in self.sent
        ]


Story = Callable[[Wire], Awaitable[None]]


def tell(story: Story) -> Wire:
    wires: list[Wire] = []

    async def act() -> None:
        wire = Wire()
        wires.append(wire)
        wire.tasks.start("writer", wire.leg.write())
        await story(wire)
        await wire.tasks.cancel_all()
        assert not wire.failed

    run_virtually(act())
    return wires[0]


def test_what_is_queued_is_sent_in_order_until_closed() -> None:
    async def story(wire: Wire) -> None:
        wire.leg.play(b"\x55" * 160)
        wire.leg.mark("0:1:160")
        await asyncio.sleep(0.1)
        wire.leg.play(b"\x55" * 160)
        await asyncio.sleep(0.1)
        wire.leg.close(1000, "done")
        await asyncio.sleep(0.1)
        assert len(wire.tasks) == 0

    wire = tell(story)
    assert wire.events == ["media", "mark", "media", "close"]
    assert wire.sent[-1] == Closing(1000, "done")
    assert wire.lost == []


def test_clear_overtakes_the_rest_of_a_burst() -> None:
    async def story(wire: Wire) -> None:
        for _ in range(20):
            wire.leg.play(b"\x55" * 160)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        wire.leg.clear()
        await asyncio.sleep(0.1)

    events = tell(story).events
    assert events[-1] == "clear"
    assert 0 < events.count("media") < 20


def test_more_than_fits_is_backpressure() -> None:
    async def story(wire: Wire) -> None:
        wire.open.clear()
        wire.leg.play(b"\x55" * 8_000)
        wire.leg.play(b"\x55" * 8_000)

    assert tell(story).lost == [LostReason.BACKPRESSURE]


def test_one_message_stuck_for_five_seconds_is_backpressure() -> None:
    async def story(wire: Wire) -> None:
        wire.open.clear()
        wire.leg.mark("stuck")
        await asyncio.sleep(4.9)
        assert wire.lost == []
        await asyncio.sleep(0.2)

    wire = tell(story)
    assert wire.lost == [LostReason.BACKPRESSURE]
    assert wire.sent == []


@pytest.mark.parametrize("slow_s", [1.0, 4.9])
def test_a_slow_socket_is_not_a_stuck_one(slow_s: float) -> None:
    async def story(wire: Wire) -> None:
        wire.open.clear()
        wire.leg.mark("slow")
        await asyncio.sleep(slow_s)
        wire.open.set()
        await asyncio.sleep(10)

    wire = tell(story)
    assert (wire.events, wire.lost) == (["mark"], [])


def test_a_broken_socket_is_said_once_and_nothing_raises_afterwards() -> None:
    async def story(wire: Wire) -> None:
        wire.broken = True
        wire.leg.mark("m")
        await asyncio.sleep(0.1)
        wire.leg.play(b"\x55")
        wire.leg.mark("m")
        wire.leg.clear()
        wire.leg.close(1000, "")
        await asyncio.sleep(0.1)

    assert tell(story).lost == [LostReason.CLOSED]
