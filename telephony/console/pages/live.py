"""The pages of calls that are on: all of them, and one."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.rendering import page

CallId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def live_pages_router() -> APIRouter:
    """Frames only: what is in them comes by events of /api/v1/live."""
    router = APIRouter(prefix="/live", dependencies=[needs(Right.VIEW)])

    @router.get("")
    def calls(request: Request) -> Response:
        return page(request, "live.html")

    @router.get("/{call_id}")
    def call(request: Request, call_id: CallId) -> Response:
        return page(request, "live-call.html", call_id=call_id)

    return router
