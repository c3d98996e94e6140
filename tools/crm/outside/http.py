"""Carries requests to an outside book: one at a time or several, each within its time."""

import asyncio
import datetime as dt
from collections.abc import Callable

import aiohttp

from tools.config import ConfigError
from tools.crm.outside.wire import Answer, Request
from tools.crm.port import BookError, Trouble

MAX_BYTES = 1024 * 1024
"""The longest answer that is read."""


class Carrier:
    """Sends what is asked and returns what is answered, whatever its status."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        token: Callable[[], str],
        clock: Callable[[], dt.datetime],
    ) -> None:
        """`token` gives the bearer token each time, so that it may be exchanged."""
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._token = token
        self.clock = clock

    async def carry(self, request: Request, within_s: float) -> Answer:
        """Raises BookError when there is no answer, or one too long to be read."""
        try:
            async with asyncio.timeout(within_s):
                return await self._carry(request)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # Whatever broke may have broken after the other side had acted.
            raise BookError(Trouble.DOWN, type(error).__name__) from None

    async def _carry(self, request: Request) -> Answer:
        async with self._session.request(
            request.method,
            self._base_url + request.path,
            params=request.query,
            json=request.body,
            headers=await self._headers(request),
            allow_redirects=False,
        ) as response:
            body = await response.content.read(MAX_BYTES + 1)
            while len(body) <= MAX_BYTES and not response.content.at_eof():
                body += await response.content.read(MAX_BYTES + 1 - len(body))
            if len(body) > MAX_BYTES:
                raise BookError(Trouble.GARBLED, "too_long")
            return Answer(response.status, body, response.headers.get("Retry-After", ""))

    async def _headers(self, request: Request) -> dict[str, str]:
        try:
            token = await asyncio.to_thread(self._token)
        except ConfigError:
            raise BookError(Trouble.LOCKED, "no_credential") from None
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return {**headers, "Idempotency-Key": request.key} if request.key else headers
