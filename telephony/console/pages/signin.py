"""The pages of signing in and out, and of the link that makes the first admin."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from telephony.console.access import cookies
from telephony.console.access.access import Access
from telephony.console.access.elsewhere import Elsewhere, NotKnown
from telephony.console.access.entering import (
    LINK_OVER,
    Browser,
    CodeWanted,
    Denied,
    Entered,
    Entrance,
)
from telephony.console.access.gate import CSRF
from telephony.console.access.passwords import LONGEST, SHORTEST
from telephony.console.access.policy import WHO, anybody, current, signed_in
from telephony.console.access.roles import Who
from telephony.console.rendering import HOME, hand_over, own_path, page, redirect

log = structlog.get_logger()

SIGN_IN = f"{HOME}/sign-in"
BACK = f"{SIGN_IN}/elsewhere/back"
"""Where a single sign-on sends people back to."""
SECOND_STEP = f"{HOME}/account/second-step"
FIRST_PLACE = f"{HOME}/calls"

Me = Annotated[Who, Depends(current)]
MAX_PLACE = 1_000
"""Characters of where somebody wanted to go before they had to sign in."""
Words = Annotated[str, Form(max_length=MAX_PLACE)]


def sign_in_router(access: Access) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router = APIRouter()
    entrance = Entrance(access)
    _by_password(router, access, entrance)
    _by_link(router, access, entrance)
    if access.elsewhere is not None:
        _by_another(router, access, entrance, access.elsewhere)

    @router.post("/sign-out", dependencies=[signed_in()])
    def sign_out(request: Request, who: Me) -> Response:
        entrance.leave(who, browser_of(request, access).session)
        response = redirect(request, SIGN_IN, flash="You are signed out.")
        secure = access.origins.secure
        cookies.take(response, cookies.session_name(secure=secure), secure=secure)
        return response

    return router


def _by_password(router: APIRouter, access: Access, entrance: Entrance) -> None:
    @router.get("/sign-in", dependencies=[anybody()])
    def ask(request: Request, next: str = HOME) -> Response:  # noqa: A002, as in the address
        if request.scope.get(WHO) is not None:
            return redirect(request, next)
        return _ask(request, access, next)

    @router.post("/sign-in", dependencies=[anybody()])
    def sign_in(
        request: Request,
        name: Words,
        password: Words,
        next: Words = HOME,  # noqa: A002
    ) -> Response:
        found = entrance.by_password(name, password, browser_of(request, access))
        if isinstance(found, Denied):
            return _ask(request, access, next, found, name)
        return _go_on(request, access, found, next)

    @router.post("/sign-in/code", dependencies=[anybody()])
    def second(
        request: Request,
        link: Words,
        code: Words,
        next: Words = HOME,  # noqa: A002
    ) -> Response:
        found = entrance.by_code(link, code, browser_of(request, access))
        if isinstance(found, Denied):
            if found.over:
                return _ask(request, access, next, found)
            return _ask_code(request, link, next, found)
        return _go_on(request, access, found, next)


def _by_link(router: APIRouter, access: Access, entrance: Entrance) -> None:
    @router.get("/welcome/{link}", dependencies=[anybody()])
    def look(request: Request, link: str) -> Response:
        """Only looks: what fetches links ahead of people does not use it up."""
        return _choose(request, entrance, link, "")

    @router.post("/welcome/{link}", dependencies=[anybody()])
    def choose(request: Request, link: str, password: Words, again: Words) -> Response:
        if password != again:
            return _choose(request, entrance, link, "The two are not the same.")
        found = entrance.by_link(link, password, browser_of(request, access))
        if isinstance(found, Denied):
            return _choose(request, entrance, link, found.why)
        # Whoever comes for the first time finds a call there, not an empty board.
        return _go_on(request, access, found, FIRST_PLACE)


def _by_another(
    router: APIRouter, access: Access, entrance: Entrance, elsewhere: Elsewhere
) -> None:
    @router.get("/sign-in/elsewhere", dependencies=[anybody()])
    def leave(request: Request, next: str = HOME) -> Response:  # noqa: A002
        try:
            there = entrance.leave_for(elsewhere, browser_of(request, access), own_path(next))
        except NotKnown as error:
            return _not_known(request, access, error)
        response = RedirectResponse(there, 303)
        hand_over(request, response)
        return response

    @router.get("/sign-in/elsewhere/back", dependencies=[anybody()])
    def back(request: Request, state: str = "", code: str = "") -> Response:
        browser = browser_of(request, access)
        try:
            found, path = entrance.by_return(elsewhere, state, code, browser)
        except NotKnown as error:
            return _not_known(request, access, error)
        if isinstance(found, Denied):
            return _ask(request, access, HOME, found)
        return _go_on(request, access, found, path)


def _not_known(request: Request, access: Access, error: NotKnown) -> Response:
    log.warning("single_sign_on_failed", error=str(error))
    why = "The single sign-on did not say who you are. Try again; the log says more."
    return _ask(request, access, HOME, Denied(why))


def _ask(
    request: Request, access: Access, path: str, denied: Denied | None = None, name: str = ""
) -> Response:
    values: dict[str, Any] = {
        "next": own_path(path),
        "name": name,
        "wrong": denied.why if denied else "",
        "elsewhere": access.elsewhere is not None,
    }
    return _denied(page(request, "sign-in.html", **values), denied)


def _ask_code(request: Request, link: str, path: str, denied: Denied | None = None) -> Response:
    wrong = denied.why if denied else ""
    answer = page(request, "code.html", link=link, next=own_path(path), wrong=wrong)
    return _denied(answer, denied)


def _denied(answer: Response, denied: Denied | None) -> Response:
    if denied is not None:
        answer.status_code = 429 if denied.wait_s else 403
    if denied is not None and denied.wait_s:
        answer.headers["Retry-After"] = str(denied.wait_s)
    return answer


def _choose(request: Request, entrance: Entrance, link: str, wrong: str) -> Response:
    owner = entrance.owner_of(link)
    values = {"name": owner.name if owner else "", "shortest": SHORTEST, "longest": LONGEST}
    if owner is None:
        wrong = LINK_OVER
    status = 403 if wrong else 200
    return page(request, "welcome.html", status=status, wrong=wrong, good=bool(owner), **values)


def _go_on(request: Request, access: Access, found: Entered | CodeWanted, path: str) -> Response:
    if isinstance(found, CodeWanted):
        return _ask_code(request, found.link, path)
    return let_in(request, access, found, path)


def let_in(request: Request, access: Access, entered: Entered, path: str, **flash: Any) -> Response:
    """A session of its own, whatever the browser came with."""
    secure = access.origins.secure
    response = redirect(request, SECOND_STEP if entered.must_add_code else path, **flash)
    cookies.give(response, cookies.session_name(secure=secure), entered.token, secure=secure)
    cookies.take(response, cookies.visit_name(secure=secure), secure=secure)
    return response


def browser_of(request: Request, access: Access) -> Browser:
    """Where a request comes from."""
    return Browser(
        ip=request.client.host if request.client else "",
        agent=request.headers.get("user-agent", ""),
        session=cookies.cookie(request, cookies.session_name(secure=access.origins.secure)),
        proof=request.scope[CSRF],
    )
