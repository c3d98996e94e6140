"""The fake Realtime server enforces the real one's rules: a lenient fake would prove nothing."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes.realtime_client import PCM, ULAW, BareClient
from tests.fakes.realtime_schema import SERVER_EVENTS, check_server
from tests.fakes.realtime_script import (
    ULAW as ULAW_SAMPLES,
)
from tests.fakes.realtime_script import (
    Ear,
    Faults,
    FunctionCall,
    Reply,
    Script,
    encoded,
    hum,
    loudness,
)
from tests.fakes.realtime_server import FakeRealtime

FAST = 200.0


@pytest.fixture
async def server() -> AsyncIterator[FakeRealtime]:
    async with FakeRealtime(speed=FAST) as fake:
        yield fake


# ---- configuration ------------------------------------------------------------------------------


async def test_a_session_begins_with_the_vendors_defaults(server: FakeRealtime) -> None:
    async with BareClient(server) as client:
        session = (await client.until("session.created"))["session"]
        assert session["audio"]["input"]["format"] == PCM
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 200


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ({"instructions": "Hi"}, "missing_required_parameter"),
        ({"type": "realtime", "temperature": 0.8}, "unknown_parameter"),
        ({"type": "realtime", "voice": "marin"}, "unknown_parameter"),
        ({"type": "realtime", "modalities": ["audio"]}, "unknown_parameter"),
        ({"type": "realtime", "output_modalities": ["audio", "text"]}, "invalid_value"),
        ({"type": "realtime", "max_output_tokens": 9999}, "invalid_value"),
        ({"type": "realtime", "model": "gpt-realtime"}, "invalid_value"),
        ({"type": "realtime", "audio": {"output": {"voice": "nova"}}}, "invalid_value"),
        ({"type": "realtime", "audio": {"output": {"speed": 4}}}, "invalid_value"),
        (
            {"type": "realtime", "audio": {"input": {"format": {**ULAW, "rate": 8000}}}},
            "unknown_parameter",
        ),
        (
            {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm"}}}},
            "invalid_value",
        ),
        (
            {"type": "realtime", "tools": [{"type": "function", "name": "a", "strict": True}]},
            "unknown_parameter",
        ),
        ({"type": "realtime", "tools": [{"type": "function"}]}, "missing_required_parameter"),
        (
            {
                "type": "realtime",
                "tools": [{"type": "function", "name": "a", "parameters": {"x-ask": "When?"}}],
            },
            "invalid_value",
        ),
        (
            {
                "type": "realtime",
                "audio": {
                    "input": {"transcription": {"model": "gpt-transcribe", "language": "en"}}
                },
            },
            "unknown_parameter",
        ),
        (
            {
                "type": "realtime",
                "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}},
            },
            "invalid_value",
        ),
        (
            {
                "type": "realtime",
                "audio": {
                    "input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 9}}
                },
            },
            "invalid_value",
        ),
    ],
)
async def test_one_wrong_field_refuses_the_whole_update(
    server: FakeRealtime, session: dict[str, Any], code: str
) -> None:
    async with BareClient(server) as client:
        await client.send("session.update", event_id="cfg", session=session)
        assert await client.error() == (code, "cfg")
        assert server.sessions[0].config["instructions"].startswith("Your knowledge")
        assert not server.sessions[0].configured


async def test_only_reasoning_models_take_reasoning(server: FakeRealtime) -> None:
    session = {"type": "realtime", "reasoning": {"effort": "low"}}
    async with BareClient(server, model="gpt-realtime-2025-08-28") as client:
        await client.send("session.update", session=session)
        assert (await client.error())[0] == "unknown_parameter"
    async with BareClient(server, model="gpt-realtime-2.1") as client:
        await client.send("session.update", session=session)
        await client.until("session.updated")


async def test_only_the_fields_given_change(server: FakeRealtime) -> None:
    async with BareClient(server) as client:
        await client.configure(ULAW, instructions="Be kind.")
        await client.send("session.update", session={"type": "realtime", "max_output_tokens": 5})
        session = (await client.until("session.updated"))["session"]
        assert (session["instructions"], session["max_output_tokens"]) == ("Be kind.", 5)
        assert session["audio"]["output"]["format"] == ULAW


async def test_the_voice_is_fixed_once_it_was_heard(server: FakeRealtime) -> None:
    async with BareClient(server) as client:
        await client.configure()
        await client.send("response.create")
        await client.until("response.done")
        audio = {"output": {"voice": "cedar"}}
        await client.send("session.update", session={"type": "realtime", "audio": audio})
        assert (await client.error())[0] == "cannot_update_voice"


async def test_the_beta_header_is_turned_away(server: FakeRealtime) -> None:
    async with BareClient(server, **{"OpenAI-Beta": "realtime=v1"}) as client:
        assert (await client.error())[0] == "beta_api_shape_disabled"
        with pytest.raises(ConnectionClosed) as closed:
            await client.socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4000


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("session.refresh", {}, "invalid_value"),
        ("input_audio_buffer.append", {}, "missing_required_parameter"),
        ("input_audio_buffer.append", {"audio": "*"}, "invalid_value"),
        ("input_audio_buffer.append", {"audio": "AA==", "rate": 8000}, "unknown_parameter"),
        ("response.create", {"response": {"temperature": 1}}, "unknown_parameter"),
        ("response.cancel", {}, "response_cancel_not_active"),
        ("conversation.item.delete", {"item_id": "item_9"}, "item_delete_invalid_item_id"),
        (
            "conversation.item.create",
            {"item": {"type": "function_call_output", "call_id": "call_9", "output": "{}"}},
            "invalid_value",
        ),
        ("input_audio_buffer.commit", {}, "invalid_value"),
    ],
)
async def test_a_wrong_event_is_answered_with_an_error(
    server: FakeRealtime, kind: str, fields: dict[str, Any], code: str
) -> None:
    async with BareClient(server) as client:
        await client.configure()
        await client.send(kind, event_id="mine", **fields)
        assert await client.error() == (code, "mine")


@pytest.mark.parametrize("frame", ["{bad", "[]", '{"event_id":"x"}'])
async def test_what_is_no_event_is_answered_with_an_error(server: FakeRealtime, frame: str) -> None:
    async with BareClient(server) as client:
        await client.socket.send(frame)
        assert (await client.error())[0] in {"invalid_event", "missing_required_parameter"}


# ---- responses ----------------------------------------------------------------------------------


async def test_a_response_comes_in_the_vendors_order_in_bursts_of_odd_sizes() -> None:
    script = Script(replies=(Reply("one two", duration_ms=3000, second="three"),))
    async with FakeRealtime(script, speed=FAST) as server, BareClient(server) as client:
        await client.configure(ULAW)
        await client.send("response.create", response={"metadata": {"wish": "7"}})
        done = (await client.until("response.done"))["response"]
        kinds = list(dict.fromkeys(event["type"] for event in client.events[2:]))
        assert kinds == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        sizes = [
            len(base64.b64decode(delta["delta"]))
            for delta in client.of("response.output_audio.delta")
        ]
        assert sum(sizes) == 2 * 3000 * 8
        assert any(size % 160 for size in sizes)
        assert (done["status"], done["metadata"]) == ("completed", {"wish": "7"})
        assert len(done["output"]) == 2
        assert done["usage"]["output_token_details"]["audio_tokens"] == 120


async def test_replies_are_faster_than_real_time_but_not_at_once() -> None:
    script = Script(replies=(Reply(duration_ms=2000),))
    async with FakeRealtime(script, speed=5.0) as server, BareClient(server) as client:
        await client.configure()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await client.send("response.create")
        await client.until("response.done")
        assert 0.3 <= loop.time() - began < 2.0


async def test_a_second_response_is_refused_while_one_is_active() -> None:
    script = Script(replies=(Reply(duration_ms=60_000),))
    async with FakeRealtime(script) as server, BareClient(server) as client:
        await client.configure()
        await client.send("response.create")
        await client.send("response.create", event_id="second")
        assert await client.error() == ("conversation_already_has_active_response", "second")
        response_id = client.of("response.created")[0]["response"]["id"]
        await client.send("response.cancel", response_id="resp_other")
        assert (await client.error())[0] == "response_cancel_not_active"
        await client.send("response.cancel", response_id=response_id)
        done = (await client.until("response.done"))["response"]
        assert done["status_details"]["reason"] == "client_cancelled"


async def test_instructions_of_a_response_are_recited(server: FakeRealtime) -> None:
    async with BareClient(server) as client:
        await client.configure()
        await client.send(
            "response.create", response={"instructions": "Say this:\nHello.", "tool_choice": "none"}
        )
        done = await client.until("response.output_audio_transcript.done")
        assert done["transcript"] == "Hello."


async def test_a_function_call_waits_for_its_one_output() -> None:
    script = Script(replies=(Reply("", calls=(FunctionCall("book", '{"a":1}', "call_1"),)),))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "{}"}
    async with FakeRealtime(script, speed=FAST) as server, BareClient(server) as client:
        await client.configure()
        await client.send("response.create")
        item = (await client.until("response.output_item.done"))["item"]
        assert (item["name"], item["arguments"], item["status"]) == ("book", '{"a":1}', "completed")
        await client.until("response.done")
        await client.send("conversation.item.create", item=output)
        await client.until("conversation.item.done")
        await client.send("conversation.item.create", item=output)
        assert (await client.error())[0] == "invalid_value"


@pytest.mark.parametrize(
    ("reply", "details"),
    [
        (Reply(status="failed", error="rate_limit_exceeded"), "rate_limit_exceeded"),
        (Reply(status="incomplete", reason="content_filter"), "content_filter"),
    ],
)
async def test_a_response_can_go_wrong_silently(reply: Reply, details: str) -> None:
    async with (
        FakeRealtime(Script(replies=(reply,)), speed=FAST) as server,
        BareClient(server) as client,
    ):
        await client.configure()
        await client.send("response.create")
        response = (await client.until("response.done"))["response"]
        assert details in json.dumps(response["status_details"])
        spoke = bool(client.of("response.output_audio.delta"))
        assert spoke == (reply.status == "incomplete")


# ---- truncation ---------------------------------------------------------------------------------


async def spoken(client: BareClient) -> str:
    """Have a reply of 10 s said; its item."""
    await client.configure(ULAW)
    await client.send("response.create")
    await client.until("response.done")
    return str(client.of("response.output_item.done")[0]["item"]["id"])


TEN_WORDS = Script(replies=(Reply("a b c d e f g h i j", duration_ms=10_000),))


async def test_a_truncation_cuts_what_the_model_believes_it_said() -> None:
    async with FakeRealtime(TEN_WORDS, speed=FAST) as server, BareClient(server) as client:
        item_id = await spoken(client)
        cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": 4200}
        await client.send("conversation.item.truncate", **cut)
        truncated = await client.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 4200
        assert server.sessions[0].conversation.context() == [("assistant", "a b c d")]
        # What is left is 4.2 s long: nothing beyond can be kept any more.
        await client.send("conversation.item.truncate", **(cut | {"audio_end_ms": 4201}))
        assert (await client.error())[0] == "invalid_value"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"audio_end_ms": 10_001}, "invalid_value"),
        ({"audio_end_ms": -1}, "invalid_value"),
        ({"content_index": 1}, "invalid_value"),
        ({"item_id": "item_9"}, "item_truncate_invalid_item_id"),
        ({"audio_end_ms": 1.5}, "invalid_value"),
    ],
)
async def test_fault_m16_a_refused_truncation_changes_nothing(
    fields: dict[str, Any], code: str
) -> None:
    async with FakeRealtime(TEN_WORDS, speed=FAST) as server, BareClient(server) as client:
        cut = {"item_id": await spoken(client), "content_index": 0, "audio_end_ms": 10_000}
        await client.send("conversation.item.truncate", **(cut | fields))
        assert (await client.error())[0] == code
        conversation = server.sessions[0].conversation
        assert conversation.context() == [("assistant", "a b c d e f g h i j")]
        assert not any(truncation.accepted for truncation in conversation.truncations)


async def test_the_server_may_count_less_audio_than_it_sent() -> None:
    faults = Faults(short_count_ms=85, null_event_ids=True)
    async with FakeRealtime(TEN_WORDS, faults, speed=FAST) as server, BareClient(server) as client:
        cut = {"item_id": await spoken(client), "content_index": 0, "audio_end_ms": 9950}
        await client.send("conversation.item.truncate", event_id="mine", **cut)
        code, event_id = await client.error()
        assert (code, event_id is None) == ("invalid_value", True)


async def test_a_callers_item_cannot_be_truncated() -> None:
    script = Script(speech=((0, 100),))
    async with FakeRealtime(script, speed=FAST) as server, BareClient(server) as client:
        await client.configure()
        await client.append(bytes(4800))
        item_id = (await client.until("input_audio_buffer.committed"))["item_id"]
        cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": 0}
        await client.send("conversation.item.truncate", **cut)
        assert (await client.error())[0] == "invalid_value"


# ---- the ear ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire_format", [PCM, ULAW])
async def test_speech_is_heard_by_its_loudness_in_either_format(
    wire_format: dict[str, Any],
) -> None:
    rate = 24_000 if wire_format is PCM else 8_000
    kind = str(wire_format["type"])
    quiet = hum("", 1000, rate) * 0
    line = b"".join(encoded(part, kind) for part in (quiet, hum("a", 800, rate), quiet))
    async with (
        FakeRealtime(Script(caller=("Hello?",)), speed=FAST) as server,
        BareClient(server) as client,
    ):
        await client.configure(wire_format)
        for start in range(0, len(line), 167):
            await client.append(line[start : start + 167])
        started = await client.until("input_audio_buffer.speech_started")
        stopped = await client.until("input_audio_buffer.speech_stopped")
        # 300 ms of padding before the onset; the server's default of 200 ms of silence.
        assert abs(started["audio_start_ms"] - 700) <= 80
        assert abs(stopped["audio_end_ms"] - 2000) <= 80
        await client.until("response.done")


async def test_speech_interrupts_and_is_answered_and_written_down() -> None:
    script = Script(
        replies=(Reply(duration_ms=60_000), Reply("Of course.")),
        speech=((500, 900),),
        caller=("Stop, please.",),
        transcription_ms=(0, 0),
    )
    async with FakeRealtime(script, speed=5) as server, BareClient(server) as client:
        await client.configure()
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(bytes(48 * 1000))
        done = (await client.until("response.done"))["response"]
        assert done["status_details"]["reason"] == "turn_detected"
        await client.until("response.done")
        kinds = [event["type"] for event in client.events]
        text = client.of("conversation.item.input_audio_transcription.completed")[0]["transcript"]
        assert text == "Stop, please."
        started = kinds.index("input_audio_buffer.speech_started")
        assert started < kinds.index("input_audio_buffer.committed")


def test_the_ear_is_deaf_to_a_click() -> None:
    ear = Ear(Script(), "audio/pcm", {"threshold": 0.5, "silence_duration_ms": 200})
    click = encoded(hum("a", 40, 24_000), "audio/pcm")
    assert ear.hear(click + bytes(48 * 500)) == []


def test_the_fakes_own_mu_law_is_that_of_the_standard() -> None:
    # G.711: 0xFF and 0x7F are zero, 0x80 and 0x00 the extremes.
    assert [int(ULAW_SAMPLES[code]) for code in (0xFF, 0x7F, 0x80, 0x00)] == [0, 0, 32124, -32124]
    assert loudness(encoded(ULAW_SAMPLES, "audio/pcmu"), "audio/pcmu") == loudness(
        bytes(range(256)), "audio/pcmu"
    )


# ---- faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_a_handshake_can_be_refused(status: int) -> None:
    async with FakeRealtime(faults=Faults(handshake_status=status)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await BareClient(server).__aenter__()
        assert refused.value.response.status_code == status


async def test_without_a_key_or_a_model_there_is_no_session(server: FakeRealtime) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        await BareClient(server, Authorization="").__aenter__()
    with pytest.raises(InvalidStatus, match="404"):
        await BareClient(server, model="").__aenter__()


async def test_late_deltas_follow_a_response_that_is_over() -> None:
    script = Script(replies=(Reply(duration_ms=60_000),))
    async with FakeRealtime(script, Faults(late_deltas=2)) as server, BareClient(server) as client:
        await client.configure()
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        done = await client.until("response.done")
        for _ in range(2):
            late = await client.until("response.output_audio.delta")
            assert late["response_id"] == done["response"]["id"]


async def test_a_stall_holds_back_the_rest() -> None:
    faults = Faults(stall_after_deltas=2, stall_s=0.3)
    script = Script(replies=(Reply(duration_ms=5000),))
    async with FakeRealtime(script, faults, speed=1000) as server, BareClient(server) as client:
        await client.configure()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await client.send("response.create")
        await client.until("response.done")
        assert loop.time() - began >= 0.3


async def test_a_server_that_forgets_to_answer() -> None:
    script = Script(speech=((0, 20),), transcription_ms=(0, 0))
    faults = Faults(no_auto_response=True)
    async with FakeRealtime(script, faults) as server, BareClient(server) as client:
        await client.configure()
        await client.append(bytes(4800))
        await client.until("conversation.item.input_audio_transcription.completed")
        await client.send("response.create")
        await client.until("response.created")
        assert len(client.of("response.created")) == 1


# ---- the vendor's types, and the process --------------------------------------------------------


async def test_every_kind_of_event_it_sends_is_one_the_vendor_knows() -> None:
    script = Script(
        replies=(Reply("Well.", calls=(FunctionCall("book"),)), Reply(status="failed")),
        speech=((0, 20), (200, 220)),
    )
    async with FakeRealtime(script, speed=FAST) as server, BareClient(server) as client:
        await client.configure(ULAW)
        await client.append(bytes(800))
        await client.until("response.done")
        await client.append(bytes(1600))
        await client.until("response.done")
        assert len({event["type"] for event in client.events}) > 15
        for event in client.events:
            assert event["type"] in SERVER_EVENTS
            check_server(event["type"], json.dumps(event).encode())


@pytest.mark.parametrize(
    "change", [{"mood": "good"}, {"item_id": None}, {"audio_start_ms": "soon"}]
)
def test_an_event_of_another_shape_would_be_caught(change: dict[str, Any]) -> None:
    kind = "input_audio_buffer.speech_started"
    event = {"type": kind, "event_id": "e", "item_id": "i", "audio_start_ms": 1}
    check_server(kind, json.dumps(event).encode())
    with pytest.raises((AssertionError, ValueError)):
        check_server(kind, json.dumps(event | change).encode())


async def test_it_runs_as_a_process_and_counts() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.realtime_server", "--reply-ms", "500"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    base_url = json.loads(await process.stdout.readline())["base_url"]
    server = FakeRealtime(port=int(base_url.split(":")[2].split("/")[0]))
    async with BareClient(server) as client:
        await client.configure(ULAW)
        await client.send("response.create")
        await client.until("response.done")
    process.send_signal(signal.SIGTERM)
    totals = json.loads((await process.communicate())[0])["totals"]
    assert process.returncode == 0
    assert (totals["sessions"], totals["response.create"]) == (1, 1)
    assert totals["response.output_audio.delta"] >= 2
