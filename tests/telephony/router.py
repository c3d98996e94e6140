"""Stands before several servers as a load balancer does: each connection goes to one that answers.

Bytes are passed on as they are, so that HTTP and WebSockets need no care.
"""

import asyncio
from collections.abc import Sequence
from typing import Self


class Router:
    """`ports` are tried in order; change it at any time. `live` connections are left alone."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = list(ports)
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()

    def drop(self) -> None:
        """Reset every connection, as a proxy that is killed does."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await self._reach()
        if there is None:
            writer.transport.abort()
            return
        both = {writer, there[1]}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pipe(reader, there[1]))
                group.create_task(_pipe(there[0], writer))
        finally:
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for port in tuple(self.ports):
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
        return None


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
