"""The simulated phone on a cheap socket, with a trace of each call.

Webhooks, TwiML, callbacks and the carrier's clock are the simulator's own; only the media
socket and its 20 ms beat are replaced by ones without tasks.
"""

import asyncio
import math
import time
import uuid
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import aiohttp
import numpy as np

from telephony.media import ulaw
from telephony.simulator import twiml
from telephony.simulator.carrier import FRAME_SAMPLES, Carrier
from telephony.simulator.dial import STATUS_PATH, VOICE_PATH
from telephony.simulator.leg import FRAME_MS, HandshakeError, MediaLeg
from telephony.simulator.phone import PhoneReport, Recorded, StreamEnd, StreamReport
from telephony.simulator.placed import Numbers, PlacedCall
from telephony.simulator.signed import SignedRequests
from tests.bench.load.plan import SILENCE_MS
from tests.bench.load.trace import Trace
from tests.bench.load.websocket import Refused, Socket
from tests.fakes.realtime_script import hum

ACCOUNT_SID = "AC" + "0" * 31 + "1"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
OPEN_S = 10.0
CLOSE_S = 3.0
TAIL_S = 0.4
"""From the last frame to the hang-up: what was on its way has arrived."""
_SPEECH = ulaw.encode(hum("caller", 1_000, 8_000))
_NOISE = ulaw.encode(np.random.default_rng(1).integers(-40, 40, 8_000).astype(np.int16))


Late = Callable[[float], None]
"""Is told, while a trace is measuring, how many seconds late each frame was sent."""


class BenchCarrier(Carrier):
    """Tells the trace of everything that arrives."""

    trace: Trace

    def _enqueue(self, ulaw: bytes) -> None:
        super()._enqueue(ulaw)
        self.trace.media(len(ulaw), time.monotonic())

    def _clear(self) -> None:
        super()._clear()
        self.trace.cleared(time.monotonic())


class BenchLeg(MediaLeg):
    """One media stream: callbacks of the event loop instead of tasks."""

    def __init__(
        self,
        numbers: Numbers,
        stream_sid: str,
        trace: Trace,
        turns: tuple[tuple[int, int], ...],
        late: Late,
    ) -> None:
        nobody = Recorded(b"", 0)  # What the caller says comes from `turns`.
        super().__init__(numbers.account_sid, numbers.call_sid, stream_sid, nobody)
        self._carrier = BenchCarrier(self._narration, stream_sid)
        self._carrier.trace = self._trace = trace
        self._turns = turns
        self._late = late
        self._frames = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wake_s = 0.0
        self._ringing_off = False
        self._done = asyncio.Event()

    # ---- MediaLeg ------------------------------------------------------------------------------

    async def open(self, url: str, signature: str) -> None:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(
            lambda: Socket(self._arrived), parts.hostname or "", parts.port or 80
        )
        self._line = line
        line.upgrade(parts.netloc, parts.path, {"X-Twilio-Signature": signature})
        try:
            await asyncio.wait_for(asyncio.shield(line.opened), OPEN_S)
        except Refused as error:
            raise HandshakeError(31920, str(error)) from None
        except (OSError, TimeoutError) as error:
            line.abort()
            raise HandshakeError(31901, repr(error)) from None

    async def run(self, parameters: Mapping[str, str]) -> StreamReport:
        line = self._line
        line.closed.add_done_callback(lambda _: self._closed())
        line.send(self._narration.connected().encode())
        line.send(self._narration.start(parameters).encode())
        self._zero = asyncio.get_running_loop().time()
        self._beat()
        await self._done.wait()
        if self._timer is not None:
            self._timer.cancel()
        self._carrier.advance(self._now())
        if not line.closed.done():
            line.send(self._narration.stop().encode())
            line.close()
            await asyncio.wait((line.closed,), timeout=CLOSE_S)
            line.abort()
        return self._report()

    def end(self, end: StreamEnd) -> None:
        self._end = self._end or end
        self._done.set()

    def hang_up(self) -> None:
        """Send no more; a moment later, hang up."""
        if not self._ringing_off:
            self._ringing_off = True
            asyncio.get_running_loop().call_later(TAIL_S, self._put_down)

    def drop(self) -> None:
        """The connection breaks in the middle of whatever is being said."""
        self._line.abort()

    def say(self, text: bytes) -> None:
        """Something else than a telephone would."""
        self._line.send(text)

    @property
    def queued_samples(self) -> int:
        """What the phone has still to play, now."""
        for text in self._carrier.advance(self._now()):
            self._line.send(text.encode())
        return self._carrier.queued_samples

    # ---- the beat ------------------------------------------------------------------------------

    def _beat(self) -> None:
        now = self._now()
        for text in self._carrier.advance(now):
            self._line.send(text.encode())
        while not self._ringing_off and self._due_s() <= now:
            if self._trace.measuring:
                self._late(now - self._due_s())
            self._frame()
        self._arm()

    def _frame(self) -> None:
        at_ms = self._frames * FRAME_MS
        self._frames += 1
        text = self._narration.media(self._microphone(at_ms), at_ms).encode()
        self._trace.frame_sent(FRAME_SAMPLES, time.monotonic())
        self._line.send(text)

    def _microphone(self, at_ms: int) -> bytes:
        while self._turns and at_ms >= self._turns[0][1]:
            self._turns = self._turns[1:]
        begin_ms, end_ms = self._turns[0] if self._turns else (math.inf, math.inf)
        speaking = begin_ms <= at_ms < end_ms - SILENCE_MS
        at = at_ms * 8 % 8_000
        return (_SPEECH if speaking else _NOISE)[at : at + FRAME_SAMPLES]

    def _due_s(self) -> float:
        """When the next frame is over."""
        return (self._frames + 1) * FRAME_MS / 1000

    def _arm(self) -> None:
        """One timer: the next frame, or a mark that falls due before it."""
        if self._timer is not None:
            self._timer.cancel()
        self._wake_s = self._due_s()
        if (mark := self._carrier.next_deadline()) is not None:
            self._wake_s = min(self._wake_s, mark)
        # Timers of uvloop count whole milliseconds: too early would mean to come again.
        wait_ms = math.ceil(max(0.0, self._wake_s - self._now()) * 1000)
        self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._beat)

    def _arrived(self, text: bytes) -> None:
        now = self._now()
        self._carrier.receive(text.decode(), now)
        for echo in self._carrier.advance(now):
            self._line.send(echo.encode())
        mark = self._carrier.next_deadline()
        if mark is not None and mark < self._wake_s:
            self._arm()

    # ---- the end -------------------------------------------------------------------------------

    def _put_down(self) -> None:
        self._trace.hung_up(time.monotonic())
        self.end(StreamEnd.CALLER)

    def _closed(self) -> None:
        code = self._line.closed.result()
        self.end(StreamEnd.BROKEN if code == 1006 else StreamEnd.CLOSED)


class BenchCall(PlacedCall):
    """One inbound call that hangs up when told to."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        address: str,
        trace: Trace,
        turns: tuple[tuple[int, int], ...],
        late: Late,
    ) -> None:
        numbers = Numbers(ACCOUNT_SID, _new_sid("CA"), "+14155550100", "+14155550199")
        requests = SignedRequests(http, AUTH_TOKEN, address=address, public_url=address)
        super().__init__(numbers, Recorded(b"", 0), requests, _new_sid)
        self._address = address
        self._trace = trace
        self._turns = turns
        self._late = late
        self._bench_leg: BenchLeg | None = None

    async def dial(self, time_limit_s: float) -> PhoneReport:
        """Live the call to its end."""
        return await self.run(
            self._address + VOICE_PATH, self._address + STATUS_PATH, time_limit_s, {}
        )

    def hang_up(self) -> None:
        if self._bench_leg is not None:
            self._bench_leg.hang_up()

    def queued_samples(self) -> int:
        return 0 if self._bench_leg is None else self._bench_leg.queued_samples

    async def _stream(self, stream: twiml.Stream, stream_sid: str) -> StreamReport:
        leg = BenchLeg(self.numbers, stream_sid, self._trace, self._turns, self._late)
        self._leg = self._bench_leg = leg
        try:
            await leg.open(self._requests.reach(stream.url), self._requests.signature(stream.url))
            self._stream_status(stream, stream_sid, "stream-started")
            return await leg.run(dict(stream.parameters))
        finally:
            self._leg = self._bench_leg = None


def _new_sid(prefix: str) -> str:
    return prefix + uuid.uuid4().hex
