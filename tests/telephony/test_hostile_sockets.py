"""Strangers and broken carriers on real sockets: what they may cost, and that no call notices."""

import asyncio
import gc
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from telephony.call.events import CallerAudio, StreamLost
from telephony.doorstep import MOST_EACH
from telephony.twilio.stream import StreamLimits
from tests.telephony import twilio_peer as peer
from tests.telephony.conformance import media, padded, text
from tests.telephony.raw_phone import CONT, PING, TEXT, RawPhone, frame
from tests.telephony.test_twilio_sockets import Twilio, until
from tests.telephony.twilio_server import serving

LIMIT = 65_536
BYSTANDER = "MZ0000000000000000000000000000000b"
BYSTANDERS_CALL = "CA0000000000000000000000000000000b"


class Bystander:
    """Another call, which hears a frame whenever it is looked at."""

    def __init__(self, phone: RawPhone, service: peer.Service) -> None:
        self._phone = phone
        self._service = service
        self._frames = 0

    async def hears(self) -> None:
        told = peer.media(2 + self._frames, 20 * self._frames, stream_sid=BYSTANDER)
        self._phone.say(peer.text(told))
        self._frames += 1
        await until(lambda: len(self._heard()) == self._frames)

    def _heard(self) -> list[object]:
        told = self._service.events[BYSTANDER]
        assert not any(isinstance(event, StreamLost) for event in told)
        return [event for event in told if isinstance(event, CallerAudio)]


@asynccontextmanager
async def calls(
    service: peer.Service, limits: StreamLimits | None = None, patience_s: float = 5.0
) -> AsyncIterator[tuple[int, RawPhone, Bystander]]:
    """The server's port, a call that misbehaves, and one that does not."""
    async with serving(service, limits, patience_s) as port:
        token = await Twilio(port).ring()
        other = await Twilio(port).ring(BYSTANDERS_CALL)
        async with await RawPhone.connect(port) as phone, await RawPhone.connect(port) as quiet:
            await phone.begin(token)
            await until(lambda: service.opened)
            await quiet.upgrade()
            begun = peer.start(BYSTANDERS_CALL, token=other, stream_sid=BYSTANDER)
            quiet.say(peer.text(begun))
            await until(lambda: len(service.opened) == 2)
            bystander = Bystander(quiet, service)
            await bystander.hears()
            yield port, phone, bystander


def last(service: peer.Service) -> object:
    return service.events[peer.STREAM][-1]


class Memory:
    """How much more there is at the highest than there was."""

    def __enter__(self) -> "Memory":
        tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]
        return self

    def __exit__(self, *_: object) -> None:
        tracemalloc.stop()

    @property
    def most(self) -> int:
        return tracemalloc.get_traced_memory()[1] - self._before

    @property
    def kept(self) -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - self._before


# ---- T4 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1 << 20, 17 << 20])
@pytest.mark.parametrize("fragment", [0, 1_000, 60_000], ids=["whole", "small", "large"])
async def test_fault_t4_a_message_that_is_too_long_is_closed_1009_and_never_held(
    size: int, fragment: int
) -> None:
    service = peer.Service()
    async with calls(service) as (_, phone, bystander):
        with Memory() as memory:
            piece = bytes(fragment or 65_536)
            if not fragment:
                phone.writer.write(frame(TEXT, length=struct.pack("!BQ", 127, size)))
            more = frame(CONT, piece, fin=False) if fragment else piece
            phone.writer.write(frame(TEXT, piece, fin=False) if fragment else piece)
            for _ in range(size // len(piece)):
                if phone.writer.transport.is_closing():
                    break
                phone.writer.write(more)
                await asyncio.sleep(0)
                if last(service) == StreamLost("protocol"):
                    break
            assert await phone.until_close() == ([], 1009)
            await bystander.hears()
            # The limit twice, and what one read of the socket may bring.
            assert memory.most < 2 * LIMIT + 3 * 262_144
    assert last(service) == StreamLost("protocol")


@pytest.mark.parametrize(
    "bomb", ["[" * 50_000, '{"a":' * 10_000, '{"event":"media","x":' + "[" * 60_000]
)
async def test_fault_t4_a_nesting_bomb_is_a_bad_frame_and_the_call_goes_on(bomb: str) -> None:
    service = peer.Service()
    async with calls(service) as (_, phone, bystander):
        with Memory() as memory:
            phone.say(bomb)
            phone.writer.write(text(media(0)))
            await until(lambda: isinstance(last(service), CallerAudio))
            await bystander.hears()
            assert memory.most < 16 * LIMIT
    assert service.counts["frame.bad.too_deep"] == 1


async def test_fault_t4_the_largest_message_there_may_be_is_taken_whole() -> None:
    service = peer.Service()
    async with calls(service) as (_, phone, _):
        phone.writer.write(text(padded(LIMIT)) + text(media(0)))
        await until(lambda: isinstance(last(service), CallerAudio))


# ---- T17 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [10, 100])
async def test_fault_t17_a_flood_of_media_reaches_no_call_and_ends_its_own(times: int) -> None:
    service = peer.Service()
    async with calls(service) as (_, phone, bystander):
        number = 0
        with Memory() as memory:
            while not isinstance(last(service), StreamLost):
                for _ in range(times):
                    phone.writer.write(text(media(number)))
                    number += 1
                await asyncio.sleep(0.02 if times == 10 else 0)
                await bystander.hears()
            # What the call itself was given is kept by this test.
            assert memory.most < 2 << 20
        assert (await phone.until_close())[1] == 1008
    told = [event for event in service.events[peer.STREAM] if isinstance(event, CallerAudio)]
    assert last(service) == StreamLost("flood")
    assert service.counts["frame.over_cap"] == 1_001
    assert len(told) == pytest.approx(number - 1_001, abs=2 * times)
    assert len(told) >= 150


async def test_fault_t17_pings_without_end_for_nobody_who_reads_fill_no_memory() -> None:
    service = peer.Service()
    async with calls(service) as (_, phone, bystander):
        phone.writer.transport.pause_reading()  # type: ignore[attr-defined]
        flood = frame(PING, b"x" * 125) * 500
        with Memory() as memory:
            for number in range(130):  # 8 MB: more than the kernel takes
                phone.writer.write(flood + text(media(number)))
                await phone.writer.drain()
                await bystander.hears()
            assert memory.most < 1 << 20


# ---- T18 --------------------------------------------------------------------------------------


async def test_fault_t18_a_carrier_that_does_not_read_is_left_within_bounds() -> None:
    service = peer.Service()
    limits = StreamLimits(send_s=0.2, close_s=0.1)
    async with calls(service, limits) as (_, phone, bystander):
        phone.writer.transport.pause_reading()  # type: ignore[attr-defined]
        with Memory() as memory:
            for number in range(140):
                if isinstance(last(service), StreamLost):
                    break
                for _ in range(10):
                    service.legs[0].play(b"\xff" * 8_000)
                    service.legs[0].mark("1:1:1")
                    service.legs[0].flush()
                phone.writer.write(text(media(number)))
                await bystander.hears()
                await asyncio.sleep(0.02)
            # A minute of audio at most waits; a minute of mu-law is 480 kB.
            assert memory.most < 2 << 20
        await until(lambda: last(service) == StreamLost("backpressure"))
        await bystander.hears()


async def test_fault_t18_who_reads_again_in_time_hears_what_is_current() -> None:
    service = peer.Service()
    async with calls(service) as (_, phone, _):
        phone.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(40):
            service.legs[0].play(b"\xff" * 8_000)
            service.legs[0].flush()
            await asyncio.sleep(0)
        service.legs[0].clear()
        service.legs[0].mark("after")
        service.legs[0].flush()
        phone.writer.transport.resume_reading()  # type: ignore[attr-defined]
        texts = [await phone.frame() for _ in range(2)]
        while texts[-1] is not None and b'"mark"' not in texts[-1][1]:
            texts.append(await phone.frame())
        assert texts[-2] is not None
        assert b'"clear"' in texts[-2][1]
        assert last(service) != StreamLost("backpressure")


# ---- T19 --------------------------------------------------------------------------------------


class Crowd:
    """Many connections that say too little."""

    def __init__(self, port: int, says: bytes) -> None:
        self._port = port
        self._says = says
        self.answered = 0
        self.sockets: list[socket.socket] = []

    async def come(self, count: int) -> None:
        for number in range(count):
            self.comes()
            if number % 50 == 0:
                await asyncio.sleep(0)

    def comes(self) -> None:
        one = socket.create_connection(("127.0.0.1", self._port))
        one.setblocking(False)
        self.sockets.append(one)
        if self._says:
            one.send(self._says)

    def open(self) -> int:
        """How many of them the server has not let go of."""
        return sum(1 for one in self.sockets if self._is_open(one))

    def _is_open(self, one: socket.socket) -> bool:
        try:
            while said := one.recv(4_096):
                self.answered += said.startswith(b"HTTP/1.1 404")
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        return False

    def leave(self) -> None:
        for one in self.sockets:
            one.close()


SAYING = {
    "nothing": b"",
    "empty lines": b"\r\n",
    "half a request": b"GET /twilio/media HTTP/1.1\r\nHost: x\r\nUpgrade: webso",
}


@pytest.mark.parametrize("saying", SAYING)
async def test_fault_t19_two_thousand_who_say_nothing_of_use_are_shown_out(saying: str) -> None:
    service = peer.Service()
    async with calls(service, patience_s=1.0) as (port, _, bystander):
        crowd = Crowd(port, SAYING[saying])
        try:
            for _ in range(20):
                await crowd.come(100)
                await bystander.hears()
            await _settled(lambda: crowd.open() <= MOST_EACH)
            # Somebody who has a call to announce is heard at once, the crowd notwithstanding.
            assert await asyncio.wait_for(Twilio(port).ring("CA" + "c" * 32), 5)
            await bystander.hears()
            await _settled(lambda: crowd.open() == 0)
        finally:
            crowd.leave()
    assert service.counts["door.made_room"] >= 2_000 - MOST_EACH - 1
    assert service.counts["door.made_room"] + service.counts["door.too_slow"] == 2_000


async def test_fault_t19_all_who_speak_at_once_are_heard_however_many_they_are() -> None:
    """As when every call of a reverse proxy ends in one moment: many more than may be silent."""
    service = peer.Service()
    async with calls(service) as (port, _, bystander):
        crowd = Crowd(port, b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(3 * MOST_EACH):
                crowd.comes()
            await _settled(lambda: crowd.open() == 0)
            assert crowd.answered == 3 * MOST_EACH
            await bystander.hears()
        finally:
            crowd.leave()
    assert service.counts["door.made_room"] == 0


async def _settled(condition: Callable[[], bool]) -> None:
    """As `until`, and the server's side has as much to do as ours."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.05)


async def test_fault_t19_an_upgrade_that_drips_in_is_answered_408_in_time() -> None:
    service = peer.Service()
    async with serving(service, patience_s=0.3) as port, await RawPhone.connect(port) as phone:
        request = phone.ask()
        for byte in request[:20]:
            phone.writer.write(bytes([byte]))
            await asyncio.sleep(0.005)
        assert (await phone.answered())[0] == 408
    assert service.counts["door.too_slow"] == 1


async def test_fault_t19_a_second_request_that_drips_in_is_no_better() -> None:
    service = peer.Service()
    async with serving(service, patience_s=0.3) as port, await RawPhone.connect(port) as phone:
        phone.writer.write(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await phone.answered())[0] == 404
        phone.writer.write(b"GET /nowhere HTTP/1.1\r\n")
        await until(lambda: service.counts["door.too_slow"])


async def test_fault_t19_an_upgraded_socket_and_a_request_under_way_are_not_hurried() -> None:
    service = peer.Service()
    async with calls(service, patience_s=0.1) as (_, phone, bystander):
        await asyncio.sleep(0.3)
        phone.writer.write(text(media(0)))
        await until(lambda: isinstance(last(service), CallerAudio))
        await bystander.hears()
    assert not service.counts["door.too_slow"]


async def test_fault_t19_sockets_without_a_call_have_places_of_their_own() -> None:
    """With a signature that was listened to somebody may open sockets; calls are told apart."""
    service = peer.Service()
    limits = StreamLimits(opening_sockets=4, start_s=0.5)
    async with calls(service, limits) as (port, _, bystander):
        strangers = [await RawPhone.connect(port) for _ in range(6)]
        answers = []
        for each in strangers:
            each.writer.write(each.ask())
            answers.append((await each.answered())[0])
        assert answers == [101] * 4 + [403] * 2
        await bystander.hears()
        assert (await strangers[0].until_close())[1] == 1008
        for each in strangers:
            each.writer.transport.abort()
    assert service.counts["stream.too_many_opening"] == 2


# ---- P14 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["stop", "close", "reset", "half a frame"])
async def test_fault_p14_after_many_streams_nothing_more_is_there_than_after_a_few(
    ending: str,
) -> None:
    service = peer.Service()
    async with serving(service) as port:
        await _streams(port, service, ending, 20)
        tasks = len(asyncio.all_tasks())
        with Memory() as memory:
            await _streams(port, service, ending, 60)
            service.__init__()  # type: ignore[misc]  # What the test itself has written down.
            await until(lambda: len(asyncio.all_tasks()) <= tasks)
            # An answered webhook is remembered for an hour; that is all.
            assert memory.kept < 60 * 4_096


async def _streams(port: int, service: peer.Service, ending: str, count: int) -> None:
    for number in range(count):
        call_sid = f"CA{number:032x}"
        token = await Twilio(port).ring(call_sid)
        async with await RawPhone.connect(port) as phone:
            await phone.upgrade()
            phone.say(peer.text(peer.start(call_sid, token=token)))
            await until(lambda: service.opened)
            match ending:
                case "stop":
                    phone.say(peer.text(peer.stop(2, call_sid)))
                case "half a frame":
                    phone.writer.write(text(media(0))[:20])
                case "reset":
                    phone.writer.transport.abort()
            if ending in {"stop", "close"}:
                phone.writer.write(frame(8, b"\x03\xe8"))
        await until(lambda: sum(service.counts[f"stream.ended.{r}"] for r in ("stopped", "closed")))
        service.__init__()  # type: ignore[misc]
