"""A Realtime model for the lab: GA protocol on loopback, speaking what the scenario says.

Strict where a real one is: one response at a time, truncations beyond an item's audio refused,
replies sent in bursts of about five times real time, speech reported as soon as it is loud.
Source: OpenAI API reference, Realtime client and server events.
"""

import asyncio
import binascii
import itertools
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from agents.tasks import Tasks
from telephony.lab.caller import Stage
from telephony.lab.ear import Change, ModelEar
from telephony.lab.material import Speech, Spoken
from telephony.lab.records import SessionSeen
from telephony.lab.rules import BYTES_PER_MS, Items, Refused, Truncate
from telephony.lab.scenarios import Reply, Scenario
from telephony.lab.speaking import Speaking, message
from telephony.media import ulaw

TRANSCRIPTION_S = 0.2
OTHERWISE = Reply((1_200,))
"""What it says when a target asks for more replies than the scenario has."""
SPARE_REPLIES = 6
_ENDS_CALL = re.compile(r"hang_?up|(end|finish|terminate|close)_?(the_?)?(phone_?)?call", re.I)


class Act:
    """What the model has prepared for one call."""

    def __init__(self, scenario: Scenario, speech: Speech, seed: int) -> None:
        """Blocking: renders all speech."""
        self.sessions: list[Session] = []
        """Those opened while it was on."""
        self.opened = asyncio.Event()
        self.scenario = scenario
        self.stage = Stage()
        self.seed = seed
        self._wanted = len(scenario.replies)
        plans = (*scenario.replies, *(OTHERWISE,) * SPARE_REPLIES)
        self._prepared = [(plan, tuple(map(speech.item, plan.items_ms))) for plan in plans]

    def next_reply(self) -> tuple[int, Reply, tuple[Spoken, ...], bool]:
        """Its number, its plan, its items, and whether it is one of the scenario's."""
        number = self.stage.replies_begun
        self.stage.replies_begun += 1
        spare = self._wanted + (number - self._wanted) % SPARE_REPLIES
        plan, items = self._prepared[number if number < self._wanted else spare]
        return number, plan, items, number < self._wanted


class LabModel:
    """The server. Tell it before each call what is `on`: new sessions are of that call."""

    def __init__(self, port: int = 0, hang_up_tool: str = "") -> None:
        self.hang_up_tool = hang_up_tool
        self._act: Act | None = None
        self._port = port
        self._server: Server | None = None
        self.bugs: list[BaseException] = []

    async def __aenter__(self) -> Self:
        """Raises OSError when the port cannot be had."""
        self._server = await serve(
            self._session,
            "127.0.0.1",
            self._port,
            compression=None,
            max_size=16 * 1024 * 1024,
            close_timeout=0.5,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close(close_connections=True)
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def on(self, act: Act) -> None:
        """The next call begins."""
        self._act = act

    async def _session(self, connection: ServerConnection) -> None:
        if self._act is None:
            await connection.close(1013, "no call is on")
            return
        session = Session(connection, self._act, self.hang_up_tool)
        self._act.sessions.append(session)
        self._act.opened.set()
        await session.run()
        self.bugs += session.bugs


class Session:
    """One session. What is told to it and by it ends up in `seen`."""

    def __init__(self, connection: ServerConnection, act: Act, hang_up_tool: str) -> None:
        self.connection = connection
        self.bugs: list[BaseException] = []
        self.closed_s: float | None = None
        self.closed = asyncio.Event()
        self.items = Items()
        self.act = act
        self.active: Speaking | None = None
        self.random = random.Random(act.seed)  # noqa: S311 - sizes of deltas
        self.config: dict[str, Any] = {
            "type": "realtime",
            "model": "lab",
            "output_modalities": ["audio"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "audio": {
                "input": {"format": dict(_PCM), "turn_detection": dict(_VAD)},
                "output": {"format": dict(_PCM), "voice": "marin", "speed": 1.0},
            },
        }
        self._hang_up_tool = hang_up_tool
        self._configured = False
        self._opened_s = _now()
        self._ids = itertools.count(1)
        self._tasks = Tasks(self._broken)
        self._ear = self._new_ear()
        self._caller_item = ""
        self._started_s: list[float] = []
        self._errors: list[str] = []
        self.goodbye_asked = False

    @property
    def seen(self) -> SessionSeen:
        """All there is to know so far."""
        return SessionSeen(
            opened_s=self._opened_s,
            configured=self._configured,
            items=tuple(item.record() for item in self.items.spoken.values()),
            told=tuple(self.items.told),
            speech_started_s=tuple(self._started_s),
            errors=tuple(self._errors),
            goodbye_asked=self.goodbye_asked,
        )

    @property
    def repertoire(self) -> Act:
        return self.act

    @property
    def output_format(self) -> str:
        return str(self.config["audio"]["output"]["format"]["type"])

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids):06d}"

    def tool_that_ends_calls(self) -> str:
        """Of the target's tools; empty: it has offered none."""
        names = [str(tool.get("name", "")) for tool in self.config["tools"]]
        fit = [n for n in names if n == self._hang_up_tool or _ENDS_CALL.search(n)]
        return fit[0] if fit else ""

    # ---- the wire -----------------------------------------------------------------------------

    async def run(self) -> None:
        try:
            await self.send("session.created", session=self.config | {"id": self.new_id("sess")})
            async for raw in self.connection:
                await self._received(raw)
        except ConnectionClosed:
            pass
        finally:
            self.closed_s = _now()
            self.closed.set()
            await self._tasks.cancel_all()

    async def send(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "event_id": self.new_id("event"), **fields}
        await self.connection.send(msgspec.json.encode(event), text=True)

    async def _received(self, raw: str | bytes) -> None:
        event: Any = None
        try:
            event = msgspec.json.decode(raw)
            await self._obey(event)
        except Refused as why:
            await self._refuse(why.code, why.message, event.get("event_id"))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            await self._refuse("invalid_event", f"Cannot be read: {type(error).__name__}", None)

    async def _refuse(self, code: str, message: str, event_id: object) -> None:
        self._errors.append(code)
        body = {"code": code, "message": message, "param": None, "event_id": event_id}
        await self.send("error", error={"type": "invalid_request_error", **body})

    async def _obey(self, event: dict[str, Any]) -> None:
        deeds: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "response.create": self._create_response,
            "response.cancel": self._cancel,
        }
        if (deed := deeds.get(event["type"])) is None:
            raise Refused("invalid_value", f"The lab does not do {event['type']}.")
        await deed(event)

    # ---- what the target asks -----------------------------------------------------------------

    async def _update(self, event: dict[str, Any]) -> None:
        config = _merged(self.config, event["session"])
        for side in ("input", "output"):
            kind = config["audio"][side]["format"]["type"]
            if kind not in BYTES_PER_MS:
                raise Refused("invalid_value", f"The lab does not speak {kind}.")
        turns = [old["audio"]["input"] for old in (self.config, config)]
        self.config = config
        self._configured = True
        if turns[0] != turns[1]:
            self._ear = self._new_ear()
        await self.send("session.updated", session=self.config)

    @property
    def _turns(self) -> dict[str, Any]:
        return self.config["audio"]["input"].get("turn_detection") or {}

    def _new_ear(self) -> ModelEar:
        audio_format = self.config["audio"]["input"]["format"]["type"]
        rate = 24_000 if audio_format == "audio/pcm" else 8_000
        silence_ms = int(self._turns.get("silence_duration_ms") or 500)
        return ModelEar(rate, float(self._turns.get("threshold") or 0.5), silence_ms)

    async def _append(self, event: dict[str, Any]) -> None:
        audio = binascii.a2b_base64(event["audio"], strict_mode=True)
        if self.config["audio"]["input"]["format"]["type"] == "audio/pcmu":
            audio = ulaw.decode(audio).tobytes()
        for change, at_ms in self._ear.hear(audio):
            if self._turns and change is Change.STARTED:
                await self._caller_starts(at_ms)
            elif self._turns:
                await self._caller_stops(at_ms)

    async def _caller_starts(self, at_ms: int) -> None:
        self._caller_item = self.new_id("item")
        self._started_s.append(_now())
        started = {"item_id": self._caller_item, "audio_start_ms": at_ms}
        await self.send("input_audio_buffer.speech_started", **started)
        if self.active is not None and self._turns.get("interrupt_response", True):
            self.active.cancel("turn_detected")

    async def _caller_stops(self, at_ms: int) -> None:
        item_id = self._caller_item
        stopped = {"item_id": item_id, "audio_end_ms": at_ms}
        await self.send("input_audio_buffer.speech_stopped", **stopped)
        await self._take_turn(item_id)
        if self._turns.get("create_response", True):
            self._tasks.start("answer", self._answer())

    async def _commit(self, _event: dict[str, Any]) -> None:
        await self._take_turn(self.new_id("item"))

    async def _take_turn(self, item_id: str) -> None:
        """What the caller said becomes an item."""
        self.items.add(item_id)
        committed = {"item_id": item_id, "previous_item_id": None}
        await self.send("input_audio_buffer.committed", **committed)
        content = [{"type": "input_audio", "transcript": None}]
        await self.announce(message(item_id, "user", "completed", content))
        if self.config["audio"]["input"].get("transcription"):
            self._tasks.start("transcription", self._transcribe(item_id))

    async def _transcribe(self, item_id: str) -> None:
        text, self.act.stage.transcript = self.act.stage.transcript, ""
        await asyncio.sleep(TRANSCRIPTION_S)
        await self.send(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=text,
            usage={"type": "duration", "seconds": 1.0},
        )

    async def announce(self, item: dict[str, Any]) -> None:
        """An item that is there at once."""
        for kind in ("conversation.item.added", "conversation.item.done"):
            await self.send(kind, item=item, previous_item_id=None)

    async def _answer(self) -> None:
        """A turn is over: respond, once an interrupted response is done with."""
        if self.active is not None and self.active.cancelled:
            await self.active.over.wait()
        if self.active is not None:
            return
        await self._respond({})

    async def _clear(self, _event: dict[str, Any]) -> None:
        await self.send("input_audio_buffer.cleared")

    async def _create_item(self, event: dict[str, Any]) -> None:
        item = event["item"] | {"id": event["item"].get("id") or self.new_id("item")}
        self.items.add(item["id"])
        await self.announce(item | {"object": "realtime.item", "status": "completed"})

    async def _truncate(self, event: dict[str, Any]) -> None:
        asked = msgspec.convert(event, Truncate)
        self.items.truncate(asked, _now())
        await self.send("conversation.item.truncated", **msgspec.to_builtins(asked))

    async def _delete(self, event: dict[str, Any]) -> None:
        self.items.delete(event["item_id"], _now())
        await self.send("conversation.item.deleted", item_id=event["item_id"])

    async def _create_response(self, event: dict[str, Any]) -> None:
        if self.active is not None:
            message = f"Conversation already has an active response in progress: {self.active.id}."
            raise Refused("conversation_already_has_active_response", message)
        await self._respond((event.get("response") or {}).get("metadata"))

    async def _respond(self, metadata: Any) -> None:
        self.active = Speaking(self, metadata or None)
        await self.send("response.created", response=self.active.resource("in_progress"))
        self._tasks.start("response", self.active.speak())

    async def _cancel(self, event: dict[str, Any]) -> None:
        if self.active is None or event.get("response_id") not in (None, self.active.id):
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response")
        self.active.cancel("client_cancelled")

    def _broken(self, _name: str, error: BaseException) -> None:
        if not isinstance(error, ConnectionClosed):
            self.bugs.append(error)


_PCM = {"type": "audio/pcm", "rate": 24_000}
_VAD = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500}
_NESTED = frozenset({"audio", "input", "output"})


def _merged(old: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """Only fields present change (API reference, session.update)."""
    new = dict(old)
    for key, value in update.items():
        deeper = key in _NESTED and isinstance(value, dict) and isinstance(old.get(key), dict)
        new[key] = _merged(old[key], value) if deeper else value
    return new


def _now() -> float:
    return asyncio.get_running_loop().time()
