"""While the database is down: what callers want is kept on disk, and the staff is told once."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import sqlalchemy as sa

from tests.tools.desk import CALLER, NOW, Desk, said
from tools import spool as spools
from tools.booking.bookings import Bookings
from tools.booking.shop import default_shop
from tools.calls.inbox import Inbox
from tools.calls.offer import Targets, call_tools
from tools.catalogue import build
from tools.spec import Approval as ToolApproval
from tools.spec import BackendError, ToolContext, ToolState
from tools.spool import Intent, Spool, told_to_staff
from tools.store import Store

WISH = {"service": "haircut", "date": "2026-03-04", "time": "10:00", "name": "Ann"}
INTENT = Intent("e1", "CA1", "book_appointment", WISH, CALLER, NOW)


@contextlib.contextmanager
def down(url: str, store: Store) -> Iterator[None]:
    """The database is gone for everybody, then back as it was."""
    store.close()
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        away = path.rename(path.with_suffix(".away"))
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()
            away.rename(path)
        return
    whole = sa.make_url(url)
    server = whole.set(database="postgres").render_as_string(hide_password=False)
    allow = f'ALTER DATABASE "{whole.database}" ALLOW_CONNECTIONS '
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute((allow + "false").encode())
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        admin.execute(ours, (whole.database,))
        try:
            yield
        finally:
            admin.execute((allow + "true").encode())


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def desk(store: Store, spool: Spool) -> Desk:
    return Desk(build(default_shop(), store), store, spool=spool)


async def test_fault_x10_what_is_wanted_while_the_database_is_down_is_kept_and_told_once(
    store_url: str, store: Store, spool: Spool, tmp_path: Path
) -> None:
    own = desk(store, spool)
    with down(store_url, store):
        told = [await own.ask("book_appointment", WISH) for _ in range(2)]
        withheld = await own.ask("book_appointment", WISH, call="CA2", number=None)
        with pytest.raises(BackendError):
            spool.drain(told_to_staff(store))
    for outcome in told:
        assert outcome.state is ToolState.FAILED
        data = said(outcome)
        assert data["message"].endswith("our staff will call you back.")
        assert "at the number they call from" in data["mend"]
    assert "withheld" in said(withheld)["mend"]
    assert len(list((tmp_path / "spool").glob("*.json"))) == 2
    assert spool.drain(told_to_staff(store)) == 2
    messages = {each.call_id: each for each in Inbox(store).messages()}
    assert messages.keys() == {"CA1", "CA2"}
    first = messages["CA1"]
    assert (first.name, first.call_back_number, first.urgent) == ("Ann", CALLER, True)
    assert "book_appointment (service: haircut, date: 2026-03-04" in first.text
    assert messages["CA2"].call_back_number is None
    assert spool.drain(told_to_staff(store)) == 0
    assert own.receipts.of_call("CA1") == []


async def test_fault_x10_a_database_that_goes_down_inside_a_tool(
    store_url: str, store: Store, spool: Spool
) -> None:
    own = desk(store, spool)
    entry = build(default_shop(), store).get("book_appointment")
    assert entry is not None
    handler = entry.tool.handler
    gone = contextlib.ExitStack()

    def breaks(asked: Any, context: ToolContext) -> Any:
        gone.enter_context(down(store_url, store))
        return handler(asked, context)

    broken = Desk([msgspec.structs.replace(entry.tool, handler=breaks)], store, spool=spool)
    with gone:
        outcome = await broken.ask("book_appointment", WISH)
        assert said(outcome)["message"].endswith("our staff will call you back.")
    assert spool.drain(told_to_staff(store)) == 1
    assert [each.call_id for each in Inbox(store).messages()] == ["CA1"]
    own.now = NOW + dt.timedelta(minutes=5)
    await own.dispatcher.recover()
    assert [each.state for each in own.receipts.of_call("CA1")] == [ToolState.FAILED]
    again = await own.ask("book_appointment", WISH, tool_call_id="again")
    assert again.state is ToolState.DONE


async def test_fault_x10_what_was_done_after_all_is_not_told(
    store_url: str, store: Store, spool: Spool
) -> None:
    own = desk(store, spool)
    with down(store_url, store):
        assert (await own.ask("book_appointment", WISH)).state is ToolState.FAILED
    assert (await own.ask("book_appointment", WISH)).state is ToolState.DONE
    assert spool.drain(told_to_staff(store)) == 1
    assert Inbox(store).messages() == []


async def test_fault_x10_a_question_is_not_kept_and_without_a_disk_nothing_is_promised(
    store_url: str, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    own = desk(store, Spool(tmp_path / "file"))
    with down(store_url, store):
        assert "call you back" not in (await own.ask("list_services")).output
        refused = await own.ask("book_appointment", WISH)
    assert refused.state is ToolState.FAILED
    assert "call you back" not in refused.output


def test_a_death_between_telling_and_forgetting_tells_once(store: Store, spool: Spool) -> None:
    spool.put(INTENT)

    def dies(intent: Intent) -> None:
        told_to_staff(store)(intent)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spool.drain(dies)
    assert spool.drain(told_to_staff(store)) == 1
    assert len(Inbox(store).messages()) == 1


def test_what_is_kept_is_in_order_for_our_eyes_and_no_more_than_so_much(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spool.drain(lambda _: None) == 0
    for number in (2, 1, 3):
        at = NOW + dt.timedelta(seconds=number)
        spool.put(Intent(f"e{number}", "CA1", "do", {}, "", at))
    files = list((tmp_path / "spool").iterdir())
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    monkeypatch.setattr(spools, "MOST", 3)
    with pytest.raises(OSError, match="full"):
        spool.put(INTENT)
    (tmp_path / "spool" / "e9.json").write_bytes(b"{torn")
    got: list[str] = []
    assert spool.drain(lambda intent: got.append(intent.effect)) == 3
    assert got == ["e1", "e2", "e3"]
    assert [path.name for path in (tmp_path / "spool").iterdir()] == ["e9.bad"]


async def test_fault_x10_what_may_have_been_done_is_not_told_as_undone(
    store_url: str, store: Store, spool: Spool
) -> None:
    entry = build(default_shop(), store).get("book_appointment")
    assert entry is not None
    handler = entry.tool.handler
    gone = contextlib.ExitStack()

    def booked(asked: Any, context: ToolContext) -> Any:
        made = handler(asked, context)
        gone.enter_context(down(store_url, store))
        return made

    own = Desk([msgspec.structs.replace(entry.tool, handler=booked)], store, spool=spool)
    with gone:
        first = await own.ask("book_appointment", WISH)
        again = await own.ask("book_appointment", WISH)
    assert first.state is ToolState.UNKNOWN
    assert "Nothing was done" not in again.output
    assert "Say neither" in said(again)["mend"]
    assert spool.drain(told_to_staff(store)) == 1
    (message,) = Inbox(store).messages()
    assert message.text.startswith("This may have been done:")
    assert len(Bookings(store, default_shop()).of_call("CA1")) == 1


async def test_fault_x10_nobody_has_to_stay_for_want_of_a_database(
    store_url: str, store: Store, spool: Spool
) -> None:
    tools = {each.name: each for each in call_tools(Targets({"desk": "One moment."}, "desk"))}
    asks_first = msgspec.structs.replace(
        tools["transfer_call"], name="ask_first", approval=ToolApproval()
    )
    own = Desk([*tools.values(), asks_first], store, spool=spool)
    with down(store_url, store):
        passed_on = await own.ask("transfer_call", {"target": "desk"})
        ended = await own.ask("end_call")
        held = await own.ask("ask_first", {"target": "desk"})
    assert (passed_on.state, passed_on.transfer_to) == (ToolState.DONE, "desk")
    assert said(passed_on)["message"] == "One moment."
    assert (ended.state, ended.ends_call) == (ToolState.DONE, True)
    assert (held.state, held.transfer_to) == (ToolState.FAILED, "")
