"""The pages of gradual roll-outs: which there were, and how one does."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.pages.tools import PAGE, TOOLS, Short, Words
from telephony.console.problems import Refused
from telephony.console.rendering import page, redirect
from telephony.console.rollouts import (
    ChangeBody,
    EndBody,
    RolloutBody,
    RolloutId,
    RuleView,
    altered,
    detail_of,
    finished,
    started,
    stopped,
)
from telephony.console.routes import Before, Me
from telephony.console.workshop import Workshop
from tools.rollout.spec import MEASURES

ROLLOUTS = f"{TOOLS}/rollouts"
Percent = Annotated[float, Form(ge=0, le=100)]
Numbers = Annotated[str, Form(max_length=8_000)]
_EDIT = [needs(Right.EDIT)]


def rollouts_pages(shop: Workshop) -> APIRouter:
    """Everything under /tools/rollouts. Plain functions: they block, and run in threads."""
    router = APIRouter(prefix="/tools/rollouts", dependencies=[needs(Right.VIEW)])
    _showing(router, shop)
    _acting(router, shop)
    return router


def _showing(router: APIRouter, shop: Workshop) -> None:
    @router.get("")
    def rollouts(request: Request, before: Before = None) -> Response:
        found = shop.rollouts.history(PAGE, before)
        older = found[-1].id if len(found) == PAGE else None
        return page(request, "tools-rollouts.html", rollouts=found, older=older)

    @router.get("/{rollout}")
    def rollout(request: Request, rollout: RolloutId, who: Me) -> Response:
        detail = detail_of(shop, rollout, who)
        return page(request, "tools-rollout.html", detail=detail, measures=MEASURES)


def _acting(router: APIRouter, shop: Workshop) -> None:
    @router.post("", dependencies=_EDIT)
    def start(
        request: Request,
        who: Me,
        version: Annotated[int, Form(ge=1)],
        percent: Percent = 0.0,
        numbers: Numbers = "",
        least_calls: Annotated[int, Form(ge=5, le=10_000)] = 30,
        why: Words = "",
    ) -> Response:
        body = RolloutBody(
            version=version,
            percent=percent,
            numbers=numbers.replace(",", " ").split(),
            rule=RuleView(least_calls=least_calls),
            why=why,
        )
        try:
            found = started(shop, body, who.name, who)
        except Refused as refused:
            return _no(request, f"{TOOLS}/versions/{version}", refused)
        flash = f"Version {version} is being rolled out. The guard watches it."
        return redirect(request, f"{ROLLOUTS}/{found.id}", flash=flash)

    @router.post("/{rollout}/change", dependencies=_EDIT)
    def change(
        request: Request,
        who: Me,
        rollout: RolloutId,
        percent: Percent,
        numbers: Numbers = "",
        why: Words = "",
    ) -> Response:
        body = ChangeBody(percent=percent, numbers=numbers.replace(",", " ").split(), why=why)
        try:
            altered(shop, rollout, body, who.name, who)
        except Refused as refused:
            return _no(request, f"{ROLLOUTS}/{rollout}", refused)
        return redirect(request, f"{ROLLOUTS}/{rollout}", flash="Changed for calls that come.")

    @router.post("/{rollout}/end", dependencies=_EDIT)
    def end(request: Request, who: Me, rollout: RolloutId, act: Short, why: Words = "") -> Response:
        """`act` is `publish` or `stop`."""
        ending = finished if act == "publish" else stopped
        try:
            ending(shop, rollout, EndBody(why=why), who.name, who)
        except Refused as refused:
            return _no(request, f"{ROLLOUTS}/{rollout}", refused)
        said = (
            "Everybody gets it now." if act == "publish" else "Stopped; calls that are on end so."
        )
        return redirect(request, f"{ROLLOUTS}/{rollout}", flash=said)


def _no(request: Request, path: str, refused: Refused) -> Response:
    problem = refused.problem
    told = "; ".join(each.what for each in problem.errors)
    return redirect(request, path, flash=f"{problem.detail} {told}".strip(), kind="bad")
