"""Scripts for the Realtime protocol: what the server sends and what must come of it."""

import base64
import json
from collections.abc import Sequence
from typing import Any, Self

from agents.engine import AnyEngineCommand, AnyEngineEvent, EngineReady
from agents.persona import Persona
from agents.providers import Dialect, Provider
from agents.realtime import configuration
from agents.realtime.protocol import RealtimeProtocol
from agents.realtime.settings import RealtimeSettings
from tools.spec import Risk, ToolSpec

PERSONA = Persona(business="Willow Street Salon", instructions="You answer the phone.")
UNDATED = Provider(session_limit_s=None)
"""Sessions of a provider that says nothing of how long they last."""
SETTINGS = RealtimeSettings(api_key="sk-test-0123456789", provider=UNDATED)
UNIX_S = 1_800_000_000.0
"""The wall's clock when a story begins."""


def tool(name: str, parameters: dict[str, Any] | None = None) -> ToolSpec:
    schema = parameters or {"type": "object", "properties": {}}
    return ToolSpec(name, f"Does {name}.", schema, Risk.READ, (), (), ends_call=False)


TOOLS = (tool("find_slot"), tool("book"))


class Story:
    """Every step says what must come of it; messages to the server are checked by `sends`."""

    def __init__(
        self, settings: RealtimeSettings = SETTINGS, tools: Sequence[ToolSpec] = TOOLS
    ) -> None:
        self.protocol = RealtimeProtocol(settings, PERSONA, tools)
        self.now = 0.0
        self.sent: list[dict[str, Any]] = []
        self.stuck = False
        """The server takes nothing."""
        self._fresh: list[bytes] = []
        self._settings = settings
        self._tools = tools
        self.protocol.start(self.now, UNIX_S)

    def echo(self) -> dict[str, Any]:
        """What the server shows of a configuration it took."""
        session = configuration.session(self._settings, PERSONA, self._tools)
        return {**session, "model": self._settings.model}

    def echo_of(self, dialect: Dialect) -> dict[str, Any]:
        """The same in another dialect."""
        return configuration.session(self._settings, PERSONA, self._tools, dialect)

    def live(self) -> Self:
        """Configured; nothing said yet."""
        self.server(session_created())
        self.server(session_updated(self.echo()), EngineReady("sess_1"))
        return self.sends({"type": "session.update"})

    def server(self, event: dict[str, Any] | str | bytes, *expected: AnyEngineEvent) -> Self:
        raw = json.dumps(event) if isinstance(event, dict) else event
        events = self.protocol.receive(raw, self.now)
        events += self._woken()
        assert events == list(expected)
        return self

    def call(self, command: AnyEngineCommand, *expected: AnyEngineEvent) -> Self:
        events = self.protocol.submit(command, self.now)
        events += self._woken()
        assert events == list(expected)
        return self

    def _woken(self) -> list[AnyEngineEvent]:
        """As its shell does: what was handed out is handed out, then comes what is due. Whatever
        waits to be sent is taken unless `stuck`."""
        if not self.stuck:
            self._fresh += self.protocol.messages_to_send()
        deadline = self.protocol.next_deadline()
        events = self.protocol.wake(self.now) if deadline == self.now else []
        if not self.stuck:
            self._fresh += self.protocol.messages_to_send()
        return events

    def wait(self, seconds: float, *expected: AnyEngineEvent) -> Self:
        """Let time pass, waking the protocol at its deadlines and at the end."""
        until = self.now + seconds
        events: list[AnyEngineEvent] = []
        for _ in range(20):
            deadline = self.protocol.next_deadline()
            if deadline is None or deadline > until:
                break
            self.now = max(self.now, deadline)
            events += self.protocol.wake(self.now)
            events += self._woken()
        else:
            raise AssertionError("the protocol keeps waking without getting on")
        self.now = until
        assert events == list(expected)
        return self

    def sends(self, *expected: dict[str, Any]) -> Self:
        """Exactly these messages since the last check; of each, the fields given."""
        fresh = [json.loads(raw) for raw in self._fresh]
        self._fresh.clear()
        self.sent += fresh
        shown = [
            {key: message.get(key) for key in wanted}
            for message, wanted in zip(fresh, expected, strict=False)
        ]
        assert (shown, len(fresh)) == (list(expected), len(expected)), fresh
        return self

    def sends_nothing(self) -> Self:
        return self.sends()

    def wish(self) -> str:
        """The token of the last response.create."""
        return str(self.sent[-1]["response"]["metadata"]["wish"])


# ---- server events ----------------------------------------------------------------------------


def session_created() -> dict[str, Any]:
    return {"type": "session.created", "event_id": "e", "session": {"id": "sess_1"}}


def session_updated(session: dict[str, Any]) -> dict[str, Any]:
    return {"type": "session.updated", "event_id": "e", "session": session}


def created(response_id: str, wish: str | None = None) -> dict[str, Any]:
    response = {"id": response_id, "status": "in_progress", **_metadata(wish)}
    return {"type": "response.created", "event_id": "e", "response": response}


def done(
    response_id: str, status: str = "completed", wish: str | None = None, **more: Any
) -> dict[str, Any]:
    response = {"id": response_id, "status": status, **_metadata(wish), **more}
    return {"type": "response.done", "event_id": "e", "response": response}


def failed(response_id: str, code: str, wish: str | None = None) -> dict[str, Any]:
    details = {"type": "failed", "error": {"type": "server_error", "code": code}}
    return done(response_id, "failed", wish, status_details=details)


def _metadata(wish: str | None) -> dict[str, Any]:
    return {} if wish is None else {"metadata": {"wish": wish}}


def audio(response_id: str, item_id: str, piece: bytes) -> dict[str, Any]:
    delta = base64.b64encode(piece).decode()
    return _piece("response.output_audio.delta", response_id, item_id, delta=delta)


def text(response_id: str, item_id: str, words: str) -> dict[str, Any]:
    kind = "response.output_audio_transcript.delta"
    return _piece(kind, response_id, item_id, delta=words)


def whole_text(response_id: str, item_id: str, words: str) -> dict[str, Any]:
    kind = "response.output_audio_transcript.done"
    return _piece(kind, response_id, item_id, transcript=words)


def _piece(kind: str, response_id: str, item_id: str, **more: Any) -> dict[str, Any]:
    where = {"response_id": response_id, "item_id": item_id, "content_index": 0}
    return {"type": kind, "event_id": "e", "output_index": 0, **where, **more}


def item_done(response_id: str, item_id: str) -> dict[str, Any]:
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "completed"}
    return {"type": "response.output_item.done", "response_id": response_id, "item": item}


def called(
    response_id: str, call_id: str, name: str = "find_slot", status: str = "completed"
) -> dict[str, Any]:
    item = {
        "id": f"item_{call_id}",
        "type": "function_call",
        "name": name,
        "call_id": call_id,
        "arguments": '{"day":"Tuesday"}',
        "status": status,
    }
    return {"type": "response.output_item.done", "response_id": response_id, "item": item}


def output_taken(call_id: str) -> dict[str, Any]:
    item = {"id": f"out_{call_id}", "type": "function_call_output", "call_id": call_id}
    return {"type": "conversation.item.added", "item": item | {"output": "{}"}}


def speech_started(item_id: str, at_ms: int) -> dict[str, Any]:
    kind = "input_audio_buffer.speech_started"
    return {"type": kind, "event_id": "e", "item_id": item_id, "audio_start_ms": at_ms}


def speech_stopped(item_id: str, at_ms: int) -> dict[str, Any]:
    kind = "input_audio_buffer.speech_stopped"
    return {"type": kind, "event_id": "e", "item_id": item_id, "audio_end_ms": at_ms}


def transcribed(item_id: str, words: str) -> dict[str, Any]:
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": item_id, "content_index": 0, "transcript": words}


def error(code: str | None, **more: Any) -> dict[str, Any]:
    body = {"type": "invalid_request_error", "code": code, "message": "As scripted.", **more}
    return {"type": "error", "event_id": "e", "error": body}
