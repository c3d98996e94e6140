"""How does a call get ended or passed on from our side? Twilio's REST API, behind a port.

Our own small client: the `twilio` package's asynchronous one ignores its timeout and repeats
`POST /Calls`, which dials twice (Twilio, Calls resource; read in twilio 9.13).
"""

import asyncio
import random
from base64 import b64encode
from collections.abc import Callable
from enum import Enum
from typing import Protocol

import aiohttp
import msgspec
import structlog

API_BASE_URL = "https://api.twilio.com"

_log = structlog.get_logger(__name__)
_MAX_ANSWER_BYTES = 16_384
# Twilio error codes: no such call (any more); call not in a state for this update.
_OVER_CODES = frozenset({20404, 21220})


class HangUpResult(Enum):
    """What became of a hang-up."""

    ENDED = "ended"
    ALREADY_OVER = "already_over"
    REFUSED = "refused"
    """Wrong credentials or a request Twilio does not accept: asking again would not help."""
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"

    @property
    def over(self) -> bool:
        """The call is over, which is all that was wanted."""
        return self in {HangUpResult.ENDED, HangUpResult.ALREADY_OVER}


class RedirectResult(Enum):
    """What became of a redirect."""

    DONE = "done"
    ALREADY_OVER = "already_over"
    REFUSED = "refused"
    """Wrong credentials, no more calls allowed (10004) or a request Twilio does not accept."""
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    """No connection was made, so nothing was asked."""
    SERVER_ERROR = "server_error"
    """It may have been done all the same; so it may after the two below."""
    BROKEN_OFF = "broken_off"
    TIMEOUT = "timeout"


_HANG_UP_AGAIN = frozenset(
    {
        RedirectResult.RATE_LIMITED,
        RedirectResult.SERVER_ERROR,
        RedirectResult.UNREACHABLE,
        RedirectResult.BROKEN_OFF,
        RedirectResult.TIMEOUT,
    }
)
_REDIRECT_AGAIN = frozenset({RedirectResult.RATE_LIMITED, RedirectResult.UNREACHABLE})
"""What certainly was not done. Any other repeat might ring somebody's telephone twice."""
_HUNG_UP = {
    RedirectResult.DONE: HangUpResult.ENDED,
    RedirectResult.BROKEN_OFF: HangUpResult.UNREACHABLE,
}


class CallControl(Protocol):
    """What the carrier can be asked to do with a call, apart from its media."""

    async def hang_up(self, call_sid: str) -> HangUpResult:
        """End the call for good. Raises nothing; bounded in time."""

    async def redirect(self, call_sid: str, twiml: bytes) -> RedirectResult:
        """Take the call out of its stream and go on with this document. Raises nothing; bounded
        in time."""


class RestLimits(msgspec.Struct, frozen=True):
    total_s: float = 5.0
    """For all tries together."""
    try_s: float = 2.5
    tries: int = 3
    pause_s: float = 0.2
    """Before the second try; doubled for each further one, plus up to as much at random."""


class TwilioRest:
    """CallControl over Twilio's API 2010-04-01."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        account_sid: str,
        auth_token: str,
        base_url: str = API_BASE_URL,
        limits: RestLimits | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`session` belongs to the caller: one for the process, closed by it."""
        self._session = session
        self._calls_url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Calls"
        credentials = b64encode(f"{account_sid}:{auth_token}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {credentials}"}
        self._limits = limits or RestLimits()
        self._jitter = jitter

    async def hang_up(self, call_sid: str) -> HangUpResult:
        """`Status=completed`: may be repeated, since a call ends only once."""
        ended = await self._update(call_sid, {"Status": "completed"}, _HANG_UP_AGAIN)
        result = _HUNG_UP.get(ended) or HangUpResult(ended.value)
        if not result.over:
            _log.warning("hang_up_failed", call_sid=call_sid, result=result.value)
        return result

    async def redirect(self, call_sid: str, twiml: bytes) -> RedirectResult:
        """`Twiml=...`: repeated only where the first request certainly was not obeyed."""
        ended = await self._update(call_sid, {"Twiml": twiml.decode()}, _REDIRECT_AGAIN)
        if ended is not RedirectResult.DONE:
            _log.warning("redirect_failed", call_sid=call_sid, result=ended.value)
        return ended

    async def _update(
        self, call_sid: str, form: dict[str, str], again: frozenset[RedirectResult]
    ) -> RedirectResult:
        result = RedirectResult.TIMEOUT
        try:
            async with asyncio.timeout(self._limits.total_s):
                for number in range(self._limits.tries):
                    await self._pause(number)
                    result = await self._request(call_sid, form)
                    if result not in again:
                        break
        except TimeoutError:
            result = RedirectResult.TIMEOUT
        return result

    async def _pause(self, number: int) -> None:
        if number:
            pause = self._limits.pause_s * 2 ** (number - 1)
            await asyncio.sleep(pause * (1.0 + self._jitter()))

    async def _request(self, call_sid: str, form: dict[str, str]) -> RedirectResult:
        try:
            async with self._session.post(
                f"{self._calls_url}/{call_sid}.json",
                data=form,
                headers=self._headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._limits.try_s),
            ) as answer:
                return _result(answer.status, await answer.content.read(_MAX_ANSWER_BYTES))
        except TimeoutError:
            return RedirectResult.TIMEOUT
        except aiohttp.ClientConnectorError:
            return RedirectResult.UNREACHABLE
        except aiohttp.ClientError:
            return RedirectResult.BROKEN_OFF


class _Error(msgspec.Struct):
    code: int = 0


def _result(status: int, body: bytes) -> RedirectResult:
    if 200 <= status < 300:
        return RedirectResult.DONE
    if status == 404 or _code(body) in _OVER_CODES:
        return RedirectResult.ALREADY_OVER
    if status == 429:
        return RedirectResult.RATE_LIMITED
    return RedirectResult.SERVER_ERROR if status >= 500 else RedirectResult.REFUSED


def _code(body: bytes) -> int:
    try:
        return msgspec.json.decode(body, type=_Error).code
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return 0
