"""What `DirectProtocol` needs of uvicorn's inside: it fails here when a new uvicorn differs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from agents.frames import Masking
from telephony.call.events import StreamLost
from telephony.twilio.direct import EXTENSION, DirectProtocol, Offered
from tests.telephony import twilio_peer as peer
from tests.telephony.test_twilio_sockets import lost, phone, until
from tests.telephony.twilio_server import serving_app

FAR_TOO_MUCH = "x" * 60_000


class Offers:
    """Is offered each whole message, and takes all or none."""

    def __init__(self, *, takes: bool) -> None:
        self.offered: list[bytes] = []
        self._takes = takes

    def __call__(self, message: bytes) -> bool:
        self.offered.append(message)
        return self._takes


class Application:
    """An ASGI application that takes its socket over when the test says so."""

    def __init__(self) -> None:
        self.accepts = True
        self.direct: DirectProtocol | None = None
        self.taken: list[str | None] = []
        self.told: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.direct = scope["extensions"].get(EXTENSION)
        self.told.append(await receive())
        if not self.accepts:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        while self.told[-1]["type"] != "websocket.disconnect":
            self.told.append(await receive())

    def take_over(self, offered: Offered | None = None) -> DirectProtocol:
        assert self.direct is not None
        self.direct.take_over(self.taken.append, offered)
        return self.direct


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[str]:
    async with serving_app(cast(FastAPI, application)) as port:
        yield f"ws://127.0.0.1:{port}"


@asynccontextmanager
async def connected(application: Application) -> AsyncIterator[ClientConnection]:
    async with (
        serving(application) as url,
        connect(url, proxy=None, compression=None, max_size=None) as socket,
    ):
        await until(lambda: application.told)
        yield socket


@pytest.mark.parametrize(
    "name",
    [
        "data_received",
        "handle_close",
        "handle_connect",
        "handle_cont",
        "handle_events",
        "handle_parser_exception",
        "handle_ping",
        "handle_text",
        "pause_writing",
        "send_receive_event_to_app",
    ],
)
def test_the_methods_it_replaces_or_is_called_by_are_there(name: str) -> None:
    assert callable(getattr(WebSocketsSansIOProtocol, name))


async def test_the_fields_it_reads_are_those_uvicorn_keeps() -> None:
    application = Application()
    async with connected(application):
        direct = application.direct
        assert isinstance(direct, DirectProtocol)
        assert direct.response.status_code == 101
        assert isinstance(direct.queue, asyncio.Queue)
        assert isinstance(direct.writable, asyncio.Event)
        fields = (direct.close_sent, direct.disconnected, direct.read_paused)
        assert fields == (False, False, False)
        assert direct.writable.is_set()


async def test_messages_that_wait_come_first_and_reading_goes_on() -> None:
    application = Application()
    async with connected(application) as socket:
        for text in ("one", "two", "three"):
            await socket.send(text)
        await until(lambda: len(application.told) == 4)
        assert [each.get("text") for each in application.told[1:]] == ["one", "two", "three"]
        # From here on nobody asks for messages, as no task of the application runs.
        direct = application.direct
        assert direct is not None
        direct.queue.put_nowait({"type": "websocket.receive", "text": "waiting"})
        direct.queue.put_nowait({"type": "websocket.receive", "bytes": b"waiting"})
        direct.read_paused = True
        direct.transport.pause_reading()
        application.take_over()
        assert application.taken == ["waiting", None]
        assert not direct.read_paused
        await socket.send("four")
        await until(lambda: application.taken[2:] == ["four"])


async def test_whole_messages_are_taken_and_binary_ones_as_none() -> None:
    application = Application()
    async with connected(application) as socket:
        application.take_over()
        await socket.send(["zw", "ei ", "ü"])
        await socket.send(b"\x00\xff")
        await socket.send("three")
        await until(lambda: application.taken == ["zwei ü", None, "three"])
        assert len(application.told) == 1, "nothing goes through ASGI any more"


LONG = "ü" * 200


async def test_a_message_is_offered_first_and_what_is_not_wanted_is_taken_as_ever() -> None:
    application = Application()
    offered: list[bytes] = []

    def first(message: bytes) -> bool:
        offered.append(message)
        return b"wanted" in message and b"not" not in message

    async with connected(application) as socket:
        application.take_over(first)
        await socket.send(f"wanted {LONG}")
        await until(lambda: offered)
        await socket.send(f"not wanted {LONG}")
        await until(lambda: application.taken)
        await socket.send([f"wanted {LONG}", " in pieces"])
        await socket.send(b"wanted" + bytes(200))
        await until(lambda: len(application.taken) == 3)
        await socket.send("wanted and short")
        await until(lambda: len(offered) == 3)
    assert [message.decode() for message in offered] == [
        f"wanted {LONG}",
        f"not wanted {LONG}",
        "wanted and short",
    ]
    assert application.taken == [f"not wanted {LONG}", f"wanted {LONG} in pieces", None]


async def test_messages_in_one_packet_are_offered_one_by_one() -> None:
    application = Application()
    offered: list[bytes] = []

    def first(message: bytes) -> bool:
        offered.append(message)
        return len(offered) != 2

    async with connected(application):
        direct = application.take_over(first)
        masking = Masking()
        direct.data_received(b"".join(masking.text(word) for word in (b"one", b"two", b"three")))
    assert (offered, application.taken) == ([b"one", b"two", b"three"], ["two"])


async def test_what_is_offered_may_be_no_utf8_and_is_refused_by_who_does_not_want_it() -> None:
    application = Application()
    first = Offers(takes=False)
    async with connected(application) as socket:
        application.take_over(first)
        await socket.send(b"\xff" * 200, text=True)
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert socket.close_code == 1007
    assert (first.offered, application.taken) == ([b"\xff" * 200], [])


async def test_nothing_is_offered_once_a_close_was_sent() -> None:
    application = Application()
    first = Offers(takes=True)
    async with connected(application) as socket:
        direct = application.take_over(first)
        await direct.send({"type": "websocket.close", "code": 1000, "reason": ""})
        direct.data_received(Masking().text(LONG.encode()))
        await asyncio.wait_for(socket.wait_closed(), 5)
    assert (first.offered, application.taken) == ([], [])


async def test_nor_once_one_came() -> None:
    application = Application()
    first = Offers(takes=True)
    async with connected(application) as socket:
        direct = application.take_over(first)
        direct.conn.receive_data(b"\x88\x80\x00\x00\x00\x00")
        direct.data_received(Masking().text(LONG.encode()))
        socket.transport.abort()
    assert (first.offered, application.taken) == ([], [])


async def test_the_end_of_a_connection_is_told_through_asgi_all_the_same() -> None:
    application = Application()
    async with connected(application) as socket:
        direct = application.take_over()
        await socket.send("last")
        await socket.close(1000, "bye")
        await until(lambda: application.told[-1]["type"] == "websocket.disconnect")
        assert application.told[-1]["code"] == 1000
        assert application.taken == ["last"]
        assert not direct.write(["too late"])


async def test_what_is_no_utf8_is_left_to_uvicorn() -> None:
    application = Application()
    async with connected(application) as socket:
        application.take_over()
        await socket.send(b"\xff\xfe", text=True)
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert socket.close_code == 1007
    assert application.taken == []


async def test_a_write_is_there_at_once_and_refused_while_the_peer_does_not_read() -> None:
    application = Application()
    async with connected(application) as socket:
        direct = application.take_over()
        assert direct.write(["ü"])
        assert await socket.recv() == "ü"
        written = 0
        async with asyncio.timeout(5):
            while direct.write([FAR_TOO_MUCH]):
                written += 1
                # uvicorn is told by the transport, between two turns of the loop or in the write.
                assert written < 2_000
        for _ in range(written):
            assert await asyncio.wait_for(socket.recv(), 5) == FAR_TOO_MUCH
        await until(direct.writable.is_set)
        assert direct.write(["again"])
        assert await socket.recv() == "again"


async def test_nothing_is_written_behind_a_close_of_ours() -> None:
    application = Application()
    async with connected(application) as socket:
        direct = application.take_over()
        await direct.send({"type": "websocket.close", "code": 1000, "reason": ""})
        assert not direct.write(["too late"])
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert (socket.close_code, application.taken) == (1000, [])


async def test_an_upgrade_the_application_refuses_is_answered_403() -> None:
    application = Application()
    application.accepts = False
    async with serving(application) as url:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, proxy=None)
    assert refused.value.response.status_code == 403


async def a_call() -> list[str]:
    """Through webhook, upgrade, media both ways and hang-up; what the carrier was sent."""
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await until(lambda: service.legs)
        service.legs[0].clear()
        service.legs[0].mark("behind")
        service.legs[0].flush()
        heard = [str(await socket.recv()), str(await socket.recv())]
        await socket.send(peer.text(peer.media(2, 0)))
        await until(lambda: len(service.events[peer.STREAM]) > 1)
        await socket.close()
        await until(lambda: isinstance(lost(service), StreamLost))
    return heard


def test_it_works_on_uvloop_as_well() -> None:
    """Its transports are no subclasses of asyncio's, and tell of full buffers in their own way."""
    uvloop = pytest.importorskip("uvloop")
    stories: tuple[Callable[[], Any], ...] = (
        test_messages_that_wait_come_first_and_reading_goes_on,
        test_a_write_is_there_at_once_and_refused_while_the_peer_does_not_read,
        test_the_end_of_a_connection_is_told_through_asgi_all_the_same,
    )
    for story in stories:
        uvloop.run(story())
    clear, mark = uvloop.run(a_call())
    assert "clear" in clear
    assert "behind" in mark
