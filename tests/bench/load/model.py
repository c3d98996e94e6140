"""The fake Realtime server's model on a cheap socket, with a trace of each call.

The rules are those of tests/fakes (what a session must not ask for, what cannot be truncated);
only the transport, the per-frame work and the audio are replaced, so that the rig's own core
carries more calls than the server under test does.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Self, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection

from agents.tasks import Tasks
from tests.bench.load.plan import REPLY_MS
from tests.bench.load.trace import Trace
from tests.bench.load.websocket import Socket
from tests.fakes.realtime_conversation import Entry
from tests.fakes.realtime_response import Speaking
from tests.fakes.realtime_script import Faults, Reply, Script, bytes_per_ms, encoded, hum
from tests.fakes.realtime_session import RealtimeSession

TEXT = "Certainly, I can do that for you, what day and what time would suit you best?"
BURST = 5.0
"""Times real time at which replies are sent."""
_APPEND = b'"input_audio_buffer.append"'
_RETRIEVE = b'"conversation.item.retrieve"'
"""openai-agents asks for what the caller said. It gets no answer here, and needs none."""
_KIND_WITHIN = 100
"""Bytes of either end; whatever order somebody's keys have, audio is long."""
_VOICE_8K = hum(TEXT, REPLY_MS, 8_000)
_VOICE_24K = hum(TEXT, REPLY_MS, 24_000)
AUDIO = {
    "audio/pcm": encoded(_VOICE_24K, "audio/pcm"),
    "audio/pcmu": encoded(_VOICE_8K, "audio/pcmu"),
}
assert len(np.unique(_VOICE_8K)) > 100, "silence would be cheaper than speech"


class _Append(msgspec.Struct, frozen=True):
    audio: bytes


_append = msgspec.json.Decoder(_Append)
_encode = msgspec.json.encode


class Line(msgspec.Struct, frozen=True):
    """What the model's side of a call is told about the phone's."""

    trace: Trace
    turns: tuple[tuple[int, int], ...]
    queued: Callable[[], int]
    """Samples the phone has still to play."""


class Connection:
    """As much of a `websockets` server connection as a session uses."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        socket.closed.add_done_callback(lambda _: self._messages.put_nowait(None))

    def take(self, text: bytes) -> None:
        self._messages.put_nowait(text)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (text := await self._messages.get()) is not None:
            yield text

    async def send(self, raw: bytes, text: bool | None = None) -> None:
        self._socket.send(raw)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._socket.close(code)


class BenchSession(RealtimeSession):
    """One session; frames of the caller are taken without a task switch."""

    def __init__(self, connection: Connection, model: str, line: Line, seed: int) -> None:
        script = Script(otherwise=Reply(TEXT, duration_ms=REPLY_MS), speech=line.turns)
        super().__init__(
            cast(ServerConnection, connection),
            model,
            script,
            Faults(),
            hum,
            speed=BURST,
            seed=seed,
            check_audio=False,
        )
        self.trace = line.trace
        self._queued = line.queued

    def appended(self, raw: bytes) -> None:
        audio = _append.decode(raw).audio
        per_ms = bytes_per_ms(self.input_format)
        self.trace.appended(len(audio) * 8 // per_ms, time.monotonic())
        for change, at_ms in self._ear.hear(audio):
            turn = self.speech_started(at_ms) if change == "started" else self.turn_ended(at_ms)
            self._tasks.start(f"turn {change}", turn)

    async def speech_started(self, at_ms: int) -> None:
        self.trace.speech_started(self._queued(), time.monotonic())
        await super().speech_started(at_ms)

    async def send(self, kind: str, **fields: Any) -> None:
        # Neither checked against the vendor's types nor kept: the tests do that.
        await self.connection.send(
            _encode({"type": kind, "event_id": self.new_id("event"), **fields}), text=True
        )

    async def begin(self, reply: Reply, metadata: dict[str, str] | None) -> None:
        self.active = BenchSpeaking(self, reply, metadata)
        await self.active.announce()
        self._tasks.start("response", self.active.speak())

    def told_ms(self) -> dict[str, int]:
        """Where each cut item was said to end; 0 where it was deleted."""
        told = dict.fromkeys(self.conversation.deleted, 0)
        return told | {cut.item_id: cut.audio_end_ms for cut in self.conversation.truncations}

    @property
    def complaints(self) -> list[str]:
        """Everything a real server would have refused, and what broke in here. A cancellation that
        meets the end of its response under way is nobody's fault."""
        refused = (error for error in self.errors if error != "response_cancel_not_active")
        return [*refused, *(repr(bug) for bug in self.bugs)]


class BenchSpeaking(Speaking):
    """One response, of audio encoded beforehand."""

    async def _audio(self, text: str, entry: Entry, part: dict[str, Any]) -> None:
        session = self._session
        assert isinstance(session, BenchSession)
        audio = AUDIO[session.output_format]
        per_ms = bytes_per_ms(session.output_format)
        session.trace.item_began(entry.id)
        said = sent = 0
        while sent < len(audio) and not self.cancelled:
            piece = audio[sent : sent + self._piece_bytes()]
            sent += len(piece)
            upto = min(len(text), len(text) * sent // len(audio) + 12)
            if upto > said:
                await session.send(
                    "response.output_audio_transcript.delta", **part, delta=text[said:upto]
                )
                entry.text, said = text[:upto], upto
            entry.audio_ms = sent // per_ms
            delta = base64.b64encode(piece).decode()
            session.trace.delta_sent(len(piece) * 8 // per_ms, time.monotonic())
            await session.send("response.output_audio.delta", **part, delta=delta)
            await self._pause(len(piece) / per_ms / 1000 / session.speed)
        self._audio_ms += entry.audio_ms
        self._characters += said


Session = TypeVar("Session", bound=BenchSession)


class BenchModel:
    """The server. Sessions and `lines` are paired in order: one call is set up at a time."""

    def __init__(self) -> None:
        self.sessions: list[BenchSession] = []
        self._line: Line | None = None
        self._tasks = Tasks(self._broken)
        self._server: asyncio.Server | None = None
        self._bugs: list[BaseException] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connected, "127.0.0.1", 0, backlog=1024)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._tasks.cancel_all()

    @property
    def base_url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def expect(self, line: Line) -> None:
        """The next session belongs to this line."""
        assert self._line is None, "the call before has no session yet"
        self._line = line

    def forget(self) -> None:
        """The call that was expected will not come."""
        self._line = None

    def _connected(self) -> Socket:
        return Socket(lambda _: None, self._accepted)

    def _accepted(self, socket: Socket) -> None:
        line, self._line = self._line, None
        if line is None:
            socket.abort()
            return
        self.serve(socket, partial(BenchSession, line=line, seed=len(self.sessions)))

    def serve(self, socket: Socket, new: Callable[[Connection, str], Session]) -> Session:
        """Run the session that `new(connection, model)` makes."""
        connection = Connection(socket)
        path = socket.request.split(b" ", 2)[1].decode()
        session = new(connection, parse_qs(urlsplit(path).query)["model"][0])
        self.sessions.append(session)

        def received(text: bytes) -> None:
            if _APPEND in text[:_KIND_WITHIN] or _APPEND in text[-_KIND_WITHIN:]:
                session.appended(text)
            elif _RETRIEVE not in text:
                connection.take(text)

        socket.received = received
        self._tasks.start("realtime session", session.run())
        return session

    def _broken(self, _name: str, error: BaseException) -> None:
        self._bugs.append(error)
        raise error
