"""A client WebSocket that hands over messages as they come, and writes without waiting.

The library's `recv` and `send` each wake a task for every message, a turn of the event loop that
all other calls take part in; whole text messages are read and written without it (`agents.frames`).
The handshake, proxies, TLS, pings, the close and whatever is unusual are the library's
(websockets, "Customize the connection": `create_connection`).
"""

import socket
from asyncio import BaseTransport
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import OPEN, Event

from agents import frames

UNSENT_IN_KERNEL_BYTES = 16 * 1024
"""What a server does not read has to wait with us, where it may still be dropped."""

_HEAD_END = b"\r\n\r\n"
_NO_LIMIT = 1 << 62

Taken = Callable[[bytes], None]
"""Is given each message, text or binary. Must not raise."""


class PromptConnection(ClientConnection):
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As the library calls it."""
        super().__init__(*args, **kwargs)
        self._head = b""
        """The last bytes of the handshake's answer, to know its end by."""
        self._splitter: frames.Splitter | None = None
        self._masking = frames.Masking()
        self._parts: list[bytes] = []
        self._waiting: list[bytes] = []
        self._taken: Taken = self._waiting.append
        self._ready: Callable[[], None] = _nothing

    def take_over(self, taken: Taken, ready: Callable[[], None]) -> None:
        """From here on messages go to `taken`; what came before goes first. `ready` is called
        when messages may be written again. Must not raise."""
        self._taken = taken
        self._ready = ready
        for message in self._waiting:
            taken(message)

    def data_received(self, data: bytes) -> None:
        if self._splitter is not None:
            self._splitter.push(data, self._plain, self._general)
        else:
            self._shake_hands(data)

    def _general(self, data: bytes) -> None:
        super().data_received(data)

    def _shake_hands(self, data: bytes) -> None:
        """Frames may come in the same packet as the end of the answer."""
        so_far = self._head + data
        end = so_far.find(_HEAD_END)
        if end < 0:
            self._head = so_far[1 - len(_HEAD_END) :]
            self._general(data)
            return
        first = end + len(_HEAD_END) - len(self._head)
        self._head = b""
        self._general(data[:first])
        if self.protocol.state is OPEN:
            most_bytes = self.protocol.max_message_size or _NO_LIMIT
            self._splitter = frames.Splitter(masked=False, most_bytes=most_bytes)
        if first < len(data):
            self.data_received(data[first:])

    def _plain(self, frame: frames.Frame) -> None:
        if self.protocol.state is OPEN:
            self._taken(frames.Splitter.payload(frame))

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self._data(event)
        else:
            super().process_event(event)

    def _data(self, frame: Frame) -> None:
        self._parts.append(bytes(frame.data))
        if frame.fin:
            message, self._parts = b"".join(self._parts), []
            self._taken(message)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        raw = transport.get_extra_info("socket")
        if raw is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_IN_KERNEL_BYTES)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._ready()

    def write(self, message: bytes) -> None:
        """Send a text message now. While `paused` it is better kept by who has it.

        On a connection that is closing it is dropped: the end of it is told by `wait_closed`.
        """
        if self.protocol.state is OPEN:
            self.transport.write(self._masking.text(message))


def _nothing() -> None:
    pass
