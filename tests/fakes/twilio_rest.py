"""Twilio's call API on loopback, with the faults of a script."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web


class Answer(msgspec.Struct, frozen=True):
    """What the API answers, and after how long."""

    status: int = 200
    body: bytes = b'{"status":"completed"}'
    after_s: float = 0.0
    headers: dict[str, str] = {}


def error(status: int, code: int) -> Answer:
    return Answer(status, msgspec.json.encode({"code": code, "message": "", "status": status}))


class Asked(msgspec.Struct, frozen=True):
    path: str
    user: str
    password: str
    form: dict[str, str]


class TwilioRestFake:
    """Answers from its script, then with success."""

    def __init__(self, *script: Answer) -> None:
        self._script = list(script)
        self.asked: list[Asked] = []
        self.base_url = ""

    async def answer(self, request: web.Request) -> web.Response:
        user, _, password = (
            b64decode(request.headers["Authorization"].removeprefix("Basic "))
            .decode()
            .partition(":")
        )
        form: dict[str, Any] = {**await request.post()}
        self.asked.append(Asked(request.path, user, password, form))
        answer = self._script.pop(0) if self._script else Answer()
        await asyncio.sleep(answer.after_s)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["TwilioRestFake"]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()
