"""The lab's model, spoken to as a target would: GA events, in order, and strict."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from telephony.lab.material import Speech
from telephony.lab.model import Act, LabModel
from telephony.lab.scenarios import Kind, Reply, Scenario
from telephony.lab.speaking import BURST
from telephony.media import ulaw
from tests.fakes.realtime_schema import check_server
from tests.telephony.test_lab_parts import RECORDINGS

ULAW = {
    "input": {
        "format": {"type": "audio/pcmu"},
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
        "transcription": {"model": "gpt-transcribe"},
    },
    "output": {"format": {"type": "audio/pcmu"}},
}
END_CALL = {"type": "function", "name": "hang_up", "parameters": {"type": "object"}}
LOUD = base64.b64encode(ulaw.encode(np.tile(np.array([9_000, -9_000], np.int16), 800))).decode()
"""200 ms of a caller."""
QUIET = base64.b64encode(ulaw.silence(1_600)).decode()


class Client:
    """A target; what it is told is checked against the vendor's own types."""

    def __init__(self, socket: ClientConnection, act: Act) -> None:
        self._socket = socket
        self.act = act

    async def tell(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """Everything up to the next event of a kind."""
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(5):
            while not events or events[-1]["type"] != kind:
                raw = await self._socket.recv()
                event = json.loads(raw)
                check_server(event["type"], raw.encode() if isinstance(raw, str) else raw)
                events.append(event)
        return events

    async def error(self) -> str:
        (*_, event) = await self.until("error")
        return f"{event['error']['code']}: {event['error']['message']}"


@asynccontextmanager
async def session(*replies: Reply, configured: bool = True) -> AsyncIterator[Client]:
    scenario = Scenario("x", "", Kind.INTERRUPTION, replies, ())
    act = Act(scenario, Speech(RECORDINGS), seed=1)
    async with LabModel() as model:
        model.on(act)
        url = model.base_url.replace("http", "ws", 1)
        async with connect(f"{url}/realtime?model=m", compression=None, proxy=None) as socket:
            client = Client(socket, act)
            await client.until("session.created")
            if configured:
                told = {"type": "realtime", "audio": ULAW, "tools": [END_CALL]}
                await client.tell("session.update", session=told)
                await client.until("session.updated")
            yield client
        async with asyncio.timeout(2):
            await act.sessions[0].closed.wait()
        assert not model.bugs


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Types, with repetitions left out."""
    types = [event["type"] for event in events]
    return [kind for kind, before in zip(types, [None, *types], strict=False) if kind != before]


def audio_of(events: list[dict[str, Any]]) -> bytes:
    deltas = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    return b"".join(map(base64.b64decode, deltas))


async def test_a_response_comes_in_the_documented_order_and_whole() -> None:
    async with session(Reply((600,))) as client:
        began_s = asyncio.get_running_loop().time()
        await client.tell("response.create", response={"metadata": {"wish": "1"}})
        events = await client.until("response.done")
        took_s = asyncio.get_running_loop().time() - began_s
        order = kinds([e for e in events if not e["type"].endswith("_transcript.delta")])
        assert order == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
        assert len(audio_of(events)) == 600 * 8
        assert took_s >= 0.6 / BURST
        done = events[-1]["response"]
        assert (done["status"], done["metadata"]) == ("completed", {"wish": "1"})
        (item,) = client.act.sessions[0].seen.items
        assert (item.sent_ms, item.reply, item.wanted) == (600, 0, True)


async def test_pcm_is_the_same_speech_at_three_times_the_rate() -> None:
    async with session(Reply((400,)), configured=False) as client:
        await client.tell("response.create")
        events = await client.until("response.done")
        pcm = np.frombuffer(audio_of(events), "<i2")
        (item,) = client.act.sessions[0].seen.items
        assert len(pcm) == 400 * 24
        assert np.abs(pcm[::3].astype(int) - item.speech)[50:-50].max() <= 1


async def test_two_items_of_one_response_are_of_one_reply_and_spare_replies_follow() -> None:
    async with session(Reply((200, 300))) as client:
        for _ in range(2):
            await client.tell("response.create")
            await client.until("response.done")
        items = client.act.sessions[0].seen.items
        assert [(i.reply, i.wanted) for i in items] == [(0, True), (0, True), (1, False)]


async def test_only_one_response_is_given_at_a_time() -> None:
    async with session(Reply((2_000,))) as client:
        await client.tell("response.create")
        await client.until("response.output_audio.delta")
        await client.tell("response.create")
        assert "conversation_already_has_active_response" in await client.error()
        await client.tell("response.cancel", response_id="resp_other")
        assert "response_cancel_not_active" in await client.error()
        await client.tell("response.cancel")
        done = (await client.until("response.done"))[-1]["response"]
        assert (done["status"], done["status_details"]["reason"]) == (
            "cancelled",
            "client_cancelled",
        )
        await client.tell("response.cancel")
        assert "response_cancel_not_active" in await client.error()
        assert len(client.act.sessions[0].seen.errors) == 3


async def test_a_stalling_model_sends_nothing_for_a_while() -> None:
    async with session(Reply((1_000,), halt_at_ms=400, halt_ms=600)) as client:
        began_s = asyncio.get_running_loop().time()
        await client.tell("response.create")
        await client.until("response.done")
        assert asyncio.get_running_loop().time() - began_s >= 0.6 + 1.0 / BURST


async def test_a_caller_who_speaks_ends_the_response_and_gets_another() -> None:
    async with session(Reply((3_000,)), Reply((200,))) as client:
        await client.tell("response.create")
        await client.until("response.output_audio.delta")
        client.act.stage.transcript = "Sorry?"
        await client.tell("input_audio_buffer.append", audio=LOUD)
        started = (await client.until("input_audio_buffer.speech_started"))[-1]
        cancelled = (await client.until("response.done"))[-1]["response"]
        assert cancelled["status_details"]["reason"] == "turn_detected"
        await client.tell("input_audio_buffer.append", audio=QUIET)
        events = await client.until("response.done")
        assert "input_audio_buffer.committed" in kinds(events)
        heard = [e for e in events if e["type"].endswith("transcription.completed")]
        heard = heard or await client.until("conversation.item.input_audio_transcription.completed")
        assert heard[-1]["transcript"] == "Sorry?"
        assert heard[-1]["item_id"] == started["item_id"]
        seen = client.act.sessions[0].seen
        assert len(seen.speech_started_s) == 1
        assert seen.items[0].sent_ms < 3_000
        assert [item.reply for item in seen.items] == [0, 1]


async def test_who_wants_to_decide_by_itself_may() -> None:
    """Neither is a response cancelled nor begun; the client asks."""
    async with session(Reply((1_500,)), Reply((200,))) as client:
        turns = {"type": "server_vad", "create_response": False, "interrupt_response": False}
        audio = {"input": {"turn_detection": {**turns, "silence_duration_ms": 200}}}
        told = {"type": "realtime", "audio": audio}
        await client.tell("session.update", session=told)
        await client.until("session.updated")
        await client.tell("response.create")
        await client.until("response.output_audio.delta")
        await client.tell("input_audio_buffer.append", audio=LOUD)
        await client.tell("input_audio_buffer.append", audio=QUIET)
        events = await client.until("response.done")
        assert events[-1]["response"]["status"] == "completed"
        assert "input_audio_buffer.speech_stopped" in kinds(events)
        await client.tell("response.create")
        assert "response.created" in kinds(await client.until("response.done"))


async def test_without_turn_detection_the_client_commits() -> None:
    async with session() as client:
        audio = {"input": {"turn_detection": None, "transcription": None}}
        await client.tell("session.update", session={"type": "realtime", "audio": audio})
        await client.until("session.updated")
        await client.tell("input_audio_buffer.append", audio=LOUD)
        await client.tell("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        await client.tell("input_audio_buffer.commit")
        events = await client.until("conversation.item.done")
        assert kinds(events) == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert client.act.sessions[0].seen.speech_started_s == ()


async def test_what_it_is_told_of_an_item_is_remembered() -> None:
    async with session(Reply((500, 500))) as client:
        await client.tell("response.create")
        await client.until("response.done")
        one, two = (item.item_id for item in client.act.sessions[0].seen.items)
        place = {"item_id": one, "content_index": 0}
        await client.tell("conversation.item.truncate", **place, audio_end_ms=501)
        assert "already shorter than 501ms" in await client.error()
        await client.tell("conversation.item.truncate", **place, audio_end_ms=300)
        await client.until("conversation.item.truncated")
        await client.tell("conversation.item.delete", item_id=two)
        await client.until("conversation.item.deleted")
        told = client.act.sessions[0].seen.told
        assert [(t.item_id, t.audio_end_ms, t.accepted) for t in told] == [
            (one, 501, False),
            (one, 300, True),
            (two, 0, True),
        ]


async def test_it_calls_the_tool_that_ends_calls_whatever_its_name() -> None:
    async with session(Reply((200,), hangs_up=True)) as client:
        await client.tell("response.create")
        events = await client.until("response.done")
        (call,) = [e for e in events if e["type"] == "response.function_call_arguments.done"]
        assert (call["name"], call["arguments"]) == ("hang_up", "{}")
        output = events[-1]["response"]["output"]
        assert [item["type"] for item in output] == ["message", "function_call"]
        answer = {"type": "function_call_output", "call_id": call["call_id"], "output": "{}"}
        await client.tell("conversation.item.create", item=answer)
        await client.until("conversation.item.done")
        assert client.act.sessions[0].seen.goodbye_asked


async def test_without_such_a_tool_it_only_says_goodbye() -> None:
    async with session(Reply((200,), hangs_up=True)) as client:
        await client.tell("session.update", session={"type": "realtime", "tools": []})
        await client.until("session.updated")
        await client.tell("response.create")
        events = await client.until("response.done")
        assert [item["type"] for item in events[-1]["response"]["output"]] == ["message"]
        assert not client.act.sessions[0].seen.goodbye_asked


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("{bad", "invalid_event"),
        ("[]", "invalid_event"),
        ("{}", "invalid_event"),
        ('{"type":"conversation.item.truncate","item_id":"x"}', "invalid_event"),
        ('{"type":"input_audio_buffer.append","audio":"*"}', "invalid_event"),
        ('{"type":"session.update","session":7}', "invalid_event"),
        ('{"type":"output_audio_buffer.clear"}', "invalid_value"),
        (
            '{"type":"session.update","session":{"audio":{"input":{"format":{"type":"x"}}}}}',
            "invalid_value",
        ),
    ],
)
async def test_nonsense_is_answered_and_survived(raw: str, code: str) -> None:
    async with session(Reply((100,))) as client:
        await client._socket.send(raw)
        assert (await client.error()).startswith(code)
        await client.tell("response.create")
        await client.until("response.done")


async def test_between_calls_nobody_is_served() -> None:
    async with LabModel() as model:
        url = model.base_url.replace("http", "ws", 1)
        async with connect(f"{url}/realtime?model=m", proxy=None) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1013
