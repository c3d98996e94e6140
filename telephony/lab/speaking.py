"""One response of the lab's model: its items, in bursts of about five times real time."""

import asyncio
import base64
import random
from typing import Any, Protocol

from telephony.lab.material import Spoken
from telephony.lab.rules import Items, OpenItem
from telephony.lab.scenarios import Reply
from telephony.media import ulaw

BURST = 5.0
"""Times real time at which replies are sent."""
THINKING_S = 0.25
_SHORTEST_DELTA, _LONGEST_DELTA = 320, 2_400
"""Samples at 8 kHz."""


class Repertoire(Protocol):
    """What there is to be said."""

    def next_reply(self) -> tuple[int, Reply, tuple[Spoken, ...], bool]:
        """Its number, its plan, its items, and whether it is one of the scenario's."""


class Stand(Protocol):
    """What a response needs of its session."""

    random: random.Random
    items: Items
    active: "Speaking | None"
    goodbye_asked: bool

    @property
    def repertoire(self) -> Repertoire: ...

    @property
    def output_format(self) -> str: ...

    def new_id(self, prefix: str) -> str: ...

    def tool_that_ends_calls(self) -> str: ...

    async def send(self, kind: str, **fields: Any) -> None: ...


class Speaking:
    """One response, until it is done or cancelled."""

    def __init__(self, session: Stand, metadata: Any) -> None:
        self.id = session.new_id("resp")
        self.over = asyncio.Event()
        self._session = session
        self._metadata = metadata
        self._why = ""
        self._wake = asyncio.Event()
        self._output: list[dict[str, Any]] = []
        self._sent_ms = 0.0

    @property
    def cancelled(self) -> bool:
        return bool(self._why)

    def cancel(self, why: str) -> None:
        self._why = self._why or why
        self._wake.set()

    async def speak(self) -> None:
        """Everything after `response.created`."""
        await self._pause(THINKING_S)
        if not self.cancelled:
            await self._reply()
        self._session.active = None
        status = "cancelled" if self.cancelled else "completed"
        await self._session.send("response.done", response=self.resource(status))
        self.over.set()

    async def _reply(self) -> None:
        number, plan, items, wanted = self._session.repertoire.next_reply()
        for spoken in items:
            if not self.cancelled:
                item = OpenItem(self._session.new_id("item"), number, spoken, wanted=wanted)
                await self._item(item, plan)
        if plan.hangs_up and not self.cancelled:
            await self._hang_up()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    # ---- a spoken item ------------------------------------------------------------------------

    async def _item(self, item: OpenItem, plan: Reply) -> None:
        session = self._session
        session.items.speak(item)
        at = {"response_id": self.id, "output_index": len(self._output), "item_id": item.item_id}
        begun = message(item.item_id, "assistant", "in_progress", [])
        await self._item_event("added", at, begun)
        part = {**at, "content_index": 0}
        empty = {"type": "audio", "transcript": ""}
        await session.send("response.content_part.added", **part, part=empty)
        text = await self._audio(item, part, plan)
        await session.send("response.output_audio.done", **part)
        await session.send("response.output_audio_transcript.done", **part, transcript=text)
        done = {"type": "audio", "transcript": text}
        await session.send("response.content_part.done", **part, part=done)
        status = "incomplete" if self.cancelled else "completed"
        content = [{"type": "output_audio", "transcript": text}]
        ended = message(item.item_id, "assistant", status, content)
        self._output.append(ended)
        await self._item_event("done", at, ended)

    async def _item_event(self, what: str, at: dict[str, Any], item: dict[str, Any]) -> None:
        session = self._session
        place = {"response_id": self.id, "output_index": at["output_index"]}
        await session.send(f"response.output_item.{what}", **place, item=item)
        await session.send(f"conversation.item.{what}", item=item, previous_item_id=None)

    async def _audio(self, item: OpenItem, part: dict[str, Any], plan: Reply) -> str:
        """The words sent."""
        session, text, said = self._session, item.spoken.text, 0
        samples = len(item.spoken.speech)
        begun_s, paused_s, first_ms = _now(), 0.0, self._sent_ms
        while item.sent_samples < samples and not self.cancelled:
            begin = item.sent_samples
            end = min(samples, begin + session.random.randrange(_SHORTEST_DELTA, _LONGEST_DELTA))
            # The words run ahead of the audio, as the vendor's do.
            upto = min(len(text), len(text) * end // samples + 12)
            if upto > said:
                words = {"delta": text[said:upto]}
                await session.send("response.output_audio_transcript.delta", **part, **words)
                said = upto
            session.items.sent(item, end - begin)
            audio = _encoded(item.spoken, begin, end, session.output_format)
            delta = base64.b64encode(audio).decode()
            await session.send("response.output_audio.delta", **part, delta=delta)
            before_ms, self._sent_ms = self._sent_ms, self._sent_ms + (end - begin) / 8
            if before_ms < plan.halt_at_ms <= self._sent_ms:
                paused_s += plan.halt_ms / 1000
            due_s = begun_s + paused_s + (self._sent_ms - first_ms) / 1000 / BURST
            await self._pause(max(0.0, due_s - _now()))
        return text[:said]

    # ---- a goodbye ----------------------------------------------------------------------------

    async def _hang_up(self) -> None:
        session = self._session
        if not (name := session.tool_that_ends_calls()):
            return
        session.goodbye_asked = True
        call = {"type": "function_call", "object": "realtime.item", "name": name}
        ids = {"id": session.new_id("item"), "call_id": session.new_id("call")}
        at = {"response_id": self.id, "output_index": len(self._output), "item_id": ids["id"]}
        session.items.add(ids["id"])
        begun = call | ids | {"status": "in_progress", "arguments": ""}
        await self._item_event("added", at, begun)
        named = {"call_id": ids["call_id"], "name": name, "arguments": "{}"}
        await session.send("response.function_call_arguments.done", **at, **named)
        done = call | ids | {"status": "completed", "arguments": "{}"}
        self._output.append(done)
        await self._item_event("done", at, done)

    def resource(self, status: str) -> dict[str, Any]:
        over = status == "cancelled"
        return {
            "object": "realtime.response",
            "id": self.id,
            "conversation_id": "conv_1",
            "status": status,
            "status_details": {"type": status, "reason": self._why} if over else None,
            "output": self._output,
            "output_modalities": ["audio"],
            "metadata": self._metadata,
            "usage": None,
        }


def message(item_id: str, role: str, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    """A `message` item."""
    kind = {"id": item_id, "object": "realtime.item", "type": "message"}
    return {**kind, "role": role, "status": status, "content": content}


def _encoded(spoken: Spoken, begin: int, end: int, audio_format: str) -> bytes:
    """Samples `begin` to `end` at 8 kHz, in the format of the session."""
    if audio_format == "audio/pcm":
        return spoken.wide[begin * 3 : end * 3].astype("<i2").tobytes()
    return ulaw.encode(spoken.speech[begin:end])


def _now() -> float:
    return asyncio.get_running_loop().time()
