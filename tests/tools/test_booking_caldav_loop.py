"""Calendars are kept in step for as long as the service runs, and no longer."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.tasks import Tasks
from tests.tools.calendar_story import NOW, calendar_at, shop_with
from tools.booking.blocks import Block, Blocks
from tools.booking.caldav import loop
from tools.booking.caldav.loop import Calendars
from tools.booking.caldav.outcome import Outcome
from tools.booking.caldav.record import Record, states
from tools.booking.caldav.sync import Round
from tools.secrets import Secrets
from tools.store import Store

ANNA = calendar_at("http://127.0.0.1:1/a/b/")
BEN = calendar_at("http://127.0.0.1:1/a/c/", "Ben")


class Rounds:
    """Stands for the work of one calendar: each round waits until it is let go on."""

    def __init__(self, outcome: Outcome = Outcome.OK) -> None:
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.go_on = asyncio.Event()
        self.finished = 0
        self._outcome = outcome

    async def once(self) -> Round:
        self.begun.put_nowait(self.finished)
        await self.go_on.wait()
        self.finished += 1
        return Round("Anna", self._outcome)


@pytest.fixture
async def tasks() -> AsyncGenerator[Tasks]:
    failures: list[BaseException] = []
    tasks = Tasks(lambda _name, error: failures.append(error))
    yield tasks
    await tasks.cancel_all()
    assert failures == []


def calendars(store: Store, *every: Any, **passwords: str) -> Calendars:
    secrets = Secrets(
        {f"FRONTDESK_SECRET_{name.upper()}": each for name, each in passwords.items()}
    )
    return Calendars(shop_with(*every), store, secrets.get, lambda: NOW, chance=lambda: 0.0)


async def test_round_follows_round_until_it_is_stopped(
    plain: Store, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "pause_s", lambda *_: 0.0)
    kept, rounds = calendars(plain, ANNA, front="x"), Rounds()
    kept._sync = lambda *_: rounds  # type: ignore[method-assign, assignment]
    kept.start(tasks.start)
    rounds.go_on.set()
    for _ in range(3):
        await rounds.begun.get()
    await kept.stop()
    assert rounds.finished >= 2
    assert len(tasks) == 0


async def test_stopping_lets_a_round_finish(plain: Store, tasks: Tasks) -> None:
    kept, rounds = calendars(plain, ANNA, front="x"), Rounds()
    kept._sync = lambda *_: rounds  # type: ignore[method-assign, assignment]
    kept.start(tasks.start)
    await rounds.begun.get()
    stopping = tasks.start("stop", kept.stop())
    await asyncio.sleep(0)
    rounds.go_on.set()
    await stopping
    assert rounds.finished == 1


async def test_stopping_does_not_wait_for_ever(
    plain: Store, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STOP_WITHIN_S", 0.01)
    kept, rounds = calendars(plain, ANNA, front="x"), Rounds()
    kept._sync = lambda *_: rounds  # type: ignore[method-assign, assignment]
    kept.start(tasks.start)
    await rounds.begun.get()
    await kept.stop()
    assert rounds.finished == 0
    assert len(tasks) == 0


async def test_one_calendar_without_password_does_not_keep_the_other(plain: Store) -> None:
    ben = msgspec.structs.replace(BEN, password="back")
    kept = calendars(plain, ANNA, ben, back="x")
    rounds = Rounds()
    rounds.go_on.set()
    kept._sync = lambda *_: rounds  # type: ignore[method-assign, assignment]
    found = await kept.once()
    await kept.stop()
    assert [(each.calendar, each.outcome) for each in found] == [
        ("Anna", Outcome.NO_PASSWORD),
        ("Anna", Outcome.OK),
    ]
    assert found[0].detail.startswith("FRONTDESK_SECRET_FRONT: is not set")


async def test_a_password_that_was_exchanged_is_used_in_the_next_round(
    plain: Store, tmp_path: Path
) -> None:
    place = tmp_path / "front"
    secrets = Secrets({"FRONTDESK_SECRET_FRONT_FILE": str(place)})
    kept = Calendars(shop_with(ANNA), plain, secrets.get, lambda: NOW)
    used: list[str] = []
    rounds = Rounds()
    rounds.go_on.set()

    def sync(_calendar: Any, password: str) -> Rounds:
        used.append(password)
        return rounds

    kept._sync = sync  # type: ignore[method-assign, assignment]
    for password in ("old", "new"):
        place.write_text(password)
        await kept.once()
    await kept.stop()
    assert used == ["old", "new"]


async def test_a_failure_makes_the_next_pause_longer(
    plain: Store, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    def pause(*given: Any) -> float:
        asked.put_nowait(given)
        return 0.0

    monkeypatch.setattr(loop, "pause_s", pause)
    kept = calendars(plain, ANNA, front="x")
    kept.start(tasks.start)
    failures = [(await asked.get())[1] for _ in range(3)]
    await kept.stop()
    assert failures == [1, 2, 3]
    (state,) = states(plain)
    assert state.outcome == "unreachable"


async def test_a_calendar_that_is_taken_out_blocks_nothing_any_more(plain: Store) -> None:
    shop = shop_with(ANNA)
    Record(plain, BEN).begin("somebody", NOW)
    blocks = Blocks(plain, shop)
    for source in (ANNA.source, BEN.source, "by hand"):
        start = NOW + dt.timedelta(days=1)
        blocks.put(Block(source, "u", "Ben", start, start + dt.timedelta(hours=1)), NOW)
    kept = calendars(plain, ANNA)
    await kept.once()
    await kept.stop()
    assert {each.block.source for each in blocks.list()} == {ANNA.source, "by hand"}
    assert "Ben" not in {each.calendar for each in states(plain)}
