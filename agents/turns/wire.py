"""The messages of audio chat completions: a stream of chunks in, typed; the requests' parts out.

Sources: OpenAI API reference (chat completions, streaming), the types of the `openai` package,
and streams reported from the field. Everything received is hostile until it is parsed here.
"""

import base64
import struct
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

DONE = b"[DONE]"
MAX_EVENT_BYTES = 4 * 1024 * 1024
"""A piece of audio is 26 kB; what is longer than this is no event."""
WAV_RATE = 16_000


class BadChunk(Exception):  # noqa: N818 - names what was received
    """An event that is no chunk; the stream goes on."""


class BadStream(Exception):  # noqa: N818 - names what was received
    """This is no stream of events at all."""


# ---- chunks -----------------------------------------------------------------------------------


class AudioPart(msgspec.Struct, frozen=True):
    """`delta.audio`: an id first, then words and sound in any order, then only `expires_at`."""

    id: str | None = None
    data: bytes | None = None
    """Of 16-bit little-endian samples, 24,000 a second; a piece may end within a sample."""
    transcript: str | None = None
    expires_at: int | None = None


class FunctionPart(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class ToolPart(msgspec.Struct, frozen=True):
    """A fragment of one tool call; fragments of one call share their index."""

    index: int = 0
    id: str | None = None
    function: FunctionPart | None = None


class Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None
    audio: AudioPart | None = None
    tool_calls: tuple[ToolPart, ...] | None = None


class Choice(msgspec.Struct, frozen=True):
    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None


class Details(msgspec.Struct, frozen=True):
    audio_tokens: int | None = None
    text_tokens: int | None = None
    cached_tokens: int | None = None


class UsageCount(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    code: str | int | None = None
    type: str | None = None


class Chunk(msgspec.Struct, frozen=True):
    """One event of the stream; `error` instead of anything else when the server gives up."""

    choices: tuple[Choice, ...] | None = None
    usage: UsageCount | None = None
    error: ErrorBody | None = None


_CHUNKS = msgspec.json.Decoder(Chunk)


def chunk(event: bytes) -> Chunk:
    """Raises BadChunk."""
    try:
        found = _CHUNKS.decode(event)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadChunk from None
    if found.choices is None and found.usage is None and found.error is None:
        raise BadChunk
    return found


class EventStream:
    """Server-sent events from bytes cut anywhere (HTML standard, event stream interpretation)."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        """Of the line whose end has not come."""
        self._data: list[bytes] = []
        self._bytes = 0
        """Of the event whose end has not come."""

    def push(self, data: bytes) -> list[bytes]:
        """The `data` of the events these bytes complete. Raises BadStream."""
        self._bytes += len(data)
        # Looking at a long line again at each of its pieces would take the square of its length.
        *whole, rest = data.split(b"\n")
        found: list[bytes] = []
        for line in whole:
            found += self._line(b"".join([*self._begun, line]))
            self._begun.clear()
        if rest:
            self._begun.append(rest)
        if self._bytes > MAX_EVENT_BYTES:
            raise BadStream
        return found

    def close(self) -> list[bytes]:
        """The last event, of a server that does not end it with an empty line."""
        return self.push(b"\n\n")

    def _line(self, line: bytes) -> list[bytes]:
        line = line.removesuffix(b"\r")
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        if line:
            return []
        self._bytes = 0
        event, self._data = self._data, []
        return [b"\n".join(event)] if event else []


# ---- parts of requests ------------------------------------------------------------------------


def wav(samples: NDArray[np.float32]) -> bytes:
    """Mono float32 at 16 kHz as a WAV file of 16-bit samples (44 bytes of header)."""
    pcm = np.clip(np.rint(samples * 32_767), -32_768, 32_767).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, WAV_RATE, WAV_RATE * 2, 2, 16)
    data = struct.pack("<4sI", b"data", len(pcm))
    return struct.pack("<4sI4s", b"RIFF", 36 + len(pcm), b"WAVE") + form + data + pcm


def wav_seconds(content: bytes) -> float:
    """How long what `wav` has made lasts."""
    return max(0, len(content) - 44) / (2 * WAV_RATE)


def text_message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


def audio_message(content: bytes) -> dict[str, Any]:
    """What the caller said, as sound: `wav` or `mp3` are the only formats taken."""
    data = base64.b64encode(content).decode()
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    return {"role": "user", "content": [part]}


def calls_message(calls: list[tuple[str, str, str]]) -> dict[str, Any]:
    """The assistant's tool calls: (id, name, arguments)."""
    return {
        "role": "assistant",
        "tool_calls": [
            {"id": each, "type": "function", "function": {"name": name, "arguments": arguments}}
            for each, name, arguments in calls
        ],
    }


def output_message(tool_call_id: str, output: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": tool_call_id, "content": output}
