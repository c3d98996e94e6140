"""The lab's telephone: calls a target, over a network as slow and unsteady as is wanted."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import msgspec
from twilio.request_validator import RequestValidator
from websockets.exceptions import ConnectionClosed

from agents.tasks import Tasks
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.leg import (
    HandshakeError,
    MediaLeg,
    OpenStream,
    StreamSocket,
    open_direct,
)
from telephony.simulator.network import Line
from telephony.simulator.phone import CallerSide, StreamEnd, StreamReport

_TIME_OVER_S = 5.0
"""Beyond the longest a scenario may take."""

_UNDER_WAY_S = 2.0


class TargetUnreachable(Exception):  # noqa: N818 - what is the matter with the target
    """No call could be placed; the message is one sentence for people."""


class Network(msgspec.Struct, frozen=True):
    """One way from the telephone to the target, and as far back."""

    delay_s: float
    jitter_s: float
    """Mean of what comes on top: from nothing to twice as much, drawn anew for each message.
    Order is kept."""
    seed: int

    def line(self, way: str) -> Callable[[], float]:
        chance = random.Random(f"{self.seed} {way}")  # noqa: S311 - a network, not a secret
        return lambda: self.delay_s + chance.uniform(0.0, 2 * self.jitter_s)


class DistantSocket:
    """A WebSocket some way off: what is sent, and what comes, is under way for a while."""

    def __init__(self, socket: StreamSocket, network: Network) -> None:
        self._socket = socket
        self._there: Line[str] = Line(network.line("there"))
        self._back: Line[str | bytes] = Line(network.line("back"))
        self._sent = asyncio.Event()
        self._came = asyncio.Event()
        self._arrived = asyncio.Event()
        self._ended = False
        self._tasks = Tasks(self._stopped)
        self._tasks.start("lab network there", self._carry())
        self._tasks.start("lab network back", self._fetch())

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code

    @property
    def unsent_bytes(self) -> int:
        return self._socket.unsent_bytes

    async def send(self, text: str) -> None:
        self._there.send(text, _now())
        self._arrived.clear()
        self._sent.set()

    async def close(self) -> None:
        """What is still under way arrives first."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), _UNDER_WAY_S)
        await self._socket.close()
        await self._tasks.cancel_all()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while not (self._ended and self._back.next_deadline() is None):
            await _until(self._back.next_deadline(), self._came)
            for _, message in self._back.arrived(_now()):
                yield message

    async def _carry(self) -> None:
        while True:
            await _until(self._there.next_deadline(), self._sent)
            for _, text in self._there.arrived(_now()):
                await self._socket.send(text)
            if self._there.next_deadline() is None:
                self._arrived.set()

    async def _fetch(self) -> None:
        try:
            async for message in self._socket:
                self._back.send(message, _now())
                self._came.set()
        except ConnectionClosed:
            pass
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._came.set()
        self._arrived.set()

    def _stopped(self, _name: str, _error: BaseException) -> None:
        self._end()


async def _until(at: float | None, sooner: asyncio.Event) -> None:
    """Sleep until `at`, or until something new may be due."""
    sooner.clear()
    try:
        await asyncio.wait_for(sooner.wait(), None if at is None else max(0.0, at - _now()))
    except TimeoutError:
        return


def distant(network: Network | None) -> OpenStream:
    """How to open a stream over a network; None: none to speak of."""

    async def open_stream(url: str, signature: str) -> StreamSocket:
        socket = await open_direct(url, signature)
        return socket if network is None else DistantSocket(socket, network)

    return open_stream


class Target(Protocol):
    """A server that answers calls."""

    @property
    def name(self) -> str: ...

    async def call(
        self, caller: CallerSide, network: Network | None, most_s: float
    ) -> StreamReport:
        """One call, from the open stream to its end; raises TargetUnreachable."""


class DirectTarget:
    """A server that is only known by its stream's URL."""

    def __init__(self, url: str, parameters: Mapping[str, str], auth_token: str = "") -> None:
        self.name = url
        self._url = url
        self._parameters = dict(parameters)
        self._signature = (
            str(RequestValidator(auth_token).compute_signature(url, {})) if auth_token else ""
        )

    async def call(
        self, caller: CallerSide, network: Network | None, most_s: float
    ) -> StreamReport:
        """See Target."""
        sids = [prefix + uuid.uuid4().hex for prefix in ("AC", "CA", "MZ")]
        leg = MediaLeg(sids[0], sids[1], sids[2], caller, distant(network))
        try:
            await leg.open(self._url, self._signature)
        except HandshakeError as error:
            raise TargetUnreachable(f"{self._url} did not take the stream: {error}") from None
        loop = asyncio.get_running_loop()
        timer = loop.call_later(most_s + _TIME_OVER_S, leg.end, StreamEnd.TIME_LIMIT)
        try:
            return await leg.run(self._parameters)
        finally:
            timer.cancel()


class DialledTarget:
    """A server that is rung up by its voice webhook, and may hang up by the REST API."""

    def __init__(
        self, twilio: SimulatedTwilio, webhook: str, stream_address: str | None = None
    ) -> None:
        """`twilio` reaches the webhook's server; `stream_address` is dialled whatever the
        answer names."""
        self.name = stream_address or webhook
        self._twilio = twilio
        parts = urlsplit(webhook)
        self._path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        self._stream_address = stream_address

    async def call(
        self, caller: CallerSide, network: Network | None, most_s: float
    ) -> StreamReport:
        """See Target."""
        report = await self._twilio.dial(
            caller,
            time_limit_s=most_s + _TIME_OVER_S,
            voice_path=self._path,
            status_path=None,
            open_stream=distant(network),
            stream_address=self._stream_address,
        )
        if report.stream is None:
            problems = "; ".join(f"{error.code} {error.detail}" for error in report.errors)
            why = problems or "; ".join(report.said) or report.ended_by.value
            raise TargetUnreachable(f"{self.name} did not take the call: {why}")
        return report.stream


def _now() -> float:
    return asyncio.get_running_loop().time()
