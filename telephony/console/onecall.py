"""The routes of one call's parts: transcript, waveform, recordings, journal and downloads, as JSON
and files. The API and the console both have them."""

import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from enum import Enum
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from telephony.console.access.audit import Audit
from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.desk import Desk
from telephony.console.offline import offline
from telephony.console.onecallview import CallFiles, document, wave, waveform
from telephony.console.parts import Parts
from telephony.console.problems import Refused
from telephony.console.ranges import Part, Unsatisfiable, wanted
from telephony.console.reading import Reading
from telephony.exports import jsonl, sheet, vtt
from telephony.transcripts.archive import Archive, StoredCall
from telephony.transcripts.paging import PART_BYTES, Page, Place, page, place
from telephony.transcripts.recordings import Recording
from tools.receipts import Receipts

CHUNK_BYTES = 256 * 1024

CallId = Annotated[str, Path(max_length=100, description="The whole id of a call.")]
Somebody = Annotated[Who, Depends(current)]


class Form(Enum):
    """What of a call can be taken along."""

    HTML = "call.html"
    JSON = "call.json"
    JSONL = "transcript.jsonl"
    VTT = "transcript.vtt"
    CSV = "transcript.csv"


class Wave(Enum):
    CALLER = "caller.wav"
    HEARD = "agent.wav"
    SENT = "sent.wav"
    STEREO = "stereo.wav"


_TYPES = {
    Form.HTML: "text/html; charset=utf-8",
    Form.JSON: "application/json",
    Form.JSONL: "application/jsonl",
    Form.VTT: "text/vtt; charset=utf-8",
    Form.CSV: "text/csv; charset=utf-8",
}


class CallDesk(Desk):
    """Calls, threads to read them in, and the log of who did."""

    def __init__(self, files: CallFiles, audit: Audit, clock: Callable[[], dt.datetime]) -> None:
        super().__init__("one call")
        self.files = files
        self.note = Reading(audit, clock).note


def open_calls(parts: Parts) -> CallDesk:
    """Over the data folder and the database of the service."""
    archive, ledger = Archive(parts.settings.data_dir), Receipts(parts.store)
    files = CallFiles(archive, ledger, parts.clock)
    return CallDesk(files, parts.access.audit, parts.clock)


def one_call_router(desk: CallDesk, prefix: str = "/calls") -> APIRouter:
    """Everything under `prefix`/{call_id}/, but the page."""
    router = APIRouter(prefix=prefix + "/{call_id}", tags=["one call"])
    _reading(router, desk)
    _hearing(router, desk)
    return router


def _reading(router: APIRouter, desk: CallDesk) -> None:
    @router.get(
        "/transcript",
        dependencies=[needs(Right.VIEW)],
        responses=_answers("application/json"),
        response_class=Response,
        summary="What was said, done and heard, with times, waits and costs",
    )
    async def transcript(call_id: CallId, who: Somebody) -> Response:
        def work() -> Response:
            view = desk.files.view(call_id, who)
            desk.note(who, "call.read", call_id)
            return Response(document(view), media_type="application/json")

        return await desk.do(work)

    @router.get(
        "/downloads/{form}",
        dependencies=[needs(Right.VIEW)],
        responses=_answers(*_TYPES.values()),
        response_class=Response,
        summary="The call as a file",
    )
    async def download(call_id: CallId, form: Form, who: Somebody) -> Response:
        def work() -> Response:
            call = desk.files.find(call_id)
            view = desk.files.view(call_id, who)
            desk.note(who, f"call.download {form.value}", call_id)
            headers = _attached(f"{call_id}.{form.value.partition('.')[2]}")
            if form is Form.HTML:
                pieces = _in_threads(desk, offline(call, view))
                return StreamingResponse(pieces, headers=headers, media_type=_TYPES[form])
            if form is Form.JSON:
                return Response(document(view), headers=headers, media_type=_TYPES[form])
            written = {Form.JSONL: jsonl, Form.VTT: vtt, Form.CSV: sheet}[form].written
            return Response(written(view.exported), headers=headers, media_type=_TYPES[form])

        return await desk.do(work)


def _hearing(router: APIRouter, desk: CallDesk) -> None:
    @router.get(
        "/waveform",
        dependencies=[needs(Right.HEAR)],
        responses=_answers("application/json"),
        response_class=Response,
        summary="Peaks of both sides, and of what was sent but never played",
    )
    async def peaks(call_id: CallId) -> Response:
        def work() -> Response:
            drawn = msgspec.json.encode(waveform(desk.files.find(call_id)))
            return Response(drawn, media_type="application/json")

        return await desk.do(work)

    @router.get(
        "/recordings/{name}",
        dependencies=[needs(Right.HEAR)],
        responses={
            **_answers("audio/wav", 416),
            206: {"description": "The part that was asked for"},
        },
        response_class=Response,
        summary="A recording, or the part of it a Range asks for",
    )
    async def sound(
        call_id: CallId,
        name: Wave,
        who: Somebody,
        range_: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
        if_range: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        def work() -> Response:
            call = desk.files.find(call_id)
            recording = wave(call, name.value)
            desk.note(who, f"call.hear {name.value}", call_id)
            tag = _tag(call, recording)
            asked = range_ if if_range in (None, tag) else None
            return _sound(desk, recording, asked, {"ETag": tag}, f"{call_id}-{name.value}")

        return await desk.do(work)

    @router.get(
        "/events",
        dependencies=[needs(Right.HEAR)],
        responses=_answers("application/json", 422),
        response_class=Response,
        summary="The journal, a page at a time",
    )
    async def journal(
        call_id: CallId,
        who: Somebody,
        from_: Annotated[
            str, Query(alias="place", max_length=40, description="As `next` of the page before.")
        ] = "0.0",
        everything: Annotated[
            bool, Query(description="Also the caller's audio, by length, and returned marks.")
        ] = False,
    ) -> Response:
        def work() -> Response:
            found = journal_page(desk, call_id, who, from_, everything=everything)
            return Response(msgspec.json.encode(found), media_type="application/json")

        return await desk.do(work)


def journal_page(desk: CallDesk, call_id: str, who: Who, from_: str, *, everything: bool) -> Page:
    """One page of a call's journal. Blocks; raises Refused."""
    try:
        begins = place(from_)
    except ValueError:
        raise Refused(422, "bad-request", "`place` is none a page ever named.") from None
    part, last = _journal_part(desk.files.find(call_id), begins)
    desk.note(who, "call.read journal", call_id)
    return page(part, begins, last=last, everything=everything)


def _journal_part(call: StoredCall, begins: Place) -> tuple[bytes, bool]:
    """What stands there of the journal, and whether it is the rest of it."""
    try:
        with call.journal.open("rb") as file:
            file.seek(begins.offset)
            part = file.read(PART_BYTES + 1)
    except OSError:
        raise Refused(404, "no-journal", "This call has no journal.") from None
    return part[:PART_BYTES], len(part) <= PART_BYTES


# ---- sending ------------------------------------------------------------------------------------


def _sound(
    desk: CallDesk, recording: Recording, asked: str | None, headers: dict[str, str], name: str
) -> Response:
    length = recording.length
    common = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'inline; filename="{name}"',
        # The browser's own copy, which it asks about each time.
        "Cache-Control": "private, no-cache",
        **headers,
    }
    try:
        part = wanted(asked, length)
    except Unsatisfiable:
        detail = f"The recording has {length} bytes."
        raise Refused(
            416, "range", detail, headers={"Content-Range": f"bytes */{length}"}
        ) from None
    first, last = part or Part(0, length)
    common["Content-Length"] = str(last - first)
    if part is not None:
        common["Content-Range"] = f"bytes {first}-{last - 1}/{length}"
    pieces = (
        recording.read(at, min(at + CHUNK_BYTES, last)) for at in range(first, last, CHUNK_BYTES)
    )
    status = 200 if part is None else 206
    return StreamingResponse(_in_threads(desk, pieces), status, common, "audio/wav")


async def _in_threads(desk: Desk, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is made away from the event loop, when the one before it is gone."""
    while piece := await desk.do(lambda: next(pieces, b"")):
        yield piece


def _tag(call: StoredCall, recording: Recording) -> str:
    """The entity tag of a recording: one that still grows has another with every byte."""
    written_at = call.journal.stat().st_mtime_ns if call.journal.is_file() else 0
    named = f"{call.folder.name} {recording.length} {written_at}"
    return f'"{hashlib.sha256(named.encode()).hexdigest()[:32]}"'


def _attached(name: str) -> dict[str, str]:
    """An id is a plain name, so nothing in it has to be quoted."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _answers(*kinds: str | int) -> dict[int | str, dict[str, Any]]:
    """What a route answers with; numbers are further statuses."""
    types: dict[str, Any] = {kind: {} for kind in kinds if isinstance(kind, str)}
    refused = {"description": "Refused"}
    return {
        200: {"description": "As asked for", "content": types},
        404: {"description": "There is no such call, or it has no such part"},
        **{kind: refused for kind in kinds if isinstance(kind, int)},
    }
