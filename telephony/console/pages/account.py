"""The pages of one's own account: password, second step, where one is signed in."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request, Response
from markupsafe import Markup

from telephony.console.access.access import Access
from telephony.console.access.entering import Entrance
from telephony.console.access.passwords import SHORTEST
from telephony.console.access.policy import current, signed_in
from telephony.console.access.reception import NotDone, Reception
from telephony.console.access.roles import Who
from telephony.console.access.secondstep import new_secret, picture
from telephony.console.pages.signin import SIGN_IN, browser_of, let_in
from telephony.console.rendering import HOME, page, redirect

ACCOUNT = f"{HOME}/account"

Me = Annotated[Who, Depends(current)]
Words = Annotated[str, Form(max_length=1_000)]
Secret = Annotated[str, Form(pattern=r"^[A-Z2-7]{32}$")]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]


def account_router(access: Access) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router = APIRouter(prefix="/account", dependencies=[signed_in()])
    reception = Reception(access)
    _password(router, access, reception)
    _second_step(router, access, reception)
    _sessions(router, reception)
    return router


def _password(router: APIRouter, access: Access, reception: Reception) -> None:
    @router.get("")
    def account(request: Request, who: Me) -> Response:
        return _account(request, access, who)

    @router.post("/password")
    def password(request: Request, who: Me, old: Words, new: Words, again: Words) -> Response:
        if new != again:
            return _account(request, access, who, "The two new passwords are not the same.")
        try:
            reception.change_password(who, old, new)
        except NotDone as error:
            return _account(request, access, who, str(error))
        # All sessions are over, this one too: what somebody else may know opens nothing.
        entered = Entrance(access).enter(reception.user(who.id), browser_of(request, access))
        return let_in(request, access, entered, ACCOUNT, flash="Your password is changed.")


def _account(request: Request, access: Access, who: Who, wrong: str = "") -> Response:
    user = access.users.find(who.id)
    if user is None:
        return redirect(request, SIGN_IN)
    return page(
        request,
        "account.html",
        status=409 if wrong else 200,
        wrong=wrong,
        user=user,
        sessions=access.sessions.of(who.id),
        codes_left=access.second.left(who.id),
        must_have_code=access.wants_code(user.role),
        shortest=SHORTEST,
    )


def _second_step(router: APIRouter, access: Access, reception: Reception) -> None:
    @router.get("/second-step")
    def begin(request: Request, who: Me) -> Response:
        return _show_secret(request, who, new_secret())

    @router.post("/second-step")
    def add(request: Request, who: Me, secret: Secret, code: Words) -> Response:
        try:
            codes = reception.add_code(who, secret, code)
        except NotDone as error:
            return _show_secret(request, who, secret, str(error))
        return page(request, "recovery.html", codes=codes)

    @router.post("/second-step/remove")
    def remove(request: Request, who: Me, password: Words, code: Words) -> Response:
        try:
            reception.remove_code(who, password, code)
        except NotDone as error:
            return _account(request, access, who, str(error))
        return redirect(request, ACCOUNT, flash="Codes are not asked for any more.", kind="note")


def _show_secret(request: Request, who: Who, secret: str, wrong: str = "") -> Response:
    values: dict[str, Any] = {
        "secret": secret,
        "picture": Markup(picture(secret, who.name)),  # noqa: S704, made here, of base32 and a name
        "wrong": wrong,
    }
    return page(request, "second-step.html", status=409 if wrong else 200, **values)


def _sessions(router: APIRouter, reception: Reception) -> None:
    @router.post("/sessions/end")
    def end_others(request: Request, who: Me) -> Response:
        ended = reception.end_others(who)
        return redirect(request, ACCOUNT, flash=f"Signed out elsewhere: {ended}.")

    @router.post("/sessions/{session_id}/end")
    def end(request: Request, who: Me, session_id: Id) -> Response:
        try:
            reception.end_session(who, session_id, of=who.id)
        except NotDone as error:
            return redirect(request, ACCOUNT, flash=str(error), kind="bad")
        return redirect(request, ACCOUNT, flash="Signed out there.")
