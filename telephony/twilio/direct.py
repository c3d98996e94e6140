"""A WebSocket of uvicorn whose application may take messages as they come and write at once.

Through ASGI every message passes a queue and wakes a task, and reading is paused meanwhile; every
answer wakes another task. That was a third of what a call costs, and where many calls are on, a
turn of the event loop each time before a `clear` is on the wire. Nor do whole text messages pass
the general parser (`agents.frames`). The upgrade, pings, the close and whatever is unusual still
go through uvicorn, and what is not media through ASGI.
"""

from collections.abc import Callable
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from agents import frames

EXTENSION = "frontdesk.direct"
"""In the ASGI scope's `extensions`, where the server offers it."""

Taken = Callable[[str | None], None]
"""Is given each text message; None for a binary one. Must not raise."""


class DirectSocket(Protocol):
    """What a stream uses of it."""

    def take_over(self, taken: Taken) -> None:
        """From here on messages go to `taken` and no longer through ASGI's `receive`; what waits
        there goes first. The end of the connection is still told there."""

    def write(self, text: str) -> bool:
        """Send one text message now; False: ask `send` instead, which waits."""


class DirectProtocol(WebSocketsSansIOProtocol):
    """See the module."""

    _taken: Taken | None = None
    _splitter: frames.Splitter | None = None

    def data_received(self, data: bytes) -> None:
        if self._splitter is None:
            super().data_received(data)
        else:
            self._splitter.push(data, self._plain, self._general)

    def _general(self, data: bytes) -> None:
        super().data_received(data)

    def _plain(self, frame: frames.Frame) -> None:
        if self._taken is None or self.close_sent or self.conn.state is not State.OPEN:
            self._general(frame)
            return
        try:
            text = frames.Splitter.payload(frame).decode()
        except UnicodeDecodeError:
            # uvicorn knows what to answer.
            self._general(frame)
        else:
            self._taken(text)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            # The request is all that uvicorn hands over of what came with it.
            self._splitter = frames.Splitter(masked=True, most_bytes=self.config.ws_max_size)
            # The application's task has not begun: it is made, and runs later.
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    def take_over(self, taken: Taken) -> None:
        self._taken = taken
        rest: list[Any] = []
        while not self.queue.empty():
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                taken(message.get("text"))
            else:
                rest.append(message)
        for message in rest:
            self.queue.put_nowait(message)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def send_receive_event_to_app(self) -> None:
        if self._taken is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        try:
            text = b"".join(self.frames).decode() if self.curr_msg_data_type == "text" else None
        except UnicodeDecodeError:
            # uvicorn knows what to answer.
            super().send_receive_event_to_app()
            return
        self.frames = []
        self._taken(text)

    def write(self, text: str) -> bool:
        open_still = self.conn.state is State.OPEN and not self.close_sent
        if not open_still or self.disconnected or not self.writable.is_set():
            return False
        self.transport.write(frames.text(text.encode()))
        return True
