"""The index itself: one row a call, put in again without harm, and taken out without a trace."""

import msgspec
import pytest
import sqlalchemy as sa

from telephony.transcripts.index.asked import Asked, Filters
from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.marks import Marks
from telephony.transcripts.index.row import CallRow
from telephony.transcripts.index.search import Search
from telephony.transcripts.index.tables import CALL_TEXTS, CALL_TOOLS, WORDS
from tests.telephony.callindex.made import NOON, made
from tools.spec import BackendError
from tools.store import Store, open_store


def test_a_call_is_put_in_and_known(store: Store) -> None:
    index = CallIndex(store)
    call = made("CA1", persona="desk", cost_micros=12, cost_unknown=True, silence_ms=900)
    assert index.put([call, made("CA2", -1440)]) == 2
    assert index.call("CA1") == call.row
    assert index.call("CA9") is None
    assert index.count() == 2
    assert index.put([]) == 0


def test_put_in_again_it_is_what_is_known_now_and_keeps_its_labels(store: Store) -> None:
    index, marks, search = CallIndex(store), Marks(store, lambda: NOON), Search(store)
    index.put([made("CA1", caller="apples", tools=("book",), outcome="unfinished")])
    marks.label("CA1", "late", "ann")
    assert index.put([made("CA1", caller="pears", tools=("note",))]) == 1
    assert index.put([made("CA1", caller="pears", tools=("note",))]) == 0
    (found,) = search.page(Asked()).calls
    assert (found.row.outcome, found.tools, found.labels) == ("agent_hung_up", ("note",), ("late",))
    assert not search.page(Asked(filters=Filters(text="apples"))).calls
    assert search.page(Asked(filters=Filters(text="pears"))).calls


def test_what_a_later_process_kept_of_a_call_stands(store: Store) -> None:
    index = CallIndex(store)
    later = made("CA1", folder="2026-11-20/CA1+2", part=2)
    assert index.put([made("CA1", outcome="migrated"), later]) == 2
    assert index.put([made("CA1", outcome="migrated")]) == 0
    assert index.call("CA1") == later.row


def test_calls_of_one_millisecond_are_told_apart(store: Store) -> None:
    index = CallIndex(store)
    # So many that the places of some are taken.
    calls = [made(f"CA{number}") for number in range(150)]
    index.put(calls)
    assert index.count() == 150
    assert {found.row.call_id for found in Search(store).page(Asked(limit=200)).calls} == {
        call.row.call_id for call in calls
    }


def test_the_folders_of_a_day_are_known(store: Store) -> None:
    index = CallIndex(store)
    index.put([made("CA1"), made("CA2", outcome="unfinished"), made("CA3", 1440)])
    assert index.of_day("2026-11-20") == {"CA1": True, "CA2": False}
    assert index.of_day("2026-11-21") == {"CA3": True}
    assert index.of_day("2026-11-2") == {}


def test_forgotten_nothing_of_it_is_left(store: Store) -> None:
    index = CallIndex(store)
    index.put([made("CA1", caller="apples", agent="pears", tools=("book",))])
    assert index.forget("CA1")

    def rows(connection: sa.Connection) -> int:
        tables = [CALL_TEXTS, CALL_TOOLS]
        if connection.dialect.name == "sqlite":
            tables.append(sa.Table(f"{WORDS}_content", sa.MetaData(), sa.Column("id")))
        counts = (sa.select(sa.func.count()).select_from(table) for table in tables)
        return sum(connection.execute(count).scalar_one() for count in counts)

    assert store.read(rows) == 0
    assert not Search(store).page(Asked(filters=Filters(text="apples"))).calls


def test_nothing_a_call_holds_is_too_much_for_a_database(store: Store) -> None:
    wild = " ".join(f"w{number}" for number in range(28_000))
    call = made("CA1", caller="'; DROP TABLE call_index; -- \\ ' :* & |" + wild, agent=wild)
    assert CallIndex(store).put([call]) == 1
    assert Search(store).page(Asked(filters=Filters(text='caller:"drop table"'))).calls
    assert Search(store).page(Asked(filters=Filters(text="w27999"))).calls


def test_a_row_can_be_told_from_another() -> None:
    assert {"interrupted", "failed"} & set(CallRow.__struct_fields__) == set()
    failed = made("CA1", outcome="engine_failed").row
    tool = made("CA1", failed_tools=1).row
    assert failed.failed
    assert tool.failed
    assert not made("CA1").row.failed
    assert made("sample1").row.sample
    assert msgspec.json.decode(msgspec.json.encode(tool), type=CallRow) == tool


def test_a_database_that_is_not_there_is_told(tmp_path: object) -> None:
    with pytest.raises(BackendError):
        CallIndex(open_store(f"sqlite:///{tmp_path}/none.db")).put([made("CA1")])
