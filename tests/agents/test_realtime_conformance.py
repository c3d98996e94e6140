"""One conversation through every dialect: the call cannot tell which one its engine speaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerTranscript,
    CloseEngine,
    EngineFailed,
    EngineNotice,
    EngineReady,
    ResponseDone,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.persona import Persona
from agents.providers import Dialect, Provider
from agents.realtime.client import RealtimeEngine
from agents.realtime.dialects import Spoken
from agents.realtime.settings import RealtimeSettings, SemanticVad
from tests.agents.realtime_story import TOOLS
from tests.agents.test_realtime_client import FAST, KEY, Call
from tests.fakes.realtime_beta import Manner
from tests.fakes.realtime_script import Faults, FunctionCall, Reply, Script
from tests.fakes.realtime_server import FakeRealtime

GA, BETA, AUTO = Dialect.GA, Dialect.BETA, Dialect.AUTO
LONG = "one two three four five six seven eight nine ten"
CONVERSATION = Script(
    replies=(
        Reply("Let me look.", calls=(FunctionCall("find_slot", '{"day":"Tuesday"}'),)),
        Reply(LONG, duration_ms=8_000),
        Reply(status="failed", error="server_error"),
        Reply("Certainly, Wednesday then."),
    ),
    speech=((200, 900), (1_200, 1_700)),
    caller=("Have you anything on Tuesday?", "No, Wednesday."),
    transcription_ms=(0, 0),
)
PAIRS = [
    pytest.param(GA, None, 1, id="ga"),
    pytest.param(AUTO, None, 1, id="auto to ga"),
    pytest.param(BETA, Manner.CLOSED_DOOR, 1, id="beta"),
    pytest.param(AUTO, Manner.SHOWS, 1, id="auto to beta, shown"),
    pytest.param(AUTO, Manner.REFUSES, 2, id="auto to beta, refused"),
    pytest.param(AUTO, Manner.COMPLAINS, 2, id="auto to beta, complained of"),
    pytest.param(AUTO, Manner.CLOSED_DOOR, 2, id="auto to beta, shut out"),
]


@contextlib.asynccontextmanager
async def calling(
    server: FakeRealtime, dialect: Dialect, spoken: Spoken, **more: object
) -> AsyncIterator[Call]:
    provider = Provider(dialect=dialect, session_limit_s=None)
    settings = RealtimeSettings(
        api_key=KEY, provider=provider, base_url=server.base_url, model="gpt-4o-realtime-preview"
    )
    settings = msgspec.structs.replace(settings, **more)
    call = Call(RealtimeEngine(settings, Persona(), TOOLS, spoken=spoken))
    running = asyncio.get_running_loop().create_task(call.engine.run(call.deliver))
    try:
        yield call
    finally:
        call.engine.submit(CloseEngine())
        await asyncio.wait_for(running, 3)
    for session in server.sessions:
        await asyncio.wait_for(session.closed.wait(), 3)


def speak(call: Call, duration_ms: int) -> None:
    """What is said stands in the script; here is only its length."""
    audio_format = call.engine.capabilities.input_format
    frame = b"\xff" * (audio_format.rate * audio_format.sample_bytes // 50)
    for _ in range(duration_ms // 20):
        call.engine.hear(frame)


async def converse(call: Call) -> str:
    """Greeting, a turn with a tool, an interruption, a failed response. The item cut short."""

    def answer(event: AnyEngineEvent) -> None:
        if isinstance(event, ToolCalled):
            call.engine.submit(ToolOutput(event.tool_call_id, '{"free":["09:00"]}'))

    call.reply = answer
    call.engine.submit(Say("Good morning."))
    await call.until(ResponseDone)
    speak(call, 1_000)
    await call.until(ToolCalled)
    await call.until(ResponseDone, 2)
    greeting_and_preamble = {event.item_id for event in call.of(AudioDelta)}
    while (cut := call.of(AudioDelta)[-1].item_id) in greeting_and_preamble:
        await asyncio.sleep(0.002)
    speak(call, 800)
    await call.until(CallerSpeechStarted, 2)
    call.engine.submit(TruncateItem(cut, 0, 0, ""))
    # Cancelled, failed, and made good.
    await call.until(ResponseDone, 5)
    await call.until(CallerTranscript, 2)
    return cut


def story(call: Call) -> list[object]:
    """What happened, without what hangs on the moment."""
    told: list[object] = []
    for event in call.events:
        match event:
            case EngineReady():
                told.append("ready")
            case ToolCalled(_, _, name, arguments):
                told.append((name, arguments))
            case ResponseDone(_, status, reason):
                told.append((status, reason))
            case CallerSpeechStarted(_, audio_ms):
                told.append(audio_ms)
            case EngineFailed():
                told.append(event)
            case _:
                pass
    return told


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@pytest.mark.parametrize(("dialect", "manner", "connections"), PAIRS)
async def test_the_same_conversation_in_every_dialect(
    dialect: Dialect, manner: Manner | None, connections: int, audio_format: AudioFormat
) -> None:
    spoken = Spoken()
    async with FakeRealtime(CONVERSATION, speed=20, beta=manner) as server:
        async with calling(server, dialect, spoken, audio_format=audio_format) as call:
            cut = await converse(call)
            session = server.sessions[-1]
            while not session.conversation.truncations:
                await asyncio.sleep(0.002)
        completed = (ResponseStatus.COMPLETED, "")
        assert story(call) == [
            "ready",
            completed,
            200,
            ("find_slot", '{"day":"Tuesday"}'),
            completed,
            1_200,
            (ResponseStatus.CANCELLED, "turn_detected"),
            (ResponseStatus.FAILED, "server_error"),
            completed,
        ]
        words = "".join(event.text for event in call.of(TextDelta) if event.item_id != cut)
        assert words == "Good morning.Let me look.Certainly, Wednesday then."
        callers = [event.text for event in call.of(CallerTranscript)]
        assert callers == ["Have you anything on Tuesday?", "No, Wednesday."]
        context = [text for _, text in session.conversation.context()]
        assert context == [
            "Good morning.",
            "Have you anything on Tuesday?",
            "Let me look.",
            "find_slot",
            '{"free":["09:00"]}',
            "",
            "No, Wednesday.",
            "Certainly, Wednesday then.",
        ]
        assert session.errors == []
        assert len(server.requests) == connections
        assert spoken.dialect is (GA if manner is None else BETA)


@pytest.mark.parametrize("manner", list(Manner))
async def test_what_was_found_out_is_remembered(manner: Manner) -> None:
    spoken = Spoken()
    async with FakeRealtime(speed=FAST, beta=manner) as server:
        for _ in range(2):
            async with calling(server, AUTO, spoken) as call:
                await call.until(EngineReady)
        asked = [request.headers.get("OpenAI-Beta") for request in server.requests]
        assert asked[-1] == "realtime=v1"
        assert len(server.requests) <= 3


async def test_a_gateway_that_has_gone_over_to_ga_is_followed() -> None:
    spoken = Spoken()
    spoken.dialect = BETA
    async with FakeRealtime(speed=FAST) as server, calling(server, AUTO, spoken) as call:
        await call.until(EngineReady)
        assert EngineNotice("other_dialect") in call.events
        assert len(server.requests) == 2
    assert spoken.dialect is GA


async def test_a_configuration_nobody_takes_is_tried_in_both_dialects_and_no_more() -> None:
    faults = Faults(update_error="unknown_parameter")
    async with (
        FakeRealtime(faults=faults, beta=Manner.REFUSES) as server,
        calling(server, AUTO, Spoken()) as call,
    ):
        assert await call.until(EngineFailed) == EngineFailed("session_config_refused", fatal=True)
        assert len(server.requests) == 2


async def test_a_server_known_to_speak_ga_is_never_asked_for_beta() -> None:
    async with (
        FakeRealtime(beta=Manner.REFUSES) as server,
        calling(server, GA, Spoken()) as call,
    ):
        assert await call.until(EngineFailed) == EngineFailed("session_config_refused", fatal=True)
        assert len(server.requests) == 1


async def test_the_beta_session_is_asked_for_all_it_knows() -> None:
    more = {"speed": 0.9, "noise_reduction": "near_field", "tool_choice": "book", "tracing": True}
    async with (
        FakeRealtime(speed=FAST, beta=Manner.CLOSED_DOOR) as server,
        calling(server, BETA, Spoken(), turn_detection=SemanticVad("high"), **more) as call,
    ):
        await call.until(EngineReady)
        (update,) = server.sessions[0].sent("session.update")
        asked = update["session"]
        assert (asked["speed"], asked["tool_choice"], asked["tracing"]) == (0.9, "book", "auto")
        assert asked["input_audio_noise_reduction"] == {"type": "near_field"}
        assert asked["turn_detection"]["eagerness"] == "high"
        assert asked["input_audio_transcription"] == {"model": "gpt-transcribe", "language": "en"}
        assert "truncation" not in asked
