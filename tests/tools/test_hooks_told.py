"""What tools do is told with the receipt itself: once, and only as far as it is known."""

import datetime as dt
import json

import pytest
import sqlalchemy as sa

from tools.approvals import Approvals
from tools.hooks.endpoints import Change, Endpoints
from tools.hooks.outbox import Outbox, put
from tools.hooks.spec import Event, EventType, event_id
from tools.hooks.told import approval_waits, tool_ended
from tools.livecalls import LiveCall, LiveCalls
from tools.policy import NeedsApproval
from tools.receipts import Begun, Claim, Receipts
from tools.spec import Risk, ToolState
from tools.store import Store

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
SOON = dt.timedelta(seconds=10)


def claim(tool_call: str = "t1", tool: str = "book", digest: str = "d") -> Claim:
    risk = Risk.WRITE_OWN
    caller = "+442079460001"
    return Claim("CA1", tool_call, tool, risk, digest, NOW, NOW + SOON, caller=caller)


def told(store: Store) -> list[tuple[str, dict[str, object]]]:
    outbox = Outbox(store)
    found = []
    while (sending := outbox.claim(NOW + SOON, SOON)) is not None:
        sent = json.loads(sending.body)
        found.append((sent["type"], sent["data"]))
        outbox.taken(sending, 200, NOW)
    return found


@pytest.fixture
def listened(store: Store) -> Store:
    wanted = Change(url="https://a.example/", numbers=True)
    Endpoints(store).add(wanted, "anna", NOW - SOON)
    return store


def test_each_end_of_a_tool_is_told_once(listened: Store) -> None:
    receipts = Receipts(listened, tool_ended)
    begun = receipts.begin(claim())
    assert isinstance(begun, Begun)
    receipts.finish(begun.receipt.id, ToolState.UNKNOWN, "{}", NOW)
    data = {"call_id": "CA1", "tool": "book", "receipt": begun.receipt.id}
    assert told(listened) == [("tool.unknown", data)]
    for _ in range(2):
        receipts.finish(begun.receipt.id, ToolState.DONE, "{}", NOW)
    receipts.finish(begun.receipt.id, ToolState.FAILED, "{}", NOW)
    assert told(listened) == [("tool.done", data)]


@pytest.mark.parametrize("state", [ToolState.REFUSED, ToolState.INVALID])
def test_what_never_ran_is_not_told(listened: Store, state: ToolState) -> None:
    receipts = Receipts(listened, tool_ended)
    begun = receipts.begin(claim())
    assert isinstance(begun, Begun)
    receipts.finish(begun.receipt.id, state, "{}", NOW)
    assert told(listened) == []


def test_a_failure_is_told(listened: Store) -> None:
    receipts = Receipts(listened, tool_ended)
    begun = receipts.begin(claim())
    assert isinstance(begun, Begun)
    receipts.finish(begun.receipt.id, ToolState.FAILED, "{}", NOW)
    assert [kind for kind, _ in told(listened)] == ["tool.failed"]


def test_who_has_to_decide_is_told_once_for_each_request(listened: Store) -> None:
    approvals = Approvals(listened, approval_waits)
    for _ in range(2):
        asked = approvals.ask(claim(), '{"name": "Ann"}', NeedsApproval(30, "refuse"))
    assert told(listened) == [
        (
            "approval.waiting",
            {
                "approval": asked.id,
                "call_id": "CA1",
                "tool": "book",
                "deadline": "2026-11-20T12:00:30+00:00",
                "otherwise": "refuse",
                "caller": "+442079460001",
            },
        )
    ]


def test_the_first_word_of_a_call_is_told_with_it(listened: Store) -> None:
    def began(connection: sa.Connection, call: LiveCall, now: dt.datetime) -> None:
        started = Event(event_id(call.call_id), EventType.CALL_STARTED, now, call.call_id, {})
        put(connection, [started], now)

    calls = LiveCalls(listened, began)
    for lines in ((), ("a line",)):
        assert calls.keep("one", [LiveCall("CA1", 1, "head", "", 0, lines)], NOW) == frozenset()
    assert calls.keep("other", [LiveCall("CA1", 1, "head", "")], NOW) == {"CA1"}
    assert told(listened) == [("call.started", {})]
