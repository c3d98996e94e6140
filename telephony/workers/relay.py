"""Webhooks for another worker are asked of it, and its answer is given.

Twilio may keep one connection for requests of many calls, and so may a proxy: what is handed on is
the request, not the connection.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from telephony.twilio.guard import Sampler
from telephony.workers.addresses import TWILIO, of_webhook, rings
from telephony.workers.board import State
from telephony.workers.channel import Answered, Asked, Unreachable
from telephony.workers.crew import Crew

log = structlog.get_logger()

MOST_BODY_BYTES = 64 * 1024
BODY_S = 5.0

Piece = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Piece]]
Send = Callable[[Piece], Awaitable[None]]
App = Callable[[Piece, Receive, Send], Awaitable[None]]


class Relay:
    """An ASGI application before another one, `here`, which answers what is for this worker."""

    def __init__(self, here: App, crew: Crew, count: Callable[[str], None]) -> None:
        self._here = here
        self._crew = crew
        self._count = count
        self._sampler = Sampler()

    async def __call__(self, scope: Piece, receive: Receive, send: Send) -> None:
        if not _relayed(scope):
            await self._here(scope, receive, send)
            return
        pieces = await _read(receive)
        if (answer := await self._elsewhere(scope, _body(pieces))) is None:
            await self._here(scope, _again(pieces, receive), send)
        else:
            await _give(answer, send)

    async def _elsewhere(self, scope: Piece, body: bytes) -> Answered | None:
        """None: the answer is to be found here."""
        asked = Asked(scope["path"], scope["query_string"], tuple(scope["headers"]), body)
        for worker in self._order(asked):
            if worker == self._crew.index:
                return None
            try:
                return await self._crew.channel.ask(worker, asked)
            except Unreachable:
                self._count("worker_unreachable")
                if (times := self._sampler.due("unreachable", time.monotonic())) is not None:
                    log.warning("worker_unreachable", other=worker, times=times)
        return None

    def _order(self, asked: Asked) -> list[int]:
        """Those who are there, who takes calls first for a call that rings."""
        crew = self._crew
        every = of_webhook(asked.query.decode("latin-1"), asked.body, crew.size)
        # After a stall of our own our row is as old as that of one that is frozen.
        there = [e for e in every if e == crew.index or crew.state(e) is not State.AWAY]
        if rings(asked.path, asked.body):
            there.sort(key=lambda each: crew.state(each) is not State.TAKING)
        return there


def _relayed(scope: Piece) -> bool:
    """Webhooks are posted; whatever else comes to their addresses is refused by any worker."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    return bool(scope["path"].startswith(TWILIO))


async def _read(receive: Receive) -> list[Piece]:
    """All of the body, or as much of it as is to be looked at: the rest is the application's."""
    pieces: list[Piece] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_S):
            while length <= MOST_BODY_BYTES:
                pieces.append(await receive())
                length += len(pieces[-1].get("body", b""))
                if not pieces[-1].get("more_body", False):
                    break
    except TimeoutError:
        """Its own limit ends it."""
    return pieces


def _body(pieces: list[Piece]) -> bytes:
    """Empty where it is not all of it, or too long: nobody else is asked then."""
    whole = bool(pieces) and pieces[-1]["type"] == "http.request"
    if not whole or pieces[-1].get("more_body", False):
        return b""
    return b"".join(each.get("body", b"") for each in pieces)


def _again(pieces: list[Piece], receive: Receive) -> Receive:
    waiting = iter(pieces)

    async def replay() -> Piece:
        return next(waiting, None) or await receive()

    return replay


async def _give(answer: Answered, send: Send) -> None:
    headers = [list(each) for each in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def answered(here: App, asked: Asked) -> Answered:
    """What this worker's application says to a request another one received."""
    started: list[Piece] = []
    body = bytearray()

    async def send(message: Piece) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
        else:
            body.extend(message.get("body", b""))

    requests = iter([{"type": "http.request", "body": asked.body, "more_body": False}])

    async def receive() -> Piece:
        return next(requests, None) or {"type": "http.disconnect"}

    await here(_scope(asked), receive, send)
    headers = tuple((bytes(name), bytes(value)) for name, value in started[0].get("headers", ()))
    return Answered(started[0]["status"], headers, bytes(body))


def _scope(asked: Asked) -> Piece:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "query_string": asked.query,
        "root_path": "",
        "headers": list(asked.headers),
        "client": None,
        "server": None,
        "state": {},
    }
