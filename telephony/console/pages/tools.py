"""The pages of tools and personas: the list, the editor, the history, going live and going back."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from telephony.configuring.configuration import NUMBERS_FILE, SNIPPETS_FILE
from telephony.configuring.overview import kind_of
from telephony.configuring.published import kind_of as kind_of_file
from telephony.configuring.starters import KINDS, starter
from telephony.console import views
from telephony.console.access.policy import needs
from telephony.console.access.roles import Right, Who
from telephony.console.problems import Refused
from telephony.console.rendering import HOME, page, redirect
from telephony.console.routes import (
    Before,
    Me,
    Version,
    four_eyes,
    published,
    reader_of,
    rolled_back,
)
from telephony.console.tools import catalogue_of, go_back_of, standoff_of
from telephony.console.toolviews import CatalogueView, HunkView
from telephony.console.views import MAX_ID, MAX_WHY, Problem, PublishBody, RollbackBody
from telephony.console.workshop import Workshop
from telephony.line import FILE as LINE_FILE
from tools.booking.shop import FILE as SHOP_FILE
from tools.crm.config import FILE as CRM_FILE
from tools.versions.beside import Row, beside
from tools.versions.files import Changes, Files, changes_between, refuse_bad
from tools.versions.spec import Conflict

TOOLS = f"{HOME}/tools"
PAGE = 25
_EDIT = [needs(Right.EDIT)]
_BEGIN = {
    "tool": "# What the agent can do. The description is for the model.\nhandler: {handler}\n",
    "persona": "# Who answers.\ngreeting: Thank you for calling {{business}}. How can I help?\n",
}
SINGLES = {
    NUMBERS_FILE: "Which persona answers which of your numbers.",
    SHOP_FILE: "The business: its name, hours, and what can be booked.",
    LINE_FILE: "Whom calls are put through to, voicemail, and telephone numbers.",
    SNIPPETS_FILE: "Texts that several personas share.",
    CRM_FILE: "How contacts are kept.",
}
"""The files there is one of, and what they are about."""
_NAMES = "A name has small letters, digits, _ and -, begins with a letter, and has at most 64."
_NOBODY = "# Which persona answers which of your numbers, and which all others.\nnumbers: {}\n"

NAME = r"[a-z][a-z0-9_-]{0,63}"
Words = Annotated[str, Form(max_length=MAX_WHY)]
Short = Annotated[str, Form(max_length=200)]
Over = Annotated[int | None, Form(ge=1, le=MAX_ID)]
"""What was published when the page was shown: nothing newer is undone unseen."""
TYPED = {"percent": "10", "numbers": "", "least_calls": "30", "why": ""}
"""What stands in the form of a roll-out before anybody has typed."""


def tools_pages(shop: Workshop) -> APIRouter:
    """Everything under /tools. Plain functions: they block, so they are run in threads."""
    router = APIRouter(prefix="/tools", dependencies=[needs(Right.VIEW)])
    _list(router, shop)
    _editor(router, shop)
    _history(router, shop)
    _going_live(router, shop)
    _conflict(router, shop)
    return router


# ---- the list ------------------------------------------------------------------------------------


def _list(router: APIRouter, shop: Workshop) -> None:
    @router.get("")
    def tools(request: Request, q: Annotated[str, Query(max_length=100)] = "") -> Response:
        found = catalogue_of(shop)
        words = q.casefold().split()
        shown = [
            each
            for each in found.items
            if all(word in f"{each.name} {each.about} {each.path}".casefold() for word in words)
        ]
        begun = sorted({path for kit in KINDS for path in starter(kit) if kind_of(path)})
        return page(
            request,
            "tools.html",
            catalogue=found,
            tools=[each for each in shown if each.kind == "tool"],
            personas=[each for each in shown if each.kind == "persona"],
            q=q,
            name_pattern=NAME,
            running=shop.rollouts.running(),
            singles=_singles(shop, found),
            kits=[(kit, sorted(path for path in starter(kit) if kind_of(path))) for kit in KINDS],
            starters=begun,
        )

    @router.post("/new", dependencies=_EDIT)
    def new(
        request: Request, who: Me, kind: Short, name: Short = "", source: Short = ""
    ) -> Response:
        """`source` is a file to copy: `KIT:PATH` of a starter, or the path of one there is."""
        folder = {"tool": "tools", "persona": "personas"}.get(kind)
        if folder is None:
            raise Refused(422, "bad-request", "It is a tool or a persona.")
        if re.fullmatch(NAME, name) is None:
            return redirect(request, TOOLS, flash=_NAMES, kind="bad")
        path = f"{folder}/{name}.yaml"
        versions = shop.config.versions
        head = versions.pointers().head
        files = versions.files(head)
        if path in files:
            return redirect(request, TOOLS, flash=f"There is a {path} already.", kind="bad")
        changes = {path: _source(source, kind, files), **_texts_with(source, kind, files)}
        _save(shop, who, head, changes, f"new: {path}")
        return redirect(request, f"{TOOLS}/edit/{path}", flash=f"{path} is a draft now.")

    @router.post("/remove", dependencies=_EDIT)
    def remove(request: Request, who: Me, path: Short, why: Words = "") -> Response:
        head = shop.config.versions.pointers().head
        _save(shop, who, head, {path: None}, why or f"taken out: {path}")
        flash = f"{path} is taken out of the draft; publish to take it from calls."
        return redirect(request, TOOLS, flash=flash)

    @router.post("/begin", dependencies=_EDIT)
    def begin(request: Request, who: Me, path: Short) -> Response:
        """Adds the one file of this path: as calls go by it, or as it is where there is none."""
        if path not in SINGLES:
            raise Refused(404, "no-file", "There is no such file to begin.")
        versions = shop.config.versions
        at = versions.pointers()
        if path not in versions.files(at.head):
            usual = _NOBODY if path == NUMBERS_FILE else starter(KINDS[0])[path]
            text = versions.files(at.published).get(path, usual)
            _save(shop, who, at.head, {path: text}, f"new: {path}")
        return redirect(request, f"{TOOLS}/edit/{path}")


def _singles(shop: Workshop, found: CatalogueView) -> list[tuple[str, str, str, int]]:
    """Path, what it is about, how it stands, and what is wrong with it."""
    versions = shop.config.versions
    newest, live = versions.files(found.version), versions.files(found.published)
    return [
        (
            path,
            about,
            _standing(newest.get(path), live.get(path)),
            sum(
                error.where == path or error.where.startswith(f"{path}:") for error in found.errors
            ),
        )
        for path, about in SINGLES.items()
    ]


def _standing(text: str | None, live: str | None) -> str:
    if text is None:
        return "removed" if live is not None else ""
    return "published" if live == text else "new" if live is None else "changed"


def _source(source: str, kind: str, files: Files) -> str:
    kit, colon, path = source.partition(":")
    if colon and kit in KINDS and path in (found := starter(kit)):
        return found[path]
    if source in files and kind_of(source) == kind:
        return files[source]
    return _BEGIN[kind].format(handler="calls.end_call")


def _texts_with(source: str, kind: str, files: Files) -> dict[str, str]:
    """The snippets that a starter's persona uses, where there are none: without them its draft
    would be broken as it begins."""
    found = starter(source.partition(":")[0]) if source.partition(":")[0] in KINDS else {}
    wanted = kind == "persona" and source.partition(":")[2] in found
    return {SNIPPETS_FILE: found[SNIPPETS_FILE]} if wanted and SNIPPETS_FILE not in files else {}


def _save(shop: Workshop, who: Who, base: int | None, changes: Changes, why: str) -> int:
    """The version it is kept in. Raises Refused where somebody else was first."""
    refuse_bad(changes)
    found = shop.config.versions.save(base, changes, who.name, why)
    if isinstance(found, Conflict):
        detail = "Somebody else has changed the file just now."
        raise Refused(412, "conflict", detail, conflict=views.conflict_view(found))
    facts = {"version": found.version.id}
    shop.audit.record(who, "config.save", ", ".join(changes), None, facts)
    return found.version.id


# ---- the editor ----------------------------------------------------------------------------------


def _editor(router: APIRouter, shop: Workshop) -> None:
    @router.get("/edit/{name}")
    def edit_single(request: Request, name: str) -> Response:
        return show(request, name, SINGLES.get(name))

    @router.get("/edit/{folder}/{name}")
    def edit(request: Request, folder: str, name: str) -> Response:
        return show(request, f"{folder}/{name}", kind_of(f"{folder}/{name}"))

    def show(request: Request, path: str, known: str | None) -> Response:
        versions = shop.config.versions
        at = versions.pointers()
        text = versions.files(at.head).get(path)
        if known is None or text is None:
            raise Refused(404, "no-file", "There is no such file in the newest version.")
        return page(
            request,
            "tools-edit.html",
            path=path,
            stem=PurePosixPath(path).stem,
            kind=kind_of_file(path),
            text=text,
            etag=views.etag(text),
            version=at.head,
            state=_standing(text, versions.files(at.published).get(path)),
        )


# ---- history -------------------------------------------------------------------------------------


def _history(router: APIRouter, shop: Workshop) -> None:
    @router.get("/history")
    def history(request: Request, before: Before = None) -> Response:
        versions = shop.config.versions
        found = versions.history(PAGE, before)
        return page(
            request,
            "tools-history.html",
            versions=found,
            at=versions.pointers(),
            events=versions.events(10),
            older=found[-1].id if len(found) == PAGE else None,
            back=go_back_of(shop),
        )

    @router.get("/versions/{version}")
    def version(
        request: Request,
        version: Version,
        who: Me,
        against: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    ) -> Response:
        return version_page(request, shop, version, who, against)


def version_page(
    request: Request,
    shop: Workshop,
    version: int,
    who: Who,
    against: int | None,
    problem: Problem | None = None,
    *,
    status: int = 200,
    typed: Mapping[str, str] = TYPED,
) -> Response:
    """`problem` is why what was asked for was not done; `typed` stands in the form again."""
    versions = shop.config.versions
    at = versions.pointers()
    live = version == at.published
    other = against or (versions.before()[0] if live else at.published)
    found, files = versions.version(version), versions.files(version)
    before = versions.files(other)
    unread = versions.unread(version, reader_of(who))
    return page(
        request,
        "tools-version.html",
        status=status,
        typed=typed,
        version=found,
        at=at,
        other=other,
        before=versions.before()[0],
        changes=_changes(before, files),
        errors=shop.errors(files),
        running=shop.rollouts.running(),
        unread=four_eyes(who, unread) if unread else "",
        offer=None if live else shop.rehearsal.told(before, files),
        first_tool=_has_tool(files) and not _has_tool(before),
        problem=problem,
    )


def _has_tool(files: Files) -> bool:
    return any(kind_of(path) == "tool" for path in files)


def _changes(before: Files, after: Files) -> list[tuple[str, str, tuple[Row, ...]]]:
    """Path, what became of it, and its lines side by side."""
    return [
        (path, _became(before, path, text), beside(before.get(path), text))
        for path, text in changes_between(before, after).items()
    ]


def _became(before: Files, path: str, text: str | None) -> str:
    if text is None:
        return "removed"
    return "changed" if path in before else "added"


# ---- going live, going back ----------------------------------------------------------------------


def _going_live(router: APIRouter, shop: Workshop) -> None:
    @router.post("/versions/{version}/publish", dependencies=_EDIT)
    def publish(
        request: Request,
        version: Version,
        who: Me,
        why: Words = "",
        over: Over = None,
        anyway: Short = "",
    ) -> Response:
        body = PublishBody(why=why, over=over, anyway=anyway == "yes")
        try:
            published(shop.config, shop.audit, version, body, (who.name, who))
        except Refused as refused:
            return version_page(request, shop, version, who, None, refused.problem)
        shop.rolled()
        return redirect(request, TOOLS, flash=f"Calls that begin now go by version {version}.")

    @router.post("/rollback", dependencies=_EDIT)
    def roll_back(request: Request, who: Me, why: Words = "", over: Over = None) -> Response:
        body = RollbackBody(why=why, over=over)
        try:
            event = rolled_back(shop.config, shop.audit, body, (who.name, who))
        except Refused as refused:
            detail = str(refused.problem.detail)
            return redirect(request, f"{TOOLS}/history", flash=detail, kind="bad")
        shop.rolled()
        flash = f"Back to version {event.version}. Calls that are on keep theirs."
        return redirect(request, TOOLS, flash=flash)


# ---- two who edited the same file ----------------------------------------------------------------


def _conflict(router: APIRouter, shop: Workshop) -> None:
    @router.get("/conflict/{version}")
    def conflict(request: Request, version: Version) -> Response:
        return page(request, "tools-conflict.html", standoff=standoff_of(shop, version), wrong="")

    @router.post("/conflict/{version}", dependencies=_EDIT)
    async def settle(request: Request, version: Version, who: Me) -> Response:
        """Fields `FILE-HUNK` hold a side, or `both`; `head` is what it was merged upon."""
        fields = {str(name): str(value) for name, value in (await request.form()).items()}
        return await shop.config.do(lambda: _settled(request, shop, version, who, fields))


def _settled(
    request: Request, shop: Workshop, version: int, who: Who, fields: dict[str, str]
) -> Response:
    """Blocks."""
    standoff = standoff_of(shop, version)
    if fields.get("head") != str(standoff.theirs):
        wrong = "Others have saved again meanwhile: these are the texts as they stand now."
        return page(request, "tools-conflict.html", status=409, standoff=standoff, wrong=wrong)
    changes: dict[str, str | None] = {}
    for number, file in enumerate(standoff.files):
        taken = [
            _side(hunk, fields.get(f"{number}-{at}", "")) for at, hunk in enumerate(file.hunks)
        ]
        if None in taken:
            wrong = "Choose a side for every part that both have changed."
            return page(request, "tools-conflict.html", status=422, standoff=standoff, wrong=wrong)
        changes[file.path] = "".join(each for each in taken if each is not None) or None
    why = fields.get("why", "")[:MAX_WHY] or f"merged with version {version}"
    kept = _save(shop, who, standoff.theirs, changes, why)
    return redirect(request, f"{TOOLS}/versions/{kept}", flash="Merged; nothing was lost.")


def _side(hunk: HunkView, chosen: str) -> str | None:
    """None: nobody has chosen."""
    if hunk.side != "conflict":
        return hunk.theirs if hunk.side == "theirs" else hunk.yours
    both = {"theirs": hunk.theirs, "yours": hunk.yours, "both": hunk.theirs + hunk.yours}
    return both.get(chosen)
