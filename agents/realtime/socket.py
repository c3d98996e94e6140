"""A client WebSocket that hands over messages as they come, and writes without waiting.

The library's `recv` and `send` each wake a task for every message, a turn of the event loop that
all other calls take part in. The handshake, proxies, TLS, pings and the close are the library's
(websockets, "Customize the connection": `create_connection`).
"""

from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidState
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event

MAX_UNSENT_BYTES = 1024 * 1024
"""Over ten seconds of the caller's audio: a server that reads so slowly does not answer in time."""

Taken = Callable[[bytes], None]
"""Is given each message, text or binary. Must not raise."""


class PromptConnection(ClientConnection):
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As the library calls it."""
        super().__init__(*args, **kwargs)
        self._parts: list[bytes] = []
        self._waiting: list[bytes] = []
        self._taken: Taken = self._waiting.append

    def take_over(self, taken: Taken) -> None:
        """From here on messages go to `taken`; what came before goes first."""
        self._taken = taken
        for message in self._waiting:
            taken(message)

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

    def write(self, message: bytes) -> bool:
        """Send a text message now; False: too much waits already, nothing was sent.

        On a connection that is closing it is dropped: the end of it is told by `wait_closed`.
        """
        if self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            return False
        try:
            self.protocol.send_text(message)
        except InvalidState:
            return True
        self.send_data()
        return True
