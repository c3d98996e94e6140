"""Calls from a page of the console: the server plays the carrier's part, and the page the phone's.

A user who may rings (`ring`) and gets the token of a stream, good once and for a minute, for that
call alone; then their page opens a socket and speaks the carrier's side of Media Streams over it:
`connected`, `start` with the token, `media` and so on, and returns marks when it has played what
was before them. What a carrier is asked apart from that, it is asked here: hang up, pass on.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from telephony.twilio.ports import Admitted, CallsPort, Offer, Refused
from telephony.twilio.rest import CallControl, HangUpResult, RedirectResult
from telephony.twilio.stream import LiveStream, MediaEndpoint
from telephony.twilio.tokens import MAX_TTL_S, StreamTokens
from telephony.workers.addresses import home

Message = MutableMapping[str, Any]

_TOKEN_BYTES = 24
_MOST_RINGING = 1_000
_DIVERTED = "This call would not come to an agent: it is outside the persona's hours."


class Ticket(msgspec.Struct, frozen=True):
    """What a page needs to open the stream of its call."""

    call_id: str
    account_id: str
    token: str


class _Rung(msgspec.Struct, frozen=True):
    owner: str
    until_s: float
    """Its stream may be opened."""


class NoLine(Exception):  # noqa: N818 - named for what is the matter
    """The call would not come to an agent; the message says why."""


class Softphones:
    """All calls from pages. Also what calls ask of their carrier (CallControl): what is asked of
    any other call goes on to `elsewhere`."""

    def __init__(self, elsewhere: CallControl, number: int | None = None, workers: int = 1) -> None:
        """`number`: which of several workers this is. A call's socket comes to the worker that its
        id leads to."""
        self._elsewhere = elsewhere
        self._number = number
        self._workers = workers
        self._rung: dict[str, _Rung] = {}
        """By call: until its stream is over, or forgotten when there are too many."""
        self._streams: dict[str, LiveStream] = {}

    def connect(
        self,
        account_sid: str,
        tokens: StreamTokens,
        calls: CallsPort,
        media: MediaEndpoint,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Before anything else; `clock` is that of the tokens."""
        self._account_sid = account_sid
        self._tokens = tokens
        self._calls = calls
        self._media = media
        self._clock = clock

    def ring(self, owner: str, from_: str, to: str) -> Ticket:
        """A call of this user's, from a number to a number. Raises NoLine."""
        offer = Offer(self._call_sid(), self._account_sid, from_, to)
        match self._calls.offer(offer):
            case Admitted():
                pass
            case Refused(sentence):
                raise NoLine(sentence)
            case _:
                raise NoLine(_DIVERTED)
        while len(self._rung) >= _MOST_RINGING:
            del self._rung[next(iter(self._rung))]
        now = self._clock()
        self._rung[offer.call_sid] = _Rung(owner, now + MAX_TTL_S)
        token = self._tokens.issue(offer, secrets.token_bytes(_TOKEN_BYTES), now)
        return Ticket(offer.call_sid, offer.account_sid, token)

    def _call_sid(self) -> str:
        while True:
            call_sid = f"CA{secrets.token_hex(16)}"
            if self._number in (None, home(call_sid, self._workers)):
                return call_sid

    def owns(self, owner: str, call_id: str) -> bool:
        """This user rang, and the call is not over."""
        rung = self._rung.get(call_id)
        return rung is not None and secrets.compare_digest(rung.owner.encode(), owner.encode())

    def ringing(self, call_id: str) -> bool:
        """Its stream may yet begin: whoever asks for the call need not be told that it is gone."""
        rung = self._rung.get(call_id)
        return rung is not None and self._clock() < rung.until_s

    async def carry(
        self,
        call_id: str,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """The socket of a call, from its upgrade to its end; who opened it was looked at."""

        def began(stream: LiveStream) -> None:
            self._streams[call_id] = stream

        try:
            await self._media.vouched(call_id, receive, send, began)
        finally:
            if self._streams.pop(call_id, None) is not None:
                self._rung.pop(call_id, None)
                self._calls.call_status(call_id, "completed", None)

    # ---- what a carrier is asked -----------------------------------------------------------------

    async def hang_up(self, call_sid: str) -> HangUpResult:
        if (stream := self._streams.get(call_sid)) is None:
            return await self._elsewhere.hang_up(call_sid)
        stream.stop()
        return HangUpResult.ENDED

    async def redirect(self, call_sid: str, twiml: bytes) -> RedirectResult:
        """Nobody is rung: the page is told that its caller would be elsewhere now."""
        if (stream := self._streams.get(call_sid)) is None:
            return await self._elsewhere.redirect(call_sid, twiml)
        asyncio.get_running_loop().call_soon(self._passed_on, call_sid, stream)
        return RedirectResult.DONE

    def _passed_on(self, call_sid: str, stream: LiveStream) -> None:
        """Once the call knows that the carrier has its caller."""
        stream.stop()
        asyncio.get_running_loop().call_soon(self._calls.dial_result, call_sid, "completed", True)
