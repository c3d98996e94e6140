"""Engine sessions opened while the telephone still rings."""

import asyncio

from agents.engine import CloseEngine, EngineFailed, EngineReady, Say
from agents.tasks import Tasks
from telephony.call.events import CallEvent
from telephony.warm import MOST, WarmEngine, WarmPool
from tests.fakes.scripted_engine import CAPABILITIES, ScriptedEngine


def fail(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_a_session_tells_early_is_told_when_the_call_begins() -> None:
    engine, told = ScriptedEngine(), list[CallEvent]()
    warm, tasks = WarmEngine(engine), Tasks(fail)
    warm.warm(tasks, "warm")
    await settle()
    assert engine.running
    running = tasks.start("run", warm.run(told.append))
    await settle()
    assert told == [EngineReady("scripted")]
    engine.say(EngineFailed("gone", fatal=False))
    assert told[-1] == EngineFailed("gone", fatal=False)
    warm.hear(b"\xff" * 160)
    assert engine.heard == [b"\xff" * 160]
    warm.submit(CloseEngine())
    await asyncio.wait_for(running, 1.0)
    assert not engine.running


async def test_a_session_that_was_not_opened_early_is_opened_by_its_call() -> None:
    engine, told = ScriptedEngine(), list[CallEvent]()
    warm, tasks = WarmEngine(engine), Tasks(fail)
    assert warm.capabilities == CAPABILITIES
    running = tasks.start("run", warm.run(told.append))
    await settle()
    assert told == [EngineReady("scripted")]
    warm.submit(Say("Hello."))
    warm.submit(CloseEngine())
    await asyncio.wait_for(running, 1.0)
    assert engine.asked == [Say("Hello."), CloseEngine()]


async def test_a_call_that_is_cancelled_leaves_no_session_running() -> None:
    engine = ScriptedEngine(closes=False)
    warm, tasks = WarmEngine(engine), Tasks(fail)
    warm.warm(tasks, "warm")
    running = tasks.start("run", warm.run(list[CallEvent]().append))
    await settle()
    running.cancel()
    await settle()
    assert not engine.running


async def test_what_nobody_takes_in_time_is_let_go() -> None:
    gone: list[str] = []
    pool: WarmPool[str] = WarmPool(gone.append, keep_s=0.01)
    pool.put("CA1", "first")
    pool.put("CA1", "second")
    assert gone == ["first"], "one for each call"
    async with asyncio.timeout(2.0):
        while "second" not in gone:
            await asyncio.sleep(0.005)
    assert pool.take("CA1") is None


async def test_what_is_taken_is_not_let_go() -> None:
    gone: list[str] = []
    pool: WarmPool[str] = WarmPool(gone.append, keep_s=0.01)
    pool.put("CA1", "first")
    assert pool.take("CA1") == "first"
    await asyncio.sleep(0.03)
    assert gone == []


async def test_there_is_a_bound() -> None:
    pool: WarmPool[int] = WarmPool(lambda _: None)
    for number in range(MOST):
        assert not pool.full
        pool.put(f"CA{number}", number)
    assert pool.full
    pool.drop_all()
    assert not pool.full
