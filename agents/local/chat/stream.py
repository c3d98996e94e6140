"""What does a chat server stream? Events of `chat.completion.chunk`, read piece by piece.

As OpenAI documents the streaming of chat completions, and as Ollama, llama.cpp and vLLM serve it:
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from typing import Any, Final

import msgspec

from agents.engine import Usage

MOST_LINE_BYTES: Final = 256 * 1024
MOST_LETTERS: Final = 8_000
"""Of one reply: ten minutes of speech."""
MOST_CALLS: Final = 16
MOST_ARGUMENTS: Final = 32_000
"""Characters of one call's arguments."""


class BadStream(Exception):  # noqa: N818 - says what the peer sent
    """Nobody could make sense of it; the message says why, without quoting it."""


class ServerError(Exception):
    """The server itself told of an error in the middle of a stream."""


class Call(msgspec.Struct):
    """A tool call as the model wrote it, unvalidated."""

    name: str = ""
    arguments: str = ""
    """JSON text."""
    id: str = ""
    """The server's own, to tell pieces apart; some give every call the same, or none."""


class Outcome(msgspec.Struct, frozen=True):
    """How a reply ended."""

    reason: str
    """`stop`, `tool_calls`, `length`, `content_filter`, ..."""
    calls: tuple[Call, ...] = ()
    usage: Usage | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Any = None


class _Piece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_Piece] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Counted(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Counted | None = None
    error: Any = None


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class ChatStream:
    """One reply on its way in."""

    def __init__(self) -> None:
        self._rest = b""
        self._letters = 0
        self._calls: dict[int, Call] = {}
        self._reason = ""
        self._done = False
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> str:
        """The words in the next bytes of the body. Raises BadStream, ServerError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES:
            raise BadStream("a line without an end")
        return "".join(self._line(line.strip()) for line in lines)

    def end(self) -> Outcome:
        """The body is over. Raises BadStream when the reply was not."""
        self._line(self._rest.strip())
        if not self._done and not self._reason:
            raise BadStream("it ended in the middle")
        calls = tuple(call for _, call in sorted(self._calls.items()) if call.name)
        return Outcome(self._reason or "stop", calls, self._usage)

    @property
    def over(self) -> bool:
        """Nothing worth waiting for can follow."""
        return self._done

    def _line(self, line: bytes) -> str:
        # Other fields, and comments that keep the connection alive, mean nothing to us.
        if not line.startswith(b"data:") or self._done:
            return ""
        data = line[len(b"data:") :].strip()
        if data == b"[DONE]":
            self._done = True
            return ""
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadStream("a chunk that is none") from error
        if chunk.error:
            raise ServerError
        self._usage = _usage(chunk.usage) or self._usage
        return "".join(self._choice(choice) for choice in chunk.choices[:1])

    def _choice(self, choice: _Choice) -> str:
        self._reason = choice.finish_reason or self._reason
        if choice.delta is None:
            return ""
        for piece in choice.delta.tool_calls or ():
            self._piece(piece)
        words = choice.delta.content or ""
        self._letters += len(words)
        if self._letters > MOST_LETTERS:
            raise BadStream("a reply without an end")
        return words

    def _piece(self, piece: _Piece) -> None:
        """Arguments come in pieces; some servers send whole calls, all with index 0."""
        at = piece.index if piece.index is not None else max(self._calls, default=0)
        known = self._calls.get(at)
        if known is not None and piece.id and known.id and piece.id != known.id:
            at = max(self._calls) + 1
        call = self._calls.setdefault(at, Call())
        call.id = piece.id or call.id
        if piece.function is not None:
            call.name = call.name or piece.function.name or ""
            call.arguments += _written(piece.function.arguments)
        if len(self._calls) > MOST_CALLS or len(call.arguments) > MOST_ARGUMENTS:
            raise BadStream("tool calls without an end")


def _written(arguments: Any) -> str:
    """As text, though some servers send the object itself."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return msgspec.json.encode(arguments).decode()


def _usage(counted: _Counted | None) -> Usage | None:
    if counted is None or counted.prompt_tokens is None:
        return None
    details = counted.prompt_tokens_details
    return Usage(
        input_text_tokens=counted.prompt_tokens,
        output_text_tokens=counted.completion_tokens or 0,
        cached_text_tokens=(details.cached_tokens or 0) if details else 0,
    )
