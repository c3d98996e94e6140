"""Deleting: what has run out, one call, one number; held, broken off, proved, receipted."""

import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from telephony.console.access.tables import AUDIT, AUDIT_ENDS
from telephony.retention.classes import Kept, Periods, expired
from telephony.retention.deletion import Forgets, NotGone, Step, unwatched
from telephony.retention.holds import BadHold
from telephony.retention.people import OF_CONTACT
from telephony.retention.retention import Asked, Refused, Retention, open_retention
from telephony.retention.rows import rows
from telephony.retention.subject import exported
from telephony.retention.verifying import verify_calls
from telephony.settings import load
from telephony.telling import started
from telephony.transcripts.archive import Archive, NotFound
from telephony.transcripts.index.marks import Marks
from tests.retention.conftest import CALLER, NOW, WORDS, MakeCall
from tests.retention.filled import fill
from tests.tools.versioned import Editor
from tests.tree import modules
from tools.booking.caldav import tables as calendars
from tools.booking.tables import BOOKINGS
from tools.calls.inbox import Inbox
from tools.counts import Counted
from tools.crm.contacts import Contacts
from tools.crm.tables import CONTACTS, NUMBERS
from tools.hooks.endpoints import Change, Endpoints
from tools.hooks.outbox import Outbox
from tools.retained import CALL_CHAIN, DELETIONS
from tools.rollout.rollouts import Rollouts
from tools.rollout.spec import Rollout, Rule, State
from tools.rollups import Rollups
from tools.schema import METADATA
from tools.spec import ToolContext
from tools.store import Store

OTHER = "+442079460000"
PERIODS = Periods(audio=10, transcript=20, metadata=30, audit=40)
ONE = Asked(call="CA1", why="asked for")


class Index:
    """A search index, in memory."""

    name = "search"

    def __init__(self, *calls: str, stubborn: bool = False) -> None:
        self.calls = set(calls)
        self.stubborn = stubborn

    def forget(self, call_id: str) -> bool:
        known = call_id in self.calls
        if not self.stubborn:
            self.calls.discard(call_id)
        return known


class Days:
    """A clock of whole days."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def pass_(self, days: int) -> None:
        self.now += dt.timedelta(days=days)


def keeping(
    tmp_path: Path,
    store: Store,
    clock: Callable[[], dt.datetime] = lambda: NOW,
    *forgets: Forgets,
    step: Step = unwatched,
    periods: Periods = PERIODS,
) -> Retention:
    return Retention(tmp_path, store, periods, clock, forgets, step, breathe=lambda: None)


def everything(store: Store) -> str:
    """All of the database as text, but for what was asked to be kept."""

    def work(on: sa.Connection) -> str:
        found = []
        for table in METADATA.sorted_tables:
            found += [f"{table.name} {row}" for row in on.execute(sa.select(table)).all()]
        return "\n".join(found)

    return store.read(work)


def findable(store: Store, tmp_path: Path, *what: str) -> list[str]:
    """Where anything of it can still be found: database, file names, files."""
    found = [line for line in everything(store).splitlines() if any(each in line for each in what)]
    for path in (tmp_path / "calls").rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if any(each in str(path.relative_to(tmp_path)) or each.encode() in data for each in what):
            found.append(str(path))
    return found


# ---- periods -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "classes"),
    [
        (10, ""),
        (11, "audio"),
        (20, "audio"),
        (21, "audio transcript"),
        (31, "audio metadata transcript"),
    ],
)
def test_each_class_has_its_own_time(age: int, classes: str) -> None:
    day = NOW.date()
    found = expired(day - dt.timedelta(days=age), day, PERIODS)
    assert sorted(kept.value for kept in found) == classes.split()


def test_nothing_outlives_its_metadata_and_zero_is_for_ever() -> None:
    day = NOW.date()
    old = day - dt.timedelta(days=5_000)
    assert expired(old, day, Periods(0, 0, 1, 0)) == {Kept.AUDIO, Kept.TRANSCRIPT, Kept.METADATA}
    assert expired(old, day, Periods(0, 0, 0, 0)) == frozenset()


async def test_requirement_d6_after_its_time_nothing_can_be_found(
    call: MakeCall, tmp_path: Path, store: Store
) -> None:
    folder, clock = await call(), Days()
    fill(store)
    index = Index("CA1")
    at_work = keeping(tmp_path, store, clock, index)
    clock.pass_(10)
    assert at_work.run() == []
    clock.pass_(1)
    at_work.run()
    assert sorted(path.name for path in folder.iterdir()) == ["call.json", "transcript.jsonl"]
    assert index.calls
    clock.pass_(10)
    at_work.run()
    assert [path.name for path in folder.iterdir()] == ["call.json"]
    assert not index.calls
    words = [line.split()[0] for line in findable(store, tmp_path, WORDS)]
    # What business there still is, and people's own entry in the book, are not the call.
    expected = ["bookings", "contacts", "follow_ups", "notes", "waiting"]
    assert sorted(set(words)) == expected
    clock.pass_(10)
    at_work.run()
    assert not (tmp_path / "calls").exists() or not list((tmp_path / "calls").iterdir())
    left = {line.split()[0] for line in findable(store, tmp_path, "'CA1'", CALLER, WORDS)}
    assert left == {"bookings", "contacts", "contact_numbers", "do_not_call"}
    assert verify_calls(store, tmp_path).problems == ()
    assert [receipt.scope for receipt in at_work.receipts()] == ["retention"] * len(
        at_work.receipts()
    )


async def test_a_hold_keeps_a_call_until_it_is_released(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    await call()
    await call("CA2", number=OTHER)
    fill(plain)
    clock = Days()
    at_work = keeping(tmp_path, plain, clock)
    by_call = at_work.holds.place("call", "CA2", "a dispute", "ann")
    by_number = at_work.holds.place("number", "+1 212 555 0123", "a claim", "ann")
    clock.pass_(1_000)
    at_work.run()
    assert {stored.summary.call_id for stored in Archive(tmp_path).newest(9)} == {"CA1", "CA2"}
    assert "receipts" in {line.split()[0] for line in findable(plain, tmp_path, "CA1")}
    assert at_work.standing().held == 2
    for hold in (by_call, by_number):
        assert at_work.holds.release(hold.id, "bob").subject == ""
    at_work.run()
    assert Archive(tmp_path).newest(9) == []
    assert "receipts" not in {line.split()[0] for line in findable(plain, tmp_path, "CA1")}
    held = {(hold.placed_by, hold.released_by) for hold in at_work.holds.all()}
    assert held == {("ann", "bob")}


def test_a_hold_needs_a_reason_and_something_to_hold(tmp_path: Path, plain: Store) -> None:
    holds = keeping(tmp_path, plain).holds
    for kind, subject, why in (
        ("call", "", "x"),
        ("number", "12", "x"),
        ("call", "CA1", " "),
        ("a", "b", "c"),
    ):
        with pytest.raises(BadHold):
            holds.place(kind, subject, why, "ann")
    with pytest.raises(BadHold):
        holds.release(7, "ann")


async def test_what_is_held_is_not_deleted_by_hand_either(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    await call()
    at_work = keeping(tmp_path, plain)
    at_work.holds.place("number", CALLER, "a claim", "ann")
    fill(plain)
    for asked in (
        ONE,
        Asked(number=CALLER),
    ):
        with pytest.raises(Refused, match="held"):
            at_work.delete(asked, "ann")
    assert at_work.would(Asked(days=0)).held == 0
    assert findable(plain, tmp_path, "CA1")


async def test_a_number_is_not_deleted_while_one_of_its_calls_is_held(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    for call_id in ("CA1", "CA2"):
        await call(call_id)
    fill(plain)
    at_work = keeping(tmp_path, plain)
    at_work.holds.place("call", "CA9", "another dispute", "ann")
    hold = at_work.holds.place("call", "CA1", "a dispute", "ann")
    before = everything(plain)
    for asked in (ONE, Asked(number=CALLER)):
        with pytest.raises(Refused, match=f"held by hold {hold.id}: release that first"):
            at_work.delete(asked, "ann")
    assert everything(plain) == before
    other = at_work.holds.place("number", CALLER, "another dispute", "ann")
    with pytest.raises(Refused, match=f"holds {hold.id}, {other.id}: release those first"):
        at_work.delete(Asked(number=CALLER), "ann")
    at_work.holds.release(other.id, "ann")
    assert len(Archive(tmp_path).newest(9)) == 2
    at_work.holds.release(hold.id, "ann")
    assert at_work.delete(Asked(number=CALLER), "ann").counts["calls"] == 2


@pytest.mark.parametrize(("kind", "subject"), [("number", OTHER), ("call", "CA2")])
def test_a_contact_is_not_deleted_by_one_number_while_another_is_held(
    tmp_path: Path, plain: Store, kind: str, subject: str
) -> None:
    """CA2 came from the contact's other number, and a note was made in it."""
    contacts = Contacts(plain)
    ann = contacts.save(CALLER, NOW, name="Ann")
    contacts.add_number(ann.id, OTHER, NOW)
    contacts.add_note(OTHER, "owes us 40", ToolContext("CA2", OTHER, NOW, "k" * 16))
    at_work = keeping(tmp_path, plain)
    hold = at_work.holds.place(kind, subject, "a claim", "ann")
    with pytest.raises(Refused, match="held"):
        at_work.delete(Asked(number=CALLER), "ann")
    assert contacts.notes(ann)
    at_work.holds.release(hold.id, "ann")
    at_work.delete(Asked(number=CALLER), "ann")
    assert contacts.find(OTHER) is None


async def test_days_of_held_calls_do_not_use_up_the_bound_of_a_run(
    call: MakeCall, tmp_path: Path, plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.retention.retention.MOST_PARTS", 3)
    for day in range(4):
        await call(f"CA{day}", days_ago=60 - day)
    fill(plain, "CA0", at=NOW - dt.timedelta(days=60))
    await call("CA9", days_ago=50, number=OTHER)
    fill(plain, "CA9", OTHER, NOW - dt.timedelta(days=32))
    at_work = keeping(tmp_path, plain)
    at_work.holds.place("number", CALLER, "a claim", "ann")
    for _ in range(3):
        at_work.run()
    assert [each.summary.call_id for each in Archive(tmp_path).newest(9)] == [
        f"CA{day}" for day in (3, 2, 1, 0)
    ]
    left = {line.split()[0] for line in findable(plain, tmp_path, "'CA9'")}
    assert "receipts" not in left


# ---- one call, one number, an age --------------------------------------------------------------


async def test_requirement_d6_one_call_is_deleted_and_leaves_a_receipt_that_tells_of_nobody(
    call: MakeCall, tmp_path: Path, store: Store
) -> None:
    await call()
    await call(part=2)
    await call("CA2", number=OTHER)
    fill(store)
    fill(store, "CA2", OTHER)
    index = Index("CA1", "CA2")
    at_work = keeping(tmp_path, store, lambda: NOW, index)
    at_work.seal()
    counted = at_work.would(ONE).counts
    assert (counted["calls"], counted["files"], counted["receipts"]) == (1, 12, 1)
    assert findable(store, tmp_path, "CA1"), "a dry run changes nothing"
    receipt = at_work.delete(ONE, "ann")
    assert receipt.counts == counted
    assert (receipt.by, receipt.why, receipt.scope) == ("ann", "asked for", "call")
    assert len(receipt.digest) == 64
    assert receipt.finished_at is not None
    assert findable(store, tmp_path, "'CA1'", "/CA1") == []
    assert index.calls == {"CA2"}
    assert len(Archive(tmp_path).newest(9)) == 1
    told = store.read(lambda on: str(on.execute(sa.select(DELETIONS)).all()))
    assert not any(each in told for each in ("CA1", CALLER, WORDS))
    assert verify_calls(store, tmp_path).problems == ()
    names = store.read(lambda on: list(on.execute(sa.select(BOOKINGS.c.name)).scalars()))
    assert sorted(names) == ["", WORDS, WORDS, WORDS], "an appointment to come keeps its name"


async def test_requirement_d6_what_webhooks_are_told_and_who_was_counted_goes_with_the_call(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    await call()
    endpoint, _ = Endpoints(plain).add(Change(url="https://crm.example/"), "ann", NOW)
    outbox = Outbox(plain)
    for call_id in ("CA1", "CA2"):
        outbox.put([started(call_id, NOW, 1, CALLER, OTHER)], NOW)
        Rollups(plain).add([Counted(call_id, ())], NOW)
    assert len(outbox.deliveries(endpoint.id)) == 2
    settings = load({"FRONTDESK_DATA_DIR": str(tmp_path)}, tmp_path)
    at_work = open_retention(settings, plain, lambda: NOW)
    at_work.delete(ONE, "ann")
    assert findable(plain, tmp_path, "'CA1'", "/CA1") == []
    assert [each.call_id for each in outbox.deliveries(endpoint.id)] == ["CA2"]


async def test_requirement_d6_everything_under_a_number_goes(
    call: MakeCall, tmp_path: Path, store: Store
) -> None:
    await call()
    await call("CA2", number=OTHER)
    fill(store)
    fill(store, "CA2", OTHER)
    fill(store, "CA3", "+12125550199")
    at_work = keeping(tmp_path, store, lambda: NOW, Index("CA1"))
    receipt = at_work.delete(Asked(number="+1 (212) 555-0123"), "ann")
    assert (receipt.counts["calls"], receipt.counts["contacts"]) == (1, 1)
    left = {line.split()[0] for line in findable(store, tmp_path, CALLER)}
    assert left == {"do_not_call", "bookings"}, "not to be called stays; so does what is to come"
    assert findable(store, tmp_path, OTHER)
    assert verify_calls(store, tmp_path).problems == ()


def asked_for(store: Store, number: str | None, call_id: str = "CA2") -> None:
    """This caller asks that CALLER be called back, by a message and at a time."""
    context = ToolContext(call_id, number, NOW, call_id * 4)
    inbox = Inbox(store)
    inbox.leave(context, name="Bo", text="Call my wife", call_back_number=CALLER, urgent=False)
    inbox.arrange(
        context,
        name="Bo",
        about="my wife",
        number=CALLER,
        starts_at=NOW,
        ends_at=NOW + dt.timedelta(hours=1),
        zone="UTC",
    )


def rows_of(store: Store, call_id: str) -> dict[str, int]:
    """How many rows of the call there are, by table; of rows that are blanked, too."""

    def work(on: sa.Connection) -> dict[str, int]:
        known = [each for each in rows(NOW) if each.kept is Kept.METADATA and not each.blank]
        counted = {each.name: each.count(on, each.table.c.call_id == call_id) for each in known}
        return {name: many for name, many in counted.items() if many}

    return store.read(work)


async def test_somebody_else_s_call_stays_though_it_left_that_number_to_call_back(
    call: MakeCall, tmp_path: Path, store: Store
) -> None:
    await call()
    await call("CA2", number=OTHER)
    fill(store, "CA2", OTHER)
    before = rows_of(store, "CA2")
    asked_for(store, OTHER)
    asked_for(store, None, "CA3")
    at_work = keeping(tmp_path, store)
    counted = at_work.would(Asked(number=CALLER)).counts
    assert (counted["calls"], counted["messages"], counted["call_backs"]) == (1, 2, 2)
    at_work.delete(Asked(number=CALLER), "ann")
    assert [each.summary.call_id for each in Archive(tmp_path).newest(9)] == ["CA2"]
    assert findable(store, tmp_path, CALLER) == []
    # The message is OTHER's and stays; a call back to no number is none.
    assert rows_of(store, "CA2") == {**before, "messages": before["messages"] + 1}
    assert rows_of(store, "CA3") == {}, "withheld: it counts as the number's own"


def test_what_a_held_call_left_to_call_back_stays(tmp_path: Path, plain: Store) -> None:
    at_work = keeping(tmp_path, plain)
    for number, call_id, kind, subject in (
        (OTHER, "CA2", "number", OTHER),
        (None, "CA3", "call", "CA3"),
    ):
        asked_for(plain, number, call_id)
        at_work.holds.place(kind, subject, "a claim", "ann")
    at_work.delete(Asked(number=CALLER), "ann")
    for call_id in ("CA2", "CA3"):
        assert rows_of(plain, call_id) == {"messages": 1, "call_backs": 1}


def test_requirement_d6_what_the_staff_wrote_down_of_a_number_goes_with_it(
    tmp_path: Path, plain: Store
) -> None:
    """Views that ask for it go, in whatever way it was written; a roll-out goes on without it."""
    marks = Marks(plain, lambda: NOW)
    for name, query in (
        ("hers", "caller=%2B12125550123"),
        ("hers and a few", "caller=%2B12125550"),
        ("as spoken", "q=212+555+0123&sort=cost"),
        ("from its middle", "q=555-0123"),
        ("her 212.555.0123", ""),
        ("others", "caller=%2B12125550199&from=2026-11-20"),
        ("prices", "min_cost=212555&called=%2B12125550123&from=2125-55-01"),
        ("whole town", "caller=%2B1212555"),
    ):
        marks.keep_view("u1", "ann", name, query, shared=True)
    desk = Editor(plain)
    desk.taken(shop="one")
    draft = desk.saved(1, shop="two")
    rollouts = Rollouts(plain, desk.versions, lambda: NOW)
    made = rollouts.start(draft, 0, (CALLER, OTHER), Rule(), "ann", "")
    assert isinstance(made, Rollout)
    at_work = keeping(tmp_path, plain)
    receipt = at_work.delete(Asked(number=CALLER), "ann")
    assert (receipt.counts["call_views"], receipt.counts["rollouts"]) == (5, 1)
    assert [each.name for each in marks.views("u2")] == ["others", "prices", "whole town"]
    left = rollouts.find(made.id)
    assert left is not None
    assert (left.numbers, left.state) == ((OTHER,), State.RUNNING)


async def test_what_is_older_goes_by_class(call: MakeCall, tmp_path: Path, plain: Store) -> None:
    old, new = await call(days_ago=9), await call("CA2", days_ago=3)
    at_work = keeping(tmp_path, plain)
    at_work.delete(Asked(days=5, classes=(Kept.AUDIO,)), "ann")
    assert sorted(path.name for path in old.iterdir()) == ["call.json", "transcript.jsonl"]
    assert (new / "journal.bin").exists()


async def test_a_call_that_is_on_is_not_deleted(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    folder = await call()
    (folder / "call.json").unlink()
    with pytest.raises(Refused, match="not over"):
        keeping(tmp_path, plain, lambda: dt.datetime.now(dt.UTC)).delete(ONE, "ann")


def test_what_is_asked_for_must_make_sense(tmp_path: Path, plain: Store) -> None:
    at_work = keeping(tmp_path, plain)
    for asked in (Asked(), Asked(call="CA1", number=CALLER), Asked(number="me")):
        with pytest.raises(Refused):
            at_work.would(asked)
    with pytest.raises(NotFound):
        at_work.would(ONE)


async def test_an_id_that_only_begins_so_is_another_call(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    await call("CA12")
    with pytest.raises(NotFound):
        keeping(tmp_path, plain).delete(ONE, "ann")


# ---- broken off --------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


STEPS = ("begun", "chained", "forgotten", "file", "unlinked", "erased", "finished")


@pytest.mark.parametrize(("where", "at"), [*((step, 1) for step in STEPS), ("file", 3)])
async def test_requirement_d6_a_deletion_that_is_killed_anywhere_is_taken_up_again(
    call: MakeCall, tmp_path: Path, plain: Store, where: str, at: int
) -> None:
    await call()
    fill(plain)
    index = Index("CA1")
    seen: list[str] = []

    def step(name: str, /) -> None:
        seen.append(name)
        if seen.count(where) == at and name == where:
            raise Killed

    with pytest.raises(Killed):
        keeping(tmp_path, plain, lambda: NOW, index, step=step).delete(ONE, "ann")
    again = keeping(tmp_path, plain, lambda: NOW, index)
    assert verify_calls(plain, tmp_path).problems == ()
    again.run()
    receipt = again.receipts()[0]
    assert receipt.finished_at is not None
    assert (receipt.counts["files"], receipt.counts["receipts"], receipt.by) == (6, 1, "ann")
    assert findable(plain, tmp_path, "'CA1'", "/CA1") == findable(plain, tmp_path, "b'never'")[
        :0
    ] + [line for line in findable(plain, tmp_path, "'CA1'") if line.startswith("bookings")]
    assert not index.calls
    assert verify_calls(plain, tmp_path).problems == ()
    assert set(STEPS) >= set(seen)


async def test_what_is_still_there_is_said_and_not_receipted(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    await call()
    index = Index("CA1", stubborn=True)
    at_work = keeping(tmp_path, plain, lambda: NOW, index)
    with pytest.raises(NotGone, match="search: 1"):
        at_work.delete(ONE, "ann")
    assert at_work.receipts()[0].finished_at is None
    assert at_work.standing().unfinished == 1
    index.stubborn = False
    at_work.run()
    assert at_work.receipts()[0].finished_at is not None


async def test_receipts_are_kept_as_long_as_the_audit_log(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    await call()
    clock = Days()
    at_work = keeping(tmp_path, plain, clock)
    at_work.delete(ONE, "ann")
    clock.pass_(40)
    at_work.run()
    assert len(at_work.receipts()) == 1
    clock.pass_(1)
    at_work.run()
    assert at_work.receipts() == []


async def test_one_run_is_bounded_and_the_next_goes_on(
    call: MakeCall, tmp_path: Path, plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.retention.planning.BATCH", 1)
    monkeypatch.setattr("telephony.retention.retention.MOST_PARTS", 2)
    for number in range(3):
        await call(f"CA{number}", days_ago=50)
    at_work = keeping(tmp_path, plain)
    assert len(at_work.run()) == 2
    assert len(Archive(tmp_path).newest(9)) == 1
    assert len(at_work.run()) == 1
    assert at_work.run() == []


# ---- the whole database ------------------------------------------------------------------------

TELLING = {"call_id", "caller", "caller_number", "number", "call_back_number", "call_sid"}
ELSEWHERE = {
    *(table.name for table in (NUMBERS, CONTACTS, *OF_CONTACT)),
    # What `CallIndex.forget` takes out.
    *("call_index", "call_texts", "call_tools", "call_labels", "call_notes"),
    # What `Outbox.forget` takes out; the others know the event only.
    "webhook_events",
    # Numbers of rows, not of telephones.
    *(table.name for table in (CALL_CHAIN, AUDIT, AUDIT_ENDS)),
}


def declared() -> set[str]:
    """All tables of the tree, also of modules that nothing here imports."""
    sources = [module.source for module in modules("telephony", "tools")]
    return {name for source in sources for name in re.findall(r'sa\.Table\(\s*"(\w+)"', source)}


def test_every_table_that_tells_of_a_caller_is_deleted_from() -> None:
    """A new table belongs into telephony.retention.rows, or says here why not."""
    known = {each.table.name for each in rows(NOW)} | ELSEWHERE
    assert calendars.EVENTS.metadata is METADATA
    tables = METADATA.sorted_tables
    assert declared() - {table.name for table in tables} == set(), "import what declares them"
    telling = {table.name for table in tables if TELLING & {column.name for column in table.c}}
    assert telling - known == set()


def test_these_stories_fill_every_table(plain: Store) -> None:
    fill(plain)
    empty = {
        each.table.name
        for each in rows(NOW)
        if not plain.read(lambda on, each=each: each.count(on, sa.true()))  # type: ignore[misc]
    }
    assert empty == {"rollout_calls"}


# ---- subject export ----------------------------------------------------------------------------


async def test_requirement_d6_a_subject_s_export_holds_everything_and_only_theirs(
    call: MakeCall, tmp_path: Path, store: Store
) -> None:
    folder = await call()
    await call("CA2", number=OTHER)
    fill(store)
    fill(store, "CA2", OTHER)
    with zipfile.ZipFile(io.BytesIO(exported(store, tmp_path, CALLER, NOW))) as file:
        assert file.testzip() is None
        at = "calls/2026-11-20_CA1"
        assert file.read(f"{at}/caller.wav") == (folder / "caller.wav").read_bytes()
        told = json.loads(file.read(f"{at}/call.json"))
        tables = json.loads(file.read("database.json"))
        index = json.loads(file.read("index.json"))
        whole = b"".join(file.read(name) for name in file.namelist())
    assert told["call"]["from_number"] == CALLER
    assert WORDS in {entry.get("text") for entry in told["entries"]}
    assert {"bookings", "contacts", "notes", "messages", "receipts", "do_not_call"} <= set(tables)
    assert len(tables["bookings"]) == 2
    assert index["calls"] == ["CA1"]
    assert OTHER.encode() not in whole
    assert str(tmp_path).encode() not in whole


def test_an_export_tells_of_somebody_else_s_call_only_what_names_the_number(
    tmp_path: Path, plain: Store
) -> None:
    fill(plain, "CA2", OTHER)
    asked_for(plain, OTHER)
    tables = database_of(plain, tmp_path)
    assert sorted(tables) == ["call_backs", "messages"]
    at = {"created_at": NOW.isoformat().replace("+00:00", "Z")}
    assert tables["messages"] == [{"id": 2, "call_back_number": CALLER, **at}]
    assert tables["call_backs"] == [{"id": 2, "number": CALLER, **at}]


def test_an_export_has_all_of_what_the_deletion_of_the_number_takes_whole(
    tmp_path: Path, plain: Store
) -> None:
    """Who withheld their number and left this one may well be who it belongs to."""
    asked_for(plain, OTHER)
    asked_for(plain, None, "CA3")
    tables = database_of(plain, tmp_path)
    whole = {name: [row for row in rows if "caller_number" in row] for name, rows in tables.items()}
    assert sorted(whole) == ["call_backs", "messages"]
    for (row,) in whole.values():
        assert (row["call_id"], row["name"], row["caller_number"]) == ("CA3", "Bo", None)
    assert whole["messages"][0]["text"] == "Call my wife"
    assert whole["call_backs"][0]["about"] == "my wife"
    keeping(tmp_path, plain).delete(Asked(number=CALLER), "ann")
    assert (rows_of(plain, "CA2"), rows_of(plain, "CA3")) == ({"messages": 1}, {})
    assert database_of(plain, tmp_path) == {}


def database_of(store: Store, data_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """What an export of CALLER has from the database."""
    with zipfile.ZipFile(io.BytesIO(exported(store, data_dir, CALLER, NOW))) as file:
        found: dict[str, list[dict[str, Any]]] = json.loads(file.read("database.json"))
    return found
