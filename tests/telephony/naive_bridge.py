"""A bridge as it is often written: the lab has to find out what is wrong with it.

It speaks Twilio's wire on one side and Realtime on the other, and passes mu-law through. How it
reckons what the caller has heard is one of `Reckoning`.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

END_CALL = {"type": "function", "name": "end_call", "parameters": {"type": "object"}}
TURNS = {"type": "server_vad", "silence_duration_ms": 400}


class Reckoning(Enum):
    SENT = "sent"
    """All audio sent to the telephone since the caller last spoke was heard."""
    CLOCK = "clock"
    """The newest item has been playing since its first audio came."""
    NEVER = "never"
    """The telephone is cleared, and the model told nothing."""


class NaiveBridge:
    """One call."""

    def __init__(
        self, phone: ServerConnection, model: ClientConnection, reckoning: Reckoning
    ) -> None:
        self._phone = phone
        self._model = model
        self._reckoning = reckoning
        self._stream_sid = ""
        self._item = ""
        self._item_began_s = 0.0
        self._sent_bytes = 0

    async def run(self) -> None:
        audio = {
            "input": {"format": {"type": "audio/pcmu"}, "turn_detection": TURNS},
            "output": {"format": {"type": "audio/pcmu"}},
        }
        session = {"type": "realtime", "audio": audio, "tools": [END_CALL]}
        await self._tell("session.update", session=session)
        hearing = asyncio.create_task(self._listen())  # noqa: TID251
        try:
            async for raw in self._phone:
                await self._from_phone(json.loads(raw))
        finally:
            hearing.cancel()

    async def _from_phone(self, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            self._stream_sid = message["start"]["streamSid"]
            await self._tell("response.create")
        elif message["event"] == "media":
            await self._tell("input_audio_buffer.append", audio=message["media"]["payload"])

    async def _listen(self) -> None:
        try:
            async for raw in self._model:
                await self._from_model(json.loads(raw))
        except ConnectionClosed:
            return

    async def _from_model(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "response.output_audio.delta":
                if event["item_id"] != self._item:
                    self._item, self._item_began_s = event["item_id"], _now()
                self._sent_bytes += len(base64.b64decode(event["delta"]))
                await self._play("media", media={"payload": event["delta"]})
            case "input_audio_buffer.speech_started" if self._item:
                await self._play("clear")
                await self._truncate()
            case "response.function_call_arguments.done":
                # The goodbye has been sent, so it has been heard: has it not?
                await self._phone.close()

    async def _truncate(self) -> None:
        elapsed_ms = round((_now() - self._item_began_s) * 1000)
        sent_ms, self._sent_bytes = self._sent_bytes // 8, 0
        if self._reckoning is not Reckoning.NEVER:
            end_ms = sent_ms if self._reckoning is Reckoning.SENT else elapsed_ms
            place = {"item_id": self._item, "content_index": 0, "audio_end_ms": end_ms}
            await self._tell("conversation.item.truncate", **place)
        self._item = ""

    async def _play(self, kind: str, **body: Any) -> None:
        message = {"event": kind, "streamSid": self._stream_sid, **body}
        await self._phone.send(json.dumps(message))

    async def _tell(self, kind: str, **body: Any) -> None:
        await self._model.send(json.dumps({"type": kind, **body}))


@asynccontextmanager
async def naive_bridge(
    model_url: str, reckoning: Reckoning, *, leaks: bool = False
) -> AsyncIterator[str]:
    """Its stream URL. `leaks`: it forgets to close the session of a call that is over."""
    forgotten = []

    async def call(phone: ServerConnection) -> None:
        url = f"{model_url}/realtime?model=naive"
        model = await connect(url, compression=None, proxy=None, close_timeout=0.2)
        forgotten.append(model)
        try:
            await NaiveBridge(phone, model, reckoning).run()
        except ConnectionClosed:
            pass
        finally:
            if not leaks:
                await model.close()

    async with serve(call, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/media"
    for model in forgotten:
        await model.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
