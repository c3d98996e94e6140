"""A call that is over is counted and told of once, whatever happens in between."""

import asyncio
import datetime as dt
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from telephony import afterwards
from telephony.afterwards import GIVEN_UP, LOOK_BACK, Afterwards, Untraced
from telephony.health.facts import CallFacts, Measure, facts
from telephony.health.report import report
from telephony.health.spans import Range, spans
from telephony.metrics import Metrics
from telephony.telling import LONGEST_WORDS, said
from telephony.transcripts.archive import StoredCall
from telephony.transcripts.entry import (
    AgentLine,
    Agreement,
    AnyEntry,
    CallerLine,
    ConsentLine,
    EndedReason,
    Fate,
)
from telephony.transcripts.summary import Summary
from tests.telephony.api_client import new_database
from tests.telephony.finished_calls import CALLER, ENTRIES, NOON, SECRET_WORDS, Shelf
from tools.approvals import Approvals
from tools.counts import Counted
from tools.hooks.endpoints import Change, Endpoints
from tools.hooks.outbox import Outbox
from tools.hooks.tables import EVENTS
from tools.policy import NeedsApproval
from tools.receipts import Begun, Claim, Receipts
from tools.rollups import Rollups
from tools.spec import BackendError, Risk, ToolState
from tools.store import CommitUnknownError, Store, open_store

LONGEST = dt.timedelta(minutes=30)


class Flaky(Rollups):
    """Says so, or not, when it is to fail."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.failures: list[Exception] = []

    def add(self, calls: Sequence[Counted], *given: Any) -> frozenset[str]:
        if self.failures and isinstance(self.failures[0], BackendError):
            raise self.failures.pop(0)
        found = super().add(calls, *given)
        if self.failures:
            raise self.failures.pop(0)
        return found


class Seen(Untraced):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def add(self, call: StoredCall, found: CallFacts, entries: Sequence[AnyEntry]) -> None:
        assert entries
        self.calls.append(found.call_id)


class Rig:
    def __init__(self, folder: Path) -> None:
        new_database(folder)
        self.store = open_store(f"sqlite:///{folder / 'frontdesk.db'}")
        self.rollups = Flaky(self.store)
        self.traced = Seen()
        self.metrics = Metrics()
        self.now = NOON + dt.timedelta(minutes=2)
        self.counted: Counter[str] = Counter()
        self.data_dir = folder / "data"
        self.after = self.restarted()
        self.shelf = Shelf(self.data_dir, self.after.finished)

    def restarted(self) -> Afterwards:
        """As another process finds things."""
        return Afterwards(
            self.data_dir,
            self.rollups,
            lambda: self.now,
            self.traced,
            self.metrics,
            lambda code: self.counted.update([code]),
            LONGEST,
        )

    def listen(self, *events: str, words: bool = False) -> None:
        wanted = Change(url="https://a.example/", numbers=True, events=events, words=words)
        Endpoints(self.store).add(wanted, "anna", NOON - dt.timedelta(days=9))

    def told(self) -> list[dict[str, Any]]:
        outbox, found = Outbox(self.store), []
        while (sending := outbox.claim(self.now, dt.timedelta(seconds=9))) is not None:
            found.append(json.loads(sending.body))
            outbox.taken(sending, 200, self.now)
        return found

    def calls(self) -> int:
        rows = self.rollups.between("2026-11-01", "2026-12-01")
        return sum(row.count for row in rows if row.measure == Measure.CALLS.value)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    yield made
    await made.shelf.close()
    made.store.close()


async def finished(rig: Rig, count: int) -> None:
    """The journal's thread tells of a call just after it is on disk."""
    while len(rig.after._waiting) < count:
        await asyncio.sleep(0.005)


async def test_a_call_is_counted_told_of_and_traced_once(rig: Rig) -> None:
    rig.listen()
    folder = await rig.shelf.call("CA1")
    await finished(rig, 1)
    await rig.after.drain()
    rig.after.finished(folder)
    await rig.after.drain()
    assert (rig.calls(), rig.traced.calls) == (1, ["CA1"])
    started, alarm, ended = rig.told()
    assert [each["type"] for each in (started, alarm, ended)] == [
        "call.started",
        "alarm",
        "call.ended",
    ]
    assert started["data"]["from"] == CALLER
    assert alarm["data"] == {"call_id": "CA1", "kind": "echo", "at_ms": 6_000, "value": 3}
    assert ended["data"] == {
        "call_id": "CA1",
        "started_at": "2026-11-20T12:00:00.000+00:00",
        "ended_at": "2026-11-20T12:01:01.000+00:00",
        "duration_ms": 61_000,
        "reason": "caller_hung_up",
        "answered": True,
        "engine": "realtime",
        "persona": "desk",
        "config_version": 3,
        "turns": 2,
        "interruptions": 1,
        "tool_calls": 2,
        "alarms": ["echo"],
        "cost": None,
        "from": CALLER,
        "to": "+442079460000",
    }
    assert SECRET_WORDS not in repr((started, alarm, ended))
    seen = rig.metrics.registry.get_sample_value
    assert seen("frontdesk_barge_in_seconds_count") == 1
    assert seen("frontdesk_barge_in_seconds_sum") == 0.2


async def test_who_asks_for_words_gets_what_was_heard_and_nothing_that_tells_who_called(
    rig: Rig,
) -> None:
    rig.listen("call.ended", words=True)
    number = CallerLine("c2", "Call me on 020 7946 0001 or at jo@example.com.", 4_000, 6_000)
    unheard = AgentLine("i2", 2, "Never mind.", "", Fate.NEVER_PLAYED, 7_000, 7_000, 0, 0)
    await rig.shelf.call("CA1", entries=(*ENTRIES[:-1], number, unheard, ENTRIES[-1]))
    refused = ConsentLine(Agreement.REFUSED, "key", "v", "", 1, 900)
    await rig.shelf.call("CA2", entries=(refused, ENTRIES[-1]))
    await finished(rig, 2)
    await rig.after.drain()
    told = {each["data"]["call_id"]: each["data"] for each in rig.told()}
    assert told["CA1"]["transcript"] == [
        {"speaker": "agent", "at_ms": 500, "text": "Hello"},
        {"speaker": "caller", "at_ms": 1_700, "text": SECRET_WORDS},
        {
            "speaker": "caller",
            "at_ms": 4_000,
            "text": "Call me on [number] or at [e-mail address].",
        },
    ]
    assert told["CA1"]["transcript_cut"] is False
    assert told["CA2"]["transcript"] == []
    Outbox(rig.store).forget("CA1")
    rows = rig.store.read(lambda on: on.execute(sa.select(EVENTS.c.words)).scalars().all())
    assert SECRET_WORDS not in repr(rows), "deleted with the transcript"


@pytest.mark.parametrize("answer", [*Agreement])
async def test_requirement_d4_of_who_has_not_agreed_only_which_tools_ran_stays(
    rig: Rig, answer: Agreement
) -> None:
    receipts, approvals = Receipts(rig.store), Approvals(rig.store)
    claim = Claim("CA1", "t1", "book", Risk.WRITE_OWN, "d", NOON, NOON, caller=CALLER)
    begun = receipts.begin(claim)
    assert isinstance(begun, Begun)
    receipts.finish(begun.receipt.id, ToolState.DONE, f'"{SECRET_WORDS}"', NOON)
    approvals.ask(claim, f'{{"name": "{SECRET_WORDS}"}}', NeedsApproval(30, "refuse"))
    asked = ConsentLine(answer, "key", "v", "", 1, 900)
    await rig.shelf.call("CA1", entries=(asked, ENTRIES[-1]))
    await finished(rig, 1)
    await rig.after.drain()
    (kept,) = receipts.of_call("CA1")
    assert (kept.tool, kept.state) == ("book", ToolState.DONE)
    assert (SECRET_WORDS in kept.output) is answer.allows
    (waiting,) = approvals.waiting(NOON)
    assert (waiting.arguments == {}) is not answer.allows


def test_a_transcript_without_end_is_told_as_far_as_it_goes() -> None:
    line = CallerLine("c", "a" * (LONGEST_WORDS // 20), 0, 1)
    told = said([line] * 25)
    assert (len(told["transcript"]), told["transcript_cut"]) == (20, True)  # type: ignore[arg-type]


async def test_fault_a_database_that_was_down_delays_and_loses_nothing(rig: Rig) -> None:
    rig.listen("call.ended")
    for number in range(3):
        await rig.shelf.call(f"CA{number}")
    await finished(rig, 3)
    rig.rollups.failures = [BackendError("down", permanent=False)]
    with pytest.raises(BackendError):
        await rig.after.drain()
    await rig.after.drain()
    assert rig.calls() == 3
    assert [each["data"]["call_id"] for each in rig.told()] == ["CA0", "CA1", "CA2"]


async def test_fault_a_commit_in_doubt_counts_nothing_twice(rig: Rig) -> None:
    rig.listen("call.ended")
    await rig.shelf.call("CA1")
    await finished(rig, 1)
    rig.rollups.failures = [CommitUnknownError("broke off")]
    with pytest.raises(CommitUnknownError):
        await rig.after.drain()
    await rig.after.drain()
    assert (rig.calls(), len(rig.told())) == (1, 1)


async def test_fault_what_a_process_left_out_is_found_on_disk_by_the_next(rig: Rig) -> None:
    await rig.shelf.call("CA1")
    await rig.shelf.call("CA2", NOON - LOOK_BACK)
    again = rig.restarted()
    for _ in range(2):
        await again.look()
        await again.drain()
    assert rig.calls() == 2


async def test_fault_a_call_whose_process_died_is_told_once_nobody_goes_on_with_it(
    rig: Rig,
) -> None:
    rig.listen("call.ended")
    await rig.shelf.call("CA1", reason=None, entries=ENTRIES[:-1])
    await rig.shelf.close()
    again = rig.restarted()
    await again.look()
    await again.drain()
    assert rig.calls() == 0
    rig.now = NOON + LONGEST + GIVEN_UP + dt.timedelta(seconds=1)
    await again.look()
    await again.drain()
    assert [each["data"]["reason"] for each in rig.told()] == ["not_ended"]


async def test_a_call_that_changed_its_process_is_counted_where_it_ended(rig: Rig) -> None:
    migrated = ENTRIES[:1]
    first = await rig.shelf.call("CA1", entries=migrated, reason=EndedReason.MIGRATED)
    await finished(rig, 1)
    await rig.after.drain()
    assert rig.calls() == 0
    await rig.shelf.call("CA1", part=2)
    await finished(rig, 1)
    await rig.after.drain()
    assert rig.calls() == 1
    shutil.rmtree(first)
    await rig.after.look()
    await rig.after.drain()
    assert rig.calls() == 1


async def test_what_is_gone_or_cannot_be_made_out_holds_up_nobody(rig: Rig) -> None:
    broken = rig.data_dir / "calls" / "2026-11-20" / "CAx"
    broken.mkdir(parents=True)
    rig.after.finished(rig.data_dir / "calls" / "2026-11-20" / "CAgone")
    rig.after.finished(broken)
    await rig.shelf.call("CA1")
    await finished(rig, 3)
    await rig.after.drain()
    assert (rig.calls(), rig.counted) == (1, {"afterwards.unreadable": 1})
    await rig.after.look()
    assert not rig.after._waiting


async def test_fault_a_bug_met_with_one_call_holds_up_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(summary: Summary, entries: Sequence[AnyEntry]) -> CallFacts | None:
        assert summary.call_id != "CA1"
        return facts(summary, entries)

    monkeypatch.setattr(afterwards, "facts", broken)
    for number in range(3):
        await rig.shelf.call(f"CA{number}")
    await finished(rig, 3)
    await rig.after.drain()
    assert (rig.calls(), rig.counted) == (2, {"afterwards.broke": 1})


async def test_it_goes_on_by_itself_after_trouble(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TICK_S", "AGAIN_S"):
        monkeypatch.setattr(afterwards, name, 0.01)
    rig.rollups.failures = [BackendError("down", permanent=False)]
    run = asyncio.get_running_loop().create_task(rig.after.run())
    await rig.shelf.call("CA1")
    while await asyncio.to_thread(rig.calls) < 1:
        await asyncio.sleep(0.01)
    run.cancel()
    await asyncio.wait({run})
    assert rig.counted == {"afterwards.not_kept": 1}


async def test_what_was_counted_makes_a_report(rig: Rig) -> None:
    await rig.shelf.call("CA1")
    await rig.shelf.call("CA2", NOON - dt.timedelta(hours=3), ENTRIES[-1:], persona="")
    await finished(rig, 2)
    await rig.after.drain()
    for wanted in Range:
        found = spans(wanted, rig.now)
        whole = report(rig.rollups.between(found[0], found[-1]), found, rig.now)
        assert (whole.calls, whole.answered, whole.answer_rate) == (2, 1, 0.5)
        assert sum(point.calls for point in whole.points) == 2
        own = report(rig.rollups.between(found[0], found[-1], "desk"), found, rig.now)
        assert (own.calls, own.answer_rate) == (1, 1.0)
        assert own.turn["turn"].p50 == pytest.approx(960, rel=0.05)
        assert own.barge_in.p50 == pytest.approx(200, rel=0.05)
