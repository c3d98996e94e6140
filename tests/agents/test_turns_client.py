"""The turn-based engine against a strict loopback server, and against ones that misbehave."""

import asyncio
import logging
import socket

import httpx2
import msgspec
import numpy as np
import pytest

from agents.engine import (
    AudioDelta,
    AudioFormat,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Engine,
    EngineFailed,
    EngineNotice,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.local.models import Models
from agents.local.vad import Detector, Vad
from agents.turns import client, failures, protocol
from agents.turns.client import NoClient, TurnsEngine, http_client
from agents.turns.settings import TurnsSettings
from tests.agents.realtime_story import TOOLS
from tests.agents.turns_call import KEY, PERSONA, Call, calling, client_of, ready, settings
from tests.callers import says, silence, telephoned
from tests.fakes.chat_server import FakeChat, Fault
from tests.fakes.realtime_script import FunctionCall, Reply, Script

FAST = 200.0
OPEN = Reply("We are open until six.")
MILLISECOND = 48


def words(call: Call) -> str:
    return "".join(event.text for event in call.of(TextDelta))


async def failure(server: FakeChat | str, **more: object) -> EngineFailed:
    """Ask for a sentence and run until the engine gives up by itself."""
    async with calling(server, **more) as call:
        call.engine.submit(Say("Hello."))
        found = await call.until(EngineFailed)
        assert call.events[-1] == found
        return found


def test_it_is_an_engine() -> None:
    made = settings("http://127.0.0.1:1/v1")
    engine: Engine = TurnsEngine(made, PERSONA, TOOLS, NoClient("x"), no_detector, name="1")
    capabilities = engine.capabilities
    assert (capabilities.name, capabilities.truncates) == ("turns", True)
    assert (capabilities.cancels_on_speech, capabilities.answers_on_request) == (True, False)
    assert capabilities.input_format is capabilities.output_format is AudioFormat.PCM16_24K
    asked = msgspec.structs.replace(made, answers_on_request=True)
    capabilities = TurnsEngine(
        asked, PERSONA, TOOLS, NoClient("x"), no_detector, name="1"
    ).capabilities
    assert (capabilities.cancels_on_speech, capabilities.answers_on_request) == (False, True)


def no_detector() -> Detector:
    raise AssertionError("never asked")


# ---- a call that goes well ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [Fault(), Fault(odd=True), Fault(split=7), Fault(no_done=True), Fault(named_end=True)]
)
async def test_a_greeting_arrives_whole_however_it_is_cut(fault: Fault) -> None:
    async with FakeChat(always=fault, speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Good morning."))
        done = await call.until(ResponseDone)
        assert done.status is ResponseStatus.COMPLETED
        assert words(call) == "Good morning."
        assert len(call.audio()) == 13 * 60 * MILLISECOND
        assert all(len(event.audio) % 2 == 0 for event in call.of(AudioDelta))
        assert len(call.of(ItemDone)) == 1
        assert server.refused == []


async def test_a_turn_is_heard_answered_and_written_down() -> None:
    script = Script(replies=(OPEN,), caller=("When do you close?",))
    async with FakeChat(script) as server, calling(server) as call:
        (await ready(call)).speaks()
        assert (await call.until(CallerTranscript)).text == "When do you close?"
        done = await call.until(ResponseDone)
        assert done.usage is not None
        assert done.usage.output_audio_tokens == len(call.audio()) * 20 // 48_000
        assert words(call) == OPEN.text
        (sound,) = server.sounds[0]
        assert 900 <= (len(sound) - 44) / 32 <= 3_000
        assert server.forms == [{"model": "gpt-transcribe", "languages[]": "en"}]


async def test_the_key_is_in_the_header_and_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeChat(speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Call 415 555 0100."))
        await call.until(ResponseDone)
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
        assert KEY not in caplog.text
        assert "555" not in caplog.text


async def test_a_gateway_s_query_stays_and_its_socket_s_address_will_do() -> None:
    async with FakeChat(speed=FAST) as server:
        address = server.base_url.replace("http", "ws", 1) + "/?tenant=a"
        async with calling(address) as call:
            call.engine.submit(Say("Hello."))
            await call.until(ResponseDone)
            assert server.queries[0] == {"tenant": "a"}


async def test_other_transcribers_are_given_one_language() -> None:
    async with (
        FakeChat(speed=FAST) as server,
        calling(server, transcription_model="whisper-1") as call,
    ):
        (await ready(call)).speaks()
        await call.until(CallerTranscript)
        assert server.forms == [{"model": "whisper-1", "language": "en"}]


async def test_the_talking_model_writes_down_where_it_is_asked_to() -> None:
    script = Script(caller=("When do you close?",))
    async with (
        FakeChat(script, speed=FAST) as server,
        calling(server, transcription_model="gpt-audio-1.5") as call,
    ):
        (await ready(call)).speaks()
        assert (await call.until(CallerTranscript)).text == "When do you close?"
        assert server.forms == [{"model": "gpt-audio-1.5"}]
        assert server.refused == []


async def test_a_tool_is_called_and_its_output_answered() -> None:
    book = FunctionCall("book", '{"name": "Ann Lee", "time": "10:00"}')
    script = Script(replies=(Reply("", calls=(book,)), Reply("You are booked.")))
    async with FakeChat(script, speed=FAST) as server, calling(server) as call:
        (await ready(call)).speaks()
        called = await call.until(ToolCalled)
        assert (called.name, called.arguments) == ("book", book.arguments)
        call.engine.submit(ToolOutput(called.tool_call_id, '{"status": "done"}'))
        await call.until(ResponseDone, 2)
        assert words(call) == "You are booked."
        assert server.refused == []


async def test_fault_m22_a_hallucinated_tool_is_passed_on_to_be_refused_and_talked_about() -> None:
    script = Script(replies=(Reply("", calls=(FunctionCall("fly_to_moon"),)), Reply("I can't.")))
    async with FakeChat(script, speed=FAST) as server, calling(server) as call:
        (await ready(call)).speaks()
        called = await call.until(ToolCalled)
        assert (called.name, called.arguments) == ("fly_to_moon", "{}")
        call.engine.submit(ToolOutput(called.tool_call_id, '{"status": "unknown_tool"}'))
        await call.until(ResponseDone, 2)
        assert words(call) == "I can't."
        assert server.refused == []


async def test_a_caller_s_voice_closes_the_stream_and_the_model_is_told_what_was_heard() -> None:
    script = Script(replies=(Reply("We are open until six on weekdays.", 4_000), Reply("Yes.")))
    async with FakeChat(script) as server, calling(server) as call:
        (await ready(call)).speaks()
        first = await call.until(AudioDelta)
        call.speaks(quiet_ms=0)
        done = await call.until(ResponseDone)
        assert (done.status, done.reason) == (ResponseStatus.CANCELLED, "turn_detected")
        call.engine.submit(TruncateItem(first.item_id, 0, 300, "We are"))
        call.waits(1_700)
        await call.until(ResponseDone, 2)
        last = server.bodies[-1]["messages"]
        assert [each["content"] for each in last if each["role"] == "assistant"] == ["We are"]
        assert len(call.audio()) < 4_000 * MILLISECOND
        async with asyncio.timeout(3):
            while server.dropped == 0:
                await asyncio.sleep(0.02)


async def test_a_cancelled_reply_that_nobody_heard_was_never_said() -> None:
    async with FakeChat(Script(replies=(Reply("No, wait.", 4_000),))) as server:
        async with calling(server) as call:
            (await ready(call)).speaks()
            first = await call.until(AudioDelta)
            call.engine.submit(CancelResponse(first.response_id))
            call.engine.submit(DeleteItem(first.item_id))
            call.speaks()
            await call.until(ResponseDone, 2)
        assert [each["role"] for each in server.bodies[-1]["messages"]] == [
            "system",
            "user",
            "user",
        ]


async def test_a_real_detector_hears_real_speech(models: Models) -> None:
    script = Script(replies=(OPEN,))
    async with FakeChat(script, speed=FAST) as server:
        made = settings(server.base_url)
        http = http_client(made)
        engine = TurnsEngine(made, PERSONA, TOOLS, http, lambda: Vad(models.load_vad()), name="1")
        call = Call(engine)
        running = asyncio.get_running_loop().create_task(engine.run(call.deliver))
        await call.until(EngineReady)
        speech = telephoned(says("When do you close, please?"), 16_000)
        call.hears(np.concatenate([silence(500), speech, silence(1_500)]))
        await call.until(ResponseDone)
        assert words(call) == OPEN.text
        engine.submit(CloseEngine())
        await asyncio.wait_for(running, 2)
        await http.close()


# ---- what the server may do instead -------------------------------------------------------------

FATAL: tuple[tuple[int, str, str], ...] = (
    (401, "invalid_api_key", "invalid_api_key"),
    (401, "", "invalid_api_key"),
    (403, "unsupported_country_region_territory", "unsupported_country_region_territory"),
    (404, "model_not_found", "model_not_found"),
    (429, "insufficient_quota", "insufficient_quota"),
    (402, "billing_hard_limit_reached", "billing_hard_limit_reached"),
)


@pytest.mark.parametrize(("status", "code", "reason"), FATAL)
async def test_fault_m3_m6_what_would_fail_again_is_asked_for_once(
    status: int, code: str, reason: str
) -> None:
    async with FakeChat(always=Fault(status=status, code=code)) as server:
        assert await failure(server) == EngineFailed(reason, fatal=True)
        assert len(server.bodies) == 1


PASSING: tuple[tuple[Fault, str], ...] = (
    (Fault(status=429, code="rate_limit_exceeded"), "rate_limit_exceeded"),
    (Fault(status=409), "conflict"),
    (Fault(status=500, kind="server_error"), "server_error"),
    (Fault(status=502, body=b"<html>Bad gateway</html>"), "server_error"),
    (Fault(status=503), "server_error"),
    (Fault(empty=True), "empty_audio"),
    (Fault(pieces=1, cut=True), "connection_lost"),
    (Fault(pieces=0, cut=True), "connection_lost"),
    (Fault(pieces=1), "connection_lost"),
    (Fault(pieces=1, error="server_error"), "server_error"),
    (Fault(garbage=101), "bad_stream"),
    (Fault(body=b"<html>Welcome to our portal</html>"), "connection_lost"),
    (Fault(body=b"data: " + b"x" * 5_000_000), "bad_stream"),
)


@pytest.mark.parametrize(("fault", "reason"), PASSING)
async def test_fault_m4_m5_m8_m12_m23_what_may_pass_is_asked_for_once_more(
    fault: Fault, reason: str
) -> None:
    async with FakeChat(faults=(fault,), speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Good morning."))
        bad = await call.until(ResponseDone)
        assert (bad.status, bad.reason) == (ResponseStatus.FAILED, reason)
        good = await call.until(ResponseDone, 2)
        assert good.status is ResponseStatus.COMPLETED
        assert words(call).endswith("Good morning.")
    async with FakeChat(always=fault, speed=FAST) as server:
        assert await failure(server) == EngineFailed(reason, fatal=False)
        assert len(server.bodies) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(status=400), "request_refused"),
        (Fault(status=400, code="context_length_exceeded"), "request_too_large"),
        (Fault(status=413), "request_too_large"),
        (Fault(status=422), "request_refused"),
        (Fault(status=302, headers=(("Location", "/v1/elsewhere"),)), "request_refused"),
    ],
)
async def test_fault_m23_a_request_that_is_refused_is_made_plainer_once(
    fault: Fault, reason: str
) -> None:
    async with FakeChat(always=fault) as server:
        assert await failure(server) == EngineFailed(reason, fatal=True)
        assert ["stream_options" in body for body in server.bodies] == [True, False]


async def test_fault_m4_retry_after_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "RETRY_S", 0.01)
    busy = Fault(status=429, headers=(("retry-after-ms", "400"),))
    async with FakeChat(faults=(busy,), speed=FAST) as server, calling(server) as call:
        loop = asyncio.get_running_loop()
        began = loop.time()
        call.engine.submit(Say("Hello."))
        await call.until(ResponseStarted, 2)
        assert loop.time() - began >= 0.4


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(delay_s=30), "no_response"),
        (Fault(silent=True), "no_response"),
        (Fault(pieces=1, stall=True), "stalled"),
    ],
)
async def test_fault_m14_m23_a_server_that_falls_silent_is_asked_once_more(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, reason: str
) -> None:
    monkeypatch.setattr(protocol, "FIRST_S", 0.4)
    monkeypatch.setattr(protocol, "STALL_S", 0.4)
    async with FakeChat(always=fault, speed=FAST) as server:
        assert await failure(server) == EngineFailed(reason, fatal=False)
        assert len(server.bodies) == 2


async def test_fault_m7_a_slow_model_is_waited_for() -> None:
    async with FakeChat(always=Fault(slow_s=2.0), speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Hello."))
        done = await call.until(ResponseDone)
        assert done.status is ResponseStatus.COMPLETED
        assert len(server.bodies) == 1


async def test_fault_m23_a_stream_cut_in_the_middle_counts_the_turn_once() -> None:
    script = Script(replies=(Reply("We are open until six", 2_000), Reply("on weekdays.")))
    faults = (Fault(pieces=2, cut=True),)
    async with FakeChat(script, faults, speed=FAST) as server, calling(server) as call:
        (await ready(call)).speaks()
        await call.until(ResponseDone, 2)
        await call.until(CallerTranscript)
        assert [event.status for event in call.of(ResponseDone)] == [
            ResponseStatus.FAILED, ResponseStatus.COMPLETED,
        ]  # fmt: skip
        assert len(call.of(CallerTranscript)) == 1
        told = [each["role"] for each in server.bodies[-1]["messages"]]
        assert told == ["system", "user", "assistant", "system"]


@pytest.mark.parametrize("noise", ["wav", "ulaw"])
async def test_fault_m17_what_is_no_pcm_is_never_played(noise: str) -> None:
    async with FakeChat(always=Fault(noise=noise), speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Good morning to you."))
        assert await call.until(EngineFailed) == EngineFailed("wrong_audio_format", fatal=True)
        assert call.audio() == b""


async def test_fault_m15_a_filtered_answer_is_made_good_by_a_question() -> None:
    faults = (Fault(filtered=True),)
    async with FakeChat(faults=faults, speed=FAST) as server, calling(server) as call:
        (await ready(call)).speaks()
        await call.until(ResponseDone, 2)
        first = call.of(ResponseDone)[0]
        assert (first.status, first.reason) == (ResponseStatus.INCOMPLETE, "content_filter")
        assert words(call) == PERSONA.reprompt


async def test_fault_m13_a_reply_of_the_greatest_length_is_incomplete() -> None:
    fault = Fault(too_long=True)
    async with FakeChat(always=fault, speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Hello."))
        done = await call.until(ResponseDone)
        assert (done.status, done.reason) == (ResponseStatus.INCOMPLETE, "max_output_tokens")


async def test_a_model_that_writes_is_made_to_speak() -> None:
    script, faults = Script(replies=(OPEN,)), (Fault(written=True),)
    async with FakeChat(script, faults, speed=FAST) as server, calling(server) as call:
        (await ready(call)).speaks()
        await call.until(ResponseDone, 2)
        assert words(call) == OPEN.text


async def test_a_reply_without_a_count_is_charged_by_what_came() -> None:
    fault = Fault(no_usage=True)
    async with FakeChat(always=fault, speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Hello."))
        done = await call.until(ResponseDone)
        assert done.usage is not None
        assert done.usage.output_audio_tokens == len(call.audio()) * 20 // 48_000


@pytest.mark.parametrize(
    ("fault", "notice"),
    [
        (Fault(status=404, code="model_not_found"), "transcription_failed_model_not_found"),
        (Fault(status=500), "transcription_failed_server_error"),
        (Fault(delay_s=30), "transcription_failed_timeout"),
    ],
)
async def test_words_nobody_wrote_down_cost_the_words_alone(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, notice: str
) -> None:
    monkeypatch.setattr(client, "WRITE_DOWN_S", 0.4 if fault.delay_s else 20.0)
    script = Script(replies=(OPEN,))
    async with FakeChat(script, written=fault, speed=FAST) as server, calling(server) as call:
        (await ready(call)).speaks()
        lost = await call.until(CallerTranscript)
        assert (lost.text, lost.failed) == ("", True)
        assert EngineNotice(notice) in call.events
        await call.until(ResponseDone)
        assert words(call) == OPEN.text


# ---- no server ----------------------------------------------------------------------------------


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_fault_m1_nobody_there() -> None:
    gone = await failure(f"http://127.0.0.1:{unused_port()}/v1")
    assert gone == EngineFailed("connect_refused", fatal=False)


async def test_fault_m2_a_server_without_tls_where_it_should_be() -> None:
    async with FakeChat() as server:
        address = server.base_url.replace("http", "https", 1)
        assert await failure(address) == EngineFailed("tls_failed", fatal=False)


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_a_gateway_that_knows_no_models_is_tried_all_the_same(status: int) -> None:
    probe = Fault(status=status, code="model_not_found")
    async with FakeChat(probe=probe, speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("Hello."))
        assert (await call.until(ResponseDone)).status is ResponseStatus.COMPLETED
        assert server.probes == 1


async def test_fault_m3_a_refused_key_is_known_before_anything_is_said() -> None:
    async with FakeChat(probe=Fault(status=401)) as server:
        assert await failure(server) == EngineFailed("invalid_api_key", fatal=True)
        assert (server.probes, server.bodies) == (1, [])


async def test_fault_m2_a_server_that_never_answers_is_asked_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 0.2)
    async with FakeChat(probe=Fault(delay_s=30)) as server:
        assert await failure(server) == EngineFailed("connect_timeout", fatal=False)
        assert (server.probes, server.bodies) == (2, [])


async def test_a_name_that_leads_nowhere() -> None:
    nowhere = await failure("http://nowhere.invalid/v1")
    assert nowhere == EngineFailed("name_not_resolved", fatal=False)


def test_fault_m2_a_connection_that_is_never_answered_has_a_name() -> None:
    error = httpx2.ConnectTimeout("slow")
    assert client._connection_reason(error) == "connect_timeout"
    assert client._connection_reason(httpx2.ReadError("gone")) == "connection_lost"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [({"base_url": "ftp://x"}, "bad_base_url"), ({"api_key": "a b"}, "invalid_api_key")],
)
async def test_settings_that_lead_nowhere_fail_at_once(wrong: dict[str, str], reason: str) -> None:
    made = msgspec.structs.replace(TurnsSettings(api_key=KEY), **wrong)
    engine = TurnsEngine(made, PERSONA, TOOLS, client_of(made), no_detector, name="1")
    call = Call(engine)
    await asyncio.wait_for(engine.run(call.deliver), 2)
    assert call.events == [EngineFailed(reason, fatal=True)]


async def test_a_detector_that_breaks_ends_the_engine_and_nothing_else() -> None:
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    made = settings("http://127.0.0.1:1/v1")
    http = http_client(made)
    engine = TurnsEngine(made, PERSONA, TOOLS, http, no_detector, name="1")
    call = Call(engine)
    await asyncio.wait_for(engine.run(call.deliver), 2)
    assert call.events == [EngineFailed("internal_error", fatal=False)]
    assert len(told) == 1
    await http.close()


async def test_the_engine_can_be_closed_while_a_reply_comes() -> None:
    async with FakeChat(Script(otherwise=Reply("A long story.", 60_000))) as server:
        async with calling(server) as call:
            call.engine.submit(Say("Once upon a time there was a salon." * 20))
            await call.until(AudioDelta)
        assert not call.of(EngineFailed)


def test_every_reason_is_on_the_list() -> None:
    assert {failure.reason for failure in failures._BY_STATUS.values()} <= failures.REASONS
    assert {failure.reason for failure in failures._BY_CODE.values()} <= failures.REASONS
