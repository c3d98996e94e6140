"""The page of what is kept: periods, legal holds, what was deleted, and a run by hand."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request, Response

from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.keeping import Keeping, keeping_of
from telephony.console.pages.settings import SETTINGS, tab
from telephony.console.parts import Parts
from telephony.console.rendering import redirect
from telephony.retention.classes import Kept
from telephony.retention.deletion import NotGone
from telephony.retention.holds import BadHold

HERE = f"{SETTINGS}/retention"
SHOWN = 50
"""Receipts on the page; the API has the rest."""
WORDS = {
    Kept.AUDIO: "Recordings, and the journals that hold them",
    Kept.TRANSCRIPT: "What was said, and what tools were asked and answered",
    Kept.METADATA: "Who called, when, for how long and at what cost",
    Kept.AUDIT: "Who did what in the console, and what was deleted",
}
KINDS = (("number", "a number"), ("call", "a call"))

Me = Annotated[Who, Depends(current)]
Subject = Annotated[str, Form(max_length=100)]
Reason = Annotated[str, Form(max_length=500)]
Kind = Annotated[str, Form(max_length=10)]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]


def retention_page(parts: Parts) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router = APIRouter(prefix="/settings/retention", dependencies=[needs(Right.ADMIN)])
    keeping = keeping_of(parts)

    @router.get("")
    def retention(request: Request) -> Response:
        return _show(request, keeping)

    for part in (_runs, _holds):
        part(router, keeping)
    return router


def _show(request: Request, keeping: Keeping, *, status: int = 200, **values: str) -> Response:
    retention = keeping.retention
    seen = {"wrong": "", "subject": "", "reason": "", "kind": "number", **values}
    periods = [(kept.value, WORDS[kept], retention.periods.days(kept)) for kept in Kept]
    lists = {"holds": retention.holds.all(), "receipts": retention.receipts()[:SHOWN]}
    return tab(
        request, "retention.html", status=status, periods=periods, kinds=KINDS, **lists, **seen
    )


def _runs(router: APIRouter, keeping: Keeping) -> None:
    @router.post("/run")
    def run(request: Request, who: Me) -> Response:
        try:
            calls = sum(receipt.counts["calls"] for receipt in keeping.run(who))
        except NotGone as error:
            return redirect(request, HERE, flash=f"Still there: {error}", kind="bad")
        said = f"Of {calls} calls what is kept no longer is deleted." if calls else _NOTHING
        return redirect(request, HERE, flash=said)

    @router.post("/verify")
    def verify(request: Request, who: Me) -> Response:
        found = keeping.verify(who)
        if found.problems:
            more = f" and {len(found.problems) - 1} more" if len(found.problems) > 1 else ""
            return redirect(request, HERE, flash=f"{found.problems[0]}{more}.", kind="bad")
        said = f"All {found.calls} sealed calls are as they were. The chain ends with {found.head}."
        return redirect(request, HERE, flash=said)


def _holds(router: APIRouter, keeping: Keeping) -> None:
    @router.post("/holds")
    def hold(request: Request, who: Me, kind: Kind, subject: Subject, reason: Reason) -> Response:
        try:
            keeping.place(who, kind, subject, reason)
        except BadHold as error:
            given = {"kind": kind, "subject": subject, "reason": reason}
            return _show(request, keeping, status=422, wrong=str(error), **given)
        return redirect(request, HERE, flash="It is held: nothing of it is deleted.")

    @router.post("/holds/{hold_id}/release")
    def release(request: Request, who: Me, hold_id: Id) -> Response:
        try:
            keeping.release(who, hold_id)
        except BadHold as error:
            return redirect(request, HERE, flash=str(error), kind="bad")
        return redirect(request, HERE, flash="It is held no longer.")


_NOTHING = "Nothing had run out."
