"""One media stream: the socket, the 20 ms beat, and the carrier's clock driven in real time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    WebSocketException,
)

from agents.tasks import Tasks
from telephony.simulator.carrier import FRAME_SAMPLES, Carrier
from telephony.simulator.dialect import Narration
from telephony.simulator.phone import CallerSide, StreamEnd, StreamReport, reactions_ms

FRAME_MS = 20
HANDSHAKE_S = 5.0
SLOW_READER_BYTES = 64 * 1024
_GOOD_CLOSE_CODES = range(1000, 1006)


class HandshakeError(Exception):
    """The stream never opened; `code` is Twilio's."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class StreamSocket(Protocol):
    """What a leg needs of its WebSocket. `send` and iteration raise ConnectionClosed."""

    @property
    def close_code(self) -> int | None: ...

    @property
    def unsent_bytes(self) -> int: ...

    async def send(self, text: str) -> None: ...

    async def close(self) -> None: ...

    def __aiter__(self) -> AsyncIterator[str | bytes]: ...


OpenStream = Callable[[str, str], Awaitable[StreamSocket]]
"""Connects to a URL with an X-Twilio-Signature; raises HandshakeError."""


class DirectSocket:
    """A WebSocket as it is."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def close_code(self) -> int | None:
        return self._connection.close_code

    @property
    def unsent_bytes(self) -> int:
        return self._connection.transport.get_write_buffer_size()

    async def send(self, text: str) -> None:
        await self._connection.send(text)

    async def close(self) -> None:
        await self._connection.close()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        async for message in self._connection:
            yield message


class MediaLeg:
    """The carrier's side of one stream: `open`, `run` once; `end` from anywhere on the loop."""

    def __init__(
        self,
        account_sid: str,
        call_sid: str,
        stream_sid: str,
        caller: CallerSide,
        open_stream: OpenStream | None = None,
    ) -> None:
        """`open_stream` stands between the leg and the network; None: a plain WebSocket."""
        self._open_stream = open_stream or open_direct
        self._stream_sid = stream_sid
        self._narration = Narration(account_sid, call_sid, stream_sid)
        self._carrier = Carrier(self._narration, stream_sid)
        self._caller = caller
        self._spoken = bytearray()
        self._wake = asyncio.Event()
        self._end: StreamEnd | None = None
        self._lost_frames = 0
        self._bugs: list[BaseException] = []
        self._reading = Tasks(self._reader_failed)

    def end(self, end: StreamEnd) -> None:
        """End the stream in good order; the first to ask decides how it is reported."""
        self._end = self._end or end
        self._wake.set()

    async def open(self, url: str, signature: str) -> None:
        """Connect; raises HandshakeError. `run` must follow, which closes again."""
        self._socket = await self._open_stream(url, signature)

    async def run(self, parameters: Mapping[str, str]) -> StreamReport:
        """Talk until either side ends the stream, then close."""
        socket = self._socket
        self._zero = asyncio.get_running_loop().time()
        reading = self._reading.start("phone reads its media stream", self._read(socket))
        try:
            await self._talk(socket, parameters)
        except ConnectionClosed:
            # What was sent to us before the close still counts.
            await asyncio.wait((reading,), timeout=1)
        finally:
            await socket.close()
            await self._reading.cancel_all()
        if self._bugs:
            raise self._bugs[0]
        return self._report()

    async def _talk(self, socket: StreamSocket, parameters: Mapping[str, str]) -> None:
        await socket.send(self._narration.connected())
        await socket.send(self._narration.start(parameters))
        self._zero = asyncio.get_running_loop().time()
        while self._end is None:
            for text in self._due(socket.unsent_bytes):
                await socket.send(text)
            await self._sleep()
        self._carrier.advance(self._now())
        if self._end not in (StreamEnd.CLOSED, StreamEnd.BROKEN):
            await socket.send(self._narration.stop())

    def _due(self, unsent_bytes: int) -> list[str]:
        """Live through all 20 ms frames that are over; what there is to send.

        To a server that does not read, Twilio drops the caller's audio (31930).
        """
        texts = self._carrier.advance(self._now())
        for ear in self._carrier.take_frames():
            said = self._live(len(self._spoken) // 8, ear)
            if unsent_bytes > SLOW_READER_BYTES:
                self._lost_frames += 1
            else:
                texts += said
        return texts

    def _live(self, now_ms: int, ear: bytes) -> list[str]:
        self._caller.heard(now_ms, ear)
        microphone = self._caller.frame(now_ms)
        if len(microphone) != FRAME_SAMPLES:
            raise AssertionError(f"a microphone frame of {len(microphone)} bytes, not 160")
        self._spoken += microphone
        if self._caller.hang_up:
            self.end(StreamEnd.CALLER)
        keys = self._caller.keys(now_ms)
        return [
            self._narration.media(microphone, now_ms),
            *(self._narration.dtmf(key) for key in keys),
        ]

    async def _sleep(self) -> None:
        """Until the next frame is over, a mark falls due or something arrives.

        Each frame's time is counted from the stream's start, so that lateness never adds up.
        """
        due = (len(self._spoken) // 8 + FRAME_MS) / 1000
        if (mark := self._carrier.next_deadline()) is not None:
            due = min(due, mark)
        timer = asyncio.get_running_loop().call_at(self._zero + due, self._wake.set)
        await self._wake.wait()
        timer.cancel()
        self._wake.clear()

    async def _read(self, socket: StreamSocket) -> None:
        try:
            async for message in socket:
                if self._end is None:
                    self._carrier.receive(message, self._now())
                    self._wake.set()
        except ConnectionClosed:
            pass
        self.end(_end_of(socket))

    def _reader_failed(self, name: str, error: BaseException) -> None:
        self._bugs.append(error)
        self.end(StreamEnd.BROKEN)

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._zero

    def _report(self) -> StreamReport:
        caller = bytes(self._spoken)
        carrier = self._carrier
        return StreamReport(
            stream_sid=self._stream_sid,
            end=self._end or StreamEnd.BROKEN,
            length_ms=len(carrier.heard) // 8,
            played_ms_by_item=carrier.played_ms_by_mark_item(),
            clips=carrier.clips,
            clears=carrier.clears,
            reactions_ms=reactions_ms(caller, carrier.clears),
            warnings=carrier.warnings,
            caller_ulaw=caller,
            heard_ulaw=carrier.heard,
            lost_frames=self._lost_frames,
            began_s=self._zero,
        )


async def open_direct(url: str, signature: str) -> DirectSocket:
    """Connect as Twilio does; raises HandshakeError with Twilio's code."""
    try:
        connection = await connect(
            url,
            additional_headers={"X-Twilio-Signature": signature},
            user_agent_header="Twilio.TmeWs/1.0",
            compression=None,
            proxy=None,
            open_timeout=HANDSHAKE_S,
            close_timeout=2,
            ping_interval=None,
            # Never wait for a slow server here: that would stop the clock of the phone.
            write_limit=1024 * 1024,
            max_size=16 * 1024 * 1024,
        )
        return DirectSocket(connection)
    except InvalidStatus as error:
        raise HandshakeError(31920, f"HTTP {error.response.status_code}") from None
    except (InvalidHandshake, WebSocketException) as error:
        raise HandshakeError(31920, str(error)) from None
    except TimeoutError:
        raise HandshakeError(31901, "no answer in time") from None
    except OSError as error:
        raise HandshakeError(31902, str(error)) from None


def _end_of(socket: StreamSocket) -> StreamEnd:
    good = socket.close_code in _GOOD_CLOSE_CODES or (socket.close_code or 0) > 1006
    return StreamEnd.CLOSED if good else StreamEnd.BROKEN
