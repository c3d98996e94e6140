"""The routes of what is kept: periods, legal holds, deletions and what they took, exports."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.keeping import Keeping, keeping_of
from telephony.console.parts import Parts
from telephony.console.problems import Refused
from telephony.retention.classes import Kept
from telephony.retention.deletion import NotGone
from telephony.retention.holds import BadHold, Hold
from telephony.retention.plan import Receipt
from telephony.retention.retention import Asked, Would
from telephony.retention.retention import Refused as NotDeleted
from telephony.transcripts.archive import NotFound

MAX_ID = 2**31 - 1
ZIP = "application/zip"

_Found = TypeVar("_Found")
Me = Annotated[Who, Depends(current)]
Id = Annotated[int, Path(ge=1, le=MAX_ID)]
_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "Refused"},
    409: {"description": "Refused"},
}


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PeriodsView(_View):
    """For how many days each class is kept, the day of the call not counted; 0: for ever."""

    audio: int
    transcript: int
    metadata: int
    audit: int


class RetentionView(_View):
    periods: PeriodsView
    holds: int = Field(description="Legal holds that stand.")
    unfinished: int = Field(description="Deletions that were broken off and are taken up again.")


class WouldView(_View):
    """What would be deleted; nothing was."""

    counts: dict[str, int] = Field(description="Calls, files, bytes, and rows by table.")
    held: int = Field(description="Calls that stay because they are held.")
    on: int = Field(description="Calls that stay because they are not over.")


class HoldBody(_View):
    kind: Literal["call", "number"]
    subject: str = Field(min_length=1, max_length=100, description="The call's id, or E.164.")
    reason: str = Field(min_length=1, max_length=500)


class HoldView(_View):
    id: int
    kind: str
    subject: str = Field(description="Empty once it is released.")
    reason: str
    placed_by: str
    placed_at: dt.datetime
    released_by: str | None
    released_at: dt.datetime | None


class HoldsView(_View):
    """The newest first."""

    holds: list[HoldView]


class DeletionBody(_View):
    """One of `call`, `number` and `days`."""

    call: str = Field("", max_length=110, description="The whole id of one call.")
    number: str = Field("", max_length=40, description="Everything under this number.")
    days: int | None = Field(None, ge=0, le=36_500, description="What is older.")
    classes: list[Literal["audio", "transcript", "metadata"]] = Field(
        ["metadata"], description="With `days`; metadata takes everything with it."
    )
    why: str = Field("", max_length=500, description="Never whom it is about: it is kept.")
    confirm: bool = Field(False, description="False: only say what would go.")


class ReceiptView(_View):
    """What was deleted; nothing of whom it was about."""

    id: int
    scope: str
    classes: list[str]
    why: str
    by: str
    asked_at: dt.datetime
    finished_at: dt.datetime | None = Field(description="Null: it is taken up again.")
    counts: dict[str, int]
    digest: str = Field(description="Over the names and sizes of all there was, BLAKE2b-256.")


class ReceiptsView(_View):
    """The newest first."""

    deletions: list[ReceiptView]


class SubjectBody(_View):
    number: str = Field(min_length=1, max_length=40)


class VerifiedView(_View):
    rows: int
    head: str = Field(description="The newest link of the chain: keep it elsewhere.")
    calls: int
    unsealed: int
    erased: int
    problems: list[str]


def retention_router(parts: Parts) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router = APIRouter(tags=["retention"], dependencies=[needs(Right.ADMIN)], responses=_ERRORS)
    keeping = keeping_of(parts)
    for part in (_retention, _holds, _deletions, _subjects):
        part(router, keeping)
    return router


def _retention(router: APIRouter, keeping: Keeping) -> None:
    @router.get("/retention", summary="How long what is kept")
    def standing() -> RetentionView:
        retention = keeping.retention
        periods = {kept.value: retention.periods.days(kept) for kept in Kept}
        holds = sum(hold.released_at is None for hold in retention.holds.all())
        unfinished = sum(receipt.finished_at is None for receipt in retention.receipts())
        return RetentionView(periods=PeriodsView(**periods), holds=holds, unfinished=unfinished)

    @router.get("/retention/due", summary="What a run would delete now")
    def due() -> list[WouldView]:
        return [_would(each) for each in keeping.retention.expired()]

    @router.post("/retention/run", summary="Delete what is kept no longer")
    def run(who: Me) -> ReceiptsView:
        return ReceiptsView(deletions=[_receipt(each) for each in _told(lambda: keeping.run(who))])

    @router.post("/retention/verify", summary="Look whether all calls are as they were")
    def verify(who: Me) -> VerifiedView:
        found = keeping.verify(who)
        return VerifiedView(
            rows=found.rows,
            head=found.head,
            calls=found.calls,
            unsealed=found.unsealed,
            erased=found.erased,
            problems=list(found.problems),
        )


def _holds(router: APIRouter, keeping: Keeping) -> None:
    @router.get("/holds", summary="Legal holds")
    def holds() -> HoldsView:
        return HoldsView(holds=[_hold(each) for each in keeping.retention.holds.all()])

    @router.post("/holds", status_code=201, summary="Keep a call or a number from being deleted")
    def place(who: Me, body: HoldBody) -> HoldView:
        return _hold(_told(lambda: keeping.place(who, body.kind, body.subject, body.reason)))

    @router.post("/holds/{hold_id}/release", summary="Hold it no longer")
    def release(who: Me, hold_id: Id) -> HoldView:
        return _hold(_told(lambda: keeping.release(who, hold_id)))


def _deletions(router: APIRouter, keeping: Keeping) -> None:
    @router.get("/deletions", summary="What was deleted")
    def deletions() -> ReceiptsView:
        return ReceiptsView(deletions=[_receipt(each) for each in keeping.retention.receipts()])

    @router.get("/deletions/{deletion_id}", summary="The receipt of one deletion")
    def deletion(deletion_id: Id) -> ReceiptView:
        try:
            return _receipt(keeping.retention.receipt(deletion_id))
        except KeyError:
            raise Refused(404, "not-found", f"There is no deletion {deletion_id}.") from None

    @router.post("/deletions", summary="Delete a call, a number or what is old")
    def delete(who: Me, body: DeletionBody) -> WouldView | ReceiptView:
        classes = tuple(map(Kept, body.classes))
        asked = Asked(body.call, body.number, body.days, classes, body.why)
        if not body.confirm:
            return _would(_told(lambda: keeping.retention.would(asked)))
        return _receipt(_told(lambda: keeping.delete(who, asked)))


def _subjects(router: APIRouter, keeping: Keeping) -> None:
    # Not by GET: addresses are written down in logs.
    @router.post("/subjects/export", summary="Everything about a number, as a ZIP file")
    def export(who: Me, body: SubjectBody) -> Response:
        data = _told(lambda: keeping.export(who, body.number))
        named = {"Content-Disposition": 'attachment; filename="subject.zip"'}
        return Response(data, media_type=ZIP, headers=named)


def _told(work: Callable[[], _Found]) -> _Found:
    """What a person has to mend, as a problem document."""
    try:
        return work()
    except NotFound as error:
        raise Refused(404, "not-found", str(error)) from None
    except BadHold as error:
        raise Refused(422, "bad-request", str(error)) from None
    except NotDeleted as error:
        raise Refused(409, "refused", str(error)) from None
    except NotGone as error:
        detail = f"Still there, and tried again at the next run: {error}"
        raise Refused(409, "not-gone", detail) from None


def _would(would: Would) -> WouldView:
    return WouldView(counts=would.counts, held=would.held, on=would.on)


def _hold(hold: Hold) -> HoldView:
    return HoldView(**{name: getattr(hold, name) for name in Hold.__struct_fields__})


def _receipt(receipt: Receipt) -> ReceiptView:
    values = {name: getattr(receipt, name) for name in Receipt.__struct_fields__}
    return ReceiptView(**{**values, "classes": list(receipt.classes)})
