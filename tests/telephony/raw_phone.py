"""A phone that writes its WebSocket byte by byte itself: RFC 6455 with nothing between."""

import asyncio
import os
import socket
import struct
from base64 import b64encode
from collections.abc import Mapping
from typing import Self

from telephony.twilio.urls import MEDIA_PATH
from tests.telephony import twilio_peer as peer
from tests.telephony.twilio_server import signed

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_CODE, ABNORMAL = 1005, 1006
"""An empty close frame; none at all."""
WAIT_S = 5.0
SIGNATURE = signed("wss://voice.example.com/twilio/media")


def frame(
    opcode: int,
    payload: bytes = b"",
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: bytes | None = None,
) -> bytes:
    """Any frame, lawful or not. `length`: what stands behind the first byte instead of the truth,
    without the mask bit."""
    head = bytes([(fin << 7) | (rsv << 4) | opcode])
    mask = os.urandom(4) if masked else b""
    size = bytearray(length or _length(len(payload)))
    size[0] |= masked << 7
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if masked else payload
    return head + bytes(size) + mask + body


def _length(size: int) -> bytes:
    if size < 126:
        return bytes([size])
    if size < 65_536:
        return struct.pack("!BH", 126, size)
    return struct.pack("!BQ", 127, size)


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


class RawPhone:
    """One TCP connection to the media endpoint."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        """With a bounded buffer in the kernel: what is not read here soon waits at the server."""
        # asyncio turns Nagle off only where it is told that this is TCP.
        line = socket.socket(proto=socket.IPPROTO_TCP)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=line))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    def ask(self, changes: Mapping[str, str | None] | None = None, path: str = MEDIA_PATH) -> bytes:
        """The upgrade request; `changes` replace headers, None leaves one out."""
        headers: dict[str, str | None] = {
            "Host": "voice.example.com",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
            "X-Twilio-Signature": SIGNATURE,
            **(changes or {}),
        }
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()

    async def answered(self) -> tuple[int, dict[str, str]]:
        """The status of the answer and its headers, names in small letters."""
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), WAIT_S)
        first, *lines = head.decode().split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def upgrade(self) -> None:
        self.writer.write(self.ask())
        status, _ = await self.answered()
        assert status == 101

    async def begin(self, token: str) -> None:
        """Upgrade, then `connected` and `start`."""
        await self.upgrade()
        self.say(peer.text(peer.connected()))
        self.say(peer.text(peer.start(token=token)))

    def say(self, text: str) -> None:
        self.writer.write(frame(TEXT, text.encode()))

    async def drip(self, data: bytes, size: int) -> None:
        """So many bytes at a time; the server gets its turn after each piece."""
        for at in range(0, len(data), size):
            self.writer.write(data[at : at + size])
            await asyncio.sleep(0)
        await asyncio.wait_for(self.writer.drain(), WAIT_S)

    async def frame(self) -> tuple[int, bytes] | None:
        """The next frame of the server: (opcode, payload); None at the end of the connection."""
        try:
            first, second = await self._exactly(2)
            assert not second & 128, "servers do not mask"
            size = second & 127
            if size >= 126:
                size = int.from_bytes(await self._exactly(2 if size == 126 else 8), "big")
            return first & 15, await self._exactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _exactly(self, size: int) -> bytes:
        return await asyncio.wait_for(self._reader.readexactly(size), WAIT_S)

    async def until_close(self) -> tuple[list[bytes], int]:
        """The pongs that came, and the close code: 1005 for an empty close, 1006 without one.
        The connection must end right behind it."""
        pongs: list[bytes] = []
        while (found := await self.frame()) is not None:
            opcode, payload = found
            if opcode == PONG:
                pongs.append(payload)
            elif opcode == CLOSE:
                assert await self.frame() is None, "something behind the close"
                return pongs, int.from_bytes(payload[:2], "big") if payload else NO_CODE
        return pongs, ABNORMAL

    async def pongs(self, count: int) -> list[bytes]:
        """The next frames, all of which must be pongs."""
        found = [await self.frame() for _ in range(count)]
        assert all(each is not None and each[0] == PONG for each in found), found
        return [each[1] for each in found if each]
