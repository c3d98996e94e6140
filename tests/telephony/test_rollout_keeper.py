"""A roll-out beside calls: who gets which version, what is told of each call, and the way back."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from agents.tasks import Tasks
from telephony.call.commands import Record
from telephony.rollout.keeper import Keeper
from telephony.rollout.observing import Watched
from telephony.transcripts.entry import EndedReason, EndLine, ToolLine
from telephony.twilio.ports import Offer
from tests.tools.versioned import Clock, Editor
from tools.config import ConfigError
from tools.migrate import migrate
from tools.rollout.decision import Verdict
from tools.rollout.rollouts import Rollouts
from tools.rollout.spec import Arm, Counts, Rollout, Rule, Seen, State
from tools.store import Store, UnreachableError, open_store
from tools.versions.current import Current, Live


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rollout") / "empty.db"
    store = open_store(f"sqlite:///{path}")
    migrate(store)
    store.close()
    return path


class House(Editor):
    """A service that goes by version 1, with version 2 to try."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.published(self.saved(None, shop="one"))
        self.saved(1, shop="two")
        self.rollouts = Rollouts(store, self.versions, Clock())
        self.counters: Counter[str] = Counter()
        self.current: Current[Any] = Current(Live(1, "one"))
        self.unusable = False
        self.noted: list[tuple[int, list[str]]] = []
        self.keeper = Keeper(self.rollouts, self.current, self.built, self.count, self.note)

    def count(self, code: str) -> None:
        self.counters[code] += 1

    def note(self, rollout: Rollout, verdict: Verdict) -> None:
        self.noted.append((rollout.id, [each.measure for each in verdict.worse]))

    async def built(self, version: int) -> Any:
        if self.unusable:
            raise ConfigError("tools", "is unusable", "Mend it")
        return self.texts(version)["shop"]

    def start(self, percent: float = 100, rule: Rule | None = None) -> Rollout:
        found = self.rollouts.start(2, percent, (), rule or Rule(least_calls=5), "ann", "")
        assert isinstance(found, Rollout)
        return found

    def call(self, number: int, *entries: Any, reason: str = "caller_hung_up") -> str:
        """Begins, and ends; what it went by."""
        offered = offer(number)
        live = self.keeper.begins(offered)
        end = EndLine(EndedReason(reason), 1_000, silence_ms=900)
        for entry in (*entries, end):
            self.keeper.observe(offered.call_sid, [Record(entry)])
        return str(live.built)


def offer(number: int) -> Offer:
    return Offer(f"CA{number}", "AC1", f"+4420794{number:05}", "+442079460000")


def tool(state: str) -> ToolLine:
    return ToolLine("t1", "book", "{}", state, "{}", 0, 10)


@pytest.fixture
def tried(tmp_path: Path, template: Path) -> Callable[[Callable[[House], Any]], None]:
    """Runs a story. The looks use a thread, so the clock is the real one; nothing is waited for."""
    store = open_store(f"sqlite:///{shutil.copy(template, tmp_path / 'store.db')}")

    def run(story: Callable[[House], Coroutine[Any, Any, None]]) -> None:
        asyncio.run(story(House(store)))
        store.close()

    return run


Tried = Callable[[Callable[[House], Coroutine[Any, Any, None]]], None]


def test_without_a_roll_out_all_calls_go_by_what_is_published(tried: Tried) -> None:
    async def story(house: House) -> None:
        await house.keeper.look()
        assert str(house.keeper.live_for(offer(1)).built) == "one"
        assert house.call(1) == "one"

    tried(story)


def test_fault_c7_a_call_keeps_its_version_when_it_is_taken_back_meanwhile(tried: Tried) -> None:
    async def story(house: House) -> None:
        rollout = house.start()
        await house.keeper.look()
        kept = house.keeper.begins(offer(1))
        house.rollouts.stop(rollout.id, "ann", "no")
        await house.keeper.look()
        assert (kept.version, str(kept.built)) == (2, "two")
        assert house.keeper.live_for(offer(1)).version == 1

    tried(story)


def test_some_callers_get_it_always_the_same_ones(tried: Tried) -> None:
    async def story(house: House) -> None:
        house.start(percent=30)
        await house.keeper.look()
        first = [house.keeper.live_for(offer(number)).version for number in range(200)]
        assert 30 <= first.count(2) <= 90
        assert first == [house.keeper.begins(offer(number)).version for number in range(200)]

    tried(story)


def test_calls_are_judged_by_what_their_transcripts_say_and_a_worse_version_is_taken_back(
    tried: Tried,
) -> None:
    async def story(house: House) -> None:
        rollout = house.start(percent=50)
        await house.keeper.look()
        for number in range(60):
            broken = house.keeper.live_for(offer(number)).version == 2
            house.call(number, tool("failed" if broken else "done"))
        await house.keeper.look()
        found = house.rollouts.find(rollout.id)
        assert found is not None
        assert (found.state, house.counters["rollout.rolled_back"]) == (State.ROLLED_BACK, 1)
        assert house.noted == [(rollout.id, ["tool_error"])]
        counts = house.rollouts.counts(rollout.id)
        assert counts[Arm.OLD].tool_error == 0
        assert counts[Arm.NEW].tool_error == counts[Arm.NEW].calls > 10
        assert {house.keeper.live_for(offer(number)).version for number in range(60)} == {1}

    tried(story)


def test_calls_that_another_process_goes_on_with_are_not_judged(tried: Tried) -> None:
    async def story(house: House) -> None:
        rollout = house.start()
        await house.keeper.look()
        house.call(1, reason="migrated")
        house.call(2, reason="transferred")
        house.keeper.observe("CA9", [Record(tool("failed"))])
        await house.keeper.stop()
        assert house.rollouts.counts(rollout.id)[Arm.NEW] == Counts(calls=1, transferred=1)

    tried(story)


def test_a_version_that_cannot_be_put_to_use_ends_its_roll_out(tried: Tried) -> None:
    async def story(house: House) -> None:
        rollout = house.start()
        house.unusable = True
        await house.keeper.look()
        await house.keeper.look()
        found = house.rollouts.find(rollout.id)
        assert found is not None
        assert found.state is State.STOPPED
        assert "cannot be put to use" in found.ended_because
        assert house.call(1) == "one"

    tried(story)


def test_while_the_database_is_down_calls_go_on_and_what_they_come_to_is_kept(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        rollout = house.start()
        await house.keeper.look()

        def down(*_args: object) -> None:
            raise UnreachableError("down", permanent=False)

        with monkeypatch.context() as patch:
            patch.setattr(house.rollouts, "keep", down)
            assert house.call(1) == "two"
            await house.keeper.look()
            await house.keeper.stop()
        assert house.counters["rollout.not_asked"] == 1
        await house.keeper.look()
        assert house.rollouts.counts(rollout.id)[Arm.NEW].calls == 1

    tried(story)


def test_it_looks_by_itself_and_at_once_when_it_is_woken(tried: Tried) -> None:
    async def story(house: House) -> None:
        tasks = Tasks(lambda *_: None)
        tasks.start("keeper", house.keeper.run(every_s=3_600))
        await asyncio.sleep(0)
        house.start()
        house.keeper.wake()
        async with asyncio.timeout(30):
            while house.keeper.live_for(offer(1)).version != 2:
                await asyncio.sleep(0.01)
        await tasks.cancel_all()

    tried(story)


@pytest.mark.parametrize(
    ("entry", "seen"),
    [
        (tool("done"), Seen()),
        (tool("refused"), Seen()),
        (tool("invalid"), Seen(tool_error=True)),
        (tool("unknown"), Seen(tool_error=True)),
        (EndLine(EndedReason.IDLE, 5, silence_ms=3_999), Seen()),
        (EndLine(EndedReason.IDLE, 5, silence_ms=4_000), Seen(owed_silence=True)),
        (EndLine(EndedReason.TRANSFER_FAILED, 5), Seen(transferred=True)),
        (EndLine(EndedReason.ENGINE_FAILED, 5), Seen(broke_off=True)),
    ],
)
def test_what_counts_as_bad(entry: Any, seen: Seen) -> None:
    watched = Watched(4_000)
    watched.note([Record(entry)])
    assert watched.seen == seen
