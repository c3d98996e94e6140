"""The Realtime engine against a strict loopback server, and against ones that misbehave."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import msgspec
import pytest

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    AudioFormat,
    CallerSaid,
    CallerSpeechStarted,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Engine,
    EngineAllowance,
    EngineExpires,
    EngineFailed,
    EngineNotice,
    EngineReady,
    ItemDone,
    Remember,
    ResponseDone,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.persona import Persona
from agents.providers import Auth, Provider
from agents.realtime import client, outbox, protocol
from agents.realtime.client import RealtimeEngine
from agents.realtime.settings import RealtimeSettings
from agents.realtime.soundguard import Verdict
from tests.agents.realtime_story import TOOLS
from tests.agents.test_realtime_soundguard import spoken
from tests.bench.soundguard import verdicts
from tests.fakes.realtime_script import Faults, FunctionCall, Reply, Script
from tests.fakes.realtime_server import FakeRealtime

KEY = "sk-test-secret-0123456789"
FAST = 200.0
FRAME = bytes(960)
"""20 ms of silence."""
E = TypeVar("E", bound=AnyEngineEvent)


class Call:
    """A caller's side of the engine port: keeps the events, waits for the next of a kind."""

    def __init__(self, engine: RealtimeEngine) -> None:
        self.engine = engine
        self.events: list[AnyEngineEvent] = []
        self.reply: Callable[[AnyEngineEvent], None] = lambda event: None
        self.running: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def deliver(self, event: AnyEngineEvent) -> None:
        self.events.append(event)
        self._news.set()
        self.reply(event)

    async def until(self, kind: type[E], count: int = 1) -> E:
        async with asyncio.timeout(10):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[count - 1]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def audio(self) -> bytes:
        return b"".join(event.audio for event in self.of(AudioDelta))

    def speak_ms(self, duration_ms: int) -> None:
        for _ in range(duration_ms // 20):
            self.engine.hear(FRAME)


def settings(server: FakeRealtime, **more: Any) -> RealtimeSettings:
    return msgspec.structs.replace(RealtimeSettings(api_key=KEY), base_url=server.base_url, **more)


@contextlib.asynccontextmanager
async def calling(server: FakeRealtime, **more: Any) -> AsyncIterator[Call]:
    """A call with the engine running; afterwards nothing may be left of it."""
    before = asyncio.all_tasks()
    call = Call(RealtimeEngine(settings(server, **more), Persona(), TOOLS))
    call.running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
    try:
        yield call
    finally:
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(call.running, 3)
    for session in server.sessions:
        await asyncio.wait_for(session.closed.wait(), 3)
    ours = {task for task in asyncio.all_tasks() - before if task.get_name().startswith("realtime")}
    assert ours == set()


async def failure(server_or_url: FakeRealtime | str, **more: Any) -> EngineFailed:
    """Run until the engine gives up by itself."""
    url = server_or_url if isinstance(server_or_url, str) else server_or_url.base_url
    made = msgspec.structs.replace(RealtimeSettings(api_key=KEY, base_url=url), **more)
    call = Call(RealtimeEngine(made, Persona(), []))
    await asyncio.wait_for(call.engine.run(call.deliver), 10)
    assert len(call.of(EngineFailed)) == 1
    assert isinstance(call.events[-1], EngineFailed)
    return call.events[-1]


def test_it_is_an_engine() -> None:
    engine: Engine = RealtimeEngine(RealtimeSettings(), Persona(), [])
    capabilities = engine.capabilities
    assert (capabilities.name, capabilities.truncates) == ("realtime", True)
    assert capabilities.cancels_on_speech
    assert capabilities.input_format is capabilities.output_format is AudioFormat.PCM16_24K
    assert capabilities.transcribes
    deaf = RealtimeEngine(RealtimeSettings(transcription_model=""), Persona(), [])
    assert not deaf.capabilities.transcribes


# ---- a call that goes well ----------------------------------------------------------------------


@pytest.mark.parametrize("audio_format", list(AudioFormat))
async def test_a_greeting_arrives_whole(audio_format: AudioFormat) -> None:
    async with (
        FakeRealtime(faults=Faults(split_samples=True), speed=FAST) as server,
        calling(server, audio_format=audio_format) as call,
    ):
        call.engine.submit(Say("Good morning."))
        await call.until(ResponseDone)
        assert "".join(event.text for event in call.of(TextDelta)) == "Good morning."
        millisecond = audio_format.rate * audio_format.sample_bytes // 1000
        assert len(call.audio()) == 13 * 60 * millisecond
        assert len(call.of(ItemDone)) == 1
        session = server.sessions[0]
        assert session.errors == []
        wire_format = {"pcm16_24k": "audio/pcm", "ulaw_8k": "audio/pcmu"}[audio_format.value]
        assert session.input_format == session.output_format == wire_format


async def test_the_server_sees_one_configuration_and_the_key_only_in_the_header() -> None:
    async with FakeRealtime(speed=FAST) as server, calling(server) as call:
        await call.until(EngineReady)
        session = await server.session()
        assert len(session.sent("session.update")) == 1
        assert [tool["name"] for tool in session.config["tools"]] == ["find_slot", "book"]
        request = server.requests[0]
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert "OpenAI-Beta" not in request.headers
        assert "Sec-WebSocket-Extensions" not in request.headers
        assert request.path == "/v1/realtime?model=gpt-realtime-2.1"


async def test_the_safety_identifier_goes_along() -> None:
    async with FakeRealtime(speed=FAST) as server:
        engine = RealtimeEngine(settings(server), Persona(), [], safety_identifier="abc123")
        call = Call(engine)
        running = asyncio.get_running_loop().create_task(engine.run(call.deliver))
        await call.until(EngineReady)
        engine.submit(CloseEngine())
        await running
        assert server.requests[0].headers["OpenAI-Safety-Identifier"] == "abc123"


@pytest.mark.parametrize(
    ("provider", "name", "path"),
    [
        (Provider(auth=Auth.HEADER, auth_name="api-key"), "api-key", "/v1/realtime?model=gpt-x"),
        (
            Provider(auth=Auth.QUERY, auth_name="key"),
            None,
            f"/v1/realtime?model=gpt-x&key={KEY}",
        ),
    ],
)
async def test_the_key_is_shown_as_the_provider_wants_it(
    provider: Provider, name: str | None, path: str
) -> None:
    async with FakeRealtime(speed=FAST, takes_any_key=True) as server:
        async with calling(server, provider=provider, model="gpt-x") as call:
            await call.until(EngineReady)
        request = server.requests[0]
        assert request.path == path
        assert "Authorization" not in request.headers
        assert name is None or request.headers[name] == KEY


async def test_a_provider_without_a_header_for_it_learns_nothing_of_the_caller() -> None:
    async with FakeRealtime(speed=FAST) as server:
        made = settings(server, provider=Provider(headers={"X-Team": "phones"}))
        engine = RealtimeEngine(made, Persona(), [], safety_identifier="abc123")
        call = Call(engine)
        running = asyncio.get_running_loop().create_task(engine.run(call.deliver))
        await call.until(EngineReady)
        engine.submit(CloseEngine())
        await running
        assert server.requests[0].headers["X-Team"] == "phones"
        assert "abc123" not in str(server.requests[0].headers)


async def test_a_session_may_be_open_before_anybody_calls_and_costs_nothing() -> None:
    async with FakeRealtime(faults=Faults(lasts_s=1_800.0), speed=FAST) as server:
        async with calling(server) as call:
            expires = await call.until(EngineExpires)
            assert 1_790 < expires.in_s < 1_801
            # Nobody calls after all: it is closed, and was asked for nothing that is billed.
        session = server.sessions[0]
        assert set(session.counts) == {"session.update"}
        assert session.conversation.context() == []


async def test_a_call_that_comes_later_begins_at_once_on_a_session_opened_before() -> None:
    async with FakeRealtime(speed=FAST) as server, calling(server) as call:
        await call.until(EngineReady)
        call.engine.submit(Remember((CallerSaid("Tuesday, please."),)))
        call.speak_ms(100)
        call.engine.submit(Say("Good morning."))
        await call.until(ResponseDone)
        session = server.sessions[0]
        assert session.conversation.context()[0] == ("user", "Tuesday, please.")
        kinds = [event["type"] for event in session.client_events]
        assert kinds == ["session.update", "conversation.item.create", "response.create"]
        assert call.of(EngineAllowance)[0].name == "requests"


async def test_fault_m16_a_server_that_counts_less_is_told_what_was_heard_all_the_same() -> None:
    script = Script(replies=(Reply("one two three four", duration_ms=2_000),), speech=((0, 20),))
    faults = Faults(short_count_ms=400, null_event_ids=True)
    async with FakeRealtime(script, faults, speed=FAST) as server, calling(server) as call:
        await call.until(EngineReady)
        call.speak_ms(100)
        item_id = (await call.until(ItemDone)).item_id
        call.engine.submit(TruncateItem(item_id, 0, 1_900, "one two three"))
        session = server.sessions[0]
        async with asyncio.timeout(5):
            while not session.conversation.deleted:
                await asyncio.sleep(0.002)
        assert session.errors == ["invalid_value"]
        assert ("assistant", "one two three") in session.conversation.context()
        assert "four" not in str(session.conversation.context())


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@pytest.mark.parametrize("nonsense", ["wrong", "swapped"])
async def test_fault_m17_noise_never_reaches_the_call(
    audio_format: AudioFormat, nonsense: str
) -> None:
    other = {AudioFormat.PCM16_24K: "ulaw", AudioFormat.ULAW_8K: "pcm"}[audio_format]
    sent = spoken("en-GB", "swapped" if nonsense == "swapped" else other)
    faults = Faults(instead_of_audio=sent)
    async with FakeRealtime(faults=faults, speed=FAST) as server:
        call = Call(RealtimeEngine(settings(server, audio_format=audio_format), Persona(), []))
        call.engine.submit(Say("A sentence long enough for many pieces of audio to come."))
        await asyncio.wait_for(call.engine.run(call.deliver), 10)
        assert call.events[-1] == EngineFailed("wrong_audio_format", fatal=False)
        # Nothing with any sound in it went through.
        assert Verdict.RIGHT not in verdicts(call.audio(), audio_format)


async def test_audio_from_before_the_session_reaches_it() -> None:
    async with (
        FakeRealtime(faults=Faults(handshake_delay_s=0.1)) as server,
        calling(server) as call,
    ):
        call.speak_ms(500)
        await call.until(EngineReady)
        call.speak_ms(500)
        session = await server.session()
        async with asyncio.timeout(5):
            while session.heard_ms < 1000:
                await asyncio.sleep(0.005)
        assert server.sessions[0].heard_ms == 1000


async def test_a_turn_a_tool_and_its_answer() -> None:
    script = Script(
        replies=(
            Reply("Let me look.", calls=(FunctionCall("find_slot", '{"day":"Tuesday"}'),)),
            Reply("Tuesday at nine is free."),
        ),
        speech=((200, 900),),
        caller=("Have you anything on Tuesday?",),
    )
    async with FakeRealtime(script, speed=FAST) as server, calling(server) as call:

        def reply(event: AnyEngineEvent) -> None:
            if isinstance(event, ToolCalled):
                call.engine.submit(ToolOutput(event.tool_call_id, '{"free":["09:00"]}'))

        call.reply = reply
        await call.until(EngineReady)
        call.speak_ms(1000)
        await call.until(ResponseDone, 2)
        transcript = await call.until(CallerTranscript)
        assert transcript.text == "Have you anything on Tuesday?"
        session = server.sessions[0]
        assert len(session.sent("response.create")) == 1
        assert session.conversation.context() == [
            ("user", "Have you anything on Tuesday?"),
            ("assistant", "Let me look."),
            ("call", "find_slot"),
            ("output", '{"free":["09:00"]}'),
            ("assistant", "Tuesday at nine is free."),
        ]
        assert session.errors == []


async def test_a_barge_in_cuts_what_the_model_believes_it_said() -> None:
    script = Script(
        replies=(Reply("one two three four five six seven eight nine ten", duration_ms=10_000),),
        speech=((200, 700), (1000, 1500)),
    )
    async with (
        FakeRealtime(script, Faults(late_deltas=3), speed=20) as server,
        calling(server) as call,
    ):
        await call.until(EngineReady)
        call.speak_ms(800)
        item_id = (await call.until(AudioDelta, 20)).item_id
        call.speak_ms(400)
        await call.until(CallerSpeechStarted, 2)
        call.engine.submit(TruncateItem(item_id, 0, 1000, ""))
        first = await call.until(ResponseDone)
        assert (first.status, first.reason) == (ResponseStatus.CANCELLED, "turn_detected")
        received = len(call.audio())
        call.speak_ms(400)
        await call.until(ResponseDone, 2)
        session = server.sessions[0]
        while not session.conversation.truncations:
            await asyncio.sleep(0.01)
        assert [cut.audio_end_ms for cut in session.conversation.truncations] == [1000]
        assert session.errors == []
        assistant = [text for role, text in session.conversation.context() if role != "user"]
        # A second of ten was heard: at most the first of the words it had got to.
        assert "one two three four five six".startswith(assistant[0])
        later = [event for event in call.of(AudioDelta) if event.item_id == item_id]
        assert sum(len(event.audio) for event in later) <= received


async def test_deleting_and_cancelling_are_obeyed() -> None:
    script = Script(replies=(Reply("A long story indeed.", duration_ms=20_000),), speech=((0, 20),))
    async with FakeRealtime(script, speed=10) as server, calling(server) as call:
        await call.until(EngineReady)
        call.speak_ms(100)
        delta = await call.until(AudioDelta)
        call.engine.submit(CancelResponse(delta.response_id))
        call.engine.submit(DeleteItem(delta.item_id))
        done = await call.until(ResponseDone)
        assert done.reason == "client_cancelled"
        session = server.sessions[0]
        assert session.conversation.deleted == [delta.item_id]
        assert session.errors == []


async def test_fault_t13_a_closed_engine_leaves_nothing_behind() -> None:
    script = Script(replies=(Reply(duration_ms=60_000),), speech=((0, 20),))
    async with FakeRealtime(script, speed=5) as server:
        call = Call(RealtimeEngine(settings(server), Persona(), []))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        call.speak_ms(100)
        await call.until(AudioDelta, 2)
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(running, 1)
        await asyncio.wait_for(server.sessions[0].closed.wait(), 1)
        assert call.of(EngineFailed) == []
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("realtime")]


async def test_a_cancelled_run_leaves_nothing_behind() -> None:
    async with FakeRealtime(speed=FAST) as server:
        call = Call(RealtimeEngine(settings(server), Persona(), []))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(server.sessions[0].closed.wait(), 3)
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("realtime")]


async def test_a_call_that_ends_while_connecting_does_not_wait_for_it() -> None:
    async with FakeRealtime(faults=Faults(handshake_delay_s=1.0)) as server:
        call = Call(RealtimeEngine(settings(server), Persona(), []))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        while not server.requests:
            await asyncio.sleep(0.002)
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(running, 0.9)
        assert call.events == []


async def test_an_engine_closed_before_it_ran_returns_at_once() -> None:
    engine = RealtimeEngine(RealtimeSettings(api_key=KEY), Persona(), [])
    engine.submit(CloseEngine())
    events: list[AnyEngineEvent] = []
    await asyncio.wait_for(engine.run(events.append), 1)
    assert events == []


def test_a_session_is_the_same_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")
    uvloop.run(test_a_turn_a_tool_and_its_answer())
    uvloop.run(test_audio_from_before_the_session_reaches_it())
    uvloop.run(test_a_call_that_comes_later_begins_at_once_on_a_session_opened_before())


# ---- the handshake ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, "", EngineFailed("invalid_api_key", fatal=True)),
        (403, "not json", EngineFailed("invalid_api_key", fatal=True)),
        (404, "", EngineFailed("model_not_found", fatal=True)),
        (400, "{}", EngineFailed("handshake_refused", fatal=True)),
        (302, "", EngineFailed("handshake_refused", fatal=True)),
        (
            429,
            '{"error":{"code":"insufficient_quota"}}',
            EngineFailed("insufficient_quota", fatal=True),
        ),
    ],
)
async def test_fault_m3_a_handshake_refused_for_good_is_not_tried_again(
    status: int, body: str, expected: EngineFailed
) -> None:
    faults = Faults(handshake_status=status, handshake_body=body)
    async with FakeRealtime(faults=faults) as server:
        assert await failure(server) == expected
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_fault_m5_a_server_in_trouble_may_be_tried_again(status: int) -> None:
    async with FakeRealtime(faults=Faults(handshake_status=status)) as server:
        assert await failure(server) == EngineFailed("server_error", fatal=False)
        # By whoever knows of all calls: an engine that tried by itself would double a storm.
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ((), None),
        ((("Retry-After", "3"),), 3.0),
        ((("Retry-After", "3"), ("retry-after-ms", "2500")), 2.5),
    ],
)
async def test_fault_m4_a_server_that_has_enough_says_until_when(
    headers: tuple[tuple[str, str], ...], retry_after_s: float | None
) -> None:
    faults = Faults(handshake_status=429, handshake_headers=headers)
    async with FakeRealtime(faults=faults) as server:
        expected = EngineFailed("rate_limited", fatal=False, retry_after_s=retry_after_s)
        assert await failure(server) == expected


async def test_fault_m1_nobody_listens() -> None:
    assert await failure("http://127.0.0.1:9/v1") == EngineFailed("connect_refused", fatal=False)


async def test_fault_m2_a_black_hole_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.CONNECT_S == 3.0
    monkeypatch.setattr(client, "CONNECT_S", 0.1)
    async with FakeRealtime(faults=Faults(handshake_delay_s=1.0)) as server:
        assert await failure(server) == EngineFailed("connect_timeout", fatal=False)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "faults",
    [
        Faults(handshake_status=404),
        Faults(handshake_status=400, handshake_body='{"error":{"code":"model_not_found"}}'),
    ],
)
async def test_fault_m6_a_retired_model_is_known_at_the_handshake(faults: Faults) -> None:
    async with FakeRealtime(faults=faults) as server:
        assert await failure(server) == EngineFailed("model_not_found", fatal=True)
        assert len(server.requests) == 1


async def test_fault_m6_a_retired_model_is_fatal() -> None:
    faults = Faults(error_after_update="model_not_found")
    async with FakeRealtime(faults=faults) as server:
        assert await failure(server) == EngineFailed("model_not_found", fatal=True)


async def test_a_host_without_an_address_is_told_apart() -> None:
    reason = await failure("http://nowhere.invalid/v1")
    assert reason == EngineFailed("name_not_resolved", fatal=False)


@pytest.mark.parametrize(
    ("scheme", "reason"), [("http", "handshake_failed"), ("https", "tls_failed")]
)
async def test_fault_p15_a_peer_that_speaks_something_else_is_told_apart(
    scheme: str, reason: str
) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        expected = EngineFailed(reason, fatal=False)
        assert await failure(f"{scheme}://127.0.0.1:{port}/v1") == expected


@pytest.mark.parametrize("url", ["ftp://host/v1", "api.openai.com", "https://", "http://h:x/v1"])
async def test_a_base_url_that_is_none_is_fatal(url: str) -> None:
    assert await failure(url) == EngineFailed("bad_base_url", fatal=True)


@pytest.mark.parametrize("key", ["", "sk-\n", "sk-ключ", "sk a"])
async def test_a_key_that_cannot_be_one_is_never_sent(key: str) -> None:
    async with FakeRealtime() as server:
        assert await failure(server, api_key=key) == EngineFailed("invalid_api_key", fatal=True)
        assert server.requests == []


async def test_fault_i9_the_key_is_in_no_log_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeRealtime(faults=Faults(handshake_status=401)) as server:
        made = settings(server)
        await failure(server)
    assert server.requests[0].headers["Authorization"].endswith(KEY)
    ours = [record for record in caplog.records if record.name != "websockets.server"]
    assert KEY not in "".join(record.getMessage() for record in ours)
    assert KEY not in f"{made!r} {made}"


# ---- a session that goes wrong ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1006, "", EngineFailed("connection_lost", fatal=False)),
        (1011, "internal error", EngineFailed("connection_lost", fatal=False)),
        (1001, "", EngineFailed("connection_lost", fatal=False)),
        (
            1001,
            "Your session hit the maximum duration of 60 minutes.",
            EngineFailed("session_expired", fatal=False),
        ),
        (4000, "", EngineFailed("beta_api_shape_disabled", fatal=True)),
        (
            3000,
            "invalid_request_error.model_not_found",
            EngineFailed("model_not_found", fatal=True),
        ),
    ],
)
async def test_fault_m8_a_socket_lost_in_the_middle_of_a_reply(
    code: int, reason: str, expected: EngineFailed
) -> None:
    faults = Faults(close_after_deltas=3, close_code=code, close_reason=reason)
    async with FakeRealtime(faults=faults, speed=FAST) as server:
        call = Call(RealtimeEngine(settings(server), Persona(), []))
        call.engine.submit(Say("A sentence long enough for many pieces of audio to come."))
        await asyncio.wait_for(call.engine.run(call.deliver), 10)
        assert call.events[-1] == expected
        assert len(call.of(AudioDelta)) == 3


async def test_a_refused_configuration_ends_the_session() -> None:
    async with FakeRealtime(faults=Faults(update_error="unknown_parameter")) as server:
        expected = EngineFailed("session_config_refused", fatal=True)
        assert await failure(server) == expected


async def test_fault_m17_another_format_than_asked_ends_the_session_before_any_noise() -> None:
    def other_format(session: dict[str, Any]) -> dict[str, Any]:
        session["audio"]["output"]["format"] = {"type": "audio/pcmu"}
        return session

    async with FakeRealtime(faults=Faults(echo=other_format)) as server:
        expected = EngineFailed("session_config_refused", fatal=True)
        assert await failure(server) == expected


async def test_fault_m2_a_server_that_never_shows_its_session_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "SETUP_S", 0.1)
    async with FakeRealtime(faults=Faults(no_session_created=True)) as server:
        assert await failure(server) == EngineFailed("setup_timeout", fatal=False)


async def test_fault_m19_a_server_that_stops_reading_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "STUCK_S", 0.2)
    async with FakeRealtime(faults=Faults(deaf=True)) as server:
        call = Call(RealtimeEngine(settings(server), Persona(), []))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        async with asyncio.timeout(10):
            while not call.of(EngineFailed):
                call.engine.hear(bytes(48_000))
                await asyncio.sleep(0)
        assert EngineNotice("caller_audio_dropped") in call.events
        assert call.events[-1] == EngineFailed("backpressure", fatal=False)
        # Even the close frame cannot be delivered; the call's end must not wait for it.
        await asyncio.wait_for(running, 2)
        call.engine.hear(FRAME)
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("realtime")]


async def test_fault_m12_garbage_and_news_do_not_disturb_a_call() -> None:
    faults = Faults(unknown_events=True, garbage=True, null_event_ids=True, no_metadata=True)
    async with FakeRealtime(faults=faults, speed=FAST) as server, calling(server) as call:
        call.engine.submit(Say("First."))
        call.engine.submit(Say("Second."))
        await call.until(ResponseDone, 2)
        assert [text for _, text in server.sessions[0].conversation.context()] == [
            "First.",
            "Second.",
        ]
        assert EngineNotice("unknown_event") in call.events
        assert server.sessions[0].errors == []


async def test_fault_m12_a_response_without_its_beginning_is_still_a_response() -> None:
    async with (
        FakeRealtime(faults=Faults(no_created=True), speed=FAST) as server,
        calling(server) as call,
    ):
        call.engine.submit(Say("First."))
        call.engine.submit(Say("Second."))
        await call.until(ResponseDone, 2)
        assert server.sessions[0].errors == []


async def test_fault_m21_a_call_delivered_twice_comes_once() -> None:
    script = Script(replies=(Reply("", calls=(FunctionCall("book"),)),), speech=((0, 20),))
    async with (
        FakeRealtime(script, Faults(repeated_calls=True), speed=FAST) as server,
        calling(server) as call,
    ):
        await call.until(EngineReady)
        call.speak_ms(100)
        await call.until(ResponseDone)
        assert len(call.of(ToolCalled)) == 1


async def test_fault_m15_a_failed_response_is_made_good() -> None:
    script = Script(
        replies=(Reply(status="failed", error="server_error"), Reply("Here I am.")),
        speech=((0, 20),),
    )
    async with FakeRealtime(script, speed=FAST) as server, calling(server) as call:
        await call.until(EngineReady)
        call.speak_ms(100)
        done = await call.until(ResponseDone, 2)
        assert done.status is ResponseStatus.COMPLETED
        assert "".join(event.text for event in call.of(TextDelta)) == "Here I am."


async def test_an_event_that_makes_the_call_speak_keeps_the_order() -> None:
    async with FakeRealtime(speed=FAST) as server, calling(server) as call:
        order: list[str] = []

        def reply(event: AnyEngineEvent) -> None:
            order.append(type(event).__name__)
            if isinstance(event, EngineReady):
                call.engine.submit(ToolOutput("call_9", "{}"))
                order.append("submitted")

        call.reply = reply
        call.engine.submit(Say("Hello."))
        await call.until(ResponseDone)
        assert order[:4] == ["EngineReady", "submitted", "EngineExpires", "EngineNotice"]


async def test_fault_p10_a_bug_while_connecting_is_reported_too() -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with FakeRealtime(faults=Faults(handshake_status=503)) as server:
        call = Call(RealtimeEngine(settings(server), Persona(), []))

        def reply(event: AnyEngineEvent) -> None:
            raise RuntimeError("a bug in the call")

        call.reply = reply
        await asyncio.wait_for(call.engine.run(call.deliver), 5)
        assert call.of(EngineFailed) == [EngineFailed("server_error", fatal=False)]
        assert [str(context["exception"]) for context in reported] == ["a bug in the call"]


async def test_fault_p10_a_bug_ends_the_call_and_is_reported() -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with FakeRealtime(speed=FAST) as server:
        call = Call(RealtimeEngine(settings(server), Persona(), []))

        def reply(event: AnyEngineEvent) -> None:
            if isinstance(event, EngineReady):
                raise RuntimeError("a bug in the call")

        call.reply = reply
        await asyncio.wait_for(call.engine.run(call.deliver), 5)
        assert call.events[-1] == EngineFailed("internal_error", fatal=False)
        assert [str(context["exception"]) for context in reported] == ["a bug in the call"]
