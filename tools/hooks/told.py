"""What tools do and wait for, as events: written with the receipt or the request itself."""

import datetime as dt

import sqlalchemy as sa

from tools.approvals import Approval
from tools.hooks.outbox import put
from tools.hooks.spec import Event, EventType, event_id
from tools.receipts import Receipt
from tools.spec import ToolState

_ENDS = {
    ToolState.DONE: EventType.TOOL_DONE,
    ToolState.FAILED: EventType.TOOL_FAILED,
    ToolState.UNKNOWN: EventType.TOOL_UNKNOWN,
}
"""What else there is ran nowhere: it was refused, or asked for wrongly."""


def tool_ended(connection: sa.Connection, receipt: Receipt, at: dt.datetime) -> None:
    """See tools.receipts.Told."""
    kind = _ENDS.get(receipt.state) if receipt.state is not None else None
    if kind is None:
        return
    event = Event(
        id=event_id("tool", receipt.id, kind.value),
        type=kind,
        at=at,
        call_id=receipt.call_id,
        data={"call_id": receipt.call_id, "tool": receipt.tool, "receipt": receipt.id},
    )
    put(connection, [event], at)


def approval_waits(connection: sa.Connection, approval: Approval) -> None:
    """See tools.approvals.Approvals."""
    event = Event(
        id=event_id("approval", approval.id),
        type=EventType.APPROVAL_WAITING,
        at=approval.asked_at,
        call_id=approval.call_id,
        data={
            "approval": approval.id,
            "call_id": approval.call_id,
            "tool": approval.tool,
            "deadline": approval.deadline_at.astimezone(dt.UTC).isoformat(),
            "otherwise": approval.otherwise,
        },
        numbers={"caller": approval.caller} if approval.caller else {},
    )
    put(connection, [event], approval.asked_at)
