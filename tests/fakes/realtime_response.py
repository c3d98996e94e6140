"""One response of the fake Realtime server: its items, its audio in bursts, its end."""

import asyncio
import base64
import json
import random
from collections import Counter
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection

from tests.fakes.realtime_conversation import Conversation, Entry
from tests.fakes.realtime_script import (
    Faults,
    FunctionCall,
    Reply,
    Voice,
    bytes_per_ms,
    encoded,
)

MS_PER_CHARACTER = 60


class Stage(Protocol):
    """What a response needs of its session."""

    active: "Speaking | None"
    connection: ServerConnection
    conversation: Conversation
    config: dict[str, Any]
    counts: Counter[str]
    deltas_sent: int
    faults: Faults
    random: random.Random
    speed: float
    voice: Voice

    @property
    def heard_ms(self) -> int: ...
    @property
    def output_format(self) -> str: ...
    def new_id(self, prefix: str) -> str: ...
    async def send(self, kind: str, **fields: Any) -> None: ...
    async def send_raw(self, raw: str | bytes) -> None: ...


class Speaking:
    """Generates one response until done or cancelled."""

    def __init__(self, session: Stage, reply: Reply, metadata: dict[str, str] | None) -> None:
        self.id = session.new_id("resp")
        self.over = asyncio.Event()
        self._session = session
        self._reply = reply
        self._metadata = metadata
        self._why: str | None = None
        self._wake = asyncio.Event()
        self._output: list[dict[str, Any]] = []
        self._audio_ms = 0
        self._characters = 0

    @property
    def cancelled(self) -> bool:
        return self._why is not None

    def cancel(self, why: str) -> None:
        """Stop generating; response.done follows."""
        self._why = self._why or why
        self._wake.set()

    async def announce(self) -> None:
        if not self._session.faults.no_created:
            await self._session.send("response.created", response=self._response("in_progress"))

    async def speak(self) -> None:
        """Everything from the first item to response.done."""
        await self._disturb()
        await self._pause(self._reply.delay_ms / 1000)
        if self._reply.status != "failed":
            await self._items()
        late = self._late_deltas()
        await self._done()
        for delta in late:
            await self._session.send("response.output_audio.delta", **delta)

    async def _items(self) -> None:
        for text in (self._reply.text, self._reply.second):
            if text and not self.cancelled:
                await self._message(text)
        for call in self._reply.calls:
            if not self.cancelled:
                await self._call(call)

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0 or self.cancelled:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    async def _disturb(self) -> None:
        session = self._session
        if session.faults.unknown_events:
            await session.send_raw(json.dumps({"type": "response.mood", "event_id": "event_x"}))
        if session.faults.garbage:
            for frame in ("{bad", "[]", '"text"', "{}", b"\x00\xff", _BAD_DELTA, _BAD_FIELDS):
                await session.send_raw(frame)

    # ---- a spoken item ------------------------------------------------------------------------

    async def _message(self, text: str) -> None:
        session = self._session
        entry = Entry(session.new_id("item"), "assistant")
        before = session.conversation.add(entry)
        at = {"response_id": self.id, "output_index": len(self._output), "item_id": entry.id}
        item = _message(entry.id, "in_progress", [])
        await self._item_event("added", at, item, before)
        part = {**at, "content_index": 0}
        empty = {"type": "audio", "transcript": ""}
        await session.send("response.content_part.added", **part, part=empty)
        await self._audio(text, entry, part)
        await self._end_message(entry, at, part, before)

    async def _audio(self, text: str, entry: Entry, part: dict[str, Any]) -> None:
        session = self._session
        duration_ms = self._reply.duration_ms or len(text) * MS_PER_CHARACTER
        rate = 24_000 if session.output_format == "audio/pcm" else 8_000
        audio = session.faults.instead_of_audio or encoded(
            session.voice(text, duration_ms, rate), session.output_format
        )
        said = 0
        sent = 0
        while sent < len(audio) and not self.cancelled:
            piece = audio[sent : sent + self._piece_bytes()]
            sent += len(piece)
            # The words run ahead of the audio, as the vendor's do.
            upto = min(len(text), len(text) * sent // len(audio) + 12)
            if upto > said:
                await session.send(
                    "response.output_audio_transcript.delta", **part, delta=text[said:upto]
                )
                entry.text, said = text[:upto], upto
            entry.audio_ms = sent // bytes_per_ms(session.output_format)
            await self._delta(part, piece)
            seconds = len(piece) / bytes_per_ms(session.output_format) / 1000
            await self._pause(seconds / session.speed)
        self._audio_ms += entry.audio_ms
        self._characters += said

    def _piece_bytes(self) -> int:
        """Up to a third of a second, of any size but whole frames."""
        session = self._session
        size = session.random.randrange(40, 340) * bytes_per_ms(session.output_format) + 2
        return size + 1 if session.faults.split_samples else size

    async def _delta(self, part: dict[str, Any], piece: bytes) -> None:
        session, faults = self._session, self._session.faults
        session.deltas_sent += 1
        session.counts["response.output_audio.delta"] += 1
        delta = base64.b64encode(piece).decode()
        await session.send("response.output_audio.delta", **part, delta=delta)
        if session.deltas_sent == faults.close_after_deltas:
            await self._cut_off()
        if session.deltas_sent == faults.stall_after_deltas:
            await asyncio.sleep(faults.stall_s)

    async def _cut_off(self) -> None:
        session = self._session
        if session.faults.close_code == 1006:
            session.connection.transport.abort()
        else:
            await session.connection.close(session.faults.close_code, session.faults.close_reason)

    async def _end_message(
        self, entry: Entry, at: dict[str, Any], part: dict[str, Any], before: str | None
    ) -> None:
        session = self._session
        whole = entry.text
        await session.send("response.output_audio.done", **part)
        await session.send("response.output_audio_transcript.done", **part, transcript=whole)
        done = {"type": "audio", "transcript": whole}
        await session.send("response.content_part.done", **part, part=done)
        status = (
            "incomplete" if self.cancelled or self._reply.status != "completed" else "completed"
        )
        content = [{"type": "output_audio", "transcript": whole}]
        entry.done = True
        await self._item_event("done", at, _message(entry.id, status, content), before)
        self._output.append(_message(entry.id, status, content))

    async def _item_event(
        self, what: str, at: dict[str, Any], item: dict[str, Any], before: str | None
    ) -> None:
        send = self._session.send
        where = {"response_id": at["response_id"], "output_index": at["output_index"]}
        if what == "added":
            await send("response.output_item.added", **where, item=item)
        await send(f"conversation.item.{what}", item=item, previous_item_id=before)
        if what == "done":
            await send("response.output_item.done", **where, item=item)

    # ---- a function call ----------------------------------------------------------------------

    async def _call(self, call: FunctionCall) -> None:
        session = self._session
        call_id = call.call_id or session.new_id("call")
        entry = Entry(session.new_id("item"), "call", call.name, call_id=call_id, done=True)
        before = session.conversation.add(entry)
        at = {"response_id": self.id, "output_index": len(self._output), "item_id": entry.id}
        item = {
            "id": entry.id,
            "type": "function_call",
            "name": call.name,
            "call_id": call_id,
            "arguments": "",
            "status": "in_progress",
        }
        await self._item_event("added", at, item, before)
        where = {**at, "call_id": call_id}
        kind = "response.function_call_arguments"
        await session.send(f"{kind}.delta", **where, delta=call.arguments)
        await session.send(f"{kind}.done", **where, arguments=call.arguments, name=call.name)
        item |= {"arguments": call.arguments, "status": call.status}
        for _ in range(2 if session.faults.repeated_calls else 1):
            await self._item_event("done", at, item, before)
        self._output.append(item)

    # ---- the end ------------------------------------------------------------------------------

    def _late_deltas(self) -> list[dict[str, Any]]:
        """What is still on the wire when the response is already over."""
        if not self.cancelled or not self._output:
            return []
        audio = base64.b64encode(b"\x7f\x7f" * 800).decode()
        late = {
            "response_id": self.id,
            "item_id": self._output[-1]["id"],
            "output_index": 0,
            "content_index": 0,
            "delta": audio,
        }
        return [late] * self._session.faults.late_deltas

    async def _done(self) -> None:
        session = self._session
        status = "cancelled" if self.cancelled else self._reply.status
        session.active = None
        await session.send("response.done", response=self._response(status))
        limits = [
            {"name": "requests", "limit": 20_000, "remaining": 19_999, "reset_seconds": 0.1},
            {"name": "tokens", "limit": 15_000_000, "remaining": 14_990_000, "reset_seconds": 0.1},
        ]
        await session.send("rate_limits.updated", rate_limits=limits)
        self.over.set()

    def _response(self, status: str) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.id,
            "conversation_id": "conv_000001",
            "status": status,
            "status_details": self._details(status),
            "output": self._output,
            "output_modalities": ["audio"],
            "max_output_tokens": self._session.config["max_output_tokens"],
            "metadata": self._metadata,
            "usage": self._usage() if status not in {"in_progress", "failed"} else None,
        }

    def _details(self, status: str) -> dict[str, Any] | None:
        match status:
            case "cancelled":
                return {"type": status, "reason": self._why}
            case "incomplete":
                return {"type": status, "reason": self._reply.reason or "max_output_tokens"}
            case "failed":
                code = self._reply.error or "server_error"
                return {"type": status, "error": {"type": "server_error", "code": code}}
            case _:
                return None

    def _usage(self) -> dict[str, Any]:
        """One token for 50 ms of speech (OpenAI guide, Realtime costs)."""
        audio, text = self._audio_ms // 50, self._characters // 4
        heard = self._session.heard_ms // 100
        given = {"text_tokens": 200, "audio_tokens": heard, "cached_tokens": 128}
        given["cached_tokens_details"] = {"text_tokens": 128, "audio_tokens": 0}  # type: ignore[assignment]
        return {
            "total_tokens": 200 + heard + audio + text,
            "input_tokens": 200 + heard,
            "output_tokens": audio + text,
            "input_token_details": given,
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }


_BAD_DELTA = json.dumps(
    {
        "type": "response.output_audio.delta",
        "response_id": "resp_bad",
        "item_id": "item_bad",
        "content_index": 0,
        "delta": "*not base64*",
    }
)
_BAD_FIELDS = json.dumps({"type": "response.done", "response": 7})


def _message(item_id: str, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }
