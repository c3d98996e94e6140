"""The routes of the log of calls: list and search, export, labels, notes and kept views."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse

from telephony.calllog import CallLog
from telephony.console.access.audit import Audit, Facts
from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.access.throttle import Buckets, Rate
from telephony.console.callviews import (
    CallsView,
    CallView,
    LabelBody,
    LabelledView,
    LabelsView,
    NoteBody,
    NotesView,
    PageQuestion,
    Question,
    RunningView,
    ViewBody,
    ViewsView,
    ViewView,
    call_view,
    calls_view,
    labelled_view,
    labels_view,
    notes_view,
    view_view,
)
from telephony.console.desk import Desk
from telephony.console.joining import joined
from telephony.console.problems import Refused
from telephony.console.views import MAX_ID, ErrorView
from telephony.transcripts.discretion import discreet_text
from telephony.transcripts.index.asked import Asked, BadFilter, address, askable, asked
from telephony.transcripts.index.discretion import (
    discreet_found,
    discreet_page,
    discreet_row,
)
from telephony.transcripts.index.export import all_pages, csv_lines, jsonl
from telephony.transcripts.index.marks import NoCall, NoSuch, Unfit, View
from telephony.transcripts.index.page import Found, Page
from telephony.transcripts.index.row import CallRow

Me = Annotated[Who, Depends(current)]
CallId = Annotated[str, Path(max_length=200, description="The id of a call, in full.")]
NoteId = Annotated[int, Path(ge=1, le=MAX_ID)]
ViewId = Annotated[int, Path(ge=1, le=MAX_ID)]
EXPORTS: dict[str, tuple[str, Callable[[Iterator[tuple[Found, ...]]], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "jsonl": ("application/jsonl", jsonl),
}
EXPORT_RATE = Rate(20, 1 / 60)
"""Each may be of a million calls: of one client so many at once, and then one a minute."""
_EDIT = [needs(Right.EDIT)]
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "There is none"}}

T = TypeVar("T")
Marked = TypeVar("Marked")
Shown = TypeVar("Shown")


def calls_router(log: CallLog, audit: Audit) -> APIRouter:
    """Everything under /calls and /call-views."""
    desk = Desk("calls")
    calls = APIRouter(prefix="/calls", tags=["calls"], dependencies=[needs(Right.VIEW)])
    views = APIRouter(prefix="/call-views", tags=["calls"], dependencies=[needs(Right.VIEW)])
    _lists(calls, desk, log, audit)
    _exports(calls, log, audit)
    _labels(calls, desk, log, audit)
    _notes(calls, desk, log, audit)
    _views(views, desk, log, audit)
    both = APIRouter()
    joined(both, (calls, views))
    return both


def noted(audit: Audit, who: Who, question: Asked) -> None:
    """Who looks for what was said reads transcripts: it is written down, without the words."""
    if question.filters.sought is not None:
        audit.record(who, "calls.search", "calls")


def found(log: CallLog, audit: Audit, who: Who, fields: dict[str, str]) -> CallsView:
    """A page of calls. Raises Refused."""
    question = understood(log, who, fields)
    noted(audit, who, question)
    return calls_view(paged(log, who, question))


def paged(log: CallLog, who: Who, question: Asked) -> Page:
    """A page as they may see it."""
    page = log.search.page(question)
    return page if who.may(Right.HEAR) else discreet_page(page)


def running_now(log: CallLog, who: Who) -> list[CallRow]:
    """Likewise."""
    rows = log.keeping.running()
    return rows if who.may(Right.HEAR) else [discreet_row(row) for row in rows]


def views_for(log: CallLog, who: Who) -> list[View]:
    """Their own, and of those that others share what they may ask themselves: a view tells what
    is looked for."""
    kept = log.marks.views(who.id)
    if who.may(Right.HEAR):
        return kept
    return [each for each in kept if each.owner == who.id or askable(each.query, log.zone)]


def understood(log: CallLog, who: Who, fields: dict[str, str]) -> Asked:
    """Raises Refused for what makes no sense."""
    try:
        return asked(fields, log.zone, hears=who.may(Right.HEAR))
    except BadFilter as bad:
        errors = [ErrorView(where=bad.field, what=bad.what)]
        detail = "The question is not as described."
        raise Refused(422, "bad-request", detail, errors=errors) from None


def _told(work: Callable[[], T]) -> T:
    """What the log says no to, as a problem."""
    try:
        return work()
    except (NoCall, NoSuch) as none:
        raise Refused(404, "not-found", str(none)) from None
    except Unfit as unfit:
        raise Refused(422, "bad-request", str(unfit)) from None


# ---- reading ------------------------------------------------------------------------------------


def _lists(router: APIRouter, desk: Desk, log: CallLog, audit: Audit) -> None:
    @router.get("", response_model=CallsView)
    async def calls(question: Annotated[PageQuestion, Query()], who: Me) -> Response:
        """Finished calls, newest first unless asked otherwise, with what was found in them."""
        return await desk.show(lambda: found(log, audit, who, question.fields()))

    @router.get("/running")
    async def running(who: Me) -> list[RunningView]:
        """Calls that are on, newest first."""
        rows = await desk.do(lambda: running_now(log, who))
        names = RunningView.model_fields
        return [RunningView(**{name: getattr(row, name) for name in names}) for row in rows]


def _exports(router: APIRouter, log: CallLog, audit: Audit) -> None:
    rates = Buckets(EXPORT_RATE)

    # Plain: the answer is made in threads, a batch at a time, as fast as it is read.
    @router.get("/export.{form}", response_class=StreamingResponse, responses=_NONE)
    def export(form: str, question: Annotated[Question, Query()], who: Me) -> StreamingResponse:
        """All calls of a question, as CSV (no cell is a formula) or JSON Lines (`jsonl`)."""
        if form not in EXPORTS:
            raise Refused(404, "not-found", f"Choose one of {', '.join(EXPORTS)}.")
        fields = question.fields()
        whole = understood(log, who, fields)
        if wait_s := rates.wait_s(who.id, time.monotonic()):
            headers = {"Retry-After": str(wait_s)}
            raise Refused(429, "too-many", "Too many exports; try again later.", headers=headers)
        audit.record(who, "calls.export", "calls", after={"form": form, "query": _asked(fields)})
        kind, lines = EXPORTS[form]
        headers = {"Content-Disposition": f'attachment; filename="calls.{form}"'}
        pages = all_pages(lambda question: paged(log, who, question), whole)
        return StreamingResponse(lines(pages), headers=headers, media_type=kind)

    @router.get("/{call_id}/summary", responses=_NONE)
    def call(call_id: CallId, who: Me) -> CallView:
        """One finished call as lists show it."""
        one = log.search.call(call_id)
        if one is None:
            raise Refused(404, "not-found", "There is no such call in the log.")
        return call_view(one if who.may(Right.HEAR) else discreet_found(one))


def _asked(fields: dict[str, str]) -> str:
    """What was asked for, without what callers said and who they are."""
    hidden = {"q": "(words)", "caller": "(number)"}
    return address({name: hidden.get(name, text) if text else "" for name, text in fields.items()})


# ---- labels and notes ---------------------------------------------------------------------------


class _Marking(Generic[Marked, Shown]):
    """A change of what is marked at a call: done, written down, and answered with all of it."""

    def __init__(self, desk: Desk, audit: Audit, view: Callable[[Marked], Shown]) -> None:
        self._desk = desk
        self._audit = audit
        self._view = view

    async def does(
        self,
        who: Who,
        action: str,
        call_id: str,
        change: Callable[[], Marked],
        *,
        before: Facts | None = None,
        after: Callable[[Marked], Facts] = lambda marked: {},
    ) -> Shown:
        def work() -> Shown:
            marked = _told(change)
            facts = before, after(marked) or None
            self._audit.record(who, action, f"call {call_id}", *facts)
            return self._view(marked)

        return await self._desk.do(work)


def _labels(router: APIRouter, desk: Desk, log: CallLog, audit: Audit) -> None:
    marks, marking = log.marks, _Marking(desk, audit, labels_view)
    labelling = _Marking(desk, audit, labelled_view)

    @router.get("/{call_id}/labels", responses=_NONE)
    async def labels(call_id: CallId) -> LabelsView:
        return await desk.do(lambda: labels_view(_told(lambda: marks.labels(call_id))))

    @router.post("/{call_id}/labels", responses=_NONE, dependencies=_EDIT)
    async def label(call_id: CallId, body: LabelBody, who: Me) -> LabelledView:
        """Put a label on; the same again changes nothing."""
        put = partial(marks.label, call_id, body.label, who.name)
        return await labelling.does(
            who, "call.label", call_id, put, after=lambda made: {"label": made.label}
        )

    @router.delete("/{call_id}/labels/{label:path}", responses=_NONE, dependencies=_EDIT)
    async def unlabel(call_id: CallId, label: str, who: Me) -> LabelsView:
        """Take a label off; to undo it, put it on."""
        take = partial(marks.unlabel, call_id, label)
        return await marking.does(who, "call.unlabel", call_id, take, before={"label": label})


def _discreet_notes(view: NotesView) -> NotesView:
    """Who takes a note writes down numbers."""
    shown = [note.model_copy(update={"text": discreet_text(note.text)}) for note in view.notes]
    return NotesView(notes=shown)


def _notes(router: APIRouter, desk: Desk, log: CallLog, audit: Audit) -> None:
    marks, marking = log.marks, _Marking(desk, audit, notes_view)

    @router.get("/{call_id}/notes", responses=_NONE)
    async def notes(call_id: CallId, who: Me) -> NotesView:
        view = await desk.do(lambda: notes_view(_told(lambda: marks.notes(call_id))))
        return view if who.may(Right.HEAR) else _discreet_notes(view)

    @router.post("/{call_id}/notes", responses=_NONE, dependencies=_EDIT)
    async def note(call_id: CallId, body: NoteBody, who: Me) -> NotesView:
        put = partial(marks.note, call_id, body.text, who.name)
        return await marking.does(
            who, "call.note", call_id, put, after=lambda notes: {"note": notes[-1].id}
        )

    @router.delete("/{call_id}/notes/{note_id}", responses=_NONE, dependencies=_EDIT)
    async def take_back(call_id: CallId, note_id: NoteId, who: Me) -> NotesView:
        """Take a note away; it can be restored for ten minutes, and is gone then."""
        take = partial(marks.take_back, call_id, note_id)
        return await marking.does(who, "call.note.delete", call_id, take, before={"note": note_id})

    @router.post("/{call_id}/notes/{note_id}/restore", responses=_NONE, dependencies=_EDIT)
    async def restore(call_id: CallId, note_id: NoteId, who: Me) -> NotesView:
        put = partial(marks.restore, call_id, note_id)
        return await marking.does(
            who, "call.note.restore", call_id, put, after=lambda _: {"note": note_id}
        )


# ---- views --------------------------------------------------------------------------------------


def _views(router: APIRouter, desk: Desk, log: CallLog, audit: Audit) -> None:
    @router.get("")
    async def views(who: Me) -> ViewsView:
        """One's own, and of those that others share what one may ask."""
        kept = await desk.do(lambda: views_for(log, who))
        return ViewsView(views=[view_view(each, who.id) for each in kept])

    @router.post("")
    async def keep(body: ViewBody, who: Me) -> ViewView:
        """Keep a question under a name, in place of one's own of that name. To share it takes the
        right to edit."""
        if body.shared and not who.may(Right.EDIT):
            raise Refused(403, "no-right", "To share a view takes the right to edit.")

        def work() -> ViewView:
            keep_view = log.marks.keep_view
            made = _told(
                lambda: keep_view(who.id, who.name, body.name, body.query, shared=body.shared)
            )
            audit.record(who, "view.keep", f"view {made.id}", after={"shared": made.shared})
            return view_view(made, who.id)

        return await desk.do(work)

    @router.delete("/{view_id}", responses=_NONE)
    async def drop(view_id: ViewId, who: Me) -> ViewView:
        """Do away with a view of one's own; what is answered can be kept again."""

        def work() -> ViewView:
            gone = _told(lambda: log.marks.drop_view(who.id, view_id))
            audit.record(who, "view.drop", f"view {gone.id}", before={"shared": gone.shared})
            return view_view(gone, who.id)

        return await desk.do(work)
