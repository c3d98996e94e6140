"""A chat server as Ollama, llama.cpp and vLLM are one: strict about requests, streaming answers.

Written from OpenAI's description of `chat.completion.chunk`; the templates of local models refuse
roles that do not alternate, and so does this.
"""

import asyncio
import json
from typing import Any

from tests.tools.http_double import Double, Reply, Seen

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def event(choice: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """One chunk as it stands on the wire."""
    choices = [] if choice is None else [{"index": 0, **choice}]
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": choices, **fields}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def said(text: str) -> bytes:
    return event({"delta": {"content": text}, "finish_reason": None})


def wants(
    name: str | None, arguments: Any, *, index: int | None = 0, call_id: str | None = "call_x"
) -> bytes:
    """A piece of a tool call."""
    function = {"name": name, "arguments": arguments}
    piece = {"index": index, "id": call_id, "type": "function", "function": function}
    return event({"delta": {"tool_calls": [piece]}, "finish_reason": None})


def ended(reason: str = "stop") -> bytes:
    usage = {
        "prompt_tokens": 90,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 64},
    }
    return event({"delta": {}, "finish_reason": reason}) + event(usage=usage) + DONE


def streams(*pieces: bytes, then: str = "end") -> Reply:
    """These bytes one after another; then the body ends, the line is cut, or nothing more comes."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for piece in pieces:
            writer.write(chunked(piece))
            await writer.drain()
        match then:
            case "silence":
                await asyncio.Event().wait()
            case "cut":
                writer.transport.abort()
            case "end":
                writer.write(LAST)

    return reply


def rest(*pieces: bytes) -> Reply:
    """What comes of a body left open (`then="open"`), and its end."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(map(chunked, pieces)) + LAST)

    return reply


def says(*words: str) -> Reply:
    return streams(event({"delta": {"role": "assistant"}}), *map(said, words), ended())


def calls(name: str, arguments: dict[str, Any], lead: str = "") -> Reply:
    """A tool call as OpenAI streams one: the name first, its arguments in pieces."""
    text = json.dumps(arguments)
    half = len(text) // 2
    pieces = [
        wants(name, ""),
        *(wants(None, part, call_id=None) for part in (text[:half], text[half:])),
    ]
    return streams(*[said(lead)] * bool(lead), *pieces, ended("tool_calls"))


class ChatServer(Double):
    """Answers in the order written down, and checks what it is asked."""

    @property
    def base(self) -> str:
        return self.url("/v1")

    def messages(self, at: int = -1) -> list[dict[str, Any]]:
        """Of one request, which must be as an API takes it."""
        messages: list[dict[str, Any]] = check(self.seen[at])["messages"]
        return messages


def check(seen: Seen) -> dict[str, Any]:
    assert (seen.method, seen.target) == ("POST", "/v1/chat/completions")
    assert seen.headers["content-type"] == "application/json"
    body: dict[str, Any] = seen.json
    assert body["stream"] is True
    system, *messages = body["messages"]
    assert system["role"] == "system"
    assert system["content"]
    _alternate(messages)
    for tool in body.get("tools", ()):
        assert "x-" not in json.dumps(tool["function"]["parameters"])
    return body


def _alternate(messages: list[dict[str, Any]]) -> None:
    """User and assistant in turn, each tool call with its answer right behind it."""
    assert messages[0]["role"] == "user"
    assert messages[-1]["role"] in {"user", "tool"}
    owed: list[str] = []
    before = ""
    for message in messages:
        role = message["role"]
        if role == "tool":
            assert message["tool_call_id"] == owed.pop(0)
            assert isinstance(message["content"], str)
        else:
            assert not owed, "a tool call without an answer"
            assert role != before or (role == "assistant" and before == "tool"), messages
            owed = [call["id"] for call in message.get("tool_calls", ())]
            assert message["content"] or owed, "an empty message"
        before = role
    assert not owed
