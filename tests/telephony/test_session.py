"""The pump: order, timers, tools, and that nothing is left when a call is over."""

import asyncio
import datetime as dt
import gc
import weakref
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CloseEngine,
    EngineFailed,
    Inform,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
)
from agents.persona import Persona
from agents.tasks import Tasks
from telephony.accounts import Watch
from telephony.call.commands import CallCommand, Onward, Record, TakeBack, Transfer
from telephony.call.config import CallConfig, Limits, Resumed, Route
from telephony.call.events import (
    CallEvent,
    DialEnded,
    DtmfPressed,
    HandedOver,
    HandOverFailed,
    HumanWanted,
    MarkEchoed,
    MigrateAsked,
    StreamLost,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.session import Session
from telephony.spare import Spare
from telephony.transcripts.entry import EndedReason, ToolLine
from telephony.transcripts.journal import Journal, JournalWriter
from telephony.transcripts.records import read
from telephony.transcripts.replay import replay
from telephony.twilio.rest import HangUpResult, RedirectResult
from tests.databases import new_store
from tests.fakes.scripted_engine import CAPABILITIES, ScriptedEngine
from tools.approvals import Approvals
from tools.dispatch import Dispatcher
from tools.onhold import WAITING
from tools.receipts import Receipts
from tools.registry import Registry
from tools.spec import Approval, Result, Risk, Tool, ToolContext, ToolOutcome
from tools.store import Store

SECOND = b"\x55" * 8_000


class RecordingLeg:
    """What reached the phone's side, in order: as with a real one, only what was flushed."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self._waiting: list[tuple[object, ...]] = []

    def play(self, ulaw: bytes) -> None:
        self._waiting.append(("play", len(ulaw)))

    def mark(self, name: str) -> None:
        self._waiting.append(("mark", name))

    def clear(self) -> None:
        self._waiting.clear()
        self.asked.append(("clear",))

    def flush(self) -> None:
        self.asked += self._waiting
        self._waiting.clear()

    def close(self, code: int, reason: str) -> None:
        self._waiting.clear()
        self.asked.append(("close", code, reason))


class Control:
    """The carrier's API, answering as told."""

    def __init__(self, result: HangUpResult = HangUpResult.ENDED) -> None:
        self.result = result
        self.redirected = RedirectResult.DONE
        self.hung_up: list[str] = []
        self.redirects: list[tuple[str, bytes]] = []

    async def redirect(self, call_sid: str, twiml: bytes) -> RedirectResult:
        self.redirects.append((call_sid, twiml))
        return self.redirected

    async def hang_up(self, call_sid: str) -> HangUpResult:
        self.hung_up.append(call_sid)
        return self.result


class Nothing(msgspec.Struct):
    """A tool that wants no arguments."""


class Pay(msgspec.Struct):
    """What a tool wants that must not be written down."""

    card: str
    amount: int


def pay(asked: Pay, _context: ToolContext) -> Result:
    return {"message": f"Paid {asked.amount} with {asked.card}.", "card": asked.card}


def greet(_arguments: Nothing, context: ToolContext) -> Result:
    return {"message": f"Hello {context.caller_number}."}


class Around:
    """Surroundings of a session, with real tools and a real database."""

    def __init__(self, store: Store) -> None:
        self.tasks = Tasks(lambda name, error: self.counted.append(f"failed {name} {error}"))
        self.counted: list[str] = []
        self.seen: list[CallEvent] = []
        approval = Approval(deadline_s=30.0)
        tools = [
            Tool(name="greet", description="Greet.", arguments=Nothing, handler=greet),
            Tool("pay", "Pay.", Pay, pay, redact=("card",), risk=Risk.MONEY, confirm=("amount",)),
            Tool("refund", "Pay back.", Nothing, greet, approval=approval),
        ]
        self.approvals = Approvals(store)
        self.dispatcher = Dispatcher(
            Registry(tools),
            Receipts(store),
            clock=lambda: dt.datetime.now(dt.UTC),
            start=self.tasks.start,
            approvals=self.approvals,
        )
        self.control = Control()
        self.count: Callable[[str], None] = self.counted.append
        self.later = Spare().later
        self.watch: Watch = self._watch
        self.shown: list[tuple[CallEvent, Sequence[CallCommand]]] = []
        self.call_backs: list[tuple[str, str | None, str]] = []

    def onward(self, onward: Onward) -> bytes:
        return repr(onward).encode()

    def call_back(self, call_id: str, caller_number: str | None, why: str) -> None:
        self.call_backs.append((call_id, caller_number, why))

    def _watch(
        self, _call_id: str, _now: float, event: CallEvent, _commands: Sequence[CallCommand]
    ) -> None:
        self.seen.append(event)

    def show(
        self, _call_id: str, _now: float, event: CallEvent, commands: Sequence[CallCommand]
    ) -> None:
        self.shown.append((event, commands))


class Keeping:
    """What another process would be told, and when."""

    def __init__(self, leg: RecordingLeg) -> None:
        self.noted: list[CallCommand] = []
        self.reason: EndedReason | None = None
        self.closed_before: bool | None = None
        self._leg = leg

    def note(self, commands: Iterable[CallCommand]) -> None:
        self.noted += commands

    def ended(self, reason: EndedReason) -> None:
        self.reason = reason

    async def handed_on(self) -> None:
        await asyncio.sleep(0.05)
        self.closed_before = any(each[0] == "close" for each in self._leg.asked)


class OneCall:
    """A session under test with everything it touches."""

    def __init__(
        self, around: Around, writer: JournalWriter, engine: ScriptedEngine, **fields: Any
    ) -> None:
        self.around = around
        self.engine = engine
        self.leg = RecordingLeg()
        limits = Limits(goodbye_s=0.2, mark_grace_s=0.1, hangup_s=0.2, engine_ready_s=0.2)
        persona = Persona(greeting="Hi.")
        config = CallConfig("CA1", persona, CAPABILITIES, limits, SECOND[:80])
        self.config = msgspec.structs.replace(config, **fields)
        self.over = asyncio.Event()
        self.keeping = Keeping(self.leg)
        self.journal = Journal.open(
            writer,
            call_id="CA1",
            started_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
            engine="scripted",
            failed=around.count,
        )
        self.session = Session(
            call_id="CA1",
            caller_number="+14155550100",
            call=Call(self.config),
            leg=self.leg,
            engine=engine,
            journal=self.journal,
            around=around,
            over=lambda _session: self.over.set(),
            keeping=self.keeping,
            resumed=self.config.resumed,
        )

    async def begin(self) -> None:
        self.session.deliver(StreamStarted("MZ1"))
        await asyncio.sleep(0)

    async def ended(self) -> EndedReason | None:
        async with asyncio.timeout(2.0):
            await self.over.wait()
        return self.session.ended


def transcript(call: OneCall) -> list[dict[str, object]]:
    text = (call.journal.folder / "transcript.jsonl").read_text()
    return [msgspec.json.decode(line) for line in text.splitlines()]


@pytest.fixture
async def around(tmp_path: Path) -> AsyncGenerator[Around]:
    store = new_store(tmp_path / "test.db")
    around = Around(store)
    yield around
    await around.dispatcher.drain(1.0)
    store.close()


@pytest.fixture
async def one(around: Around, tmp_path: Path) -> AsyncGenerator[Callable[..., OneCall]]:
    writer = JournalWriter(tmp_path)

    def make(engine: ScriptedEngine | None = None, **fields: Any) -> OneCall:
        return OneCall(around, writer, engine or ScriptedEngine(), **fields)

    yield make
    await writer.shut(2.0)


async def test_the_engine_starts_with_the_stream_and_is_asked_to_greet(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    assert call.engine.running
    assert call.engine.asked == [Say("Hi.")]
    call.session.deliver(StreamStopped())
    assert await call.ended() is EndedReason.CALLER_HUNG_UP


async def test_audio_and_marks_go_to_the_phone_in_order(one: Callable[..., OneCall]) -> None:
    call = one()
    await call.begin()
    call.engine.say(ResponseStarted("r1"), AudioDelta("r1", "i1", 0, SECOND[:1_000]))
    call.engine.say(ItemDone("r1", "i1"))
    assert call.leg.asked == [
        ("mark", "0:0:0"),
        ("play", 160),
        ("mark", "0:1:160"),
        ("play", 160),
        ("mark", "0:1:320"),
        ("play", 160),
        ("mark", "0:1:480"),
        ("play", 320),
        ("mark", "0:1:800"),
        ("play", 200),
        ("mark", "0:1:1000"),
    ]
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_an_event_delivered_while_another_is_handled_waits_its_turn(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    seen = call.around.seen

    def again(_id: str, _now: float, event: CallEvent, _commands: Sequence[CallCommand]) -> None:
        seen.append(event)
        if event == DtmfPressed("1"):
            call.session.deliver(DtmfPressed("2"))
            assert seen[-1] == DtmfPressed("1")

    call.around.watch = again
    call.session.deliver(DtmfPressed("1"))
    assert seen[-2:] == [DtmfPressed("1"), DtmfPressed("2")]
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_a_tool_runs_beside_the_call_and_its_answer_comes_back(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.engine.say(ToolCalled("r1", "call_1", "greet", "{}"))
    async with asyncio.timeout(2.0):
        while not any(isinstance(asked, ToolOutput) for asked in call.engine.asked):
            await asyncio.sleep(0.005)
    (output,) = (asked for asked in call.engine.asked if isinstance(asked, ToolOutput))
    assert msgspec.json.decode(output.output)["message"] == "Hello +14155550100."
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_the_timer_wakes_the_call_at_its_deadline(one: Callable[..., OneCall]) -> None:
    """An engine that never gets ready: apology, hang-up, and as nothing answers, the close."""
    call = one(ScriptedEngine(ready=False))
    await call.begin()
    assert await call.ended() is EndedReason.ENGINE_FAILED
    assert ("play", 80) in call.leg.asked
    assert call.around.control.hung_up == ["CA1"]
    assert call.leg.asked[-1] == ("close", 1000, "engine_failed")


async def test_no_deadline_is_told_before_it_is_reached(one: Callable[..., OneCall]) -> None:
    """A timer of uvloop's may be early by a part of a millisecond: the call would find nothing due,
    and be asked again and again until it is."""
    call = one()
    await call.begin()
    timer = call.session._timer
    assert timer is not None
    assert timer.when() - call.session._zero_s >= call.session._armed_s + 0.0009
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_a_hang_up_the_carrier_refuses_closes_the_stream(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    call.around.control.result = HangUpResult.SERVER_ERROR
    await call.begin()
    call.engine.say(ToolCalled("r1", "call_1", "nosuchtool", "{}"))
    call.engine.breaks(RuntimeError("boom"))
    assert await call.ended() is EndedReason.ENGINE_FAILED
    assert call.leg.asked[-1] == ("close", 1000, "engine_failed")


async def test_fault_p10_a_bug_in_the_core_ends_this_call_only(
    one: Callable[..., OneCall],
) -> None:
    broken, healthy = one(), one()
    await broken.begin()
    await healthy.begin()
    call = broken.session._call
    vars(call)["handle"] = lambda *_: (_ for _ in ()).throw(KeyError("bug"))
    broken.session.deliver(DtmfPressed("1"))
    assert await broken.ended() is EndedReason.INTERNAL_ERROR
    assert await broken.journal.written(5.0)
    (line,) = transcript(broken)
    assert (line["type"], line["reason"]) == ("EndLine", "internal_error")
    assert broken.leg.asked[-1] == ("close", 1011, "internal error")
    assert broken.engine.asked[-1] == CloseEngine()
    assert not broken.engine.running
    healthy.engine.say(
        ResponseStarted("r1"),
        AudioDelta("r1", "i1", 0, SECOND[:160]),
        ResponseDone("r1", ResponseStatus.COMPLETED),
    )
    assert ("play", 160) in healthy.leg.asked
    healthy.session.deliver(StreamStopped())
    assert await healthy.ended() is EndedReason.CALLER_HUNG_UP


async def test_fault_p14_what_a_call_was_made_of_goes_without_a_look_for_garbage(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    heard = weakref.ref(call.session._call.hearing)
    gc.disable()
    try:
        call.session.deliver(StreamStopped())
        await call.ended()
        await asyncio.sleep(0)
        assert heard() is None
    finally:
        gc.enable()


async def test_fault_p10_a_broken_engine_task_ends_in_our_apology(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.engine.breaks(RuntimeError("boom"))
    assert await call.ended() is EndedReason.ENGINE_FAILED
    assert ("play", 80) in call.leg.asked
    assert "task_failed" in call.around.counted


async def test_fault_t13_after_a_hang_up_nothing_of_the_call_is_left(
    one: Callable[..., OneCall],
) -> None:
    """Even an engine that will not close is gone within two seconds."""
    before = len(asyncio.all_tasks())
    call = one(ScriptedEngine(closes=False))
    await call.begin()
    call.session.deliver(StreamStopped())
    began_s = asyncio.get_running_loop().time()
    await call.ended()
    assert asyncio.get_running_loop().time() - began_s < 2.0
    await asyncio.sleep(0)
    assert not call.engine.running
    assert len(asyncio.all_tasks()) <= before
    assert call.session._timer is None


async def test_what_comes_after_the_end_does_nothing(one: Callable[..., OneCall]) -> None:
    call = one()
    await call.begin()
    call.session.deliver(StreamStopped())
    await call.ended()
    asked = list(call.leg.asked)
    call.session.deliver(DtmfPressed("1"))
    call.session.deliver(StreamStopped())
    assert call.leg.asked == asked
    assert not call.session._inbox


# ---- callers who are passed on -----------------------------------------------------------------

DESK = {
    "routes": (Route("desk", "One moment.", 5.0),),
    "human": "desk",
    "human_ulaw": SECOND[:80],
    "sorry_ulaw": SECOND[:80],
}


async def leaving(call: OneCall) -> None:
    """The caller wants a person, and has heard that they get one."""
    await call.begin()
    deliver = call.session.attach(call.leg)
    deliver(MarkEchoed("0:0:0"))
    deliver(HumanWanted())
    deliver(MarkEchoed("0:1:80"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_caller_is_passed_on_by_one_request(one: Callable[..., OneCall]) -> None:
    call = one(**DESK)
    await leaving(call)
    assert call.session.next_step == Transfer("desk")
    assert call.around.control.redirects == [("CA1", repr(Transfer("desk")).encode())]
    assert HandedOver() in call.around.seen
    assert not call.session.expects_stream
    call.session.deliver(StreamStopped())
    assert call.engine.running
    call.session.deliver(DialEnded("completed"))
    assert await call.ended() is EndedReason.TRANSFERRED
    assert call.around.control.hung_up == []


@pytest.mark.parametrize(
    ("result", "over"), [(RedirectResult.TIMEOUT, False), (RedirectResult.ALREADY_OVER, True)]
)
async def test_a_redirect_that_failed_is_told_to_the_call(
    one: Callable[..., OneCall], result: RedirectResult, over: bool
) -> None:
    call = one(**DESK)
    call.around.control.redirected = result
    await leaving(call)
    assert HandOverFailed(result.value, over) in call.around.seen
    closed = ("close", 1000, "call over" if over else "transferring")
    assert closed in call.leg.asked
    call.session.deliver(DialEnded("completed"))
    ended = EndedReason.CALLER_HUNG_UP if over else EndedReason.TRANSFERRED
    assert await call.ended() is ended


async def test_a_target_without_a_document_is_a_failure_and_no_crash(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = one(**DESK)

    def unknown(_onward: Onward) -> bytes:
        raise KeyError("desk")

    monkeypatch.setattr(call.around, "onward", unknown)
    await leaving(call)
    assert HandOverFailed("internal") in call.around.seen
    call.session.deliver(DialEnded("completed"))
    assert await call.ended() is EndedReason.TRANSFERRED


async def test_the_same_call_goes_on_over_a_second_stream(one: Callable[..., OneCall]) -> None:
    call = one(**DESK)
    await leaving(call)
    old = call.session.attach(call.leg)
    old(StreamStopped())
    call.session.deliver(DialEnded("busy"))
    waits = call.session.expects_stream, call.session.next_step
    assert waits == (True, TakeBack())
    old(StreamLost("closed"))
    second = RecordingLeg()
    deliver = call.session.attach(second)
    deliver(StreamStarted("MZ2"))
    assert (call.session.expects_stream, call.session.next_step) == (False, None)
    assert [asked[0] for asked in second.asked] == ["mark"]
    assert [type(asked) for asked in call.engine.asked[-2:]] == [Inform, Say]
    # What still comes of the first stream is not of this call any more.
    old(StreamLost("silent"))
    assert call.session.ended is None
    assert call.around.counted.count("event_of_left_stream") == 2
    deliver(StreamStopped())
    assert await call.ended() is EndedReason.CALLER_HUNG_UP


async def test_a_caller_nobody_could_take_is_to_be_called_back(one: Callable[..., OneCall]) -> None:
    call = one()
    await call.begin()
    call.engine.breaks(RuntimeError("boom"))
    await asyncio.sleep(0.01)
    call.session.deliver(StreamStopped())
    await call.ended()
    assert call.around.call_backs == [
        ("CA1", "+14155550100", "The call broke off for a fault of ours.")
    ]


async def test_a_core_that_broke_still_tells_what_was_heard_if_it_can(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug is met once; the core then settles the sentence under way as for a lost stream."""
    call = one()
    await call.begin()
    call.engine.say(ResponseStarted("r1"), AudioDelta("r1", "i1", 0, SECOND[:800]))
    call.session.deliver(MarkEchoed("0:1:800"))
    core = call.session._call
    handle = core.handle

    def once(_event: CallEvent, _now: float) -> list[CallCommand]:
        monkeypatch.setattr(core, "handle", handle)
        raise KeyError("bug")

    monkeypatch.setattr(core, "handle", once)
    call.session.deliver(DtmfPressed("1"))
    assert await call.ended() is EndedReason.INTERNAL_ERROR
    assert await call.journal.written(5.0)
    spoken, end = transcript(call)
    assert (spoken["item_id"], spoken["heard_ms"]) == ("i1", 100)
    assert (end["type"], end["reason"]) == ("EndLine", "internal_error")


class Undead(ScriptedEngine):
    """Its `run` swallows its cancellation, for as long as the test lasts."""

    def __init__(self) -> None:
        super().__init__(closes=False)
        self.let_go = asyncio.Event()

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        try:
            await super().run(deliver)
        except asyncio.CancelledError:
            await self.let_go.wait()


async def test_an_engine_that_ignores_its_cancellation_does_not_keep_the_call(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.seats.CLOSE_S", 0.02)
    monkeypatch.setattr("telephony.session._LET_GO_S", 0.02)
    engine = Undead()
    call = one(engine)
    await call.begin()
    call.session.deliver(StreamStopped())
    assert await call.ended() is EndedReason.CALLER_HUNG_UP
    assert "task_left_behind" in call.around.counted
    engine.let_go.set()


async def test_a_call_knows_whether_its_own_apology_was_heard(one: Callable[..., OneCall]) -> None:
    heard, unheard = one(), one()
    for call in (heard, unheard):
        call.around.control.result = HangUpResult.SERVER_ERROR
        await call.begin()
        call.engine.breaks(RuntimeError("boom"))
        async with asyncio.timeout(2.0):
            while ("play", 80) not in call.leg.asked:
                await asyncio.sleep(0.005)
    for asked in [asked for asked in heard.leg.asked if asked[0] == "mark"]:
        heard.session.deliver(MarkEchoed(str(asked[1])))
    unheard.session.deliver(StreamLost("closed"))
    await heard.ended()
    await unheard.ended()
    assert heard.session.apologised
    assert not unheard.session.apologised


# ---- what tools' rules ask of a call ------------------------------------------------------------

CARD = "4111222233334444"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not holds():
            await asyncio.sleep(0.01)


def answers(call: OneCall) -> list[dict[str, Any]]:
    told = [each for each in call.engine.asked if isinstance(each, ToolOutput)]
    return [msgspec.json.decode(each.output) for each in told]


async def test_what_a_tool_redacts_is_in_no_file_of_the_call_and_it_replays(
    one: Callable[..., OneCall],
) -> None:
    call = one(evidence_tools=("pay",))
    await call.begin()
    call.engine.say(ResponseStarted("r1"), TextDelta("r1", "i1", "Shall I pay 5?"))
    call.engine.say(AudioDelta("r1", "i1", 0, SECOND[:4_800]), ItemDone("r1", "i1"))
    call.engine.say(ResponseDone("r1", ResponseStatus.COMPLETED))
    for asked in list(call.leg.asked):
        if asked[0] == "mark":
            call.session.deliver(MarkEchoed(str(asked[1])))
    await until(lambda: b"Shall I pay" in transcript_bytes(call))
    # Long after the question, however slow the machine was in asking it.
    call.engine.say(CallerSpeechStarted("c1", 60_000), CallerSpeechStopped("c1", 60_300))
    arguments = msgspec.json.encode({"card": CARD, "amount": 5}).decode()
    call.engine.say(ToolCalled("r2", "t1", "pay", arguments))
    assert answers(call) == []
    call.engine.say(CallerTranscript("c1", "Yes."))
    await until(lambda: bool(answers(call)))
    (told,) = answers(call)
    assert (told["status"], told["card"]) == ("done", CARD), "the model is told all of it"
    call.session.deliver(StreamStopped())
    await call.ended()
    assert await call.journal.written(5.0)
    files = {path.name: path.read_bytes() for path in call.journal.folder.iterdir()}
    assert not [name for name, data in files.items() if CARD.encode() in data]
    (line,) = [each for each in transcript(call) if each["type"] == "ToolLine"]
    assert msgspec.json.decode(str(line["arguments"])) == {"card": "[redacted]", "amount": 5}
    found = replay(read(files["journal.bin"]), lambda _config: Call(call.config))
    assert found.problem is None


def transcript_bytes(call: OneCall) -> bytes:
    path = call.journal.folder / "transcript.jsonl"
    return path.read_bytes() if path.exists() else b""


async def test_a_caller_who_waits_for_a_person_is_told_so(one: Callable[..., OneCall]) -> None:
    call = one()
    await call.begin()
    call.engine.say(ToolCalled("r1", "t1", "refund", "{}"))
    await until(lambda: Say(WAITING) in call.engine.asked)
    now = dt.datetime.now(dt.UTC)
    (waiting,) = await asyncio.to_thread(call.around.approvals.waiting, now)
    await asyncio.to_thread(call.around.approvals.approve, waiting.id, "Bea", now)
    await until(lambda: bool(answers(call)))
    assert answers(call)[0]["status"] == "done"
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_fault_x9_a_caller_who_hangs_up_while_a_person_decides_gets_nothing_done(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.engine.say(ToolCalled("r1", "t1", "refund", "{}"))
    await until(lambda: Say(WAITING) in call.engine.asked)
    call.session.deliver(StreamStopped())
    await call.ended()
    now = dt.datetime.now(dt.UTC)
    async with asyncio.timeout(10.0):
        while await asyncio.to_thread(call.around.approvals.waiting, now):
            await asyncio.sleep(0.01)
    assert answers(call) == []


async def test_fault_p1_a_call_that_leaves_closes_its_socket_when_all_is_written(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.session.deliver(MigrateAsked(0.0))
    assert await call.ended() is EndedReason.MIGRATED
    assert call.keeping.closed_before is False
    assert call.keeping.reason is None
    assert ("close", 1001, "going away") in call.leg.asked


async def test_another_process_is_told_of_all_that_happens_and_of_the_end(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.session.deliver(StreamStopped())
    await call.ended()
    assert call.keeping.reason is EndedReason.CALLER_HUNG_UP
    assert any(isinstance(command, Record) for command in call.keeping.noted)


async def test_fault_p3_a_tool_that_another_process_began_is_settled_and_answered(
    one: Callable[..., OneCall],
) -> None:
    pending = (ToolCalled("", "call_1", "greet", "{}"),)
    call = one(resumed=Resumed(30.0, pending=pending))
    await call.begin()
    async with asyncio.timeout(2.0):
        while not _tool_lines(call):
            await asyncio.sleep(0.01)
    (line,) = _tool_lines(call)
    # It was never begun there, which the model may be told: it asks again, or does not.
    assert (line.tool_call_id, line.state) == ("call_1", "failed")
    assert line.start_ms >= 30_000
    call.session.deliver(StreamStopped())
    await call.ended()


def _tool_lines(call: OneCall) -> list[ToolLine]:
    noted = (command for command in call.keeping.noted if isinstance(command, Record))
    return [command.entry for command in noted if isinstance(command.entry, ToolLine)]


@pytest.mark.parametrize("settling", [False, True])
async def test_a_tool_whose_task_breaks_has_failed_and_the_engine_goes_on(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch, settling: bool
) -> None:
    async def breaks(*_arguments: object) -> ToolOutcome:
        raise RuntimeError("boom")

    pending = (ToolCalled("r0", "call_1", "greet", "{}"),)
    resumed = Resumed(0.0, 0, pending=pending) if settling else None
    call = one(resumed=resumed) if settling else one()
    monkeypatch.setattr(call.around.dispatcher, "run", breaks)
    monkeypatch.setattr(call.around.dispatcher, "settle", breaks)
    await call.begin()
    if not settling:
        call.engine.say(ResponseStarted("r1"), ToolCalled("r1", "call_1", "greet", "{}"))
    for _ in range(5):
        await asyncio.sleep(0)
    (finished,) = [event for event in call.around.seen if isinstance(event, ToolFinished)]
    state = "unknown" if settling else "failed"
    assert (finished.tool_call_id, finished.name, finished.state) == ("call_1", "greet", state)
    told = msgspec.json.decode(finished.output)
    assert told["status"] == state
    assert "nothing was changed" not in told["message"]
    assert not any(isinstance(event, EngineFailed) for event in call.around.seen)
    assert call.engine.running
    call.session.deliver(StreamStopped())
    assert await call.ended() is EndedReason.CALLER_HUNG_UP
