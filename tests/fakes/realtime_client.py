"""A bare Realtime client for testing the fake server: sends anything, keeps everything."""

import asyncio
import base64
import json
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.fakes.realtime_server import FakeRealtime

ULAW = {"type": "audio/pcmu"}
PCM = {"type": "audio/pcm", "rate": 24_000}


class BareClient:
    """`async with BareClient(server) as client:`; `events` are the server's so far."""

    def __init__(self, server: FakeRealtime, model: str = "gpt-realtime-2.1", **headers: str):
        self._url = f"{server.base_url.replace('http', 'ws')}/realtime?model={model}"
        self._headers = {"Authorization": "Bearer sk-test-0123456789", **headers}
        self._socket: ClientConnection | None = None
        self.events: list[dict[str, Any]] = []

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None
        return self._socket

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self._url, additional_headers=self._headers, compression=None, proxy=None
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        """Read on to the next event of this kind."""
        async with asyncio.timeout(10):
            while True:
                event = json.loads(await self.socket.recv())
                self.events.append(event)
                if event["type"] == kind:
                    return dict(event)

    async def error(self) -> tuple[str, str | None]:
        """(code, event_id) of the next error."""
        body = (await self.until("error"))["error"]
        return body["code"], body["event_id"]

    async def configure(self, audio_format: dict[str, Any] | None = None, **session: Any) -> None:
        wished = audio_format or PCM
        audio = {"input": {"format": wished}, "output": {"format": wished}}
        await self.send("session.update", session={"type": "realtime", "audio": audio, **session})
        await self.until("session.updated")

    async def append(self, audio: bytes) -> None:
        await self.send("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]
