"""What another process left running is found out, and never done again."""

import asyncio
import datetime as dt
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.tools.desk import CALLER, NOW, Desk
from tools import dispatch
from tools.calls.offer import Targets, call_tools
from tools.dispatch import LEFT_S
from tools.receipts import Begun, Claim, Receipt, Receipts
from tools.spec import (
    BackendError,
    OutcomeUnknownError,
    Risk,
    Tool,
    ToolContext,
    ToolOutcome,
    ToolRequest,
    ToolState,
)
from tools.spool import Spool
from tools.store import Store


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    day: str = ""


class Made:
    """A tool, how often it was done, and what its backend says of it."""

    def __init__(self, found: dict[str, Any] | None = None) -> None:
        self.times = 0
        self._found = found

    def do(self, _asked: Asked, _context: ToolContext) -> Mapping[str, Any]:
        self.times += 1
        return {"message": "Done."}

    def found(self, _context: ToolContext) -> Mapping[str, Any] | None:
        return self._found

    def tool(self, risk: Risk = Risk.WRITE_OWN) -> Tool:
        return Tool("do", "Do it.", Asked, self.do, risk=risk, deadline_s=0.2, reconcile=self.found)


async def settle(desk: Desk, tool_call_id: str = "t1", name: str = "do") -> ToolOutcome:
    return await desk.dispatcher.settle(ToolRequest("CA1", tool_call_id, name, "", CALLER))


def abandoned(desk: Desk, risk: Risk = Risk.WRITE_OWN, call: str = "CA1") -> None:
    """Its intent is on record; the process died then."""
    begun = desk.receipts.begin(Claim(call, "t1", "do", risk, "digest", NOW, NOW))
    assert isinstance(begun, Begun)


async def test_fault_p3_what_was_done_is_told_and_not_done_again(plain: Store) -> None:
    made = Made()
    desk = Desk([made.tool()], plain)
    first = await desk.ask("do", {"day": "x"}, tool_call_id="t1")
    again = await settle(Desk([made.tool()], plain))
    assert (again.state, again.output, again.repeated) == (ToolState.DONE, first.output, True)
    assert made.times == 1
    assert desk.receipts.requested("CA1") == [("t1", "do")]
    assert desk.receipts.requested("CA2") == []


@pytest.mark.parametrize(
    ("found", "state"), [({"message": "It is made."}, ToolState.DONE), (None, ToolState.FAILED)]
)
async def test_fault_p3_what_was_running_is_asked_about_where_it_runs(
    plain: Store, found: dict[str, Any] | None, state: ToolState
) -> None:
    made = Made(found)
    desk = Desk([made.tool()], plain)
    abandoned(desk)
    assert (await settle(desk)).state is state
    assert made.times == 0


async def test_fault_p3_a_read_that_was_running_has_failed(plain: Store) -> None:
    made = Made()
    desk = Desk([made.tool(Risk.READ)], plain)
    abandoned(desk, Risk.READ)
    assert (await settle(desk)).state is ToolState.FAILED


async def test_what_was_never_begun_may_be_asked_for_again(plain: Store) -> None:
    made = Made()
    desk = Desk([made.tool()], plain)
    assert (await settle(desk)).state is ToolState.FAILED
    assert (await desk.ask("do", tool_call_id="t2")).state is ToolState.DONE
    assert made.times == 1


async def test_a_tool_that_is_not_there_any_more_is_told_so(plain: Store) -> None:
    assert (await settle(Desk([], plain))).state is ToolState.INVALID


async def test_fault_s2_a_ledger_that_cannot_be_asked_leaves_it_unknown(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise BackendError("down", permanent=False)

    monkeypatch.setattr(Receipts, "of_request", down)
    assert (await settle(Desk([Made().tool()], plain))).state is ToolState.UNKNOWN


async def test_fault_p3_a_transfer_is_settled_without_knowing_to_whom(plain: Store) -> None:
    desk = Desk(call_tools(Targets({"desk": "One moment."}, "desk")), plain)
    asked = await desk.ask("transfer_call", {"target": "desk"}, tool_call_id="t1")
    assert asked.transfer_to == "desk"
    again = await settle(desk, name="transfer_call")
    assert (again.state, again.transfer_to) == (ToolState.DONE, "")


async def test_fault_x7_a_try_that_never_began_does_not_undo_one_that_may_have_worked(
    plain: Store,
) -> None:
    go, tries = threading.Event(), list[int]()

    def lost(_asked: Asked, _context: ToolContext) -> Mapping[str, Any]:
        tries.append(1)
        # The only thread is busy from now on.
        desk.dispatcher._tool_threads.submit(lambda: go.wait(20))
        raise OutcomeUnknownError("cut off")

    tool = Tool("do", "Do it.", Asked, lost, risk=Risk.MONEY, deadline_s=0.5, idempotent=True)
    desk = Desk([tool], plain, threads=1)
    outcome = await desk.ask("do")
    go.set()
    assert (outcome.state, len(tries)) == (ToolState.UNKNOWN, 1)
    assert "nothing was changed" not in outcome.output


async def test_fault_s2_a_hiccup_leaves_the_rest_to_be_recovered(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk([Made().tool()], plain, now=NOW + dt.timedelta(hours=1))
    for number in range(3):
        call = f"CA{number}"
        desk.receipts.begin(Claim(call, "t1", "do", Risk.WRITE_OWN, "digest", NOW, NOW))
    find, looks = desk.receipts.find, list[int]()

    def flaky(receipt_id: int) -> Receipt:
        looks.append(receipt_id)
        if len(looks) == 1:
            raise BackendError("blip", permanent=False)
        return find(receipt_id)

    monkeypatch.setattr(desk.receipts, "find", flaky)
    assert await desk.dispatcher.recover() == 3
    assert [each.call_id for each in desk.receipts.left_open(desk.now)] == ["CA0"]


async def test_recovery_never_ends(plain: Store) -> None:
    pauses: list[float] = []
    found = Made()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        abandoned(desk, call=f"CA{len(pauses)}")
        if len(pauses) == 4:
            raise asyncio.CancelledError

    desk = Desk([found.tool()], plain, now=NOW + dt.timedelta(hours=1), pause=pause)
    with pytest.raises(asyncio.CancelledError):
        await desk.dispatcher.keep_recovering()
    assert pauses == [LEFT_S] * 4
    assert [each.call_id for each in desk.receipts.left_open(desk.now)] == ["CA4"]


async def test_a_write_that_ends_late_and_unsure_is_asked_about(plain: Store) -> None:
    go = threading.Event()

    def late(_asked: Asked, _context: ToolContext) -> Mapping[str, Any]:
        assert go.wait(20)
        raise OutcomeUnknownError("cut off")

    made = Made({"message": "It is made."})
    desk = Desk([msgspec.structs.replace(made.tool(), handler=late)], plain)
    assert (await desk.ask("do")).state is ToolState.UNKNOWN
    go.set()
    assert await desk.dispatcher.drain(20) == 0
    assert [each.state for each in desk.receipts.of_call("CA1")] == [ToolState.DONE]


@pytest.mark.parametrize("spooled", [True, False])
async def test_a_wish_that_cannot_even_be_put_down_is_answered(
    plain: Store, tmp_path: Path, spooled: bool
) -> None:
    def broken(_asked: Any) -> Any:
        raise ZeroDivisionError

    made = Made()
    spool = Spool(tmp_path / "spool") if spooled else None
    desk = Desk([msgspec.structs.replace(made.tool(), settled=broken)], plain, spool=spool)
    assert ((await desk.ask("do")).state, made.times) == (ToolState.FAILED, 0)


async def test_asking_the_backend_does_not_double_the_deadline(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "LEAST_S", 0.0)
    go = threading.Event()

    def slow(_context: ToolContext) -> Mapping[str, Any]:
        go.wait(0.1)
        return {"message": "It is made."}

    tool = msgspec.structs.replace(Made().tool(), reconcile=slow)
    desk = Desk([tool], plain)
    soon = NOW + dt.timedelta(minutes=1)
    desk.receipts.begin(Claim("CA1", "t1", "do", Risk.WRITE_OWN, "digest", NOW, soon))
    # All of its time has gone by waiting for the first attempt's end.
    assert (await settle(desk)).state is ToolState.UNKNOWN
    go.set()
