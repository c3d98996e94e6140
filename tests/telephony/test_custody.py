"""Which calls this process carries: written down soon, never waited for, given up when lost."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agents.tasks import Tasks
from telephony.call.commands import Record, RunTool
from telephony.custody import Custody, KeptCall, Unkept
from telephony.livestate import Earlier, Head
from telephony.transcripts.entry import AgentLine, CallerLine, EndedReason, EndLine, Fate, ToolLine
from telephony.twilio.ports import Offer
from telephony.workers.board import Board
from telephony.workers.crew import Crew
from tests.databases import new_store
from tools.livecalls import Over
from tools.spec import BackendError
from tools.store import Store

BEGAN = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
HEAD = Head(Offer("CA1", "AC1", "+14155550100", "+14155550199"), BEGAN, 7)
HELLO = AgentLine("i1", 1, "Hello.", "Hello.", Fate.HEARD, 500, 1_500, 1_000, 1_000)
ASKS = CallerLine("u1", "At noon?", 2_000, 3_000)
BOOKED = ToolLine("call_1", "book", "{}", "done", "{}", 3_000, 3_200)


class Office:
    """One process's custody of calls, with what it counted and lost."""

    def __init__(self, store: Store, crew: Crew | None = None) -> None:
        self.counted: Counter[str] = Counter()
        self.lost: list[str] = []
        self.heard: list[tuple[int, str, bool]] = []
        self.custody = Custody(store, lambda: BEGAN, self._count, self.lost.append, crew=crew)
        self._tasks = Tasks(_failed)

    def _count(self, code: str) -> None:
        self.counted[code] += 1

    def open(self, before: Earlier | None = None) -> KeptCall:
        return self.custody.open(HEAD, lambda: self.heard, before)

    def works(self) -> None:
        self._tasks.start("custody", self.custody.run())

    async def close(self) -> None:
        await self._tasks.cancel_all()


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path / "frontdesk.db")


async def until(what: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            found: Any = what()
            if (await found) if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)


async def taken(office: Office) -> Earlier:
    found = await office.custody.take("CA1")
    assert isinstance(found, Earlier)
    return found


async def test_what_happened_is_there_for_another_process(store: Store) -> None:
    here, there = Office(store), Office(store)
    kept = here.open()
    kept.note([RunTool("call_1", "book", "{}"), Record(HELLO), Record(ASKS)])
    here.heard = [(4_000, "Noon is", False)]
    await here.custody.flush(kept)
    found = await taken(there)
    assert found.before[:2] == (HELLO, ASKS)
    assert [each.name for each in found.resumed.pending] == ["book"]
    assert isinstance(found.before[2], AgentLine)
    assert found.before[2].heard == "Noon is"


async def test_it_is_written_without_being_asked_for(store: Store) -> None:
    here = Office(store)
    here.open().note([Record(HELLO)])
    here.works()
    reader = Office(store)

    async def there() -> bool:
        found = await reader.custody.take("CA1")
        return isinstance(found, Earlier) and found.before == (HELLO,)

    await until(there)
    await here.close()


async def test_a_tool_that_has_answered_is_not_pending(store: Store) -> None:
    here = Office(store)
    kept = here.open()
    kept.note([RunTool("call_1", "book", "{}"), Record(BOOKED)])
    unfinished = ToolLine("call_2", "book", "{}", "unfinished", "", 4_000, 5_000)
    kept.note([RunTool("call_2", "book", "{}"), Record(unfinished)])
    await here.custody.flush(kept)
    found = await taken(Office(store))
    assert [each.tool_call_id for each in found.resumed.pending] == ["call_2"]
    assert found.before == (BOOKED,)


async def test_a_call_that_is_taken_over_goes_on_where_its_lines_end(store: Store) -> None:
    here, there, third = Office(store), Office(store), Office(store)
    kept = here.open()
    kept.note([Record(HELLO)])
    await here.custody.flush(kept)
    again = there.open(await taken(there))
    again.note([Record(ASKS)])
    await there.custody.flush(again)
    found = await taken(third)
    assert found.before == (HELLO, ASKS)
    assert found.fence == 3


async def test_fault_s9_who_was_frozen_learns_that_the_call_is_not_theirs(store: Store) -> None:
    here, there = Office(store), Office(store)
    kept = here.open()
    here.works()
    await until(lambda: kept.clean)
    await taken(there)
    # Nothing more happens in the call; it is found out all the same.
    await until(lambda: here.lost == ["CA1"])
    assert here.counted["custody.call_lost"] == 1
    await here.close()


async def test_fault_s9_what_it_says_then_is_not_written(store: Store) -> None:
    here, there = Office(store), Office(store)
    kept = here.open()
    kept.note([Record(HELLO)])
    await here.custody.flush(kept)
    await taken(there)
    again = here.custody.open(HEAD, list, None)
    again.note([Record(ASKS)])
    await here.custody.flush(again)
    assert here.lost == ["CA1"]
    assert (await taken(there)).before == (HELLO,)


async def test_a_call_that_is_over_is_not_gone_on_with(store: Store) -> None:
    here = Office(store)
    kept = here.open()
    kept.note([Record(HELLO), Record(EndLine(EndedReason.IDLE, 9_000))])
    kept.ended(EndedReason.IDLE)
    await here.custody.stop(2.0)
    assert await Office(store).custody.take("CA1") == Over("idle")
    assert await Office(store).custody.take("CA2") is None


async def test_a_call_that_was_handed_on_is_not_lost(store: Store) -> None:
    here, there = Office(store), Office(store)
    kept = here.open()
    kept.note([Record(HELLO)])
    await kept.handed_on()
    assert (await taken(there)).before == (HELLO,)
    here.works()
    await asyncio.sleep(0.3)
    assert here.lost == []
    await here.close()


class Down:
    """A database that is not there, until it is."""

    def __init__(self, store: Store) -> None:
        self.down = True
        self._store = store

    def write(self, work: Any) -> Any:
        if self.down:
            raise BackendError("down", permanent=False)
        return self._store.write(work)

    def contend(self, work: Any, what: str) -> Any:
        if self.down:
            raise BackendError("down", permanent=False)
        return self._store.contend(work, what)

    def read(self, work: Any) -> Any:
        return self._store.read(work)


async def test_fault_s2_a_database_that_is_down_when_a_call_arrives_gets_it_all_later(
    store: Store,
) -> None:
    database = Down(store)
    here = Office(database)  # type: ignore[arg-type]
    kept = here.open()
    here.works()
    kept.note([Record(HELLO)])
    await until(lambda: here.counted["custody.write_failed"] == 1)
    works = [here.custody.works]
    kept.note([Record(ASKS)])
    database.down = False
    await until(lambda: kept.clean)
    works.append(here.custody.works)
    assert works == [False, True]
    assert (await taken(Office(store))).before == (HELLO, ASKS)
    await here.close()


async def test_fault_s2_handing_on_does_not_wait_for_a_database_that_is_down(store: Store) -> None:
    here = Office(Down(store))  # type: ignore[arg-type]
    kept = here.open()
    await here.custody.flush(kept, limit_s=0.3)
    assert here.counted["custody.not_flushed"] == 1
    with pytest.raises(BackendError):
        await here.custody.take("CA1")


async def test_a_call_does_not_fill_the_database(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.custody.MOST_LINES", 2)
    here = Office(store)
    kept = here.open()
    kept.note([Record(HELLO), Record(ASKS), Record(BOOKED)])
    await here.custody.flush(kept)
    assert here.counted["custody.line_dropped"] == 1
    assert (await taken(Office(store))).before == (HELLO, ASKS)


async def test_a_call_nobody_could_go_on_with_needs_nothing() -> None:
    kept = Unkept()
    kept.note([Record(HELLO)])
    kept.ended(EndedReason.IDLE)
    await kept.handed_on()


async def test_each_line_is_written_once(store: Store) -> None:
    here = Office(store)
    kept = here.open()
    here.works()
    for entry in (HELLO, ASKS, BOOKED):
        kept.note([Record(entry)])
        await until(lambda: kept.clean)
    assert (await taken(Office(store))).before == (HELLO, ASKS, BOOKED)
    await here.close()


async def test_fault_p1_a_process_that_ends_knows_whether_another_takes_calls(store: Store) -> None:
    here, there = Office(store), Office(store)
    beating = Tasks(_failed)
    beating.start("here", here.custody.beat())
    await asyncio.sleep(0.1)
    assert not await here.custody.relieved()
    beating.start("there", there.custody.beat())
    await asyncio.sleep(0.1)
    assert await here.custody.relieved()
    # It takes none itself any more.
    assert not await there.custody.relieved()
    await beating.cancel_all()


async def test_fault_p1_a_worker_counts_on_the_others_unless_all_of_them_end(store: Store) -> None:
    board = Board(2)
    here, there = (Office(store, Crew(index, board, name="crew")) for index in range(2))
    beating = Tasks(_failed)
    beating.start("here", here.custody.beat())
    beating.start("there", there.custody.beat())
    await asyncio.sleep(0.1)
    assert await here.custody.relieved()
    board.stop()
    assert not await here.custody.relieved()
    stranger = Office(store)
    beating.start("stranger", stranger.custody.beat())
    await asyncio.sleep(0.1)
    assert await here.custody.relieved()
    await beating.cancel_all()


async def test_fault_s2_a_process_that_cannot_ask_counts_on_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise BackendError("down", permanent=False)

    monkeypatch.setattr("tools.livecalls.LiveCalls.others", down)
    monkeypatch.setattr("tools.livecalls.LiveCalls.beat", down)
    here = Office(store)
    beating = Tasks(_failed)
    beating.start("here", here.custody.beat())
    assert not await here.custody.relieved()
    await beating.cancel_all()
