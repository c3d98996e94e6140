"""The routes of tools and personas: what there is, forms, examples, merging, and past calls."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from telephony.configuring.configuration import SINGLE_FILES
from telephony.configuring.form import FORMS, form_of, order_of, written
from telephony.configuring.overview import kind_of, overview
from telephony.configuring.published import kind_of as kind_of_file
from telephony.configuring.starters import KINDS, starter
from telephony.console import toolviews, views
from telephony.console.access.policy import needs
from telephony.console.access.roles import Right, Who
from telephony.console.problems import Refused
from telephony.console.routes import Me, Version, problems_of
from telephony.console.toolviews import (
    CatalogueView,
    ConflictedFileView,
    EditBody,
    EditedView,
    EditView,
    FormBody,
    FormView,
    GoBackView,
    MergeBody,
    MergeView,
    PreviewBody,
    PreviewView,
    StandoffView,
    StartersView,
    TriedView,
    TryBody,
)
from telephony.console.workshop import Workshop
from telephony.preview import NEVER_KNOWN
from tools.config import ConfigError
from tools.configuring.editing import Edit, Uneditable, edited
from tools.versions.files import changed, refuse_bad
from tools.versions.hunks import hunks, merged

_EDIT = [needs(Right.EDIT)]


def tools_router(shop: Workshop) -> APIRouter:
    """More of /config: what the pages of tools and personas are made of."""
    router = APIRouter(prefix="/config", tags=["tools"], dependencies=[needs(Right.VIEW)])
    _reading(router, shop)
    _forms(router, shop)
    _merging(router, shop)
    _trying(router, shop)
    return router


# ---- what there is -------------------------------------------------------------------------------


def _reading(router: APIRouter, shop: Workshop) -> None:
    @router.get("/catalogue", response_model=CatalogueView)
    async def catalogue() -> Response:
        """Every tool and persona, how it stands, and who uses it."""
        return await shop.config.show(lambda: catalogue_of(shop))

    @router.get("/starters", response_model=StartersView)
    async def kits() -> Response:
        """Files to begin with."""

        def work() -> StartersView:
            there = shop.config.versions.files(shop.config.versions.pointers().head)
            found = [
                toolviews.StarterView(kit=kit, path=path, text=text, there=path in there)
                for kit in KINDS
                for path, text in starter(kit).items()
                if kind_of(path) is not None
            ]
            return StartersView(starters=found)

        return await shop.config.show(work)

    @router.get("/rollback", response_model=GoBackView)
    async def go_back() -> Response:
        """What a roll-back would do, and whether it can be done still."""
        return await shop.config.show(lambda: go_back_of(shop))


def catalogue_of(shop: Workshop) -> CatalogueView:
    """Blocks."""
    versions = shop.config.versions
    at = versions.pointers()
    newest, published = versions.files(at.head), versions.files(at.published)
    errors = shop.errors(newest)
    return CatalogueView(
        version=at.head,
        published=at.published,
        items=[toolviews.item_view(each) for each in overview(newest, published, errors)],
        errors=views.error_views(errors),
    )


def go_back_of(shop: Workshop) -> GoBackView:
    """Blocks."""
    versions = shop.config.versions
    before, published = versions.before()
    if before is None or published is None:
        return GoBackView(version=None, published=published, files=[], errors=[])
    return GoBackView(
        version=before,
        published=published,
        files=views.diff_view(published, before, versions.diff(published, before)).files,
        errors=views.error_views(shop.errors(versions.files(before))),
    )


# ---- forms ---------------------------------------------------------------------------------------


def _forms(router: APIRouter, shop: Workshop) -> None:
    @router.post("/form", responses=problems_of(404), dependencies=_EDIT)
    async def form(body: FormBody) -> FormView:
        """A text as a form, with what is wrong with it and with everything beside it."""
        return await shop.config.do(lambda: form_in(shop, body))

    @router.post("/edit", responses=problems_of(404, 409), dependencies=_EDIT)
    async def edit(body: EditBody) -> EditedView:
        """The text with changes made as in a form: comments and all other lines stay."""
        kind = _kind(body.path)

        def work() -> EditedView:
            try:
                edits = [_edit(each) for each in body.edits]
                return EditedView(text=edited(body.text, edits, order_of(kind)))
            except Uneditable as error:
                raise Refused(409, "not-editable", str(error)) from None

        return await shop.config.do(work)


def form_in(shop: Workshop, body: FormBody) -> FormView:
    """Blocks."""
    kind = _kind(body.path)
    refuse_bad({**body.changes, body.path: body.text})
    files = changed(_newest(shop), {**body.changes, body.path: body.text})
    errors = shop.errors(files) if body.examples else shop.rehearsal.errors(files)
    shown = views.error_views(errors)
    try:
        known = {**known_of(files), "handler": shop.rehearsal.handlers()}
        return toolviews.form_view(form_of(kind, body.path, body.text, errors, known), shown)
    except ConfigError:
        about = "The text has to be mended before it can be shown as a form."
        return FormView(kind=kind, about=about, fields=None, file_errors=[], errors=shown)


def known_of(files: Mapping[str, str]) -> dict[str, list[str]]:
    """What may be meant in fields that name tools and personas."""
    items = overview(files, files, ())
    tools = [each.name for each in items if each.kind == "tool"]
    personas = [each.name for each in items if each.kind == "persona"]
    return {"requires": tools, "tools": tools, "choices_from": tools, "personas": personas}


def _kind(path: str) -> str:
    kind = kind_of_file(path)
    if kind not in FORMS or (kind_of(path) is None and path not in SINGLE_FILES):
        known = ", ".join(SINGLE_FILES)
        detail = f"There are forms for tools/NAME.yaml, personas/NAME.yaml, {known}."
        raise Refused(404, "no-form", detail)
    return kind


def _edit(view: EditView) -> Edit:
    value: Any = view.value if view.yaml is None else written(view.yaml)
    return Edit(tuple(view.path), value, view.remove)


def _newest(shop: Workshop) -> dict[str, str]:
    versions = shop.config.versions
    return versions.files(versions.pointers().head)


# ---- merging -------------------------------------------------------------------------------------


def _merging(router: APIRouter, shop: Workshop) -> None:
    @router.post("/merge", response_model=MergeView, dependencies=_EDIT)
    async def merge(body: MergeBody) -> Response:
        """Three texts, part by part; parts that only one side has changed are merged."""
        return await shop.config.show(
            lambda: toolviews.merge_view(hunks(body.base, body.theirs, body.yours))
        )

    @router.get(
        "/versions/{version}/standoff", response_model=StandoffView, responses=problems_of(404)
    )
    async def standoff(version: Version) -> Response:
        """A draft of a conflict: the three texts of each file, part by part, as things stand."""
        return await shop.config.show(lambda: standoff_of(shop, version))


def standoff_of(shop: Workshop, version: int) -> StandoffView:
    """Blocks. Raises NoVersion, and Refused for a version that clashes with nothing."""
    versions = shop.config.versions
    draft = versions.version(version)
    if draft.conflicts_with is None:
        raise Refused(404, "no-conflict", "This version is no draft of a conflict.")
    head = versions.pointers().head
    base, theirs, yours = (versions.files(each) for each in (draft.parent, head, version))
    paths = sorted(path for path in {*base, *yours} if base.get(path) != yours.get(path))
    files = [_conflicted(path, base.get(path), theirs.get(path), yours.get(path)) for path in paths]
    return StandoffView(draft=views.version_view(draft), theirs=head, files=files)


def _conflicted(
    path: str, base: str | None, theirs: str | None, yours: str | None
) -> ConflictedFileView:
    parts = hunks(base, theirs, yours)
    return ConflictedFileView(
        path=path,
        base=base,
        theirs=theirs,
        yours=yours,
        etag=None if theirs is None else views.etag(theirs),
        hunks=toolviews.hunk_views(parts),
        merged=merged(parts),
    )


# ---- trying --------------------------------------------------------------------------------------


def _trying(router: APIRouter, shop: Workshop) -> None:
    @router.post("/examples", response_model=TriedView, dependencies=_EDIT)
    async def examples(body: TryBody) -> Response:
        """Run the examples of the newest files with these changes, each in an empty shop."""

        def work() -> TriedView:
            refuse_bad(body.changes)
            try:
                tried = shop.rehearsal.tried(changed(_newest(shop), body.changes))
            except ConfigError as error:
                raise _unsound(error) from None
            return toolviews.tried_view(tried, body.path)

        return await shop.config.show(work)

    @router.post(
        "/preview", response_model=PreviewView, responses=problems_of(404), dependencies=_EDIT
    )
    async def preview(body: PreviewBody, who: Me) -> Response:
        """What would have come out otherwise in the newest calls, as far as can be known."""
        return await shop.config.show(lambda: preview_of(shop, who, body))


def preview_of(shop: Workshop, who: Who, body: PreviewBody) -> PreviewView:
    """Blocks. What callers said stands in it, so it is written down who reads it."""
    refuse_bad(body.changes)
    versions = shop.config.versions
    at = versions.pointers()
    before = versions.files(at.published)
    after = changed(versions.files(body.version or at.head), body.changes)
    try:
        found = shop.rehearsal.previews(before, after, body.calls)
    except ConfigError as error:
        raise _unsound(error) from None
    shop.audit.record(who, "calls.preview", "calls", after={"calls": body.calls})
    return toolviews.preview_view(found, NEVER_KNOWN)


def _unsound(error: ConfigError) -> Refused:
    detail = "These files have to be mended before they can be tried."
    return Refused(422, "broken", detail, errors=views.error_views(error.problems))
