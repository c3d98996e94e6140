"""How does a call reach Twilio without ever waiting for it?"""

import asyncio
from collections.abc import Awaitable, Callable

from telephony.twilio.outbox import MAX_WAITING_SAMPLES, Closing, Outbox
from telephony.twilio.ports import LostReason
from telephony.twilio.wire import Envelopes

Send = Callable[[str | Closing], Awaitable[None]]
"""Writes one text frame or the close frame; raises OSError when the socket is gone."""


class TwilioLeg:
    """A bounded outbox and its only writer: `telephony.twilio.ports.Leg` over one socket."""

    def __init__(
        self,
        stream_sid: str,
        send: Send,
        lost: Callable[[LostReason], None],
        send_s: float = 5.0,
        max_samples: int = MAX_WAITING_SAMPLES,
    ) -> None:
        """`lost` is called when the other side cannot be written to any more; `send_s` is how
        long one message may be stuck."""
        self._outbox = Outbox(Envelopes(stream_sid), max_samples)
        self._send = send
        self._lost = lost
        self._send_s = send_s
        self._wake = asyncio.Event()

    def play(self, ulaw: bytes) -> None:
        self._queued(self._outbox.play(ulaw))

    def mark(self, name: str) -> None:
        self._queued(self._outbox.mark(name))

    def clear(self) -> None:
        self._outbox.clear()
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        self._outbox.close(code, reason)
        self._wake.set()

    def _queued(self, taken: bool) -> None:
        if taken:
            self._wake.set()
        else:
            self._lost(LostReason.BACKPRESSURE)

    async def write(self) -> None:
        """Send what waits until the close frame is out or the socket is of no more use."""
        try:
            await self._write_all()
        except TimeoutError:
            self._lost(LostReason.BACKPRESSURE)
        except OSError:
            self._lost(LostReason.CLOSED)

    async def _write_all(self) -> None:
        message: str | Closing | None = None
        while not isinstance(message, Closing):
            message = self._outbox.next()
            if message is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            async with asyncio.timeout(self._send_s):
                await self._send(message)
            # A socket that takes everything at once never suspends; other calls must run too,
            # and a `clear` must be able to overtake the rest of a burst.
            await asyncio.sleep(0)
