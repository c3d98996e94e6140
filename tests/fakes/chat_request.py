"""What a strict chat completions server takes: bodies are read as the real one reads them."""

import base64
import struct
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

KEYS = (
    CompletionCreateParamsStreaming.__required_keys__
    | CompletionCreateParamsStreaming.__optional_keys__
)
VOICES = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"}
)
_ROLES = {"system", "user", "assistant", "tool"}


class Refused(Exception):  # noqa: N818 - the server's answer
    """400: the message says why."""


def read(body: Any) -> list[bytes]:
    """The WAV files in a body, in order; raises Refused for what the API would not take."""
    if not isinstance(body, dict):
        raise Refused("no object")
    if unknown := set(body) - KEYS:
        raise Refused(f"Unrecognized request argument supplied: {sorted(unknown)[0]}")
    if not body.get("model") or not body.get("messages"):
        raise Refused("model and messages are required")
    spoken = "audio" in body.get("modalities", [])
    if spoken:
        _check_audio(body)
    sounds = _check_messages(body["messages"])
    if not spoken and not sounds:
        raise Refused("This model requires that either input content or output be audio")
    for tool in body.get("tools", ()):
        if tool.get("type") != "function" or not tool["function"].get("name"):
            raise Refused("Invalid tools")
    if "tool_choice" in body and "tools" not in body:
        raise Refused("'tool_choice' is only allowed when 'tools' are specified.")
    return sounds


def _check_audio(body: dict[str, Any]) -> None:
    audio = body.get("audio") or {}
    if set(body["modalities"]) != {"text", "audio"} or set(audio) != {"voice", "format"}:
        raise Refused("modalities must be text and audio, with voice and format")
    if body.get("stream") and audio["format"] != "pcm16":
        raise Refused("'audio.format' does not support this when stream=true.")
    if audio["voice"] not in VOICES:
        raise Refused("Invalid value: 'audio.voice'")


def _check_messages(messages: list[dict[str, Any]]) -> list[bytes]:
    sounds: list[bytes] = []
    open_calls: list[str] = []
    for message in messages:
        role = message.get("role")
        if role not in _ROLES:
            raise Refused("Invalid role")
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                raise Refused("'tool' must be a response to a preceding message with 'tool_calls'.")
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            raise Refused("'tool_calls' must be followed by tool messages for each call")
        if "audio" in message:
            raise Refused("Audio with this id has expired or does not exist.")
        for call in message.get("tool_calls", ()):
            if len(call["id"]) > 40:
                raise Refused("string too long: 'tool_calls[0].id'")
            open_calls.append(call["id"])
        sounds += _content(message)
    if open_calls:
        raise Refused("'tool_calls' must be followed by tool messages for each call")
    return sounds


def _content(message: dict[str, Any]) -> list[bytes]:
    content = message.get("content")
    if isinstance(content, list):
        if message["role"] != "user":
            raise Refused("only users have parts here")
        return [_wav(part) for part in content]
    if not isinstance(content, str) and not message.get("tool_calls"):
        raise Refused("Invalid value for 'content': expected a string, got null.")
    return []


def _wav(part: dict[str, Any]) -> bytes:
    sound = part.get("input_audio") or {}
    if part.get("type") != "input_audio" or sound.get("format") != "wav":
        raise Refused("Invalid content part")
    return wav(base64.b64decode(sound["data"], validate=True))


def wav(data: bytes) -> bytes:
    """A file of 16-bit mono samples at 16 or 24 kHz, or Refused."""
    if len(data) < 44 or data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt ":
        raise Refused("The audio data you provided does not represent a valid audio file.")
    _, kind, channels, rate, _, _, bits = struct.unpack("<IHHIIHH", data[16:36])
    (length,) = struct.unpack("<I", data[40:44])
    right = kind == channels == 1 and rate in (16_000, 24_000) and bits == 16
    if not right or length != len(data) - 44 or len(data) - 44 < rate * 2 // 10:
        raise Refused("The audio data you provided does not represent a valid audio file.")
    return data
