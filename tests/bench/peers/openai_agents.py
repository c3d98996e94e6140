"""A bridge on the realtime sessions of openai-agents, which hold the model's side; marks tell its
playback tracker what was heard."""

import asyncio
import base64
import json

from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner, RealtimeSession
from fastapi import WebSocket, WebSocketDisconnect
from front import INSTRUCTIONS, KEY, MODEL, MODEL_URL, serve

CHUNK_BYTES = 400
"""50 ms, as its own telephone example sends them."""
SETTINGS = {
    "model_name": MODEL,
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_ulaw",
    "turn_detection": {"type": "server_vad", "interrupt_response": True, "create_response": True},
}


class Bridge:
    """One call."""

    def __init__(self, phone: WebSocket) -> None:
        self._phone = phone
        self._stream = ""
        self._held = bytearray()
        self._sent: dict[str, tuple[str, int, bytes]] = {}
        self._count = 0
        self.played = RealtimePlaybackTracker()

    async def from_phone(self, session: RealtimeSession) -> None:
        try:
            async for raw in self._phone.iter_text():
                await self._message(json.loads(raw), session)
        except WebSocketDisconnect:
            return

    async def _message(self, message: dict, session: RealtimeSession) -> None:
        match message["event"]:
            case "start":
                self._stream = message["start"]["streamSid"]
                await session.send_message("Hello.")
            case "media":
                self._held += base64.b64decode(message["media"]["payload"])
                if len(self._held) >= CHUNK_BYTES:
                    chunk, self._held = bytes(self._held), bytearray()
                    await session.send_audio(chunk)
            case "mark":
                sent = self._sent.pop(message["mark"]["name"], None)
                if sent is not None:
                    self.played.on_play_bytes(*sent)

    async def from_session(self, session: RealtimeSession) -> None:
        async for event in session:
            if event.type == "audio":
                await self._play(event.item_id, event.content_index, event.audio.data)
            elif event.type == "audio_interrupted":
                await self._say({"event": "clear"})

    async def _play(self, item: str, index: int, audio: bytes) -> None:
        self._count += 1
        name = str(self._count)
        self._sent[name] = (item, index, audio)
        payload = base64.b64encode(audio).decode()
        await self._say({"event": "media", "media": {"payload": payload}})
        await self._say({"event": "mark", "mark": {"name": name}})

    async def _say(self, message: dict) -> None:
        await self._phone.send_text(json.dumps({**message, "streamSid": self._stream}))


async def call(phone: WebSocket) -> None:
    await phone.accept()
    bridge = Bridge(phone)
    runner = RealtimeRunner(RealtimeAgent(name="desk", instructions=INSTRUCTIONS))
    session = await runner.run(
        model_config={
            "api_key": KEY,
            "url": f"{MODEL_URL}?model={MODEL}",
            "initial_model_settings": SETTINGS,
            "playback_tracker": bridge.played,
        }
    )
    async with session:
        listening = asyncio.create_task(bridge.from_session(session))
        await bridge.from_phone(session)
        listening.cancel()


serve(call)
