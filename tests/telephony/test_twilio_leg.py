"""The writer of a socket: nobody waits for it, and it waits for nobody for long."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

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
        self.prompt = TwilioLeg(
            "MZ1", self.send, self.lost.append, max_samples=80_000, write_now=self.write_now
        )
        """The same where the socket can be written to without waiting."""
        self.at_once = 0
        self.tasks = Tasks(lambda name, _error: self.failed.append(name))

    async def send(self, message: str | Closing) -> None:
        await self.open.wait()
        if self.broken:
            raise ConnectionResetError
        self.sent.append(message)

    def write_now(self, texts: Sequence[str]) -> bool:
        if not self.open.is_set() or self.broken:
            return False
        self.sent += texts
        self.at_once += len(texts)
        return True

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
        wire.tasks.start("prompt writer", wire.prompt.write())
        await story(wire)
        await wire.tasks.cancel_all()
        assert not wire.failed

    run_virtually(act())
    return wires[0]


def test_what_is_queued_is_sent_in_order_until_closed() -> None:
    async def story(wire: Wire) -> None:
        wire.leg.play(b"\x55" * 160)
        wire.leg.mark("0:1:160")
        wire.leg.flush()
        await asyncio.sleep(0.1)
        wire.leg.play(b"\x55" * 160)
        wire.leg.flush()
        await asyncio.sleep(0.1)
        wire.leg.close(1000, "done")
        await asyncio.sleep(0.1)
        assert len(wire.tasks) == 1

    wire = tell(story)
    assert wire.events == ["media", "mark", "media", "close"]
    assert wire.sent[-1] == Closing(1000, "done")
    assert wire.lost == []


def test_clear_overtakes_the_rest_of_a_burst() -> None:
    async def story(wire: Wire) -> None:
        for _ in range(20):
            wire.leg.play(b"\x55" * 160)
        wire.leg.flush()
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
        wire.leg.flush()
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
        wire.leg.flush()
        await asyncio.sleep(slow_s)
        wire.open.set()
        await asyncio.sleep(10)

    wire = tell(story)
    assert (wire.events, wire.lost) == (["mark"], [])


def test_a_broken_socket_is_said_once_and_nothing_raises_afterwards() -> None:
    async def story(wire: Wire) -> None:
        wire.broken = True
        wire.leg.mark("m")
        wire.leg.flush()
        await asyncio.sleep(0.1)
        wire.leg.play(b"\x55")
        wire.leg.mark("m")
        wire.leg.clear()
        wire.leg.close(1000, "")
        await asyncio.sleep(0.1)

    assert tell(story).lost == [LostReason.CLOSED]


# ---- sockets that can be written to at once -----------------------------------------------------


def test_a_clear_is_on_the_wire_before_anything_else_happens() -> None:
    async def story(wire: Wire) -> None:
        await asyncio.sleep(0)
        wire.prompt.play(b"\x55" * 160)
        wire.prompt.clear()
        assert wire.events == ["clear"]
        await asyncio.sleep(0.1)

    assert tell(story).events == ["clear"]


def test_what_one_event_brings_is_written_in_one_go_and_in_order() -> None:
    async def story(wire: Wire) -> None:
        await asyncio.sleep(0)
        for number in range(10):
            wire.prompt.play(b"\x55" * 160)
            wire.prompt.mark(f"{number}")
        assert wire.events == []
        wire.prompt.flush()
        assert wire.events == ["media", "mark"] * 10
        assert wire.at_once == 20

    tell(story)


def test_a_long_burst_lets_others_in_between() -> None:
    async def story(wire: Wire) -> None:
        await asyncio.sleep(0)
        for _ in range(200):
            wire.prompt.play(b"\x55" * 160)
        wire.prompt.flush()
        assert 0 < len(wire.sent) < 200
        await asyncio.sleep(0.1)

    wire = tell(story)
    assert wire.events == ["media"] * 200
    assert wire.at_once == 200


def test_behind_a_stuck_message_everything_keeps_its_order() -> None:
    async def story(wire: Wire) -> None:
        await asyncio.sleep(0)
        wire.open.clear()
        wire.prompt.mark("first")
        wire.prompt.flush()
        await asyncio.sleep(0.1)
        wire.prompt.play(b"\x55" * 160)
        wire.prompt.flush()
        await asyncio.sleep(0.1)
        wire.prompt.clear()
        await asyncio.sleep(0.1)
        assert wire.sent == []
        wire.open.set()
        await asyncio.sleep(0.1)
        wire.prompt.mark("last")
        wire.prompt.flush()
        await asyncio.sleep(0.1)
        wire.prompt.close(1000, "done")
        await asyncio.sleep(0.1)

    wire = tell(story)
    # What the socket had been given already is out; the audio behind it was cleared.
    assert wire.events == ["mark", "clear", "mark", "close"]
    assert wire.lost == []


def test_a_socket_stuck_for_five_seconds_is_backpressure_there_too() -> None:
    async def story(wire: Wire) -> None:
        await asyncio.sleep(0)
        wire.open.clear()
        wire.prompt.mark("stuck")
        wire.prompt.flush()
        await asyncio.sleep(5.2)

    assert tell(story).lost == [LostReason.BACKPRESSURE]
