"""Which calls come in over the media socket, and what becomes of each socket?

A raw ASGI endpoint: at 50 messages a second and call, a framework's WebSocket object would be
half the cost. Nothing that costs money happens before the upgrade's signature and the stream's
token have both been checked.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from enum import Enum
from functools import partial
from typing import Any

import msgspec
import structlog
from starlette.routing import WebSocketRoute

from agents.tasks import Tasks
from telephony.call.events import (
    AnyPhoneEvent,
    CallerAudio,
    StreamLost,
    StreamStarted,
    StreamStopped,
)
from telephony.twilio import wire
from telephony.twilio.direct import EXTENSION, DirectSocket
from telephony.twilio.intake import Intake, IntakeLimits
from telephony.twilio.leg import TwilioLeg
from telephony.twilio.noise import Noise
from telephony.twilio.outbox import MAX_WAITING_SAMPLES, Closing
from telephony.twilio.ports import Deliver, LostReason, Offer, StreamPort
from telephony.twilio.signature import Signatures
from telephony.twilio.tokens import StreamTokens, TokenRefusal
from telephony.twilio.twiml import TOKEN_PARAMETER
from telephony.twilio.urls import MEDIA_PATH

_log = structlog.get_logger(__name__)

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_FORMAT = wire.MediaFormat("audio/x-mulaw", 8_000, 1)

_SECOND_LOOK_S = 0.05

POLICY_VIOLATION = 1008
UNSUPPORTED_DATA = 1003
INTERNAL_ERROR = 1011
NORMAL = 1000


class StreamLimits(msgspec.Struct, frozen=True):
    """How long we wait for a socket, and how much it may send or leave unread."""

    start_s: float = 5.0
    """From the upgrade to `start`."""
    silence_s: float = 3.0
    """Without caller audio."""
    send_s: float = 5.0
    """For one message to be taken by the socket."""
    linger_s: float = 1.0
    """From `stop` to Twilio's close. With `close_s` within the 2 s after which nothing of a call
    that was hung up may be left."""
    close_s: float = 0.5
    """For our own close frame to be taken."""
    last_words_s: float = 0.25
    """For what came before the other side left to be read: a `stop`, perhaps."""
    messages_before_start: int = 20
    opening_sockets: int = 256
    """Sockets between upgrade and `start` at one time."""
    waiting_samples: int = MAX_WAITING_SAMPLES
    intake: IntakeLimits = IntakeLimits()


class Refusal(Enum):
    """Why a socket never became a call: counter name and close code (403 before the upgrade)."""

    BAD_SIGNATURE = ("stream.bad_signature", 403)
    TOO_MANY_OPENING = ("stream.too_many_opening", 403)
    NO_START = ("stream.no_start", POLICY_VIOLATION)
    TOO_MUCH_BEFORE_START = ("stream.too_much_before_start", POLICY_VIOLATION)
    WRONG_ACCOUNT = ("stream.wrong_account", POLICY_VIOLATION)
    NO_TOKEN = ("stream.no_token", POLICY_VIOLATION)
    TOKEN_UNKNOWN = ("stream.token_unknown", POLICY_VIOLATION)
    TOKEN_EXPIRED = ("stream.token_expired", POLICY_VIOLATION)
    TOKEN_WRONG_ACCOUNT = ("stream.token_wrong_account", POLICY_VIOLATION)
    SECOND_SOCKET = ("stream.second_socket", POLICY_VIOLATION)
    NOT_ADMITTED = ("stream.not_admitted", POLICY_VIOLATION)
    OTHER_CALL = ("stream.other_call", POLICY_VIOLATION)
    WRONG_FORMAT = ("stream.wrong_format", UNSUPPORTED_DATA)


_TOKEN_REFUSALS = {
    TokenRefusal.UNKNOWN: Refusal.TOKEN_UNKNOWN,
    TokenRefusal.EXPIRED: Refusal.TOKEN_EXPIRED,
    TokenRefusal.WRONG_ACCOUNT: Refusal.TOKEN_WRONG_ACCOUNT,
}

_CLOSE_CODES = {
    LostReason.PROTOCOL.value: POLICY_VIOLATION,
    LostReason.FLOOD.value: POLICY_VIOLATION,
}


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


class _Disconnected(Exception):  # noqa: N818 - how every socket ends
    """The other side closed the socket, or it broke."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Socket:
    """One ASGI WebSocket."""

    def __init__(self, receive: _Receive, send: _Send, direct: DirectSocket | None = None) -> None:
        self._receive = receive
        self._send = send
        self._closed = False
        self.direct = direct
        """The same socket without ASGI between, where the server offers that."""

    async def accept(self) -> None:
        await self._send({"type": "websocket.accept", "subprotocol": None, "headers": []})

    async def refuse(self) -> None:
        """Answer the upgrade with HTTP 403."""
        await self._send({"type": "websocket.close", "code": NORMAL, "reason": ""})

    async def receive(self) -> str | None:
        """The next text; None for a binary message. Raises _Disconnected."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            raise _Disconnected(message.get("code") or 1006)
        text = message.get("text")
        return text if isinstance(text, str) else None

    async def send(self, message: str | Closing) -> None:
        """Raises OSError when the socket is gone."""
        if self._closed:
            raise ConnectionResetError
        try:
            if isinstance(message, str):
                await self._send({"type": "websocket.send", "text": message})
                return
            self._closed = True
            await self._send(
                {"type": "websocket.close", "code": message.code, "reason": message.reason}
            )
        except RuntimeError as error:
            # uvicorn's complaint about sending on a socket that it has closed itself.
            raise ConnectionResetError from error


class MediaEndpoint:
    """`WS /twilio/media`: signature, `start`, token, then one live stream each."""

    def __init__(
        self,
        account_sid: str,
        signatures: Signatures,
        tokens: StreamTokens,
        streams: StreamPort,
        noise: Noise,
        limits: StreamLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` must be the one the tokens were issued by, and run like the event loop's."""
        self._account_sid = account_sid
        self._signatures = signatures
        self._tokens = tokens
        self._streams = streams
        self._noise = noise
        self._limits = limits or StreamLimits()
        self._clock = clock
        self._opening = 0
        self._live: Counter[str] = Counter()
        """Sockets by CallSid; two while a call goes on from one stream to the next."""

    def route(self) -> WebSocketRoute:
        return WebSocketRoute(MEDIA_PATH, self, name="twilio_media")

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        await receive()  # websocket.connect
        socket = _Socket(receive, send, scope.get("extensions", {}).get(EXTENSION))
        if (refusal := self._unwelcome(scope)) is not None:
            self._noise.refused(refusal.value[0])
            await socket.refuse()
            return
        await self._serve(socket)

    async def vouched(
        self, call_sid: str, receive: _Receive, send: _Send, began: Callable[["LiveStream"], None]
    ) -> None:
        """A stream of this call and no other, for whose socket somebody else vouches instead of a
        signature; its token is asked for all the same. `began` is given the stream."""
        await receive()  # websocket.connect
        socket = _Socket(receive, send)
        if self._opening >= self._limits.opening_sockets:
            self._noise.refused(Refusal.TOO_MANY_OPENING.value[0])
            await socket.refuse()
            return
        await self._serve(socket, call_sid, began)

    async def _serve(
        self,
        socket: _Socket,
        call_sid: str | None = None,
        began: Callable[["LiveStream"], None] | None = None,
    ) -> None:
        try:
            start, offer = await self._open(socket, call_sid)
        except _Refused as error:
            await self._close_refused(socket, error.refusal)
        except (_Disconnected, OSError):
            self._noise.refused("stream.gone_before_start")
        else:
            await self._carry(socket, start, offer, began)

    def _unwelcome(self, scope: _Message) -> Refusal | None:
        query = scope["query_string"].decode("latin-1")
        if not self._signatures.upgrade(MEDIA_PATH, query, _signature(scope)):
            return Refusal.BAD_SIGNATURE
        if self._opening >= self._limits.opening_sockets:
            return Refusal.TOO_MANY_OPENING
        return None

    async def _close_refused(self, socket: _Socket, refusal: Refusal) -> None:
        code, close_code = refusal.value
        self._noise.refused(code)
        try:
            async with asyncio.timeout(self._limits.close_s):
                await socket.send(Closing(close_code, code))
        except OSError:  # TimeoutError is one, too.
            self._noise.count("stream.gone_before_close")

    # ---- until the call is known --------------------------------------------------------------

    async def _open(self, socket: _Socket, call_sid: str | None) -> tuple[wire.Start, Offer]:
        """Raises _Refused, _Disconnected, OSError."""
        self._opening += 1
        try:
            async with asyncio.timeout(self._limits.start_s):
                await socket.accept()
                start = await self._start(socket)
        except TimeoutError:
            raise _Refused(Refusal.NO_START) from None
        finally:
            self._opening -= 1
        if call_sid not in (None, start.call_sid):
            raise _Refused(Refusal.OTHER_CALL)
        return start, self._authenticate(start)

    async def _start(self, socket: _Socket) -> wire.Start:
        for _ in range(self._limits.messages_before_start):
            try:
                frame = wire.parse(await socket.receive() or "")
            except wire.BadFrame as error:
                self._noise.refused(f"frame.bad.{error.kind.value}")
                continue
            if isinstance(frame, wire.Start):
                return frame
            if not isinstance(frame, wire.Connected):
                self._noise.refused(f"frame.bad.{wire.BadKind.BEFORE_START.value}")
        raise _Refused(Refusal.TOO_MUCH_BEFORE_START)

    def _authenticate(self, start: wire.Start) -> Offer:
        """The call this stream belongs to. Raises _Refused."""
        if start.account_sid != self._account_sid:
            raise _Refused(Refusal.WRONG_ACCOUNT)
        token = start.parameters.get(TOKEN_PARAMETER)
        if token is None:
            raise _Refused(Refusal.NO_TOKEN)
        offer = self._tokens.redeem(token, start.call_sid, start.account_sid, self._clock())
        if isinstance(offer, TokenRefusal):
            raise _Refused(_TOKEN_REFUSALS[offer])
        if start.format != _FORMAT:
            raise _Refused(Refusal.WRONG_FORMAT)
        if start.call_sid in self._live and not self._streams.expects(start.call_sid):
            raise _Refused(Refusal.SECOND_SOCKET)
        return offer

    # ---- the call -----------------------------------------------------------------------------

    async def _carry(
        self,
        socket: _Socket,
        start: wire.Start,
        offer: Offer,
        began: Callable[["LiveStream"], None] | None,
    ) -> None:
        self._live[offer.call_sid] += 1
        try:
            stream = LiveStream(socket, start, offer, self._noise, self._limits, self._clock)
            deliver = self._streams.open_call(offer, start.stream_sid, stream.leg)
            if deliver is None:
                await self._close_refused(socket, Refusal.NOT_ADMITTED)
            else:
                if began is not None:
                    began(stream)
                await stream.run(deliver)
        finally:
            self._live[offer.call_sid] -= 1
            self._live += Counter()


class LiveStream:
    """One authenticated stream, from StreamStarted to exactly one StreamStopped or StreamLost."""

    def __init__(
        self,
        socket: _Socket,
        start: wire.Start,
        offer: Offer,
        noise: Noise,
        limits: StreamLimits,
        clock: Callable[[], float],
    ) -> None:
        self._socket = socket
        self._stream_sid = start.stream_sid
        self._limits = limits
        self._clock = clock
        self._noise = noise
        self._log = _log.bind(call_sid=offer.call_sid, stream_sid=start.stream_sid)
        self._intake = Intake(start, clock(), noise.count, limits.intake)
        self._ending: asyncio.Future[StreamStopped | StreamLost] = (
            asyncio.get_running_loop().create_future()
        )
        self._tasks = Tasks(self._task_failed)
        self.leg = TwilioLeg(
            start.stream_sid,
            socket.send,
            self._unwritable,
            limits.send_s,
            limits.waiting_samples,
            socket.direct.write if socket.direct else None,
        )

    async def run(self, deliver: Deliver) -> None:
        """Returns when nothing of the stream is left."""
        deliver(StreamStarted(self._stream_sid))
        told = False
        try:
            if self._socket.direct is not None:
                self._socket.direct.take_over(
                    partial(self._taken, deliver), partial(self._offered, deliver)
                )
            reader = self._tasks.start("twilio-reader", self._read(deliver))
            writer = self._tasks.start("twilio-writer", self.leg.write())
            self._tasks.start("twilio-watchdog", self._watch())
            ending = await self._ending
            told = True
            self._tell(deliver, ending)
            await self._wind_up(ending, reader, writer)
        finally:
            if not told:
                self._tell(deliver, StreamLost(LostReason.SERVER_STOPPING.value))
            await self._tasks.cancel_all()

    def stop(self) -> None:
        """End in good order, as if the other side had said `stop`."""
        self._end(StreamStopped())

    def _tell(self, deliver: Deliver, ending: StreamStopped | StreamLost) -> None:
        reason = ending.reason if isinstance(ending, StreamLost) else "stopped"
        self._noise.count(f"stream.ended.{reason}")
        self._log.info("stream_ended", reason=reason)
        deliver(ending)

    async def _read(self, deliver: Deliver) -> None:
        try:
            while True:
                self._take(deliver, await self._socket.receive())
        except _Disconnected as gone:
            self._log.info("socket_closed", code=gone.code)
            self._lose(_reason(gone.code))

    def _taken(self, deliver: Deliver, text: str | None) -> None:
        """As a task of ours would: a bug ends this stream and is told as ours."""
        try:
            self._take(deliver, text)
        except Exception as error:
            self._task_failed("twilio-reader", error)

    def _offered(self, deliver: Deliver, message: bytes) -> bool:
        """The short way from the socket to the call, for nearly all that comes. False: it is not
        for this, and as if it had not been asked."""
        if self._ending.done():
            return False
        try:
            frame = wire.usual(message)
            if frame is None:
                return False
            event = self._intake.take_usual(frame, self._clock())
            if isinstance(event, CallerAudio):
                deliver(event)
            elif event is not None:
                self._pass_on(event, deliver)
        except Exception as error:
            self._task_failed("twilio-reader", error)
        return True

    def _take(self, deliver: Deliver, text: str | None) -> None:
        if self._ending.done():
            return  # Nothing counts after the end but Twilio's close.
        event = self._intake.take(text, self._clock())
        if event is not None:
            self._pass_on(event, deliver)

    def _pass_on(self, event: AnyPhoneEvent, deliver: Deliver) -> None:
        match event:
            case StreamStopped() | StreamLost():
                self._end(event)
            case _:
                deliver(event)

    async def _watch(self) -> None:
        """Twilio sends frames through silence: none for a while means that nobody is there."""
        while True:
            left = self._patience_left()
            # Had our own loop stalled, what waits in the socket would have to be read first.
            await asyncio.sleep(max(left, _SECOND_LOOK_S))
            if left <= 0 and self._patience_left() <= 0:
                return self._lose(LostReason.SILENT)

    def _patience_left(self) -> float:
        return self._intake.media_at + self._limits.silence_s - self._clock()

    async def _wind_up(
        self,
        ending: StreamStopped | StreamLost,
        reader: asyncio.Task[None],
        writer: asyncio.Task[None],
    ) -> None:
        if isinstance(ending, StreamLost):
            self.leg.close(_CLOSE_CODES.get(ending.reason, INTERNAL_ERROR), ending.reason)
        else:
            await asyncio.wait(
                {reader, writer},
                timeout=self._limits.linger_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            self.leg.close(NORMAL, "stopped")
        await asyncio.wait({writer}, timeout=self._limits.close_s)

    def _unwritable(self, reason: LostReason) -> None:
        """uvicorn refuses to write as soon as a close frame came, though a `stop` that came before
        it may still wait to be read: who hung up is for the reader to say, if it soon can."""
        if reason is LostReason.CLOSED:
            self._tasks.start("twilio-last-words", self._give_up_reading())
        else:
            self._lose(reason)

    async def _give_up_reading(self) -> None:
        await asyncio.sleep(self._limits.last_words_s)
        self._lose(LostReason.CLOSED)

    def _lose(self, reason: LostReason) -> None:
        self._end(StreamLost(reason.value))

    def _end(self, ending: StreamStopped | StreamLost) -> None:
        """The first ending counts."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def _task_failed(self, name: str, error: BaseException) -> None:
        self._noise.count("stream.task_failed")
        self._log.error("stream_task_failed", task=name, error=type(error).__name__)
        self._lose(LostReason.INTERNAL)


def _reason(code: int) -> LostReason:
    if code == 1012:
        return LostReason.SERVER_STOPPING
    # Given by our own server: no UTF-8, or a frame above the limit.
    return LostReason.PROTOCOL if code in {1002, 1007, 1009} else LostReason.CLOSED


def _signature(scope: _Message) -> str | None:
    values = [value for name, value in scope["headers"] if name == b"x-twilio-signature"]
    return values[0].decode("latin-1") if len(values) == 1 else None
