"""A strict audio chat completions server on loopback, scripted and with a fault for each request.

In a test: `async with FakeChat(Script(...), faults=[Fault(...)]) as server:` and let the client
use `server.base_url`. It also writes recordings down, as `/audio/transcriptions` does.
"""

import asyncio
import base64
import dataclasses
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Self

from aiohttp import web

from tests.fakes.chat_request import Refused, read, wav
from tests.fakes.realtime_script import FunctionCall, Reply, Script, Voice, encoded, hum

BURST = 5.0
"""Times real time at which replies are sent."""
PIECE_BYTES = 19_200
_MODELS = {"gpt-audio-1.5", "gpt-audio", "gpt-audio-mini", "gpt-4o-audio-preview"}


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong with the answer to one request; nothing by default."""

    status: int = 0
    code: str = ""
    kind: str = "invalid_request_error"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    """Instead of the vendor's error, or of a stream."""
    delay_s: float = 0.0
    """Before the status line."""
    silent: bool = False
    """The status line, and then only comments that keep the connection open."""
    slow_s: float = 0.0
    """Between the first chunk, which only names the role, and the sound."""
    pieces: int = -1
    """So many pieces of sound; then one of the three that follow here, or just no more."""
    stall: bool = False
    cut: bool = False
    """The connection is torn down."""
    error: str = ""
    """An error in the stream with this code."""
    empty: bool = False
    """No sound and no words."""
    written: bool = False
    """The words as text, without sound."""
    filtered: bool = False
    too_long: bool = False
    garbage: int = 0
    """Events that are no chunks, before the others."""
    noise: str = ""
    """`wav`: a file instead of samples; `ulaw`: another encoding."""
    odd: bool = False
    """Pieces end within a sample."""
    named_end: bool = False
    """With a finish reason behind the sound, which OpenAI leaves out."""
    no_done: bool = False
    no_usage: bool = False
    split: int = 0
    """Bytes written at a time."""


class FakeChat:
    """The server; `bodies` are all requests for replies it ever had, in order."""

    def __init__(
        self,
        script: Script | None = None,
        faults: Iterable[Fault] = (),
        *,
        always: Fault | None = None,
        written: Fault | None = None,
        probe: Fault | None = None,
        voice: Voice = hum,
        speed: float = BURST,
    ) -> None:
        """`faults`: of the first replies in order; `always`: of those after them. `written`: of
        transcriptions. `probe`: of questions about the model."""
        self.play(script or Script())
        self.bodies: list[dict[str, Any]] = []
        self.sounds: list[list[bytes]] = []
        """The WAV files of each request for a reply."""
        self.refused: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        """The fields of each request to write something down."""
        self.dropped = 0
        """Streams the client closed before their end."""
        self._faults = list(faults)
        self._always = always or Fault()
        self._written = written or Fault()
        self._probe = probe or Fault()
        self.probes = 0
        """Questions about the model."""
        self._voice = voice
        self._speed = speed
        self._runner: web.AppRunner | None = None
        self._port = 0

    def play(self, script: Script) -> None:
        """Begin this script."""
        self._otherwise = script.otherwise
        self._replies = iter(script.replies)
        self._heard = iter(script.caller)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models/{model}", self._model)
        app.router.add_post("/v1/audio/transcriptions", self._transcription)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def _model(self, request: web.Request) -> web.Response:
        self.probes += 1
        await asyncio.sleep(self._probe.delay_s)
        refusal = self._refusal(request, {"model": request.match_info["model"]}, self._probe)
        return refusal or web.json_response({"id": request.match_info["model"]})

    # ---- requests -----------------------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("stream"):
            return self._write_down_by_chat(request, body)
        fault = self._faults.pop(0) if self._faults else self._always
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.queries.append(dict(request.query))
        self.sounds.append([])
        await asyncio.sleep(fault.delay_s)
        refusal = self._refusal(request, body, fault)
        if refusal is not None:
            return refusal
        try:
            self.sounds[-1] = read(body)
        except Refused as refused:
            self.refused.append(str(refused))
            return _error(400, None, "invalid_request_error", str(refused))
        return await self._stream(request, body, fault)

    def _refusal(
        self, request: web.Request, body: dict[str, Any], fault: Fault
    ) -> web.Response | None:
        headers = dict(fault.headers)
        if fault.status:
            if fault.body is not None:
                return web.Response(status=fault.status, body=fault.body, headers=headers)
            return _error(fault.status, fault.code or None, fault.kind, "Scripted.", headers)
        key = request.headers.get("Authorization", "")
        if not key.startswith("Bearer ") or len(key) < 10:
            return _error(401, "invalid_api_key", "invalid_request_error", "Incorrect API key.")
        if body["model"] not in _MODELS:
            return _error(404, "model_not_found", "invalid_request_error", "No such model.")
        return None

    async def _transcription(self, request: web.Request) -> web.Response:
        fault = self._written
        form = await request.post()
        self.forms.append({name: str(value) for name, value in form.items() if name != "file"})
        await asyncio.sleep(fault.delay_s)
        if fault.status:
            return _error(fault.status, fault.code or None, fault.kind, "Scripted.")
        file = form["file"]
        assert isinstance(file, web.FileField)
        wav(file.file.read())
        return web.json_response({"text": self._words(), "usage": {"type": "duration"}})

    def _write_down_by_chat(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        self.forms.append({"model": body["model"]})
        try:
            read(body)
        except Refused as refused:
            self.refused.append(str(refused))
            return _error(400, None, "invalid_request_error", str(refused))
        message = {"role": "assistant", "content": self._words(), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        found = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1}
        return web.json_response({**found, "model": body["model"], "choices": [choice]})

    def _words(self) -> str:
        return next(self._heard, "Tell me more.")

    # ---- the stream ---------------------------------------------------------------------------

    async def _stream(
        self, request: web.Request, body: dict[str, Any], fault: Fault
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**_LIMITS, **dict(fault.headers)})
        response.content_type = "text/event-stream"
        await response.prepare(request)
        try:
            if fault.body is not None:
                await response.write(fault.body)
                return response
            async for line in self._lines(self._reply(body), body, fault):
                if line == _CUT:
                    assert request.transport is not None
                    request.transport.abort()
                    return response
                for at in range(0, len(line), fault.split or len(line)):
                    await response.write(line[at : at + (fault.split or len(line))])
        except ConnectionResetError:
            self.dropped += 1
        return response

    def _reply(self, body: dict[str, Any]) -> Reply:
        own = body["messages"][0]["content"]
        if "# This reply" in own:
            return Reply(own.rpartition(":\n")[2])
        return next(self._replies, self._otherwise)

    async def _lines(
        self, reply: Reply, body: dict[str, Any], fault: Fault
    ) -> AsyncIterator[bytes]:
        for _ in range(fault.garbage):
            yield b'data: {"oh": ["no"\n\n'
        await asyncio.sleep(reply.delay_ms / 1000)
        while fault.silent:
            yield b": keep-alive\n\n"
            await asyncio.sleep(0.2)
        yield _event(_delta(role="assistant", refusal=None))
        await asyncio.sleep(fault.slow_s)
        silent = fault.empty or fault.filtered or fault.written
        text, sound = ("", b"") if silent else (reply.text, self._sound(reply, fault))
        if fault.written:
            yield _event(_delta(content=reply.text))
        async for line in self._spoken(text, sound, fault):
            yield line
        if fault.pieces < 0:
            for line in _ending(reply, sound, body, fault):
                yield line
            return
        while fault.stall:
            await asyncio.sleep(0.2)
            yield b": keep-alive\n\n"
        if fault.error:
            yield _event({"error": {"code": fault.error, "type": "server_error"}})
        elif fault.cut:
            yield _CUT

    async def _spoken(self, text: str, sound: bytes, fault: Fault) -> AsyncIterator[bytes]:
        """Words a little ahead of the sound they stand for."""
        if not text and not sound:
            return
        yield _event(_delta(audio={"id": f"audio_{len(self.bodies)}"}))
        size = PIECE_BYTES - 1 if fault.odd else PIECE_BYTES
        pieces = [sound[at : at + size] for at in range(0, len(sound), size)]
        wanted = pieces[: fault.pieces] if fault.pieces >= 0 else pieces
        told = 0
        for number, piece in enumerate(wanted, start=1):
            until = len(text) * number // len(pieces)
            yield _event(_delta(audio={"transcript": text[told:until]}))
            told = until
            yield _event(_delta(audio={"data": base64.b64encode(piece).decode()}))
            await asyncio.sleep(len(piece) / 48_000 / self._speed)

    def _sound(self, reply: Reply, fault: Fault) -> bytes:
        if not reply.text:
            return b""
        samples = self._voice(reply.text, reply.duration_ms or 60 * len(reply.text), 24_000)
        match fault.noise:
            case "wav":
                return b"RIFF\x00\x00\x00\x00WAVEfmt " + samples.astype("<i2").tobytes()
            case "ulaw":
                return encoded(samples, "audio/pcmu")
            case _:
                return samples.astype("<i2").tobytes()


_CUT = b"\x00cut"
_LIMITS = {
    "x-ratelimit-limit-tokens": "450000",
    "x-ratelimit-remaining-tokens": "448000",
    "x-ratelimit-reset-tokens": "266ms",
}


def _ending(reply: Reply, sound: bytes, body: dict[str, Any], fault: Fault) -> Iterator[bytes]:
    finish = "tool_calls" if reply.calls else "stop"
    if sound:
        yield _event(_delta(audio={"expires_at": 1_800_000_000}))
    for index, call in enumerate(reply.calls):
        yield from _fragments(index, call)
    if fault.filtered or fault.too_long:
        finish = "content_filter" if fault.filtered else "length"
    if reply.calls or not sound or fault.named_end or fault.too_long:
        yield _event(_delta(finish=finish))
    if "stream_options" in body and not fault.no_usage:
        yield _event({**_HEAD, "choices": [], "usage": usage(len(sound))})
    if not fault.no_done:
        yield b"data: [DONE]\n\n"


def _fragments(index: int, call: FunctionCall) -> Iterator[bytes]:
    """A call in pieces, its arguments cut anywhere."""
    head = {"id": call.call_id or f"call_{index}", "type": "function"}
    first = {**head, "index": index, "function": {"name": call.name, "arguments": ""}}
    yield _event(_delta(tool_calls=[first]))
    for at in range(0, len(call.arguments), 5):
        piece = {"index": index, "function": {"arguments": call.arguments[at : at + 5]}}
        yield _event(_delta(tool_calls=[piece]))


def usage(sound_bytes: int) -> dict[str, Any]:
    """Of one reply, 20 tokens a second of sound."""
    audio = sound_bytes * 20 // 48_000
    return {
        "prompt_tokens": 150,
        "completion_tokens": audio + 12,
        "total_tokens": audio + 162,
        "prompt_tokens_details": {"audio_tokens": 20, "text_tokens": 130, "cached_tokens": 64},
        "completion_tokens_details": {"audio_tokens": audio, "text_tokens": 12},
    }


_HEAD = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_700_000_000,
    "model": "gpt-audio-1.5",
}


def _delta(*, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {**_HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def _error(
    status: int, code: str | None, kind: str, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)
