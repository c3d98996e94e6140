"""Scripts for the GPT-Live protocol: what the server sends and what must come of it."""

import base64
import json
from typing import Any, Self

import msgspec
import numpy as np

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioDelta,
    EngineExpires,
    EngineReady,
)
from agents.live import configuration
from agents.live.protocol import LiveProtocol
from agents.live.settings import LiveSettings
from agents.persona import Persona
from tests.agents.realtime_story import TOOLS
from tests.fakes.realtime_script import encoded

PERSONA = Persona(business="Willow Street Salon", instructions="You answer the phone.")
SETTINGS = LiveSettings(api_key="sk-test-0123456789")
UNIX_S = 1_800_000_000.0


def tone(duration_ms: int, level: int = 4_000) -> bytes:
    """Sound, as mu-law."""
    samples = np.where(np.arange(duration_ms * 8) // 8 % 2, level, -level).astype(np.int16)
    return encoded(samples, "audio/pcmu")


def hush(duration_ms: int) -> bytes:
    return b"\xff" * (duration_ms * 8)


class Story:
    """Every step says what must come of it; messages to the server are checked by `sends`."""

    def __init__(self, settings: LiveSettings = SETTINGS) -> None:
        self.protocol = LiveProtocol(settings, PERSONA, TOOLS)
        self.settings = settings
        self.now = 100.0
        self.sent: list[dict[str, Any]] = []
        self.protocol.start(self.now, UNIX_S)

    def echo(self) -> dict[str, Any]:
        """What the server shows of a configuration it took."""
        session = configuration.session(self.settings, PERSONA, TOOLS)
        return {**session, "id": "live_1", "status": "active"}

    def live(self) -> Self:
        """Started; nothing said yet."""
        self.sends({"type": "session.start"})
        return self.server(started(self.echo()), EngineReady("live_1"))

    def server(self, event: dict[str, Any] | str | bytes, *expected: AnyEngineEvent) -> Self:
        raw = json.dumps(event) if isinstance(event, dict) else event
        got = [_short(each) for each in self.protocol.receive(raw, self.now)]
        assert got == [_short(each) for each in expected]
        return self

    def call(self, command: AnyEngineCommand, *expected: AnyEngineEvent) -> Self:
        assert self.protocol.submit(command, self.now) == list(expected)
        return self

    def caller(self, duration_ms: int) -> Self:
        """The call appends so much of the caller's audio, in as much time."""
        for _ in range(duration_ms // 20):
            self.call(AppendAudio(hush(20)))
            self.now += 0.02
        self.sent += [json.loads(raw) for raw in self.protocol.messages_to_send()]
        return self

    def wait(self, seconds: float, *expected: AnyEngineEvent) -> Self:
        """Let time pass, waking the protocol at its deadlines and at the end."""
        until = self.now + seconds
        events: list[AnyEngineEvent] = []
        for _ in range(400):
            deadline = self.protocol.next_deadline()
            if deadline is None or deadline > until:
                break
            self.now = max(self.now, deadline)
            events += self.protocol.wake(self.now)
        else:
            raise AssertionError("the protocol keeps waking without getting on")
        self.now = until
        assert events == list(expected)
        return self

    def sends(self, *expected: dict[str, Any]) -> Self:
        """Exactly these messages since the last check; of each, the fields given."""
        fresh = [json.loads(raw) for raw in self.protocol.messages_to_send()]
        self.sent += fresh
        shown = [
            {key: message.get(key) for key in wanted}
            for message, wanted in zip(fresh, expected, strict=False)
        ]
        assert (shown, len(fresh)) == (list(expected), len(expected)), fresh
        return self

    def sends_nothing(self) -> Self:
        return self.sends()


def _short(event: AnyEngineEvent) -> AnyEngineEvent:
    """Audio by its length: what is in it is the business of `sounding`."""
    if isinstance(event, AudioDelta):
        return msgspec.structs.replace(event, audio=bytes(len(event.audio)))
    return event


# ---- server events ----------------------------------------------------------------------------


def started(session: dict[str, Any]) -> dict[str, Any]:
    return {"type": "session.started", "event_id": "e", "session": session}


def closed(reason: str) -> dict[str, Any]:
    return {"type": "session.closed", "event_id": "e", "reason": reason, "usage": {"seconds": 1.0}}


def audio(piece: bytes) -> dict[str, Any]:
    return {"type": "session.output_audio.delta", "delta": base64.b64encode(piece).decode()}


def heard(words: str, start_ms: int, end_ms: int) -> dict[str, Any]:
    times = {"start_ms": start_ms, "end_ms": end_ms}
    return {"type": "session.input_transcript.delta", "event_id": "e", "delta": words, **times}


def said(words: str) -> dict[str, Any]:
    times = {"start_ms": 0, "end_ms": 0}
    return {"type": "session.output_transcript.delta", "event_id": "e", "delta": words, **times}


def backend(kind: str, delegation_id: str | None = "d1", **fields: Any) -> dict[str, Any]:
    inner = {"type": kind, "sequence_number": 1, **fields}
    told = {"type": "response.event", "event_id": "e", "event": inner}
    return told | ({"delegation_id": delegation_id} if delegation_id else {})


def called(
    call_id: str = "c1", name: str | None = "find_slot", status: str = "completed"
) -> dict[str, Any]:
    item = {"type": "function_call", "call_id": call_id, "name": name, "status": status}
    item |= {"arguments": '{"day":"Tuesday"}'}
    return backend("response.output_item.done", output_index=0, item=item)


def error(code: str | None, **more: Any) -> dict[str, Any]:
    body = {"type": "invalid_request_error", "code": code, "message": "As scripted.", **more}
    return {"type": "error", "event_id": "e", "error": body}


def expires(in_s: float) -> EngineExpires:
    return EngineExpires(in_s)
