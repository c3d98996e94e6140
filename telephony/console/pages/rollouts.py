"""The pages of gradual roll-outs: which there were, and how one does."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, ValidationError

from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.pages.tools import PAGE, TOOLS, Short, Words, version_page
from telephony.console.problems import Refused
from telephony.console.rendering import page, redirect
from telephony.console.rollouts import (
    ChangeBody,
    EndBody,
    RolloutBody,
    RolloutDetailView,
    RolloutId,
    altered,
    detail_of,
    finished,
    started,
    stopped,
)
from telephony.console.routes import Before, Me
from telephony.console.views import MAX_ID, ErrorView, Problem
from telephony.console.workshop import Workshop
from tools.rollout.spec import MEASURES

ROLLOUTS = f"{TOOLS}/rollouts"
Text = Annotated[str, Form(max_length=8_000)]
"""Bounded by the body it becomes part of: so the page that says what is wrong still holds it."""
_UNFIT = HTTPStatus.UNPROCESSABLE_ENTITY
_BETWEEN_NUMBERS = re.compile(r"[\s,;]+")
_LABELS = {"rule": "Calls before it is judged", "percent": "Percentage of callers"}

Body = TypeVar("Body", bound=BaseModel)
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
        return _shown(request, detail_of(shop, rollout, who))


def _shown(
    request: Request,
    detail: RolloutDetailView,
    problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    found = detail.rollout
    stands = {"percent": f"{found.percent:g}", "numbers": " ".join(found.numbers)}
    status = problem.status if problem else 200
    values = {"measures": MEASURES, "problem": problem, "typed": stands | (typed or {})}
    return page(request, "tools-rollout.html", status=status, detail=detail, **values)


def _acting(router: APIRouter, shop: Workshop) -> None:
    @router.post("", dependencies=_EDIT)
    def start(
        request: Request,
        who: Me,
        version: Annotated[int, Form(ge=1, le=MAX_ID)],
        percent: Text = "0",
        numbers: Text = "",
        least_calls: Text = "30",
        why: Text = "",
    ) -> Response:
        typed = {"percent": percent, "numbers": numbers, "least_calls": least_calls, "why": why}
        try:
            found = started(shop, _begun(version, typed), who.name, who)
        except Refused as refused:
            if refused.problem.status == _UNFIT:
                said = refused.problem
                return version_page(
                    request, shop, version, who, None, said, status=_UNFIT, typed=typed
                )
            return _no(request, f"{TOOLS}/versions/{version}", refused)
        flash = f"Version {version} is being rolled out. The guard watches it."
        return redirect(request, f"{ROLLOUTS}/{found.id}", flash=flash)

    @router.post("/{rollout}/change", dependencies=_EDIT)
    def change(
        request: Request,
        who: Me,
        rollout: RolloutId,
        percent: Text = "",
        numbers: Text = "",
        why: Text = "",
    ) -> Response:
        typed = {"percent": percent, "numbers": numbers}
        try:
            body = _body(ChangeBody, percent=percent, numbers=_parted(numbers), why=why)
            altered(shop, rollout, body, who.name, who)
        except Refused as refused:
            if refused.problem.status == _UNFIT:
                return _shown(request, detail_of(shop, rollout, who), refused.problem, typed)
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


def _begun(version: int, typed: Mapping[str, str]) -> RolloutBody:
    """Raises Refused."""
    return _body(
        RolloutBody,
        version=version,
        percent=typed["percent"],
        numbers=_parted(typed["numbers"]),
        rule={"least_calls": typed["least_calls"]},
        why=typed["why"],
    )


def _parted(numbers: str) -> list[str]:
    return [each for each in _BETWEEN_NUMBERS.split(numbers) if each]


def _body(kind: type[Body], **fields: Any) -> Body:
    """What the API takes, of what was typed. Raises Refused."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        errors = [_wrong(str(each["loc"][0]), each["msg"]) for each in error.errors()]
        detail = "The form was not filled in as it has to be."
        raise Refused(_UNFIT, "bad-request", detail, errors=errors) from None


def _wrong(field: str, what: str) -> ErrorView:
    return ErrorView(where=_LABELS.get(field, field.capitalize()), what=what)


def _no(request: Request, path: str, refused: Refused) -> Response:
    problem = refused.problem
    told = "; ".join(each.what for each in problem.errors)
    return redirect(request, path, flash=f"{problem.detail} {told}".strip(), kind="bad")
