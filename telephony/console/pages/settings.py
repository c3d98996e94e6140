"""The pages of settings: users, keys, sessions, audit log, numbers, redaction, limits."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request, Response

from telephony.console.access.policy import current, needs
from telephony.console.access.reception import NotDone, Reception
from telephony.console.access.roles import Right, Role, Who
from telephony.console.parts import Parts
from telephony.console.people import MAX_NUMBER, PAGE, numbers_of, redaction_rules
from telephony.console.rendering import HOME, page, redirect
from telephony.settings import Row, describe

SETTINGS = f"{HOME}/settings"
TABS = (
    ("Users", f"{SETTINGS}/users"),
    ("API keys", f"{SETTINGS}/keys"),
    ("Sessions", f"{SETTINGS}/sessions"),
    ("Audit log", f"{SETTINGS}/audit"),
    ("Webhooks", f"{SETTINGS}/webhooks"),
    ("Numbers", f"{SETTINGS}/numbers"),
    ("Redaction", f"{SETTINGS}/redaction"),
    ("Retention", f"{SETTINGS}/retention"),
    ("Deployment", f"{SETTINGS}/deployment"),
)
"""Names and paths of the pages of settings; another one is a line here."""
LIMITS = (
    "FRONTDESK_MAX_CALLS",
    "FRONTDESK_MAX_CALL_SECONDS",
    "FRONTDESK_MAX_CALL_USD",
    "FRONTDESK_MAX_CALLER_USD",
    "FRONTDESK_MAX_DAY_USD",
    "FRONTDESK_IDLE_HANGUP_SECONDS",
    "FRONTDESK_DRAIN_SECONDS",
)
ROLES = tuple((role.value, role.value) for role in Role)

Me = Annotated[Who, Depends(current)]
Words = Annotated[str, Form(max_length=200)]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]
Days = Annotated[int, Form(ge=1, le=365)]
Before = Annotated[int | None, Query(ge=1, le=MAX_NUMBER)]


def settings_router(parts: Parts) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router = APIRouter(prefix="/settings", dependencies=[needs(Right.ADMIN)])
    reception = Reception(parts.access)

    @router.get("")
    def settings(request: Request) -> Response:
        return redirect(request, TABS[0][1])

    for part in (_users, _user_acts, _keys, _sessions, _audit, _numbers, _deployment):
        part(router, parts, reception)
    return router


def tab(request: Request, template: str, **values: Any) -> Response:
    """A page of settings, with the tabs above it."""
    return page(request, template, tabs=TABS, **values)


def _do(request: Request, path: str, work: Callable[[], object], said: str) -> Response:
    """Do it, and say so on the page one comes back to."""
    try:
        work()
    except NotDone as error:
        return redirect(request, path, flash=str(error), kind="bad")
    return redirect(request, path, flash=said)


# ---- users --------------------------------------------------------------------------------------


def _users(router: APIRouter, parts: Parts, reception: Reception) -> None:
    here = TABS[0][1]

    def show(request: Request, **values: Any) -> Response:
        seen = {"link": "", "of": "", "wrong": "", "name": "", **values}
        return tab(request, "users.html", users=parts.access.users.all(), roles=ROLES, **seen)

    @router.get("/users")
    def users(request: Request) -> Response:
        return show(request)

    @router.post("/users")
    def add(request: Request, who: Me, name: Words, role: Annotated[Role, Form()]) -> Response:
        try:
            user, path = reception.add(who, name, role)
        except NotDone as error:
            return show(request, wrong=str(error), name=name, status=409)
        return show(request, link=_whole(request, path), of=user.name)

    @router.post("/users/{user_id}/link")
    def link(request: Request, who: Me, user_id: Id) -> Response:
        try:
            path = reception.new_link(who, user_id)
        except NotDone as error:
            return redirect(request, here, flash=str(error), kind="bad")
        return show(request, link=_whole(request, path), of=reception.user(user_id).name)


def _user_acts(router: APIRouter, _parts: Parts, reception: Reception) -> None:
    here = TABS[0][1]

    @router.post("/users/{user_id}/role")
    def role(request: Request, who: Me, user_id: Id, role: Annotated[Role, Form()]) -> Response:
        said = f"The role is {role.value} now."
        return _do(request, here, lambda: reception.set_role(who, user_id, role), said)

    @router.post("/users/{user_id}/disable")
    def disable(request: Request, who: Me, user_id: Id) -> Response:
        work = lambda: reception.set_disabled(who, user_id, disabled=True)  # noqa: E731
        return _do(request, here, work, "They are out, everywhere.")

    @router.post("/users/{user_id}/enable")
    def enable(request: Request, who: Me, user_id: Id) -> Response:
        work = lambda: reception.set_disabled(who, user_id, disabled=False)  # noqa: E731
        return _do(request, here, work, "They may sign in again.")

    @router.post("/users/{user_id}/drop-code")
    def drop_code(request: Request, who: Me, user_id: Id) -> Response:
        said = "No code is asked of them any more."
        return _do(request, here, lambda: reception.drop_code(who, user_id), said)

    @router.post("/users/{user_id}/remove")
    def remove(request: Request, who: Me, user_id: Id) -> Response:
        said = "The user is removed. What they did stays in the audit log."
        return _do(request, here, lambda: reception.remove(who, user_id), said)


def _whole(request: Request, path: str) -> str:
    """The address as this reader came here, so that it leads whom they send it to here, too."""
    return f"{str(request.base_url).rstrip('/').removesuffix(HOME)}{path}"


# ---- keys and sessions --------------------------------------------------------------------------


def _keys(router: APIRouter, parts: Parts, reception: Reception) -> None:
    here = TABS[1][1]

    def show(request: Request, **values: Any) -> Response:
        now = parts.access.clock()
        seen = {"made": None, "text": "", "wrong": "", "name": "", **values}
        keys = parts.access.keys.all()
        return tab(request, "keys.html", keys=keys, now=now, roles=ROLES, **seen)

    @router.get("/keys")
    def keys(request: Request) -> Response:
        return show(request)

    @router.post("/keys")
    def make(
        request: Request, who: Me, name: Words, role: Annotated[Role, Form()], days: Days
    ) -> Response:
        try:
            key, text = reception.make_key(who, name, role, days)
        except NotDone as error:
            return show(request, wrong=str(error), name=name, status=409)
        return show(request, made=key, text=text)

    @router.post("/keys/{key_id}/revoke")
    def revoke(request: Request, who: Me, key_id: Id) -> Response:
        said = "The key opens nothing any more."
        return _do(request, here, lambda: reception.revoke_key(who, key_id), said)


def _sessions(router: APIRouter, parts: Parts, reception: Reception) -> None:
    @router.get("/sessions")
    def sessions(request: Request) -> Response:
        names = {user.id: user.name for user in parts.access.users.all()}
        found = parts.access.sessions.all()
        return tab(request, "sessions.html", sessions=found, names=names)

    @router.post("/sessions/{session_id}/end")
    def end(request: Request, who: Me, session_id: Id) -> Response:
        work = lambda: reception.end_session(who, session_id)  # noqa: E731
        return _do(request, TABS[2][1], work, "Signed out there.")


# ---- looking only -------------------------------------------------------------------------------


def _audit(router: APIRouter, parts: Parts, _reception: Reception) -> None:
    here = TABS[3][1]

    @router.get("/audit")
    def audit(request: Request, before: Before = None, q: str = "") -> Response:
        words = q.strip()[:100]
        found = parts.access.audit.entries(PAGE, before=before, containing=words)
        kept = {"q": words} if words else {}
        older = f"{here}?{urlencode({**kept, 'before': found[-1].number})}" if found else ""
        return tab(
            request,
            "audit.html",
            entries=found,
            q=words,
            newest=f"{here}?{urlencode(kept)}" if before is not None else "",
            older=older if len(found) == PAGE else "",
        )

    @router.post("/audit/verify")
    def verify(request: Request) -> Response:
        broken = parts.access.audit.verify()
        if broken is None:
            said = "The log is whole: every entry is as it was written."
            return redirect(request, here, flash=said)
        said = f"The log was tampered with: entry {broken.number} {broken.what}."
        return redirect(request, here, flash=said, kind="bad")


def _numbers(router: APIRouter, parts: Parts, _reception: Reception) -> None:
    @router.get("/numbers")
    def numbers(request: Request) -> Response:
        return tab(request, "numbers.html", found=numbers_of(parts.config))

    @router.get("/redaction")
    def redaction(request: Request) -> Response:
        return tab(request, "redaction.html", found=redaction_rules(parts.config))


def _deployment(router: APIRouter, parts: Parts, _reception: Reception) -> None:
    @router.get("/deployment")
    def deployment(request: Request) -> Response:
        rows = describe(parts.settings)
        return tab(request, "deployment.html", limits=_named(rows, LIMITS), rows=rows)


def _named(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    by_name = {row.name: row for row in rows}
    return [by_name[name] for name in names]
