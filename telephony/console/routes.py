"""The routes of the configuration: read it, change a file, check, publish, roll back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from telephony.console import views
from telephony.console.access.audit import Audit
from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.desk import ConfigDesk
from telephony.console.problems import Refused
from telephony.console.views import (
    MAX_AUTHOR,
    MAX_ID,
    MAX_WHY,
    CheckBody,
    CheckView,
    ConfigView,
    DiffView,
    EventsView,
    EventView,
    OneFileView,
    PublishBody,
    RollbackBody,
    SavedView,
    StatusView,
    VersionsView,
    WholeVersionView,
    WriteBody,
)
from tools.config import ConfigError
from tools.versions.files import Changes, changed, refuse_bad
from tools.versions.spec import Behind, Broken, Conflict, Moved, NoVersion, Unread

PAGE = 50
MOST = 200

Version = Annotated[int, Path(ge=1, le=MAX_ID, description="The id of a version.")]
FilePath = Annotated[str, Path(max_length=200, description="Such as `tools/book.yaml`.")]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Before = Annotated[int | None, Query(ge=1, le=MAX_ID, description="Page on from this id.")]


def author(request: Request, who: Annotated[Who, Depends(current)]) -> str:
    """A user by their name; a program by its own word, or else by the name of its key."""
    if not who.key:
        return who.name
    return views.cleaned(request.headers.get("x-author"), MAX_AUTHOR) or who.name


Author = Annotated[str, Depends(author)]


_EDIT = [needs(Right.EDIT)]


def problems_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": "Refused"} for status in statuses}


Me = Annotated[Who, Depends(current)]


def config_router(desk: ConfigDesk, audit: Audit) -> APIRouter:
    """Everything under /config."""
    router = APIRouter(prefix="/config", tags=["configuration"], dependencies=[needs(Right.VIEW)])
    _reading(router, desk)
    _files(router, desk, audit)
    _history(router, desk)
    _publishing(router, desk, audit)
    return router


# ---- reading ------------------------------------------------------------------------------------


def _reading(router: APIRouter, desk: ConfigDesk) -> None:
    @router.get("", response_model=ConfigView, responses={304: {"description": "As you have it"}})
    async def config(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """The newest files: what an editor should begin with."""

        def work() -> ConfigView:
            at = desk.versions.pointers()
            view = views.config_view(at, desk.versions.files(at.head))
            if if_none_match == views.config_tag(view):
                raise _NotModified(if_none_match)
            return view

        return await desk.show(work, lambda view: {"ETag": views.config_tag(view)})

    @router.get("/status")
    async def status() -> StatusView:
        """What calls go by, and why the folder was not taken over if it was not."""
        at, now = await desk.do(desk.versions.pointers), desk.standing()
        return StatusView(
            running=now.running,
            published=at.published,
            head=at.head,
            folder=now.folder.value,
            since=now.since,
            reasons=list(now.reasons),
            draft=now.draft,
            unusable=now.unusable,
            unusable_because=now.unusable_because,
            database=now.database,
        )

    @router.get("/schema/{kind}", responses=problems_of(404))
    async def schema(kind: str) -> dict[str, Any]:
        """The JSON Schema of one kind of file."""
        found = desk.schemas.get(kind)
        if found is None:
            known = ", ".join(desk.schemas)
            raise Refused(404, "no-schema", f"There is no such kind of file. Known: {known}.")
        return views.schema_of(await desk.do(found), kind)

    @router.post("/check", responses=problems_of(404), dependencies=_EDIT)
    async def check(body: CheckBody) -> CheckView:
        """What would keep these changes from being published; nothing is kept."""

        def work() -> CheckView:
            refuse_bad(body.changes)
            base = body.version or desk.versions.pointers().head
            errors = desk.versions.errors(changed(desk.versions.files(base), body.changes))
            return CheckView(ok=not errors, errors=views.error_views(errors))

        return await desk.do(work)


# ---- one file -----------------------------------------------------------------------------------

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": WriteBody.model_json_schema()},
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}


def _files(router: APIRouter, desk: ConfigDesk, audit: Audit) -> None:
    @router.get("/files/{path:path}", response_model=OneFileView, responses=problems_of(404))
    async def read(path: FilePath) -> Response:
        """One of the newest files."""

        def work() -> OneFileView:
            head = desk.versions.pointers().head
            text = desk.versions.files(head).get(path)
            if head is None or text is None:
                raise Refused(404, "no-file", "There is no such file in the newest version.")
            return OneFileView(path=path, etag=views.etag(text), text=text, version=head)

        return await desk.show(work, lambda view: {"ETag": view.etag})

    @router.put(
        "/files/{path:path}",
        responses=problems_of(400, 404, 412, 415, 428),
        openapi_extra=_BODY,
        dependencies=_EDIT,
    )
    async def write(
        path: FilePath,
        request: Request,
        response: Response,
        who: Author,
        me: Me,
        if_match: Annotated[str | None, Header()] = None,
        if_none_match: Annotated[str | None, Header()] = None,
        x_why: Annotated[str | None, Header()] = None,
    ) -> SavedView:
        """Change a file, or add one with `If-None-Match: *`: a new version, not yet live.

        The body is the text itself, with the reason in `X-Why`, or JSON.
        """
        body = await _written(request, views.cleaned(x_why, MAX_WHY))
        conditions = _conditions(if_match, if_none_match)
        signed = who, body.why
        saved = await desk.do(
            lambda: _saved(audit, me, path, _save(desk, path, body.text, conditions, signed))
        )
        response.headers["ETag"] = views.etag(body.text)
        return saved

    @router.delete("/files/{path:path}", responses=problems_of(404, 412, 428), dependencies=_EDIT)
    async def remove(
        path: FilePath,
        who: Author,
        me: Me,
        if_match: Annotated[str | None, Header()] = None,
        x_why: Annotated[str | None, Header()] = None,
    ) -> SavedView:
        """Take a file out: a new version, not yet live."""
        conditions = _conditions(if_match, None)
        why = views.cleaned(x_why, MAX_WHY)
        return await desk.do(
            lambda: _saved(audit, me, path, _save(desk, path, None, conditions, (who, why)))
        )


def _saved(audit: Audit, me: Who, path: str, saved: SavedView) -> SavedView:
    audit.record(me, "config.save", path, None, {"version": saved.version, "etag": saved.etag})
    return saved


async def _written(request: Request, why: str) -> WriteBody:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await request.body()
    if kind == "application/json":
        try:
            return WriteBody.model_validate_json(content)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None
    if kind in ("text/plain", "text/yaml", "application/yaml", "application/x-yaml"):
        try:
            return WriteBody(text=content.decode("utf-8-sig"), why=why)
        except UnicodeDecodeError:
            raise Refused(400, "not-utf-8", "The text is not UTF-8.") from None
    detail = "Send the text as text/plain or application/yaml, or as application/json."
    raise Refused(415, "media-type", detail)


def _conditions(if_match: str | None, if_none_match: str | None) -> str | None:
    """The digest of the text the editor began with; None where they say there is no such file."""
    if if_match is None and if_none_match is not None and if_none_match.strip() == "*":
        return None
    if if_match is None:
        detail = "Say what you began with: If-Match with the file's ETag, or If-None-Match: *."
        raise Refused(428, "no-condition", detail)
    tag = views.named_tag(if_match)
    if tag is None:
        raise Refused(412, "stale", "If-Match names no ETag of a file here.")
    return tag


def _save(
    desk: ConfigDesk, path: str, text: str | None, began: str | None, signed: tuple[str, str]
) -> SavedView:
    """Blocks. Raises Refused where the file has changed since."""
    changes: Changes = {path: text}
    refuse_bad(changes)
    base = None if began is None else desk.versions.holding(path, began)
    if began is not None and base is None:
        raise Refused(412, "stale", "No version holds the text that If-Match names.")
    found = desk.versions.save(base, changes, *signed)
    if isinstance(found, Conflict):
        raise _conflict(found)
    errors = desk.versions.errors(desk.versions.files(found.version.id))
    return SavedView(
        version=found.version.id,
        new=found.new,
        etag=None if text is None else views.etag(text),
        errors=views.error_views(errors),
    )


def _conflict(conflict: Conflict) -> Refused:
    theirs = conflict.files[0].theirs
    detail = (
        "Somebody else has changed the file since. Your text is kept as version"
        f" {conflict.draft}; mend it upon theirs and send it with their ETag."
    )
    headers = {"ETag": views.etag(theirs)} if theirs is not None else {}
    view = views.conflict_view(conflict)
    return Refused(412, "conflict", detail, conflict=view, headers=headers)


# ---- history ------------------------------------------------------------------------------------


def _history(router: APIRouter, desk: ConfigDesk) -> None:
    @router.get("/versions")
    async def versions(limit: Limit = PAGE, before: Before = None) -> VersionsView:
        """Every state that was ever saved, newest first."""
        found = await desk.do(lambda: desk.versions.history(limit, before))
        further = found[-1].id if len(found) == limit else None
        return VersionsView(versions=[views.version_view(each) for each in found], next=further)

    @router.get("/events")
    async def events(limit: Limit = PAGE, before: Before = None) -> EventsView:
        """What was published and rolled back, by whom and why, newest first."""
        found = await desk.do(lambda: desk.versions.events(limit, before))
        further = found[-1].id if len(found) == limit else None
        return EventsView(events=[views.event_view(each) for each in found], next=further)

    @router.get("/versions/{version}", response_model=WholeVersionView, responses=problems_of(404))
    async def version(version: Version) -> Response:
        """One version with its files."""

        def work() -> WholeVersionView:
            found, files = desk.versions.version(version), desk.versions.files(version)
            return views.whole_version_view(found, files, desk.versions.pointers())

        return await desk.show(work)

    @router.get(
        "/versions/{before}/diff/{after}", response_model=DiffView, responses=problems_of(404)
    )
    async def diff(before: Version, after: Version) -> Response:
        """What changed from one version to another, file by file."""
        return await desk.show(
            lambda: views.diff_view(before, after, desk.versions.diff(before, after))
        )


# ---- publishing ---------------------------------------------------------------------------------


def _publishing(router: APIRouter, desk: ConfigDesk, audit: Audit) -> None:
    @router.post("/versions/{version}/publish", responses=problems_of(404, 409), dependencies=_EDIT)
    async def publish(version: Version, body: PublishBody, who: Author, me: Me) -> EventView:
        """Let calls that begin from now on go by this version; an earlier one is a roll-back."""
        return await desk.do(lambda: published(desk, audit, version, body, (who, me)))

    @router.post("/rollback", responses=problems_of(409), dependencies=_EDIT)
    async def roll_back(body: RollbackBody, who: Author, me: Me) -> EventView:
        """Go back to what was published before."""
        return await desk.do(lambda: rolled_back(desk, audit, body, (who, me)))


def published(
    desk: ConfigDesk, audit: Audit, version: int, body: PublishBody, who: tuple[str, Who]
) -> EventView:
    """Blocks. `who` is the author, and whoever asks. Raises Refused, or NoVersion."""
    found = desk.versions.publish(
        version,
        who[0],
        body.why,
        over=body.over,
        anyway=body.anyway,
        reader=reader_of(who[1]),
    )
    return _moved(desk, audit, who[1], found)


def reader_of(who: Who) -> str | None:
    """A program reads nothing, whoever it says it is."""
    return None if who.key else who.name


def unread(audit: Audit, me: Who, found: Unread) -> Refused:
    """Four eyes are wanted, and these are two; that it was tried is written down."""
    facts = {"authors": found.authors, "why": "four-eyes"}
    audit.record(me, "config.publish_refused", f"version {found.version}", None, facts)
    return Refused(409, "four-eyes", four_eyes(me, found))


def four_eyes(me: Who, found: Unread) -> str:
    """Why they may not let calls go by it, as a sentence."""
    if me.key:
        return "A key may not let it go live: a person who has written none of it has to."
    others = [each for each in found.authors if each != me.name]
    who = " and ".join(["you", *others])
    return f"It has changes by {who} that were never live: somebody else has to publish it."


def rolled_back(
    desk: ConfigDesk, audit: Audit, body: RollbackBody, who: tuple[str, Who]
) -> EventView:
    """As `published`."""
    try:
        found = desk.versions.roll_back(who[0], body.why, over=body.over)
    except NoVersion as error:
        raise Refused(409, "nothing-before", str(error)) from None
    return _moved(desk, audit, who[1], found)


def _moved(
    desk: ConfigDesk, audit: Audit, me: Who, found: Moved | Broken | Behind | Unread
) -> EventView:
    match found:
        case Moved(event):
            desk.moved()
            before, after = {"version": event.previous}, {"version": event.version}
            action = f"config.{event.what.value.replace('-', '_')}"
            audit.record(me, action, f"version {event.version}", before, after)
            return views.event_view(event)
        case Broken(errors):
            raise _broken(list(errors))
        case Unread():
            raise unread(audit, me, found)
        case Behind(_, published):
            detail = (
                f"It would undo changes of others: version {published} is published. Save your"
                " change again upon the newest version, or say `anyway`."
            )
            raise Refused(409, "behind", detail)


def _broken(errors: list[ConfigError]) -> Refused:
    detail = "These files cannot be published; what is published stays."
    return Refused(422, "broken", detail, errors=views.error_views(errors))


class _NotModified(Refused):
    def __init__(self, tag: str) -> None:
        super().__init__(304, "not-modified", "")
        self._tag = tag

    def response(self) -> Response:
        return Response(status_code=304, headers={"ETag": self._tag})
