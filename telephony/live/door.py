"""Where consoles, in this process or another, reach the calls of this one: a socket in a folder.

The socket is for the service's user only (mode 0600, in a folder of mode 0700): the file system
keeps others out. Each process has one, which is gone when the process ends. What a killed process
has left is heeded by nobody, and taken away by the next that starts.
"""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Callable, Generator
from pathlib import Path

import structlog

from agents.tasks import Tasks
from telephony.live.hub import Hub
from telephony.live.reader import Reader
from telephony.live.wire import (
    MAX_REQUEST_BYTES,
    AnyRequest,
    BadMessage,
    Calls,
    Do,
    Follow,
    Gone,
    List,
    Listen,
    Watch,
    line,
    request,
)

log = structlog.get_logger()

FOLDER = "live"
SUFFIX = ".sock"
REQUEST_S = 5.0
"""For the one line a console has to say."""
SEND_S = 5.0
"""Who does not read for so long is let go."""
_MOST_BYTES = 1 << 20
"""Of what is written and not read: more is waited for."""
_LONGEST_PATH = 100
"""A socket's address has 108 bytes on Linux, and one must be 0 (unix(7))."""


def sockets(data_dir: Path) -> list[Path]:
    """Of all call processes, dead ones included."""
    return sorted((data_dir / FOLDER).glob(f"*{SUFFIX}"))


@contextlib.contextmanager
def address(path: Path) -> Generator[str]:
    """A name of the socket that is short enough, while the block lasts."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Door:
    """The socket of one process. `open` once, `close` at the end."""

    def __init__(self, hub: Hub, data_dir: Path, count: Callable[[str], None]) -> None:
        self._hub = hub
        self._count = count
        self._path = data_dir / FOLDER / f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        self._server: asyncio.Server | None = None
        self._tasks = Tasks(self._broke)

    async def open(self) -> None:
        """Without it calls are answered all the same, so what goes wrong is only told."""
        try:
            listener = await asyncio.to_thread(self._listener)
            self._server = await asyncio.start_unix_server(
                self._connected, sock=listener, limit=MAX_REQUEST_BYTES
            )
        except OSError as error:
            self._count("live_door_shut")
            log.warning("live_door_shut", path=str(self._path), error=error.strerror)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await asyncio.to_thread(self._path.unlink, missing_ok=True)
        await self._tasks.cancel_all()

    def _listener(self) -> socket.socket:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in sockets(self._path.parent.parent):
            if _dead(left):
                left.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with address(self._path) as name:
                listener.bind(name)
            self._path.chmod(0o600)
            listener.listen()
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        return listener

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.start("live reader", self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                asked = request(await reader.readuntil(b"\n"))
            await self._answer(asked, reader, writer)
        except BadMessage:
            self._count("live_bad_request")
        except (OSError, EOFError, asyncio.LimitOverrunError):
            """It left, or was slow: TimeoutError is an OSError."""
        finally:
            writer.transport.abort()

    async def _answer(
        self, asked: AnyRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match asked:
            case List():
                await _send(writer, line(Calls(self._hub.views())))
            case Do(call_id, act, by, words):
                await _send(writer, line(self._hub.do(call_id, act, by, words)))
            case Watch():
                await self._tell(Reader(), reader, writer)
            case Follow(call_id):
                await self._tell(Reader(call_id), reader, writer)
            case Listen(call_id):
                await self._tell(Reader(call_id, sound=True), reader, writer)

    async def _tell(
        self, told: Reader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """What happens, until the call is over, the console leaves, or does not read."""
        left = self._tasks.start("live reader left", _left(reader, told))
        self._hub.join(told)
        try:
            while not (told.box.behind or told.left):
                for answer in await told.take():
                    await _send(writer, line(answer))
                    if isinstance(answer, Gone) and told.call_id is not None:
                        return
            if told.box.behind:
                self._count("live_reader_behind")
        finally:
            self._hub.leave(told)
            left.cancel()

    def _broke(self, name: str, error: BaseException) -> None:
        self._count("task_failed")
        log.error("task_failed", task=name, exc_info=error)


def _dead(path: Path) -> bool:
    """Nobody listens at it any more."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as tried:
        tried.settimeout(1.0)
        try:
            with address(path) as name:
                tried.connect(name)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


async def _left(reader: asyncio.StreamReader, told: Reader) -> None:
    """Returns when the other side has left; what it still says is nothing."""
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
    told.leave()


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Raises OSError when the socket is gone or is not read."""
    if writer.is_closing():
        raise ConnectionResetError
    writer.write(data)
    if writer.transport.get_write_buffer_size() > _MOST_BYTES:
        raise ConnectionResetError
    async with asyncio.timeout(SEND_S):
        await writer.drain()
