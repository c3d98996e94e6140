"""How the `mcp` package's HTTP client reaches a server: through our own way out, with its checks.

What went wrong on the way is answered like an error of the server's, so that one lost request does
not end the connection; the sign by which we know our own is made anew in each process.
"""

import secrets
from collections.abc import AsyncIterator, Mapping

import aiohttp
import httpx2
import msgspec
from httpx2 import AsyncBaseTransport, AsyncByteStream
from yarl import URL

from tools.http.addresses import listed
from tools.http.door import Door, NoAnswerError, NotSentError
from tools.http.plan import Request

NOT_SENT = f"not sent {secrets.token_hex(8)}"
"""The request certainly did not reach the server, or was not taken by it."""
LOST = "lost"
CODE = -32099
HEAD_S = 90.0
"""For the head of an answer. A call has its own, shorter patience."""
CHUNK = 16 * 1024
# Ours to say, or of the hop and not of the message.
LEFT_OUT = frozenset({"host", "connection", "accept-encoding", "content-length", "user-agent"})


class Way(AsyncBaseTransport):
    """To one server, and nowhere else."""

    def __init__(
        self, door: Door, url: str, headers: Mapping[str, str], private: tuple[str, ...], most: int
    ) -> None:
        self._door = door
        self._hosts = frozenset({listed(URL(url))})
        self._headers = dict(headers)
        self._private = private
        self._most = most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        try:
            answer = await self._door.opened(self._planned(request, body))
        except NotSentError:
            return _stand_in(request, body, NOT_SENT)
        except NoAnswerError:
            return _stand_in(request, body, LOST)
        if answer.status == 404 and "mcp-session-id" in request.headers:
            # The session is gone, and the message was not taken (Streamable HTTP, Session
            # Management).
            answer.close()
            return _stand_in(request, body, NOT_SENT)
        limit = None if request.method == "GET" else self._most
        return httpx2.Response(
            answer.status,
            headers=[(name, value) for name, value in answer.headers.items()],
            stream=_Bytes(answer, limit),
            request=request,
        )

    def _planned(self, request: httpx2.Request, body: bytes) -> Request:
        given = [(name, value) for name, value in request.headers.items() if name not in LEFT_OUT]
        return Request(
            method=request.method,
            url=str(request.url),
            headers=(*given, *self._headers.items()),
            body=body or None,
            # A POST of a message is never sent twice, whatever the tool it is for.
            writes=request.method != "GET",
            hosts=self._hosts,
            private=self._private,
            timeout_s=HEAD_S,
        )


class _Bytes(AsyncByteStream):
    """The rest of an answer, as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse, limit: int | None) -> None:
        self._answer = answer
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        try:
            async for chunk in self._answer.content.iter_chunked(CHUNK):
                read += len(chunk)
                if self._limit is not None and read > self._limit:
                    raise httpx2.StreamError("the answer is too long")
                yield chunk
        except (aiohttp.ClientError, OSError):
            raise httpx2.StreamError("the answer broke off") from None

    async def aclose(self) -> None:
        self._answer.close()


def _stand_in(request: httpx2.Request, body: bytes, message: str) -> httpx2.Response:
    """What the package takes for the server's refusal of this one request."""
    if request.method != "POST":
        return httpx2.Response(503, request=request)
    error = {"code": CODE, "message": message}
    answer = {"jsonrpc": "2.0", "id": _id(body), "error": error}
    return httpx2.Response(503, json=answer, request=request)


def _id(body: bytes) -> object:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return found.get("id") if isinstance(found, dict) else None
