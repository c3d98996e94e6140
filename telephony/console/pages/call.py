"""The page of one call, and its journal."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.joining import joined
from telephony.console.onecall import CallDesk, CallId, Form, Wave, journal_page, one_call_router
from telephony.console.rendering import HOME, page
from telephony.console.telling import Telling
from telephony.transcripts.story import shown
from telephony.transcripts.text import clock

Somebody = Annotated[Who, Depends(current)]
_FORMS = (
    (Form.HTML, "Everything in one file (HTML)"),
    (Form.JSON, "JSON"),
    (Form.JSONL, "Transcript (JSON Lines)"),
    (Form.VTT, "Subtitles (WebVTT)"),
    (Form.CSV, "Table (CSV)"),
)
_WAVES = (
    (Wave.STEREO, "Both sides (WAV)"),
    (Wave.CALLER, "Caller (WAV)"),
    (Wave.HEARD, "Agent as heard (WAV)"),
    (Wave.SENT, "All that was sent (WAV)"),
)


def call_router(desk: CallDesk) -> APIRouter:
    router = APIRouter()

    @router.get("/calls/{call_id}", dependencies=[needs(Right.VIEW)])
    async def call(request: Request, call_id: CallId, who: Somebody) -> Response:
        def work() -> Response:
            view = desk.files.view(call_id, who)
            desk.note(who, "call.read", call_id)
            downloads = [(f"downloads/{form.value}", label) for form, label in _FORMS]
            downloads += [
                (f"recordings/{wave.value}", label)
                for wave, label in _WAVES
                if wave.value in view.recordings
            ]
            return page(
                request,
                "call.html",
                view=view,
                tell=Telling(view.exported.entries),
                base=_address(call_id),
                downloads=downloads,
            )

        return await desk.do(work)

    @router.get("/calls/{call_id}/journal", dependencies=[needs(Right.HEAR)])
    async def journal(
        request: Request,
        call_id: CallId,
        who: Somebody,
        place: Annotated[str, Query(max_length=40)] = "0.0",
        everything: bool = False,
    ) -> Response:
        def work() -> Response:
            found = journal_page(desk, call_id, who, place, everything=everything)
            return page(
                request,
                "call_journal.html",
                call_id=call_id,
                journal=found,
                everything=everything,
                base=_address(call_id),
                shown=shown,
                clock=clock,
            )

        return await desk.do(work)

    joined(router, [one_call_router(desk)])
    return router


def _address(call_id: str) -> str:
    """Ids of calls there are are plain names."""
    return f"{HOME}/calls/{call_id}"
