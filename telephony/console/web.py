"""The console's pages under /console, put together: a new page is one line in `_routers`."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.routing import Mount

from telephony.console.access.gate import CSRF, VISIT, Gate
from telephony.console.access.policy import WHO, Policy, current, needs
from telephony.console.access.roles import Right
from telephony.console.headers import SecurityHeaders, mounted
from telephony.console.joining import joined
from telephony.console.onecall import open_calls
from telephony.console.pages.account import account_router
from telephony.console.pages.call import call_router
from telephony.console.pages.calls import calls_page_router
from telephony.console.pages.files import files_router
from telephony.console.pages.health import health_page_router
from telephony.console.pages.live import live_pages_router
from telephony.console.pages.retention import retention_page
from telephony.console.pages.rollouts import rollouts_pages
from telephony.console.pages.settings import settings_router
from telephony.console.pages.signin import MAX_PLACE, SECOND_STEP, SIGN_IN, sign_in_router
from telephony.console.pages.tools import tools_pages
from telephony.console.pages.trial import trial_page_router
from telephony.console.pages.webhooks import webhooks_page_router
from telephony.console.parts import Parts
from telephony.console.problems import KNOWN, Refused, problem_of
from telephony.console.rendering import HOME, NAVIGATION, offered, page
from telephony.console.sorry import NOTHING, sorry


def _routers(parts: Parts) -> Sequence[APIRouter]:
    """One line a page."""
    return (
        files_router(),
        sign_in_router(parts.access),
        live_pages_router(),
        trial_page_router(here=parts.trials is not None),
        account_router(parts.access),
        rollouts_pages(parts.workshop),
        tools_pages(parts.workshop),
        settings_router(parts),
        call_router(open_calls(parts)),
        calls_page_router(parts.calls, parts.access.audit),
        webhooks_page_router(parts),
        health_page_router(parts),
        retention_page(parts),
    )


def console(parts: Parts) -> Mount:
    """Everything under HOME, behind the gate."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for kind in (*KNOWN, Exception):
        app.add_exception_handler(kind, _answer)
    joined(app.router, (_home(), *_routers(parts)))
    policy = Policy(app)
    # Only what is there is offered: pages come one by one.
    app.state.places = [
        each for each in NAVIGATION if policy.of(each.path.removeprefix(HOME), "GET") is not None
    ]
    app.state.secure = parts.access.origins.secure
    gate = Gate(app, parts.access, policy, lambda request, refused: _deny(app, request, refused))
    return mounted(HOME, SecurityHeaders(gate, secure=parts.access.origins.secure))


def _home() -> APIRouter:
    router = APIRouter(dependencies=[needs(Right.VIEW)])

    @router.get("/")
    def home(request: Request) -> Response:
        """Goes on to the first place this reader may see."""
        places = offered(current(request), request.app.state.places)
        if not places:
            return page(request, "error.html", sorry=NOTHING, refused=None)
        return RedirectResponse(places[0].path, 303)

    return router


# ---- saying no ----------------------------------------------------------------------------------


def _deny(app: FastAPI, request: Request, refused: Refused) -> Response:
    """At the gate, before the application has seen the request."""
    scope = request.scope
    scope.update({"app": app, CSRF: scope.get(CSRF, ""), VISIT: scope.get(VISIT)})
    return _say(request, refused)


def _answer(request: Request, error: Exception) -> Response:
    return _say(request, problem_of(error))


def _say(request: Request, refused: Refused) -> Response:
    """People are shown a page, and led to the sign-in; programs get a problem document."""
    if "text/html" not in request.headers.get("accept", ""):
        return refused.response()
    status = refused.problem.status
    if status == HTTPStatus.UNAUTHORIZED and request.method == "GET":
        return RedirectResponse(f"{SIGN_IN}?next={quote(_place(request), safe='/')}", 303)
    who = request.scope.get(WHO)
    if status == HTTPStatus.FORBIDDEN and who is not None and who.must_add_code:
        return RedirectResponse(SECOND_STEP, 303)
    if status < HTTPStatus.BAD_REQUEST:
        return refused.response()
    response = page(
        request, "error.html", status=status, sorry=sorry(status), refused=refused.problem
    )
    response.headers.update(refused.headers)
    return response


def _place(request: Request) -> str:
    """Where somebody wanted to go, with what was chosen there unless that is beyond measure."""
    path, query = request.url.path, request.url.query
    whole = f"{path}?{query}" if query else path
    return whole if len(whole) <= MAX_PLACE else path
