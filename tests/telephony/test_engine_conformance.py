"""One conversation with every engine behind the port: whichever runs, the call may rely on this.

A new engine is one more entry in `STANDS`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from agents.engine import (
    Answer,
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
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
    Inform,
    ItemDone,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.live.client import LiveEngine
from agents.live.settings import LiveSettings
from agents.local.acts import CallTool, Speak
from agents.local.engine import LocalEngine
from agents.local.models import Models
from agents.persona import Persona
from agents.realtime.client import RealtimeEngine
from agents.realtime.settings import RealtimeSettings
from tests.agents.realtime_story import TOOLS
from tests.agents.test_local_engine import Script as Dialogue
from tests.callers import says, telephoned
from tests.fakes.live_server import FakeLive
from tests.fakes.realtime_script import FunctionCall, Reply, Script, encoded, hum
from tests.fakes.realtime_server import FakeRealtime

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

KEY = "sk-test-0123456789"
GREETING = "Good morning, this is the salon."
LONG = (
    "We are open from Monday to Saturday from nine in the morning until six in the evening. "
    "On Thursdays we stay open until eight, and on Sundays we are closed all day."
)
FRAME_S = 0.004
"""The caller's line runs five times as fast as a real one: 20 ms in so much."""
E = TypeVar("E", bound=AnyEngineEvent)

# The model's replies, in the order they are wanted.
CALL = FunctionCall("find_slot", '{"day":"Tuesday"}')
REPLIES = (
    Reply("Let me look.", calls=(CALL,)),
    Reply("Tuesday at nine is free."),
    Reply(LONG, 12_000),
    Reply("Very well."),
)
SCRIPT = Script(replies=REPLIES, caller=("Is Tuesday free?", "When are you open?", "Stop!"))


# ---- the contract -------------------------------------------------------------------------------


@dataclass
class Contract:
    """What `agents.engine` promises of the order of events; looks at each as it comes."""

    sample_bytes: int
    ready: bool = False
    failed: bool = False
    live: dict[str, set[str]] = field(default_factory=dict)
    """Responses under way, with their items that are not done."""
    over: set[str] = field(default_factory=set)
    items: dict[str, str] = field(default_factory=dict)
    done_items: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    turns: dict[str, int] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    transcribed: set[str] = field(default_factory=set)

    def look(self, event: AnyEngineEvent) -> None:
        assert not self.failed, f"{event} follows EngineFailed"
        match event:
            case EngineReady():
                assert not self.ready
                self.ready = True
            case EngineFailed():
                self.failed = True
            case EngineNotice() | EngineAllowance() | EngineExpires():
                pass
            case _:
                assert self.ready, f"{event} comes before EngineReady"
                self._conversation(event)

    def _conversation(self, event: AnyEngineEvent) -> None:
        match event:
            case CallerSpeechStarted(item_id, audio_ms):
                assert item_id not in self.turns
                self.turns[item_id] = audio_ms
            case CallerSpeechStopped(item_id, audio_ms):
                assert item_id not in self.stopped
                assert audio_ms >= self.turns[item_id]
                self.stopped.add(item_id)
            case CallerTranscript(item_id):
                assert item_id in self.turns
                assert item_id not in self.transcribed
                self.transcribed.add(item_id)
            case ResponseStarted(response_id):
                assert response_id not in self.over | set(self.live)
                self.live[response_id] = set()
            case ToolCalled(response_id, tool_call_id, name):
                assert response_id in self.live
                assert tool_call_id not in self.calls
                assert name
                self.calls.add(tool_call_id)
            case AudioDelta(response_id, item_id, _, audio):
                assert audio
                assert len(audio) % self.sample_bytes == 0
                self._spoken(response_id, item_id)
            case TextDelta(response_id, item_id):
                self._spoken(response_id, item_id)
            case ItemDone(response_id, item_id):
                assert self.items[item_id] == response_id
                assert item_id not in self.done_items
                self.live[response_id].discard(item_id)
                self.done_items.add(item_id)
            case ResponseDone(response_id):
                assert self.live.pop(response_id) == set(), "an item is not done"
                self.over.add(response_id)

    def _spoken(self, response_id: str, item_id: str) -> None:
        assert response_id in self.live
        assert item_id not in self.done_items
        assert self.items.setdefault(item_id, response_id) == response_id
        self.live[response_id].add(item_id)


# ---- the call -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stand:
    """An engine and what it takes to talk with it."""

    engine: Engine
    speech: bytes
    """A caller's turn, in the engine's format, without the silence around it."""
    breaks: Callable[["Call"], Awaitable[None]]
    """Makes the engine fail."""


class Call:
    """The other side of the port: a line that never stops, and the commands a call would send."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.engine = stand.engine
        self.events: list[AnyEngineEvent] = []
        form = self.engine.capabilities.input_format
        self.contract = Contract(self.engine.capabilities.output_format.sample_bytes)
        self._frame_bytes = form.rate * form.sample_bytes // 50
        self._silence = b"\xff" if form is AudioFormat.ULAW_8K else b"\x00"
        self._frames: deque[bytes] = deque()
        self._news = asyncio.Event()

    def deliver(self, event: AnyEngineEvent) -> None:
        """As `telephony.session` would: some commands follow at once, from inside."""
        self.contract.look(event)
        self.events.append(event)
        self._news.set()
        on_request = self.engine.capabilities.answers_on_request
        if isinstance(event, ToolCalled):
            self.engine.submit(ToolOutput(event.tool_call_id, '{"free":["09:00"]}'))
        if isinstance(event, CallerSpeechStopped) and on_request:
            self.engine.submit(Answer(event.item_id))

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[E], count: int = 1) -> E:
        async with asyncio.timeout(20):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[count - 1]

    async def until_said(self, text: str) -> str:
        """The response that says so much."""
        async with asyncio.timeout(20):
            while not (found := [each for each in self.replies() if text in self.words(each)]):
                self._news.clear()
                await self._news.wait()
        return found[0]

    async def until_over(self, response_id: str) -> ResponseDone:
        async with asyncio.timeout(20):
            while response_id not in self.contract.over:
                self._news.clear()
                await self._news.wait()
        return next(each for each in self.of(ResponseDone) if each.response_id == response_id)

    def replies(self) -> list[str]:
        return [event.response_id for event in self.of(ResponseStarted)]

    def words(self, response_id: str) -> str:
        return "".join(e.text for e in self.of(TextDelta) if e.response_id == response_id)

    def speaks(self) -> None:
        """The caller says something."""
        speech, size = self.stand.speech, self._frame_bytes
        whole = len(speech) - len(speech) % size
        self._frames += [speech[at : at + size] for at in range(0, whole, size)]

    async def line(self) -> None:
        """What the caller's side carries, frame by frame."""
        while True:
            frame = self._frames.popleft() if self._frames else self._silence * self._frame_bytes
            self.engine.hear(frame)
            await asyncio.sleep(FRAME_S)


@contextlib.asynccontextmanager
async def ringing(stand: Stand) -> AsyncIterator[Call]:
    """The engine runs behind an open line; afterwards nothing of it may be left."""
    call = Call(stand)
    before = asyncio.all_tasks()
    running = _started(stand.engine.run(call.deliver))
    await call.until(EngineReady)
    line = _started(call.line())
    try:
        yield call
    finally:
        line.cancel()
        stand.engine.submit(CloseEngine())
        await asyncio.wait_for(running, 3)
        await asyncio.gather(line, return_exceptions=True)
        left = {task.get_name() for task in asyncio.all_tasks() - before}
        # The fakes' servers handle each connection in a task of their own.
        assert not [name for name in left if name.startswith(("realtime", "live", "local"))]


def _started(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(coroutine)


# ---- the engines --------------------------------------------------------------------------------

Built = AbstractAsyncContextManager[Stand]


@contextlib.asynccontextmanager
async def local(models: Models, *, on_request: bool = False) -> AsyncIterator[Stand]:
    dialogue = Dialogue(
        [Speak("Let me look."), CallTool("call_1", CALL.name, CALL.arguments)],
        [Speak("Tuesday at nine is free.")],
        [Speak(LONG)],
        [Speak("Very well.")],
    )
    speech = telephoned(says("Yes please."), 16_000).astype("<i2").tobytes()

    async def breaks(call: Call) -> None:
        # Its answers are at an end, which is a bug of the dialogue's.
        call.speaks()

    yield Stand(LocalEngine(models, dialogue, answers_on_request=on_request), speech, breaks)


@contextlib.asynccontextmanager
async def realtime(_models: Models, *, on_request: bool = False) -> AsyncIterator[Stand]:
    async with FakeRealtime(SCRIPT) as server:
        settings = RealtimeSettings(
            api_key=KEY, base_url=server.base_url, answers_on_request=on_request
        )

        async def breaks(_call: Call) -> None:
            server.sessions[-1].connection.transport.abort()

        speech = encoded(hum("caller", 700, 24_000), "audio/pcm")
        yield Stand(RealtimeEngine(settings, Persona(), TOOLS), speech, breaks)


@contextlib.asynccontextmanager
async def live(_models: Models) -> AsyncIterator[Stand]:
    async with FakeLive(SCRIPT) as server:
        settings = LiveSettings(api_key=KEY, base_url=server.base_url)

        async def breaks(_call: Call) -> None:
            server.sessions[-1].connection.transport.abort()

        speech = encoded(hum("caller", 900, 8_000), "audio/pcmu")
        yield Stand(LiveEngine(settings, Persona(), TOOLS), speech, breaks)


STANDS: dict[str, Callable[[Models], Built]] = {
    "local": local,
    "local_on_request": lambda models: local(models, on_request=True),
    "realtime": realtime,
    "realtime_on_request": lambda models: realtime(models, on_request=True),
    "live": live,
}

every_engine = pytest.mark.parametrize("name", STANDS)


# ---- the conversation ---------------------------------------------------------------------------


@every_engine
async def test_a_conversation_from_the_greeting_to_the_failure(name: str, models: Models) -> None:
    async with STANDS[name](models) as stand:
        assert stand.engine.capabilities.name == name.partition("_")[0]
        stand.engine.submit(Inform("Ann calls."))
        stand.engine.submit(CancelResponse("none"))
        async with ringing(stand) as call:
            await greeted(call)
            await answered_by_a_tool(call)
            await interrupted(call)
            await failed(call)


async def greeted(call: Call) -> None:
    """Words of the call's are said as they are."""
    call.engine.submit(Say(GREETING))
    greeting = await call.until_said(GREETING)
    assert (await call.until_over(greeting)).status is ResponseStatus.COMPLETED
    assert call.words(greeting).strip() == GREETING
    heard = [event for event in call.of(AudioDelta) if event.response_id == greeting]
    form = call.engine.capabilities.output_format
    duration_s = sum(len(each.audio) for each in heard) / form.sample_bytes / form.rate
    assert duration_s > 1.0


async def answered_by_a_tool(call: Call) -> None:
    call.speaks()
    called = await call.until(ToolCalled)
    assert (called.name, called.arguments) == (CALL.name, CALL.arguments)
    answer = await call.until_said("Tuesday at nine is free.")
    assert (await call.until_over(answer)).status is ResponseStatus.COMPLETED
    turn = call.of(CallerSpeechStarted)[0].item_id
    assert call.of(CallerSpeechStopped)[0].item_id == turn
    await call.until(CallerTranscript)
    assert call.of(CallerTranscript)[0].item_id == turn
    assert len(call.of(ToolCalled)) == 1


async def interrupted(call: Call) -> None:
    """A long answer is cut off, and what was heard of it is told."""
    capabilities = call.engine.capabilities
    turns = len(call.of(CallerSpeechStarted))
    call.speaks()
    long = await call.until_said("We are open")
    await call.until(CallerSpeechStopped, turns + 1)
    call.speaks()
    await call.until(CallerSpeechStarted, turns + 2)
    if not capabilities.cancels_on_speech:
        call.engine.submit(CancelResponse(long))
    over = await call.until_over(long)
    assert over.status is ResponseStatus.CANCELLED
    (item_id,) = {each.item_id for each in call.of(TextDelta) if each.response_id == long}
    if capabilities.truncates:
        call.engine.submit(TruncateItem(item_id, 0, 400, "We are"))
    told = len(call.words(long))
    after = await call.until_said("Very well.")
    await call.until_over(after)
    assert len(call.words(long)) == told, "more of a reply that was over"


async def failed(call: Call) -> None:
    """The last event is the failure; whatever is asked then does nothing."""
    await call.stand.breaks(call)
    failure = await call.until(EngineFailed)
    assert call.events[-1] is failure
    every: tuple[AnyEngineCommand, ...] = (
        AppendAudio(b"\xff" * 480),
        Say("Hello?"),
        Inform("Nothing."),
        Remember(()),
        TruncateItem("item", 0, 0, ""),
        DeleteItem("item"),
        CancelResponse("response"),
        ToolOutput("call", "{}"),
        Answer("turn"),
    )
    for command in every:
        call.engine.submit(command)
    call.engine.hear(b"\xff" * 480)
    await asyncio.sleep(0.05)
    assert call.events[-1] is failure


@every_engine
async def test_a_call_that_is_over_leaves_nothing_running(name: str, models: Models) -> None:
    async with STANDS[name](models) as stand:
        async with ringing(stand) as call:
            call.engine.submit(Say(LONG))
            await call.until(AudioDelta, 2)
        assert call.of(EngineFailed) == []


@every_engine
async def test_a_cancelled_run_ends(name: str, models: Models) -> None:
    async with STANDS[name](models) as stand:
        call = Call(stand)
        running = _started(stand.engine.run(call.deliver))
        await call.until(EngineReady)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 3)
        assert call.of(EngineFailed) == []
