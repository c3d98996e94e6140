"""One session of the fake GPT-Live server: its clock is the audio it is given."""

import asyncio
import base64
import dataclasses
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.fakes.live_backend import Backend
from tests.fakes.live_schema import check_client, check_server
from tests.fakes.live_script import LiveFaults, Timing
from tests.fakes.realtime_schema import Refused
from tests.fakes.realtime_script import Ear, Reply, Script, bytes_per_ms, encoded, hum

_AUDIO_KINDS = frozenset({"session.input_audio.append", "session.output_audio.delta"})
_WORD_MS = 200
_NO_DECISIONS = "This session has another delegation."


@dataclasses.dataclass
class Said:
    """One utterance of the model's: what it was going to say, and what it said."""

    text: str
    duration_ms: int
    audio: bytes
    then: Reply | None = None
    said_ms: int = 0
    words: int = 0
    """Words whose transcript was sent."""

    @property
    def spoken(self) -> str:
        """The words that had begun when it fell silent."""
        every = self.text.split()
        return " ".join(every[: -(-len(every) * self.said_ms // self.duration_ms)])

    @property
    def whole(self) -> bool:
        return self.said_ms >= self.duration_ms


@dataclasses.dataclass
class _CallerTurn:
    since_ms: int
    words: list[str]
    told_ms: int
    """Up to where its words were told."""


class LiveSession:
    """Everything one client did and was told. Public attributes are for assertions."""

    def __init__(
        self, connection: ServerConnection, script: Script, faults: LiveFaults, timing: Timing
    ) -> None:
        self.connection = connection
        self.script = script
        self.faults = faults
        self.timing = timing
        self.config: dict[str, Any] = {}
        self.client_events: list[dict[str, Any]] = []
        """All but appended audio."""
        self.server_events: list[dict[str, Any]] = []
        """All but audio deltas."""
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.bugs: list[BaseException] = []
        self.said: list[Said] = []
        self.told: list[tuple[str, str]] = []
        """(kind, content) of what the model was given to know or to say."""
        self.started = False
        self.closed = asyncio.Event()
        self.close_asked = False
        self.deltas_sent = 0
        self.backend = Backend(self)
        self._ids = itertools.count(1)
        self._replies = iter(script.replies)
        self._caller = iter(script.caller)
        self._random = random.Random(1)
        self._heard_bytes = 0
        self.out_ms = 0
        self._queue: list[tuple[int, Said]] = []
        self._speaking: Said | None = None
        self._turn: _CallerTurn | None = None
        self._late: list[bytes] = []

    # ---- facts --------------------------------------------------------------------------------

    @property
    def audio_format(self) -> str:
        return str(self.config["audio"]["format"]["type"])

    @property
    def heard_ms(self) -> int:
        """Audio received since the session was started: its clock."""
        return self._heard_bytes // bytes_per_ms(self.audio_format)

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """The client events of one type."""
        return [event for event in self.client_events if event["type"] == kind]

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids):06d}"

    def next_reply(self) -> Reply:
        return next(self._replies, self.script.otherwise)

    # ---- the wire -----------------------------------------------------------------------------

    async def run(self) -> None:
        try:
            if self.faults.early_call:
                await self.backend.call_early()
            async for raw in self.connection:
                await self._received(raw.encode() if isinstance(raw, str) else raw)
                if self.faults.deaf and self.started:
                    await self.connection.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            self.closed.set()

    async def send(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        if kind not in _AUDIO_KINDS:
            event["event_id"] = self.new_id("event")
        raw = json.dumps(event).encode()
        check_server(kind, raw)
        if kind not in _AUDIO_KINDS:
            self.server_events.append(event)
        await self.connection.send(raw, text=True)

    async def refuse(self, code: str, message: str, client_event_id: str | None = None) -> None:
        """Send an `error` event."""
        self.errors.append(code)
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        await self.send("error", error=error | {"client_event_id": client_event_id})

    async def _received(self, raw: bytes) -> None:
        event: dict[str, Any] = {}
        try:
            event = json.loads(raw)
            kind = event["type"]
            self.counts[kind] += 1
            check_client(kind, raw, event)
            if kind not in _AUDIO_KINDS:
                self.client_events.append(event)
            await self._obeyed(kind, event)
        except Refused as why:
            await self.refuse(why.code, why.message, event.get("event_id"))

    async def _obeyed(self, kind: str, event: dict[str, Any]) -> None:
        deeds: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.start": self._start,
            "session.input_audio.append": self._append,
            "session.commentary.append": self._context,
            "session.thinking.append": self._context,
            "session.instructions.append": self._context,
            "session.close": self._close,
            "response.item.create": self.backend.item_created,
            "response.create": self.backend.continued,
        }
        if kind not in deeds:
            raise Refused("invalid_value", _NO_DECISIONS)
        if not self.started and kind != "session.start":
            raise Refused("session_not_started", "Send session.start first.")
        await deeds[kind](event)

    # ---- what the client asks -----------------------------------------------------------------

    async def _start(self, event: dict[str, Any]) -> None:
        if self.started:
            raise Refused("invalid_value", "The session has started.")
        if self.faults.start_error:
            raise Refused(self.faults.start_error, "As scripted.")
        if self.faults.never_starts:
            return
        self.config = event["session"]
        self.config.setdefault("audio", {}).setdefault(
            "format", {"type": "audio/pcm", "rate": 24_000}
        )
        silence = {"silence_duration_ms": self.timing.turn_silence_ms, "prefix_padding_ms": 0}
        self._ear = Ear(self.script, self.audio_format, silence)
        self.started = True
        await self.send("session.started", session=self.resource())
        if self.faults.error_after_start:
            await self.refuse(self.faults.error_after_start, "As scripted.")

    def resource(self) -> dict[str, Any]:
        shown = json.loads(json.dumps(self.config))
        if self.faults.other_format:
            shown["audio"]["format"] = {"type": "audio/pcm", "rate": 16_000}
        expires_at = int(time.time() + self.faults.expires_in_s)
        more = {"id": "live_" + "a1b2c3", "expires_at": expires_at, "status": "active"}
        return dict(shown | more)

    async def _close(self, _event: dict[str, Any]) -> None:
        self.close_asked = True
        await self._end("close_requested")

    async def _end(self, reason: str) -> None:
        usage = {"seconds": self.heard_ms / 1000}
        await self.send("session.closed", reason=reason, session=self.resource(), usage=usage)
        await self.connection.close()

    async def _context(self, event: dict[str, Any]) -> None:
        kind = event["type"].split(".")[1]
        self.told.append((kind, event["content"]))
        at = {"start_ms": self.out_ms, "end_ms": self.out_ms}
        ack = event["type"] + "ed"
        await self.send(ack, **at, client_event_id=event.get("event_id"))
        if kind == "commentary":
            head, _, words = event["content"].partition(":\n")
            said = words if words else self.next_reply().text
            assert head, "what is to be said is asked for, not only told"
            self.say(Reply(said), self.timing.append_ms)
        if kind == "instructions" and event["content"].startswith("Stop speaking"):
            self._fall_silent()

    # ---- the session's clock ------------------------------------------------------------------

    async def _append(self, event: dict[str, Any]) -> None:
        audio = base64.b64decode(event["audio"], validate=True)
        self._heard_bytes += len(audio)
        for change, at_ms in self._ear.hear(audio):
            if change == "started":
                text = next(self._caller, "Tell me more.")
                self._turn = _CallerTurn(at_ms, text.split(), at_ms)
            else:
                await self._caller_stopped(at_ms)
        while self.heard_ms - self.out_ms >= self.timing.delta_ms:
            await self._tick()

    async def _caller_stopped(self, at_ms: int) -> None:
        turn, self._turn = self._turn, None
        assert turn is not None, "who stops has begun"
        if turn.words:
            await self._tell_words(turn, turn.words, at_ms - self.timing.turn_silence_ms)
        if self._speaking is None:
            self.say(self.next_reply(), self.timing.think_ms)

    async def _tell_words(self, turn: _CallerTurn, words: list[str], end_ms: int) -> None:
        end_ms = max(end_ms, turn.told_ms)
        delta = "".join(f" {word}" for word in words)
        times = {"start_ms": turn.told_ms, "end_ms": end_ms}
        turn.told_ms = end_ms
        turn.words = turn.words[len(words) :]
        await self.send("session.input_transcript.delta", delta=delta, **times)

    async def _hear_words(self) -> None:
        turn = self._turn
        while turn and turn.words and self.out_ms >= turn.told_ms + _WORD_MS + self.timing.hear_ms:
            await self._tell_words(turn, turn.words[:1], turn.told_ms + _WORD_MS)

    def say(self, reply: Reply, in_ms: int) -> None:
        """Let the model say something, and then call what the reply calls."""
        text = reply.text or "-"
        duration_ms = reply.duration_ms or 60 * len(text)
        rate = 24_000 if self.audio_format == "audio/pcm" else 8_000
        audio = encoded(hum(text, duration_ms, rate), self.audio_format)
        at_ms = self.out_ms + in_ms + reply.delay_ms
        self._queue.append((at_ms, Said(text, duration_ms, audio, reply)))

    def _fall_silent(self) -> None:
        self._speaking = None
        self._queue.clear()

    async def _tick(self) -> None:
        await self._hear_words()
        turn = self._turn
        yields = turn is not None and self.out_ms >= turn.since_ms + self.timing.yield_ms
        if self._speaking is not None and yields and not self.faults.talks_on:
            self._fall_silent()
        if self._speaking is None and self._queue and self._queue[0][0] <= self.out_ms:
            await self._speak(self._queue.pop(0)[1])
        await self._put_out(self._next_audio())
        if self.out_ms % self.timing.words_ms == 0:
            await self._told_words()
        speaking = self._speaking
        if speaking is not None and speaking.whole:
            await self._told_words()
            self._speaking = None
            if speaking.then is not None and speaking.then.calls:
                await self.backend.begin(speaking.then.calls)
        if (
            self.faults.expires_after_deltas
            and self.deltas_sent >= self.faults.expires_after_deltas
        ):
            await self._end(self.faults.closed_reason)

    async def _speak(self, said: Said) -> None:
        if said.text == "-":
            assert said.then is not None
            await self.backend.begin(said.then.calls)
        elif not self.faults.silent:
            self._speaking = said
            self.said.append(said)

    def _next_audio(self) -> bytes:
        count = self.timing.delta_ms * bytes_per_ms(self.audio_format)
        self.out_ms += self.timing.delta_ms
        spoken = b""
        if (said := self._speaking) is not None:
            at = said.said_ms * bytes_per_ms(self.audio_format)
            spoken = said.audio[at : at + count]
            said.said_ms = min(said.duration_ms, said.said_ms + self.timing.delta_ms)
        return spoken + self._silence(count - len(spoken))

    def _silence(self, count: int) -> bytes:
        """Not quite silent, as no real microphone or decoder is."""
        pcm = self.audio_format == "audio/pcm"
        level, width = self.timing.noise, 2 if pcm else 1
        noise = [self._random.randint(-level, level) for _ in range(count // width)]
        if pcm:
            return b"".join(sample.to_bytes(2, "little", signed=True) for sample in noise)
        return bytes(0xFF if sample >= 0 else 0x7F for sample in noise)

    async def _told_words(self) -> None:
        if (said := self._speaking) is None:
            return
        words = said.spoken.split()
        delta = "".join(f" {word}" for word in words[said.words :])
        if not delta:
            return
        delta = delta if said.words else delta[1:]
        said.words = len(words)
        times = {"start_ms": max(0, self.out_ms - self.timing.words_ms), "end_ms": self.out_ms}
        await self.send("session.output_transcript.delta", delta=delta, **times)

    # ---- what goes out, and what goes wrong ---------------------------------------------------

    async def _put_out(self, audio: bytes) -> None:
        faults = self.faults
        if faults.stall_after_deltas and self.deltas_sent >= faults.stall_after_deltas:
            return
        self.deltas_sent += 1
        for _ in range(faults.garbage):
            await self.connection.send('{"type": 7')
        if faults.unknown_events:
            await self.connection.send('{"type": "session.weather.updated", "sunny": true}')
        late = (
            faults.late_from_delta <= self.deltas_sent < faults.late_from_delta + faults.late_deltas
        )
        if late:
            self._late.append(audio)
            return
        for piece in (*self._late, audio):
            await self.send("session.output_audio.delta", delta=base64.b64encode(piece).decode())
        self._late.clear()
        if faults.cut_after_deltas and self.deltas_sent >= faults.cut_after_deltas:
            self.connection.transport.abort()
