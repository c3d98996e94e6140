"""How calls are begun: on which engine, while others find out, and what is let go when it fails."""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agents.engine import (
    AnyEngineEvent,
    Capabilities,
    CloseEngine,
    Engine,
    EngineFailed,
    EngineReady,
    ResponseDone,
    ResponseStatus,
)
from agents.persona import Persona
from telephony.app import Service, open_service
from telephony.call.events import StreamStarted, StreamStopped
from telephony.casting import Cast
from telephony.enginegate import AT_ONCE, FAILURES, LONGEST_ROW_S, PER_S, REST_S, EngineGate
from telephony.engines import Briefing
from telephony.opening import Configured, Opening, _Sessions
from telephony.session import Session
from telephony.settings import load
from telephony.transcripts.entry import EndedReason
from telephony.twilio.ports import Offer
from tests.fakes.scripted_engine import CAPABILITIES, ScriptedEngine
from tests.telephony.test_session import RecordingLeg
from tests.telephony.virtual_time import run_virtually
from tests.unasked import UNASKED
from tools.versions.current import Live

LADDER = ("realtime", "local")
NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
COMPLETED = ResponseDone("r1", ResponseStatus.COMPLETED)


class Fakes:
    """Scripted engines, and what they were made for."""

    def __init__(self) -> None:
        self.made: list[ScriptedEngine] = []
        self.briefings: list[Briefing] = []

    def new(self, _caller: str, briefing: Briefing) -> Engine:
        self.made.append(ScriptedEngine())
        self.briefings.append(briefing)
        return self.made[-1]

    def capabilities(self, _briefing: Briefing) -> Capabilities:
        return CAPABILITIES


# ---- the sessions of one call -------------------------------------------------------------------


class Desk:
    """Sessions of a call with a ladder; `mended` as Spending.heard answers."""

    def __init__(self, ladder: tuple[str, ...] = LADDER, gate: EngineGate | None = None) -> None:
        self.gate = gate or EngineGate(lambda: 0.0)
        self.mended = False
        engines = {kind: Fakes() for kind in ladder}
        briefing = Briefing(Persona(), (), lambda: NOON)
        self.sessions = _Sessions(engines, self.gate, briefing, "", ladder, self._heard)

    def _heard(self, _engine: str, _event: AnyEngineEvent) -> bool:
        return self.mended

    def row(self, wait_s: float) -> None:
        """Others stand in the row."""
        while self.gate.row_s("realtime", now()) < wait_s:
            self.gate.wait_s("realtime", now())


def now() -> float:
    return asyncio.get_running_loop().time()


Story = Callable[[], Coroutine[Any, Any, None]]


def virtually(story: Story) -> Callable[[], None]:
    def test() -> None:
        run_virtually(story())

    return test


@virtually
async def test_whoever_comes_alone_enters_at_once() -> None:
    began = now()
    assert await Desk().sessions.enter(0) is None
    assert now() == began


@virtually
async def test_a_short_row_is_waited_for() -> None:
    desk, began = Desk(), now()
    desk.row(LONGEST_ROW_S - 0.1)
    assert await desk.sessions.enter(0) is None
    assert now() - began == pytest.approx(LONGEST_ROW_S - 0.1, abs=0.05)


@virtually
async def test_fault_m24_a_row_that_is_too_long_is_no_reason_to_wait_for_the_provider() -> None:
    desk, began = Desk(), now()
    desk.row(LONGEST_ROW_S + 0.01)
    longest_s = desk.gate.row_s("realtime", began)
    for _ in range(3):
        assert await desk.sessions.enter(0) == "row_too_long"
    assert (now(), desk.gate.row_s("realtime", began)) == (began, longest_s), "no place is taken"
    assert await desk.sessions.enter(1) is None


@virtually
async def test_fault_m24_after_an_outage_fifty_calls_connect_one_after_another() -> None:
    """Those with another engine take it rather than wait long; those without one wait, spread."""
    gate = EngineGate(random.Random(1).random)
    began, entered = now(), dict[int, float]()

    async def call(number: int) -> None:
        ladder = ("realtime",) if number % 2 else LADDER
        refused = await Desk(ladder, gate).sessions.enter(0)
        assert refused in (None, "row_too_long")
        if refused is None:
            entered[number] = now() - began

    await asyncio.gather(*(call(number) for number in range(50)))
    times = sorted(entered.values())
    assert {number for number in range(50) if number % 2} <= entered.keys()
    assert 25 < len(times) < 50, "some had better take the next engine"
    for at in times:
        together = [one for one in times if at <= one < at + 0.1]
        assert len(together) <= 0.1 * PER_S + 2 + (AT_ONCE if at == 0 else 0)
    later = [round(at, 6) for at in times if at > 0]
    assert len(set(later)) == len(later), "no two in step"
    assert times[-1] < 50 / PER_S


@virtually
async def test_fault_m24_a_provider_that_stays_down_is_asked_less_and_less() -> None:
    """Fifty calls that come back again and again are a handful of connections a minute."""
    gate = EngineGate(random.Random(1).random)
    asked: list[float] = []

    async def call() -> None:
        desk = Desk(LADDER, gate)
        for _ in range(60):
            if await desk.sessions.enter(0) is None:
                asked.append(now())
                await asyncio.sleep(0.1)
                desk.sessions.report(0, EngineFailed("connect_refused", fatal=False))
            await asyncio.sleep(1.0)

    await asyncio.gather(*(call() for _ in range(50)))
    assert len([at for at in asked if at - asked[0] < 1.0]) <= AT_ONCE + PER_S
    after = [at for at in asked if at - asked[0] >= 1.0]
    assert 1 <= len(after) <= 60 / REST_S


@virtually
async def test_where_no_engine_follows_the_row_is_waited_for_however_long() -> None:
    desk, began = Desk(("realtime",)), now()
    desk.row(LONGEST_ROW_S + 0.3)
    assert await desk.sessions.enter(0) is None
    assert now() - began >= LONGEST_ROW_S + 0.3


@virtually
async def test_an_engine_that_rests_is_not_entered() -> None:
    desk = Desk()
    desk.gate.failed("realtime", now(), fatal=True)
    assert await desk.sessions.enter(0) == "breaker_open"
    assert await desk.sessions.enter(1) is None


@virtually
async def test_an_engine_that_begins_to_rest_meanwhile_is_not_entered() -> None:
    desk = Desk()
    desk.row(0.5)
    loop = asyncio.get_running_loop()
    loop.call_later(0.2, partial(desk.gate.failed, "realtime", now(), fatal=True))
    assert await desk.sessions.enter(0) == "breaker_open"


@virtually
async def test_after_a_rest_one_call_finds_out() -> None:
    desk = Desk()
    desk.gate.failed("realtime", now(), fatal=True)
    await asyncio.sleep(REST_S)
    assert await desk.sessions.enter(0) is None
    assert await desk.sessions.enter(0) == "breaker_open"
    desk.sessions.report(0, EngineReady("s1"))
    assert await desk.sessions.enter(0) == "breaker_open", "that it opens proves nothing"
    desk.sessions.report(0, ResponseDone("r1", ResponseStatus.CANCELLED))
    assert await desk.sessions.enter(0) == "breaker_open"
    desk.sessions.report(0, COMPLETED)
    assert await desk.sessions.enter(0) is None
    assert await desk.sessions.enter(0) is None


@virtually
async def test_an_engine_that_opens_mute_sessions_again_and_again_rests() -> None:
    desk = Desk()
    for _ in range(FAILURES):
        assert await desk.sessions.enter(0) is None
        desk.sessions.report(0, EngineReady("s1"))
        assert desk.sessions.report(0, EngineFailed("left", fatal=False)) is None
    assert await desk.sessions.enter(0) == "breaker_open"


@virtually
async def test_a_model_that_another_stands_for_is_not_fatal() -> None:
    desk = Desk()
    desk.mended = True
    told = desk.sessions.report(0, EngineFailed("model_not_found", fatal=True))
    assert told == EngineFailed("model_not_found", fatal=False)
    assert await desk.sessions.enter(0) is None
    desk.mended = False
    assert desk.sessions.report(0, EngineFailed("model_not_found", fatal=True)) is None
    assert await desk.sessions.enter(0) == "breaker_open"


@virtually
async def test_settings_of_one_call_that_are_refused_are_no_other_call_s_business() -> None:
    desk = Desk()
    for _ in range(FAILURES):
        desk.sessions.report(0, EngineFailed("session_config_refused", fatal=True))
    assert await desk.sessions.enter(0) is None


# ---- the beginning of calls ---------------------------------------------------------------------


class House:
    """A service whose engines are scripted."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.engines = {kind: Fakes() for kind in LADDER}
        service._engines = dict(self.engines)
        self.opening: Opening = service._make_opening()
        self.gate = self.opening._gate
        self.live = service._current.live
        self.over: list[Session] = []

    def newer(self) -> Live[Configured]:
        return Live(self.live.version + 1, self.live.built)

    def session(self, call_id: str = "CA1", live: Live[Configured] | None = None) -> Session:
        leg, over = RecordingLeg(), self.over.append
        return self.opening.session(live or self.live, offer(call_id), leg, over)

    def made(self, kind: str) -> list[ScriptedEngine]:
        return self.engines[kind].made

    def half_open(self) -> None:
        """The engine's rest is just over."""
        self.gate.failed("realtime", now() - REST_S, fatal=True)


def offer(call_id: str) -> Offer:
    return Offer(call_id, "AC1", "+442079460001", "+442079460000")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    environ = {
        "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
        **UNASKED,
        "FRONTDESK_ENGINE": "realtime",
        "FRONTDESK_FALLBACKS": "local",
        "OPENAI_API_KEY": "sk-test-0123456789",
    }
    service = await open_service(load(environ, tmp_path))
    built = House(service)
    yield built
    built.opening.close()
    await service.stop()


async def test_a_call_begins_with_the_first_engine_of_its_ladder(house: House) -> None:
    house.session()
    assert (len(house.made("realtime")), len(house.made("local"))) == (1, 0)


async def test_a_session_opened_while_it_rang_is_the_call_s_first(house: House) -> None:
    house.opening.prewarm(house.live, offer("CA1"))
    await asyncio.sleep(0)
    (warm,) = house.made("realtime")
    assert warm.running
    house.session()
    assert house.made("realtime") == [warm]
    assert warm.asked == []


async def test_after_a_rest_one_new_call_finds_out_and_the_others_go_on_with_the_next(
    house: House,
) -> None:
    house.half_open()
    assert house.opening.usable(LADDER) == LADDER
    for call_id in ("CA1", "CA2", "CA3"):
        house.session(call_id)
    assert (len(house.made("realtime")), len(house.made("local"))) == (1, 2)
    assert house.opening.usable(LADDER) == ("local",)
    house.gate.worked("realtime")
    assert house.opening.usable(LADDER) == LADDER


async def test_where_nothing_works_a_call_that_was_taken_still_tries(house: House) -> None:
    for kind in LADDER:
        house.gate.failed(kind, now(), fatal=True)
    house.session()
    assert len(house.made("realtime")) == 1


async def test_a_call_that_does_not_come_lets_another_find_out(house: House) -> None:
    house.half_open()
    house.opening.prewarm(house.live, offer("CA1"))
    await asyncio.sleep(0)
    assert house.opening.usable(LADDER) == ("local",)
    house.opening.close()
    assert house.made("realtime")[0].asked == [CloseEngine()]
    assert house.opening.usable(LADDER) == LADDER


async def test_a_call_that_ends_before_its_first_reply_lets_another_find_out(house: House) -> None:
    house.half_open()
    session = house.session()
    session.deliver(StreamStarted("MZ1"))
    await asyncio.sleep(0)
    assert house.opening.usable(LADDER) == ("local",)
    session.deliver(StreamStopped())
    async with asyncio.timeout(5.0):
        while not house.over:
            await asyncio.sleep(0.005)
    assert house.over == [session]
    assert house.opening.usable(LADDER) == LADDER


async def test_a_call_that_found_out_leaves_it_at_that_when_it_ends(house: House) -> None:
    house.half_open()
    sessions = house.opening._begin(house.live, offer("CA1"), "").sessions
    sessions.report(0, COMPLETED)
    house.half_open()
    house.session("CA2")
    sessions.over()
    assert house.opening.usable(LADDER) == ("local",)


async def test_a_version_published_while_it_rings_keeps_the_caller_s_name(house: House) -> None:
    house.half_open()
    house.service._names._names["CA1"] = "Ann"
    house.opening.prewarm(house.live, offer("CA1"))
    await asyncio.sleep(0)
    house.session(live=house.newer())
    old, new = house.made("realtime")
    assert (old.asked, new.asked) == ([CloseEngine()], [])
    names = [briefing.caller_name for briefing in house.engines["realtime"].briefings]
    assert set(names) == {"Ann"}


@pytest.mark.parametrize("where", ["_config", "_open_journal", "_session"])
@pytest.mark.parametrize("warmed", [False, True])
async def test_what_was_opened_for_a_call_that_cannot_be_begun_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch, where: str, warmed: bool
) -> None:
    def breaks(*_arguments: object) -> None:
        raise RuntimeError("boom")

    house.half_open()
    if warmed:
        house.opening.prewarm(house.live, offer("CA1"))
        await asyncio.sleep(0)
    if where == "_session":
        monkeypatch.setattr("telephony.opening.Session", lambda **_fields: breaks())
    else:
        monkeypatch.setattr(house.opening, where, breaks)
    with pytest.raises(RuntimeError, match="boom"):
        house.session()
    await asyncio.sleep(0.01)
    (engine,) = house.made("realtime")
    assert engine.asked == [CloseEngine()]
    assert not engine.running
    assert house.opening.usable(LADDER) == LADDER


async def test_a_call_that_never_started_has_its_record(house: House) -> None:
    house.opening.never_started(house.live, offer("CA1"), EndedReason.INTERNAL_ERROR)
    house.opening.never_started(house.live, offer("CA2"), EndedReason.MIGRATED)
    async with asyncio.timeout(5.0):
        await house.service._journals.shut(4.0)
    data = house.service.settings.data_dir
    assert len(list(data.rglob("*CA1*"))) == 1
    assert list(data.rglob("*CA2*")) == []


def test_the_ladder_of_a_part_is_the_one_these_tests_speak_of(house: House) -> None:
    cast: Cast = house.live.built.cast
    assert cast.part("", NOON).ladder == LADDER
