"""Serves all appointments to come as one iCalendar file to whoever knows its address."""

import asyncio
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable

import msgspec
import structlog
from fastapi import APIRouter, HTTPException, Request, Response

from tools.booking.caldav.record import appointments_between
from tools.booking.calendars import entry
from tools.booking.ical import feed
from tools.booking.shop import Shop
from tools.elapsed import time_after, time_before, time_between
from tools.spec import BackendError
from tools.store import Store

log = structlog.get_logger()

FRESH_S = 60
FRESH = dt.timedelta(seconds=FRESH_S)
PAST = dt.timedelta(days=31)
MAX_ENTRIES = 5_000
"""About 2 MB: more than any calendar program will read in one go."""


class _Copy(msgspec.Struct, frozen=True):
    body: bytes
    etag: str
    made_at: dt.datetime


class CalendarFeed:
    """The address is the only secret; a wrong one looks like no address at all.

    The database is asked at most once a minute, in a thread, however many programs subscribe.
    """

    def __init__(
        self,
        store: Store,
        shop: Callable[[], Shop],
        secret: str,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """`shop` gives the one of the version that is published."""
        self._store = store
        self._shop = shop
        self._name = f"{secret}.ics".encode()
        self._clock = clock
        self._turn = asyncio.Lock()
        self._copy: _Copy | None = None

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route(
            "/calendar/{name}", self._serve, methods=["GET", "HEAD"], include_in_schema=False
        )
        return router

    async def _serve(self, name: str, request: Request) -> Response:
        if not hmac.compare_digest(name.encode(), self._name):
            raise HTTPException(404)
        try:
            copy = await self._current()
        except BackendError as error:
            log.warning("calendar_feed_failed", error=str(error))
            return Response(status_code=503, headers={"Retry-After": str(FRESH_S)})
        headers = {"ETag": copy.etag, "Cache-Control": f"private, max-age={FRESH_S}"}
        if _has(request.headers.get("if-none-match", ""), copy.etag):
            return Response(status_code=304, headers=headers)
        return Response(copy.body, media_type="text/calendar; charset=utf-8", headers=headers)

    async def _current(self) -> _Copy:
        async with self._turn:
            now = self._clock()
            if self._copy is None or time_between(self._copy.made_at, now) >= FRESH:
                self._copy = await asyncio.to_thread(self._make, now)
            return self._copy

    def _make(self, now: dt.datetime) -> _Copy:
        shop = self._shop()
        last = time_after(now, dt.timedelta(days=shop.days_ahead + 1))
        found = appointments_between(self._store, time_before(now, PAST), last, MAX_ENTRIES)
        if len(found) == MAX_ENTRIES:
            log.warning("calendar_feed_cut", entries=MAX_ENTRIES)
        entries = (entry(each, shop.calendar_shows) for each in found)
        body = feed(entries, shop.name)
        return _Copy(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', now)


def _has(asked: str, etag: str) -> bool:
    """Whether an If-None-Match names this version (RFC 9110, 13.1.2: compared weakly)."""
    named = {each.strip() for each in asked[:4_096].split(",")}
    return bool(named & {etag, f"W/{etag}"}) or re.fullmatch(r"\s*\*\s*", asked) is not None
