"""How an operator sees what waits for a person's word, and gives it, over HTTP."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, status
from pydantic import BaseModel

from telephony.console.access.audit import Audit
from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from tools.approvals import Approval, Approvals, ApprovalState, Decided, NoApproval

MAX_ID = 2**31 - 1
APPROVED = ApprovalState.APPROVED.value
Me = Annotated[Who, Depends(current)]


class ApprovalView(BaseModel):
    """One request, as operators see it. Arguments the tool redacts are not in it."""

    id: int
    call_id: str
    tool: str
    arguments: dict[str, object]
    caller: str
    state: str
    otherwise: str
    asked_at: dt.datetime
    deadline_at: dt.datetime
    decided_at: dt.datetime | None
    decided_by: str


class Problem(BaseModel):
    """What was wrong with a request, as FastAPI answers it."""

    detail: str


def approvals_router(
    approvals: Approvals,
    clock: Callable[[], dt.datetime],
    operator: Callable[..., str],
    audit: Audit,
) -> APIRouter:
    """Routes below `/approvals`. `operator` is a FastAPI dependency: it gives the name of who
    asks, or raises HTTPException; `clock` gives the time with its zone.

    The routes are plain functions on purpose: they block, so FastAPI runs them in threads.
    """
    right = needs(Right.APPROVE)
    router = APIRouter(prefix="/approvals", tags=["approvals"], dependencies=[right])
    Operator = Annotated[str, Depends(operator)]  # noqa: N806, a type

    @router.get("", summary="What is to be decided, the oldest first")
    def waiting(_by: Operator) -> list[ApprovalView]:
        return [_view(each) for each in approvals.waiting(clock())]

    @router.post("/{approval_id}/approve", responses=_ERRORS, summary="Let it run, once")
    def approve(approval_id: int, by: Operator, who: Me) -> ApprovalView:
        return noted(who, _decided(approvals.approve, approval_id, by, clock()))

    @router.post("/{approval_id}/refuse", responses=_ERRORS, summary="Do not let it run")
    def refuse(approval_id: int, by: Operator, who: Me) -> ApprovalView:
        return noted(who, _decided(approvals.refuse, approval_id, by, clock()))

    def noted(who: Who, decided: ApprovalView) -> ApprovalView:
        facts = {"approval": decided.id, "tool": decided.tool}
        action = "tool.approve" if decided.state == APPROVED else "tool.refuse"
        audit.record(who, action, f"call {decided.call_id}", after=facts)
        return decided

    return router


_ERRORS: dict[int | str, dict[str, object]] = {
    status.HTTP_404_NOT_FOUND: {"model": Problem, "description": "There is no such request"},
    status.HTTP_409_CONFLICT: {"model": Problem, "description": "It is decided already"},
}


def _decided(
    decide: Callable[[int, str, dt.datetime], Approval],
    approval_id: int,
    by: str,
    now: dt.datetime,
) -> ApprovalView:
    if not 0 < approval_id <= MAX_ID:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no approval {approval_id}")
    try:
        return _view(decide(approval_id, by, now))
    except NoApproval as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from None
    except Decided as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from None


def _view(approval: Approval) -> ApprovalView:
    return ApprovalView(
        id=approval.id,
        call_id=approval.call_id,
        tool=approval.tool,
        arguments=dict(approval.arguments),
        caller=approval.caller,
        state=approval.state.value,
        otherwise=approval.otherwise,
        asked_at=approval.asked_at,
        deadline_at=approval.deadline_at,
        decided_at=approval.decided_at,
        decided_by=approval.decided_by,
    )
