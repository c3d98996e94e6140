"""How does a call reach Twilio without ever waiting for it?"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from telephony.twilio.outbox import MAX_WAITING_SAMPLES, Closing, Outbox
from telephony.twilio.ports import LostReason
from telephony.twilio.wire import Envelopes

Send = Callable[[str | Closing], Awaitable[None]]
"""Writes one text frame or the close frame; raises OSError when the socket is gone."""

WriteNow = Callable[[Sequence[str]], bool]
"""Writes text frames without waiting; False: none of them, it cannot."""

_SLICE = 64
"""Messages written in one go: three seconds of audio with its marks. Other calls must run too."""


class TwilioLeg:
    """A bounded outbox and its only writer: `telephony.twilio.ports.Leg` over one socket."""

    def __init__(
        self,
        stream_sid: str,
        send: Send,
        lost: Callable[[LostReason], None],
        send_s: float = 5.0,
        max_samples: int = MAX_WAITING_SAMPLES,
        write_now: WriteNow | None = None,
    ) -> None:
        """`lost` is called when the other side cannot be written to any more; `send_s` is how
        long one message may be stuck. `write_now` is tried first, where there is such a way."""
        self._outbox = Outbox(Envelopes(stream_sid), max_samples)
        self._send = send
        self._lost = lost
        self._send_s = send_s
        self._write_now = write_now
        self._next: str | Closing | None = None
        """Out of the outbox, and not taken by the socket yet."""
        self._queued_any = False
        """Since the last flush."""
        self._wake = asyncio.Event()

    def play(self, ulaw: bytes) -> None:
        self._queued(self._outbox.play(ulaw))

    def mark(self, name: str) -> None:
        self._queued(self._outbox.mark(name))

    def clear(self) -> None:
        """On the wire before this returns, unless the socket is stuck."""
        self._outbox.clear()
        self._queued_any = True
        self.flush()

    def close(self, code: int, reason: str) -> None:
        self._outbox.close(code, reason)
        self._wake.set()

    def _queued(self, taken: bool) -> None:
        if not taken:
            self._lost(LostReason.BACKPRESSURE)
        self._queued_any = True

    def flush(self) -> None:
        """Write what the socket takes at once; the rest is the writer's."""
        if not self._queued_any:
            return
        self._queued_any = False
        self._slice()
        if not self._outbox.empty:
            self._wake.set()

    def _slice(self) -> bool:
        """Write as much as may be written in one go. False: nothing could be."""
        if self._write_now is None or self._next is not None:
            return False
        texts = self._outbox.first(_SLICE)
        if not texts or not self._write_now(texts):
            return False
        self._outbox.taken(len(texts))
        return True

    async def write(self) -> None:
        """Send what waits until the close frame is out or the socket is of no more use."""
        try:
            await self._write_all()
        except TimeoutError:
            self._lost(LostReason.BACKPRESSURE)
        except OSError:
            self._lost(LostReason.CLOSED)

    async def _write_all(self) -> None:
        while True:
            if self._slice():
                await asyncio.sleep(0)
                continue
            if self._next is None:
                self._next = self._outbox.next()
            if self._next is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            async with asyncio.timeout(self._send_s):
                await self._send(self._next)
            if isinstance(self._next, Closing):
                return
            self._next = None
            # A socket that takes everything at once never suspends; other calls must run too,
            # and a `clear` must be able to overtake the rest of a burst.
            await asyncio.sleep(0)
