"""The GPT-Live engine against a strict loopback server, and against ones that misbehave."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import msgspec
import pytest

from agents.engine import (
    AgentSaid,
    AnyEngineEvent,
    AppendAudio,
    AudioDelta,
    AudioFormat,
    CallerSaid,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    Engine,
    EngineExpires,
    EngineFailed,
    EngineNotice,
    EngineReady,
    ItemDone,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolAnswered,
    ToolCalled,
    ToolOutput,
)
from agents.live import client
from agents.live.client import LiveEngine
from agents.live.settings import LiveSettings
from agents.persona import Persona
from tests.agents.realtime_story import TOOLS
from tests.fakes.live_script import LiveFaults, Timing
from tests.fakes.live_server import FakeLive
from tests.fakes.realtime_script import FunctionCall, Reply, Script, encoded, hum

KEY = "sk-test-secret-0123456789"
SILENCE = b"\xff" * 160
"""20 ms."""
E = TypeVar("E", bound=AnyEngineEvent)


class Call:
    """A caller's side of the engine port: keeps the events, waits for the next of a kind."""

    def __init__(self, engine: LiveEngine) -> None:
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

    def text(self) -> str:
        return "".join(event.text for event in self.of(TextDelta))

    def silent_ms(self, duration_ms: int) -> None:
        for _ in range(duration_ms // 20):
            self.engine.submit(AppendAudio(SILENCE))

    def speak_ms(self, duration_ms: int) -> None:
        sound = encoded(hum("caller", duration_ms, 8_000), "audio/pcmu")
        for at in range(0, len(sound), 160):
            self.engine.hear(sound[at : at + 160])


def settings(server: FakeLive, **more: Any) -> LiveSettings:
    return msgspec.structs.replace(LiveSettings(api_key=KEY), base_url=server.base_url, **more)


@contextlib.asynccontextmanager
async def calling(server: FakeLive, **more: Any) -> AsyncIterator[Call]:
    """A call with the engine running; afterwards nothing may be left of it."""
    before = asyncio.all_tasks()
    call = Call(LiveEngine(settings(server, **more), Persona(), TOOLS))
    call.running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
    try:
        yield call
    finally:
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(call.running, 3)
    for session in server.sessions:
        await asyncio.wait_for(session.closed.wait(), 3)
    ours = {task for task in asyncio.all_tasks() - before if task.get_name().startswith("live")}
    assert ours == set()


async def failure(server_or_url: FakeLive | str, **more: Any) -> EngineFailed:
    """Run until the engine gives up by itself."""
    url = server_or_url if isinstance(server_or_url, str) else server_or_url.base_url
    made = msgspec.structs.replace(LiveSettings(api_key=KEY, base_url=url), **more)
    call = Call(LiveEngine(made, Persona(), []))
    await asyncio.wait_for(call.engine.run(call.deliver), 10)
    assert len(call.of(EngineFailed)) == 1
    assert isinstance(call.events[-1], EngineFailed)
    return call.events[-1]


def test_it_is_an_engine_that_owns_playback() -> None:
    engine: Engine = LiveEngine(LiveSettings(), Persona(), [])
    capabilities = engine.capabilities
    assert (capabilities.name, capabilities.owns_playback) == ("live", True)
    assert (capabilities.cancels_on_speech, capabilities.answers_on_request) == (True, False)
    assert capabilities.input_format is capabilities.output_format is AudioFormat.ULAW_8K


# ---- a call that goes well ----------------------------------------------------------------------


@pytest.mark.parametrize("audio_format", list(AudioFormat))
async def test_a_greeting_arrives_whole(audio_format: AudioFormat) -> None:
    async with FakeLive() as server, calling(server, audio_format=audio_format) as call:
        call.reply = lambda event: (
            call.engine.submit(Say("Good morning.")) if isinstance(event, EngineReady) else None
        )
        await call.until(EngineReady)
        ms = audio_format.rate * audio_format.sample_bytes // 1000
        for _ in range(150):
            call.engine.submit(AppendAudio(b"\xff" * 20 * ms if ms == 8 else bytes(20 * ms)))
        done = await call.until(ResponseDone)
        assert done.status is ResponseStatus.COMPLETED
        assert call.text() == "Good morning."
        said = server.sessions[0].said[0]
        assert said.audio in call.audio()
        # What is left of the server's silence is a soft beginning and end.
        assert len(call.audio()) <= (said.duration_ms + 60 + 20 + 200) * ms
        kinds = [type(event) for event in call.events if not isinstance(event, EngineExpires)]
        assert kinds[:2] == [EngineReady, ResponseStarted]
        assert kinds[-2:] == [ItemDone, ResponseDone]
        assert server.sessions[0].errors == []


async def test_the_key_stands_in_the_header_only_and_the_model_in_the_first_message() -> None:
    async with FakeLive() as server:
        made = settings(server)
        engine = LiveEngine(made, Persona(), TOOLS, safety_identifier="abc123")
        call = Call(engine)
        running = asyncio.get_running_loop().create_task(engine.run(call.deliver))
        await call.until(EngineReady)
        engine.submit(CloseEngine())
        await running
        (request,) = server.requests
        assert request.path == "/v1/live/sessions"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert request.headers["OpenAI-Safety-Identifier"] == "abc123"
        assert "Sec-WebSocket-Extensions" not in request.headers
        session = server.sessions[0]
        await session.closed.wait()
        assert session.config["model"] == "gpt-live-1"
        assert KEY not in str(session.client_events)
        assert session.close_asked


async def test_speech_from_before_the_session_reaches_it() -> None:
    faults = LiveFaults(handshake_delay_s=0.1)
    async with FakeLive(faults=faults) as server, calling(server) as call:
        call.silent_ms(500)
        call.speak_ms(500)
        await call.until(EngineReady)
        call.silent_ms(500)
        session = await server.session()
        async with asyncio.timeout(5):
            while session.heard_ms < 1_000:
                await asyncio.sleep(0.005)
        assert session.heard_ms <= 1_060


async def test_a_turn_a_tool_and_its_answer() -> None:
    script = Script(
        replies=(
            Reply("Let me look.", calls=(FunctionCall("find_slot", '{"day":"Tuesday"}', "c1"),)),
            Reply("Tuesday at nine is free."),
        ),
        caller=("Have you anything on Tuesday?",),
    )
    async with FakeLive(script) as server, calling(server) as call:

        def reply(event: AnyEngineEvent) -> None:
            if isinstance(event, ToolCalled):
                call.engine.submit(ToolOutput(event.tool_call_id, '{"free":["09:00"]}'))

        call.reply = reply
        await call.until(EngineReady)
        call.silent_ms(200)
        call.speak_ms(1_500)
        call.silent_ms(2_500)
        called = await call.until(ToolCalled)
        assert (called.name, called.arguments) == ("find_slot", '{"day":"Tuesday"}')
        call.silent_ms(4_000)
        transcript = await call.until(CallerTranscript)
        assert transcript.text == "Have you anything on Tuesday?"
        assert abs(call.of(CallerSpeechStarted)[0].audio_ms - 200) <= 60
        # Where the last of five words ended.
        assert abs(call.of(CallerSpeechStopped)[0].audio_ms - 1_200) <= 60
        while "nine is free." not in call.text():
            call.silent_ms(100)
            await asyncio.sleep(0.005)
        session = server.sessions[0]
        assert session.backend.outputs == [("c1", '{"free":["09:00"]}')]
        assert call.text() == "Let me look.Tuesday at nine is free."
        assert session.errors == []


async def test_the_server_falls_silent_for_the_caller_and_says_no_more_of_it() -> None:
    long = Reply("one two three four five six seven eight nine ten", duration_ms=10_000)
    script = Script(replies=(long, Reply("All right.")), caller=("Go on.", "Stop, please."))
    async with FakeLive(script) as server, calling(server) as call:
        await call.until(EngineReady)
        call.speak_ms(600)
        call.silent_ms(2_000)
        await call.until(AudioDelta, 3)
        call.speak_ms(900)
        call.silent_ms(3_000)
        first = await call.until(ResponseDone)
        assert (first.status, first.reason) == (ResponseStatus.CANCELLED, "turn_detected")
        await call.until(ResponseDone, 2)
        session = server.sessions[0]
        assert not session.said[0].whole
        texts = {event.response_id: "" for event in call.of(TextDelta)}
        for event in call.of(TextDelta):
            texts[event.response_id] += event.text
        assert list(texts.values()) == [session.said[0].spoken, "All right."]


async def test_what_came_before_is_known_before_the_caller_s_first_word() -> None:
    told = (CallerSaid("A haircut."), AgentSaid("At ten?"), ToolAnswered("c9", "book", "{}", "{}"))
    async with FakeLive(Script(replies=(Reply("At ten, as I said."),))) as server:
        call = Call(LiveEngine(settings(server), Persona(), TOOLS))
        call.reply = lambda event: (
            call.engine.submit(Remember(told, answer=True))
            if isinstance(event, EngineReady)
            else None
        )
        call.silent_ms(200)
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        call.silent_ms(3_000)
        await call.until(ResponseDone)
        session = server.sessions[0]
        assert [kind for kind, _ in session.told] == ["instructions", "commentary"]
        assert "The caller said: A haircut." in session.told[0][1]
        order = [event["type"] for event in session.client_events]
        assert order[:3] == [
            "session.start",
            "session.instructions.append",
            "session.commentary.append",
        ]
        assert session.errors == []
        call.engine.submit(CloseEngine())
        await running


async def test_a_cancelled_reply_is_broken_off_on_both_sides() -> None:
    script = Script(replies=(Reply("A long story indeed.", duration_ms=20_000),))
    async with FakeLive(script) as server, calling(server) as call:
        await call.until(EngineReady)
        call.speak_ms(300)
        call.silent_ms(2_000)
        delta = await call.until(AudioDelta)
        call.engine.submit(CancelResponse(delta.response_id))
        call.silent_ms(2_500)
        done = await call.until(ResponseDone)
        assert (done.status, done.reason) == (ResponseStatus.CANCELLED, "client_cancelled")
        assert not server.sessions[0].said[0].whole
        assert server.sessions[0].errors == []


# ---- the handshake and the beginning ------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "reason", "fatal"),
    [
        (401, "", "invalid_api_key", True),
        (403, "", "invalid_api_key", True),
        (404, "", "model_not_found", True),
        (400, '{"error":{"code":"model_not_found"}}', "model_not_found", True),
        (429, "", "rate_limited", False),
        (429, '{"error":{"code":"insufficient_quota"}}', "insufficient_quota", True),
        (400, "not json", "handshake_refused", True),
        (503, "", "server_error", False),
    ],
)
async def test_fault_m1_a_refused_handshake_says_whether_it_would_be_refused_again(
    status: int, body: str, reason: str, fatal: bool
) -> None:
    faults = LiveFaults(handshake_status=status, handshake_body=body)
    async with FakeLive(faults=faults) as server:
        assert await failure(server) == EngineFailed(reason, fatal)
        assert len(server.requests) == (1 if fatal else 2)


async def test_fault_m1_nobody_listens() -> None:
    async with FakeLive() as server:
        url = server.base_url
    assert await failure(url) == EngineFailed("connect_refused", fatal=False)


async def test_fault_m2_a_handshake_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 0.4)
    monkeypatch.setattr(client, "TRY_S", 0.1)
    monkeypatch.setattr(client, "TRY_PAUSE_S", 0.05)
    async with FakeLive(faults=LiveFaults(handshake_delay_s=2.0)) as server:
        assert await failure(server) == EngineFailed("connect_timeout", fatal=False)


@pytest.mark.parametrize(
    ("url", "more", "reason"),
    [
        ("ftp://nowhere", {}, "bad_base_url"),
        ("http://127.0.0.1:1/v1", {"api_key": "two words"}, "invalid_api_key"),
        ("http://127.0.0.1:1/v1", {"api_key": ""}, "invalid_api_key"),
    ],
)
async def test_what_cannot_work_is_not_tried(url: str, more: dict[str, Any], reason: str) -> None:
    assert await failure(url, **more) == EngineFailed(reason, fatal=True)


@pytest.mark.parametrize(
    ("faults", "reason", "fatal"),
    [
        (LiveFaults(start_error="credit_balance_exhausted"), "credit_balance_exhausted", True),
        (LiveFaults(start_error="unknown_parameter"), "session_config_refused", True),
        (LiveFaults(start_error="server_error"), "server_error", False),
        (LiveFaults(other_format=True), "session_config_refused", True),
        (LiveFaults(error_after_start="insufficient_quota"), "insufficient_quota", True),
    ],
)
async def test_a_session_that_cannot_be_had_fails_once(
    faults: LiveFaults, reason: str, fatal: bool
) -> None:
    async with FakeLive(faults=faults) as server:
        assert await failure(server) == EngineFailed(reason, fatal)


async def test_a_voice_that_is_not_there_is_refused() -> None:
    async with FakeLive() as server:
        failed = await failure(server, voice="fable")
        assert failed == EngineFailed("session_config_refused", fatal=True)
        assert server.sessions[0].errors == ["forbidden"]


async def test_a_function_call_before_the_session_has_begun_is_not_run() -> None:
    async with FakeLive(faults=LiveFaults(early_call=True)) as server, calling(server) as call:
        await call.until(EngineReady)
        assert call.of(ToolCalled) == []
        assert [each.code for each in call.of(EngineNotice)] == ["event_before_started"]


# ---- what goes wrong later ----------------------------------------------------------------------


async def until_failed(server: FakeLive) -> Call:
    """A greeting is asked for, and the caller's line is open until the engine fails."""
    call = Call(LiveEngine(settings(server), Persona(), TOOLS))
    running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
    await call.until(EngineReady)
    call.engine.submit(Say("Good morning, and thank you for calling us."))
    async with asyncio.timeout(10):
        while not running.done():
            call.silent_ms(100)
            await asyncio.sleep(0.002)
    assert isinstance(call.events[-1], EngineFailed)
    # Legal still, and without any effect.
    count = len(call.events)
    call.engine.submit(Say("Hello?"))
    call.engine.submit(AppendAudio(SILENCE))
    call.engine.submit(CloseEngine())
    assert len(call.events) == count
    return call


async def test_fault_m3_a_connection_cut_in_mid_speech() -> None:
    async with FakeLive(faults=LiveFaults(cut_after_deltas=10)) as server:
        call = await until_failed(server)
        assert call.of(EngineFailed) == [EngineFailed("connection_lost", fatal=False)]
        assert call.of(AudioDelta)


@pytest.mark.parametrize(
    ("reason", "told"), [("expired", "session_expired"), ("content", "content_filter")]
)
async def test_fault_m12_a_session_the_server_ends(reason: str, told: str) -> None:
    faults = LiveFaults(expires_in_s=30.0, expires_after_deltas=10, closed_reason=reason)
    async with FakeLive(faults=faults) as server:
        call = await until_failed(server)
        assert call.of(EngineFailed) == [EngineFailed(told, fatal=False)]
        (expires,) = call.of(EngineExpires)
        assert 28.0 <= expires.in_s <= 31.0


async def test_fault_m15_garbage_between_the_audio_does_no_harm_until_it_is_too_much() -> None:
    faults = LiveFaults(garbage=1, unknown_events=True)
    async with FakeLive(faults=faults) as server:
        call = await until_failed(server)
        assert call.of(EngineFailed) == [EngineFailed("protocol_error", fatal=False)]
        assert call.text() == "Good morning, and thank you for calling us."
        notices = [each.code for each in call.of(EngineNotice)]
        assert notices.count("unknown_event") == 1


async def test_fault_m5_a_backend_that_fails_twice() -> None:
    script = Script(replies=(Reply("", calls=(FunctionCall("book", call_id="c1"),)),))
    faults = LiveFaults(failed_responses=2)
    async with FakeLive(script, faults) as server:
        call = Call(LiveEngine(settings(server), Persona(), TOOLS))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        call.speak_ms(400)
        call.silent_ms(1_500)
        await asyncio.wait_for(running, 5)
        assert call.events[-1] == EngineFailed("server_error", fatal=False)
        assert call.of(ToolCalled) == []


async def test_a_backend_that_fails_once_is_asked_again_and_calls_once() -> None:
    script = Script(replies=(Reply("", calls=(FunctionCall("book", call_id="c1"),)),))
    faults = LiveFaults(failed_responses=1, repeated_calls=True)
    async with FakeLive(script, faults) as server, calling(server) as call:
        await call.until(EngineReady)
        call.speak_ms(400)
        call.silent_ms(1_500)
        await call.until(ToolCalled)
        done = await call.until(ResponseDone, 2)
        assert done.status is ResponseStatus.COMPLETED
        assert done.usage is not None
        assert done.usage.input_text_tokens == 120
        assert len(call.of(ToolCalled)) == 1


async def test_fault_m4_a_model_that_is_silent_says_nothing_and_breaks_nothing() -> None:
    """The call's own clock asks once more, and then apologises."""
    async with FakeLive(faults=LiveFaults(silent=True)) as server, calling(server) as call:
        await call.until(EngineReady)
        call.engine.submit(Say("Good morning."))
        call.silent_ms(5_000)
        session = await server.session()
        while session.deltas_sent < 50:
            await asyncio.sleep(0.002)
        assert call.of(ResponseStarted) == []
        assert call.of(EngineFailed) == []


async def test_fault_m19_a_server_that_reads_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.live.protocol.MAX_UNSENT_BYTES", 48 * 1024)
    async with FakeLive(faults=LiveFaults(deaf=True)) as server:
        call = Call(LiveEngine(settings(server), Persona(), TOOLS))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        async with asyncio.timeout(10):
            while not call.of(EngineFailed):
                call.silent_ms(20_000)
                await asyncio.sleep(0)
        await asyncio.wait_for(running, 3)
        assert call.events[-1] == EngineFailed("backpressure", fatal=False)


async def test_a_session_without_any_audio_is_kept_going_until_it_has_spoken() -> None:
    """A text simulation, or a carrier whose audio has not begun: the clock is the audio."""
    timing = Timing(append_ms=100)
    async with FakeLive(timing=timing) as server, calling(server) as call:
        await call.until(EngineReady)
        call.engine.submit(Say("Hi."))
        done = await call.until(ResponseDone)
        assert done.status is ResponseStatus.COMPLETED
        assert call.text() == "Hi."


async def test_fault_t13_a_closed_engine_leaves_nothing_behind() -> None:
    script = Script(replies=(Reply("A long story.", duration_ms=60_000),))
    async with FakeLive(script) as server:
        call = Call(LiveEngine(settings(server), Persona(), TOOLS))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        call.speak_ms(300)
        call.silent_ms(2_000)
        await call.until(AudioDelta, 2)
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(running, 1)
        await asyncio.wait_for(server.sessions[0].closed.wait(), 2)
        assert call.of(EngineFailed) == []
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("live")]


async def test_a_cancelled_run_leaves_nothing_behind() -> None:
    async with FakeLive() as server:
        call = Call(LiveEngine(settings(server), Persona(), TOOLS))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        await call.until(EngineReady)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(server.sessions[0].closed.wait(), 3)
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("live")]


async def test_a_call_that_ends_while_connecting_does_not_wait_for_it() -> None:
    async with FakeLive(faults=LiveFaults(handshake_delay_s=1.0)) as server:
        call = Call(LiveEngine(settings(server), Persona(), TOOLS))
        running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
        while not server.requests:
            await asyncio.sleep(0.002)
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(running, 0.9)
        assert call.events == []


async def test_a_bug_of_ours_ends_the_session_and_is_told() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def broken() -> EngineFailed:
        raise RuntimeError("a bug")

    async with FakeLive() as server:
        engine = LiveEngine(settings(server), Persona(), TOOLS)
        engine._session._connected = broken
        call = Call(engine)
        await asyncio.wait_for(engine.run(call.deliver), 3)
        assert call.events == [EngineFailed("internal_error", fatal=False)]
        assert [str(context["exception"]) for context in told] == ["a bug"]


async def test_no_log_holds_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeLive(faults=LiveFaults(handshake_status=401)) as server:
        await failure(server)
    async with FakeLive() as server, calling(server) as call:
        await call.until(EngineReady)
    ours = [each for each in caplog.records if each.name != "websockets.server"]
    assert KEY not in "".join(each.getMessage() for each in ours)
