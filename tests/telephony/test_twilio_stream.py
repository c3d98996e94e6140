"""One media socket from the upgrade to the last trace of it, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from agents.tasks import Tasks
from telephony.call.events import (
    AnyPhoneEvent,
    CallerAudio,
    DtmfPressed,
    MarkEchoed,
    PeerMisbehaved,
    StreamLost,
    StreamStarted,
    StreamStopped,
)
from telephony.twilio.noise import Noise
from telephony.twilio.ports import Offer
from telephony.twilio.signature import Signatures
from telephony.twilio.stream import MediaEndpoint, StreamLimits
from telephony.twilio.tokens import StreamTokens
from telephony.twilio.urls import PublicUrl
from tests.telephony import twilio_peer as peer
from tests.telephony.virtual_time import run_virtually

SIGNATURE = RequestValidator(peer.AUTH_TOKEN).compute_signature(
    "wss://voice.example.com/twilio/media", {}
)
Message = MutableMapping[str, Any]


class Socket:
    """An ASGI WebSocket as uvicorn makes it: its own close comes back as a disconnect."""

    def __init__(self, signature: str | None = SIGNATURE, query: bytes = b"") -> None:
        headers = (
            [] if signature is None else [(b"x-twilio-signature", signature.encode("latin-1"))]
        )
        self.scope: Message = {"type": "websocket", "query_string": query, "headers": headers}
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.sent: list[Message] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.raises: Exception | None = None

    async def receive(self) -> Message:
        return await self.inbox.get()

    async def send(self, message: Message) -> None:
        await self.writable.wait()
        if self.raises is not None:
            raise self.raises
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.inbox.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

    def say(self, frame: dict[str, Any] | str | bytes) -> None:
        match frame:
            case bytes():
                self.inbox.put_nowait({"type": "websocket.receive", "bytes": frame})
            case str():
                self.inbox.put_nowait({"type": "websocket.receive", "text": frame})
            case _:
                self.inbox.put_nowait({"type": "websocket.receive", "text": peer.text(frame)})

    def hang_up(self, code: int = 1000) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": code})

    def closed(self) -> tuple[int, str] | None:
        closes = [message for message in self.sent if message["type"] == "websocket.close"]
        return (closes[0]["code"], closes[0]["reason"]) if closes else None

    @property
    def accepted(self) -> bool:
        return any(message["type"] == "websocket.accept" for message in self.sent)


class Edge:
    """The endpoint over a recording service."""

    def __init__(self, limits: StreamLimits | None = None) -> None:
        clock = asyncio.get_running_loop().time
        self.service = peer.Service()
        self.tokens = StreamTokens()
        self.endpoint = MediaEndpoint(
            peer.ACCOUNT,
            Signatures(PublicUrl(peer.PUBLIC_URL), [peer.AUTH_TOKEN]),
            self.tokens,
            self.service,
            Noise(self.service.count),
            limits,
            clock,
        )
        self.clock = clock
        self.failed: list[tuple[str, BaseException]] = []
        self.tasks = Tasks(lambda name, error: self.failed.append((name, error)))
        self.secret = 0

    def token(self, call_sid: str = peer.CALL) -> str:
        self.secret += 1
        offer = Offer(call_sid=call_sid, account_sid=peer.ACCOUNT, from_="+1", to="+2")
        return self.tokens.issue(offer, self.secret.to_bytes(16, "big"), self.clock())

    def connect(self, socket: Socket) -> "asyncio.Task[None]":
        return self.tasks.start("socket", self.endpoint(socket.scope, socket.receive, socket.send))

    async def live(self, call_sid: str = peer.CALL, stream_sid: str = peer.STREAM) -> Socket:
        """A socket whose call has begun."""
        socket = Socket()
        self.connect(socket)
        socket.say(peer.connected())
        socket.say(peer.start(call_sid, token=self.token(call_sid), stream_sid=stream_sid))
        await settle()
        assert self.events(stream_sid) == [StreamStarted(stream_sid)]
        return socket

    def events(self, stream_sid: str = peer.STREAM) -> list[AnyPhoneEvent]:
        return self.service.events.get(stream_sid, [])

    @property
    def count(self) -> Callable[[str], int]:
        return self.service.counts.__getitem__


def says(edge: Edge) -> None:
    """A frame of ours in the call."""
    leg = edge.service.legs[0]
    leg.play(b"\xff" * 160)
    leg.flush()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


Story = Callable[[Edge], Awaitable[None]]


def tell(story: Story, limits: StreamLimits | None = None) -> None:
    async def act() -> None:
        edge = Edge(limits)
        await story(edge)
        assert len(edge.tasks) == 0, "a socket is still open"
        assert not edge.failed, edge.failed

    run_virtually(act())


async def talk(socket: Socket, frames: int, first: int = 2) -> None:
    for n in range(frames):
        socket.say(peer.media(first + n, n * 20))
        await asyncio.sleep(0.02)


# ---- who gets in ------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [None, "", "forged", SIGNATURE[:-2] + "A="])
def test_fault_t9_an_upgrade_without_a_good_signature_is_refused_before_accept(
    signature: str | None,
) -> None:
    async def story(edge: Edge) -> None:
        socket = Socket(signature)
        await edge.connect(socket)
        assert not socket.accepted
        assert socket.closed() is not None
        assert edge.service.opened == []
        assert edge.count("stream.bad_signature") == 1

    tell(story)


def test_fault_t9_two_signatures_or_a_query_are_refused() -> None:
    async def story(edge: Edge) -> None:
        twice = Socket()
        twice.scope["headers"] = twice.scope["headers"] * 2
        query = Socket(query=b"token=1")
        for socket in (twice, query):
            await edge.connect(socket)
            assert not socket.accepted

    tell(story)


def test_a_stream_with_signature_and_token_becomes_a_call() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        offer, stream_sid = edge.service.opened[0]
        assert (offer.call_sid, offer.from_, stream_sid) == (peer.CALL, "+1", peer.STREAM)
        socket.hang_up()
        await settle()

    tell(story)


def test_fault_t5_media_before_start_is_dropped_and_no_start_in_five_seconds_is_refused() -> None:
    async def story(edge: Edge) -> None:
        socket = Socket()
        task = edge.connect(socket)
        socket.say(peer.connected())
        for n in range(3):
            socket.say(peer.media(2 + n, n * 20))
        await asyncio.sleep(4.9)
        assert socket.closed() is None
        await asyncio.sleep(0.2)
        await task
        assert socket.closed() == (1008, "stream.no_start")
        assert edge.service.opened == []
        assert edge.count("frame.bad.before_start") == 3

    tell(story)


def test_fault_t5_a_silent_socket_is_closed_after_five_seconds() -> None:
    async def story(edge: Edge) -> None:
        socket = Socket()
        await edge.connect(socket)
        assert socket.closed() == (1008, "stream.no_start")

    tell(story)


def test_fault_t5_a_start_after_some_nonsense_still_counts() -> None:
    async def story(edge: Edge) -> None:
        socket = Socket()
        edge.connect(socket)
        for frame in ("{bad", b"\x00", peer.media(2, 0), {"event": "future"}):
            socket.say(frame)
        socket.say(peer.start(token=edge.token()))
        await settle()
        assert edge.events() == [StreamStarted(peer.STREAM)]
        socket.hang_up()
        await settle()

    tell(story)


def test_a_socket_that_talks_and_talks_before_start_is_refused_at_once() -> None:
    async def story(edge: Edge) -> None:
        socket = Socket()
        task = edge.connect(socket)
        for _ in range(20):
            socket.say(peer.media(2, 0))
        await settle()
        await task
        assert socket.closed() == (1008, "stream.too_much_before_start")

    tell(story)


REFUSED_STARTS = [
    (peer.start(), 1008, "stream.no_token"),
    (peer.start(token="guess"), 1008, "stream.token_unknown"),
    (peer.start(peer.OTHER_CALL, token="GOOD"), 1008, "stream.token_unknown"),
    (peer.start(token="GOOD", account_sid=peer.OTHER_ACCOUNT), 1008, "stream.wrong_account"),
    (peer.start(token="GOOD", encoding="audio/l16"), 1003, "stream.wrong_format"),
    (peer.start(token="GOOD", rate=16_000), 1003, "stream.wrong_format"),
    (peer.start(token="GOOD", channels=2), 1003, "stream.wrong_format"),
]


@pytest.mark.parametrize(("frame", "code", "reason"), REFUSED_STARTS)
def test_fault_t10_a_start_that_proves_nothing_is_refused_and_costs_nothing(
    frame: dict[str, Any], code: int, reason: str
) -> None:
    async def story(edge: Edge) -> None:
        token = edge.token()
        if frame["start"]["customParameters"].get("token") == "GOOD":
            frame["start"]["customParameters"]["token"] = token
        socket = Socket()
        task = edge.connect(socket)
        socket.say(frame)
        await task
        assert socket.closed() == (code, reason)
        assert edge.service.opened == []
        assert edge.count(reason) == 1

    tell(story)


def test_fault_t10_a_token_is_good_for_one_stream_only() -> None:
    async def story(edge: Edge) -> None:
        token = edge.token()
        for expected in (None, (1008, "stream.token_unknown")):
            socket = Socket()
            task = edge.connect(socket)
            socket.say(peer.start(token=token))
            await settle()
            assert socket.closed() == expected
            socket.hang_up()
            await task
        assert len(edge.service.opened) == 1

    tell(story)


def test_fault_t10_twenty_sockets_with_one_token_make_one_call() -> None:
    async def story(edge: Edge) -> None:
        token = edge.token()
        sockets = [Socket() for _ in range(20)]
        for socket in sockets:
            edge.connect(socket)
            socket.say(peer.start(token=token))
        await settle()
        assert [socket.closed() for socket in sockets].count(None) == 1
        assert len(edge.service.opened) == 1
        for socket in sockets:
            socket.hang_up()
        await settle()

    tell(story)


def test_fault_t10_an_expired_token_opens_nothing() -> None:
    async def story(edge: Edge) -> None:
        token = edge.token()
        await asyncio.sleep(61)
        socket = Socket()
        task = edge.connect(socket)
        socket.say(peer.start(token=token))
        await task
        assert socket.closed() == (1008, "stream.token_expired")

    tell(story)


def test_fault_t24_a_second_socket_of_a_live_call_is_refused_and_the_first_talks_on() -> None:
    async def story(edge: Edge) -> None:
        first = await edge.live()
        second = Socket()
        task = edge.connect(second)
        second.say(peer.start(token=edge.token(), stream_sid=peer.OTHER_STREAM))
        await task
        assert second.closed() == (1008, "stream.second_socket")
        await talk(first, 1)
        assert edge.events() == [StreamStarted(peer.STREAM), CallerAudio(peer.FRAME, 0)]
        assert len(edge.service.opened) == 1
        first.hang_up()
        await settle()

    tell(story)


def test_a_call_may_have_a_stream_again_when_the_first_is_gone() -> None:
    async def story(edge: Edge) -> None:
        for stream_sid in (peer.STREAM, peer.OTHER_STREAM):
            socket = await edge.live(stream_sid=stream_sid)
            socket.hang_up()
            await settle()

    tell(story)


def test_a_stream_the_service_does_not_want_is_refused() -> None:
    async def story(edge: Edge) -> None:
        edge.service.opens = False
        socket = Socket()
        task = edge.connect(socket)
        socket.say(peer.start(token=edge.token()))
        await task
        assert socket.closed() == (1008, "stream.not_admitted")

    tell(story)


def test_only_so_many_sockets_may_be_without_a_call_at_a_time() -> None:
    async def story(edge: Edge) -> None:
        waiting = [Socket() for _ in range(3)]
        for socket in waiting:
            edge.connect(socket)
        await settle()
        assert [socket.accepted for socket in waiting] == [True, True, False]
        assert edge.count("stream.too_many_opening") == 1
        await asyncio.sleep(6)
        late = Socket()
        edge.connect(late)
        await settle()
        assert late.accepted
        await asyncio.sleep(6)

    tell(story, StreamLimits(opening_sockets=2))


@pytest.mark.parametrize("when", ["before accept", "after accept"])
def test_a_socket_that_goes_before_its_start_leaves_nothing(when: str) -> None:
    async def story(edge: Edge) -> None:
        socket = Socket()
        if when == "before accept":
            socket.raises = ConnectionResetError()
        else:
            socket.hang_up(1006)
        await edge.connect(socket)
        assert edge.count("stream.gone_before_start") == 1

    tell(story)


def test_a_socket_that_takes_not_even_its_refusal_is_let_go() -> None:
    async def story(edge: Edge) -> None:
        socket = Socket()
        task = edge.connect(socket)
        await settle()
        socket.writable.clear()
        socket.say(peer.start())
        await task
        assert edge.count("stream.gone_before_close") == 1

    tell(story)


# ---- a live stream ----------------------------------------------------------------------------


def test_a_call_hears_everything_in_order() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.say(peer.media(2, 0))
        socket.say(peer.dtmf(3, "5"))
        socket.say(peer.mark(4, "0:1:800"))
        socket.say(peer.media(5, 20))
        socket.say(peer.stop(6))
        socket.say(peer.media(7, 40))
        await settle()
        socket.hang_up()
        await settle()
        assert edge.events() == [
            StreamStarted(peer.STREAM),
            CallerAudio(peer.FRAME, 0),
            DtmfPressed("5"),
            MarkEchoed("0:1:800"),
            CallerAudio(peer.FRAME, 20),
            StreamStopped(),
        ]

    tell(story)


def test_what_the_call_says_reaches_the_socket() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        leg = edge.service.legs[0]
        leg.play(b"\xff" * 800)
        leg.mark("0:1:800")
        leg.clear()
        leg.play(b"\xff" * 160)
        leg.flush()
        await settle()
        texts = [message["text"] for message in socket.sent if "text" in message]
        assert texts == [
            f'{{"event":"clear","streamSid":"{peer.STREAM}"}}',
            peer.text(
                {
                    "event": "media",
                    "streamSid": peer.STREAM,
                    "media": {"payload": peer.media(2, 0, b"\xff" * 160)["media"]["payload"]},
                }
            ),
        ]
        leg.close(1000, "done")
        await settle()
        assert socket.closed() == (1000, "done")
        assert edge.events()[-1] == StreamLost("closed")

    tell(story)


@pytest.mark.parametrize("frame", ["{bad", b"\x00\x01", "[]", '{"event":"media"}', ""])
def test_fault_t1_t2_t3_one_bad_frame_never_ends_a_call(frame: str | bytes) -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.say(peer.media(2, 0))
        socket.say(frame)
        socket.say(peer.media(3, 20))
        await settle()
        assert [type(event) for event in edge.events()] == [
            StreamStarted,
            CallerAudio,
            PeerMisbehaved,
            CallerAudio,
        ]
        socket.hang_up()
        await settle()

    tell(story)


def test_fault_t1_too_many_bad_frames_end_the_stream_as_a_breach_of_protocol() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        for _ in range(21):
            socket.say("{bad")
        await settle()
        assert socket.closed() == (1008, "protocol")
        assert edge.events()[-1] == StreamLost("protocol")

    tell(story)


def test_fault_t6_a_second_start_leaves_the_first_call_unaffected() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.say(peer.start(peer.OTHER_CALL, token=edge.token(peer.OTHER_CALL)))
        await talk(socket, 1)
        assert edge.events() == [
            StreamStarted(peer.STREAM),
            PeerMisbehaved("second_start"),
            CallerAudio(peer.FRAME, 0),
        ]
        assert len(edge.service.opened) == 1
        assert edge.count("frame.bad.second_start") == 1
        socket.hang_up()
        await settle()

    tell(story)


def test_fault_t12_three_seconds_without_audio_lose_the_stream() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        await talk(socket, 500)
        assert edge.events()[-1] == CallerAudio(peer.FRAME, 499 * 20)
        await asyncio.sleep(2.9)
        assert edge.events()[-1] == CallerAudio(peer.FRAME, 499 * 20)
        await asyncio.sleep(0.2)
        assert edge.events()[-1] == StreamLost("silent")
        assert socket.closed() == (1011, "silent")

    tell(story)


def test_fault_t12_other_frames_do_not_keep_a_dead_line_alive() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        for n in range(31):
            socket.say(peer.mark(2 + n, "m"))
            await asyncio.sleep(0.1)
        assert edge.events()[-1] == StreamLost("silent")

    tell(story)


def test_fault_t12_a_vanished_peer_that_takes_no_close_is_let_go_too() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.writable.clear()
        await asyncio.sleep(5)
        assert edge.events()[-1] == StreamLost("silent")

    tell(story)


def test_fault_t13_a_hang_up_leaves_nothing_running_when_twilio_closes() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        await talk(socket, 10)
        socket.say(peer.stop(12))
        await settle()
        assert edge.events()[-1] == StreamStopped()
        socket.hang_up()
        await settle()
        assert len(edge.tasks) == 0
        assert edge.count("stream.ended.stopped") == 1

    tell(story)


def test_fault_t13_a_hang_up_without_a_close_is_closed_by_us_within_two_seconds() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.say(peer.stop(2))
        await asyncio.sleep(0.9)
        assert socket.closed() is None
        await asyncio.sleep(0.6)
        assert socket.closed() == (1000, "stopped")
        assert len(edge.tasks) == 0

    tell(story)


def test_a_call_may_close_its_stream_as_soon_as_it_has_stopped() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.say(peer.stop(2))
        await settle()
        edge.service.legs[0].close(1000, "caller_hung_up")
        await settle()
        assert socket.closed() == (1000, "caller_hung_up")
        assert len(edge.tasks) == 0

    tell(story)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, "closed"),
        (1006, "closed"),
        (1009, "protocol"),
        (1007, "protocol"),
        (1012, "server_stopping"),
    ],
)
def test_a_socket_closed_without_stop_is_a_lost_stream(code: int, reason: str) -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.hang_up(code)
        await settle()
        assert edge.events()[-1] == StreamLost(reason)
        assert edge.count(f"stream.ended.{reason}") == 1

    tell(story)


def test_a_peer_that_does_not_read_is_lost_after_five_seconds() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.writable.clear()
        says(edge)
        await talk(socket, 255)
        assert edge.events()[-1] == StreamLost("backpressure")
        await asyncio.sleep(1)

    tell(story)


def test_a_minute_of_unsent_audio_is_too_much() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.writable.clear()
        for _ in range(62):
            edge.service.legs[0].play(b"\xff" * 8_000)
        await settle()
        ends = [event for event in edge.events() if isinstance(event, StreamLost)]
        assert ends == [StreamLost("backpressure")]
        await asyncio.sleep(2)

    tell(story)


@pytest.mark.parametrize("error", [ConnectionResetError(), RuntimeError("closed already")])
def test_a_socket_that_breaks_while_sending_is_lost(error: Exception) -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.raises = error
        says(edge)
        await settle()
        assert edge.events() == [StreamStarted(peer.STREAM)]
        await asyncio.sleep(0.25)
        await settle()
        assert edge.events()[-1] == StreamLost("closed")

    tell(story)


@pytest.mark.parametrize("error", [ConnectionResetError(), RuntimeError("closed already")])
def test_a_stop_still_unread_when_the_socket_breaks_is_the_end_that_counts(
    error: Exception,
) -> None:
    """A busy server finds the caller's last frames, `stop` and the close in one packet: it may
    write no more, yet the caller hung up and no stream was lost."""

    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.raises = error
        says(edge)
        await settle()
        socket.say(peer.media(2, 0))
        socket.say(peer.stop(3))
        socket.hang_up()
        await settle()
        assert edge.events()[-2:] == [CallerAudio(peer.FRAME, 0), StreamStopped()]
        await asyncio.sleep(1)

    tell(story)


def test_a_flood_ends_its_own_call_only() -> None:
    async def story(edge: Edge) -> None:
        quiet = await edge.live()
        loud = await edge.live(peer.OTHER_CALL, peer.OTHER_STREAM)
        for n in range(1_200):
            loud.say(peer.media(2 + n, n * 20, stream_sid=peer.OTHER_STREAM))
        await settle()
        assert loud.closed() == (1008, "flood")
        assert edge.events(peer.OTHER_STREAM)[-1] == StreamLost("flood")
        await talk(quiet, 2)
        assert edge.events()[-1] == CallerAudio(peer.FRAME, 20)
        quiet.hang_up()
        await settle()

    tell(story)


def test_a_server_that_stops_tells_the_call_before_it_goes() -> None:
    async def story(edge: Edge) -> None:
        await edge.live()
        await edge.tasks.cancel_all()
        assert edge.events() == [StreamStarted(peer.STREAM), StreamLost("server_stopping")]

    tell(story)


def test_a_bug_of_ours_in_a_task_ends_the_stream_and_is_counted() -> None:
    async def story(edge: Edge) -> None:
        socket = await edge.live()
        socket.raises = KeyError("a bug")
        says(edge)
        await settle()
        assert edge.events()[-1] == StreamLost("internal")
        assert edge.count("stream.task_failed") == 1

    tell(story)
