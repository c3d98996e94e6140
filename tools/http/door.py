"""The way out: sends one request, to no other address than one that was checked, and reads no more
than was agreed.

No proxy of the environment, no cookies, no redirects of its own, TLS always verified.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tools.http.addresses import may_ask, may_connect
from tools.http.answers import has_body
from tools.http.plan import Request, Response

CHUNK = 16 * 1024
CONNECTIONS = 20


class NotSentError(Exception):
    """The request has not left us. `reason` is a code, fit for a log."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class NoAnswerError(Exception):
    """The request was, or may have been, sent; there is no answer that can be used."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ForbiddenAddressError(OSError):
    """A name or a URL leads to an address that is not to be asked."""


class Door:
    """Requests to the outside, of all tools. Made on the event loop; closed by its owner."""

    def __init__(
        self,
        resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` replaces the system's trust, for a certificate authority of one's own."""
        self._resolver = resolver
        self._tls = tls or _system_trust()
        # What may be connected to is a property of the pool: a connection that was opened under
        # one file's permission must not serve another's request.
        self._sessions: dict[tuple[tuple[str, ...], bool], aiohttp.ClientSession] = {}

    async def fetch(self, request: Request) -> Response:
        """Raises NotSentError and NoAnswerError."""
        with _told() as progress:
            async with asyncio.timeout(request.timeout_s):
                async with await self._asked(request, progress) as answer:
                    is_read = request.reads_body and has_body(answer.status)
                    body = await _body(answer, request) if is_read else b""
                    return Response(answer.status, _head(answer), body)
        raise AssertionError("an exception is always told")

    async def opened(self, request: Request) -> aiohttp.ClientResponse:
        """An answer whose body is still to be read, and to be closed, by who asked for it: the
        time counts until its head is here. Raises NotSentError and NoAnswerError."""
        with _told() as progress:
            async with asyncio.timeout(request.timeout_s):
                return await self._asked(request, progress)
        raise AssertionError("an exception is always told")

    async def close(self) -> None:
        sessions, self._sessions = tuple(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def _asked(self, request: Request, progress: SimpleNamespace) -> aiohttp.ClientResponse:
        _check(request)
        progress.writes = request.writes
        return await self._session(request).request(
            request.method,
            URL(request.url, encoded=True),
            headers=[*request.headers, ("Accept-Encoding", "identity")],
            data=request.body,
            allow_redirects=False,
            trace_request_ctx=progress,
        )

    def _session(self, request: Request) -> aiohttp.ClientSession:
        kind = (request.private, request.writes)
        if kind not in self._sessions:
            self._sessions[kind] = self._opened(*kind)
        return self._sessions[kind]

    def _opened(self, private: tuple[str, ...], writes: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(self._resolver(), private),
            socket_factory=_checked_socket(private),
            ssl=self._tls,
            limit=CONNECTIONS,
            # Each connection asks anew, and is made to what it was told.
            use_dns_cache=False,
            # A connection that was idle may be closed by the server just as a write is sent on
            # it; nobody could tell whether it was done.
            force_close=writes,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[_trace()],
            skip_auto_headers=("User-Agent",),
            headers={"User-Agent": "frontdesk"},
        )


@cache
def _system_trust() -> ssl.SSLContext:
    """Verifies by the certificates this machine trusts. To read them all takes long enough to be
    heard in a call: it is done once a process, when the first door is made."""
    return ssl.create_default_context()


class CheckedResolver(AbstractResolver):
    """Answers only with addresses that may be connected to; one that may not spoils the name."""

    def __init__(self, inner: AbstractResolver, private: tuple[str, ...]) -> None:
        self._inner = inner
        self._private = private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(may_connect(each["host"], self._private) for each in found):
            raise ForbiddenAddressError("address_not_allowed")
        return found

    async def close(self) -> None:
        await self._inner.close()


def _checked_socket(private: tuple[str, ...]) -> Callable[[Any], socket.socket]:
    """Makes the socket for exactly the address that is connected to, so it is checked here once
    more: URLs with an address in them ask no resolver."""

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if not may_connect(str(address[0]), private):
            raise ForbiddenAddressError("address_not_allowed")
        return socket.socket(family, kind, protocol)

    return make


def _check(request: Request) -> None:
    url = URL(request.url, encoded=True)
    if not may_ask(url, request.hosts):
        raise NotSentError("host_not_allowed", permanent=True)
    host = (url.raw_host or "").rstrip(".")
    if _is_address(host) and not may_connect(host, request.private):
        raise NotSentError("address_not_allowed", permanent=True)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(_refuse_second)
    trace.on_connection_create_end.append(_connected)
    trace.on_connection_reuseconn.append(_reused)
    return trace


async def _refuse_second(_session: object, context: SimpleNamespace, _event: object) -> None:
    # aiohttp sends what HTTP calls idempotent again when a server hangs up on it. That is right
    # only for a read on a connection that had been idle.
    progress = context.trace_request_ctx
    if progress.connected and (progress.writes or not progress.reused):
        raise aiohttp.ServerDisconnectedError


async def _connected(_session: object, context: SimpleNamespace, _event: object) -> None:
    context.trace_request_ctx.connected = True


async def _reused(_session: object, context: SimpleNamespace, _event: object) -> None:
    context.trace_request_ctx.connected = context.trace_request_ctx.reused = True


@contextmanager
def _told() -> Iterator[SimpleNamespace]:
    """Turns whatever goes wrong into one of our two errors, by how far the request had come."""
    progress = SimpleNamespace(writes=False, connected=False, reused=False)
    try:
        yield progress
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        if progress.connected:
            raise NoAnswerError(_lost(error)) from None
        raise _not_sent(error) from None


def _head(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


async def _body(answer: aiohttp.ClientResponse, request: Request) -> bytes:
    """Raises NoAnswerError for one that is longer than agreed, or packed."""
    if answer.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise NoAnswerError("packed_body")
    if (answer.content_length or 0) > request.max_bytes:
        raise NoAnswerError("body_too_large")
    held = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK):
        held += chunk
        if len(held) > request.max_bytes:
            raise NoAnswerError("body_too_large")
    return bytes(held)


def _lost(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | OSError():
            return "connection_lost"
        case aiohttp.ClientPayloadError():
            return "answer_broken_off"
        case _:
            return "answer_unreadable"


def _not_sent(error: Exception) -> NotSentError:
    match error:
        case TimeoutError():
            return NotSentError("connect_timeout")
        case aiohttp.ClientConnectorCertificateError():
            return NotSentError("certificate_not_trusted", permanent=True)
        case aiohttp.ClientConnectorDNSError() if _forbidden(error):
            return NotSentError("address_not_allowed", permanent=True)
        case aiohttp.ClientConnectorDNSError():
            return NotSentError("name_not_resolved")
        case ForbiddenAddressError():
            return NotSentError("address_not_allowed", permanent=True)
        case aiohttp.ClientSSLError():
            return NotSentError("tls_failed")
        case aiohttp.ClientConnectorError() if _forbidden(error):
            return NotSentError("address_not_allowed", permanent=True)
        case OSError() | aiohttp.ClientConnectionError():
            return NotSentError("connection_refused")
        case _:
            return NotSentError("request_unusable", permanent=True)


def _forbidden(error: aiohttp.ClientConnectorError) -> bool:
    return isinstance(error.os_error, ForbiddenAddressError)
