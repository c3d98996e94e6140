"""How a connection gets from the worker that accepted it to the one it is for.

The parent makes a pair of sockets for each worker: one end is the worker's own, the other is every
worker's. A message through it brings a file descriptor (`SCM_RIGHTS`): the caller's TCP connection
itself, so that no byte of audio passes through anybody else, or one end of a fresh pair through
which a question is answered. The pairs outlive their worker: what waits is for its successor.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

import msgspec

MOST_BYTES = 160 * 1024
"""Of one message; Linux takes about 200 KiB."""
ANSWER_S = 2.0
"""For an answer: longer than a frozen machine is waited for, shorter than Twilio waits."""
_PIECE_BYTES = 64 * 1024


class Handed(msgspec.Struct, frozen=True, tag="handed"):
    """A connection with what was read of it: a WebSocket's request."""

    head: bytes


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """A webhook that somebody else received. Answered follows."""

    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class FiguresAsked(msgspec.Struct, frozen=True, tag="figures"):
    """The worker's figures for a monitoring system. Answered follows."""


class Answered(msgspec.Struct, frozen=True):
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


Message = Handed | Asked | FiguresAsked
Received = Callable[[Message, socket.socket], None]

_messages = msgspec.msgpack.Decoder(Message)
_answers = msgspec.msgpack.Decoder(Answered)


class Unreachable(Exception):  # noqa: N818 - an answer, not an error
    """The worker does not take what is sent, or does not answer in time."""


def pair() -> tuple[socket.socket, socket.socket]:
    """A worker's own end and everybody's."""
    own, others = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (own, others):
        end.setblocking(False)
    return own, others


class Channel:
    """Everybody's ends, as one process holds them."""

    def __init__(self, ends: dict[int, socket.socket]) -> None:
        """By worker."""
        self._ends = ends

    def hand(self, worker: int, message: Message, connection: int) -> None:
        """The worker gets its own copy of the file descriptor. Raises Unreachable."""
        data = msgspec.msgpack.encode(message)
        if len(data) > MOST_BYTES:
            raise Unreachable
        try:
            socket.send_fds(self._ends[worker], [data], [connection])
        except OSError:
            raise Unreachable from None

    async def ask(self, worker: int, message: Asked | FiguresAsked) -> Answered:
        """Raises Unreachable."""
        here, there = socket.socketpair()
        with here:
            with there:
                self.hand(worker, message, there.fileno())
            here.setblocking(False)
            try:
                async with asyncio.timeout(ANSWER_S):
                    return _answer(await _all_of(here))
            except OSError:  # TimeoutError is one
                raise Unreachable from None

    def ask_now(self, worker: int, message: FiguresAsked) -> Answered:
        """The same, blocking. Raises Unreachable."""
        here, there = socket.socketpair()
        with here:
            with there:
                self.hand(worker, message, there.fileno())
            here.settimeout(ANSWER_S)
            pieces = bytearray()
            try:
                while piece := here.recv(_PIECE_BYTES):
                    pieces += piece
            except OSError:
                raise Unreachable from None
            return _answer(bytes(pieces))


async def _all_of(end: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    pieces = bytearray()
    while piece := await loop.sock_recv(end, _PIECE_BYTES):
        pieces += piece
    return bytes(pieces)


def _answer(data: bytes) -> Answered:
    try:
        return _answers.decode(data)
    except msgspec.MsgspecError:  # it died in the middle, or before
        raise Unreachable from None


def waits(end: socket.socket) -> bool:
    """Who asked has not left. They send nothing: what can be read is their end."""
    try:
        return end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


async def reply(end: socket.socket, answer: Answered) -> None:
    """To who asked, who may have left."""
    with end, contextlib.suppress(OSError):
        end.setblocking(False)
        async with asyncio.timeout(ANSWER_S):
            await asyncio.get_running_loop().sock_sendall(end, msgspec.msgpack.encode(answer))


class Inbox:
    """A worker's own end. `open` on the event loop, `close` at the end."""

    def __init__(self, own: socket.socket, received: Received) -> None:
        """`received` gets each message with its socket, which is its to close."""
        self._own = own
        self._received = received

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._own.fileno(), self._some)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._own.fileno())

    def _some(self) -> None:
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self._own, MOST_BYTES, 1)
            except BlockingIOError:
                return
            if not data and not fds:
                # Nobody holds the other end any more.
                self.close()
                return
            self._one(data, fds)

    def _one(self, data: bytes, fds: list[int]) -> None:
        try:
            message = _messages.decode(data)
        except msgspec.MsgspecError:
            for each in fds:
                os.close(each)
            return
        # A process without a file descriptor to spare is given none.
        for each in fds[:1]:
            self._received(message, socket.socket(fileno=each))
