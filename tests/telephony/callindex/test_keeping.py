"""Calls come into the index when they end, and no crash keeps one out."""

import os
import shutil
from pathlib import Path

import pytest

from telephony.transcripts.files import SUMMARY
from telephony.transcripts.index import keeping as module
from telephony.transcripts.index.asked import Asked, Filters
from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.keeping import COMPARE_EVERY_S, GIVEN_UP_S, Keeping, read
from telephony.transcripts.index.page import Found
from telephony.transcripts.index.row import UNKNOWN_MICROS
from telephony.transcripts.index.search import Search
from tests.telephony.callindex.folders import agent, caller, tool, written
from tests.telephony.callindex.made import ANNA, NOON_MS, OURS
from tools.spec import BackendError
from tools.store import Store


class House:
    """An archive, an index and clocks that are set by hand."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.now_s = 0.0
        self.wall_s = 0.0
        self.index = CallIndex(store)
        self.search = Search(store)
        self.keeping = self.started()

    def started(self) -> Keeping:
        """Another process over the same."""
        return Keeping(self.index, self.data_dir, lambda: self.now_s, lambda: self.wall_s)

    def settle(self, keeping: Keeping | None = None) -> int:
        """All that there is to put in; how many calls it was."""
        total = 0
        while done := (keeping or self.keeping).turn():
            total += done
        return total

    def shown(self, **filters: object) -> list[Found]:
        asked = Asked(filters=Filters(**filters))  # type: ignore[arg-type]
        return list(self.search.page(asked).calls)

    def ids(self, **filters: object) -> list[str]:
        return [found.row.call_id for found in self.shown(**filters)]


@pytest.fixture
def house(plain: Store, tmp_path: Path) -> House:
    house = House(plain, tmp_path / "data")
    house.settle()
    return house


async def test_a_call_that_ends_is_in_the_index_with_what_was_said(house: House) -> None:
    assert house.settle() == 0
    await written(house.data_dir, "CA1", persona="desk", finished=house.keeping.told)
    assert house.keeping.turn() == 1
    (found,) = house.shown(text="haircut")
    row = found.row
    assert (row.call_id, row.started_ms, row.persona) == ("CA1", NOON_MS, "desk")
    assert (row.caller, row.called, row.engine) == (ANNA, OURS, "realtime")
    assert (row.outcome, row.duration_ms, row.turns) == ("caller_hung_up", 4_000, 2)
    assert (row.silence_ms, row.cost_micros) == (700, UNKNOWN_MICROS)
    assert (found.tools, row.tool_calls, row.failed_tools) == (("book",), 1, 0)
    assert house.ids(text="agent:certainly") == ["CA1"]


async def test_what_the_caller_never_heard_is_not_found_as_said(house: House) -> None:
    lines = (agent("Your card number please", "", 500), agent("Hello there", "Hello", 900))
    await written(house.data_dir, "CA1", lines)
    house.settle(house.started())
    assert house.ids(text="hello") == ["CA1"]
    assert house.ids(text="there") == house.ids(text="card") == []


async def test_a_crash_before_it_was_put_in_loses_nothing(house: House) -> None:
    await written(house.data_dir, "CA1", finished=house.keeping.told)
    assert house.ids() == [], "the process dies here"
    assert house.settle(house.started()) == 1
    assert house.ids() == ["CA1"]


async def test_nobody_told_and_it_is_found_a_minute_later(house: House) -> None:
    await written(house.data_dir, "CA1")
    assert house.settle() == 0
    house.now_s += COMPARE_EVERY_S
    assert house.settle() == 1
    house.now_s += COMPARE_EVERY_S
    assert house.settle() == 0


async def test_at_the_start_all_days_are_compared_later_the_last_two(house: House) -> None:
    for number, day in enumerate((0, -1, -2, -400)):
        await written(house.data_dir, f"CA{number}", minutes=1440 * day)
    house.now_s += COMPARE_EVERY_S
    assert house.settle() == 2
    assert house.settle(house.started()) == 2
    assert house.index.count() == 4


async def test_more_than_a_batch_is_put_in_bit_by_bit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    for number in range(5):
        await written(house.data_dir, f"CA{number}", minutes=number)
    fresh = house.started()
    assert [fresh.turn() for _ in range(4)] == [2, 2, 1, 0]


class Down(CallIndex):
    """A database that is gone for a while."""

    down = False

    def put(self, calls: object) -> int:
        if self.down:
            raise BackendError("gone", permanent=False)
        return super().put(calls)  # type: ignore[arg-type]


async def test_while_the_database_is_down_nothing_is_forgotten(house: House, plain: Store) -> None:
    index = Down(plain)
    keeping = Keeping(index, house.data_dir, lambda: house.now_s, lambda: house.wall_s)
    keeping.turn()
    await written(house.data_dir, "CA1", finished=keeping.told)
    index.down = True
    with pytest.raises(BackendError):
        keeping.turn()
    index.down = False
    assert house.settle(keeping) == 1
    assert house.ids() == ["CA1"]


async def test_a_call_whose_program_died_is_shown_as_unfinished_once_it_is_quiet(
    house: House,
) -> None:
    folder = await written(house.data_dir, "CA1", (caller("hello?"),), ended=False)
    os.utime(folder / "journal.bin", (0, 0))
    for path in (folder, *folder.iterdir()):
        os.utime(path, (0, 0))
    house.wall_s = GIVEN_UP_S - 1
    assert house.settle(house.started()) == 0
    house.wall_s = GIVEN_UP_S
    fresh = house.started()
    assert house.settle(fresh) == 1
    (found,) = house.shown(text="hello")
    assert (found.row.outcome, found.row.failed) == ("unfinished", True)
    # A disk that was full lets its end through later.
    summary = '{"call_id": "CA1", "started_at": "2026-11-20T12:00:00+00:00", "engine": "realtime",'
    (folder / SUMMARY).write_text(summary + ' "ended_reason": "idle"}')
    house.now_s += COMPARE_EVERY_S
    assert house.settle(fresh) == 1
    assert house.ids(outcome="idle") == ["CA1"]


async def test_of_a_call_that_changed_its_process_the_last_part_counts(house: House) -> None:
    first = (caller("one"),)
    await written(house.data_dir, "CA1", first)
    house.settle(house.started())
    await written(house.data_dir, "CA1", (*first, caller("two", 9_000)), part=2)
    house.now_s += COMPARE_EVERY_S
    assert house.settle() == 1
    (found,) = house.shown(text="two")
    assert (found.row.call_id, found.row.part, found.row.turns) == ("CA1", 2, 2)
    house.now_s += COMPARE_EVERY_S
    assert house.settle() == 0


async def test_an_id_that_came_twice_is_two_calls(house: House) -> None:
    await written(house.data_dir, "CA1")
    await written(house.data_dir, "CA1", (caller("again"),))
    house.settle(house.started())
    assert sorted(house.ids()) == ["CA1", "CA1-2"]


async def test_a_call_deleted_while_it_is_put_in_does_not_come_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await written(house.data_dir, "CA1", finished=house.keeping.told)
    put = house.index.put

    def late(calls: object) -> int:
        shutil.rmtree(folder)
        house.index.forget("CA1")
        return put(calls)  # type: ignore[arg-type]

    monkeypatch.setattr(house.index, "put", late)
    house.keeping.turn()
    assert house.ids() == []


async def test_a_call_deleted_before_it_is_put_in_is_left_out(house: House) -> None:
    folder = await written(house.data_dir, "CA1", finished=house.keeping.told)
    shutil.rmtree(folder)
    assert house.settle() == 0


async def test_torn_files_are_put_in_as_far_as_they_go(house: House) -> None:
    folder = await written(house.data_dir, "CA1")
    with (folder / "transcript.jsonl").open("ab") as lines:
        lines.write(b'{"type": "CallerLi\xff\xfe')
    (folder / SUMMARY).write_bytes(b'{"call_id"')
    (house.data_dir / "calls" / "not-a-day" / "CA2").mkdir(parents=True)
    (house.data_dir / "calls" / "note.txt").write_text("x")
    house.settle(house.started())
    assert house.ids(text="haircut") == ["CA1"]
    assert read(folder.with_name("CA9")) is None


async def test_all_can_be_put_in_again(house: House) -> None:
    await written(house.data_dir, "CA1", (tool("book", "failed"),))
    await written(house.data_dir, "CA2", minutes=2000)
    assert list(house.keeping.reindex()) == [2]
    assert house.ids(failed=True) == ["CA1"]
    assert list(house.keeping.reindex()) == [2]
    assert house.index.count() == 2


async def test_calls_that_are_on_are_told_by_their_files(house: House) -> None:
    await written(house.data_dir, "CA1")
    folder = await written(house.data_dir, "CA2", (caller("hello"),), minutes=1, ended=False)
    house.wall_s = (folder / "journal.bin").stat().st_mtime + 5
    (row,) = house.keeping.running()
    assert (row.call_id, row.turns) == ("CA2", 1)
    house.wall_s += 60
    assert house.keeping.running() == []


def test_an_archive_that_is_not_there_is_empty(house: House) -> None:
    assert house.settle(house.started()) == 0
    assert list(house.keeping.reindex()) == []
    assert house.keeping.running() == []
