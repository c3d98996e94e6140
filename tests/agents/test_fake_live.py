"""The fake GPT-Live server by itself: as strict as the reference says the real one is."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.fakes.live_server import FakeLive
from tests.fakes.realtime_script import Reply, Script, encoded, hum

ULAW = {"type": "audio/pcmu", "rate": 8_000}
HEADERS = {"Authorization": "Bearer sk-test-0123456789"}
RESPONSES = {"type": "responses", "responses": {"model": "gpt-6-luna"}}


class Bare:
    """Sends anything, keeps everything."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.events: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def start(self, **session: Any) -> None:
        wished = {"model": "gpt-live-1", "audio": {"format": ULAW}, "delegation": RESPONSES}
        await self.send("session.start", session=wished | session)

    async def hears(self, audio: bytes) -> None:
        await self.send("session.input_audio.append", audio=base64.b64encode(audio).decode())

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while True:
                event: dict[str, Any] = json.loads(await self._socket.recv())
                self.events.append(event)
                if event["type"] == kind:
                    return event

    async def code(self) -> str:
        return str((await self.until("error"))["error"]["code"])

    def heard(self) -> bytes:
        deltas = [each["delta"] for each in self.events if "output_audio" in each["type"]]
        return b"".join(base64.b64decode(delta) for delta in deltas)


@contextlib.asynccontextmanager
async def connected(server: FakeLive) -> AsyncIterator[Bare]:
    url = f"{server.base_url.replace('http', 'ws')}/live/sessions"
    async with connect(url, additional_headers=HEADERS, proxy=None) as socket:
        yield Bare(socket)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/live/sessions", {}, 401),
        ("/live/sessions?model=gpt-live-1", HEADERS, 404),
        ("/realtime", HEADERS, 404),
    ],
)
async def test_it_is_found_in_one_place_with_a_key(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with FakeLive() as server:
        url = server.base_url.replace("http", "ws") + path
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ({"tools": []}, "unknown_parameter"),
        ({"audio": {"format": {"type": "audio/pcmu"}}}, "invalid_value"),
        ({"audio": {"format": {"type": "audio/pcm", "rate": 8_000}}}, "invalid_value"),
        ({"audio": {"output": {"voice": "fable"}}}, "forbidden"),
        ({"instructions": "word " * 20_000}, "invalid_value"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}] * 129}, "invalid_value"),
        (
            {"delegation": {"type": "responses", "responses": {"tools": []}}},
            "invalid_value",
        ),
    ],
)
async def test_a_session_that_is_not_well_formed_is_refused(
    session: dict[str, Any], code: str
) -> None:
    async with FakeLive() as server, connected(server) as client:
        await client.start(**session)
        assert await client.code() == code


async def test_nothing_goes_before_the_start_and_there_is_one() -> None:
    async with FakeLive() as server, connected(server) as client:
        await client.hears(b"\xff" * 160)
        assert await client.code() == "session_not_started"
        await client.start()
        await client.until("session.started")
        await client.start()
        assert await client.code() == "invalid_value"


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("session.input_audio.commit", {}, "invalid_value"),
        ("session.commentary.append", {"content": "x"}, "missing_required_parameter"),
        ("session.commentary.append", {"content": "x", "delegation_id": "d1"}, "invalid_value"),
        (
            "session.thinking.append",
            {"content": "four" * 501, "delegation_id": None},
            "invalid_value",
        ),
        ("session.update", {"session": {}}, "invalid_value"),
        (
            "response.item.create",
            {"item": {"type": "function_call_output", "call_id": "c", "output": ""}},
            "invalid_value",
        ),
    ],
)
async def test_what_it_does_not_take_it_refuses_by_name(
    kind: str, fields: dict[str, Any], code: str
) -> None:
    async with FakeLive() as server, connected(server) as client:
        await client.start()
        await client.until("session.started")
        await client.send(kind, event_id="mine", **fields)
        error = (await client.until("error"))["error"]
        assert (error["code"], error["client_event_id"]) == (code, "mine")


async def test_it_puts_out_as_much_as_it_is_given_and_falls_silent_for_the_caller() -> None:
    script = Script(replies=(Reply("one two three four five six", 6_000),))
    async with FakeLive(script) as server, connected(server) as client:
        await client.start()
        await client.until("session.started")
        voice = encoded(hum("caller", 600, 8_000), "audio/pcmu")
        await client.hears(voice + b"\xff" * 8 * 1_400)
        await client.hears(voice + b"\xff" * 8 * 1_400)
        session = await server.session()
        while session.out_ms < 4_000:
            await asyncio.sleep(0.002)
        await client.send("session.close")
        closed = await client.until("session.closed")
        assert (closed["reason"], closed["usage"]) == ("close_requested", {"seconds": 4.0})
        assert len(client.heard()) == 4_000 * 8
        (said,) = session.said
        assert not said.whole
        words = [e["delta"] for e in client.events if "output_transcript" in e["type"]]
        assert "".join(words) == said.spoken
        caller = [e["delta"] for e in client.events if "input_transcript" in e["type"]]
        assert "".join(caller) == " Tell me more. Tell me more."
