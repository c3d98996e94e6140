"""A whole call leaves what it should: a figure, three webhooks, one trace."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from telephony.call.commands import Note, Record
from telephony.health.state import ProcessState
from telephony.metrics import Metrics
from telephony.outward import Outward
from telephony.settings import load
from telephony.transcripts.archive import Archive
from tests.fakes.realtime_script import Reply, Script
from tests.telephony.api_client import new_database
from tests.telephony.finished_calls import ENTRIES
from tests.telephony.test_tracing import Collector, collector  # noqa: F401, a fixture
from tests.telephony.test_whole_call import caller, house
from tests.tools.http_double import Double, answer
from tools.hooks.endpoints import Change
from tools.hooks.outbox import Outbox
from tools.rollups import Rollups
from tools.spec import BackendError
from tools.store import open_store

NOW = dt.datetime.now(dt.UTC)


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_call_is_counted_told_and_traced(
    tmp_path: Path,
    collector: Collector,  # noqa: F811, the fixture
) -> None:
    script = Script(replies=(Reply("We are open until six.", 1_500),))
    ours = house(
        tmp_path,
        script,
        FRONTDESK_WEBHOOK_PRIVATE="127.0.0.0/8",
        FRONTDESK_OTLP_URL=collector.url,
    )
    async with Double(answer()) as receiver, ours as built:
        outward = built.service.outward
        early = NOW - dt.timedelta(days=1)
        wanted = Change(url=receiver.url("/hook"))
        await asyncio.to_thread(outward.endpoints.add, wanted, "anna", early)
        await built.phone.dial(caller((3_000, 3_900), hang_up_ms=7_000))
        while len(receiver.seen) < 2:
            receiver.got.clear()
            await receiver.got.wait()
        states = await asyncio.to_thread(outward.rollups.said, early)
    assert [seen.json["type"] for seen in receiver.seen] == ["call.started", "call.ended"]
    (call,) = Archive(tmp_path / "data").newest(5)
    told = receiver.seen[1].json["data"]
    assert (told["call_id"], told["duration_ms"]) == (
        call.summary.call_id,
        call.summary.duration_ms,
    )
    assert told["answered"] is True
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'frontdesk.db'}")
    rows = Rollups(store).between("2000-01-01", "2999-01-01")
    assert [row.count for row in rows if row.measure == "calls"] == [1]
    assert Rollups(store).said(early) == []
    store.close()
    assert '"realtime"' in states[0].state
    names = [span.name for span in collector.spans()]
    assert names[0] == "call"
    assert "turn model" in names


def rig(folder: Path) -> Outward:
    new_database(folder)
    store = open_store(f"sqlite:///{folder / 'frontdesk.db'}")
    settings = load({"FRONTDESK_DATA_DIR": str(folder)}, folder)
    state = ProcessState(0, 1, accepting=True)
    return Outward(settings, store, lambda: NOW, lambda code: None, lambda: state, Metrics())


async def test_callers_who_are_turned_away_and_alarms_are_kept(tmp_path: Path) -> None:
    outward = rig(tmp_path)
    outward.endpoints.add(Change(url="https://a.example/"), "anna", NOW - dt.timedelta(days=1))
    for code in ("webhook.refused.at_capacity", "webhook.refused.at_capacity", "other"):
        outward.noted(code)
    outward.observe("CA1", [Note("line.echo"), *(Record(entry) for entry in ENTRIES)])
    failing, outward.outbox = outward.outbox, Down(outward.outbox)
    await outward.close()
    outward.outbox = failing
    await outward.close()
    rows = outward.rollups.between("2000-01-01", "2999-01-01")
    assert [(row.measure, row.label, row.count) for row in rows] == [("refused", "at_capacity", 2)]
    assert [each.type for each in failing.deliveries()] == ["alarm"]


class Down(Outbox):
    """Its database is away."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox._store)

    def put(self, *given: object) -> None:
        raise BackendError("down", permanent=False)
