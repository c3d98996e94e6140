"""The socket to a chat server: one request an answer, its stream read, its failures named."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final

import aiohttp
import msgspec
import structlog

from agents.engine import ResponseStatus, Usage
from agents.local.chat.phrases import Phrases
from agents.local.chat.stream import BadStream, Call, ChatStream, Outcome, ServerError

log = structlog.get_logger()

FIRST_BYTES_S: Final = 6.0
"""From the request to the first bytes of the answer; a model that is being loaded takes longer."""
STALL_S: Final = 4.0
"""Between two pieces of an answer that has begun."""
RETRY_S: Final = 0.3
MOST_RETRY_S: Final = 2.0
"""A server that wants more patience than that is given up: a caller waits."""
_PATH: Final = "/chat/completions"

Start = Callable[[str, Coroutine[Any, Any, Any]], asyncio.Task[Any]]


class ChatSettings(msgspec.Struct, frozen=True):
    """Where the model is."""

    url: str
    """The API's base, as `http://127.0.0.1:11434/v1`, or all of the path."""
    model: str
    key: str = ""

    def __repr__(self) -> str:
        return f"ChatSettings(url={self.url!r}, model={self.model!r})"

    @property
    def endpoint(self) -> str:
        return self.url if self.url.endswith(_PATH) else self.url.rstrip("/") + _PATH


class ChatFailed(Exception):  # noqa: N818 - says what happened
    """No answer, or not all of one. `reason` is one of a closed list (docs/wire.md)."""

    def __init__(self, reason: str, *, fatal: bool = False, wait_s: float = RETRY_S) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fatal = fatal
        """The same request would fail again."""
        self.wait_s = wait_s
        """So long is to be waited before another try."""


class Phrase(msgspec.Struct, frozen=True):
    """Words to be spoken now."""

    text: str


class Answered(msgspec.Struct, frozen=True):
    """The end of an answer."""

    status: ResponseStatus = ResponseStatus.COMPLETED
    reason: str = ""
    calls: tuple[Call, ...] = ()
    usage: Usage | None = None


class Chat:
    """A chat server, shared by all calls."""

    def __init__(self, settings: ChatSettings, http: aiohttp.ClientSession) -> None:
        self.model = settings.model
        self._url = settings.endpoint
        self._http = http
        key = {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
        self._headers = {"Content-Type": "application/json", **key}

    async def answer(self, body: bytes) -> AsyncGenerator[str | Outcome, None]:
        """Words as they come, then how it ended. Raises ChatFailed; closed early, it hangs up."""
        stream = ChatStream()
        try:
            async with asyncio.timeout(FIRST_BYTES_S) as first:
                async with self._http.post(
                    self._url,
                    data=body,
                    headers=self._headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response:
                    _check(response)
                    async for data in response.content.iter_any():
                        first.reschedule(asyncio.get_running_loop().time() + STALL_S)
                        if words := stream.feed(data):
                            yield words
                        if stream.over:
                            break
            yield stream.end()
        except TimeoutError:
            # The caller has waited long enough.
            raise ChatFailed("local_llm_slow", wait_s=math.inf) from None
        except aiohttp.ClientConnectorError:
            raise ChatFailed("local_llm_unreachable") from None
        except (aiohttp.ClientError, ConnectionError):
            raise ChatFailed("local_llm_cut") from None
        except ServerError:
            raise ChatFailed("local_llm_error") from None
        except BadStream as problem:
            log.warning("local_llm_garbage", what=str(problem))
            raise ChatFailed("local_llm_garbage") from None


def _check(response: aiohttp.ClientResponse) -> None:
    """Raises ChatFailed for anything but a stream."""
    match response.status:
        case 200:
            return
        case 401 | 403:
            raise ChatFailed("local_llm_unauthorized", fatal=True)
        case 404:
            raise ChatFailed("local_llm_not_found", fatal=True)
        case 408 | 409 | 425 | 429:
            raise ChatFailed("local_llm_busy", wait_s=_retry_after(response))
        case code if code >= 500:
            raise ChatFailed("local_llm_error", wait_s=_retry_after(response))
        case _:
            raise ChatFailed("local_llm_refused", fatal=True)


def _retry_after(response: aiohttp.ClientResponse) -> float:
    asked = response.headers.get("Retry-After", "")
    return max(RETRY_S, float(asked)) if asked.isascii() and asked.isdecimal() else RETRY_S


class Thought:
    """One answer under way, read by a task of its own so that it can be stopped at any moment."""

    def __init__(self, chat: Chat, body: bytes, start: Start) -> None:
        self._chat = chat
        self._body = body
        self._pieces: asyncio.Queue[Phrase | Answered | ChatFailed | None] = asyncio.Queue()
        self._spoken = False
        self._reading = start("local.consult", self._read())

    async def next(self) -> Phrase | Answered | None:
        """What comes next; None once it was stopped. Raises ChatFailed when there is no answer."""
        piece = await self._pieces.get()
        if isinstance(piece, ChatFailed):
            raise piece
        return piece

    def stop(self) -> None:
        """Nobody wants it any more: the connection is closed, which stops the model too."""
        self._reading.cancel()
        self._pieces.put_nowait(None)

    async def _read(self) -> None:
        try:
            await self._try()
        except ChatFailed as failed:
            # What was said stands; the caller hears that it broke off, and goes on.
            broken_off = Answered(ResponseStatus.INCOMPLETE, failed.reason)
            self._pieces.put_nowait(broken_off if self._spoken else failed)

    async def _try(self) -> None:
        """Once more if it fails before a word was said, and may not fail again."""
        try:
            return await self._answer()
        except ChatFailed as failed:
            if self._spoken or failed.fatal or failed.wait_s > MOST_RETRY_S:
                raise
            log.warning("local_llm_again", reason=failed.reason)
            await asyncio.sleep(failed.wait_s)
        return await self._answer()

    async def _answer(self) -> None:
        phrases = Phrases()
        async with aclosing(self._chat.answer(self._body)) as answer:
            async for piece in answer:
                if isinstance(piece, str):
                    self._say(phrases.push(piece))
                    continue
                self._say(phrases.flush())
                end = _ended(piece)
                if not (self._spoken or end.calls):
                    raise ChatFailed("local_llm_empty")
                self._pieces.put_nowait(end)

    def _say(self, phrases: list[str]) -> None:
        for phrase in phrases:
            self._spoken = True
            self._pieces.put_nowait(Phrase(phrase))


def _ended(outcome: Outcome) -> Answered:
    """A reply that was broken off wants no tool: its arguments may be half ones."""
    match outcome.reason:
        case "length":
            return Answered(ResponseStatus.INCOMPLETE, "max_output_tokens", (), outcome.usage)
        case "content_filter":
            return Answered(ResponseStatus.INCOMPLETE, "content_filter", (), outcome.usage)
    return Answered(calls=outcome.calls, usage=outcome.usage)
