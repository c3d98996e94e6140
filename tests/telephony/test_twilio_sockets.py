"""A misbehaving Twilio on real sockets: webhook, upgrade, stream, all through uvicorn."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from telephony.call.events import (
    CallerAudio,
    PeerMisbehaved,
    StreamLost,
    StreamStarted,
    StreamStopped,
)
from telephony.twilio.stream import StreamLimits
from telephony.twilio.urls import MEDIA_PATH, VOICE_PATH
from tests.telephony import twilio_peer as peer
from tests.telephony.twilio_server import serving, signed

UPGRADE = signed("wss://voice.example.com/twilio/media")


class Twilio:
    def __init__(self, port: int) -> None:
        self.port = port

    async def ring(self, call_sid: str = peer.CALL) -> str:
        """The stream token of the answered webhook."""
        fields = {"CallSid": call_sid, "AccountSid": peer.ACCOUNT, "From": "+1", "To": "+2"}
        url = f"http://127.0.0.1:{self.port}{VOICE_PATH}"
        headers = {
            "X-Twilio-Signature": signed(f"{peer.PUBLIC_URL}{VOICE_PATH}", fields),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=urlencode(fields), headers=headers) as answer,
        ):
            parameter = ET.fromstring(await answer.read()).find("./Connect/Stream/Parameter")
        assert parameter is not None
        return parameter.attrib["value"]

    def socket(self, signature: str | None = UPGRADE) -> connect:
        headers = {} if signature is None else {"X-Twilio-Signature": signature}
        return connect(
            f"ws://127.0.0.1:{self.port}{MEDIA_PATH}",
            additional_headers=headers,
            max_size=None,
            proxy=None,
        )

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[ClientConnection]:
        token = await self.ring()
        async with self.socket() as socket:
            await socket.send(peer.text(peer.connected()))
            await socket.send(peer.text(peer.start(token=token)))
            yield socket


@asynccontextmanager
async def phone(service: peer.Service, limits: StreamLimits | None = None) -> AsyncIterator[Twilio]:
    async with serving(service, limits) as port:
        yield Twilio(port)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def closed_with(socket: ClientConnection) -> tuple[int, str]:
    await asyncio.wait_for(socket.wait_closed(), 5)
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


def lost(service: peer.Service) -> object:
    return service.events.get(peer.STREAM, [None])[-1]


async def test_a_call_from_the_webhook_to_the_hang_up() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await socket.send(peer.text(peer.media(2, 0)))
        await until(lambda: len(service.events.get(peer.STREAM, [])) == 2)
        service.legs[0].play(b"\xff" * 800)
        service.legs[0].mark("0:1:800")
        service.legs[0].flush()
        sent = [await socket.recv(), await socket.recv()]
        assert [isinstance(message, str) for message in sent] == [True, True]
        assert sent[1] == peer.text(
            {"event": "mark", "streamSid": peer.STREAM, "mark": {"name": "0:1:800"}}
        )
        await socket.send(peer.text(peer.stop(3)))
        await socket.close()
        await until(lambda: service.counts["stream.ended.stopped"])
    assert service.events[peer.STREAM] == [
        StreamStarted(peer.STREAM),
        CallerAudio(peer.FRAME, 0),
        StreamStopped(),
    ]


async def test_audio_of_another_stream_is_told_and_none_is_heard_behind_the_end() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await until(lambda: service.legs)
        await socket.send(peer.text(peer.media(2, 0, stream_sid=peer.OTHER_STREAM)))
        await until(lambda: lost(service) == PeerMisbehaved("wrong_stream"))
        await socket.send(peer.text(peer.media(2, 0)))
        await until(lambda: lost(service) == CallerAudio(peer.FRAME, 0))
        await socket.send(peer.text(peer.stop(3)))
        await until(lambda: lost(service) == StreamStopped())
        await socket.send(peer.text(peer.media(4, 20)))
        assert (await closed_with(socket))[0] == 1000
    assert lost(service) == StreamStopped()


async def test_messages_are_not_compressed() -> None:
    async with phone(peer.Service()) as twilio, twilio.stream() as socket:
        assert socket.protocol.extensions == []


@pytest.mark.parametrize("signature", [None, "", "forged", signed("https://voice.example.com/")])
async def test_fault_t9_the_upgrade_answers_403(signature: str | None) -> None:
    service = peer.Service()
    async with phone(service) as twilio:
        before = len(asyncio.all_tasks())
        with pytest.raises(InvalidStatus) as caught:
            await twilio.socket(signature)
        assert caught.value.response.status_code == 403
        await until(lambda: len(asyncio.all_tasks()) <= before)
    assert service.counts == {"stream.bad_signature": 1}


async def test_fault_t5_no_start_closes_1008_and_opens_nothing() -> None:
    service = peer.Service()
    limits = StreamLimits(start_s=0.1)
    async with phone(service, limits) as twilio, twilio.socket() as socket:
        await socket.send(peer.text(peer.connected()))
        await socket.send(peer.text(peer.media(2, 0)))
        assert await closed_with(socket) == (1008, "stream.no_start")
    assert service.opened == []


async def test_fault_t10_a_replayed_start_closes_1008() -> None:
    service = peer.Service()
    async with phone(service) as twilio:
        token = await twilio.ring()
        async with twilio.socket() as first, twilio.socket() as second:
            await first.send(peer.text(peer.start(token=token)))
            await until(lambda: service.opened)
            await second.send(peer.text(peer.start(token=token)))
            assert await closed_with(second) == (1008, "stream.token_unknown")
    assert len(service.opened) == 1


async def test_fault_t10_the_token_of_one_call_does_not_open_another() -> None:
    service = peer.Service()
    async with phone(service) as twilio:
        token = await twilio.ring()
        await twilio.ring(peer.OTHER_CALL)
        async with twilio.socket() as socket:
            await socket.send(peer.text(peer.start(peer.OTHER_CALL, token=token)))
            assert await closed_with(socket) == (1008, "stream.token_unknown")
    assert service.opened == []


async def test_fault_t14_after_a_second_webhook_only_its_token_is_good() -> None:
    service = peer.Service()
    async with phone(service) as twilio:
        old, new = await twilio.ring(), await twilio.ring()
        async with twilio.socket() as late, twilio.socket() as good:
            await late.send(peer.text(peer.start(token=old)))
            assert await closed_with(late) == (1008, "stream.token_unknown")
            await good.send(peer.text(peer.start(token=new)))
            await until(lambda: service.opened)


async def test_fault_t24_the_second_of_two_sockets_with_good_tokens_is_refused() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as first:
        await until(lambda: service.opened)
        token = await twilio.ring()
        async with twilio.socket() as second:
            start = peer.start(token=token, stream_sid=peer.OTHER_STREAM)
            await second.send(peer.text(start))
            assert await closed_with(second) == (1008, "stream.second_socket")
        await first.send(peer.text(peer.media(2, 0)))
        await until(lambda: lost(service) == CallerAudio(peer.FRAME, 0))


async def test_a_call_that_waits_for_it_may_have_a_second_stream() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as first:
        await until(lambda: service.opened)
        await first.send(peer.text(peer.stop(2)))
        service.expected.add(peer.CALL)
        token = await twilio.ring()
        async with twilio.socket() as second:
            start = peer.start(token=token, stream_sid=peer.OTHER_STREAM)
            await second.send(peer.text(start))
            await until(lambda: len(service.opened) == 2)
            service.expected.clear()
            # The one before it is gone for good, and yet a third is one too many.
            await first.close()
            token = await twilio.ring()
            async with twilio.socket() as third:
                await third.send(peer.text(peer.start(token=token)))
                assert await closed_with(third) == (1008, "stream.second_socket")


@pytest.mark.parametrize("frame", ["{bad", b"\x00\xff", "[" * 60_000, "null"])
async def test_fault_t1_t2_t3_bad_frames_are_survived(frame: str | bytes) -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await socket.send(frame)
        await socket.send(peer.text(peer.media(2, 0)))
        await until(lambda: lost(service) == CallerAudio(peer.FRAME, 0))


async def test_messages_in_pieces_and_many_in_one_packet_are_taken_in_order() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        for number in range(2, 40):
            text = peer.text(peer.media(number, 20 * (number - 2)))
            await socket.send([text[:10], text[10:11], text[11:]] if number % 2 else text)
        await until(lambda: lost(service) == CallerAudio(peer.FRAME, 37 * 20))
    stamps = [e.timestamp_ms for e in service.events[peer.STREAM] if isinstance(e, CallerAudio)]
    assert stamps == [20 * n for n in range(38)]


@pytest.mark.parametrize(
    ("method", "frame"), [("take", peer.dtmf(2, "1")), ("take_usual", peer.media(2, 0))]
)
async def test_a_bug_of_ours_ends_its_stream_and_is_told_as_ours(
    monkeypatch: pytest.MonkeyPatch, method: str, frame: dict[str, Any]
) -> None:
    service = peer.Service()

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(f"telephony.twilio.intake.Intake.{method}", broken)
    async with phone(service) as twilio, twilio.stream() as socket:
        await until(lambda: service.legs)
        await socket.send(peer.text(frame))
        await until(lambda: lost(service) == StreamLost("internal"))
        assert service.counts["stream.task_failed"] == 1


async def test_a_clear_is_written_in_the_very_call_that_asks_for_it() -> None:
    """No turn of the event loop, which other calls would take part in, lies between."""
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await until(lambda: service.legs)
        service.legs[0].clear()
        service.legs[0].mark("behind")
        service.legs[0].flush()
        assert "clear" in str(await socket.recv())
        assert "behind" in str(await socket.recv())


async def test_a_frame_above_64_kib_is_closed_1009_by_the_server() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await until(lambda: service.opened)
        await socket.send("x" * 65_537)
        assert (await closed_with(socket))[0] == 1009
        await until(lambda: lost(service) == StreamLost("protocol"))


async def test_text_that_is_no_utf8_breaks_the_websocket_protocol_itself() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await until(lambda: service.opened)
        await socket.send(b"\xff\xfe", text=True)
        assert (await closed_with(socket))[0] == 1007
        await until(lambda: lost(service) == StreamLost("protocol"))


async def test_fault_t12_a_peer_that_vanishes_without_a_word_is_lost() -> None:
    service = peer.Service()
    limits = StreamLimits(silence_s=0.3, close_s=0.1)
    async with phone(service, limits) as twilio, twilio.stream() as socket:
        for n in range(5):
            await socket.send(peer.text(peer.media(2 + n, n * 20)))
        socket.transport.pause_reading()
        await until(lambda: lost(service) == StreamLost("silent"))
        socket.transport.resume_reading()


async def test_fault_t12_a_reset_connection_is_lost_at_once() -> None:
    service = peer.Service()
    async with phone(service) as twilio, twilio.stream() as socket:
        await until(lambda: service.opened)
        socket.transport.abort()
        await until(lambda: lost(service) == StreamLost("closed"))


@pytest.mark.parametrize("ending", ["close", "stop and close", "abort"])
async def test_fault_t13_within_moments_of_the_end_no_task_is_left(ending: str) -> None:
    service = peer.Service()
    async with phone(service) as twilio:
        before = len(asyncio.all_tasks())
        for _ in range(5):
            service.events.clear()
            async with twilio.stream() as socket:
                await until(lambda: service.events)
                if ending == "stop and close":
                    await socket.send(peer.text(peer.stop(2)))
                if ending == "abort":
                    socket.transport.abort()
            await until(lambda: isinstance(lost(service), StreamLost | StreamStopped))
        await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_peer_that_stops_reading_is_lost_and_others_are_not() -> None:
    service = peer.Service()
    limits = StreamLimits(send_s=0.2, close_s=0.1)
    async with phone(service, limits) as twilio, twilio.stream() as deaf:
        await until(lambda: service.opened)
        deaf.transport.pause_reading()
        for _ in range(3_000):
            service.legs[0].play(b"\xff" * 160)
            service.legs[0].flush()
            await asyncio.sleep(0)
        for _ in range(60):
            service.legs[0].clear()
            for _ in range(50):
                service.legs[0].play(b"\xff" * 8_000)
                service.legs[0].flush()
            await asyncio.sleep(0.005)
            if isinstance(lost(service), StreamLost):
                break
        await until(lambda: lost(service) == StreamLost("backpressure"))
        deaf.transport.abort()


async def test_no_log_line_of_a_call_holds_its_token_its_numbers_or_what_was_sent() -> None:
    service = peer.Service()
    with capture_logs() as logs:
        async with phone(service) as twilio:
            token = await twilio.ring()
            async with twilio.socket() as socket:
                await socket.send(peer.text(peer.start(token=token)))
                await socket.send('{"event":"dtmf","card":"4111111111111111"}')
                await socket.send(peer.text(peer.dtmf(2, "4")))
                await until(lambda: service.counts["frame.bad.bad_shape"])
            await until(lambda: service.counts["stream.ended.closed"])
    written = str(logs)
    assert token not in written
    assert "4111" not in written
    assert {log["event"] for log in logs} == {"socket_closed", "stream_ended"}


async def test_two_hundred_strangers_cost_no_call_and_leave_nothing() -> None:
    service = peer.Service()
    async with phone(service) as twilio:
        before = len(asyncio.all_tasks())

        async def stranger() -> int:
            with pytest.raises(InvalidStatus) as caught:
                await twilio.socket("forged")
            return caught.value.response.status_code

        statuses = await asyncio.gather(*(stranger() for _ in range(200)))
        assert set(statuses) == {403}
        await until(lambda: len(asyncio.all_tasks()) <= before)
    assert service.opened == []
