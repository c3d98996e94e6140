"""A WebSocket that costs next to nothing, so that the load rig's own core carries many calls.

Both roles of RFC 6455, without extensions and without fragmented messages, which neither the
server under test nor its client sends. It trusts its peer: everything here is on loopback.
"""

import asyncio
import base64
import hashlib
import os
import struct
from collections.abc import Callable, Mapping

from websockets.speedups import apply_mask

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
NO_MASK = bytes(4)
"""The mask a client must send; what it masks with is its own affair."""
_NO_MODELS = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{"data":[]}'
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):  # noqa: N818 - an answer
    """The server did not upgrade."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


def frame(opcode: int, payload: bytes, *, masked: bool) -> bytes:
    """One unfragmented frame."""
    size, bit = len(payload), 128 if masked else 0
    if size < 126:
        head = bytes((128 | opcode, bit | size))
    elif size < 65_536:
        head = struct.pack("!BBH", 128 | opcode, bit | 126, size)
    else:
        head = struct.pack("!BBQ", 128 | opcode, bit | 127, size)
    return head + NO_MASK + payload if masked else head + payload


class Frames:
    """Cuts a stream of bytes into (opcode, payload)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that are complete now; raises ValueError for a fragmented one."""
        data = self._rest + data if self._rest else data
        frames: list[tuple[int, bytes]] = []
        at = 0
        while (cut := _cut(data, at)) is not None:
            opcode, payload, at = cut
            frames.append((opcode, payload))
        self._rest = data[at:]
        return frames


def _cut(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """The frame that begins at `at` and where the next one does; None: not all of it is there."""
    if len(data) < at + 2:
        return None
    first, second = data[at], data[at + 1]
    if not first & 128:
        raise ValueError("a fragmented message")
    size, begin = second & 127, at + 2
    if size >= 126:
        width = 2 if size == 126 else 8
        size = int.from_bytes(data[begin : begin + width], "big")
        begin += width
    if second & 128:
        begin += 4
    end = begin + size
    if len(data) < end:
        return None
    payload = data[begin:end]
    return (
        first & 15,
        apply_mask(payload, data[begin - 4 : begin]) if second & 128 else payload,
        end,
    )


def accept_key(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


class Socket(asyncio.Protocol):
    """One connection. `received(text)` per message; `opened` and `closed` are futures.

    As a client it is opened by `upgrade`; as a server by the request that comes.
    """

    def __init__(
        self, received: Callable[[bytes], None], accepted: Callable[["Socket"], None] | None = None
    ) -> None:
        """`accepted`: this is the server's side, and this is told of the upgrade."""
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[int] = loop.create_future()
        """The close code; 1006 without one."""
        self.received = received
        self.request = b""
        """As a server: the request with its headers."""
        self._accepted = accepted
        self._masks = accepted is None
        self._frames = Frames()
        self._head: bytes | None = b""
        self._code = 1006
        self._transport: asyncio.Transport | None = None

    # ---- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head = None
            self._shake(head)
        for opcode, payload in self._frames.feed(data):
            self._take(opcode, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionResetError())
            self.opened.exception()
        if not self.closed.done():
            self.closed.set_result(self._code)

    # ---- for its owner -------------------------------------------------------------------------

    def upgrade(self, host: str, path: str, headers: Mapping[str, str]) -> None:
        """Ask for the WebSocket; `opened` says how it went."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._write("\r\n".join([*lines, "", ""]).encode())

    def send(self, text: bytes) -> None:
        self._write(frame(TEXT, text, masked=self._masks))

    def close(self, code: int = 1000) -> None:
        self._write(frame(CLOSE, struct.pack("!H", code), masked=self._masks))

    def stop_reading(self) -> None:
        """For good."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # ---- inside --------------------------------------------------------------------------------

    def _shake(self, head: bytes) -> None:
        if self._accepted is None:
            status = int(head.split(b" ", 2)[1])
            if status == 101:
                self.opened.set_result(None)
            else:
                self.opened.set_exception(Refused(status))
                self.abort()
            return
        self.request = head
        headers = {name.lower(): value for name, value in _headers(head)}
        if b"sec-websocket-key" not in headers:
            # The service asks which models there are: none that it need know of.
            self._write(_NO_MODELS)
            return
        key = accept_key(headers[b"sec-websocket-key"])
        self._write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + key + b"\r\n\r\n"
        )
        self.opened.set_result(None)
        self._accepted(self)

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.received(payload)
        elif opcode == PING:
            self._write(frame(PONG, payload, masked=self._masks))
        elif opcode == CLOSE:
            self._code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self._write(frame(CLOSE, payload[:2], masked=self._masks))
            if self._transport is not None:
                self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _headers(head: bytes) -> list[tuple[bytes, bytes]]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return [(name.strip(), value.strip()) for name, _, value in pairs]
