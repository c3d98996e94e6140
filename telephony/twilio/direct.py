"""A WebSocket of uvicorn whose application may take messages as they come and write at once.

Through ASGI every message passes a queue and wakes a task, and reading is paused meanwhile; every
answer wakes another task. That was a third of what a call costs, and where many calls are on, a
turn of the event loop each time before a `clear` is on the wire. Nor do whole text messages pass
the general parser (`agents.frames`). The upgrade, pings, the close and whatever is unusual still
go through uvicorn, and what is not media through ASGI.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from agents import frames

EXTENSION = "frontdesk.direct"
"""In the ASGI scope's `extensions`, where the server offers it."""

LINGER_S = 1.0
"""From our close frame to the end of the connection. What is still on its way is read meanwhile:
unread it would reset the connection, and the other side would never learn why."""
MAX_FRAGMENTS = 1_024
"""Of one message: more would be a way to fill the memory with nothing at all."""

_OPEN = State.OPEN
"""Looking an Enum's member up costs as much as calling a function."""

Taken = Callable[[str | None], None]
"""Is given each text message; None for a binary one. Must not raise."""

Offered = Callable[[bytes], bool]
"""Is asked first, with a text message's bytes, which may be no UTF-8. True: taken; False: it is as
if it had not been asked. Must not raise."""


class DirectSocket(Protocol):
    """What a stream uses of it."""

    def take_over(self, taken: Taken, offered: Offered | None = None) -> None:
        """From here on messages go to `taken` and no longer through ASGI's `receive`; what waits
        there goes first. The end of the connection is still told there. `offered` gets what came
        whole in one frame before `taken` does."""

    def write(self, texts: Sequence[str]) -> bool:
        """Send text messages now, in one piece; False: ask `send` instead, which waits."""


class _Conversation(ServerProtocol):
    """The library's, but a close may stand between the fragments of a message (RFC 6455, 5.4)."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class DirectProtocol(WebSocketsSansIOProtocol):
    """See the module."""

    _taken: Taken | None = None
    _offered: Offered | None = None
    _splitter: frames.Splitter | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As uvicorn calls it."""
        super().__init__(*args, **kwargs)
        assert not self.config.ws_per_message_deflate
        self.close_timeout = LINGER_S
        self.conn = _Conversation(max_size=self.config.ws_max_size, logger=self.logger)

    def data_received(self, data: bytes) -> None:
        if self._splitter is None:
            self._general(data)
        elif (whole := self._splitter.whole(data)) is not None:
            self._message(whole, data)
        else:
            self._splitter.push(data, self._plain, self._general)

    def _general(self, data: bytes) -> None:
        """What came before a fault, in the same packet, counts; uvicorn would drop it."""
        self.conn.receive_data(data)
        self.handle_events()
        if self.conn.handshake_exc is not None:
            # An upgrade the library finds too long has its answer waiting; uvicorn would leave it.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        elif self.conn.parser_exc is not None and not self.close_sent:
            self.handle_parser_exception()

    def _plain(self, frame: frames.Frame) -> None:
        self._message(frames.Splitter.payload(frame), frame)

    def _message(self, payload: bytes, frame: frames.Frame) -> None:
        """All of a text message, and the frame it came in."""
        if self._taken is None or self.close_sent or self.conn.state is not _OPEN:
            self._general(frame)
            return
        if self._offered is not None and self._offered(payload):
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self._general(frame)
        else:
            self._taken(text)

    def handle_ping(self) -> None:
        # Who does not read is owed no answers: they would pile up here.
        answers = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(answers)

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        if len(self.frames) > MAX_FRAGMENTS:
            self._break_off(CloseCode.MESSAGE_TOO_BIG)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            # The request is all that uvicorn hands over of what came with it.
            self._splitter = frames.Splitter(masked=True, most_bytes=self.config.ws_max_size)
            # The application's task has not begun: it is made, and runs later.
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    def take_over(self, taken: Taken, offered: Offered | None = None) -> None:
        self._taken, self._offered = taken, offered
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
        text = None
        if self.curr_msg_data_type == "text":
            try:
                text = b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._break_off(CloseCode.INVALID_DATA)
                return
        if self._taken is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        self.frames = []
        self._taken(text)

    def handle_close(self, event: Frame) -> None:
        """As uvicorn does, but see LINGER_S."""
        if self.close_sent or self.transport.is_closing():
            super().handle_close(event)
            return
        assert self.conn.close_rcvd is not None
        self._leave(self.conn.close_rcvd)

    def handle_parser_exception(self) -> None:
        """The same."""
        assert self.conn.close_sent is not None
        self._leave(self.conn.close_sent)

    def _leave(self, close: Close) -> None:
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
        )
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()

    def _break_off(self, code: CloseCode) -> None:
        """uvicorn would raise where the library has failed the connection already."""
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code)
            self.handle_parser_exception()

    def write(self, texts: Sequence[str]) -> bool:
        open_still = self.conn.state is _OPEN and not self.close_sent
        if not open_still or self.disconnected or not self.writable.is_set():
            return False
        # Each write is a question to the system.
        self.transport.write(b"".join(frames.text(text.encode()) for text in texts))
        return True
