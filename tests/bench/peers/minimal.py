"""The design of Twilio's minimal sample, in our words: two loops of one socket pair, JSON by the
standard library, heard time reckoned from the stamps of the caller's frames.
"""

import asyncio
import contextlib
import json

from fastapi import WebSocket, WebSocketDisconnect
from front import INSTRUCTIONS, KEY, MODEL, MODEL_URL, serve
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ULAW = {"type": "audio/pcmu"}
SESSION = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": INSTRUCTIONS,
    "audio": {
        "input": {"format": ULAW, "turn_detection": {"type": "server_vad"}},
        "output": {"format": ULAW, "voice": "alloy"},
    },
}


class Bridge:
    """One call."""

    def __init__(self, phone: WebSocket, model: ClientConnection) -> None:
        self._phone = phone
        self._model = model
        self._stream = ""
        self._latest_ms = 0
        self._reply_began_ms: int | None = None
        self._item = ""
        self._marks: list[str] = []

    async def from_phone(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            async for raw in self._phone.iter_text():
                message = json.loads(raw)
                match message["event"]:
                    case "start":
                        self._stream = message["start"]["streamSid"]
                        await self._tell({"type": "response.create"})
                    case "media":
                        self._latest_ms = int(message["media"]["timestamp"])
                        audio = message["media"]["payload"]
                        await self._tell({"type": "input_audio_buffer.append", "audio": audio})
                    case "mark":
                        if self._marks:
                            self._marks.pop(0)
        await self._model.close()

    async def from_model(self) -> None:
        with contextlib.suppress(ConnectionClosed, RuntimeError):
            async for raw in self._model:
                event = json.loads(raw)
                match event["type"]:
                    case "response.output_audio.delta":
                        await self._play(event)
                    case "input_audio_buffer.speech_started":
                        await self._cut()

    async def _play(self, event: dict) -> None:
        await self._say({"event": "media", "media": {"payload": event["delta"]}})
        if event["item_id"] != self._item:
            self._reply_began_ms = self._latest_ms
            self._item = event["item_id"]
        await self._say({"event": "mark", "mark": {"name": "part"}})
        self._marks.append("part")

    async def _cut(self) -> None:
        if not self._marks or self._reply_began_ms is None:
            return
        heard_ms = self._latest_ms - self._reply_began_ms
        await self._tell(
            {
                "type": "conversation.item.truncate",
                "item_id": self._item,
                "content_index": 0,
                "audio_end_ms": heard_ms,
            }
        )
        await self._say({"event": "clear"})
        self._marks.clear()
        self._reply_began_ms = None

    async def _say(self, message: dict) -> None:
        await self._phone.send_text(json.dumps({**message, "streamSid": self._stream}))

    async def _tell(self, message: dict) -> None:
        await self._model.send(json.dumps(message))


async def call(phone: WebSocket) -> None:
    await phone.accept()
    headers = {"Authorization": f"Bearer {KEY}"}
    async with connect(f"{MODEL_URL}?model={MODEL}", additional_headers=headers) as model:
        await model.send(json.dumps({"type": "session.update", "session": SESSION}))
        bridge = Bridge(phone, model)
        await asyncio.gather(bridge.from_phone(), bridge.from_model())


serve(call)
