"""One session of the fake Realtime server: obeys the GA rules and its script's faults."""

import asyncio
import base64
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from agents.models_file import read_models
from agents.tasks import Tasks
from tests.fakes import realtime_beta as beta
from tests.fakes.realtime_conversation import Conversation, Entry
from tests.fakes.realtime_response import Speaking
from tests.fakes.realtime_schema import Refused, check_client, check_reasoning, check_server
from tests.fakes.realtime_script import Ear, Faults, Reply, Script, Voice

_DEFAULT_VAD = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 200}
_AUDIO_KINDS = frozenset({"input_audio_buffer.append", "response.output_audio.delta"})


def _defaults(model: str) -> dict[str, Any]:
    """What session.created shows before anything was asked."""
    pcm = {"type": "audio/pcm", "rate": 24_000}
    return {
        "type": "realtime",
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "Your knowledge cutoff is 2023-10.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "audio": {
            "input": {"format": dict(pcm), "turn_detection": dict(_DEFAULT_VAD)},
            "output": {"format": dict(pcm), "voice": "marin", "speed": 1.0},
        },
    }


class RealtimeSession:
    """Everything one client did and was told. Public attributes are for assertions."""

    def __init__(
        self,
        connection: ServerConnection,
        model: str,
        script: Script,
        faults: Faults,
        voice: Voice,
        *,
        speed: float,
        seed: int,
        check_audio: bool,
        speaks_beta: bool = False,
    ) -> None:
        self.connection = connection
        self.script = script
        self.faults = faults
        self.voice = voice
        self.speed = speed
        self.random = random.Random(seed)
        self.config = _defaults(model)
        self.conversation = Conversation(faults.short_count_ms)
        self.client_events: list[dict[str, Any]] = []
        """All but appended audio."""
        self.server_events: list[dict[str, Any]] = []
        """All but audio deltas."""
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        """Codes of the errors sent."""
        self.bugs: list[BaseException] = []
        self.deltas_sent = 0
        self.configured = False
        self.closed = asyncio.Event()
        self.active: Speaking | None = None
        self._check_audio = check_audio
        self._beta = speaks_beta
        self._ids = itertools.count(1)
        self._replies = iter(script.replies)
        self._caller = iter(script.caller)
        self._tasks = Tasks(lambda _, error: self._broken(error))
        self._ear = Ear(script, self.input_format, self.turn_detection)
        self._caller_item = ""

    # ---- facts --------------------------------------------------------------------------------

    @property
    def input_format(self) -> str:
        return str(self.config["audio"]["input"]["format"]["type"])

    @property
    def output_format(self) -> str:
        return str(self.config["audio"]["output"]["format"]["type"])

    @property
    def turn_detection(self) -> dict[str, Any]:
        return self.config["audio"]["input"].get("turn_detection") or {}

    @property
    def heard_ms(self) -> int:
        """Caller audio received since the session was configured."""
        return self._ear.heard_ms

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """The client events of one type."""
        return [event for event in self.client_events if event["type"] == kind]

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids):06d}"

    # ---- the wire -----------------------------------------------------------------------------

    async def run(self) -> None:
        try:
            await self._greet()
            async for raw in self.connection:
                await self._received(raw.encode() if isinstance(raw, str) else raw)
                if self.faults.deaf and self.configured:
                    await self.connection.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            await self._tasks.cancel_all()
            self.closed.set()

    async def _greet(self) -> None:
        if self.faults.no_session_created:
            return
        session = self.config | {"id": self.new_id("sess"), "object": "realtime.session"}
        if self.faults.lasts_s is not None:
            session["expires_at"] = int(time.time() + self.faults.lasts_s)
        if self.faults.shows_little:
            session = {"id": session["id"]}
        await self.send("session.created", session=session)

    async def send(self, kind: str, **fields: Any) -> None:
        said = beta.outgoing(kind, fields) if self._beta else (kind, fields)
        if said is None:
            return
        event = {"type": said[0], "event_id": self.new_id("event"), **said[1]}
        raw = json.dumps(event).encode()
        check = beta.check_server if self._beta else check_server
        if kind not in _AUDIO_KINDS:
            self.server_events.append(event)
            check(said[0], raw)
        elif self._check_audio:
            check(said[0], raw)
        await self.connection.send(raw, text=True)

    async def send_raw(self, raw: str | bytes) -> None:
        """Anything at all, even what no server should send."""
        await self.connection.send(raw)

    async def refuse(self, code: str, message: str, **more: Any) -> None:
        """Send an `error` event."""
        self.errors.append(code)
        if self.faults.null_event_ids:
            more["event_id"] = None
        kind = "server_error" if code == "server_error" else "invalid_request_error"
        error = {"type": kind, "code": code, "message": message, "param": None, "event_id": None}
        await self.send("error", error=error | more)

    async def _received(self, raw: bytes) -> None:
        event: dict[str, Any] = {}
        try:
            event = self._parsed(raw)
            kind = event["type"]
            self.counts[kind] += 1
            check = beta.check_client if self._beta else check_client
            if kind not in _AUDIO_KINDS:
                self.client_events.append(event)
                check(kind, raw)
            elif self._check_audio:
                check(kind, raw)
            await self._obeyed(kind, beta.incoming(event) if self._beta else event)
        except Refused as why:
            event_id = event.get("event_id")
            await self.refuse(why.code, why.message, param=why.param, event_id=event_id)

    def _parsed(self, raw: bytes) -> dict[str, Any]:
        try:
            event = json.loads(raw)
        except ValueError:
            raise Refused("invalid_event", "Could not parse the event as JSON.") from None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise Refused("missing_required_parameter", "Missing required parameter: 'type'.")
        return event

    async def _obeyed(self, kind: str, event: dict[str, Any]) -> None:
        deeds: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "response.create": self._create_response,
            "response.cancel": self._cancel,
        }
        deed = deeds.get(kind)
        if deed is None:
            raise Refused("invalid_value", f"This fake does not do {kind}.")
        await deed(event)

    # ---- what the client asks -----------------------------------------------------------------

    async def _update(self, event: dict[str, Any]) -> None:
        if self.faults.update_error:
            raise Refused(self.faults.update_error, "As scripted.")
        session = event["session"]
        known = read_models().find(self.config["model"])
        check_reasoning(session, reasons=known is not None and known.reasoning)
        if session.get("model", self.config["model"]) != self.config["model"]:
            raise Refused("invalid_value", "Cannot change the model.", "session.model")
        voice = session.get("audio", {}).get("output", {}).get("voice")
        if self.deltas_sent and voice not in {None, self.config["audio"]["output"]["voice"]}:
            raise Refused("cannot_update_voice", "Cannot update voice after audio.", "voice")
        _merge(self.config, session)
        self._ear = Ear(self.script, self.input_format, self.turn_detection)
        self.configured = True
        shown = json.loads(json.dumps(self.config)) | {"object": "realtime.session"}
        if self.faults.echo is not None:
            shown = self.faults.echo(shown)
        await self.send("session.updated", session=shown)
        if self.faults.error_after_update:
            await self.refuse(self.faults.error_after_update, "As scripted.")

    async def _append(self, event: dict[str, Any]) -> None:
        try:
            audio = base64.b64decode(event["audio"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise Refused("invalid_value", "Invalid audio.", "audio") from None
        for change, at_ms in self._ear.hear(audio):
            await (self.speech_started(at_ms) if change == "started" else self.turn_ended(at_ms))

    async def speech_started(self, at_ms: int) -> None:
        """The server hears the caller begin."""
        self._caller_item = self.new_id("item")
        await self.send(
            "input_audio_buffer.speech_started", item_id=self._caller_item, audio_start_ms=at_ms
        )
        if self.active is not None and self.turn_detection.get("interrupt_response", True):
            self.active.cancel("turn_detected")

    async def turn_ended(self, at_ms: int) -> None:
        """The server hears the caller's turn end, and answers it."""
        item_id = self._caller_item
        await self.send("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=at_ms)
        text = next(self._caller, "Tell me more.")
        before = self.conversation.add(Entry(item_id, "user", text, done=True))
        await self.send("input_audio_buffer.committed", item_id=item_id, previous_item_id=before)
        item = {
            "id": item_id,
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        await self.send("conversation.item.added", item=item, previous_item_id=before)
        await self.send("conversation.item.done", item=item, previous_item_id=before)
        self._tasks.start("transcription", self._transcribe(item_id, text, at_ms))
        if self.turn_detection.get("create_response", True) and not self.faults.no_auto_response:
            self._tasks.start("auto-response", self._answer_turn())

    async def _answer_turn(self) -> None:
        # The interrupted response is over before the next one begins.
        if self.active is not None and self.active.cancelled:
            await self.active.over.wait()
        if self.active is not None:
            await self.refuse(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress.",
            )
            return
        await self.begin(next(self._replies, self.script.otherwise), None)

    async def _transcribe(self, item_id: str, text: str, duration_ms: int) -> None:
        await asyncio.sleep(self.random.uniform(*self.script.transcription_ms) / 1000)
        await self.send(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=text,
            usage={"type": "duration", "seconds": duration_ms / 1000},
        )

    async def _create_item(self, event: dict[str, Any]) -> None:
        item = event["item"] | {"id": event["item"].get("id") or self.new_id("item")}
        if item["type"] == "function_call_output":
            self.conversation.open_call(item["call_id"])
            entry = Entry(item["id"], "output", item["output"], call_id=item["call_id"], done=True)
        else:
            text = "".join(part.get("text", "") for part in item["content"])
            entry = Entry(item["id"], item["role"], text, done=True)
        before = self.conversation.add(entry)
        item |= {"status": "completed", "object": "realtime.item"}
        await self.send("conversation.item.added", item=item, previous_item_id=before)
        await self.send("conversation.item.done", item=item, previous_item_id=before)

    async def _truncate(self, event: dict[str, Any]) -> None:
        self.conversation.truncate(event)
        await self.send(
            "conversation.item.truncated",
            item_id=event["item_id"],
            content_index=event["content_index"],
            audio_end_ms=event["audio_end_ms"],
        )

    async def _delete(self, event: dict[str, Any]) -> None:
        self.conversation.delete(event["item_id"])
        await self.send("conversation.item.deleted", item_id=event["item_id"])

    async def _create_response(self, event: dict[str, Any]) -> None:
        if self.active is not None:
            raise Refused(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self.active.id}.",
            )
        wish = event.get("response") or {}
        if wish.get("tool_choice") == "none":
            reply = Reply(wish["instructions"].rpartition(":\n")[2])
        else:
            reply = next(self._replies, self.script.otherwise)
        await self.begin(reply, wish.get("metadata"))

    async def begin(self, reply: Reply, metadata: dict[str, str] | None) -> None:
        """Start a response."""
        self.active = Speaking(self, reply, None if self.faults.no_metadata else metadata)
        await self.active.announce()
        self._tasks.start("response", self.active.speak())

    async def _cancel(self, event: dict[str, Any]) -> None:
        wanted = event.get("response_id")
        if self.active is None or wanted not in {None, self.active.id}:
            raise Refused(
                "response_cancel_not_active", "Cancellation failed: no active response found"
            )
        self.active.cancel("client_cancelled")

    def _broken(self, error: BaseException) -> None:
        if not isinstance(error, ConnectionClosed):
            self.bugs.append(error)


def _merge(into: dict[str, Any], update: dict[str, Any]) -> None:
    """Only fields present change (API reference, session.update)."""
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict) and key in _NESTED:
            _merge(into[key], value)
        else:
            into[key] = value


_NESTED = frozenset({"audio", "input", "output"})
