"""Whom the staff is to call because a time has become free, over HTTP."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, status
from pydantic import BaseModel

from telephony.console.access.audit import Audit
from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.approvals import MAX_ID, Me, Problem
from tools.booking.waiting import Notice, Waiting


class NoticeView(BaseModel):
    """Somebody of the waiting list, and the time that would do for them."""

    id: int
    number: str | None
    """Where to call, E.164."""
    name: str
    service: str
    party: int
    person: str | None
    day: str
    starts_at: dt.datetime
    """What is free, or was when it was noted."""
    noted_at: dt.datetime


def waiting_router(
    waiting: Callable[[], Waiting],
    clock: Callable[[], dt.datetime],
    operator: Callable[..., str],
    audit: Audit,
) -> APIRouter:
    """Routes below `/waiting`, which tells names and numbers; see `approvals_router` for the
    parameters. Plain functions, for they block."""
    router = APIRouter(prefix="/waiting", tags=["waiting list"], dependencies=[needs(Right.HEAR)])
    Operator = Annotated[str, Depends(operator)]  # noqa: N806, a type
    Number = Annotated[int, Path(ge=1, le=MAX_ID, description="The id of a notice.")]  # noqa: N806

    @router.get("", summary="Who is to be called, the oldest notice first")
    def notices(_by: Operator) -> list[NoticeView]:
        return [_view(each) for each in waiting().notices()]

    @router.post(
        "/{notice_id}/done",
        responses=_GONE,
        status_code=204,
        summary="They were called",
        dependencies=[needs(Right.EDIT)],
    )
    def done(notice_id: Number, _by: Operator, who: Me) -> None:
        if not waiting().seen(notice_id, clock()):
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no open notice {notice_id}")
        audit.record(who, "waiting.done", f"notice {notice_id}")

    return router


_GONE: dict[int | str, dict[str, object]] = {
    status.HTTP_404_NOT_FOUND: {"model": Problem, "description": "There is no such open notice"},
}


def _view(notice: Notice) -> NoticeView:
    entry = notice.entry
    return NoticeView(
        id=notice.id,
        number=entry.caller_number,
        name=entry.name,
        service=entry.service,
        party=entry.party,
        person=entry.person,
        day=entry.day,
        starts_at=notice.starts_at,
        noted_at=notice.created_at,
    )
