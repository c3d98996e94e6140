"""The page to try the agent from: a phone of its own, and scenarios that the server plays."""

from fastapi import APIRouter, Request, Response

from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.rendering import page
from telephony.selfcalls import SCENARIOS

KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#")


def trial_page_router(*, here: bool) -> APIRouter:
    """`here`: calls are answered in this process."""
    router = APIRouter(prefix="/trial", dependencies=[needs(Right.CONTROL)])

    @router.get("")
    def trial(request: Request) -> Response:
        return page(request, "trial.html", keys=KEYS, scenarios=SCENARIOS, answers=here)

    return router
