"""The caller's audio goes to a model by a short way, and all is as if it had been submitted."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioFormat,
    CloseEngine,
    EngineFailed,
    EngineReady,
    Say,
)
from agents.live import wire as live_wire
from agents.realtime import wire
from agents.realtime.protocol import UNUSED_S, RealtimeProtocol
from agents.realtime.socket import PromptConnection
from agents.websocket import WebSocketSession
from tests.agents.realtime_story import (
    PERSONA,
    SETTINGS,
    TOOLS,
    UNIX_S,
    Story,
    session_created,
    session_updated,
    speech_started,
)
from tests.agents.test_realtime_protocol import COMMANDS, MESSAGES

FRAME = b"\x10" * 160
LINE = msgspec.structs.replace(SETTINGS, audio_format=AudioFormat.ULAW_8K)
SETUP = [json.dumps(session_created()), json.dumps(session_updated(Story(LINE).echo()))]

# ---- the message --------------------------------------------------------------------------------


@given(st.binary(max_size=2_000))
def test_audio_is_written_as_the_servers_read_it(audio: bytes) -> None:
    encoded = base64.b64encode(audio).decode()
    for append, kind in (
        (wire.append, "input_audio_buffer.append"),
        (live_wire.append, "session.input_audio.append"),
    ):
        assert json.loads(append(audio)) == {"type": kind, "audio": encoded}


# ---- the protocol -------------------------------------------------------------------------------


class Side:
    """A protocol and the socket it writes to, as its shell drives it."""

    def __init__(self, *, short: bool) -> None:
        self.protocol = RealtimeProtocol(LINE, PERSONA, TOOLS)
        self.told: list[AnyEngineEvent] = []
        self.sent: list[bytes] = []
        self.stuck = False
        self.now = 0.0
        self._short = short
        self.protocol.start(self.now, UNIX_S)
        for raw in SETUP:
            self.message(raw)
        assert self.told == [EngineReady("sess_1")]

    def message(self, raw: bytes | str) -> None:
        self._carry(self.protocol.receive(raw, self.now))

    def command(self, command: AnyEngineCommand) -> None:
        if isinstance(command, AppendAudio) and self._short and not self.stuck:
            message = self.protocol.pass_audio(command.audio)
            if message is not None:
                self.sent.append(message)
                return
        self._carry(self.protocol.submit(command, self.now))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self._carry([])

    def _carry(self, events: list[AnyEngineEvent]) -> None:
        for _ in range(20):
            self.told += events
            if not self.stuck:
                self.sent += self.protocol.messages_to_send()
            deadline = self.protocol.next_deadline()
            if deadline is None or deadline > self.now:
                return
            events = self.protocol.wake(self.now)
        raise AssertionError("the protocol keeps waking without getting on")


AUDIO = st.sampled_from([AppendAudio(FRAME), AppendAudio(b""), AppendAudio(FRAME * 20)])
STEPS = st.lists(
    AUDIO
    | COMMANDS
    | MESSAGES
    | st.integers(0, 9_000).map(lambda ms: json.dumps(speech_started(f"c{ms}", ms)))
    | st.floats(0.0, 5.0)
    | st.sampled_from(["stuck", "reads"])
    | st.just(CloseEngine()),
    max_size=40,
)


@given(STEPS)
def test_a_session_that_is_given_audio_the_short_way_is_as_any_other(
    steps: list[AnyEngineCommand | str | bytes | float],
) -> None:
    sides = [Side(short=True), Side(short=False)]
    for step in steps:
        for side in sides:
            if isinstance(step, float):
                side.wait(step)
            elif step in ("stuck", "reads"):
                side.stuck = step == "stuck"
                side.wait(0.0)
            elif isinstance(step, str | bytes):
                side.message(step)
            else:
                side.command(step)
        short, long = sides
        assert (short.sent, short.told) == (long.sent, long.told)
        assert short.protocol.next_deadline() == long.protocol.next_deadline()


def test_what_a_session_hears_first_shows_that_it_is_used() -> None:
    side = Side(short=True)
    assert side.protocol.pass_audio(FRAME) is None, "so it is submitted"
    side.command(AppendAudio(FRAME))
    assert side.protocol.pass_audio(FRAME) == wire.append(FRAME)
    side.wait(UNUSED_S + 1.0)
    assert not [event for event in side.told if isinstance(event, EngineFailed)]


@pytest.mark.parametrize("ends", [CloseEngine(), EngineFailed("connection_lost", fatal=False)])
def test_what_is_over_is_given_nothing(ends: CloseEngine | EngineFailed) -> None:
    side = Side(short=True)
    side.command(AppendAudio(FRAME))
    if isinstance(ends, CloseEngine):
        side.command(ends)
    else:
        side.protocol.fail(ends)
    assert side.protocol.pass_audio(FRAME) is None


# ---- the session --------------------------------------------------------------------------------


class Socket:
    """What a session asks of its connection, with a server's whims."""

    def __init__(self) -> None:
        self.paused = False
        self.written: list[bytes] = []
        self.protocol = SimpleNamespace(close_rcvd=None)
        self._closed = asyncio.Event()

    def take_over(self, taken: Callable[[bytes], None], ready: Callable[[], None]) -> None:
        self.says, self._ready = taken, ready

    def write(self, message: bytes) -> None:
        assert not self.paused, "it would be kept where nothing can be dropped"
        self.written.append(message)

    def has(self, whim: str, number: int) -> None:
        match whim:
            case "pause":
                self.paused = True
            case "read":
                self.reads_on()
            case "speech":
                self.says(json.dumps(speech_started(f"c{number}", number * 20)).encode())
            case "drop":
                self._closed.set()

    def reads_on(self) -> None:
        self.paused = False
        self._ready()

    async def wait_closed(self) -> None:
        await self._closed.wait()

    async def close(self) -> None:
        self._closed.set()


class Talk:
    """A session that runs over such a socket."""

    def __init__(self) -> None:
        self.told: list[AnyEngineEvent] = []
        self.socket = Socket()
        self._goes_through = asyncio.Event()
        self.session = WebSocketSession(
            "realtime", RealtimeProtocol(LINE, PERSONA, TOOLS), self._connected
        )
        self.running = asyncio.get_running_loop().create_task(self.session.run(self.told.append))

    async def _connected(self) -> PromptConnection:
        await self._goes_through.wait()
        return cast(PromptConnection, self.socket)

    async def begins(self) -> "Talk":
        self._goes_through.set()
        await settle()
        for raw in SETUP:
            self.socket.says(raw.encode())
        while EngineReady("sess_1") not in self.told:
            await asyncio.sleep(0)
        # What was told first must have had its turn.
        await asyncio.sleep(0.005)
        return self

    async def over(self) -> None:
        self._goes_through.set()
        self.session.submit(CloseEngine())
        await asyncio.wait_for(self.running, 2.0)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def frames(count: int) -> Iterator[bytes]:
    """Each of its own sound."""
    return (bytes([number % 256]) * 160 for number in range(count))


WHIMS = st.sampled_from(["frame"] * 4 + ["say", "pause", "read", "speech"])


@given(st.booleans(), st.lists(WHIMS, max_size=300), st.booleans())
async def test_whatever_the_server_does_it_hears_what_it_would_have_heard(
    early: bool, whims: list[str], dropped: bool
) -> None:
    talks = [Talk(), Talk()]
    hears: list[Callable[[bytes], None]] = [
        talks[0].session.hear,
        lambda audio: talks[1].session.submit(AppendAudio(audio)),
    ]
    if early:
        for hear in hears:
            hear(FRAME)
    for talk in talks:
        await talk.begins()
    for number, whim in enumerate([*whims, *(["drop"] if dropped else []), "frame"]):
        for talk, hear in zip(talks, hears, strict=True):
            if whim == "frame":
                hear(bytes([number % 256]) * 160)
            elif whim == "say":
                talk.session.submit(Say("Hello?"))
            else:
                talk.socket.has(whim, number)
        if whim == "drop":
            await settle()
    for talk in talks:
        await talk.over()
    assert talks[0].socket.written == talks[1].socket.written
    assert talks[0].told == talks[1].told


async def test_a_frame_for_an_open_socket_is_written_at_once_and_nothing_else_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = await Talk().begins()
    talk.session.hear(FRAME)
    before = len(talk.socket.written)
    monkeypatch.setattr(RealtimeProtocol, "submit", None)
    for frame in frames(3):
        talk.session.hear(frame)
    assert talk.socket.written[before:] == [wire.append(frame) for frame in frames(3)]
    monkeypatch.undo()
    await talk.over()


async def test_while_the_socket_takes_nothing_audio_waits_where_it_can_be_dropped() -> None:
    talk = await Talk().begins()
    talk.session.hear(FRAME)
    before = len(talk.socket.written)
    talk.socket.paused = True
    for frame in frames(3):
        talk.session.hear(frame)
    assert len(talk.socket.written) == before
    talk.socket.reads_on()
    assert talk.socket.written[before:] == [wire.append(frame) for frame in frames(3)]
    await talk.over()
