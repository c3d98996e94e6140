"""A server on the loopback that answers requests as a test says, well or badly."""

import asyncio
import datetime as dt
import ipaddress
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools.spec import AnyArguments, Risk, Tool, ToolContext


class Seen(msgspec.Struct, frozen=True):
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    lines: tuple[str, ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Double:
    """Gives each request the next of `replies`; the last one again and again."""

    def __init__(
        self,
        *replies: Reply,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.replies = list(replies)
        self.seen: list[Seen] = []
        self.got = asyncio.Event()
        self.over = asyncio.Event()
        self._host = host
        self._port = port
        self._tls = tls
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self._host, self._port, ssl=self._tls
        )
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def url(self, path: str = "/", host: str = "") -> str:
        return f"{'https' if self._tls else 'http'}://{host or self._host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (seen := await _request(reader)) is not None:
                self.seen.append(seen)
                self.got.set()
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                await reply(writer)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, tuple(lines), body)


def answer(
    status: int = 200,
    data: Any = None,
    *,
    body: bytes | None = None,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A whole answer."""
    content = json.dumps(data).encode() if body is None else body
    fields = {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}
    return raw(f"HTTP/1.1 {status} Said\r\n{_lines(fields)}\r\n".encode() + content)


def redirect(status: int, to: str) -> Reply:
    return answer(status, body=b"", headers={"Location": to})


def _lines(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def raw(data: bytes, *, then_reset: bool = False) -> Reply:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if then_reset:
            writer.transport.abort()

    return reply


def hang_up() -> Reply:
    """Not a byte, and the connection is gone."""
    return raw(b"", then_reset=True)


def never(first: bytes = b"") -> Reply:
    """Says no more than `first`; the test ends it."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await asyncio.Event().wait()

    return reply


def drip() -> Reply:
    """A long answer, a byte at a time, without end."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n"
        )
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    return reply


def flood(head: bytes) -> Reply:
    """More than anybody wants, as fast as it is taken."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    return reply


class Names(AbstractResolver):
    """A name server that answers each question with the next of its lists of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in addresses
        ]

    async def close(self) -> None:
        return None


def certificate(folder: Path, name: str = "localhost") -> Path:
    """A file with a key and a certificate that only vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


CONTEXT = ToolContext(
    call_id="CA1",
    caller_number="+442079460001",
    now=dt.datetime(2026, 3, 3, 8, 0, tzinfo=dt.UTC),
    idempotency_key="key-1",
)


def base(
    *arguments: str, risk: Risk = Risk.READ, deadline_s: float = 8.0, idempotent: bool = False
) -> Tool:
    """The fields of a tool file beside its section."""
    properties: dict[str, Any] = {name: {} for name in arguments}
    return Tool(
        name="ask",
        description="Asks.",
        arguments=AnyArguments,
        handler=_unused,
        risk=risk,
        deadline_s=deadline_s,
        parameters={"type": "object", "properties": properties, "additionalProperties": False},
        idempotent=idempotent,
    )


def _unused(_arguments: Any, _context: ToolContext) -> dict[str, Any]:
    raise AssertionError("the section gives the handler")
