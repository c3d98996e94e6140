"""Scripts for the turn-based protocol: what a request brings, and what must come of it."""

import base64
import json
from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy as np

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    CallerSpeechStarted,
    CallerSpeechStopped,
    EngineReady,
)
from agents.local.endpointing import Frame
from agents.persona import Persona
from agents.turns.failures import Failure
from agents.turns.protocol import Ask, Drop, Order, TurnsProtocol, WriteDown
from agents.turns.settings import TurnsSettings
from tests.agents.realtime_story import TOOLS
from tools.spec import ToolSpec

PERSONA = Persona(
    business="Willow Street Salon", instructions="You answer the phone.", reprompt="Once more?"
)
SETTINGS = TurnsSettings(api_key="sk-test-0123456789")
FRAME_BYTES = 1_536
"""32 ms, what the detector takes at a time."""
R1, R2, R3 = (f"turns_7_reply_{number}" for number in (1, 2, 3))
U1, U2 = "turns_7_turn_1", "turns_7_turn_2"
PIECE = np.full(2_400, 100, "<i2").tobytes()
"""100 ms of sound."""


def item(reply: str) -> str:
    return f"{reply}_item"


class Loud:
    """A detector for which everything that is not silent is speech."""

    def probability(self, frame: Frame) -> float:
        return 1.0 if np.abs(frame).max() > 0.01 else 0.0


class Story:
    """Every step says what must come of it; what is ordered is checked by `asks` and others."""

    def __init__(
        self, tools: Sequence[ToolSpec] = TOOLS, safety_identifier: str = "", **settings: Any
    ) -> None:
        made = msgspec.structs.replace(SETTINGS, **settings)
        self.protocol = TurnsProtocol(made, PERSONA, tools, "7", safety_identifier)
        self.now = 100.0
        self.bodies: list[dict[str, Any]] = []
        self.last: list[AnyEngineEvent] = []
        self.heard: list[AnyEngineEvent] = []
        """What came of the caller's audio, from the beginning."""
        self._orders: list[Order] = []

    def live(self) -> Self:
        self._happened(self.protocol.start(Loud(), self.now), (EngineReady("turns_7"),))
        return self

    def _happened(
        self, events: list[AnyEngineEvent], expected: Sequence[AnyEngineEvent | type]
    ) -> Self:
        self.last = events
        self._orders += self.protocol.orders()
        if expected:
            assert len(events) == len(expected), events
            for event, want in zip(events, expected, strict=True):
                right = isinstance(event, want) if isinstance(want, type) else event == want
                assert right, f"{event}, not {want}"
        return self

    def call(self, command: AnyEngineCommand, *expected: AnyEngineEvent | type) -> Self:
        """No events, or exactly these."""
        events = self.protocol.submit(command, self.now)
        assert expected or events == [], events
        return self._happened(events, expected)

    def does(self, command: AnyEngineCommand) -> Self:
        """A command of which something may come."""
        return self._happened(self.protocol.submit(command, self.now), ())

    def server(
        self, reply: str, *chunks: dict[str, Any] | bytes, gives: Sequence[Any] = ()
    ) -> Self:
        """These events of a stream; `gives`: exactly these for the call, if any are named."""
        raw = b"".join(chunk if isinstance(chunk, bytes) else sse(chunk) for chunk in chunks)
        return self._happened(self.protocol.receive(reply, raw, self.now), gives)

    def ends(self, reply: str, failure: Failure | None = None, gives: Sequence[Any] = ()) -> Self:
        return self._happened(self.protocol.ended(reply, failure, self.now), gives)

    def wait(self, seconds: float, *expected: AnyEngineEvent | type) -> Self:
        """Let time pass, waking the protocol at its deadlines; exactly these events come."""
        until = self.now + seconds
        events: list[AnyEngineEvent] = []
        for _ in range(20):
            deadline = self.protocol.next_deadline()
            if deadline is None or deadline > until:
                break
            self.now = max(self.now, deadline)
            events += self.protocol.wake(self.now)
        else:
            raise AssertionError("the protocol keeps waking without getting on")
        self.now = until
        assert expected or events == [], events
        return self._happened(events, expected)

    # ---- the caller ----------------------------------------------------------------------------

    def hears(self, ms: int, level: int) -> list[AnyEngineEvent]:
        frame = np.full(FRAME_BYTES // 2, level, "<i2").tobytes()
        events: list[AnyEngineEvent] = []
        for _ in range(ms // 32):
            events += self.protocol.submit(AppendAudio(frame), self.now)
        self.heard += events
        self._happened(events, ())
        return events

    def speaks(self, ms: int = 480) -> Self:
        """The caller begins and goes on."""
        assert any(isinstance(each, CallerSpeechStarted) for each in self.hears(ms, 8_000))
        return self

    def stops(self) -> Self:
        """The caller is silent for so long that their turn is over."""
        assert any(isinstance(each, CallerSpeechStopped) for each in self.hears(1_600, 0))
        return self

    def turn(self) -> Self:
        return self.speaks().stops()

    # ---- what is ordered -----------------------------------------------------------------------

    def asks(self, reply: str) -> dict[str, Any]:
        """The body of this request, which must be the only one since the last check."""
        asked = [order for order in self._take() if isinstance(order, Ask)]
        assert [order.request_id for order in asked] == [reply]
        body = json.loads(json.dumps(asked[0].body))
        self.bodies.append(body)
        return dict(body)

    def newest(self, reply: str) -> dict[str, Any]:
        """The body of the last request so far, which is this one's."""
        asked = [order for order in self._take() if isinstance(order, Ask)]
        assert asked[-1].request_id == reply
        return asked[-1].body

    def drops(self, *replies: str) -> Self:
        dropped = [order.request_id for order in self._take() if isinstance(order, Drop)]
        assert dropped == list(replies)
        return self

    def writes_down(self) -> list[WriteDown]:
        return [order for order in self._take() if isinstance(order, WriteDown)]

    def orders_nothing(self) -> Self:
        assert self._take() == []
        return self

    def _take(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders


# ---- what the server sends ----------------------------------------------------------------------

DONE = b"data: [DONE]\n\n"


def sse(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def delta(*, finish: str | None = None, **parts: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": parts, "finish_reason": finish}]}


def said(words: str) -> dict[str, Any]:
    return delta(audio={"transcript": words})


def sound(pcm: bytes = PIECE) -> dict[str, Any]:
    return delta(audio={"data": base64.b64encode(pcm).decode()})


def end_of_sound() -> dict[str, Any]:
    return delta(audio={"expires_at": 1_800_000_000})


def called(name: str | None, arguments: str, index: int = 0, call_id: str = "c") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return delta(tool_calls=[{"index": index, "id": call_id, "function": function}])


def counted(audio: int = 20) -> dict[str, Any]:
    return {
        "choices": [],
        "usage": {
            "prompt_tokens": 150,
            "completion_tokens": 30,
            "prompt_tokens_details": {
                "audio_tokens": audio, "text_tokens": 130, "cached_tokens": 64,
            },
            "completion_tokens_details": {"audio_tokens": 25, "text_tokens": 5},
        },
    }  # fmt: skip


def whole(words: str = "Until six.") -> list[dict[str, Any] | bytes]:
    """A spoken reply from its first chunk to its last."""
    return [delta(role="assistant"), said(words), sound(), end_of_sound(), counted(), DONE]


def roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


def texts(body: dict[str, Any]) -> list[str]:
    """Of the messages behind the instructions; a recording is `<sound>`."""
    return [
        each["content"] if isinstance(each.get("content"), str) else
        "<sound>" if "content" in each else
        "<calls>"
        for each in body["messages"][1:]
    ]  # fmt: skip
