"""The pages of signing in and out, and of the link that makes the first admin."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from telephony.console.access import cookies
from telephony.console.access.access import Access
from telephony.console.access.entering import LINK_OVER, Denied, Entered, Entrance
from telephony.console.access.passwords import LONGEST, SHORTEST
from telephony.console.access.policy import WHO, anybody, current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.rendering import HOME, own_path, page, redirect

SIGN_IN = f"{HOME}/sign-in"
WELCOME = f"{HOME}/welcome"

Me = Annotated[Who, Depends(current)]
Words = Annotated[str, Form(max_length=1_000)]


def sign_in_router(access: Access) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router = APIRouter()
    entrance = Entrance(access)
    _by_password(router, access, entrance)
    _by_link(router, access, entrance)

    @router.post("/sign-out", dependencies=[needs(Right.VIEW)])
    def sign_out(request: Request, who: Me) -> Response:
        name = cookies.session_name(secure=access.origins.secure)
        entrance.leave(who, cookies.cookie(request, name))
        response = redirect(request, SIGN_IN, flash="You are signed out.")
        cookies.take(response, name, secure=access.origins.secure)
        return response

    return router


def _by_password(router: APIRouter, access: Access, entrance: Entrance) -> None:
    @router.get("/sign-in", dependencies=[anybody()])
    def ask(request: Request, next: str = HOME) -> Response:  # noqa: A002, as in the address
        if request.scope.get(WHO) is not None:
            return redirect(request, next)
        return page(request, "sign-in.html", next=own_path(next), name="", wrong="")

    @router.post("/sign-in", dependencies=[anybody()])
    def sign_in(
        request: Request,
        name: Words,
        password: Words,
        next: Words = HOME,  # noqa: A002
    ) -> Response:
        found = entrance.by_password(name, password, **_from(request))
        if isinstance(found, Denied):
            values = {"next": own_path(next), "name": name, "wrong": found.why}
            return page(request, "sign-in.html", status=403, **values)
        return _welcome(request, access, found, next)


def _by_link(router: APIRouter, access: Access, entrance: Entrance) -> None:
    @router.get("/welcome/{link}", dependencies=[anybody()])
    def look(request: Request, link: str) -> Response:
        """Only looks: what fetches links ahead of people does not use it up."""
        return _choose(request, entrance, link, "")

    @router.post("/welcome/{link}", dependencies=[anybody()])
    def choose(request: Request, link: str, password: Words, again: Words) -> Response:
        if password != again:
            return _choose(request, entrance, link, "The two are not the same.")
        found = entrance.by_link(link, password, **_from(request))
        if isinstance(found, Denied):
            return _choose(request, entrance, link, found.why)
        return _welcome(request, access, found, HOME)


def _choose(request: Request, entrance: Entrance, link: str, wrong: str) -> Response:
    owner = entrance.owner_of(link)
    values = {"name": owner.name if owner else "", "shortest": SHORTEST, "longest": LONGEST}
    if owner is None:
        wrong = LINK_OVER
    status = 403 if wrong else 200
    return page(request, "welcome.html", status=status, wrong=wrong, good=bool(owner), **values)


def _welcome(request: Request, access: Access, entered: Entered, path: str) -> Response:
    """A session of its own, whatever the browser came with."""
    secure = access.origins.secure
    response = redirect(request, path)
    cookies.give(response, cookies.session_name(secure=secure), entered.token, secure=secure)
    cookies.take(response, cookies.visit_name(secure=secure), secure=secure)
    return response


def _from(request: Request) -> dict[str, str]:
    ip = request.client.host if request.client else ""
    return {"ip": ip, "agent": request.headers.get("user-agent", "")}
