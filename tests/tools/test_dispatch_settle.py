"""What another process left running is found out, and never done again."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tests.tools.desk import CALLER, NOW, Desk
from tools.receipts import Begun, Claim, Receipts
from tools.spec import BackendError, Risk, Tool, ToolContext, ToolOutcome, ToolRequest, ToolState
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


def abandoned(desk: Desk, risk: Risk = Risk.WRITE_OWN) -> None:
    """Its intent is on record; the process died then."""
    begun = desk.receipts.begin(Claim("CA1", "t1", "do", risk, "digest", NOW, NOW))
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
